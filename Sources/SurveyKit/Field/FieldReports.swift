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
  /// Answers that do not stand, although nobody decided so: a device with an earlier program, which writes a report's answers as
  /// a whole, and one with this program wrote the same question. The later write stands.
  public var overridden: [String: AnswerValue] = [:]
}

/// What saving a report did.
public enum ReportSaving: String, Sendable, Hashable, Codable {
  case created, changed
  /// The same answers were there already; nothing will be sent.
  case unchanged
}

extension SurveyField {
  /// Files the commune's report of a day, or corrects it. Two members who do so offline write one row, whose questions merge one
  /// by one; the hub notes what collided.
  ///
  /// Only questions whose answers change are written, so that saving again never overwrites a colleague's correction. Each
  /// correction is kept as a `ReportChange`, written in the same transaction.
  ///
  /// - Parameters:
  ///   - reason: Why a filed report is changed; not looked at where none is changed. Trimmed, one line, in NFC.
  ///   - photos: Filed with it. One that the report has already is not added again.
  /// - Throws: `SurveyFieldError` `.reasonNeeded`, `.reasonTooLong` and `.tooManyPhotos`; nothing is written.
  @discardableResult
  public func saveReport(
    day: CalendarDay, answers: ValidatedAnswers, reason: String? = nil, photos: [NewPhoto] = []
  ) async throws -> ReportSaving {
    let reason = ReportChange.cleaned(reason)
    let device = try await ownName()
    let nowMs = try await hubTimeMs()
    let campaign = try await requireCampaign().id
    let unit = try await unit().rawValue
    let key = SurveySchema.reportKey(unit: unit, day: day.description)
    let form = SurveySchema.formKey(id: answers.formID, version: answers.formVersion)
    let json = String(decoding: answers.canonicalJSON, as: UTF8.self)
    let today = try await today()
    // The pictures first: rows never refer to what was not kept.
    let blobs = try keep(photos)
    while true {
      let stored = try await storedReports(key: key).first
      var standing: [String: AnswerValue]? = [:]
      if let stored {
        // What cannot be read is written anew as a whole.
        do { standing = try await merged(stored).answers } catch SurveyFieldError.unreadable { standing = nil }
        if stored.readableDay == nil { standing = nil }
      }
      let before = standing
      let saving = try await write { db -> ReportSaving? in
        // What was read may have changed meanwhile: then it is read again.
        guard try StoredReport.fetchAll(db, key: key).first == stored else { return nil }
        try Self.insert(photos, blobs: blobs, of: "report", record: key, unit: unit, day: today, db)
        guard let stored else {
          try db.execute(
            sql: "INSERT INTO report (id, unit, campaign, day, form, by_question) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [key, unit, campaign, day.description, form, json])
          return .created
        }
        if let before, AnswerValue.json(before) == answers.canonicalJSON && stored.form == form { return .unchanged }
        guard !reason.isEmpty else { throw SurveyFieldError.reasonNeeded(day: day) }
        guard reason.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
        let difference = ReportChange.difference(from: before ?? [:], to: answers)
        try db.execute(
          sql: """
            INSERT INTO report_change (id, unit, report, changed_ms, device, reason, form, answers_before, answers_after)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            Self.randomID(), unit, key, nowMs - nowMs % ReportChange.msPerMinute, device, reason, form, difference.before, difference.after,
          ])
        guard let before else {
          try db.execute(
            sql: "UPDATE report SET day = ?, form = ?, answers = NULL, by_question = ? WHERE id = ?",
            arguments: [day.description, form, json, key])
          return .changed
        }
        try db.execute(
          sql: "UPDATE report SET form = ?, by_question = ? WHERE id = ?",
          arguments: [form, try stored.byQuestion(changing: before, to: answers), key])
        return .changed
      }
      if let saving { return saving }
    }
  }

  /// The reports here that this program can read, by day; of the others `unreadableRows` tells.
  public func reports() async throws -> [FieldReport] {
    var reports: [FieldReport] = []
    for stored in try await storedReports(key: nil) {
      guard let day = stored.readableDay else { continue }
      let form = (stored.form ?? "").split(separator: "@", maxSplits: 1).map(String.init)
      let merged: (answers: [String: AnswerValue], overridden: [String: AnswerValue])
      do { merged = try await self.merged(stored) } catch SurveyFieldError.unreadable { continue }
      let (answers, overridden) = merged
      reports.append(
        FieldReport(
          unit: UnitCode(stored.unit), day: day, formID: form.first ?? "", formVersion: form.count == 2 ? form[1] : "", answers: answers,
          overridden: overridden))
    }
    return reports
  }

  /// The commune's report of a day; nil when nobody filed one that has arrived here and can be read.
  public func report(day: CalendarDay) async throws -> FieldReport? {
    let unit = try await unit()
    return try await reports().first { $0.day == day && $0.unit == unit }
  }

  private func storedReports(key: String?) async throws -> [StoredReport] {
    try await read { db in try StoredReport.fetchAll(db, key: key) }
  }

  /// What stands of each question of a report, and what else was written of it by a program of another age.
  private func merged(_ stored: StoredReport) async throws -> (answers: [String: AnswerValue], overridden: [String: AnswerValue]) {
    var standing = try Self.answers(stored.answers, table: "report", id: stored.id)
    var overridden: [String: AnswerValue] = [:]
    var wholeMs: UInt64?
    for (question, own) in try stored.questions() where own != standing[question] {
      guard let whole = standing[question] else {
        standing[question] = own
        continue
      }
      if wholeMs == nil { wholeMs = try await written(stored.id, "answers") }
      let isOlder = try await written(stored.id, "by_question", member: question) < wholeMs ?? 0
      overridden[question] = isOlder ? own : whole
      if !isOlder { standing[question] = own }
    }
    return (standing, overridden)
  }

  private func written(_ report: String, _ column: String, member: String? = nil) async throws -> UInt64 {
    let history = try await replica.why(table: "report", key: .text(report), column: column, member: member)
    // What is not sealed yet is newer than all that is.
    return history.isPending ? .max : history.writtenMs ?? 0
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
