import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// Opens every page and call of the console with every capability, from another part of the tree, and with forged forms. The table here is held
/// against the router's own: a call that is new there fails until it has its line here.
@Suite struct CapabilityTests {
  private struct Call: CustomStringConvertible {
    var path: String
    var isPost = false
    var asks: ConsoleDoor
    /// Status for somebody who may, of a form with nothing in it where it posts.
    var status: Int

    var description: String { (isPost ? "POST " : "GET ") + path }
  }

  private static func read(_ path: String, _ asks: ConsoleDoor, _ status: Int = 200) -> Call {
    Call(path: path, asks: asks, status: status)
  }

  private static func post(_ path: String, _ asks: ConsoleDoor, _ status: Int = 422) -> Call {
    Call(path: path, isPost: true, asks: asks, status: status)
  }

  private static let calls: [Call] = [
    read("/style.css", .open), read("/print-poster.css", .open), read("/print-card.css", .open), read("/live.js", .open),
    read("/keys.js", .open), read("/icon.svg", .open), read("/favicon.ico", .open), read("/health", .open), read("/sign-in", .open),
    post("/sign-in", .open, 403), read("/invitation/SECRET", .open, 404), post("/invitation/SECRET", .open, 422),
    post("/sign-out", .open, 303),
    read("/", .needs(.read)), read("/now", .needs(.read)), read("/units", .needs(.read)), read("/unit/UNIT", .needs(.read)),
    read("/device/DEVICE", .needs(.read)), read("/report/UNIT/DAY", .needs(.read)),
    read("/report/UNIT/DAY/photo/FILE", .needs(.read), 404), read("/conflict/CONFLICT", .needs(.read)),
    read("/alike/CONFLICT", .needs(.read)), read("/decide", .needs(.read)), read("/held/HELD", .needs(.read)),
    read("/posts", .needs(.read)), read("/post/POST", .needs(.read)), read("/photo/FILE", .needs(.read), 404),
    read("/reminder/REMINDER", .needs(.read)), read("/reports", .needs(.read)), read("/sums", .needs(.read)),
    read("/devices", .needs(.read)), read("/contacts", .needs(.read)),
    read("/setup", .needs(.read)), read("/campaign", .needs(.read)), read("/forms", .needs(.read)), read("/tags", .needs(.read)),
    read("/account", .needs(.read)),
    read("/live", .needs(.read), 404), read("/metrics", .needs(.read)),
    read("/results", .needs(.seeAnswers)),
    read("/remind", .needs(.act)), read("/codes", .needs(.act)), read("/codes/print", .needs(.act)),
    post("/unit/UNIT/call", .needs(.act), 404), post("/report/UNIT/DAY", .needs(.act)), post("/reports", .needs(.act), 404),
    post("/remind", .needs(.act)), post("/conflict/CONFLICT", .needs(.act)), post("/alike/CONFLICT", .needs(.act)),
    post("/held/HELD", .needs(.act), 404), post("/post/POST", .needs(.act)),
    read("/people", .needs(.configure)), post("/people", .needs(.configure)), post("/setup", .needs(.configure)),
    post("/campaign", .needs(.configure)), post("/forms", .needs(.configure), 404), post("/tags", .needs(.configure)),
    post("/contacts", .needs(.configure)), post("/device/DEVICE", .needs(.configure)), post("/unit/UNIT/code", .needs(.configure)),
    post("/unit/UNIT/codes", .needs(.configure)), post("/unit/UNIT/headcount", .needs(.configure)),
    post("/unit/UNIT/window", .needs(.configure)),
  ]

  /// Paths near those of the console that it answers to nobody.
  private static let shut: [(path: String, isPost: Bool)] = [
    ("/", true), ("/now", true), ("/units", true), ("/results", true), ("/live", true), ("/codes", true), ("/reminder/ab", true),
    ("/unit/07201", true), ("/unit/07201/other", true), ("/unit/07201/call/more", true), ("/unit/07201/call", false), ("/unit", false),
    ("/now.json", true), ("/contacts.csv", true), ("/sign-in.json", false), ("/style.css.csv", false), ("/.json", false),
    ("/nothing", false), ("/v1/hub", false), ("//evil", false), ("/sign-out", false), ("/NOW", false), ("/UNIT/07201", false),
  ]

