import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

@testable import FormWeb
@testable import SyncHub

/// A real hub in its folder with the sample campaign, and its pages.
final class WebWorld: Sendable {
  let folder: TemporaryFolder
  let survey: SurveyHub
  let clock: TestClock
  let key: FormLinkKey
  let web: WebForm

  static let campaign = Tool.packageRoot.appendingPathComponent("Examples/bac-giang-2024")
  /// 2024-04-01 09:00 in Vietnam: the day of the survey.
  static let morningMs: UInt64 = 1_711_936_800_000
  static let hourMs: UInt64 = 3_600_000
  static let unit = UnitCode("07201")

  init() async throws {
    folder = try TemporaryFolder()
    clock = TestClock(Self.morningMs)
    survey = try await SurveyHub.create(at: folder.path + "/hub", clock: clock)
    _ = try await survey.load(try CampaignFolder(Self.campaign, movedTo: nil))
    key = FormLinkKey(secret: survey.hub.secret(for: "form-links"))
    web = try WebForm(
      desk: survey, key: key, draftsFolder: folder.path + "/hub/web-drafts", callsPerSecondMax: 1_000_000, callsAtOnceMax: 1_000_000,
      linkCallsPerSecondMax: 1_000_000, linkCallsAtOnceMax: 1_000_000)
  }

  func target(
    _ unit: UnitCode = WebWorld.unit, campaign: String = "bac-giang-2024", expires: String = "2024-04-30", kind: FormLink.Kind = .survey,
    key: FormLinkKey? = nil
  ) throws -> String {
    let day = try #require(CalendarDay(expires))
    return "/s/" + (try #require((key ?? self.key).token(for: FormLink(kind, campaign: campaign, unit: unit, expires: day))))
  }

  /// Another process that serves the same hub, or the same one started again.
  func another(_ desk: (any FormDesk)? = nil, key: FormLinkKey? = nil) throws -> WebForm {
    try WebForm(desk: desk ?? survey, key: key ?? self.key, draftsFolder: folder.path + "/hub/web-drafts")
  }

  /// Files of drafts that lie at the hub.
  func draftFiles() -> [String] {
    (FileManager.default.enumerator(atPath: folder.path + "/hub/web-drafts")?.compactMap { $0 as? String } ?? []).filter {
      $0.contains("/")
    }
  }

  /// A browser at the pages of one commune.
  func visitor(_ web: WebForm? = nil) throws -> Visitor { Visitor(web: web ?? self.web, target: try target()) }

  func respondent() throws -> WebRespondent {
    let web = web
    return WebRespondent(target: try target()) { await web.answer($0) }
  }

  func form(_ id: String = "pks01") throws -> Form { try XLSFormImport.form(folder: Self.campaign.appendingPathComponent(id + ".xlsform")) }

  /// A page's answers on their way, as it carries them.
  func sealed(_ state: String) throws -> String { try key.seal(state, for: try target()) }

  /// The answers on their way of the page that is shown.
  func state(_ visitor: Visitor) throws -> String {
    try #require(visitor.page.value("state").flatMap { key.open(sealed: $0, for: visitor.target) })
  }

  func answers(seed: UInt64, _ fixed: [String: AnswerValue] = [:]) throws -> ValidatedAnswers {
    try AnswerGenerator(form: try form(), day: "2024-04-01").answers(seed: seed, fixed: fixed)
  }

  func count(_ table: String) async throws -> Int {
    try await survey.hub.read { Int(try $0.integer("SELECT count(*) FROM \(table)") ?? -1) }
  }

  func release() async throws { try await survey.hub.releaseEverything() }

  /// Another edition of the questionnaire, in English only, with other questions.
  func publish(_ version: String, _ survey: [String], choices: [String] = ["c,x,X,"]) async throws {
    let heading = "type,name,label::English (en),relevant,constraint,required,default,choice_filter"
    let form = try XLSFormImport.form(
      survey: Data(([heading] + survey).joined(separator: "\n").utf8),
      choices: Data((["list_name,name,label::English (en),big"] + choices).joined(separator: "\n").utf8),
      settings: Data("form_title,form_id,version,default_language\nOther,pks01,\(version),English (en)\n".utf8))
    _ = try await self.survey.publish(form)
  }
}

/// A browser without JavaScript: the page it shows, and what it can do with it.
final class Visitor {
  var web: WebForm
  let target: String
  /// What the browser says with each call; with `sec-fetch-site` the pages have addresses of their own, which are followed.
  var says: [String: String] = [:]
  /// Addresses of the pages that were shown.
  private(set) var history: [String] = []
  var reply = HubResponse(status: 0)
  var page: PageScan { PageScan(reply.body) }
  var text: String { String(decoding: reply.body, as: UTF8.self) }
  /// The call that led here, to be repeated.
  private(set) var last = HubRequest("GET", "/")

  init(web: WebForm, target: String) {
    self.web = web
    self.target = target
  }

  @discardableResult func open(_ query: String = "") async -> Int { await call(HubRequest("GET", target + query)) }

  @discardableResult func call(_ call: HubRequest) async -> Int {
    last = call
    reply = await web.answer(call)
    guard !says.isEmpty, reply.status == 303, let place = reply.headers["location"] else { return reply.status }
    return await load(place)
  }

  /// Fetches a page by its address, as Back, reload and redirections do.
  @discardableResult func load(_ place: String) async -> Int {
    history.append(place)
    reply = await web.answer(HubRequest("GET", place, headers: says))
    return reply.status
  }

  /// Presses a button after filling in fields; hidden ones travel along, or are replaced.
  @discardableResult func press(
    _ button: String, _ fields: [(String, String)] = [], hidden changed: [String: String] = [:]
  ) async -> Int {
    let hidden = page.hidden.map { ($0.name, changed[$0.name] ?? $0.value) }
    return await post(hidden + fields + [("go", button)])
  }

  @discardableResult func post(_ fields: [(String, String)]) async -> Int {
    await call(
      HubRequest("POST", target, headers: says.merging(["content-type": FieldsBody.contentType]) { $1 }, body: FieldsBody.encoded(fields)))
  }

  /// Fills the sample form in, up to its review.
  func fillSample() async {
    await open()
    await press("start")
    await press("next", [("q.a1_agency", "ubnd"), ("q.a2_position", "can_bo"), ("q.a3_years", "lt5"), ("q.a4_gender", "")])
    await press("next", [("q.b1_disclosure", "3"), ("q.b2_topics", "chua_co")])
    await press("next", [("q.c1_conference", "khong")])
    await press("next", [("q.d1_consulted", "3"), ("q.d2_matters", "chua_duoc"), ("q.d3_uptake", "khong"), ("q.d4_speak_up", "co")])
    await press("next", [("q.e1_board", "khong"), ("q.e3_petitions", "0")])
    await press("next", [("q.f1_head", "3"), ("q.f2_rules", "co")])
    await press(
      "next",
      [
        ("q.g1_service", "3"), ("q.g2_workplace", "3"), ("q.g3_priorities", "thai_do"), ("q.g4_overall", "3"), ("q.g5_reason", ""),
        ("q.g6_suggestion", "Ý kiến riêng 5521"),
      ])
  }
}
