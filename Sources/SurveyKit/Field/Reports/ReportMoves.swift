internal import Crypto
internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

/// Result of moving a report to another day.
public struct ReportMove: Sendable, Hashable, Codable {
  /// True when there was a report of the right day already, into which this one was merged.
  public var isMerged: Bool
  /// Questions that both had answered differently: the answer of the right day's report stands, the other is kept with the reason.
  public var kept: [String]
}

extension SurveyField {
  /// Corrects the day of a filed report: in one transaction its row is deleted and a row for the right day inserted, with the
  /// reason. An existing report of the right day gets the answers that it lacks.
  ///
  /// Moving a report to its own day confirms that the day is right.
  ///
  /// - Throws: `SurveyFieldError` `.noReport`, `.noReason` and `.reasonTooLong`; nothing is written.
  public func moveReport(from wrong: CalendarDay, to right: CalendarDay, reason: String) async throws -> ReportMove {
    let writing = try await writing(reason)
    let (key, target) = (Self.reportKey(writing, wrong), Self.reportKey(writing, right))
    while true {
      guard let stored = try await storedReports(key: key).first else { throw SurveyFieldError.noReport(day: wrong) }
      let judge = try await judge(of: stored)
      let standing = try await given(stored, judge)
      let other = wrong == right ? nil : try await storedReports(key: target).first
      let otherJudge = try await other.asyncMap { try await self.judge(of: $0) } ?? nil
      let otherStanding = try await other.asyncMap { try await given($0, otherJudge) } ?? [:]
      var moved = standing
      if let question = judge?.form.dayQuestion { moved[question] = .date(right.description) }
      let union = moved.merging(otherStanding) { $1 }
      let kept = moved.filter { question, answer in otherStanding[question].map { $0.json != answer.json } ?? false }.keys.sorted()
      let (from, all) = (stored, moved)
      let campaign = try await requireCampaign(asking: stored.form).id
      let hasLeft = try await hasLeft("report", key)
      let move = try await write { db -> ReportMove? in
        // Reads again when a row has changed since.
        guard try StoredReport.fetchAll(db, key: key).first == from else { return nil }
        if wrong != right, try StoredReport.fetchAll(db, key: target).first != other { return nil }
        if wrong == right || hasLeft {
          try writing.insert(of: key, form: from.form, from: standing, to: wrong == right ? standing : [:], db)
        } else {
          // Moves the corrections too: the report never left this device, so nothing refers to its wrong day.
          try db.execute(sql: "UPDATE report_change SET report = ? WHERE report = ?", arguments: [target, key])
        }
        if wrong == right {
          try db.execute(sql: "UPDATE report SET doubt = NULL WHERE id = ?", arguments: [key])
          return ReportMove(isMerged: false, kept: [])
        }
        try db.execute(sql: "DELETE FROM report WHERE id = ?", arguments: [key])
        try writing.insert(of: target, form: from.form, from: otherStanding, to: union, db)
        if let other {
          try db.execute(
            sql: "UPDATE report SET by_question = ? WHERE id = ?",
            arguments: [try other.byQuestion(changing: otherStanding, to: union), target])
        } else {
          try db.execute(
            sql: "INSERT INTO report (id, unit, campaign, day, form, edition, by_question) VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
              target, writing.unit, campaign, right.description, from.form, from.edition,
              String(decoding: AnswerValue.json(all), as: UTF8.self),
            ])
        }
        try Self.movePhotos(from: key, to: target, unit: writing.unit, db)
        return ReportMove(isMerged: other != nil, kept: kept)
      }
      if let move { return move }
    }
  }

  static func reportKey(_ writing: ReportChange.Writing, _ day: CalendarDay) -> String {
    SurveySchema.reportKey(unit: writing.unit, day: day.description)
  }

  /// Returns the answers in a report that people gave.
  func given(_ stored: StoredReport, _ judge: ReportJudge?) async throws -> [String: AnswerValue] {
    try await merged(stored).answers.without(judge?.form.calculated ?? [])
  }

  /// Moves photos to new rows: a photo's key is computed from its record.
  private static func movePhotos(from key: String, to target: String, unit: String, _ db: Database) throws {
    for row in try Row.fetchAll(
      db, sql: "SELECT id, question, blob FROM attachment WHERE tbl = 'report' AND record = ? ORDER BY id", arguments: [key])
    {
      guard let id = row.text("id"), let blob = row.text("blob") else { continue }
      let new = photoID(unit: unit, of: "report", record: target, question: row.text("question"), blob: blob)
      try db.execute(
        sql: """
          INSERT INTO attachment (id, unit, tbl, record, question, blob, media, bytes, width, height, day)
          SELECT ?, unit, tbl, ?, question, blob, media, bytes, width, height, day FROM attachment WHERE id = ? ON CONFLICT (id) DO NOTHING
          """, arguments: [new, target, id])
      try db.execute(sql: "DELETE FROM attachment WHERE id = ?", arguments: [id])
    }
  }
}