  @Test func everyRouteHasItsLineAndAsksWhatItSays() {
    let (routes, lines) = (ConsoleRoute.all.map { "\($0.isPost) \($0.path)" }, Self.calls.map { "\($0.isPost) \($0.path)" })
    #expect(Set(routes).count == routes.count && Set(lines).count == lines.count, "each once")
    #expect(Set(routes).subtracting(lines).sorted() == [], "routes without a line here")
    #expect(Set(lines).subtracting(routes).sorted() == [], "lines without a route")
    for call in Self.calls {
      #expect(ConsoleDoor.to(call.path, isPost: call.isPost) == call.asks, "\(call)")
      guard !call.isPost, call.path != "/" else { continue }
      for format in TableFormat.allCases {
        let door = ConsoleDoor.to("\(call.path).\(format)", isPost: false)
        #expect(door == (call.asks == .open ? .shut : call.asks), "\(call) \(format)")
      }
    }
    for (path, isPost) in Self.shut { #expect(ConsoleDoor.to(path, isPost: isPost) == .shut, "\(path) \(isPost)") }
    for door in [ConsoleDoor.open, .shut] + Capability.allCases.map(ConsoleDoor.needs) {
      #expect(door.opens(to: nil) == (door == .open), "nobody")
      for capability in Capability.allCases {
        let person = Person(name: "a", capabilities: [capability], scope: nil, isReady: true)
        #expect(door.opens(to: person) == (door == .open || door == .needs(capability)), "\(capability)")
      }
    }
  }

  // MARK: Over HTTP

  /// Calls as from another machine, so that nothing is open for being near.
  private func send(_ call: Call, _ path: String, _ hub: ServedHub, headers: [String], body: String = "") throws -> RawCall.Answer {
    let headers = headers + ["X-Forwarded-For: 192.0.2.7"] + (call.isPost ? ["Content-Type: application/x-www-form-urlencoded"] : [])
    return try RawCall.request(call.isPost ? "POST" : "GET", path, port: hub.boardPort, headers: headers, body: Data(body.utf8))
  }

  @Test(.long) func everyCapabilityOpensItsPagesAndCallsAndNoOthers() async throws {
    let folder = try TemporaryFolder()
    let world = try await ConsoleWorld.full(folder)
    var people: [(capability: Capability, who: ConsoleOperator)] = []
    for capability in Capability.allCases {
      people.append((capability, try await ConsoleOperator(world.hub, dir: world.dir, clock: world.clock, may: capability.rawValue)))
    }
    let before = try await world.acts()
    for call in Self.calls where call.path != "/sign-out" {
      let path = world.path(call.path)
      let stranger = try send(call, path, world.hub, headers: [])
      switch call.asks {
      case .open: #expect(stranger.status == call.status, "nobody: \(call): \(stranger.status)")
      default: #expect(stranger.status == (call.isPost ? 401 : 303), "nobody: \(call): \(stranger.status)")
      }
      for (capability, who) in people where call.asks != .open {
        let form = call.isPost ? "form=" + who.formToken : ""
        let answer = try send(call, path, world.hub, headers: [who.cookie], body: form)
        let expected = call.asks == .needs(capability) ? call.status : 403
        #expect(answer.status == expected, "\(capability): \(call): \(answer.status)")
        // Neither a page's file nor its stream is another way in.
        guard expected == 403, !call.isPost else { continue }
        #expect(try send(call, "/live?page=" + path, world.hub, headers: [who.cookie]).status == 403, "\(capability): stream of \(call)")
        guard call.path != "/" else { continue }
        #expect(try send(call, path + ".json", world.hub, headers: [who.cookie]).status == 403, "\(capability): file of \(call)")
      }
    }
    #expect(try await world.acts() == before, "a form with nothing in it does nothing")
    #expect(await world.hub.stop() == 0)
  }

  @Test(.long) func whoeverMayAllElsewhereSeesAndChangesNothingHere() async throws {
    let folder = try TemporaryFolder()
    let world = try await ConsoleWorld.full(folder)
    let other = try await ConsoleOperator(
      world.hub, dir: world.dir, clock: world.clock, may: "read,act,configure,answers", part: "223")
    let chief = try await ConsoleOperator(world.hub, dir: world.dir, clock: world.clock, may: "read,act,configure,answers")
    let before = try await world.acts()
    let fields = [
      "outcome": "solved", "do": "hide", "reason": "x", "words": "x", "all": "keep", "people": "1", "csv": "unit,phone", "unit": "07201",
      "text-07201": "x", "pick": world.places["CONFLICT"] ?? "", "name": "x", "may": "read", "scope": "213", "opens": "2031-04-01 06:00",
      "closes": "2031-04-02 22:00", "grace": "60",
    ]
    for call in Self.calls where call.asks != .open {
      let path = world.path(call.path)
      let namesOne = path != call.path
      if call.isPost {
        // The mark of the very page, as a colleague of another part could pass it on.
        let page = try chief.get(path.hasPrefix("/unit/") ? "/unit/07201" : path).text
        let mark = page.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/).map { String($0.output.1) }
        for act in ["hide", "return", "revoke", "decline", "change", "mark", "invite"] {
          let answer = try other.post(path, fields.merging(["do": act, "mark": mark ?? ""]) { $1 })
          #expect([404, 422].contains(answer.status), "\(call) \(act): \(answer.status)")
        }
      } else {
        for address in [path, path + "?scope=213", path + "?scope=07201"] {
          let answer = try other.get(address)
          if namesOne { #expect(answer.status == 404, "\(address): \(answer.status)") }
          let isTold = answer.text.contains("Thọ Xương") || answer.text.firstMatch(of: /\b07201<|>07201\b/) != nil
          #expect(!isTold, "\(address)")
        }
      }
    }
    #expect(try await world.acts() == before, "nothing was done")
    #expect(await world.hub.stop() == 0)
  }

  // MARK: Forged and replayed forms

  /// Bytes more than any form but those with long texts and files has.
  private static let tooLong = 100_000
  private static let longForms: Set<String> = ["/remind", "/contacts", "/campaign", "/tags", "/forms"]

  @Test(.long) func aFormThatIsNotOfThePageDoesNothing() async throws {
    let folder = try TemporaryFolder()
    let world = try await ConsoleWorld.full(folder)
    let chief = try await ConsoleOperator(world.hub, dir: world.dir, clock: world.clock, may: "read,act,configure,answers")
    let colleague = try await ConsoleOperator(world.hub, dir: world.dir, clock: world.clock, may: "read,act,configure")
    let token = try await HubTool.run(["people", "token", "truc ban read,act,configure", "--dir", world.dir] + world.clock).output
    let bearer = "Authorization: Bearer " + token.trimmingCharacters(in: .whitespacesAndNewlines)
    let before = try await world.acts()
    let fields = "outcome=solved&do=revoke&reason=x&words=x&all=keep&people=1&name=x&may=read&csv=unit%2Cphone&unit=07201&everywhere=1"
    for call in Self.calls where call.isPost && call.asks != .open {
      let path = world.path(call.path)
      let own = "form=\(chief.formToken)&"
      let forged: [(what: String, headers: [String], body: String)] = [
        ("no token", [chief.cookie], fields), ("another's token", [chief.cookie], "form=\(colleague.formToken)&" + fields),
        ("a token in the address alone", [chief.cookie], fields + "&form="),
        ("another site", [chief.cookie, "Sec-Fetch-Site: cross-site"], own + fields),
        ("another site of this domain", [chief.cookie, "Sec-Fetch-Site: same-site"], own + fields),
        ("a program's token", [bearer], own + fields),
        ("bytes that are no text", [chief.cookie], own + fields + "&reason=%FF%FE"),
        ("far too long", [chief.cookie], own + fields + "&reason=" + String(repeating: "a", count: Self.tooLong)),
      ]
      for (what, headers, body) in forged where what != "far too long" || !Self.longForms.contains(call.path) {
        let answer = try send(call, path, world.hub, headers: headers, body: body)
        #expect(answer.status == 422, "\(call), \(what): \(answer.status)")
      }
      let json = try RawCall.request(
        "POST", path, port: world.hub.boardPort, headers: [chief.cookie, "Content-Type: text/plain"], body: Data((own + fields).utf8))
      #expect(json.status == 422, "\(call), as another kind of body: \(json.status)")
    }
    #expect(try await world.acts() == before, "nothing was done")
    // A page that a removed person still has open does nothing either.
    #expect(
      try await HubTool.run(["people", "remove", "truc ban read,act,configure,answers", "--dir", world.dir] + world.clock).status == 0)
    let after = try await world.acts()
    for call in Self.calls where call.isPost && call.asks != .open {
      let answer = try send(call, world.path(call.path), world.hub, headers: [chief.cookie], body: "form=\(chief.formToken)&" + fields)
      #expect(answer.status == 401, "\(call): \(answer.status)")
    }
    #expect(try await world.acts() == after, "nothing was done")
    #expect(await world.hub.stop() == 0)
  }

