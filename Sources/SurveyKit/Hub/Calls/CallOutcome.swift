public import SurveyKit

/// Outcome of calling a unit.
public enum CallOutcome: String, Sendable, Hashable, Codable, CaseIterable {
  /// A person is calling right now: others see it.
  case calling
  /// The unit promised to be done by an hour.
  case promised
  case unreachable
  case solved
  /// The caller told somebody higher up.
  case passedUp
}

/// Call as the hub keeps it. Rows are only added.
public struct UnitCall: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// Hub time in milliseconds.
  public var atMs: Int64
  /// Name of the person who called.
  public var by: String
  public var outcome: CallOutcome
  /// Hub time until which the unit promised; nil without a promise.
  public var untilMs: Int64?
  public var note: String

  public init(unit: UnitCode, atMs: Int64, by who: String, outcome: CallOutcome, untilMs: Int64? = nil, note: String) {
    (self.unit, self.atMs, by, self.outcome, self.untilMs, self.note) = (unit, atMs, who, outcome, untilMs, note)
  }

  /// Milliseconds after which a call that began is over: ten minutes.
  public static let callingMsMax: Int64 = 600_000
  /// Characters of a note.
  public static let noteLengthMax = 300

  public func isCalling(atMs nowMs: Int64) -> Bool { outcome == .calling && nowMs - atMs < Self.callingMsMax }
  public func isPromiseDue(atMs nowMs: Int64) -> Bool { outcome == .promised && untilMs.map { $0 <= nowMs } ?? false }
  public func isPromised(atMs nowMs: Int64) -> Bool { outcome == .promised && untilMs.map { $0 > nowMs } ?? false }
}

/// Person to call in a unit.
public struct UnitContact: Sendable, Hashable, Codable {
  public var unit: UnitCode
  public var role: String
  public var name: String
  public var phone: String
  /// True when the person joined the chat group.
  public var hasJoined: Bool

  public init(unit: UnitCode, role: String, name: String, phone: String, hasJoined: Bool) {
    (self.unit, self.role, self.name, self.phone, self.hasJoined) = (unit, role, name, phone, hasJoined)
  }

  /// Number as a phone dials it; empty without a number.
  public var dialled: String { String(phone.filter { $0.isASCII && ($0.isNumber || $0 == "+") }) }
}
