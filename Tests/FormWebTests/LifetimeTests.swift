import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import Synchronization
import TestSupport
import Testing

@testable import FormWeb
@testable import SyncHub

/// Links and forms in time: not yet, closing, closed, a new edition in the middle.
@Suite struct LifetimeTests {
  @Test func everyRefusedLinkHasItsPageAndStatus() async throws {
    let world = try await WebWorld()
    let good = try world.target()
    let cases: [(String, Int, String)] = [
      (String(good.dropLast()), 404, "Đường dẫn không đúng"), ("/s/", 404, "Đường dẫn không đúng"),
      (good + "/x", 404, "Đường dẫn không đúng"),
      (good + "A", 404, "Đường dẫn không đúng"), (try world.target("24"), 404, "Đường dẫn không đúng"),
      (try world.target("99999"), 404, "Đường dẫn không đúng"),
      (try world.target(key: FormLinkKey(secret: Data(repeating: 1, count: 32))), 404, "Mã của nơi khác"),
      (try world.target(campaign: "bac-giang-2025"), 410, "Mã của cuộc khảo sát khác"),
      (try world.target(expires: "2024-03-31", kind: .surveyUntil), 410, "Mã đã hết hạn"),
    ]
    let body = FieldsBody.encoded([("id", Draft.newID()), ("form", "pks01@2024032601"), ("go", "start")])
    for (target, status, title) in cases {
      for call in [HubRequest("GET", target), HubRequest("POST", target, headers: ["content-type": FieldsBody.contentType], body: body)] {
        let reply = await world.web.answer(call)
        #expect(
          reply.status == status && String(decoding: reply.body, as: UTF8.self).contains("<h1>\(title)</h1>"), "\(target) \(reply.status)")
      }
    }
    #expect(await world.web.answer(HubRequest("GET", try world.target(expires: "2024-04-01", kind: .surveyUntil))).status == 200)
    // A code that was printed when the campaign was to end earlier follows the days it has now.
    #expect(await world.web.answer(HubRequest("GET", try world.target(expires: "2024-03-31"))).status == 200)
  }

  @Test(.long) func aCampaignTakesStartsOnlyWhileItIsOpenAndEndsForEverybody() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    world.clock.set(WebWorld.morningMs - 3 * WebWorld.hourMs)
    #expect(await visitor.open() == 403 && visitor.text.contains("07:00 ngày 01/04/2024"))
    world.clock.set(WebWorld.morningMs)
    await visitor.open()
    let notice = visitor.page
    await visitor.fillSample()
    world.clock.advance(14 * WebWorld.hourMs)
    // In the days of grace: no new start, not even from a notice that was open; what was begun can be sent.
    let late = try world.visitor()
    #expect(await late.open() == 410 && late.text.contains("Không nhận phiếu mới"))
    #expect(await late.post(notice.hidden.map { ($0.name, $0.value) } + [("go", "start")]) == 410)
    await visitor.press("page.0")
    await visitor.press("next", [("q.a1_agency", "ubnd"), ("q.a2_position", "can_bo"), ("q.a3_years", "lt5"), ("q.a4_gender", "")])
    #expect(await visitor.press("send") == 303)
    let another = try world.visitor()
    world.clock.set(WebWorld.morningMs)
    await another.fillSample()
    world.clock.advance(5 * 24 * WebWorld.hourMs)
    #expect(await another.press("send") == 410 && another.text.contains("kết thúc"))
    #expect(another.text.contains("Ý kiến riêng 5521") && another.page.buttons.contains("send"), "what was entered stays on the page")
    #expect(try await world.count("hub_packet") == 1)
  }

  @Test(.long) func whoHasBegunOneEditionEndsItAndNewcomersGetTheNewOne() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.open()
    let notice = visitor.page
    await visitor.fillSample()
    try await world.publish("2024032602", ["integer,only,The only question,,,yes,,"])
    await visitor.press("page.0")
    #expect(visitor.page.fields.contains("q.a1_agency"))
    await visitor.press("next", [("q.a1_agency", "dang_uy"), ("q.a2_position", "can_bo"), ("q.a3_years", "lt5"), ("q.a4_gender", "")])
    #expect(await visitor.press("send") == 303)
    // A notice of the old edition leads to the notice of the new one.
    let other = try world.visitor()
    #expect(await other.post(notice.hidden.map { ($0.name, $0.value) } + [("go", "start")]) == 200)
    #expect(other.page.value("form") == "pks01@2024032602" && other.page.buttons.contains("start"))
    await other.press("start")
    await other.press("next", [("q.only", "4")])
    #expect(await other.press("send") == 303)
    try await world.release()
    let forms = try await world.survey.hub.read { try $0.rows("SELECT form FROM answer ORDER BY form").map { $0[0].text } }
    #expect(forms == ["pks01@2024032601", "pks01@2024032602"])
  }

  /// Another definition under the same name and version, as after a hub was made anew from other files.
  @Test func aDraftIsNeverReadByOtherQuestionsOfTheSameName() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    visitor.says = ["sec-fetch-site": "same-origin"]
    await visitor.fillSample()
    let review = try #require(visitor.history.last)
    let form = try world.form()
    let other = try Form(
      id: form.id, version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
      choiceLists: form.choiceLists.mapValues { $0.reversed() }, items: form.items)
    func put(_ form: Form) async throws {
      try await world.survey.hub.write { session in
        try session.execute(
          "UPDATE form SET definition = ?1 WHERE form = 'pks01'", [.text(String(decoding: form.canonicalJSON, as: UTF8.self))])
      }
    }
    try await put(other)
    #expect(await visitor.press("send") == 410 && visitor.text.contains("Bộ câu hỏi đã bị thay"))
    #expect(await visitor.load(review) == 410)
    #expect(try await world.count("hub_packet") == 0)
    // By mistake: the page still has everything, and sends it once the right one is back.
    let refused = visitor.last
    try await put(form)
    #expect(await visitor.load(review) == 200 && visitor.text.contains("Ý kiến riêng 5521"))
    // Where the hub was given the earlier one to judge by, the answer goes on and counts by its own questions.
    try await put(other)
    _ = try await world.survey.publish(form, forHeld: true)
    #expect(await visitor.call(refused) == 200 && visitor.text.contains("Đã nhận phiếu"))
    let more = try world.respondent()
    for _ in 0..<5 { _ = try await more.answer(try world.answers(seed: UInt64.random(in: 1...1_000_000)).values) }
    try await world.release()
    let forms = try await world.survey.hub.read {
      try $0.rows("SELECT form, count(*) FROM answer GROUP BY form ORDER BY 2").map { $0[0].text }
    }
    #expect(forms == ["pks01@2024032601#\(form.digest.prefix(8))", "pks01@2024032601"])
  }

  @Test(.long) func aClosingFormIsNotBegunAndAClosedOneNotSent() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    _ = try await world.survey.move(form: "pks01", to: .closing)
    let late = try world.visitor()
    #expect(await late.open() == 410 && late.text.contains("Không nhận phiếu mới"))
    #expect(await visitor.press("page.1") == 200)
    _ = try await world.survey.move(form: "pks01", to: .closed)
    #expect(await visitor.press("next") == 410 && visitor.text.contains("kết thúc"))
    #expect(try await world.count("hub_packet") == 0)
  }

  /// A hub whose disk is full for a while.
  private final class FullDesk: FormDesk {
    let survey: SurveyHub
    let isFull = Mutex(true)

    init(_ survey: SurveyHub) { self.survey = survey }
    var nowMs: Int64 { survey.nowMs }
    func visit(to unit: UnitCode, of isMeant: @escaping @Sendable (String) -> Bool) async throws -> FormVisit? {
      try await survey.visit(to: unit, of: isMeant)
    }
    func validator(of edition: String, digest: String?) async throws -> AnswerValidator? {
      try await survey.validator(of: edition, digest: digest)
    }
    func submit(_ submission: AnswerSubmission) async throws {
      if isFull.withLock({ $0 }) { throw SyncError(.diskFull, vi: "Không ghi được /srv/kho.", en: "Cannot write /srv/store.") }
      try await survey.submit(submission)
    }
  }

  @Test(.long) func whatCannotBeTakenWaitsOnTheReviewAlsoForAnotherProcess() async throws {
    let world = try await WebWorld()
    let desk = FullDesk(world.survey)
    let visitor = try world.visitor(try WebForm(desk: desk, key: world.key))
    await visitor.fillSample()
    #expect(await visitor.press("send") == 503)
    #expect(visitor.text.contains("đĩa của máy chủ đã đầy") && !visitor.text.contains("/srv") && visitor.text.contains("Ý kiến riêng 5521"))
    desk.isFull.withLock { $0 = false }
    // The hub was started again meanwhile: the page holds all there is.
    let again = Visitor(web: try WebForm(desk: desk, key: world.key), target: visitor.target)
    again.reply = visitor.reply
    #expect(await again.press("send") == 303)
    #expect(try await world.count("hub_packet") == 1)
  }

  @Test(.long) func tooManyAtOnceAreAskedToWait() async throws {
    let world = try await WebWorld()
    let narrow = try WebForm(desk: world.survey, key: world.key, callsPerSecondMax: 0, callsAtOnceMax: 3)
    let target = try world.target()
    var statuses: [Int] = []
    for _ in 0..<5 { statuses.append(await narrow.answer(HubRequest("GET", target)).status) }
    #expect(statuses == [200, 200, 200, 503, 503])
    // Of one link as well, and nobody else waits for that.
    let perLink = try WebForm(desk: world.survey, key: world.key, linkCallsPerSecondMax: 0, linkCallsAtOnceMax: 3)
    statuses = []
    for _ in 0..<5 { statuses.append(await perLink.answer(HubRequest("GET", target)).status) }
    #expect(statuses == [200, 200, 200, 503, 503])
    // Another spelling is the same link, another unit's is not.
    #expect(await perLink.answer(HubRequest("GET", "/s/" + target.dropFirst(3).lowercased())).status == 503)
    let other = try world.target(UnitCode("07204"))
    #expect(await perLink.answer(HubRequest("GET", other)).status == 200)
    let bound = RateBound(perSecond: 2, atOnce: 2)
    let start = ContinuousClock.now
    #expect(bound.allows(at: start) && bound.allows(at: start) && !bound.allows(at: start))
    #expect(!bound.allows(at: start + .milliseconds(400)) && bound.allows(at: start + .milliseconds(600)))
    #expect(!bound.allows(at: start + .milliseconds(601)) && bound.allows(at: start + .seconds(60)))
  }

  /// Thousands of calls by links of nobody's: whoever has one of ours gets in, and is not even late.
  @Test(.long) func aFloodOfBadLinksRefusesNoGoodOne() async throws {
    let world = try await WebWorld()
    let web = try WebForm(desk: world.survey, key: world.key)
    let foreign = try world.target(key: FormLinkKey(secret: Data(repeating: 7, count: 32)))
    let forged = try String(world.target().dropLast(6)) + "AAAAAA"
    let bad = [
      "/s/AAAA", "/s/", "/s/x/y/z/w", "/s/" + String(repeating: "A", count: 48), foreign, forged,
    ]
    let (good, calls) = (try world.target(), 2 * WebLimits.callsAtOnceMax)
    var statuses: [Int: Int] = [:]
    for index in 0..<calls {
      statuses[await web.answer(HubRequest("GET", bad[index % bad.count])).status, default: 0] += 1
      guard index % 100 == 99 else { continue }
      #expect(await web.answer(HubRequest("GET", good)).status == 200)
    }
    #expect(statuses[503] ?? 0 > calls / 2 && statuses[404] ?? 0 >= WebLimits.strangeCallsAtOnceMax, "\(statuses)")
    // Keeps a page that was posted by another hub's link meanwhile.
    let visitor = Visitor(web: web, target: foreign)
    var status = 0
    for _ in 0..<100 where status != 503 { status = await visitor.post([("go", "next"), ("q.a1_agency", "ubnd")]) }
    #expect(status == 503)
    #expect(visitor.page.value("q.a1_agency") == "ubnd")
  }

  @Test func linksThatRestAreForgottenWhereThereAreTooMany() throws {
    let bounds = LinkBounds(perSecond: 10, atOnce: 20)
    let start = ContinuousClock.now
    func link(_ number: Int) -> FormLink { FormLink(campaign: "c", unit: UnitCode("\(number)"), expires: .first) }
    for number in 0..<WebLimits.linksCountedMax { #expect(bounds.allows(link(number), at: start)) }
    #expect(bounds.allows(link(-1), at: start) && bounds.count == WebLimits.linksCountedMax)
    #expect(bounds.allows(link(-1), at: start + .seconds(2)) && bounds.count == 1)
  }
}