  @Test(.long) func noAddressIsTooMuchForAPage() async throws {
    let folder = try TemporaryFolder()
    let world = try await ConsoleWorld.full(folder)
    let chief = try await ConsoleOperator(world.hub, dir: world.dir, clock: world.clock, may: "read,act,configure,answers")
    let evil = ConsoleQuery.part(ConsoleWorld.evil)
    let queries =
      ["-1", "0", "999999999", "99999999999999999999", "x", evil].map { "page=\($0)" }
      + ["2031-02-30", "2031-13-01", "0000-00-00", "99999-01-01", "31/03/2031", evil].map { "day=\($0)" }
      + ["state", "sort", "down", "q", "scope", "campaign", "level", "question", "form", "table", "units", "unit", "paper", "district"].map
    {
      "\($0)=\(evil)"
    } + ["q=" + String(repeating: "a", count: 6000), "q=%00", "q=%FF%FE", "&&==&page", "lang=zz"]
    for call in Self.calls where !call.isPost && call.asks != .open && call.path != "/live" {
      for query in queries {
        let address = world.path(call.path) + "?" + query
        let answer = try chief.get(address)
        #expect([200, 404].contains(answer.status), "\(address.prefix(80)): \(answer.status)")
        #expect(
          !answer.text.contains("<script>alert") && !answer.text.contains("\u{202E}") && !answer.text.contains("\u{1B}"), "\(address)")
        // Posters of all units are for paper.
        #expect(answer.body.count < 200_000 || call.path == "/codes/print", "\(address.prefix(80)): \(answer.body.count) bytes")
      }
    }
    for day in ["2031-02-30", "2031-4-1", "0", evil, String(repeating: "9", count: 3000)] {
      #expect(try chief.get("/report/07201/\(day)").status == 404, "\(day.prefix(40))")
    }
    #expect(await world.hub.stop() == 0)
    #expect(!world.hub.errors.contains("page failed"), "\(world.hub.errors.suffix(2000))")
  }
}
