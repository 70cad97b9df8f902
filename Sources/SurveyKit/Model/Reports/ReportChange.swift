internal import Foundation
internal import SyncCore

/// One correction of a filed report, as it was made: it replicates like the report itself and is never changed.
public struct ReportChange: Sendable, Hashable {
  /// Longest reason, in bytes of UTF-8.
  public static let reasonBytesMax = 1_000
  package static let msPerMinute: Int64 = 60_000

  public var day: CalendarDay
  /// When, by hub time as far as the device knew it, in milliseconds, to the minute.
  public var changedMs: Int64
  /// The device's label, else eight digits of its identity.
  public var device: String
  public var reason: String
  /// Answers that were changed or removed, as they were.
  public var before: [String: AnswerValue]
  /// Answers that were changed or added, as they became.
  public var after: [String: AnswerValue]

  package init(
    day: CalendarDay, changedMs: Int64, device: String, reason: String, before: [String: AnswerValue], after: [String: AnswerValue]
  ) {
    self.day = day
    self.changedMs = changedMs
    self.device = device
    self.reason = reason
    self.before = before
    self.after = after
  }

  /// A reason in its one spelling: one line, trimmed, in NFC; empty when there is none.
  package static func cleaned(_ reason: String?) -> String {
    let words = (reason ?? "").nfc.split { $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
    return words.joined(separator: " ")
  }

  /// The answers that differ, as JSON objects.
  package static func difference(from standing: [String: AnswerValue], to given: [String: AnswerValue]) -> (before: String, after: String) {
    let before = standing.mapValues(\.json)
    let after = given.mapValues(\.json)
    func text(_ members: [String: CanonicalJSON], other: [String: CanonicalJSON]) -> String {
      String(decoding: CanonicalJSON.object(members.filter { other[$0.key] != $0.value }).data, as: UTF8.self)
    }
    return (text(before, other: after), text(after, other: before))
  }
}
