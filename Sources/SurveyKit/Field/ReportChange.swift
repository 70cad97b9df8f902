internal import Foundation
internal import GRDB
internal import SyncKit

/// One correction of a filed report, as it was made: it replicates like the report itself and is never changed.
public struct ReportChange: Sendable, Hashable {
  /// Longest reason, in bytes of UTF-8.
  public static let reasonBytesMax = 1_000
  static let msPerMinute: Int64 = 60_000

  public var day: CalendarDay
  /// When, by hub time as far as the device knew it, in milliseconds, to the minute.
  public var changedMs: Int64
  /// The device's label, else eight digits of its identity.
  public var device: String
  public var reason: String
  /// Answers that were changed or removed, as they were.
  public var before: [String: AnswerValue]
  /// Answers that were changed or added, as they became.
  public var after: [String: AnswerValue]

  /// A reason in its one spelling: one line, trimmed, in NFC; empty when there is none.
  static func cleaned(_ reason: String?) -> String {
    let words = (reason ?? "").nfc.split { $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
    return words.joined(separator: " ")
  }

  /// The answers that differ, as JSON objects.
  static func difference(from standing: [String: AnswerValue], to given: [String: AnswerValue]) -> (before: String, after: String) {
    let before = standing.mapValues(\.json)
    let after = given.mapValues(\.json)
    func text(_ members: [String: CanonicalJSON], other: [String: CanonicalJSON]) -> String {
      String(decoding: CanonicalJSON.object(members.filter { other[$0.key] != $0.value }).data, as: UTF8.self)
    }
    return (text(before, other: after), text(after, other: before))
  }
}

extension ReportChange {
  /// Who changes something, when and why: what every change made in one transaction shares.
  struct Writing: Sendable {
    var unit: String
    var device: String
    /// Hub time.
    var nowMs: Int64
    var reason: String

    /// Notes one change of a record.
    ///
    /// - Parameter form: The edition; nil for what has none.
    func insert(
      of record: String, form: String?, from before: [String: AnswerValue], to after: [String: AnswerValue], _ db: Database
    ) throws {
      let difference = ReportChange.difference(from: before, to: after)
      try db.execute(
        sql: """
          INSERT INTO report_change (id, unit, report, changed_ms, device, reason, form, answers_before, answers_after)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          SurveyField.randomID(), unit, record, nowMs - nowMs % ReportChange.msPerMinute, device, reason, form, difference.before,
          difference.after,
        ])
    }
  }
}

extension SurveyField {
  /// - Throws: `SurveyFieldError` `.noReason` and `.reasonTooLong`.
  func writing(_ reason: String?) async throws -> ReportChange.Writing {
    let reason = try Decision.checked(reason: reason ?? "")
    return ReportChange.Writing(unit: try await unit().rawValue, device: try await ownName(), nowMs: try await hubTimeMs(), reason: reason)
  }

  /// The corrections of the commune's report of a day that have arrived here and can be read, oldest first.
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
      // Of what cannot be read `unreadableRows` tells.
      guard let before = try? Self.answers(row.before, table: "report_change", id: row.id),
        let after = try? Self.answers(row.after, table: "report_change", id: row.id)
      else { return nil }
      // A program of somebody else's may have written more than a line.
      return ReportChange(
        day: day, changedMs: row.ms, device: ReportChange.cleaned(row.device), reason: ReportChange.cleaned(row.reason), before: before,
        after: after)
    }
  }

  /// What people call this device: its label, else eight digits of its identity.
  func ownName() async throws -> String {
    guard let enrolment = try await replica.enrolment() else { throw SurveyFieldError.notEnrolled }
    let label = ReportChange.cleaned(enrolment.label)
    return label.isEmpty ? enrolment.replica.short : label
  }
}
