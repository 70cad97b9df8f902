import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import Synchronization
import TestSupport
import Testing

@testable import FormWeb
@testable import SyncHub

/// Back, reload, two tabs, a second press, a restart of the hub: nothing that was entered is lost, nothing is sent twice.
@Suite struct BackAndReloadTests {
  private let onPage = ["sec-fetch-site": "same-origin"]
  private let words = "Ý kiến riêng 5521"

  private func browser(_ world: WebWorld, _ web: WebForm? = nil) throws -> Visitor {
    let visitor = try world.visitor(web)
    visitor.says = onPage
    return visitor
  }

  /// What stands on the last page.
  private func lastPage(_ suggestion: String) -> [(String, String)] {
    [
      ("q.g1_service", "3"), ("q.g2_workplace", "3"), ("q.g3_priorities", "thai_do"), ("q.g4_overall", "3"),
      ("q.g6_suggestion", suggestion),
    ]
  }

  @Test func everyPageHasAnAddressThatSaysNothingAndLeadsBackToIt() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    #expect(visitor.page.buttons.contains("send") && visitor.history.count == 8)
    let keys = Set(visitor.history.map { $0.split(separator: "/")[2] })
    #expect(keys.count == 1)
    let draft = try #require(visitor.page.value("id"))
    for address in visitor.history { #expect(!address.contains(draft) && address.hasPrefix(visitor.target + "/")) }
    // Back to each page, and each loaded again: every answer stands, whichever page came later.
    for (place, address) in visitor.history.enumerated() {
      for _ in 0..<2 { #expect(await visitor.load(address) == 200) }
      #expect(place == 7 || visitor.page.value("page") == "\(place)")
      #expect(try world.state(visitor).contains(words))
      #expect(visitor.text.contains("checked") || place == 7)
    }
    // Changed after going back: what stands on later pages is not asked again.
    await visitor.load(visitor.history[1])
    #expect(await visitor.press("next", [("q.b1_disclosure", "2"), ("q.b2_topics", "chua_co")]) == 200)
    #expect(visitor.page.buttons.contains("send") && visitor.text.contains(words))
    #expect(await visitor.press("send") == 200 && visitor.history.last == visitor.target + "/done")
    #expect(visitor.reply.headers["clear-site-data"] == "\"cache\"")
    #expect(try await world.count("hub_packet") == 1)
  }

  @Test func afterSendingNoPageComesBackAndNothingLiesAtTheHub() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    #expect(world.draftFiles().count == 1)
    let review = try #require(visitor.history.last)
    await visitor.press("send")
    #expect(world.draftFiles().isEmpty)
    #expect(await visitor.load(review) == 410 && visitor.text.contains("Phiếu này đã được gửi") && !visitor.text.contains("5521"))
    // Another process, or the same one after a restart, does not know any more which of the two it was, and says both.
    visitor.web = try world.another()
    #expect(await visitor.load(review) == 410 && visitor.text.contains("Nếu đã bấm gửi thì phiếu đã được nhận"))
  }

  @Test func aRestartOfTheHubBetweenAnyTwoStepsLosesNothing() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    for address in visitor.history {
      visitor.web = try world.another()
      #expect(await visitor.load(address) == 200)
      #expect(try world.state(visitor).contains(words))
    }
    visitor.web = try world.another()
    await visitor.press("page.6")
    visitor.web = try world.another()
    await visitor.load(try #require(visitor.history.last))
    #expect(visitor.page.fields.contains("q.g6_suggestion") && visitor.text.contains(words))
    await visitor.press("back", lastPage(words))
    visitor.web = try world.another()
    // A page that is open needs nothing of what lay at the hub.
    try FileManager.default.removeItem(atPath: world.folder.path + "/hub/web-drafts")
    #expect(await visitor.press("next", [("q.f1_head", "3"), ("q.f2_rules", "co")]) == 200)
    #expect(visitor.page.buttons.contains("send") && visitor.text.contains(words))
    #expect(await visitor.press("send") == 200 && visitor.history.last == visitor.target + "/done")
    try await world.release()
    #expect(try await world.count("answer") == 1)
  }

