internal import Foundation
public import SyncCore
internal import SyncStore

/// Where everything captured on a device is now: the sum of promise 2, as far as a device can know it.
///
/// `captured == pendingChanges + superseded + sealedChanges + waitingChanges + mergedChanges + heldChanges + refusedChanges`, and
/// `packetsMade == packetsWaiting + packetsKept`.
public struct ReplicaStatus: Sendable, Hashable, Codable {
  /// Row writes logged since the store was made, and those of `recovered`.
  public var captured = 0
  /// Row changes that were sealed once more for a hub that had lost them; what they stood in counts as superseded.
  public var recovered = 0
  /// Logged, not sealed yet.
  public var pendingChanges = 0
  /// Overwritten by a later own write before sealing, born and gone, or in a batch that a restored hub lost for good.
  public var superseded = 0
  /// Sealed, the hub has not confirmed them yet.
  public var sealedChanges = 0
  /// Durable at the hub behind an earlier batch it misses.
  public var waitingChanges = 0
  public var mergedChanges = 0
  /// Durable at the hub, not merged, with a reason.
  public var heldChanges = 0
  /// The hub said, signed, that it can never take them: they stay here.
  public var refusedChanges = 0
  /// Pages of the feed that were let go before the hub had backed them up: too many to keep.
  public var pagesDropped = 0
  public var packetsMade = 0
  public var packetsWaiting = 0
  public var packetsKept = 0
  /// Of those kept, how many may be lost: the hub was put back to a backup of before them, and they are here no more.
  public var packetsUncertain = 0
  public var openConflicts = 0
  /// Hub time of the last exchange in milliseconds; nil before the first.
  public var lastContactMs: UInt64?
  /// Hub time minus this device's clock, in milliseconds, as last measured.
  public var offsetMs: Int64 = 0
  /// Whether the last page said there was nothing newer.
  public var isAtHead = false
  /// How this device and the hub compared when it last was.
  public var agreement = Agreement.unknown
  /// What was out of the ordinary in past exchanges, oldest first; only the newest are kept.
  public var notices: [SyncNotice] = []

  /// Whether the counts add up. They always should; a tool that finds otherwise says so loudly.
  public var addsUp: Bool {
    captured == pendingChanges + superseded + sealedChanges + waitingChanges + mergedChanges + heldChanges + refusedChanges
      && packetsMade == packetsWaiting + packetsKept
  }
}

extension Replica {
  /// The counts at this moment, from one snapshot.
  public func status() async throws -> ReplicaStatus { try await engineRead { try ReplicaStatus(in: $0.session) } }
}

extension ReplicaStatus {
  init(in session: any SQLSession) throws {
    let state = StateStore(session: session)
    pendingChanges = Int(try session.integer("SELECT count(*) FROM sync_pending") ?? 0)
    captured = Int(try state.integer("entriesSealed")) + pendingChanges
    superseded = Int(try state.integer("entriesCoalesced"))
    for row in try session.rows("SELECT received, sum(changes), sum(held) FROM sync_outbox GROUP BY received") {
      let (changes, held) = (Int(row[1].integer ?? 0), Int(row[2].integer ?? 0))
      switch row[0].integer {
      case Outbox.merged: (mergedChanges, heldChanges) = (changes - held, held)
      case Outbox.waiting: waitingChanges = changes
      case Outbox.recovered: superseded += changes
      default: sealedChanges += changes
      }
    }
    mergedChanges += Int(try state.integer("changesForgotten"))
    refusedChanges = try RefusedOutbox(session: session).changes()
    recovered = Int(try state.integer("changesRecovered"))
    pagesDropped = Int(try state.integer("pagesDropped"))
    packetsMade = Int(try state.integer("packetsMade"))
    packetsWaiting = Int(try session.integer("SELECT count(*) FROM sync_packet WHERE kept = 0") ?? 0)
    packetsKept = Int(try state.integer("packetsKept"))
    packetsUncertain = try BackedUpPackets(session: session).uncertain()
    openConflicts = try Conflict.openCount(in: session)
    lastContactMs = try state.value("lastContactMs").integer.map { UInt64(max(0, $0)) }
    offsetMs = try state.integer("offsetMs")
    isAtHead = try state.integer("atHead") == 1
    agreement = Agreement(stored: try state.value("agreement").text)
    notices = try SyncNotice.all(in: session)
  }
}
