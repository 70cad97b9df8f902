internal import Foundation
internal import SyncCore
internal import SyncStore

/// Operator's decision about batches that a revoked device's owner or courier brought after the revocation.
public enum LateDecision: String, Sendable, Codable, CaseIterable {
  /// The batches that are at the hub are merged like others.
  case take
  /// The batches stay in the journal and are not merged.
  case refuse
}

/// Batches of a revoked device that arrive after the revocation: kept, but not merged before an operator decides about the device.
/// Belongs to one hub transaction.
struct RevokedBatches {
  let ingest: Ingest
  private var session: any HubSession { ingest.session }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_late (
      replica BLOB PRIMARY KEY NOT NULL, decision TEXT NOT NULL, decided_by TEXT NOT NULL, reason TEXT NOT NULL,
      decided_ms INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Batches merged in one transaction after a decision.
  static let mergedTogetherMax = 16

  /// Returns whether a batch of the device waits for a decision, or was refused by one.
  func hasUndecided(_ replica: ReplicaID) throws -> Bool {
    let state = CellValue.integer(Int64(BatchState.undecided))
    return try session.firstRow("SELECT 1 FROM hub_batch WHERE replica = ?1 AND state = ?2 LIMIT 1", [.blob(replica.bytes), state]) != nil
  }

  /// Keeps a batch of a revoked device. An earlier decision does not cover the batch: whoever has the device could seal more.
  ///
  /// - Returns: The signed receipt.
  func take(_ content: BatchContent, batch: SealedBatch, writeScope: String) throws -> Data {
    try Ingest.check(scope: content.scope, writeScope: writeScope)
    if let receipt = try mergedReceipt(batch) { return receipt }
    if try session.firstRow("SELECT 1 FROM hub_batch WHERE hash = ?1", [.blob(batch.hash)]) == nil {
      let place: [CellValue] = [.text(content.scope), .blob(content.replica.bytes)]
      let other = try session.firstRow(
        "SELECT 1 FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3", place + [.integer(Int64(content.number))])
      if other != nil { throw SyncError.fork(content.number) }
      let count = try session.integer(
        "SELECT count(*) FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND state <> \(BatchState.merged)", place)
      guard count ?? 0 < Ingest.waitingMax else { throw HubDevice.revokedError }
      _ = try ingest.journal(content, batch: batch, state: BatchState.undecided)
    }
    try ingest.halfDone { _ = try takeVouched(of: content.replica, scope: content.scope) }
    if let receipt = try mergedReceipt(batch) { return receipt }
    return try ingest.transaction.receipt(for: content, batch: batch, merge: nil, expected: 0, state: .undecided)
  }

  /// Returns the receipt of a merged batch, signed for the present incarnation; nil when the batch is not merged.
  private func mergedReceipt(_ batch: SealedBatch) throws -> Data? {
    guard let row = try session.firstRow("SELECT state, receipt, id FROM hub_batch WHERE hash = ?1", [.blob(batch.hash)]),
      row[0].integer == BatchState.merged, let receipt = row[1].blob, let id = row[2].integer
    else { return nil }
    return try ingest.transaction.inPresentLife(receipt, id: id)
  }

  /// Returns how many batches of the device wait for a decision.
  func count(of replica: ReplicaID) throws -> Int {
    let sql = "SELECT count(*) FROM hub_batch WHERE replica = ?1 AND state = \(BatchState.undecided)"
    return Int(try session.integer(sql, [.blob(replica.bytes)]) ?? 0)
  }

  /// Says that batches came, or were decided about, since a person looked.
  static func othersWait(_ replica: ReplicaID, _ count: Int, listed: Int) -> SyncError {
    SyncError(
      .badRequest, vi: "Thiết bị \(replica.short) có \(count) gói chờ quyết định, không phải \(listed); hãy xem lại rồi quyết.",
      en: "\(count) batches of device \(replica.short) wait for a decision, not \(listed); look again, then decide.")
  }

  func decide(_ replica: ReplicaID, _ decision: LateDecision, by person: String, reason: String) throws {
    try session.execute(
      """
      INSERT INTO hub_late (replica, decision, decided_by, reason, decided_ms) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (replica) DO UPDATE SET decision = excluded.decision, decided_by = excluded.decided_by, reason = excluded.reason,
        decided_ms = excluded.decided_ms
      """,
      [.blob(replica.bytes), .text(decision.rawValue), .text(person), .text(reason), .integer(Int64(clamping: ingest.transaction.wallMs))])
  }

  /// Returns the journal's number of the newest batch that waits for a decision: later batches need another decision.
  func newest(of replica: ReplicaID) throws -> Int64 {
    try session.integer(
      "SELECT max(id) FROM hub_batch WHERE replica = ?1 AND state = \(BatchState.undecided)", [.blob(replica.bytes)]) ?? 0
  }

  /// Merges some of the batches that a decision accepted, oldest first.
  ///
  /// - Parameters:
  ///   - end: The last number to merge.
  ///   - newest: The last batch to merge, by its number in the journal.
  /// - Returns: How many batches were tried; 0 when none is left.
  func mergeSome(of replica: ReplicaID, through end: UInt64 = .max, newest: Int64 = .max) throws -> Int {
    let rows = try session.rows(
      """
      SELECT id FROM hub_batch WHERE replica = ?1 AND state = \(BatchState.undecided) AND number <= ?2 AND id <= ?3
      ORDER BY scope, number LIMIT \(Self.mergedTogetherMax)
      """, [.blob(replica.bytes), .integer(Int64(clamping: end)), .integer(newest)])
    for row in rows {
      guard let bytes = try session.firstRow("SELECT bytes FROM hub_batch WHERE id = ?1", [row[0]])?[0].blob else { continue }
      let batch = SealedBatch(bytes: bytes)
      let content = try BatchCodec.reopen(batch)
      try session.execute("UPDATE hub_batch SET state = \(BatchState.waiting) WHERE id = ?1", [row[0]])
      // Lets a batch wait whose predecessor nobody brought. A batch of a copied or restored device, which continues another chain,
      // stays in the journal for good and blocks nothing.
      do {
        _ = try ingest.take(content, batch: batch, writeScope: content.scope)
      } catch let error as SyncError where error.code == .fork {}
    }
    return rows.count
  }
}

extension Hub {
  /// Decides about the batches of a revoked device that arrived after its revocation. Batches that arrive later need another
  /// decision.
  ///
  /// - Parameters:
  ///   - person: Name of the person who decides; kept with the reason.
  ///   - listed: How many batches the person was shown; nil decides about all that are there.
  /// - Returns: How many batches that had waited for the decision were merged.
  /// - Throws: `SyncError` `.badRequest` when no such device is revoked, none of its batches waits, or others than `listed` wait.
  public func decideLate(
    _ replica: ReplicaID, _ decision: LateDecision, by person: String, reason: String, listed: Int? = nil
  ) async throws -> Int {
    guard let device = try await device(replica), device.revokedMs != nil else {
      throw SyncError(
        .badRequest, vi: "Thiết bị \(replica.short) không bị thu hồi; không có gì phải quyết định.",
        en: "Device \(replica.short) is not revoked; there is nothing to decide.")
    }
    let (signing, tables, now) = (keys.signing, store.tables, clock.nowMs())
    let newest = try await store.write { session in
      let late = RevokedBatches(ingest: Ingest(session: session, tables: tables, key: signing, wallMs: now))
      guard try late.hasUndecided(replica) else {
        throw SyncError(
          .badRequest, vi: "Không có gói nào của thiết bị \(replica.short) chờ quyết định; gói đã nhận thì không rút lại được.",
          en: "No batch of device \(replica.short) waits for a decision; what was taken cannot be undone.")
      }
      let count = try late.count(of: replica)
      if let listed, count != listed { throw RevokedBatches.othersWait(replica, count, listed: listed) }
      try late.decide(replica, decision, by: person, reason: reason)
      return try late.newest(of: replica)
    }
    return decision == .take ? try await mergeLate(of: replica, newest: newest) : 0
  }

