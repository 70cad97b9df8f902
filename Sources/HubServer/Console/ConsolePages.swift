internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import HummingbirdCore
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Request of a call to the console, read from its address.
struct ConsoleCall: Sendable {
  private(set) var path: String
  /// Path with its parameters, as it was asked for.
  let address: String
  let survey: SurveyHub
  let visitor: Visitor
  let query: ConsoleQuery
  private let parameters: [String: String]

  init(_ uri: URI, survey: SurveyHub, visitor: Visitor, language: Language) {
    (path, address) = (uri.path, uri.string)
    (self.survey, self.visitor) = (survey, visitor)
    parameters = Dictionary(uri.queryParameters.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { first, _ in first })
    query = ConsoleQuery(
      campaign: survey.campaign, language: language, scope: parameters["scope"].map { UnitCode($0) }, tag: parameters["tag"],
      day: parameters["day"].flatMap { CalendarDay($0) })
  }

  subscript(name: String) -> String? { parameters[name] }

  /// The same call of another path.
  func at(_ path: String) -> ConsoleCall {
    var call = self
    call.path = path
    return call
  }

  var page: Int? { parameters["page"].flatMap { Int($0) } }

  /// Parts of the path after a first one: `/unit/07201` is `["07201"]` of `unit`; nil where the path begins with another.
  func parts(of first: String) -> [String]? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: true).map { String($0).removingPercentEncoding ?? String($0) }
    return parts.first == first ? Array(parts.dropFirst()) : nil
  }
}

/// Outcome of a posted form: where to go on, or a page that asks or shows something first.
enum ActOutcome {
  case done(String)
  case page(String, status: HTTPResponse.Status)
}

/// Answers calls to the operators' pages, each from one reading of the hub.
struct ConsolePages: Sendable {
  /// Address of the hub as phones reach it; empty where nobody said.
  var publicURL = ""
  var call: ConsoleCall
  let days: SharedDays
  /// How old a reading may be.
  var age = Duration.zero
  let campaigns: PageCampaigns

  private var query: ConsoleQuery { call.query }
  private var words: Wording { query.words }

