/// Progress of one sealed batch between a device and its hub. docs/protocol.md has the same table for any client.
///
/// Legal next states: every state may become `fork`, and after a restore of the hub `doubt`, `gone` or `unknown`; otherwise the
/// order of the cases.
package enum BatchStanding: String, Hashable, Sendable, CaseIterable {
  /// Never proved received: push the batch.
  case unsent
  /// The hub may have the batch, or a part of it: ask how much, push the rest.
  case doubt
  /// Durable at the hub behind an earlier batch: ask again once the earlier one was sent.
  case waiting
  /// Received; its units are on their way back in the feed: pull.
  case inFlight
  /// Missing at the hub, and its bytes are trimmed here: send what still stands of it (`Recovery`).
  case gone
  /// Its bytes are trimmed, and the feed, at its head, does not acknowledge it: compare digests, and where they differ treat it as
  /// `gone`.
  case unknown
  /// Durable at the hub, but its device was revoked: an operator decides.
  case undecided
  /// Refused for good, by the hub's signature.
  case refused
  /// The hub has another batch of this number: take a new identity (L8).
  case fork
  /// Every unit is acknowledged or held: the bytes may be trimmed once the hub declares them backed up.
  case done
}

/// Facts that a device knows of one sealed batch.
package struct BatchFacts: Hashable, Sendable {
  package enum Receipt: Hashable, Sendable, CaseIterable { case none, merged, waiting, refused, undecided }

  package var receipt: Receipt
  /// True when the receipt is of the hub's present incarnation, as far as the device knows.
  package var isPresent: Bool
  /// True when the present feed acknowledged every unit that is not held.
  package var isAcknowledged: Bool
  package var hasBytes: Bool
  /// True when a later batch of this chain waits at the hub for a number up to this one.
  package var isNamed: Bool
  /// True when the device applied the feed to its head.
  package var isAtHead: Bool
  /// True when a part of the batch was sent, or the feed contradicts its receipt.
  package var isDoubted = false
  /// True when a later batch repeats what stands of it.
  package var isRecovered = false
  /// True when the hub has another batch of its number.
  var isForked = false

  package init(
    receipt: Receipt, isPresent: Bool, isAcknowledged: Bool, hasBytes: Bool, isNamed: Bool, isAtHead: Bool, isDoubted: Bool = false,
    isRecovered: Bool = false, isForked: Bool = false
  ) {
    self.receipt = receipt
    self.isPresent = isPresent
    self.isAcknowledged = isAcknowledged
    self.hasBytes = hasBytes
    self.isNamed = isNamed
    self.isAtHead = isAtHead
    self.isDoubted = isDoubted
    self.isRecovered = isRecovered
    self.isForked = isForked
  }

  /// State of the batch, which alone decides what a device does with it. Pure.
  package var standing: BatchStanding {
    if isForked { return .fork }
    guard hasBytes else {
      if isRecovered || isAcknowledged { return .done }
      if isNamed { return .gone }
      return isAtHead ? .unknown : .inFlight
    }
    if receipt == .refused { return .refused }
    if receipt == .none { return isDoubted ? .doubt : .unsent }
    if !isPresent || isDoubted { return .doubt }
    switch receipt {
    case .waiting: return .waiting
    // Trusts the feed more than the receipt: the batch was merged, so the device asks for the present receipt.
    case .undecided: return isAcknowledged ? .waiting : .undecided
    default: break
    }
    if isNamed { return .doubt }
    if isAcknowledged { return .done }
    return isAtHead ? .doubt : .inFlight
  }
}
