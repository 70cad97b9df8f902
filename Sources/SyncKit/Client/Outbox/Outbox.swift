internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Sealed batches of a field replica, kept with the hub's receipts until the hub declares them backed up.
struct Outbox {
  let session: any SQLSession

  /// Bytes of the outbox beyond which acknowledged batches are deleted, oldest first. Unacknowledged ones never are.
  static let bytesMax = 256 << 20
  /// Batches handed to one exchange at a time: twice the number that may wait at a hub, so that what they wait for is among them.
  static let sendMax = 2_000
  /// Values of `received`, beside 0 for not known at the hub. Here: merged or held at the hub.
  static let merged: Int64 = 1
  /// Waiting at the hub for an earlier batch, or for an operator's decision.
  static let waiting: Int64 = 2
  /// Received in an incarnation that a restore ended, or partly sent. The hub is asked before the batch is sent.
  static let inDoubt: Int64 = 3
  /// Lost at the hub and without bytes here; a later batch repeats what still stands of it.
  static let recovered: Int64 = 4

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_outbox (
      seq INTEGER PRIMARY KEY, scope TEXT NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, bytes BLOB NOT NULL,
      units INTEGER NOT NULL, changes INTEGER NOT NULL, received INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,
      acknowledged INTEGER NOT NULL DEFAULT 0, receipt BLOB, UNIQUE (scope, number));
    -- What stands behind a batch's bytes in its row is read through all of them: these are asked in every exchange.
    CREATE INDEX IF NOT EXISTS sync_outbox_received ON sync_outbox (received, changes, held);
    CREATE INDEX IF NOT EXISTS sync_outbox_unacknowledged ON sync_outbox (seq) WHERE acknowledged < units;
    """

  /// Seals `units` of one scope into batches, chained to the last one.
  ///
  /// - Parameters:
  ///   - rules: Merge policies of the written columns: see `BatchContent.rules`.
  ///   - recovery: See `BatchContent.recovery`. The first batch names the gone ones; all of the batches count as recovery.
  func append(
    _ units: [ChangeUnit], scope: String, cursor: Data, rules: [String: MergePolicies], key: SigningKey, recovery: BatchRecovery? = nil
  ) throws {
    var recovery = recovery
    for part in UnitCutting.batches(of: units) {
      let last = try session.firstRow("SELECT number, hash FROM sync_outbox WHERE scope = ?1 ORDER BY number DESC LIMIT 1", [.text(scope)])
      var content = BatchContent(
        replica: key.replica, scope: scope, number: UInt64((last?[0].integer ?? 0) + 1), previous: last?[1].blob ?? Data(), cursor: cursor,
        units: part, rules: rules)
      content.recovery = recovery
      recovery?.gone = []
      try append(content, key: key)
    }
  }

  /// Seals one batch whose place in the chain is settled.
  func append(_ content: BatchContent, key: SigningKey) throws {
    let batch = try BatchCodec.seal(content, with: key)
    try session.execute(
      "INSERT INTO sync_outbox (scope, number, hash, bytes, units, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      [
        .text(content.scope), .integer(Int64(clamping: content.number)), .blob(batch.hash), .blob(batch.bytes),
        .integer(Int64(content.units.count)), .integer(Int64(content.changeCount)),
      ])
  }

  /// Records that the hub may soon have a part of a batch.
  func begin(_ entry: OutboxEntry) throws {
    try session.execute(
      "UPDATE sync_outbox SET received = \(Self.inDoubt) WHERE scope = ?1 AND number = ?2 AND received = 0",
      [.text(entry.scope), .integer(Int64(clamping: entry.number))])
  }

  func bytes(of entry: OutboxEntry) throws -> Data? {
    try session.firstRow(
      "SELECT bytes FROM sync_outbox WHERE scope = ?1 AND number = ?2", [.text(entry.scope), .integer(Int64(entry.number))])?.first?.blob
  }

  func hash(scope: String, number: UInt64) throws -> Data? {
    try session.firstRow(
      "SELECT hash FROM sync_outbox WHERE scope = ?1 AND number = ?2", [.text(scope), .integer(Int64(clamping: number))])?.first?.blob
  }

  /// Stores a checked receipt. `received` becomes 1 once the hub merged or held every unit, 2 while the batch waits there. A
  /// receipt of another incarnation than this device knows is ignored (L11).
  func store(_ receipt: WireReceipt, bytes: Data) throws {
    guard try StateStore(session: session).value("incarnation").blob == receipt.incarnation else { return }
    try session.execute(
      "UPDATE sync_outbox SET received = ?3, held = ?4, receipt = ?5 WHERE scope = ?1 AND number = ?2 AND hash = ?6",
      [
        .text(receipt.scope), .integer(Int64(clamping: receipt.number)), .integer(receipt.state == .merged ? 1 : 2),
        .integer(Int64(receipt.heldChanges)), .blob(bytes), .blob(receipt.batch),
      ])
    guard receipt.state == .waiting, receipt.expected > 0 else { return }
    // Doubts the batches that the hub misses although it had them: it was restored to an older copy.
    try session.execute(
      """
      UPDATE sync_outbox SET received = \(Self.inDoubt), held = 0
      WHERE scope = ?1 AND number >= ?2 AND number < ?3 AND received = 1 AND length(bytes) > 0
      """, [.text(receipt.scope), .integer(Int64(clamping: receipt.expected)), .integer(Int64(clamping: receipt.number))])
  }

  /// Returns a batch's content; nil once its bytes were deleted.
  func content(scope: String, number: UInt64) throws -> BatchContent? {
    guard
      let bytes = try session.firstRow(
        "SELECT bytes FROM sync_outbox WHERE scope = ?1 AND number = ?2", [.text(scope), .integer(Int64(clamping: number))])?.first?.blob,
      !bytes.isEmpty
    else { return nil }
    return try BatchCodec.reopen(SealedBatch(bytes: bytes))
  }

  /// Records that a held unit came back in the feed.
  ///
  /// - Parameter changes: Rows that the unit changed.
  func release(scope: String, number: UInt64, unit: Int, changes: Int) throws {
    let place: [CellValue] = [.text(scope), .integer(Int64(clamping: number))]
    let row = try session.firstRow("SELECT held, receipt FROM sync_outbox WHERE scope = ?1 AND number = ?2", place)
    guard row?[0].integer ?? 0 > 0, let bytes = row?[1].blob,
      try WireReceipt(serializedBytes: try WireSigned(serializedBytes: bytes).body).held.contains(where: { $0.unit == UInt32(unit) })
    else { return }
    try session.execute(
      "UPDATE sync_outbox SET held = max(0, held - ?3) WHERE scope = ?1 AND number = ?2", place + [.integer(Int64(changes))])
  }

  /// Batch of which some units have not come back in the feed.
  struct Unacknowledged {
    var scope: String
    var number: UInt64
    /// Units that came back, in order, except those that the hub holds.
    var acknowledged: Int
    var units: Int
    var held: Set<Int>
  }

  func unacknowledged() throws -> [Unacknowledged] {
    try session.rows(
      "SELECT scope, number, acknowledged, units, receipt FROM sync_outbox WHERE acknowledged < units AND length(bytes) > 0 ORDER BY seq"
    )
    .compactMap { row in
      guard let scope = row[0].text, let number = row[1].integer, let acknowledged = row[2].integer, let units = row[3].integer else {
        return nil
      }
      let receipt = try row[4].blob.map { try WireReceipt(serializedBytes: try WireSigned(serializedBytes: $0).body) }
      return Unacknowledged(
        scope: scope, number: UInt64(number), acknowledged: Int(acknowledged), units: Int(units),
        held: Set((receipt?.held ?? []).map { Int($0.unit) }))
    }
  }

  /// Returns whether every unit has come back in the feed, so that all own stamps are final. Batches without bytes have final
  /// stamps.
  func isAcknowledged() throws -> Bool {
    try session.integer("SELECT count(*) FROM sync_outbox WHERE acknowledged < units AND length(bytes) > 0") == 0
  }

  /// Deletes the bytes of batches that a backup of the hub holds: every unit is merged, and none at a later position.
  ///
  /// - Parameters:
  ///   - positions: Last position of each scope in a backup.
  ///   - incarnation: Incarnation of the hub to which the positions belong: acknowledgements of another have other positions.
  func trim(backedUp positions: [String: UInt64], incarnation: Data) throws {
    let state = StateStore(session: session)
    for (scope, position) in positions where try state.value("life/" + scope).blob == incarnation {
      for row in try session.rows(
        """
        SELECT seq FROM sync_outbox o WHERE scope = ?1 AND received = 1 AND acknowledged >= units AND length(bytes) > 0
          AND number < (SELECT max(number) FROM sync_outbox WHERE scope = ?1)
          AND NOT EXISTS (
            SELECT 1 FROM sync_ack a WHERE a.scope = o.scope AND a.number = o.number AND a.lost = 0 AND a.position + a.units - 1 > ?2)
        """, [.text(scope), .integer(Int64(clamping: position))])
      { try dropBytes(row[0]) }
    }
  }

  /// Deletes the bytes of the oldest acknowledged batches while the outbox is over its bound. Their changes stand here and at the
  /// hub, so nothing is lost; but a hub that is put back to a backup from before them gets what stands of them, not the batches (L11).
  ///
  /// - Returns: Notice of that, saved already; nil unless this call was the first to delete any.
  @discardableResult
  func trim(bytesMax: Int = Self.bytesMax, hubTimeMs: UInt64) throws -> SyncNotice? {
    var freedCount = 0
    var size = try session.integer("SELECT coalesce(sum(length(bytes)), 0) FROM sync_outbox") ?? 0
    while size > Int64(bytesMax),
      let oldest = try session.firstRow(
        """
        SELECT seq, length(bytes) FROM sync_outbox o WHERE received = 1 AND acknowledged >= units AND length(bytes) > 0
          AND number < (SELECT max(number) FROM sync_outbox WHERE scope = o.scope) ORDER BY seq LIMIT 1
        """), let freed = oldest[1].integer
    {
      try dropBytes(oldest[0])
      size -= freed
      freedCount += 1
    }
    return freedCount == 0 ? nil : try tell(letGo: freedCount, hubTimeMs: hubTimeMs)
  }

  /// Replaces the standing notice of batches let go by one with all of them, so that others are not displaced.
  private func tell(letGo count: Int, hubTimeMs: UInt64) throws -> SyncNotice? {
    let state = StateStore(session: session)
    let before = try state.integer(Self.letGo)
    try state.add(Self.letGo, count)
    let all = Int(clamping: before) + count
    let notice = SyncNotice(
      kind: .batchesLetGo, atMs: hubTimeMs,
      explanation: LocalizedText(
        vi:
          "Máy này giữ quá \(Self.bytesMax >> 20) MiB gói đã gửi nên đã xóa \(all) gói cũ nhất mà tỉnh đã nhập; bản sao lưu ở tỉnh có thể chưa có. Dữ liệu vẫn còn trên máy này và ở tỉnh; nhắc tỉnh chạy `hub backup`.",
        en:
          "This device kept over \(Self.bytesMax >> 20) MiB of sent batches and let go of the \(all) oldest, which the hub has merged; its backups may lack them. The data still stands here and at the hub; ask its operator to run `hub backup`."
      ))
    try session.execute("DELETE FROM sync_notice WHERE kind = ?1", [.text(notice.kind.rawValue)])
    try notice.save(in: session)
    return before == 0 ? notice : nil
  }

  /// State key of the number of batches let go.
  private static let letGo = "batchesLetGo"

  /// Deletes the bytes of a batch. The row stays for the chain, the counts and the receipt, with the names of the changed records
  /// and the units' stamps.
  private func dropBytes(_ seq: CellValue) throws {
    if let bytes = try session.firstRow("SELECT bytes FROM sync_outbox WHERE seq = ?1", [seq])?[0].blob {
      let content = try BatchCodec.reopen(SealedBatch(bytes: bytes))
      try RecordIndex(session: session).add(content)
      try Acknowledgements(session: session).keepStamps(of: content)
    }
    try session.execute("UPDATE sync_outbox SET bytes = x'' WHERE seq = ?1", [seq])
  }
}
