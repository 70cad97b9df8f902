internal import Foundation
package import SyncCore

/// Message of an operator to one unit's group: a report that is sent back, or a reminder. It travels to the unit's devices like
/// every row, and their replies come back the same way.
public struct Notice: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// A report that must be checked and corrected with a reason.
    case returned = "return"
    case reminder
  }

  /// Party that has the next step.
  public enum Turn: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nobody of the unit has seen it, as far as is known here.
    case unseen
    /// The unit has seen it and must act.
    case unit
    /// The unit has corrected or replied: an operator must check.
    case hub
    case settled
  }

  public var id: String
  public var unit: UnitCode
  public var kind: Kind
  /// Day of the report that is sent back; nil for a reminder.
  public var day: CalendarDay?
  public var words: String
  /// Person who sent it.
  public var by: String
  /// Hub time in milliseconds.
  public var sentMs: Int64
  /// Common name of all notices of one act.
  public var sending: String
  /// Operator's closing; nil while the notice is not settled.
  public var closing: Closing?
  /// Replies, oldest first.
  public var replies: [Reply]

  package init(
    id: String, unit: UnitCode, kind: Kind, day: CalendarDay?, words: String, by who: String, sentMs: Int64, sending: String,
    closing: Closing?,
    replies: [Reply]
  ) {
    (self.id, self.unit, self.kind, self.day, self.words) = (id, unit, kind, day, words)
    (by, self.sentMs, self.sending, self.closing, self.replies) = (who, sentMs, sending, closing, replies)
  }

  /// Returns the day in a report's key; nil for a reminder.
  package static func day(ofReport key: String?) -> CalendarDay? { key?.split(separator: "/").last.flatMap { CalendarDay(String($0)) } }

  public struct Closing: Sendable, Hashable, Codable {
    /// Hub time in milliseconds.
    public var ms: Int64
    public var by: String
    public var why: String

    package init(ms: Int64, by who: String, why: String) { (self.ms, by, self.why) = (ms, who, why) }
  }

  /// Reply of the unit: seen, answered in words, or corrected.
  public struct Reply: Sendable, Hashable, Codable {
    /// Hub time in milliseconds, as far as the device knew it.
    public var ms: Int64
    /// Label of the device.
    public var device: String
    public var words: String
    /// Id of the correction that was made; nil for words, and for a mere acknowledgement.
    public var correction: String?

    package init(ms: Int64, device: String, words: String, correction: String?) {
      (self.ms, self.device, self.words, self.correction) = (ms, device, words, correction)
    }

    public var isAnswer: Bool { correction != nil || !words.isEmpty }
  }

  public var turn: Turn {
    if closing != nil { return .settled }
    if kind == .reminder { return replies.isEmpty ? .unseen : .settled }
    return replies.contains(where: \.isAnswer) ? .hub : replies.isEmpty ? .unseen : .unit
  }

  /// True when the unit still has to correct a report, or to answer for it.
  public var asksForCorrection: Bool { kind == .returned && (turn == .unseen || turn == .unit) }

  /// First reply of somebody who saw it.
  public var seen: Reply? { replies.first }
  /// Latest reply with words or a correction.
  public var answer: Reply? { replies.last(where: \.isAnswer) }

  /// Bytes of UTF-8 in the text of a notice.
  public static let wordsBytesMax = 2_000
  /// Notices that are listed at once, the latest.
  public static let listedMax = 200
  /// Replies to one notice that are read.
  public static let repliesMax = 50

  /// Returns a text in canonical spelling: trimmed, in NFC, without invisible characters but line breaks.
  ///
  /// - Throws: A sentence when it is empty or too long.
  package static func cleaned(_ words: String) throws -> String {
    let words = PostWords.cleaned(words)
    guard !words.isEmpty else { throw SyncError(.badRequest, vi: "Chưa ghi lời nhắn.", en: "There is no message.") }
    guard words.utf8.count <= wordsBytesMax else {
      throw SyncError(
        .badRequest, vi: "Lời nhắn dài quá \(wordsBytesMax) byte; hãy rút ngắn.",
        en: "The message is longer than \(wordsBytesMax) bytes; shorten it.")
    }
    return words
  }
}

/// Tables of notices, the same on devices and hub.
package enum NoticeTables {
  /// Table of notices, written by the hub; the columns about the closing are empty until then.
  package static let notice = ReplicatedTable("notice", scopeColumn: "unit", writer: .hub)
  /// Table of replies, written by devices of the unit, one row for each reply, never changed.
  package static let reply = ReplicatedTable(
    "notice_reply", scopeColumn: "unit", references: ["notice": "notice"], formats: ["at_ms": .count], required: ["notice"], isUrgent: true)

  package static let schema = """
    CREATE TABLE notice (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, kind TEXT, report TEXT, words TEXT, sent_by TEXT, sent_ms INTEGER, sending TEXT,
      closed_ms INTEGER, closed_by TEXT, closed_why TEXT) WITHOUT ROWID;
    CREATE TABLE notice_reply (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, notice TEXT, at_ms INTEGER, device TEXT, words TEXT, correction TEXT) WITHOUT ROWID;
    CREATE INDEX notice_unit ON notice (unit, sent_ms);
    CREATE INDEX notice_reply_notice ON notice_reply (notice);

    """

  /// Indexes local to the hub: find unsettled returns, and all messages of one act.
  package static let hubIndexes = """
    CREATE INDEX notice_kind ON notice (kind, closed_ms, unit);
    CREATE INDEX notice_sent ON notice (kind, sent_ms);
    CREATE INDEX notice_report ON notice (report, sent_ms);
    CREATE INDEX notice_sending ON notice (sending);
    """

  package static let columns = "id, unit, kind, report, words, sent_by, sent_ms, sending, closed_ms, closed_by, closed_why"
  package static let replyColumns = "at_ms, device, words, correction"
}
