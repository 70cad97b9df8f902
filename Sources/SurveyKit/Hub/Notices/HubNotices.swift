internal import Foundation
public import SurveyKit
internal import SyncHub

/// Message to be sent to one unit.
public struct NoticeDraft: Sendable, Hashable {
  public var unit: UnitCode
  public var words: String
  /// Report that is sent back; nil for a reminder.
  public var report: CalendarDay?

  public init(_ unit: UnitCode, _ words: String, report: CalendarDay? = nil) {
    (self.unit, self.words, self.report) = (unit, words, report)
  }
}

extension SurveyHub {
  /// Sends messages to units: all or none. A report may be sent back again; the later message then settles the earlier one.
  ///
  /// - Parameter known: Reminders of the last hour that the sender has seen; nil skips the question.
  /// - Returns: Common name of the messages.
  /// - Throws: `SyncError` when a text is missing or too long, a unit is unknown, or there is no such report; `RemindedAlready`
  ///   when a unit was reminded within the hour and the sender has not seen it.
  @discardableResult
  public func send(_ drafts: [NoticeDraft], by who: String, knowing known: Set<String>? = nil) async throws -> String {
    let drafts = try drafts.map { NoticeDraft($0.unit, try Notice.cleaned($0.words), report: $0.report) }
    let (sending, nowMs) = (SurveySchema.randomID(), nowMs)
    try await hub.write { session in
      if let known {
        let recent = try drafts.flatMap { draft in
          try Notice.all(
            "unit = ?1 AND sent_ms > ?2 AND kind = 'reminder' ORDER BY sent_ms DESC, id DESC LIMIT \(Notice.repliesMax)",
            [.text(draft.unit.rawValue), .integer(nowMs - RemindedAlready.askedMs)], in: session)
        }
        guard recent.allSatisfy({ known.contains($0.id) }) else { throw RemindedAlready(notices: recent) }
      }
      for draft in drafts {
        let unit = draft.unit.rawValue
        guard try session.firstRow("SELECT code FROM unit WHERE code = ?1 AND level = 'commune'", [.text(unit)]) != nil else {
          throw SyncError(.badRequest, vi: "Không có đơn vị \(unit).", en: "There is no unit \(unit).")
        }
        let report = draft.report.map { SurveySchema.reportKey(unit: unit, day: $0.description) }
        if let report, let day = draft.report {
          guard try session.firstRow("SELECT id FROM report WHERE id = ?1 AND unit = ?2", [.text(report), .text(unit)]) != nil else {
            throw SyncError(.badRequest, vi: "Không có báo cáo ngày \(day).", en: "There is no report of \(day).")
          }
          try session.execute(
            "UPDATE notice SET closed_ms = ?2, closed_by = ?3, closed_why = '' WHERE report = ?1 AND +unit = ?4 AND kind = 'return' AND closed_ms IS NULL",
            [.text(report), .integer(nowMs), .text(who), .text(unit)])
        }
        try session.execute(
          "INSERT INTO notice (id, unit, kind, report, words, sent_by, sent_ms, sending) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
          [
            .text(SurveySchema.randomID()), .text(unit), .text((report == nil ? Notice.Kind.reminder : .returned).rawValue),
            report.map { .text($0) } ?? .null, .text(draft.words), .text(who), .integer(nowMs), .text(sending),
          ])
      }
    }
    return sending
  }

  /// Settles a message: the report is in order, or is no longer asked for.
  ///
  /// - Throws: `SyncError` when it is settled already; `SurveyFieldError` without a reason.
  public func settle(notice id: String, by who: String, because why: String) async throws {
    let why = try Decision.checked(reason: why)
    let nowMs = nowMs
    try await hub.write { session in
      guard try session.firstRow("SELECT id FROM notice WHERE id = ?1 AND closed_ms IS NULL", [.text(id)]) != nil else {
        throw SyncError(.badRequest, vi: "Việc này đã xong rồi.", en: "This is settled already.")
      }
      try session.execute(
        "UPDATE notice SET closed_ms = ?2, closed_by = ?3, closed_why = ?4 WHERE id = ?1",
        [.text(id), .integer(nowMs), .text(who), .text(why)])
    }
  }

  /// Returns the messages to a unit, the newest first.
  public func notices(of unit: UnitCode) async throws -> [Notice] {
    try await hub.read { session in
      try Notice.all("unit = ?1 ORDER BY sent_ms DESC, id DESC LIMIT \(Notice.listedMax)", [.text(unit.rawValue)], in: session)
    }
  }

  /// Returns all messages of one act to a part of the tree, by unit.
  public func notices(sending: String, in day: OperatorDay) async throws -> [Notice] {
    let units = Set(day.units.map(\.unit))
    return try await hub.read { session in
      try Notice.all("sending = ?1 ORDER BY unit", [.text(sending)], in: session)
    }.filter { units.contains($0.unit) }
  }
}

extension Notice {
  /// Returns the notices that meet a condition, with their replies.
  static func all(_ condition: String, _ arguments: [CellValue] = [], in session: any HubSession) throws -> [Notice] {
    try session.rows("SELECT \(NoticeTables.columns) FROM notice WHERE \(condition)", arguments).compactMap { row in
      guard let id = row[0].text, let unit = row[1].text, let kind = row[2].text.flatMap(Kind.init(rawValue:)) else { return nil }
      let closing = row[8].integer.map { Closing(ms: $0, by: row[9].text ?? "", why: row[10].text ?? "") }
      let replies = try session.rows(
        "SELECT \(NoticeTables.replyColumns) FROM notice_reply WHERE notice = ?1 ORDER BY at_ms, id LIMIT \(repliesMax)", [.text(id)]
      ).map { reply in
        Reply(
          ms: reply[0].integer ?? 0, device: ReportChange.cleaned(reply[1].text), words: ReportChange.cleaned(reply[2].text),
          correction: reply[3].text)
      }
      return Notice(
        id: id, unit: UnitCode(unit), kind: kind, day: day(ofReport: row[3].text), words: row[4].text ?? "", by: row[5].text ?? "",
        sentMs: row[6].integer ?? 0, sending: row[7].text ?? "", closing: closing, replies: replies)
    }
  }

  /// Returns reports that are sent back and not settled, the oldest first.
  static func returned(in session: any HubSession) throws -> [Notice] {
    try all("kind = 'return' AND closed_ms IS NULL ORDER BY +sent_ms, id LIMIT \(openMax)", in: session)
  }

  /// Unsettled returns that are read.
  static let openMax = 5_000
  /// Reminders of a day that are read.
  static let remindersMax = 20_000

  /// Returns the reminders since a moment, the newest first.
  static func reminders(sinceMs: Int64, in session: any HubSession) throws -> [Notice] {
    try all(
      "sent_ms >= ?1 AND kind = 'reminder' ORDER BY sent_ms DESC, id DESC LIMIT \(remindersMax)", [.integer(sinceMs)], in: session)
  }
}

extension ActLook {
  /// Counts messages to units, and the settled ones.
  public static let notices: Look = { session in
    [
      "messages": "\(try session.integer("SELECT count(*) FROM notice") ?? 0)",
      "settled": "\(try session.integer("SELECT count(*) FROM notice WHERE closed_ms IS NOT NULL") ?? 0)",
    ]
  }
}
