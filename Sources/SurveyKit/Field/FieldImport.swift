internal import Crypto
public import Foundation
internal import GRDB
public import SurveyKit
public import SyncKit

/// Counts of an import, during and after it.
public struct ImportCounts: Sendable, Hashable, Codable {
  /// Rows read, blank ones not counted.
  public var rows = 0
  /// Rows whose answers are durable on this device: `new` and `seen` together.
  public var accepted = 0
  /// Accepted rows that this device had not imported before.
  public var new = 0
  /// Accepted rows that this device had imported before as they are: sent again, they double nothing.
  public var seen = 0
  public var rejected = 0
  /// Rows whose number was imported with other content: accepted or rejected, as requested.
  public var changed = 0
  /// Accepted rows whose day is outside the campaign: they count at the hub, without a day.
  public var daysOutside = 0
  /// Rows whose unit's code got back the zeros that a spreadsheet had dropped.
  public var zerosRestored = 0
  /// True when the import was stopped before the end of the file. Accepted rows stay, and importing again doubles none.
  public var isInterrupted = false

  public init() {}
}

/// Treatment of rows whose number was imported with other content.
public enum ChangedRows: Sendable {
  /// Refuse them with the reason, so that a person decides.
  case refuse
  /// Accept them like others: they are other people's sheets.
  case take
  /// Accept them, but no other rows: those were accepted before.
  case only
}

/// Result of an import.
public struct ImportOutcome: Sendable {
  public var counts = ImportCounts()
  /// Reason why it ended before the end of the file: the store accepted no more. Accepted rows stay, and importing again doubles
  /// none.
  public var stopped: (any ExplainedError)?
  /// Rejected rows in the order of the file: where, why, and the remedy. They never quote an answer.
  public var rejected: [RejectedRow] = []
  /// Remarks about how the file was read: its code page, headings in another spelling.
  public var remarks: [LocalizedText] = []
}

extension ImportOutcome {
  /// Text with the refusals, a line for each kind: its first row, how many more there are and where.
  public var refusals: LocalizedText {
    MistakeLines.capped(MistakeLines.grouped(rejected.map { (MistakeLines.kind(of: $0.explanation.en), $0.line, $0.explanation) }))
  }
}

extension SurveyField {
  /// Answers written in one transaction while importing.
  public static let importRowsPerTransaction = 200