  /// The page that is asked for; nil where the path is none of the console's.
  func page() async throws -> String? {
    switch call.path {
    case "/now":
      let day = try await day()
      let content = NowPage(parts: ConsoleParts(query: query, day: day), forms: forms(day), page: call.page).content
      return frame(words.text("Cần gọi", "To call"), .now, day, keeping: ["page": call["page"]], content, refreshes: true)
    case "/":
      let day = try await day()
      let content = OverviewPage(parts: ConsoleParts(query: query, day: day), reportDay: reportDay(day), page: call.page).content
      return frame(
        "\(words.text("Toàn cảnh", "Overview")) – \(day.board.province)", .overview, day, keeping: ["page": call["page"]], content,
        refreshes: true)
    case "/units":
      let day = try await day()
      let content = UnitsPage(parts: ConsoleParts(query: query, day: day), asked: unitsAsked(day)).content
      return frame(
        words.text("Đơn vị", "Units"), .units, day,
        keeping: ["state": call["state"], "q": call["q"], "sort": call["sort"], "down": call["down"], "page": call["page"]], content)
    case "/reports":
      let day = try await day()
      guard let page = try await dayReports(day) else { return nil }
      return frame(page.title, nil, day, keeping: ["page": call["page"]], page.content)
    case "/sums":
      let day = try await day()
      guard let shown = reportDay(day) ?? day.board.reportDay else { return nil }
      let page = SumsPage(
        parts: ConsoleParts(query: query, day: day), reportDay: shown, sums: try await call.survey.choiceSums(on: shown, in: day))
      return frame(page.title, nil, day, page.content)
    case "/codes":
      let day = try await day()
      let page = codes(day)
      return frame(page.title, .setup, day, keeping: ["unit": call["unit"], "paper": call["paper"]], page.content)
    case "/codes/print": return try codes(try await day()).print()
    case "/remind":
      let day = try await day()
      let codes = Set((call["units"] ?? "").split(separator: ",").map { UnitCode(String($0)) })
      let state = call["state"].flatMap { UnitState(rawValue: $0) }
      let page = RemindPage(parts: ConsoleParts(query: query, day: day), forms: forms(day), state: state, codes: codes)
      return frame(page.title, nil, day, keeping: ["units": call["units"], "state": call["state"]], page.content)
    case "/setup":
      let day = try await day()
      let page = SetupPage(parts: ConsoleParts(query: query, day: day), forms: forms(day))
      return frame(page.title, .setup, day, page.content)
    case "/campaign":
      let day = try await day()
      let page = CampaignPage(parts: ConsoleParts(query: query, day: day), forms: forms(day))
      return frame(page.title, .setup, day, try page.content())
    case "/forms":
      let day = try await day()
      let editions = try await call.survey.about(campaign: day.campaign.id).requirePlan().forms
      var page = FormsPage(parts: ConsoleParts(query: query, day: day), forms: forms(day), editions: editions)
      page.titles = try await formTitles(editions)
      return frame(page.title, .setup, day, page.content)
    case "/tags":
      let day = try await day()
      let page = TagsPage(parts: ConsoleParts(query: query, day: day), forms: forms(day))
      return frame(page.title, .setup, day, page.content)
    case "/devices":
      let day = try await day()
      let page = DevicesPage(
        parts: ConsoleParts(query: query, day: day), devices: try await call.survey.deviceLines(in: day), words: call["q"] ?? "",
        page: call.page)
      return frame(page.title, .setup, day, keeping: ["q": call["q"], "page": call["page"]], page.content)
    case "/contacts":
      let day = try await day()
      let page = ContactsPage(parts: ConsoleParts(query: query, day: day), forms: forms(day))
      return frame(words.text("Danh bạ", "Contacts"), .setup, day, page.content)
    case "/decide":
      let day = try await day()
      let content = DecidePage(
        parts: ConsoleParts(query: query, day: day), work: try await call.survey.pendingDecisions(in: day),
        form: try await call.survey.reportForm(in: day)
      ).content
      return frame(words.text("Cần quyết", "To decide"), .decide, day, content)
    default: return try await one()
    }
  }