  @Test func anAddressThatWasPassedOnLeadsToTheNotice() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    let address = try #require(visitor.history.last)
    let host = ["host": "hub.example"]
    for says in [
      ["sec-fetch-site": "none"], ["sec-fetch-site": "cross-site"], ["sec-fetch-site": "same-site"], [:],
      host.merging(["referer": "https://chat.example/s/x"]) { $1 }, host.merging(["referer": "https://hub.example/other"]) { $1 },
      host.merging(["referer": "https://hub.example"]) { $1 },
    ] {
      let reply = await world.web.answer(HubRequest("GET", address, headers: says))
      #expect(reply.status == 303 && reply.headers["location"] == visitor.target && reply.body.isEmpty, "\(says)")
    }
    // Without TLS browsers say it by the referrer alone.
    let plain = host.merging(["referer": "http://hub.example\(visitor.target)"]) { $1 }
    let reply = await world.web.answer(HubRequest("GET", address, headers: plain))
    #expect(reply.status == 200 && String(decoding: reply.body, as: UTF8.self).contains(words))
    for bad in ["/A", "/\(String(repeating: "A", count: 26))/0", address.dropLast() + "99", address + "/0", address + "x"] {
      let target = bad.hasPrefix("/s/") ? String(bad) : visitor.target + bad
      #expect([404, 410].contains(await world.web.answer(HubRequest("GET", target, headers: onPage)).status), "\(bad)")
    }
    // Not under the link of another commune either.
    let elsewhere = address.replacing(visitor.target, with: try world.target("07204"))
    #expect(await world.web.answer(HubRequest("GET", elsewhere, headers: onPage)).status == 410)
  }

  @Test func aBrowserThatDoesNotSayWhereItComesFromGetsPagesAsAnswers() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    #expect(visitor.history.isEmpty && visitor.page.value("key") == nil && world.draftFiles().isEmpty)
    #expect(await visitor.press("send") == 303)
  }

  // MARK: Two of one

  @Test func anOlderCopyOfAPageTakesNothingBack() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.open()
    await visitor.press("start")
    let tab = try browser(world)
    tab.reply = visitor.reply
    let first = [("q.a1_agency", "ubnd"), ("q.a2_position", "can_bo"), ("q.a3_years", "lt5"), ("q.a4_gender", "")]
    await visitor.press("next", first)
    await visitor.press("next", [("q.b1_disclosure", "3"), ("q.b2_topics", "chua_co")])
    await visitor.press("next", [("q.c1_conference", "co"), ("q.c2_conference_quality", "2")])
    #expect(visitor.text.contains("class=\"alert new\""))
    await visitor.press("next", [("q.c1_conference", "co"), ("q.c2_conference_quality", "2")])
    // The page in the other tab is of before all that.
    await tab.press("next", [("q.a1_agency", "dang_uy")] + first.dropFirst())
    let state = try world.state(tab)
    #expect(state.contains("dang_uy") && state.contains("\"b1_disclosure\":\"3\"") && state.contains("\"c2_conference_quality\":\"2\""))
    // An old review sends what it shows, and nothing else.
    let other = try browser(world)
    await other.fillSample()
    let review = other.reply
    await other.press("page.6")
    await other.press("next", lastPage("Ý khác 9133"))
    #expect(other.text.contains("9133"))
    other.reply = review
    await other.press("send")
    try await world.release()
    let answers = try await world.survey.hub.read { try $0.rows("SELECT answers FROM answer").compactMap { $0[0].text } }
    #expect(answers.count == 1 && answers[0].contains("5521"))
  }

  @Test func oneDraftUsedByTwoPeopleGivesTwoAnswersAlsoAcrossARestart() async throws {
    let world = try await WebWorld()
    let (one, two) = (try browser(world), try browser(world))
    // The same notice in front of both.
    await one.open()
    two.reply = one.reply
    let pages = one.reply
    await one.fillSample()
    #expect(pages.status == 200)
    await two.press("start")
    #expect(two.page.value("id") != one.page.value("id") && two.page.value("key") != one.page.value("key"))
    // The same review in front of both, and one of them writes something else.
    two.reply = one.reply
    await one.press("send")
    two.web = try world.another()
    await two.press("page.6")
    await two.press("next", lastPage("Ý khác 9133"))
    await two.press("send")
    try await world.release()
    #expect(try await world.count("answer") == 2)
  }

  /// Takes answers slowly: until it is told to go on.
  private final class SlowDesk: FormDesk {
    let survey: SurveyHub
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let (goAheads, goAhead) = AsyncStream.makeStream(of: Void.self)

    init(_ survey: SurveyHub) { self.survey = survey }
    var nowMs: Int64 { survey.nowMs }
    func visit(to unit: UnitCode, of isMeant: @escaping @Sendable (String) -> Bool) async throws -> FormVisit? {
      try await survey.visit(to: unit, of: isMeant)
    }
    func validator(of edition: String, digest: String?) async throws -> AnswerValidator? {
      try await survey.validator(of: edition, digest: digest)
    }
    func submit(_ submission: AnswerSubmission) async throws {
      arrived.yield()
      for await _ in goAheads { break }
      try await survey.submit(submission)
    }
  }

  @Test func aSecondPressWhileTheFirstIsUnderWayIsOnePacket() async throws {
    let world = try await WebWorld()
    let desk = SlowDesk(world.survey)
    let visitor = try browser(world, try world.another(desk))
    await visitor.fillSample()
    let hidden = visitor.page.hidden.map { ($0.name, $0.value) } + [("go", "send")]
    let call = HubRequest(
      "POST", visitor.target, headers: onPage.merging(["content-type": FieldsBody.contentType]) { $1 }, body: FieldsBody.encoded(hidden))
    let web = visitor.web
    async let first = web.answer(call)
    for await _ in desk.arrivals { break }
    async let second = web.answer(call)
    desk.goAhead.yield()
    desk.goAhead.yield()
    let replies = await [first, second]
    for reply in replies { #expect(reply.status == 303 && reply.headers["location"] == visitor.target + "/done") }
    #expect(try await world.count("hub_packet") == 1)
  }

  // MARK: What ends meanwhile

  @Test(.long) func aFormThatClosesBetweenReviewAndSendLeavesTheReviewAtItsAddress() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    _ = try await world.survey.move(form: "pks01", to: .closed)
    await visitor.press("send")
    let review = try #require(visitor.history.last)
    for _ in 0..<2 {
      #expect(visitor.reply.status == 200 && visitor.text.contains("Chưa nhận được phiếu") && visitor.text.contains(words))
      #expect(visitor.page.buttons.contains("send"))
      await visitor.load(review)
    }
    await visitor.press("send")
    #expect(visitor.text.contains(words) && visitor.page.buttons.contains("send"))
    #expect(try await world.count("hub_packet") == 0)
  }

  @Test func anotherEditionMeanwhileChangesNothingForWhoHasBegun() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    try await world.publish("2024032602", ["integer,only,The only question,,,yes,,"])
    visitor.web = try world.another()
    for address in visitor.history { #expect(await visitor.load(address) == 200) }
    #expect(visitor.text.contains(words))
    await visitor.press("send")
    #expect(visitor.history.last == visitor.target + "/done")
  }

  @Test func whatIsLeftForTooLongIsErasedAndAnOpenPageStillGoesOn() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    let open = visitor.reply
    let review = try #require(visitor.history.last)
    world.clock.advance(11 * WebWorld.hourMs)
    #expect(await visitor.load(review) == 200)
    world.clock.advance(14 * WebWorld.hourMs)
    #expect(await visitor.load(review) == 410 && visitor.text.contains("để quá lâu"))
    #expect(world.draftFiles().isEmpty)
    visitor.reply = open
    await visitor.press("send")
    #expect(visitor.history.last == visitor.target + "/done")
    #expect(try await world.count("hub_packet") == 1)
  }

  @Test(.long) func aHubWithOtherKeysReadsNoDraftAndRefusesItsLinks() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.fillSample()
    let review = try #require(visitor.history.last)
    await visitor.press("page.6")
    let right = visitor.web
    visitor.web = try world.another(key: FormLinkKey(secret: Data(repeating: 1, count: 32)))
    // Started with the wrong keys: what was typed stays on the page until that is put right.
    #expect(await visitor.press("next", lastPage("Ý mới 7714")) == 404 && visitor.text.contains("Mã của nơi khác"))
    #expect(visitor.page.buttons == ["next"] && world.draftFiles().count == 1)
    let page = visitor.reply
    #expect(await visitor.load(review) == 404 && !visitor.text.contains(words))
    (visitor.web, visitor.reply) = (right, page)
    await visitor.press("next")
    #expect(visitor.text.contains("Ý mới 7714") && visitor.page.buttons.contains("send"))
  }

  // MARK: What cannot be kept or taken

  @Test(.long) func withoutRoomForDraftsPagesAreAnsweredAsBefore() async throws {
    let world = try await WebWorld()
    // A file stands where the folder should.
    _ = FileManager.default.createFile(atPath: world.folder.path + "/hub/web-drafts", contents: Data())
    let visitor = try browser(world)
    await visitor.fillSample()
    #expect(visitor.history.isEmpty && visitor.page.buttons.contains("send") && visitor.text.contains(words))
    await visitor.press("send")
    #expect(visitor.history == [visitor.target + "/done"])
    #expect(try await world.count("hub_packet") == 1)
  }

  @Test func aPageThatCannotBeTakenNowComesBackWithWhatWasTypedAndAButton() async throws {
    let world = try await WebWorld()
    let visitor = try browser(world)
    await visitor.open()
    await visitor.press("start")
    let narrow = try WebForm(desk: world.survey, key: world.key, callsPerSecondMax: 0, callsAtOnceMax: 0)
    let wide = visitor.web
    visitor.web = narrow
    let typed = [("q.a1_agency", "ubnd"), ("q.a2_position", "can_bo"), ("q.a3_years", "\"lt5"), ("q.a4_gender", "")]
    #expect(await visitor.press("next", typed) == 503)
    #expect(visitor.page.buttons == ["next"] && visitor.page.value("q.a3_years") == "\"lt5" && visitor.text.contains("Thử lại"))
    visitor.web = wide
    await visitor.press("next")
    #expect(visitor.page.fields.contains("q.a1_agency"))
    #expect(try world.state(visitor).contains("can_bo"))
    // What is not a page of ours gets the plain message.
    for body in [Data(), Data("x=1".utf8), Data("go=%".utf8)] {
      let reply = await narrow.answer(HubRequest("POST", visitor.target, headers: onPage, body: body))
      #expect(reply.status == 503 && !String(decoding: reply.body, as: UTF8.self).contains("<form"))
    }
    let foreign = HubRequest("POST", visitor.target, headers: ["sec-fetch-site": "cross-site"], body: Data("go=next".utf8))
    #expect(!String(decoding: await narrow.answer(foreign).body, as: UTF8.self).contains("<form"))
  }

  // MARK: What lies at the hub

  @Test(.long) func aKeptDraftTellsNothingToWhoHasTheHubsFilesAndKeys() async throws {
    let world = try await WebWorld()
    let folder = world.folder.path + "/hub/web-drafts"
    var sizes: Set<Int> = []
    var keys: [String] = []
    for _ in 0..<3 {
      let visitor = try browser(world)
      await visitor.fillSample()
      keys += [try #require(visitor.page.value("key")), try #require(visitor.page.value("id"))]
    }
    let files = world.draftFiles()
    #expect(files.count == 3)
    for file in files {
      let data = try #require(FileManager.default.contents(atPath: folder + "/" + file))
      sizes.insert(data.count)
      for needle in ["5521", "ubnd", "07201", "pks01"] + keys {
        #expect(data.range(of: Data(needle.utf8)) == nil && !file.contains(needle))
      }
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + file)
      #expect(attributes[.modificationDate] as? Date == Date(timeIntervalSince1970: 0) && attributes[.posixPermissions] as? Int == 0o600)
      // The hub's keys alone open none.
      #expect(world.key.open(kept: data, DraftKey(), for: try world.target()) == nil)
    }
    #expect(sizes == [4096])
    for name in ["", "/" + (files[0].split(separator: "/").first ?? "")] {
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + name)
      #expect(attributes[.modificationDate] as? Date == Date(timeIntervalSince1970: 0) && attributes[.posixPermissions] as? Int == 0o700)
    }
  }
}