  /// Imports the answers in a CSV file that the form accepts, and reports why it refuses the others.
  ///
  /// A row whose number this device imported before with other content, in this file or another, is refused with the reason
  /// `.changed` unless `changed` says otherwise. Only a person can tell here whether it is another sheet or a correction. The hub
  /// keeps such rows, and counts them apart.
  ///
  /// Rows are written `importRowsPerTransaction` at a time. Cancelling the task ends the import between two transactions. An
  /// imported answer's id is computed from its `response_id`, commune, form and content. Importing the file again, whole or after
  /// an interruption, therefore leaves the hub with each answer once.
  ///
  /// A form that is closing still accepts answers collected before; a closed one refuses the file.
  ///
  /// - Parameters:
  ///   - encoding: Encoding of the file, if somebody stated it; nil detects it.
  ///   - onProgress: Called after each transaction with the counts so far.
  /// - Throws: `SurveyFieldError` `.formClosed`, `.isReport`. `CSVImportError` when the file cannot be this form's answers; `SyncError` when the
  ///   store refuses. Nothing was stored then; otherwise `ImportOutcome.stopped` tells why the rest was not.
  public func importAnswers(
    csv: Data, encoding: TextEncoding? = nil, form: Form, changed: ChangedRows = .refuse,
    onProgress: (@Sendable (ImportCounts) -> Void)? = nil
  ) async throws -> ImportOutcome {
    let campaign = try await requireCampaign(asking: form.id)
    guard !campaign.isOnlyReport(form.id) else { throw SurveyFieldError.isReport(id: form.id) }
    let key = SurveySchema.formKey(id: form.id, version: form.version)
    try await read { db in try Self.refuseClosed(key: key, id: form.id, in: db) }
    guard let units = try await units() else { throw SurveyFieldError.noUnits }
    let own = try await unit()
    let today = try await campaignToday(asking: form.id).certainDay
    var rows = try AnswersCSVImporter(
      csv, encoding: encoding, form: form, knownUnits: Set(units.units.map(\.code.rawValue)), ownUnits: [own.rawValue],
      zoneOffsetMinutes: campaign.zoneOffsetMinutes, today: today?.description)
    let memory = ImportMemory(campaign: campaign.id, form: key, key: try replica.secret(for: "imported numbers"))
    let awaited = try await openCampaigns().map(\.id)
    try await write { db in try memory.forget(allBut: awaited, db) }
    var outcome = ImportOutcome()
    outcome.remarks = rows.remarks
    var isAtEnd = false
    while !isAtEnd {
      var accepted: [AcceptedRow] = []
      var read = 0
      while accepted.count < Self.importRowsPerTransaction, read < Self.importRowsPerTransaction * 10 {
        guard let row = rows.next() else {
          isAtEnd = true
          break
        }
        read += 1
        switch row {
        case .rejected(let row): outcome.rejected.append(row)
        case .accepted(let row): accepted.append(row)
        }
      }
      let (taken, seen): (Int, Int)
      do {
        try Task.checkCancellation()
        let known = accepted
        let standings = try await self.read { db in try known.map { try memory.standing(memory.mark($0), db) } }
        let areChanged = zip(known, standings).map { $0.isReused || $1 == .changed }
        outcome.counts.changed += areChanged.count { $0 }
        if changed == .refuse { outcome.rejected += zip(accepted, areChanged).compactMap { $1 ? $0.asChanged : nil } }
        let wanted = zip(accepted, areChanged).compactMap { row, isChanged in
          switch changed {
          case .take: row
          case .refuse: isChanged ? nil : row
          case .only: isChanged ? row : nil
          }
        }
        let repeated = zip(areChanged, standings).count { !$0 && $1 == .seen }
        (taken, seen) = (wanted.count, changed == .only ? 0 : repeated)
        let outside = wanted.count { row in CalendarDay(row.day).map { !campaign.days.contains($0) } ?? false }
        if !wanted.isEmpty {
          let submissions = wanted.map { row in
            let number = SurveySchema.importedID(campaign: campaign.id, responseID: row.responseID)
            let day = CalendarDay(row.day) ?? today
            return AnswerSubmission(
              row.answers, unit: UnitCode(row.unit), day: day, language: row.language,
              id: SurveySchema.contentID(
                number: number, unit: row.unit, form: key, day: day?.description,
                answers: String(decoding: row.answers.canonicalJSON, as: UTF8.self)),
              earlierID: number)
          }
          try await submitAll(submissions, campaigns: [form.id: campaign.id]) { db in try memory.keep(wanted.map(memory.mark), db) }
        }
        outcome.counts.daysOutside += outside
      } catch is CancellationError {
        outcome.counts.isInterrupted = true
        isAtEnd = true
        continue
      } catch let error as any ExplainedError where outcome.counts.accepted > 0 {
        outcome.stopped = error
        isAtEnd = true
        continue
      }
      outcome.counts.rows += read
      outcome.counts.accepted += taken
      outcome.counts.seen += seen
      outcome.counts.new += taken - seen
      outcome.counts.zerosRestored = rows.zerosRestored
      outcome.counts.rejected = outcome.rejected.count
      onProgress?(outcome.counts)
    }
    outcome.counts.rejected = outcome.rejected.count
    return outcome
  }
}

/// Memory of imported numbers until a campaign is over and another one's are imported: hashes with a key that is not in the store.
private struct ImportMemory: Sendable {
  struct Mark: Sendable {
    var number: Data
    var content: Data
  }

  let campaign: String
  /// Edition as `form@version`.
  let form: String
  let key: Data

  func mark(_ row: AcceptedRow) -> Mark {
    Mark(
      number: hash("number\0\(row.unit)\0\(form)\0\(row.responseID)"),
      content: hash("content\0\(row.day)\0" + String(decoding: row.answers.canonicalJSON, as: UTF8.self)))
  }

  private func hash(_ text: String) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: SymmetricKey(data: key)).prefix(16))
  }

  enum Standing {
    case new
    /// The number was imported with this content.
    case seen
    /// The number was imported with other content, and not with this.
    case changed
  }

  func standing(_ mark: Mark, _ db: Database) throws -> Standing {
    let known = try Data.fetchAll(
      db, sql: "SELECT content FROM imported_number WHERE campaign = ? AND number = ?", arguments: [campaign, mark.number])
    return known.isEmpty ? .new : known.contains(mark.content) ? .seen : .changed
  }

  func keep(_ marks: [Mark], _ db: Database) throws {
    for mark in marks {
      try db.execute(
        sql: "INSERT INTO imported_number (campaign, number, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        arguments: [campaign, mark.number, mark.content])
    }
  }

  /// Deletes the numbers of other campaigns.
  ///
  /// - Parameter awaited: Campaigns of which more may be imported, beside this one.
  func forget(allBut awaited: [String], _ db: Database) throws {
    let kept = Set(awaited + [campaign])
    for id in try String.fetchAll(db, sql: "SELECT DISTINCT campaign FROM imported_number") where !kept.contains(id) {
      try db.execute(sql: "DELETE FROM imported_number WHERE campaign = ?", arguments: [id])
    }
  }
}