  /// The page of one unit, device, report or conflict; nil where the path names none.
  private func one() async throws -> String? {
    if let parts = call.parts(of: "unit"), parts.count == 1 {
      let day = try await day()
      guard let detail = try await call.survey.unitDetail(UnitCode(parts[0]), in: day) else { return nil }
      let page = UnitPage(
        parts: ConsoleParts(query: query, day: day), detail: detail, labels: try await call.survey.deviceLabels(), forms: forms(day),
        form: try await call.survey.reportForm(in: day))
      return frame(page.title, .units, day, page.content)
    }
    if let parts = call.parts(of: "reminder"), parts.count == 1 {
      let day = try await day()
      let page = ReminderPage(
        parts: ConsoleParts(query: query, day: day), notices: try await call.survey.notices(sending: parts[0], in: day))
      return page.notices.isEmpty ? nil : frame(page.title, nil, day, page.content)
    }
    if let parts = call.parts(of: "device"), parts.count == 1 {
      let day = try await day()
      guard let device = try await call.survey.deviceLine(parts[0], in: day) else { return nil }
      let acts = try await call.survey.hub.acts(limit: UnitDetail.actsMax, about: device.device.replica.description)
      let page = DevicePage(parts: ConsoleParts(query: query, day: day), device: device, acts: acts, forms: forms(day))
      return frame(page.title, .units, day, page.content)
    }
    if let parts = call.parts(of: "report"), parts.count == 2, let reportDay = CalendarDay(parts[1]) {
      let day = try await day()
      guard let detail = try await call.survey.reportDetail(UnitCode(parts[0]), reportDay, in: day) else { return nil }
      let page = ReportPage(
        parts: ConsoleParts(query: query, day: day), detail: detail, labels: try await call.survey.deviceLabels(), forms: forms(day))
      return frame(page.title, .units, day, page.content)
    }
    if let parts = call.parts(of: "conflict"), parts.count == 1 {
      let day = try await day()
      guard let page = try await conflict(parts[0], day) else { return nil }
      return frame(page.title, .decide, day, page.content)
    }
    if let parts = call.parts(of: "post"), parts.count == 1 {
      let day = try await day()
      guard let post = try await call.survey.post(parts[0], in: day) else { return nil }
      let page = PostPage(parts: ConsoleParts(query: query, day: day), post: post, forms: forms(day))
      return frame(page.title, .posts, day, page.content)
    }
    if let parts = call.parts(of: "alike"), parts.count == 1 {
      let day = try await day()
      let alike = try await call.survey.alike(parts[0], in: day)
      guard let first = alike.first else { return nil }
      let page = AlikePage(
        parts: ConsoleParts(query: query, day: day), forms: forms(day), alike: alike,
        form: try await report(of: first.conflict, in: day)?.form, labels: try await call.survey.deviceLabels())
      return frame(page.title, .decide, day, page.content)
    }
    if let parts = call.parts(of: "held"), parts.count == 1 {
      let day = try await day()
      guard let held = try await call.survey.heldUnit(parts[0], in: day) else { return nil }
      var page = HeldPage(
        parts: ConsoleParts(query: query, day: day), held: held, labels: try await call.survey.deviceLabels(), forms: forms(day))
      if let key = HeldPage.formKey(of: held) { page.form = try await call.survey.validator(of: key)?.form }
      return frame(page.title, .decide, day, page.content)
    }
    return nil
  }

  /// Titles of forms, by their ids: those of the newest editions that the hub has.
  private func formTitles(_ editions: [HubPlan.FormRecord]) async throws -> [String: String] {
    var titles: [String: String] = [:]
    for edition in editions.sorted(by: { ($0.version.count, $0.version) < ($1.version.count, $1.version) }) {
      guard let form = try await call.survey.validator(of: edition.key)?.form else { continue }
      titles[edition.form] = AnswerText(form: form, language: words.language).title
    }
    return titles
  }

  /// Names the codes to be printed.
  private func codes(_ day: OperatorDay) -> CodesPage {
    CodesPage(
      parts: ConsoleParts(query: query, day: day), survey: call.survey, address: call["base"] ?? publicURL,
      unit: call["unit"].map { UnitCode($0) }, paper: call["paper"].flatMap { PrintPaper(rawValue: $0) } ?? .poster, page: call.page)
  }

  /// The reports of a day, of those units that the page shows; nil before any day is asked for.
  private func dayReports(_ day: OperatorDay) async throws -> DayReportsPage? {
    guard let shown = reportDay(day) ?? day.board.reportDay, day.reportDays.contains(shown) else { return nil }
    let filed = day.units.filter { $0.arrivals[shown] != nil }
    let paging = Paging(filed.count, page: call.page, rowsMax: DayReportsPage.rowsMax, words) { query.link("/reports", ["page": "\($0)"]) }
    let reports = try await call.survey.dayReports(of: Array(filed[paging.rows]), on: shown, in: day)
    return DayReportsPage(
      parts: ConsoleParts(query: query, day: day), forms: forms(day), reportDay: shown, filed: filed, reports: reports, paging: paging)
  }

