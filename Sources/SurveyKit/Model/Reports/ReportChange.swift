internal import Foundation
internal import SyncCore

/// Correction of a filed report, as it was made: it replicates like the report itself and is never changed.
public struct ReportChange: Sendable, Hashable {
  /// Bytes of UTF-8 in a reason.
  public static let reasonBytesMax = 1_000
  package static let msPerMinute: Int64 = 60_000

  public var day: CalendarDay
  /// Hub time in milliseconds, as far as the device knew it, to the minute.
  public var changedMs: Int64
  /// Label of the device, otherwise eight digits of its identity.
  public var device: String
  public var reason: String
  /// Answers that were changed or removed, before the correction.
  public var before: [String: AnswerValue]
  /// Answers that were changed or added, after the correction.
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

  /// Returns a reason in canonical spelling: one line, trimmed, in NFC; empty when there is none.
  package static func cleaned(_ reason: String?) -> String {
    let words = (reason ?? "").nfc.split { $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
    return words.joined(separator: " ")
  }

  /// Returns the differing answers, as JSON objects.
  package static func difference(from standing: [String: AnswerValue], to given: [String: AnswerValue]) -> (before: String, after: String) {
    let before = standing.mapValues(\.json)
    let after = given.mapValues(\.json)
    func text(_ members: [String: CanonicalJSON], other: [String: CanonicalJSON]) -> String {
      String(decoding: CanonicalJSON.object(members.filter { other[$0.key] != $0.value }).data, as: UTF8.self)
    }
    return (text(before, other: after), text(after, other: before))
  }
}
