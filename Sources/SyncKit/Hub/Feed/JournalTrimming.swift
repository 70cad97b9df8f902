internal import Foundation
internal import SyncCore
internal import SyncStore

extension Hub {
  /// Trims the bytes of old batches from the journal. Their effect is in the rows, and the feed keeps their positions, stamps and
  /// hashes. A device that was away for longer fetches its scopes as snapshots.
  ///
  /// Interrupting the call is safe, and so is repeating it.
  ///
  /// - Parameters:
  ///   - leaseMs: How long a device may be away and still be served from the feed, in milliseconds of hub time.
  ///   - progress: Called after each transaction with the batches trimmed so far, and how many there may be at most.
  /// - Returns: How many batches were trimmed. Batches with held units, and those that no finished backup holds, stay.
  public func clearLog(leaseMs: UInt64, progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil) async throws -> Int {
    try await clearLog(leaseMs: leaseMs, isBackedUp: true, progress: progress)
  }

  /// Trims the journal.
  ///
  /// - Parameter isBackedUp: True to trim only what a finished backup holds.
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
        after = try await store.write { try JournalTrimming(session: $0).keepStamps(scope: scope, after: position, receivedBefore: before) }
      }
      while true {
        let count = try await store.write { session in
          let end = try isBackedUp ? BackupLog(session: session).positions([scope])[scope] ?? 0 : UInt64(Int64.max)
          return try JournalTrimming(session: session).clear(scope: scope, receivedBefore: before, upTo: Int64(clamping: end))
        }
        guard count > 0 else { break }
        cleared += count
        progress?(cleared, most)
      }
    }
    if cleared > 0 { pace?.forgetKept() }
    return cleared
  }
}

/// Trimming of old batches in the journal. Belongs to one transaction.
struct JournalTrimming {
  let session: any HubSession

  /// Runs read, and batches trimmed, in one transaction, which must not keep devices waiting.
  static let batchesPerTransaction = 200

  /// Copies into the feed the stamps of runs that so far only their batch has.
  ///
  /// - Returns: The position after which to continue; nil at the end.
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

  /// Trims the bytes of batches.
  ///
  /// - Parameter end: Last position whose batch may be trimmed.
  /// - Returns: How many batches were trimmed.
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
