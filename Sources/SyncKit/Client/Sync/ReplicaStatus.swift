internal import Foundation
public import SyncCore
internal import SyncStore

/// Counts of everything captured on a device, by its present place: the sum of promise 2, as far as a device can know it.
///
/// `captured == pendingChanges + superseded + sealedChanges + waitingChanges + mergedChanges + heldChanges + refusedChanges`, and
/// `packetsMade == packetsWaiting + packetsKept`.
public struct ReplicaStatus: Sendable, Hashable, Codable {
  /// Row writes logged since the store was made, and those of `recovered`.
  public var captured = 0
  /// Row changes that were sealed again for a hub that had lost them; their earlier batches count as superseded.
  public var recovered = 0
  /// Changes logged and not sealed yet.
  public var pendingChanges = 0
  /// Changes overwritten by a later own write before sealing, born and deleted before it, or in a batch that a restored hub lost
  /// for good.
  public var superseded = 0
  /// Changes sealed, and not confirmed by the hub yet.
  public var sealedChanges = 0
  /// Changes durable at the hub behind a missing earlier batch.
  public var waitingChanges = 0
  public var mergedChanges = 0
  /// Changes durable at the hub and not merged, with a reason.
  public var heldChanges = 0
  /// Changes that the hub, by its signature, can never merge: they stay here.
  public var refusedChanges = 0
  /// Feed pages that were deleted before the hub had backed them up, because there were too many.
  public var pagesDropped = 0
  public var packetsMade = 0
  public var packetsWaiting = 0
  public var packetsKept = 0
  /// Kept packets that may be lost: the hub was restored to a backup from before them, and they are no longer here.
  public var packetsUncertain = 0
  public var openConflicts = 0
  /// Hub time of the last exchange in milliseconds; nil before the first.
  public var lastContactMs: UInt64?
  /// Hub time minus this device's clock, in milliseconds, as last measured.
  public var offsetMs: Int64 = 0
  /// True when the last page said that nothing newer exists.
  public var isAtHead = false
  /// Result of the last comparison with the hub.
  public var agreement = Agreement.unknown
  /// Unusual events of past exchanges, oldest first; only the newest are kept.
  public var notices: [SyncNotice] = []

  /// True when the counts add up. They always should; a tool that finds otherwise must report it.
  public var addsUp: Bool {
    captured == pendingChanges + superseded + sealedChanges + waitingChanges + mergedChanges + heldChanges + refusedChanges
      && packetsMade == packetsWaiting + packetsKept
  }
}

extension Replica {
  /// Returns the counts at this moment, from one snapshot.
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
