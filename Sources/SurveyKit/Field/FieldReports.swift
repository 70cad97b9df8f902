internal import Foundation
internal import GRDB
internal import SyncKit

/// A commune's report of one day, as it stands on this device.
public struct FieldReport: Sendable, Hashable {
  public var unit: UnitCode
  public var day: CalendarDay
  public var formID: String
  public var formVersion: String
  public var answers: [String: AnswerValue]
}

/// What saving a report did.
public enum ReportSaving: String, Sendable, Hashable, Codable {
  case created, changed
  /// The same answers were there already; nothing will be sent.
  case unchanged
}

extension SurveyField {
  /// Files the commune's report of a day, or corrects it. Two members who do so offline write one row; the hub notes what collided.
  ///
  /// Nothing is written when the answers are already there, so that saving again never overwrites a colleague's correction. Each
  /// correction is kept as a `ReportChange`, written in the same transaction.
  ///
  /// - Parameter reason: Why a filed report is changed; not looked at where none is changed. Trimmed, one line, in NFC.
  /// - Throws: `SurveyFieldError` `.reasonNeeded` and `.reasonTooLong`; nothing is written.
  @discardableResult
  public func saveReport(day: CalendarDay, answers: ValidatedAnswers, reason: String? = nil) async throws -> ReportSaving {
    let reason = ReportChange.cleaned(reason)
    let device = try await ownName()
    let nowMs = try await hubTimeMs()
    let campaign = try await requireCampaign().id
    let unit = try await unit().rawValue
    let key = SurveySchema.reportKey(unit: unit, day: day.description)
    let form = SurveySchema.formKey(id: answers.formID, version: answers.formVersion)
    let json = String(decoding: answers.canonicalJSON, as: UTF8.self)
    return try await write { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT form, answers FROM report WHERE id = ?", arguments: [key]) else {
        try db.execute(
          sql: "INSERT INTO report (id, unit, campaign, day, form, answers) VALUES (?, ?, ?, ?, ?, ?)",
          arguments: [key, unit, campaign, day.description, form, json])
        return .created
      }
      if row.text("answers") == json && row.text("form") == form { return .unchanged }
      guard !reason.isEmpty else { throw SurveyFieldError.reasonNeeded(day: day) }
      guard reason.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
      let (before, after) = ReportChange.difference(from: row.text("answers"), to: answers)
      try db.execute(
        sql: """
          INSERT INTO report_change (id, unit, report, changed_ms, device, reason, form, answers_before, answers_after)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [Self.randomID(), unit, key, nowMs - nowMs % ReportChange.msPerMinute, device, reason, form, before, after])
      try db.execute(sql: "UPDATE report SET form = ?, answers = ? WHERE id = ?", arguments: [form, json, key])
      return .changed
    }
  }

  /// The reports here, by day.
  public func reports() async throws -> [FieldReport] {
    let rows = try await read { db in
      try Row.fetchAll(db, sql: "SELECT id, unit, day, form, answers FROM report ORDER BY day, unit").map { row in
        (
          id: row.text("id") ?? "", unit: row.text("unit") ?? "", day: row.text("day"), form: row.text("form"),
          answers: row.text("answers")
        )
      }
    }
    return try rows.map { row in
      guard let day = row.day.flatMap({ CalendarDay($0) }) else { throw SurveyFieldError.unreadable(table: "report", id: row.id) }
      let form = (row.form ?? "").split(separator: "@", maxSplits: 1).map(String.init)
      return FieldReport(
        unit: UnitCode(row.unit), day: day, formID: form.first ?? "", formVersion: form.count == 2 ? form[1] : "",
        answers: try Self.answers(row.answers, table: "report", id: row.id))
    }
  }

  /// The commune's report of a day; nil when nobody filed one that has arrived here.
  public func report(day: CalendarDay) async throws -> FieldReport? {
    let unit = try await unit()
    return try await reports().first { $0.day == day && $0.unit == unit }
  }

  static func answers(_ json: String?, table: String, id: String) throws -> [String: AnswerValue] {
    guard let json else { return [:] }
    do throws(AnswerFaults) {
      return try AnswerValue.answers(fromJSON: Data(json.utf8))
    } catch {
      throw SurveyFieldError.unreadable(table: table, id: id)
    }
  }
}