  /// Merges batches that arrived after their device's revocation and that a decision accepted.
  ///
  /// - Parameter newest: The last batch that the decision accepted, by its number in the journal.
  /// - Returns: How many were merged.
  func mergeLate(of replica: ReplicaID, newest: Int64) async throws -> Int {
    let (signing, tables, now, observer) = (keys.signing, store.tables, clock.nowMs(), options.observer)
    let before = try await mergedBatches(of: replica)
    var isLeft = true
    while isLeft {
      isLeft = try await store.write { session in
        let ingest = Ingest(session: session, tables: tables, key: signing, wallMs: now, observer: observer)
        let looked = try RevokedBatches(ingest: ingest).mergeSome(of: replica, newest: newest)
        try ingest.finish()
        return looked > 0
      }
    }
    return try await mergedBatches(of: replica) - before
  }

  private func mergedBatches(of replica: ReplicaID) async throws -> Int {
    try await read { session in
      Int(
        try session.integer(
          "SELECT count(*) FROM hub_batch WHERE replica = ?1 AND state = \(BatchState.merged)", [.blob(replica.bytes)]) ?? 0)
    }
  }

  /// Returns how many batches of each revoked device are kept and not merged.
  public func lateBatches() async throws -> [ReplicaID: Int] {
    try await read { session in
      try session.rows("SELECT replica, count(*) FROM hub_batch WHERE state <> 1 AND state = \(BatchState.undecided) GROUP BY replica")
        .reduce(into: [:]) {
          counts, row in
          if let replica = row[0].blob.flatMap(ReplicaID.init(bytes:)) { counts[replica] = Int(row[1].integer ?? 0) }
        }
    }
  }
}
