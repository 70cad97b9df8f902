internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

/// Report of a commune for one day, as it stands on this device.
public struct FieldReport: Sendable, Hashable {
  public var unit: UnitCode
  public var day: CalendarDay
  public var formID: String
  public var formVersion: String
  public var answers: [String: AnswerValue]
  /// Answers that lost without a decision: a device with an earlier program, which writes a report's answers as a whole, and one
  /// with this program wrote the same question. The later write stands.
  public var overridden: [String: AnswerValue] = [:]
  /// Contradictions with its form; nil when there are none.
  public var invalid: InvalidReport?
}

/// Result of saving a report.
public enum ReportSaving: String, Sendable, Hashable, Codable {
  case created, changed
  /// The same answers were there already; nothing will be sent.
  case unchanged
}

extension SurveyField {
  /// Files the commune's report of a day, or corrects it. Two members who do so offline write one row, whose questions merge one by
  /// one; the hub opens conflicts.
  ///
  /// Only questions whose answers change are written, so that saving again never overwrites a colleague's correction. Each
  /// correction is kept as a `ReportChange`, written in the same transaction.
  ///
  /// - Parameters:
  ///   - reason: Reason for changing a filed report; ignored when none is changed. Trimmed, one line, in NFC.
  ///   - photos: Photos filed with it. A photo that the report has already is not added again.
  ///   - doubt: Reason why the day may be wrong, when no person stated it.
  /// - Throws: `SurveyFieldError` `.reasonNeeded`, `.reasonTooLong` and `.tooManyPhotos`; nothing is written.
  @discardableResult
  public func saveReport(
    day: CalendarDay, answers: ValidatedAnswers, reason: String? = nil, photos: [NewPhoto] = [], doubt: CampaignToday.Doubt? = nil
  ) async throws -> ReportSaving {
    let reason = ReportChange.cleaned(reason)
    let device = try await ownName()
    let nowMs = try await hubTimeMs()
    let campaign = try await requireCampaign(asking: answers.formID).id
    let unit = try await unit().rawValue
    let key = SurveySchema.reportKey(unit: unit, day: day.description)
    let form = SurveySchema.formKey(id: answers.formID, version: answers.formVersion)
    let edition = answers.formDigest
    let json = String(decoding: AnswerValue.json(answers.given), as: UTF8.self)
    let today = try await today()
    // Keeps the pictures first, so that no row refers to a missing one, and again with the rows, in case a withdrawal deleted them.
    _ = try keep(photos)
    while true {
      let stored = try await storedReports(key: key).first
      var standing: [String: AnswerValue]? = [:]
      if let stored {
        // Writes an unreadable report again as a whole.
        do { standing = answers.given(of: try await merged(stored).answers) } catch SurveyFieldError.unreadable { standing = nil }
        if stored.readableDay == nil { standing = nil }
      }
      let before = standing
      let saving = try await write { db -> ReportSaving? in
        // Reads again when the row has changed since.
        guard try StoredReport.fetchAll(db, key: key).first == stored else { return nil }
        try Self.insert(photos, blobs: try self.keep(photos), of: "report", record: key, unit: unit, day: today, db)
        guard let stored else {
          try db.execute(
            sql: "INSERT INTO report (id, unit, campaign, day, form, edition, by_question, doubt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [key, unit, campaign, day.description, form, edition, json, doubt?.rawValue])
          return .created
        }
        let isSameEdition = stored.form == form && [nil, edition].contains(stored.edition)
        if let before, isSameEdition, AnswerValue.json(before) == AnswerValue.json(answers.given) { return .unchanged }
        guard !reason.isEmpty else { throw SurveyFieldError.reasonNeeded(day: day) }
        guard reason.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
        try ReportChange.Writing(unit: unit, device: device, nowMs: nowMs, reason: reason)
          .insert(of: key, form: form, from: before ?? [:], to: answers.given, db)
        guard let before else {
          try db.execute(
            sql: "UPDATE report SET day = ?, form = ?, edition = ?, answers = NULL, by_question = ? WHERE id = ?",
            arguments: [day.description, form, edition, json, key])
          return .changed
        }
        try db.execute(
          sql: "UPDATE report SET form = ?, edition = ?, by_question = ? WHERE id = ?",
          arguments: [form, edition, try stored.byQuestion(changing: before, to: answers.given), key])
        return .changed
      }
      if let saving { return saving }
    }
  }

  /// Returns the reports here that this program can read, by day; `unreadableRows` returns the others.
  public func reports() async throws -> [FieldReport] {
    var reports: [FieldReport] = []
    let known: Campaign?
    do { known = try await campaign() } catch SurveyFieldError.unreadable { known = nil }
    let campaigns = try await storedCampaigns().campaigns.map(\.campaign)
    var validators: [String: AnswerValidator] = [:]
    for stored in try await storedReports(key: nil) {
      guard let day = stored.readableDay else { continue }
      let form = (stored.form ?? "").split(separator: "@", maxSplits: 1).map(String.init)
      let merged: (answers: [String: AnswerValue], overridden: [String: AnswerValue])
      do { merged = try await self.merged(stored) } catch SurveyFieldError.unreadable { continue }
      let (answers, overridden) = merged
      let (judge, isOfOther) = try await judge(of: stored, &validators)
      reports.append(
        FieldReport(
          unit: UnitCode(stored.unit), day: day, formID: form.first ?? "", formVersion: form.count == 2 ? form[1] : "",
          answers: judge?.settled(answers) ?? answers, overridden: overridden,
          invalid: InvalidReport(stored, answers, judge, isOfOtherDefinition: isOfOther, in: known?.orOther(of: campaigns, having: day))))
    }
    return reports
  }

  /// Returns the commune's report of a day; nil when none has arrived here that can be read.
  public func report(day: CalendarDay) async throws -> FieldReport? {
    let unit = try await unit()
    return try await reports().first { $0.day == day && $0.unit == unit }
  }

  /// Returns the judge of a report by its own edition of the form; nil when that edition is not here.
  func judge(of stored: StoredReport) async throws -> ReportJudge? {
    var none: [String: AnswerValidator] = [:]
    return try await judge(of: stored, &none).judge
  }

  /// Returns the judge of a report.
  ///
  /// - Returns: Also whether the definition here under the report's name is another than the one by which it was filed.
  private func judge(
    of stored: StoredReport, _ validators: inout [String: AnswerValidator]
  ) async throws -> (judge: ReportJudge?, isOfOther: Bool) {
    guard let key = stored.form else { return (nil, false) }
    if validators[key] == nil {
      let parts = key.split(separator: "@", maxSplits: 1).map(String.init)
      // Leaves out an unreadable edition; `unreadableRows` reports it.
      let edition: Form?
      do { edition = try await form(id: parts.first ?? "", version: parts.last) } catch SurveyFieldError.unreadable { edition = nil }
      guard parts.count == 2, let form = edition else { return (nil, false) }
      validators[key] = AnswerValidator(form: form, today: CalendarDay.first.description)
    }
    guard let validator = validators[key], [nil, validator.digest].contains(stored.edition) else { return (nil, true) }
    let staff = try await staff(of: stored.unit)
    return (ReportJudge(validator, unit: stored.unit, day: stored.day.flatMap { CalendarDay($0) }, staff: staff), false)
  }

  /// Returns the judge of a report of a day before it is filed.
  public func judge(_ form: Form, day: CalendarDay) async throws -> ReportJudge {
    let unit = try await unit().rawValue
    return ReportJudge(form: form, unit: unit, day: day, staff: try await staff(of: unit))
  }

  /// Returns the contradictions of a report with its form; nil when there are none.
  func invalidReport(_ key: String) async throws -> InvalidReport? {
    guard let stored = try await storedReports(key: key).first else { return nil }
    var none: [String: AnswerValidator] = [:]
    let (judge, isOfOther) = try await judge(of: stored, &none)
    return InvalidReport(
      stored, try await merged(stored).answers, judge, isOfOtherDefinition: isOfOther, in: try await campaign(having: stored.readableDay))
  }

  /// Returns a commune's headcount; nil before it has arrived.
  func staff(of unit: String) async throws -> Headcount.Staff? {
    try await read { db in
      let row = try Row.fetchOne(
        db, sql: "SELECT officials, civil_servants, part_time, eligible FROM headcount WHERE code = ?", arguments: [unit])
      return row.flatMap { row in
        func people(_ column: String) -> Int { row.integer(column).map { Int(clamping: $0) } ?? 0 }
        guard row.integer("eligible") != nil else { return nil }
        return Headcount.Staff(
          officials: people("officials"), civilServants: people("civil_servants"), partTime: people("part_time"),
          eligible: people("eligible"))
      }
    }
  }

  func storedReports(key: String?) async throws -> [StoredReport] {
    try await read { db in try StoredReport.fetchAll(db, key: key) }
  }

  /// Returns the standing answers of a report's questions, and the answers that a program of another version wrote.
  func merged(_ stored: StoredReport) async throws -> (answers: [String: AnswerValue], overridden: [String: AnswerValue]) {
    var standing = try AnswerValue.answers(stored: stored.answers, table: "report", id: stored.id)
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
    // Treats an unsealed write as newer than every sealed one.
    return history.isPending ? .max : history.writtenMs ?? 0
  }
}
