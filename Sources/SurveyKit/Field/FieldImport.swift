public import Foundation
internal import SyncKit

/// How an import went, or how far it has come.
public struct ImportCounts: Sendable, Hashable, Codable {
  /// Rows read, blank ones not counted.
  public var rows = 0
  /// Rows whose answers are durable on this device.
  public var accepted = 0
  public var rejected = 0
  /// Whether it was stopped before the end of the file. What was accepted stays, and importing again doubles nothing.
  public var isInterrupted = false

  public init() {}
}

/// What a file brought.
public struct ImportOutcome: Sendable, Hashable {
  public var counts = ImportCounts()
  /// In the order of the file: where, why, and what to do. They never quote an answer.
  public var rejected: [RejectedRow] = []
}

extension SurveyField {
  /// Answers written in one transaction while importing.
  public static let importRowsPerTransaction = 200

  /// Takes the answers in a CSV file that the form accepts, and says why it refuses the others.
  ///
  /// Rows are written `importRowsPerTransaction` at a time. Cancelling the task ends the import between two transactions. An
  /// imported answer's id follows from its `response_id` and the campaign, so that importing the file again, whole or after an
  /// interruption, leaves the hub with each answer once.
  ///
  /// - Parameter onProgress: Called after each transaction with the counts so far.
  /// A form that is closing still takes answers collected before; a closed one refuses the file.
  ///
  /// - Throws: `SurveyFieldError.formClosed`. `CSVImportError` when the file cannot be this form's answers: nothing was taken. `SyncError` when the store
  ///   refuses: earlier transactions stay.
  public func importAnswers(
    csv: Data, form: Form, onProgress: (@Sendable (ImportCounts) -> Void)? = nil
  ) async throws -> ImportOutcome {
    let campaign = try await requireCampaign()
    let key = SurveySchema.formKey(id: form.id, version: form.version)
    try await read { db in try Self.refuseClosed(key: key, id: form.id, in: db) }
    guard let units = try await units() else { throw SurveyFieldError.noUnits }
    let own = try await unit()
    let today = try await today()
    var rows = try AnswersCSVImporter(
      csv, form: form, knownUnits: Set(units.units.map(\.code.rawValue)), ownUnits: [own.rawValue],
      zoneOffsetMinutes: campaign.zoneOffsetMinutes, today: today.description)
    var outcome = ImportOutcome()
    var isAtEnd = false
    while !isAtEnd {
      var submissions: [AnswerSubmission] = []
      var read = 0
      while submissions.count < Self.importRowsPerTransaction, read < Self.importRowsPerTransaction * 10 {
        guard let row = rows.next() else {
          isAtEnd = true
          break
        }
        read += 1
        switch row {
        case .rejected(let row): outcome.rejected.append(row)
        case .accepted(let row):
          submissions.append(
            AnswerSubmission(
              row.answers, unit: UnitCode(row.unit), day: CalendarDay(row.day) ?? today, language: row.language,
              id: Self.importedID(campaign: campaign.id, responseID: row.responseID)))
        }
      }
      do {
        try Task.checkCancellation()
        if !submissions.isEmpty { try await submitAll(submissions, campaign: campaign.id) }
      } catch is CancellationError {
        outcome.counts.isInterrupted = true
        isAtEnd = true
        continue
      }
      outcome.counts.rows += read
      outcome.counts.accepted += submissions.count
      outcome.counts.rejected = outcome.rejected.count
      onProgress?(outcome.counts)
    }
    outcome.counts.rejected = outcome.rejected.count
    return outcome
  }
}
