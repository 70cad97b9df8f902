public import SurveyKit

/// State of a unit at one moment: exactly one, the first that fits. The order is that of urgency.
public enum UnitState: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// No device of it ever called, and no answer came by the web form.
  case neverInContact
  /// Behind what is expected by now, and not heard of for `UnitFacts.silentAfterMs`.
  case silent
  /// Somebody must look at one of its devices.
  case deviceTrouble
  /// In contact, and something that is due is missing.
  case late
  /// Collecting.
  case onTheWay
  /// Nothing is due, and nothing more is expected by now.
  case nothingDue
  /// All that is due is in.
  case complete

  /// Tells if a person must call.
  public var needsCall: Bool { self == .neverInContact || self == .silent || self == .deviceTrouble }
  /// Tells if a person must act, by a call or a reminder.
  public var needsAct: Bool { self <= .late }

  public static func < (a: UnitState, b: UnitState) -> Bool { a.rank < b.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Trouble of a device, as far as the hub can tell.
public enum DeviceTrouble: Sendable, Hashable, Codable {
  /// Revoked, and still sending: so many batches and answers wait for a decision.
  case revokedSends(batches: Int, answers: Int)
  /// A batch of it is refused, or waits for an earlier one that never came.
  case stuck
  /// Holds other data than the hub.
  case differs
  /// Difference of the device's clock from hub time, in milliseconds.
  case clock(ms: Int64)
  /// Has sent all the text that one device may.
  case full
  /// Files reports by an earlier edition of their form.
  case oldForm(String)

  /// A clock further off than this is a trouble, in milliseconds: ten minutes.
  public static let clockMsMax: Int64 = 600_000
}

/// Facts about a unit at one moment, from which its state follows. The same facts give the same state.
public struct UnitFacts: Sendable, Hashable {
  public var phase: CampaignPhase
  /// Hub time.
  public var nowMs: Int64
  public var opensMs: Int64
  /// Latest contact of any of its devices; nil when there never was one.
  public var contactMs: Int64?
  /// Answers of it at the hub.
  public var received = 0
  /// Answers that may come; nil when the headcount is not known.
  public var target: Int?
  /// Answers expected by now; see `DayExpectation`.
  public var expected = 0
  /// Time at which the earliest missing report was due.
  public var reportDueMs: Int64?
  /// Tells if a report that is asked for today is not here, though there is still time.
  public var isReportOpen = false
  /// Photos that are missing a day after the text that names them.
  public var photosOverdue = 0
  public var troubles: [DeviceTrouble] = []

  public init(phase: CampaignPhase, nowMs: Int64, opensMs: Int64) {
    (self.phase, self.nowMs, self.opensMs) = (phase, nowMs, opensMs)
  }

  /// Without a contact for longer than this a unit that is behind is silent, in milliseconds: three hours.
  public static let silentAfterMs: Int64 = 3 * 3_600_000
  /// So long before the window opens a unit that never made contact is pointed out, in milliseconds: a day.
  public static let neverFromMs: Int64 = 24 * 3_600_000

  /// The state, and since when it has been so where that is known.
  public var standing: UnitStanding {
    if isNeverInContact { return UnitStanding(.neverInContact) }
    guard phase != .notYetOpen else { return UnitStanding(.nothingDue) }
    if isSilent { return UnitStanding(.silent, sinceMs: contactMs) }
    if !troubles.isEmpty { return UnitStanding(.deviceTrouble) }
    if isLate { return UnitStanding(.late, sinceMs: reportDueMs) }
    if isComplete { return UnitStanding(.complete) }
    return UnitStanding(phase != .closed && (expected > 0 || received > 0) ? .onTheWay : .nothingDue)
  }

  /// Counts answers that should be here by now and are not.
  public var missing: Int { max(0, expected - received) }

  private var isNeverInContact: Bool {
    guard contactMs == nil, received == 0, phase != .closed else { return false }
    return phase != .notYetOpen || opensMs - nowMs < Self.neverFromMs
  }

  private var isSilent: Bool {
    guard phase == .open else { return false }
    // Of answers by the web form nothing tells when they came: their number has to do.
    guard let contactMs else { return isFarBehind }
    return missing > 0 && nowMs - contactMs > Self.silentAfterMs
  }

  private var isLate: Bool { reportDueMs != nil || photosOverdue > 0 || (phase != .closed && isFarBehind) }

  private var isComplete: Bool {
    // Calls a unit complete after the end once its reports are in: nobody is bound to answer.
    if phase == .closed { return received > 0 || contactMs != nil }
    return !isReportOpen && (target.map { received >= $0 } ?? (received > 0))
  }

  /// Under half of what is expected. Half of all units are below the median by its nature, and nobody need act for that.
  private var isFarBehind: Bool { received < expected - received }
}

/// A unit's state.
public struct UnitStanding: Sendable, Hashable, Codable {
  public var state: UnitState
  /// Since when, hub time; nil where nobody can say.
  public var sinceMs: Int64?

  public init(_ state: UnitState, sinceMs: Int64? = nil) { (self.state, self.sinceMs) = (state, sinceMs) }
}
