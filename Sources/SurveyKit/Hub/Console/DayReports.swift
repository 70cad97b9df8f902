internal import Foundation
public import SurveyKit
internal import SyncHub

/// Report of one unit among all reports of a day, for another program.
public struct DayReport: Sendable {
  public var unit: UnitCode
  public var form: Form?
  /// Answers as they stand, including calculated ones.
  public var answers: [String: AnswerValue]
  /// Digest of the answers, which changes with a correction.
  public var content: String
  /// True when the report contradicts its form.
  public var isInvalid: Bool
  public var entry: ReportEntry?

  /// True when the entered answers are no longer the present ones.
  public var hasChangedSinceEntry: Bool { entry.map { $0.content != content } ?? false }
}

/// Record that a report was typed into another program.
public struct ReportEntry: Sendable, Hashable {
  /// Digest of the entered answers.
  public var content: String
  /// Hub time in milliseconds.
  public var atMs: Int64
  public var by: String
}

/// Table of entered reports: local to the hub.
enum ReportEntryTable {
  static let schema = """
    CREATE TABLE console_entered (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, day TEXT NOT NULL, content TEXT NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL)
      WITHOUT ROWID;
    """
}

extension SurveyHub {
  /// Returns the reports of a day of some units that the reading shows, in their order; units without one are left out.
  ///
  /// - Complexity: a few rows for each requested unit.
  public func dayReports(of units: [UnitLine], on reportDay: CalendarDay, in day: OperatorDay) async throws -> [DayReport] {
    let scope = day.scope
    let seen = units.map(\.unit).filter { scope.covers($0, in: day.tree, day.tags) }
    return try await hub.read { [shelf] session in
      try seen.compactMap { try Self.dayReport(of: $0, on: reportDay, shelf, in: session) }
    }
  }

  private static func dayReport(of unit: UnitCode, on day: CalendarDay, _ shelf: FormShelf, in session: any HubSession) throws -> DayReport?
  {
    let key = SurveySchema.reportKey(unit: unit.rawValue, day: day.description)
    guard let row = try session.firstRow("SELECT \(HubReport.columns) FROM report WHERE id = ?1", [.text(key)]),
      let stored = StoredReport(row)
    else { return nil }
    let standing = try stored.standing()
    let edition = try stored.form.flatMap { try shelf.edition($0, digest: stored.edition, in: session) }
    let judge = try edition.map {
      ReportJudge($0.validator, unit: unit.rawValue, day: day, staff: try Headcount.staff(of: unit.rawValue, in: session))
    }
    let answers = judge?.settled(standing) ?? standing
    let noted = try session.firstRow("SELECT content, at_ms, who FROM console_entered WHERE id = ?1", [.text(key)])
    return DayReport(
      unit: unit, form: judge?.form, answers: answers, content: Self.digest(of: answers),
      isInvalid: try session.firstRow("SELECT 1 FROM report_fault WHERE id = ?1", [.text(key)]) != nil,
      entry: noted.map { ReportEntry(content: $0[0].text ?? "", atMs: $0[1].integer ?? 0, by: $0[2].text ?? "") })
  }

  private static func digest(of answers: [String: AnswerValue]) -> String {
    String(CanonicalJSON.object(answers.mapValues(\.json)).data.sha256.hex.prefix(16))
  }

  /// Records that reports of a day were entered into another program as they stand, or removes the record.
  ///
  /// - Parameters:
  ///   - contents: Digest of the entered answers by unit; nil removes the record.
  /// - Throws: `SyncError` that names a unit whose report has changed since; nothing is recorded then.
  public func noteEntered(
    _ contents: [UnitCode: String?], on reportDay: CalendarDay, by who: String, in day: OperatorDay
  ) async throws {
    let seen = Set(day.units.map(\.unit))
    let nowMs = day.nowMs
    try await hub.write { [shelf] session in
      for (unit, content) in contents.sorted(by: { $0.key < $1.key }) {
        let report = seen.contains(unit) ? try Self.dayReport(of: unit, on: reportDay, shelf, in: session) : nil
        guard let report else {
          throw SyncError(.badRequest, vi: "Đơn vị \(unit) không có báo cáo ngày này.", en: "Unit \(unit) has no report of that day.")
        }
        let key = SurveySchema.reportKey(unit: unit.rawValue, day: reportDay.description)
        guard let content else {
          try session.execute("DELETE FROM console_entered WHERE id = ?1", [.text(key)])
          continue
        }
        guard report.content == content else {
          throw SyncError(
            .badRequest, vi: "Báo cáo của đơn vị \(unit) vừa được sửa; chưa đánh dấu gì. Mở lại trang để xem số mới.",
            en: "The report of unit \(unit) has just been corrected; nothing was marked. Open the page again for the new figures.")
        }
        try session.execute(
          """
          INSERT INTO console_entered (id, unit, day, content, at_ms, who) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
          ON CONFLICT (id) DO UPDATE SET content = excluded.content, at_ms = excluded.at_ms, who = excluded.who
          """,
          [.text(key), .text(unit.rawValue), .text(reportDay.description), .text(content), .integer(nowMs), .text(who)])
      }
    }
  }
}
