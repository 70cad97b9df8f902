internal import FormWeb
internal import Foundation
internal import HummingbirdCore
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

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
      campaign: survey.campaign, language: language, scope: parameters["scope"].map { UnitCode($0) },
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
    case "/codes":
      let day = try await day()
      let page = codes(day)
      return frame(page.title, nil, day, keeping: ["unit": call["unit"], "paper": call["paper"]], page.content)
    case "/codes/print": return try codes(try await day()).print()
    case "/contacts":
      let day = try await day()
      let page = ContactsPage(parts: ConsoleParts(query: query, day: day), forms: forms(day))
      return frame(words.text("Danh bạ", "Contacts"), nil, day, page.content)
    case "/decide":
      let day = try await day()
      let content = DecidePage(parts: ConsoleParts(query: query, day: day), work: try await call.survey.pendingDecisions(in: day)).content
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
        parts: ConsoleParts(query: query, day: day), detail: detail, labels: try await call.survey.deviceLabels(), forms: forms(day))
      return frame(page.title, .units, day, page.content)
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
      let page = ReportPage(parts: ConsoleParts(query: query, day: day), detail: detail, labels: try await call.survey.deviceLabels())
      return frame(page.title, .units, day, page.content)
    }
    if let parts = call.parts(of: "conflict"), parts.count == 1 {
      let day = try await day()
      guard let conflicts = try await call.survey.conflicts(beside: parts[0], in: day), let first = conflicts.first else { return nil }
      let page = ConflictPage(
        parts: ConsoleParts(query: query, day: day), conflicts: conflicts, report: try await report(of: first, in: day),
        labels: try await call.survey.deviceLabels(), forms: forms(day))
      return frame(page.title, .decide, day, page.content)
    }
    if let parts = call.parts(of: "held"), parts.count == 1 {
      let day = try await day()
      let units = Set(day.units.map(\.unit.rawValue))
      guard let held = try await call.survey.hub.heldUnits().first(where: { $0.id == parts[0] && units.contains($0.scope) }) else {
        return nil
      }
      let page = HeldPage(
        parts: ConsoleParts(query: query, day: day), held: held, labels: try await call.survey.deviceLabels(), forms: forms(day))
      return frame(page.title, .decide, day, page.content)
    }
    return nil
  }

  /// What is to be printed of the codes.
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

  private func forms(_ day: OperatorDay) -> ActForms {
    let kept: KeyValuePairs<String, String?> = ["page": call["page"]]
    return ActForms(parts: ConsoleParts(query: query, day: day), visitor: call.visitor, here: query.link(call.path, kept))
  }

  /// Does what a posted form asks; where to go on, or nil where there is nothing to do.
  func act(_ fields: FieldsBody) async throws -> String? {
    try await ConsoleActs(call: call, day: try await day(), fields: fields).perform()
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
    guard day.scope.root == nil || !day.groups.isEmpty else {
      throw SyncError(.badRequest, vi: "Không có đơn vị này.", en: "There is no such unit.")
    }
    return day
  }

  /// The same; nil before a campaign is loaded. Of what somebody may see, what they look at.
  private func known() async throws -> OperatorDay? {
    try await days.now(of: call.survey, within: call.visitor.person.part, notOlderThan: age)?.within(UnitScope(query.scope))
  }

  /// Units that somebody may see; nil for all.
  func units() async throws -> Set<UnitCode>? {
    guard call.visitor.person.scope != nil else { return nil }
    return Set(try await days.now(of: call.survey, within: call.visitor.person.part)?.units.map(\.unit) ?? [])
  }

  /// The day that is asked for, where it is one that was read.
  func reportDay(_ day: OperatorDay) -> CalendarDay? { query.day.flatMap { day.reportDays.contains($0) ? $0 : nil } }

  /// Another page in the console's frame.
  func frame(_ title: String, _ place: ConsolePlace?, keeping more: KeyValuePairs<String, String?>, _ content: HTML) async throws -> String
  {
    frame(title, place, try await known(), keeping: more, content)
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
