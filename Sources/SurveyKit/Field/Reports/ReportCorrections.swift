internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

extension ReportChange {
  /// Person, time and reason of a change: shared by every change of one transaction.
  struct Writing: Sendable {
    var unit: String
    var device: String
    /// Hub time in milliseconds.
    var nowMs: Int64
    var reason: String

    /// Records one change of a record, and replies with it to operators' requests about the record.
    ///
    /// - Parameter form: Edition; nil for a record without one.
    func insert(
      of record: String, form: String?, from before: [String: AnswerValue], to after: [String: AnswerValue], _ db: Database
    ) throws {
      let difference = ReportChange.difference(from: before, to: after)
      let id = SurveySchema.randomID()
      try db.execute(
        sql: """
          INSERT INTO report_change (id, unit, report, changed_ms, device, reason, form, answers_before, answers_after)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          id, unit, record, nowMs - nowMs % ReportChange.msPerMinute, device, reason, form, difference.before,
          difference.after,
        ])
      try Notice.answer(record, by: id, self, db)
    }
  }
}

extension SurveyField {
  /// Returns the context of a change.
  ///
  /// - Throws: `SurveyFieldError` `.noReason` and `.reasonTooLong`.
  func writing(_ reason: String?) async throws -> ReportChange.Writing {
    let reason = try Decision.checked(reason: reason ?? "")
    return ReportChange.Writing(unit: try await unit().rawValue, device: try await ownName(), nowMs: try await hubTimeMs(), reason: reason)
  }

  /// Returns the corrections of the commune's report of a day that have arrived here and can be read, oldest first.
  public func reportChanges(day: CalendarDay) async throws -> [ReportChange] {
    let key = SurveySchema.reportKey(unit: try await unit().rawValue, day: day.description)
    let rows = try await read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT id, changed_ms, device, reason, answers_before, answers_after FROM report_change WHERE report = ?
          ORDER BY changed_ms, id
          """, arguments: [key]
      ).map { row in
        (
          id: row.text("id") ?? "", ms: row.integer("changed_ms") ?? 0, device: row.text("device") ?? "", reason: row.text("reason") ?? "",
          before: row.text("answers_before"), after: row.text("answers_after")
        )
      }
    }
    return rows.compactMap { row in
      // Leaves out unreadable corrections; `unreadableRows` reports them.
      guard let before = try? AnswerValue.answers(stored: row.before, table: "report_change", id: row.id),
        let after = try? AnswerValue.answers(stored: row.after, table: "report_change", id: row.id)
      else { return nil }
      // Cleans the texts, because another program may have written more than a line.
      return ReportChange(
        day: day, changedMs: row.ms, device: ReportChange.cleaned(row.device), reason: ReportChange.cleaned(row.reason), before: before,
        after: after)
    }
  }

  /// Returns the name that people use for this device: its label, otherwise eight digits of its identity.
  func ownName() async throws -> String {
    let enrolment = try await requireEnrolment()
    let label = ReportChange.cleaned(enrolment.label)
    return label.isEmpty ? enrolment.replica.short : label
  }
}
