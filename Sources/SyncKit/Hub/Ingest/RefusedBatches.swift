internal import Foundation
internal import SyncCore
internal import SyncStore

/// Batches that are signed correctly but that the hub will never merge. Each is recorded with its reason; the bytes are kept within
/// a bound. Belongs to one hub transaction.
struct RefusedBatches {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_refused (
      hash BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, replica BLOB NOT NULL, number INTEGER NOT NULL, reason TEXT NOT NULL,
      detail TEXT NOT NULL, received_ms INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_refused_replica ON hub_refused (replica, received_ms);
    """

  /// Refused batches recorded of one replica; the oldest are forgotten first.
  static let perReplicaMax = 200
  /// Bytes kept of the refused batches of one replica; of older ones only the record stays.
  static let bytesPerReplicaMax = 16 << 20

  /// Returns why a batch was refused before. The reason never changes, because its author may have sealed another batch of that
  /// number since.
  func refusal(_ hash: Data) throws -> BatchRefusal? {
    let row = try session.firstRow("SELECT reason, detail FROM hub_refused WHERE hash = ?1", [.blob(hash)])
    return row.map { BatchRefusal(reason: $0[0].text.flatMap(BatchRefusal.Reason.init(rawValue:)) ?? .form, detail: $0[1].text ?? "") }
  }

  /// Records a batch as refused, with the batches that wait to continue it.
  func refuse(_ batch: SealedBatch, _ claim: BatchCodec.Claim, _ refusal: BatchRefusal, nowMs: UInt64) throws {
    try keep(batch, claim, refusal, nowMs: nowMs)
    var (hash, number) = (batch.hash, claim.number)
    // Follows the chain of waiting batches; each refused number is larger than the last, so the loop ends.
    while number < 1 << 62, let next = try waiting(number + 1, claim), next.content.previous == hash {
      number += 1
      hash = next.batch.hash
      let behind = BatchCodec.Claim(replica: claim.replica, scope: claim.scope, number: number)
      try keep(next.batch, behind, BatchRefusal(reason: .behind), nowMs: nowMs)
    }
    try bound(claim.replica)
  }

  private func waiting(_ number: UInt64, _ claim: BatchCodec.Claim) throws -> (batch: SealedBatch, content: BatchContent)? {
    let row = try session.firstRow(
      "SELECT bytes FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3 AND state = \(BatchState.waiting)",
      [.text(claim.scope), .blob(claim.replica.bytes), .integer(Int64(clamping: number))])
    guard let bytes = row?[0].blob else { return nil }
    let batch = SealedBatch(bytes: bytes)
    return (batch, try BatchCodec.reopen(batch))
  }

  private func keep(_ batch: SealedBatch, _ claim: BatchCodec.Claim, _ refusal: BatchRefusal, nowMs: UInt64) throws {
    try session.execute(
      """
      INSERT INTO hub_refused (hash, scope, replica, number, reason, detail, received_ms, size, bytes)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (hash) DO NOTHING
      """,
      [
        .blob(batch.hash), .text(claim.scope), .blob(claim.replica.bytes), .integer(Int64(clamping: claim.number)),
        .text(refusal.reason.rawValue), .text(refusal.detail), .integer(Int64(clamping: nowMs)), .integer(Int64(batch.bytes.count)),
        .blob(batch.bytes),
      ])
    // Removes the batch from the journal, where it had waited.
    try session.execute("DELETE FROM hub_batch WHERE hash = ?1 AND state = \(BatchState.waiting)", [.blob(batch.hash)])
  }

  private func bound(_ replica: ReplicaID) throws {
    let rows = try session.rows(
      "SELECT hash, length(bytes) FROM hub_refused WHERE replica = ?1 ORDER BY received_ms DESC, number DESC", [.blob(replica.bytes)])
    var bytesLeft = Int64(Self.bytesPerReplicaMax)
    for (place, row) in rows.enumerated() {
      let size = row[1].integer ?? 0
      bytesLeft -= size
      if place >= Self.perReplicaMax {
        try session.execute("DELETE FROM hub_refused WHERE hash = ?1", [row[0]])
      } else if bytesLeft < 0, size > 0 {
        try session.execute("UPDATE hub_refused SET bytes = x'' WHERE hash = ?1", [row[0]])
      }
    }
  }
}

/// Batch that is at the hub but in no feed, as operators see it: refused, or waiting for the batch before it.
public struct StoppedBatch: Sendable, Hashable {
  public var replica: ReplicaID
  public var scope: String
  public var number: UInt64
  /// Reason of a refusal, as receipts spell it; nil while the batch waits.
  public var reason: String?
  public var detail: String
  public var receivedMs: UInt64
  /// Size in bytes. The bytes of old refused batches are not kept.
  public var size: Int
  public var isKept: Bool

  /// Description of the state, and the remedy.
  public var remedy: LocalizedText {
    guard let reason else {
      return LocalizedText(
        vi: "chờ gói số \(detail) của cùng thiết bị: cho thiết bị đó đồng bộ, hoặc nhập tệp của nó",
        en: "waits for batch \(detail) of the same device: have that device sync, or import its bundle")
    }
    let why = BatchRefusal.Reason(rawValue: reason)?.explanation ?? BatchRefusal.Reason.form.explanation
    return LocalizedText(
      vi: "\(why.vi); thiết bị được báo và tự đóng gói lại phần dùng được: cho thiết bị đó đồng bộ",
      en: "\(why.en); its device is told and seals anew what can be taken: have that device sync")
  }
}

extension Hub {
  /// Returns how many batches are at the hub and not merged, also those that `stoppedBatches()` does not list.
  public func stoppedBatchCount() async throws -> Int {
    try await store.read { session -> Int in
      let refused = try session.integer("SELECT count(*) FROM hub_refused") ?? 0
      let waiting = try session.integer("SELECT count(*) FROM hub_batch WHERE state <> 1 AND state = \(BatchState.waiting)") ?? 0
      return Int(clamping: refused + waiting)
    }
  }

  /// Returns the batches that are at the hub and not merged: refused ones, and those that wait for an earlier one. Of each the first
  /// `HeldUnits.unitsMax`: see `stoppedBatchCount()`.
  public func stoppedBatches() async throws -> [StoppedBatch] {
    try await store.read { session in
      func batch(_ row: [CellValue], reason: String?) -> StoppedBatch? {
        guard let scope = row[0].text, let replica = row[1].blob.flatMap(ReplicaID.init(bytes:)), let number = row[2].integer else {
          return nil
        }
        return StoppedBatch(
          replica: replica, scope: scope, number: UInt64(max(0, number)), reason: reason, detail: row[3].logText,
          receivedMs: UInt64(max(0, row[4].integer ?? 0)), size: Int(row[5].integer ?? 0), isKept: row[6].integer == 1)
      }
      let refused = try session.rows(
        """
        SELECT scope, replica, number, detail, received_ms, size, length(bytes) > 0, reason FROM hub_refused
        ORDER BY scope, replica, number LIMIT \(HeldUnits.unitsMax)
        """, []
      ).compactMap { batch($0, reason: $0[7].text ?? BatchRefusal.Reason.form.rawValue) }
      // First missing number, for which the chain waits.
      let waiting = try session.rows(
        """
        SELECT b.scope, b.replica, b.number, (
            SELECT max(p.number) + 1 FROM hub_batch p WHERE p.scope = b.scope AND p.replica = b.replica AND p.number < b.number
              AND p.state = \(BatchState.merged)),
          b.received_ms, length(b.bytes), 1
        FROM hub_batch b WHERE b.state <> 1 AND b.state = \(BatchState.waiting) ORDER BY b.scope, b.replica, b.number LIMIT \(HeldUnits.unitsMax)
        """, []
      ).compactMap { row -> StoppedBatch? in
        var row = row
        if row[3].isNull { row[3] = .integer(1) }
        return batch(row, reason: nil)
      }
      return refused + waiting
    }
  }
}
