internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// The tables of every page, by the page's own query and scope.
extension ConsolePages {
  /// A page's tables as a file; nil where the path names no page with tables.
  func file() async throws -> (name: String, mediaType: String, data: Data)? {
    guard let asked = TableFormat.of(call.path) else { return nil }
    var pages = self
    pages.call = call.at(asked.page)
    let day = try await pages.day()
    guard let tables = try await pages.tables(day) else { return nil }
    let file = TableFile(
      page: asked.page, query: call.query, tables: tables, nowMs: day.nowMs, title: day.board.campaign(call.query.language))
    let name = file.name(asked.format, table: call["table"], clock: day.board.clock)
    return (name, asked.format.mediaType, try file.data(asked.format, table: call["table"]))
  }

  func tables(_ day: OperatorDay) async throws -> [PageTable]? {
    let parts = ConsoleParts(query: call.query, day: day)
    let units = UnitTables(parts: parts, reportDay: reportDay(day))
    switch call.path {
    case "/now":
      return [
        units.lines(day.inTrouble), units.expectation,
        NoticesTable(parts: parts).table("reminders", call.query.words.text("Lời nhắc", "Reminders"), day.reminders),
      ]
    case "/": return [units.totals, units.groups, units.arrivals]
    case "/units": return [units.lines(UnitsPage(parts: parts, asked: unitsAsked(day)).rows())]
    case "/reports":
      guard let shown = reportDay(day) ?? day.board.reportDay else { return nil }
      let filed = day.units.filter { $0.arrivals[shown] != nil }
      return [
        DayReportTables(parts: parts, reportDay: shown).table(try await call.survey.dayReports(of: filed, on: shown, in: day))
      ]
    case "/sums":
      guard let shown = reportDay(day) ?? day.board.reportDay else { return nil }
      return [units.choices(try await call.survey.choiceSums(on: shown, in: day))]
    case "/devices":
      let page = DevicesPage(parts: parts, devices: try await call.survey.deviceLines(in: day), words: call["q"] ?? "")
      return [OperatorTables(parts: parts, labels: [:]).devices(page.rows())]
    case "/contacts": return [UnitTables(parts: parts).contacts(day.contacts.sorted { $0.key < $1.key }.flatMap(\.value))]
    case "/decide":
      let work = try await call.survey.pendingDecisions(in: day)
      let returned = NoticesTable(parts: parts).table("returned", call.query.words.text("Trả lại", "Sent back"), day.returned)
      return OperatorTables(parts: parts, labels: work.labels).tables(work) + [returned]
    case "/posts":
      let of = try await call.survey.communes(of: call["district"])
      let seen = try await self.units()
      return [PostTable(parts: parts).table(try await call.survey.posts(of: seen.map { of?.intersection($0) ?? $0 } ?? of))]
    case "/results":
      let results = try await call.survey.results(form: call["form"], within: call.visitor.person.part)
      return ResultsTables(parts: parts).tables(
        results, level: call["level"].flatMap { UnitLevel(rawValue: $0) } ?? .province, question: call["question"])
    case "/people": return [PeopleTable(words: call.query.words).table(try await call.survey.people(of: call.visitor.person))]
    default: return try await tablesOfOne(parts)
    }
  }

  /// Tables of the page of one unit, device, report, conflict or held thing.
  private func tablesOfOne(_ parts: ConsoleParts) async throws -> [PageTable]? {
    let (day, labels) = (parts.day, try await call.survey.deviceLabels())
    let work = OperatorTables(parts: parts, labels: labels)
    if let path = call.parts(of: "unit"), path.count == 1 {
      guard let detail = try await call.survey.unitDetail(UnitCode(path[0]), in: day) else { return nil }
      let units = UnitTables(parts: parts, reportDay: nil)
      return [
        units.lines([detail.line]), units.reports(detail), units.contacts(day.contacts[path[0]] ?? []), units.calls(detail.calls),
        work.devices(detail.devices), work.conflicts(detail.conflicts), work.held(detail.held), work.invalid(detail.invalid),
        work.acts(detail.acts),
        NoticesTable(parts: parts).table("notices", call.query.words.text("Lời nhắc và trả lại", "Messages"), detail.notices),
      ]
    }
    if let path = call.parts(of: "reminder"), path.count == 1 {
      let notices = try await call.survey.notices(sending: path[0], in: day)
      guard !notices.isEmpty else { return nil }
      return [NoticesTable(parts: parts).table("notices", call.query.words.text("Lời nhắc", "Reminders"), notices)]
    }
    if let path = call.parts(of: "device"), path.count == 1 {
      guard let device = try await call.survey.deviceLine(path[0], in: day) else { return nil }
      let acts = try await call.survey.hub.acts(limit: UnitDetail.actsMax, about: device.device.replica.description)
      return [work.devices([device]), work.acts(acts)]
    }
    if let path = call.parts(of: "report"), path.count == 2, let reportDay = CalendarDay(path[1]) {
      guard let detail = try await call.survey.reportDetail(UnitCode(path[0]), reportDay, in: day) else { return nil }
      return ReportTables(parts: parts, labels: labels).tables(detail)
    }
    if let path = call.parts(of: "conflict"), path.count == 1 {
      guard let conflicts = try await call.survey.conflicts(beside: path[0], in: day) else { return nil }
      return [work.conflicts(conflicts)]
    }
    if let path = call.parts(of: "held"), path.count == 1 {
      guard let held = try await call.survey.heldUnit(path[0], in: day) else { return nil }
      return [work.held([held]), work.cells(held)]
    }
    return nil
  }
}
