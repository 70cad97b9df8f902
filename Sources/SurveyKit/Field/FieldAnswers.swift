internal import Crypto
internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

extension SurveyField {
  /// Stores one answered form. When the call returns, the answer is durable, encrypted, and unreadable on this device.
  ///
  /// A form that is closing still accepts answers that were begun before; a closed one does not.
  ///
  /// - Throws: `SyncError` when nothing was written; `SurveyFieldError` `.noCampaign`, `.formClosed`, `.isReport`.
  public func submit(
    _ answers: ValidatedAnswers, unit: UnitCode, day: CalendarDay?, language: String, id: String? = nil
  ) async throws {
    try await submitAll([AnswerSubmission(answers, unit: unit, day: day, language: language, id: id)])
  }

  /// Stores several answered forms in one transaction: all of them, or none with an error.
  public func submitAll(_ submissions: [AnswerSubmission]) async throws {
    var campaigns: [String: String] = [:]
    for form in Set(submissions.map(\.answers.formID)) {
      let campaign = try await requireCampaign(asking: form)
      guard !campaign.isOnlyReport(form) else { throw SurveyFieldError.isReport(id: form) }
      campaigns[form] = campaign.id
    }
    try await submitAll(submissions, campaigns: campaigns)
  }

  /// Stores answered forms.
  ///
  /// - Parameters:
  ///   - campaigns: Campaigns by form.
  ///   - alongside: Called in the same transaction.
  func submitAll(
    _ submissions: [AnswerSubmission], campaigns: [String: String], alongside: @Sendable @escaping (Database) throws -> Void = { _ in }
  ) async throws {
    let rows = submissions.map { submission -> [String?] in
      [
        submission.id ?? SurveySchema.randomID(), submission.unit.rawValue, campaigns[submission.answers.formID],
        SurveySchema.formKey(id: submission.answers.formID, version: submission.answers.formVersion), submission.day?.description,
        submission.language, String(decoding: submission.answers.canonicalJSON, as: UTF8.self), submission.answers.formDigest,
        submission.earlierID,
      ]
    }
    let forms = Dictionary(
      submissions.map { (SurveySchema.formKey(id: $0.answers.formID, version: $0.answers.formVersion), $0.answers.formID) },
      uniquingKeysWith: { first, _ in first })
    try await write { [replica] db in
      for (key, id) in forms { try Self.refuseClosed(key: key, id: id, in: db) }
      let statement = try db.cachedStatement(
        sql: "INSERT INTO answer (id, unit, campaign, form, day, language, answers, edition, earlier_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
      )
      try alongside(db)
      try replica.insertTogether(in: db) {
        for row in rows { try statement.execute(arguments: StatementArguments(row)) }
      }
    }
    // Ignores a failure, because the answers are kept; the next start tries again.
    _ = try? await replica.forgetOrder()
  }

  /// Throws when an edition is closed.
  ///
  /// - Throws: `SurveyFieldError.formClosed` when that edition is closed, as far as the device knows.
  static func refuseClosed(key: String, id: String, in db: Database) throws {
    let state = try Row.fetchOne(db, sql: "SELECT state FROM form WHERE id = ?", arguments: [key])?.text("state")
    if state == FormState.closed.rawValue { throw SurveyFieldError.formClosed(id: id) }
  }
}
