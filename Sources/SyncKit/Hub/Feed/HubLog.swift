internal import Foundation
internal import SyncCore
internal import SyncStore

extension Hub {
  /// Clears the bytes of old batches from the journal: what they did is in the rows, and the log keeps their places, stamps and
  /// hashes. A device that was away for longer fetches its scopes in bulk.
  ///
  /// May be interrupted and begun again.
  ///
  /// - Parameters:
  ///   - leaseMs: How long a device may be away and still be served from the log, in milliseconds of hub time.
  ///   - progress: Called after each transaction with the batches cleared so far, and how many there may be at most.
  /// - Returns: How many batches were cleared. Those with held work, and those that no finished backup holds, are left alone.
  public func clearLog(leaseMs: UInt64, progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil) async throws -> Int {
    try await clearLog(leaseMs: leaseMs, isBackedUp: true, progress: progress)
  }

  /// - Parameter isBackedUp: Whether only what a finished backup holds is cleared.
  func clearLog(leaseMs: UInt64, isBackedUp: Bool, progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil) async throws -> Int {
    let now = clock.nowMs()
    let before = Int64(clamping: now > leaseMs ? now - leaseMs : 0)
    var cleared = 0
    let most = try await read {
      Int(try $0.integer("SELECT count(*) FROM hub_batch WHERE received_ms < ?1 AND length(bytes) > 0", [.integer(before)]) ?? 0)
    }
    for scope in try await read({ try $0.rows("SELECT scope FROM hub_scope ORDER BY scope").compactMap { $0[0].text } }) {
      var after: Int64? = 0
      while let position = after {
        after = try await store.write { try HubLog(session: $0).keepStamps(scope: scope, after: position, receivedBefore: before) }
      }
      while true {
        let count = try await store.write { session in
          let end = try isBackedUp ? HubBackups(session: session).positions([scope])[scope] ?? 0 : UInt64(Int64.max)
          return try HubLog(session: session).clear(scope: scope, receivedBefore: before, upTo: Int64(clamping: end))
        }
        guard count > 0 else { break }
        cleared += count
        progress?(cleared, most)
      }
    }
    return cleared
  }
}

/// Old batches of the journal. Belongs to one transaction.
struct HubLog {
  let session: any HubSession

  /// Runs looked at, and batches cleared, in one transaction: it must not keep devices waiting.
  static let batchesPerTransaction = 200

  /// Runs of the feed whose stamps are those of their batch get a copy of them.
  ///
  /// - Returns: The position to go on after; nil at the end.
  func keepStamps(scope: String, after position: Int64, receivedBefore ms: Int64) throws -> Int64? {
    let runs = try session.rows(
      """
      SELECT f.position, f.units, f.first_unit, b.bytes FROM hub_feed f JOIN hub_batch b ON b.id = f.batch
      WHERE f.scope = ?1 AND f.position > ?2 AND f.stamps IS NULL AND b.received_ms < ?3 ORDER BY f.position
      LIMIT \(Self.batchesPerTransaction)
      """, [.text(scope), .integer(position), .integer(ms)])
    for row in runs {
      guard let count = row[1].integer, let first = row[2].integer, let bytes = row[3].blob, !bytes.isEmpty else { throw ByteReader.short }
      let units = try BatchCodec.reopen(SealedBatch(bytes: bytes)).units.dropFirst(Int(first)).prefix(Int(count))
      let packed = PackedStamps.pack(units.map(\.stamp))
      try session.execute(
        "UPDATE hub_feed SET stamps = ?3 WHERE scope = ?1 AND position = ?2", [.text(scope), row[0], .blob(packed)])
    }
    return runs.count < Self.batchesPerTransaction ? nil : runs.last?[0].integer
  }

  /// - Parameter end: The last position whose batch may go.
  /// - Returns: How many batches were cleared.
  func clear(scope: String, receivedBefore ms: Int64, upTo end: Int64) throws -> Int {
    try session.rows(
      """
      UPDATE hub_batch SET bytes = x'' WHERE id IN (
        SELECT id FROM hub_batch b WHERE scope = ?1 AND state = \(BatchState.merged) AND received_ms < ?2 AND length(bytes) > 0
          AND NOT EXISTS (SELECT 1 FROM hub_held h WHERE h.scope = b.scope AND h.batch = b.id)
          AND id NOT IN (SELECT batch FROM hub_feed WHERE scope = ?1 AND (stamps IS NULL OR position + units - 1 > ?3))
        LIMIT \(Self.batchesPerTransaction)) RETURNING id
      """, [.text(scope), .integer(ms), .integer(end)]
    ).count
  }
}
