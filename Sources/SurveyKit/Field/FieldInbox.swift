internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

extension SurveyField {
  /// Returns the messages of operators to this device's unit, the newest first.
  public func notices() async throws -> [Notice] {
    try await read { db in
      let sql = "SELECT \(NoticeTables.columns) FROM notice ORDER BY sent_ms DESC, id DESC LIMIT \(Notice.listedMax)"
      return try Row.fetchAll(db, sql: sql).compactMap { row in
        guard var notice = Notice(row) else { return nil }
        notice.replies = try Row.fetchAll(
          db,
          sql:
            "SELECT \(NoticeTables.replyColumns) FROM notice_reply WHERE notice = ? ORDER BY at_ms, id LIMIT \(Notice.repliesMax)",
          arguments: [notice.id]
        ).map { Notice.Reply($0) }
        return notice
      }
    }
  }

  /// Acknowledges messages, or answers them in words. A message to which somebody of the unit has replied is not acknowledged
  /// again.
  ///
  /// - Parameter ids: Ids of messages here, or their first characters.
  /// - Returns: The messages that were replied to.
  /// - Throws: `SyncError` when an id names no message here, or more than one; `SurveyFieldError` `.reasonTooLong`. Nothing is
  ///   written.
  @discardableResult
  public func reply(to ids: [String], words: String? = nil) async throws -> [Notice] {
    let words = ReportChange.cleaned(words)
    guard words.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
    let notices = try await notices()
    let asked = try ids.map { id in
      let found = notices.filter { !id.isEmpty && $0.id.hasPrefix(id) }
      guard found.count == 1, let notice = found.first else {
        throw SyncError(
          .badRequest, vi: "Không có đúng một tin bắt đầu bằng \(id); xem field inbox.",
          en: "There is not exactly one message that begins with \(id); see field inbox.")
      }
      return notice
    }
    let chosen = asked.filter { !words.isEmpty || $0.replies.isEmpty }
    let (device, nowMs) = (try await ownName(), try await hubTimeMs())
    try await write { db in
      for notice in chosen {
        try Notice.insertReply(to: notice.id, unit: notice.unit.rawValue, device: device, nowMs: nowMs, words: words, db)
      }
    }
    return chosen
  }
}

extension Notice {
  /// Reads a message; nil for a kind that this program does not know.
  fileprivate init?(_ row: Row) {
    guard let id = row.text("id"), let kind = row.text("kind").flatMap(Kind.init(rawValue:)) else { return nil }
    let closedMs = row.integer("closed_ms")
    self.init(
      id: id, unit: UnitCode(row.text("unit") ?? ""), kind: kind, day: Notice.day(ofReport: row.text("report")),
      words: row.text("words") ?? "",
      by: row.text("sent_by") ?? "", sentMs: row.integer("sent_ms") ?? 0, sending: row.text("sending") ?? "",
      closing: closedMs.map { Closing(ms: $0, by: row.text("closed_by") ?? "", why: row.text("closed_why") ?? "") }, replies: [])
  }

  fileprivate static func insertReply(
    to notice: String, unit: String, device: String, nowMs: Int64, words: String, correction: String? = nil, _ db: Database
  ) throws {
    try db.execute(
      sql: "INSERT INTO notice_reply (id, unit, notice, at_ms, device, words, correction) VALUES (?, ?, ?, ?, ?, ?, ?)",
      arguments: [
        SurveySchema.randomID(), unit, notice, nowMs - nowMs % ReportChange.msPerMinute, device, words.isEmpty ? nil : words, correction,
      ])
  }

  /// Replies to requests for a correction of a record, in the transaction that corrects it.
  static func answer(_ record: String, by correction: String, _ writing: ReportChange.Writing, _ db: Database) throws {
    let open = try Row.fetchAll(
      db,
      sql: """
        SELECT n.id FROM notice n WHERE n.unit = ? AND n.kind = 'return' AND n.report = ? AND n.closed_ms IS NULL
        AND NOT EXISTS (SELECT 1 FROM notice_reply r WHERE r.notice = n.id AND r.correction IS NOT NULL)
        """, arguments: [writing.unit, record]
    ).compactMap { $0.text("id") }
    for id in open {
      try insertReply(
        to: id, unit: writing.unit, device: writing.device, nowMs: writing.nowMs, words: writing.reason, correction: correction, db)
    }
  }
}

extension Notice.Reply {
  fileprivate init(_ row: Row) {
    self.init(
      ms: row.integer("at_ms") ?? 0, device: row.text("device") ?? "", words: row.text("words") ?? "", correction: row.text("correction"))
  }
}
