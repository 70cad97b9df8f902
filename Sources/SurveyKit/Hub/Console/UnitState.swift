public import SurveyKit

/// State of a unit at one moment: exactly one, the first that fits, in the order of urgency.
public enum UnitState: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// None of its devices ever called, and no answer came by the web form.
  case neverInContact
  /// Fewer answers than expected came, and no contact for `UnitFacts.silentAfterMs`.
  case silent
  /// A device of the unit needs attention.
  case deviceTrouble
  /// Devices are in contact, but something due is missing.
  case late
  /// Answers are coming in.
  case onTheWay
  /// Nothing is due, and no more answers are expected by now.
  case nothingDue
  /// All that is due is in.
  case complete

  /// True when a person must call.
  public var needsCall: Bool { self == .neverInContact || self == .silent || self == .deviceTrouble }
  /// True when a person must act, by a call or a reminder.
  public var needsAct: Bool { self <= .late }

  public static func < (a: UnitState, b: UnitState) -> Bool { a.rank < b.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Trouble of a device, as far as the hub can tell.
public enum DeviceTrouble: Sendable, Hashable, Codable {
  /// The device is revoked, but still sends: this number of batches and answers wait for a decision.
  case revokedSends(batches: Int, answers: Int)
  /// A batch of it is refused, or waits for an earlier one that never came.
  case stuck
  /// The device holds other data than the hub.
  case differs
  /// The device's clock differs from hub time by this number of milliseconds.
  case clock(ms: Int64)
  /// The device has sent all that one device may.
  case full
  /// The device files reports by an earlier edition of their form.
  case oldForm(String)

  /// Clock difference that is a trouble, in milliseconds: ten minutes.
  public static let clockMsMax: Int64 = 600_000
}

/// Facts about a unit at one moment, from which its state is computed. The same facts give the same state.
public struct UnitFacts: Sendable, Hashable {
  public var phase: CampaignPhase
  /// Hub time in milliseconds.
  public var nowMs: Int64
  public var opensMs: Int64
  /// Latest contact of any of its devices; nil when there never was one.
  public var contactMs: Int64?
  /// Answers of the unit at the hub.
  public var received = 0
  /// Answers that may come; nil when the headcount is unknown.
  public var target: Int?
  /// Answers expected by now; see `DayExpectation`.
  public var expected = 0
  /// Time at which the earliest missing report was due.
  public var reportDueMs: Int64?
  /// True when a report asked for today is missing, but there is still time.
  public var isReportOpen = false
  /// Photos that are missing a day after the text that names them.
  public var photosOverdue = 0
  public var troubles: [DeviceTrouble] = []

  public init(phase: CampaignPhase, nowMs: Int64, opensMs: Int64) {
    (self.phase, self.nowMs, self.opensMs) = (phase, nowMs, opensMs)
  }

  /// Milliseconds without a contact after which a unit that is behind counts as silent: three hours.
  public static let silentAfterMs: Int64 = 3 * 3_600_000
  /// Milliseconds before the window opens from which a unit without any contact is pointed out: a day.
  public static let neverFromMs: Int64 = 24 * 3_600_000

  /// State, and since when it has been so, if known.
  public var standing: UnitStanding {
    if isNeverInContact { return UnitStanding(.neverInContact) }
    guard phase != .notYetOpen else { return UnitStanding(.nothingDue) }
    if isSilent { return UnitStanding(.silent, sinceMs: contactMs) }
    if !troubles.isEmpty { return UnitStanding(.deviceTrouble) }
    if isLate { return UnitStanding(.late, sinceMs: reportDueMs) }
    if isComplete { return UnitStanding(.complete) }
    return UnitStanding(phase != .closed && (expected > 0 || received > 0) ? .onTheWay : .nothingDue)
  }

  /// Number of answers that should be here by now but are missing.
  public var missing: Int { max(0, expected - received) }

  private var isNeverInContact: Bool {
    guard contactMs == nil, received == 0, phase != .closed else { return false }
    return phase != .notYetOpen || opensMs - nowMs < Self.neverFromMs
  }

  private var isSilent: Bool {
    guard phase == .open else { return false }
    // Judges by the number of answers when only the web form was used: its answers have no time.
    guard let contactMs else { return isFarBehind }
    return missing > 0 && nowMs - contactMs > Self.silentAfterMs
  }

  private var isLate: Bool { reportDueMs != nil || photosOverdue > 0 || (phase != .closed && isFarBehind) }

  private var isComplete: Bool {
    // Calls a unit complete after the end once its reports are in: nobody is bound to answer.
    if phase == .closed { return received > 0 || contactMs != nil }
    return !isReportOpen && (target.map { received >= $0 } ?? (received > 0))
  }

  /// True with under half of what is expected. Half of all units are always below the median, and nobody need act for that.
  private var isFarBehind: Bool { received < expected - received }
}

/// State of a unit.
public struct UnitStanding: Sendable, Hashable, Codable {
  public var state: UnitState
  /// Hub time since when; nil when unknown.
  public var sinceMs: Int64?

  public init(_ state: UnitState, sinceMs: Int64? = nil) { (self.state, self.sinceMs) = (state, sinceMs) }
}
