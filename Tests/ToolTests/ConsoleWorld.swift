import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// A hub on the day of its survey, and people who sign in on its pages.
enum ConsoleWorld {
  static let day = "2031-04-01"
  /// 2031-04-01 14:00 in Vietnam.
  static let nowMs: UInt64 = 1_932_793_200_000

  /// Somebody who signed in.
  struct Operator {
    let hub: ServedHub
    let cookie: String

    init(_ hub: ServedHub, dir: String, clock: [String], may: String) async throws {
      self.hub = hub
      let invited = try await HubTool.run(["people", "invite", "Trực ban \(may)", "--may", may, "--dir", dir, "--json"] + clock)
      let path = try #require(try JSONSerialization.jsonObject(with: Data(invited.output.utf8)) as? [String: Any])["path"] as? String ?? ""
      let form = ["Content-Type: application/x-www-form-urlencoded"]
      let body = Data("password=long+enough&again=long+enough".utf8)
      let accepted = try RawCall.request("POST", path, port: hub.boardPort, headers: form, body: body)
      cookie = "Cookie: " + (accepted.headers["set-cookie"]?.split(separator: ";").first.map(String.init) ?? "")
    }

    func get(_ path: String) throws -> RawCall.Answer { try RawCall.request("GET", path, port: hub.boardPort, headers: [cookie]) }

    func post(_ path: String, _ fields: [String: String]) throws -> RawCall.Answer {
      let session = cookie.split(separator: "=").last.map(String.init) ?? ""
      let all = fields.merging(["form": Visitor.formToken(session)]) { first, _ in first }
      let body = all.map { "\($0.key)=\(ConsoleQuery.part($0.value))" }.joined(separator: "&")
      let headers = ["Content-Type: application/x-www-form-urlencoded", cookie]
      return try RawCall.request("POST", path, port: hub.boardPort, headers: headers, body: Data(body.utf8))
    }
  }

  /// A hub on the day of its survey: two members of one commune disagree about a report, a device has a hostile name.
  static func make(_ folder: TemporaryFolder) async throws -> (dir: String, conflict: String, device: String) {
    let dir = folder.path + "/hub"
    let clock = TestClock(Self.nowMs)
    let survey = try await SurveyHub.create(at: dir, clock: clock)
    _ = try await survey.load(try CampaignFolder(URL(fileURLWithPath: HubTool.campaign), movedTo: CalendarDay("2031-03-29")))
    let transport = LocalTransport(hub: survey.hub)
    let day = try #require(CalendarDay(Self.day))
    var fields: [SurveyField] = []
    for (name, seed) in [("một", UInt64(1)), (Self.evil, 2)] {
      let field = try SurveyField.open(at: "\(folder.path)/\(seed).sqlite", clock: clock, create: true)
      let scopes = try await survey.requirePlan().readScopes(of: "07201")
      try await field.enroll(code: try await survey.hub.makeCode(scope: "07201", readScopes: scopes), label: name, through: transport)
      _ = try await field.replica.sync(with: transport)
      let form = try #require(try await field.form(id: "report01"))
      let answers = try AnswerGenerator(form: form, day: Self.day).answers(
        seed: seed, fixed: ["officials_total": .integer(20), "answered": .integer(Int(seed)), "guided": .integer(Int(seed))])
      _ = try await field.saveReport(day: day, answers: answers, reason: Self.evil)
      fields.append(field)
    }
    for field in fields + fields { _ = try await field.replica.sync(with: transport) }
    let conflict = try #require(try await survey.hub.openConflicts(scope: "07201").first { $0.member == "answered" })
    let device = try #require(try await survey.hub.devices().first { $0.label == "một" }).replica.description
    try survey.close()
    return (dir, conflict.id, device)
  }

  static let evil = "<script>alert(1)</script>\u{202E}\u{1B}[31m\"'=1+1"
}
