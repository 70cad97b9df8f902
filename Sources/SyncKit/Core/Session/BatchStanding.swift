/// Where one sealed batch of a device stands between the device and its hub. docs/protocol.md has the same table for any client.
///
/// Legal next states: each may become `fork` or, once the hub was restored, `doubt`, `gone` or `unknown`; else the order of the cases.
package enum BatchStanding: String, Hashable, Sendable, CaseIterable {
  /// Never proved received: push it.
  case unsent
  /// The hub may have it, or a part of it: ask how much, push the rest.
  case doubt
  /// Durable at the hub behind an earlier batch: ask again once that one was sent.
  case waiting
  /// Received; its units are on their way back in the feed: pull.
  case inFlight
  /// The hub names it missing, and its bytes were let go: say again what stands (`Recovery`).
  case gone
  /// Its bytes were let go and the feed, at its head, does not acknowledge it: compare digests, and where they differ treat it as `gone`.
  case unknown
  /// Durable at the hub, its device was revoked: an operator decides.
  case undecided
  /// The hub signed that it never takes it.
  case refused
  /// The hub has another batch of this number: take a new identity (L8).
  case fork
  /// Every unit is acknowledged or held; the bytes may go once the hub declares them backed up.
  case done
}

/// What a device knows of one sealed batch.
package struct BatchFacts: Hashable, Sendable {
  package enum Receipt: Hashable, Sendable, CaseIterable { case none, merged, waiting, refused, undecided }

  package var receipt: Receipt
  /// The receipt is of the incarnation that the device knows as the hub's present one.
  package var isPresent: Bool
  /// The present feed acknowledged every unit that is not held.
  package var isAcknowledged: Bool
  package var hasBytes: Bool
  /// A later batch of this chain waits at the hub for a number up to this one.
  package var isNamed: Bool
  /// The device applied the feed to its head.
  package var isAtHead: Bool
  /// A part of it was sent, or the feed contradicts its receipt.
  package var isDoubted = false
  /// A later batch says again what stands of it.
  package var isRecovered = false
  /// The hub has another batch of its number.
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

  /// The one place that decides what a device does with a batch. Pure.
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
    // The feed knows better than the receipt: ask for the one that stands now.
    case .undecided: return isAcknowledged ? .waiting : .undecided
    default: break
    }
    if isNamed { return .doubt }
    if isAcknowledged { return .done }
    return isAtHead ? .doubt : .inFlight
  }
}