  /// The page of a conflict with what each way of deciding would leave.
  ///
  /// - Parameter acts: Has what somebody chose and asks to see first.
  private func conflict(_ id: String, _ day: OperatorDay, _ acts: ConsoleActs? = nil) async throws -> ConflictPage? {
    let survey = call.survey
    guard let conflicts = try await survey.conflicts(beside: id, in: day), let first = conflicts.first else { return nil }
    let open = conflicts.filter(\.isOpen)
    func preview(_ decision: (Conflict) -> Decision?) async throws -> DecisionPreview? {
      let decisions = open.compactMap { conflict in decision(conflict).map { (conflict.id, $0) } }
      return try await survey.preview(Dictionary(decisions, uniquingKeysWith: { first, _ in first }), about: open)
    }
    var page = ConflictPage(
      parts: ConsoleParts(query: query, day: day), conflicts: conflicts, report: try await report(of: first, in: day),
      labels: try await survey.deviceLabels(), forms: forms(day))
    page.keep = try await preview { _ in .keep }
    page.take = try await preview { _ in .take }
    if let acts {
      page.chosen = try await preview { acts.decision(about: $0) }
      page.choices = Dictionary(acts.fields.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
    if let one = open.first { page.alike = try await survey.openConflicts(like: one.id, in: day).count }
    page.rows = try await survey.conflictRows(in: day).compactMap { $0.first?.id }
    return page
  }

  private func forms(_ day: OperatorDay) -> ActForms {
    let kept: KeyValuePairs<String, String?> = ["page": call["page"]]
    return ActForms(parts: ConsoleParts(query: query, day: day), visitor: call.visitor, here: query.link(call.path, kept))
  }

  /// Does what a posted form asks; nil where there is nothing to do.
  func act(_ fields: FieldsBody) async throws -> ActOutcome? {
    let day = try await day()
    let acts = ConsoleActs(call: call, day: day, fields: fields)
    if call.path == "/remind" {
      switch try await acts.remind(forms(day)) {
      case .sent(let location): return .done(location)
      case .asks(let page): return .page(frame(page.title, nil, day, page.content), status: .conflict)
      case nil: return nil
      }
    }
    if let parts = call.parts(of: "unit"), parts.count == 2, parts[1] == "code" {
      guard let code = try await acts.makeCode(UnitCode(parts[0])) else { return nil }
      let page = MadeCodePage(parts: ConsoleParts(query: query, day: day), unit: UnitCode(parts[0]), code: code)
      return .page(frame(page.title, .units, day, page.content), status: .ok)
    }
    if call.path == "/setup" {
      guard let changes = try await acts.setUpDays() else { return .done(query.link("/setup")) }
      var page = SetupPage(parts: ConsoleParts(query: query, day: day), forms: forms(day), changes: changes)
      page.typed = Dictionary(fields.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
      return .page(frame(page.title, .setup, day, page.content), status: .ok)
    }
    if call.path == "/campaign" {
      guard let (page, isFaulty) = try await acts.changeCampaign(forms(day)) else { return .done(query.link("/campaign")) }
      return .page(frame(page.title, .setup, day, try page.content()), status: isFaulty ? .unprocessableContent : .ok)
    }
    if call.path == "/forms" {
      guard case (var page, let isFaulty)? = try await acts.forms(forms(day)) else { return nil }
      page.titles = try await formTitles(page.editions)
      return .page(frame(page.title, .setup, day, page.content), status: isFaulty ? .unprocessableContent : .ok)
    }
    if let parts = call.parts(of: "conflict"), parts.count == 1, fields["do"] == "preview" {
      guard let page = try await conflict(parts[0], day, acts) else { return nil }
      return .page(frame(page.title, .decide, day, page.content), status: .ok)
    }
    return try await acts.perform().map(ActOutcome.done)
  }

  func unitsAsked(_ day: OperatorDay) -> UnitsPage.Query {
    var asked = UnitsPage.Query(words: call["q"] ?? "", page: call.page, day: reportDay(day))
    asked.state = call["state"].flatMap { UnitState(rawValue: $0) }
    asked.sort = call["sort"].flatMap { UnitsPage.Sort(rawValue: $0) } ?? .state
    asked.isReversed = call["down"] == "1"
    return asked
  }

  private func report(of conflict: Conflict, in day: OperatorDay) async throws -> ReportDetail? {
    guard conflict.table == "report", let key = conflict.key.text,
      let reportDay = key.split(separator: "/").last.flatMap({ CalendarDay(String($0)) })
    else { return nil }
    return try await call.survey.reportDetail(UnitCode(conflict.scope), reportDay, in: day)
  }

  /// A picture that a report shows: `/report/UNIT/DAY/photo/BLOB.jpg`; nil where there is none.
  func picture() async throws -> Data? {
    guard let parts = call.parts(of: "report"), parts.count == 4, parts[2] == "photo", parts[3].hasSuffix(".jpg"),
      let reportDay = CalendarDay(parts[1]),
      let detail = try await call.survey.reportDetail(UnitCode(parts[0]), reportDay, in: try await day())
    else { return nil }
    return try call.survey.picture(String(parts[3].dropLast(4)), of: detail)
  }

  /// Clock on the campaign's wall, to the second; empty before a campaign is loaded.
  func clock() async -> String {
    guard let campaign = try? await known()?.campaign else { return "" }
    let ms = call.survey.nowMs
    let second = (ms / 1000) % 60
    return campaign.wallText(atMs: ms).suffix(5) + (second < 10 ? ":0\(second)" : ":\(second)")
  }

  /// Reading of the campaign, of the part of the tree that the visitor looks at.
  func day() async throws -> OperatorDay {
    guard let day = try await known() else {
      throw SyncError(
        .badRequest, vi: "Chưa có cuộc khảo sát nào; nạp bằng `hub campaign load THƯ_MỤC`.",
        en: "There is no campaign yet; load one with `hub campaign load DIR`.")
    }
    try Self.checkPart(of: day)
    return day
  }

  /// Refuses a part of the units in which somebody may see none.
  private static func checkPart(of day: OperatorDay?) throws {
    guard let day, !day.scope.isAll, day.groups.isEmpty else { return }
    throw SyncError(.badRequest, vi: "Không có đơn vị này.", en: "There is no such unit.")
  }

  /// The same; nil before a campaign is loaded. Of what somebody may see, what they look at.
  private func known() async throws -> OperatorDay? {
    try await days.now(of: call.survey, within: call.visitor.person.part, notOlderThan: age)?.within(query.part)
  }

  /// Units that somebody may see; nil for all.
  func units() async throws -> Set<UnitCode>? {
    guard !call.visitor.person.part.isAll else { return nil }
    return Set(try await days.now(of: call.survey, within: call.visitor.person.part)?.units.map(\.unit) ?? [])
  }

  /// The day that is asked for, where it is one that was read.
  func reportDay(_ day: OperatorDay) -> CalendarDay? { query.day.flatMap { day.reportDays.contains($0) ? $0 : nil } }

  /// Another page in the console's frame.
  func frame(_ title: String, _ place: ConsolePlace?, keeping more: KeyValuePairs<String, String?>, _ content: HTML) async throws -> String
  {
    let day = try await known()
    try Self.checkPart(of: day)
    return frame(title, place, day, keeping: more, content)
  }

  func frame(
    _ title: String, _ place: ConsolePlace?, _ day: OperatorDay?, keeping more: KeyValuePairs<String, String?> = [:], _ content: HTML,
    refreshes: Bool = false
  ) -> String {
    var frame = ConsoleFrame(query: query, title: title, place: place, path: call.path, more: more, campaigns: campaigns, day: day)
    frame.visitor = call.visitor.person
    frame.refreshSeconds = refreshes ? Self.refreshSeconds : nil
    frame.isLive = day != nil
    return frame.page(content + "\(TakeAway(query: query, page: call.path, more: more.filter { $0.key != "page" }).html)")
  }

  /// Between two looks at the hub.
  static let refreshSeconds = 30
}
