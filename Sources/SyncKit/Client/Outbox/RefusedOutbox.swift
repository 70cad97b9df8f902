internal import Foundation
internal import SyncCore
internal import SyncStore

/// Batches that the hub will never merge as they were sealed: kept on the device with the hub's signed reason.
struct RefusedOutbox {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_refused (
      hash BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, receipt BLOB NOT NULL,
      reason TEXT NOT NULL, detail TEXT NOT NULL, changes INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Returns how many row changes are in no batch any more.
  func changes() throws -> Int {
    // Returns 0 for a store of an earlier program, which has no such table.
    guard try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'sync_refused'") != nil else { return 0 }
    return Int(try session.integer("SELECT coalesce(sum(changes), 0) FROM sync_refused") ?? 0)
  }

  /// Returns the tables that refused batches write; nil when unknown. Their rows here differ from the hub's.
  func tables() throws -> Set<String>? {
    var tables: Set<String> = []
    for row in try session.rows("SELECT bytes FROM sync_refused WHERE changes > 0") {
      guard let bytes = row[0].blob, let content = try? BatchCodec.reopen(SealedBatch(bytes: bytes)) else { return nil }
      for unit in content.units { tables.formUnion(unit.changes.map(\.table)) }
    }
    return tables
  }

  /// Outcome for a refused batch.
  struct Outcome: Hashable {
    /// Row changes that were sealed again, and those that stay here.
    var resealed = 0
    var kept = 0
  }

  /// Moves a refused batch aside, and seals again what can be merged of it and of the batches behind it, from its number on.
  ///
  /// A batch of one unit cannot be merged at all. Several units are divided into two batches, so that further refusals find the
  /// faulty one. Units that this program finds faulty itself are left out at once.
  ///
  /// - Returns: Nil, with nothing changed, when the hub has a later batch already: another device has this identity.
  func refuse(_ receipt: WireReceipt, bytes: Data, key: SigningKey) throws -> Outcome? {
    let outbox = Outbox(session: session)
    let place: [CellValue] = [.text(receipt.scope), .integer(Int64(clamping: receipt.number))]
    let rows = try session.rows(
      "SELECT number, hash, bytes, received, acknowledged, changes FROM sync_outbox WHERE scope = ?1 AND number >= ?2 ORDER BY number",
      place)
    guard let refused = rows.first, refused[1].blob == receipt.batch, let sealed = refused[2].blob, !sealed.isEmpty,
      rows.allSatisfy({ $0[3].integer != 1 && $0[4].integer == 0 && $0[2].blob?.isEmpty == false })
    else { return nil }
    let content = try? BatchCodec.reopen(SealedBatch(bytes: sealed))
    let parts = Self.parts(of: content)
    let later = try rows.dropFirst().map { try BatchCodec.reopen(SealedBatch(bytes: $0[2].blob ?? Data())) }
    let changes = Int(refused[5].integer ?? 0)
    let resealed = parts.reduce(0) { $0 + $1.changeCount }
    try session.execute(
      """
      INSERT INTO sync_refused (hash, scope, number, bytes, receipt, reason, detail, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
      ON CONFLICT (hash) DO NOTHING
      """,
      [
        .blob(receipt.batch), place[0], place[1], .blob(sealed), .blob(bytes), .text(receipt.reason), .text(receipt.detail),
        .integer(Int64(changes - resealed)),
      ])
    try session.execute("DELETE FROM sync_outbox WHERE scope = ?1 AND number >= ?2", place)
    var number = receipt.number
    for var next in parts + later {
      next.replica = key.replica
      next.number = number
      next.previous = number == 1 ? Data() : try outbox.hash(scope: receipt.scope, number: number - 1) ?? content?.previous ?? Data()
      try outbox.append(next, key: key)
      number += 1
    }
    return Outcome(resealed: resealed, kept: changes - resealed)
  }

  private static func parts(of content: BatchContent?) -> [BatchContent] {
    guard let content else { return [] }
    func part(_ units: some Collection<ChangeUnit>) -> [BatchContent] {
      guard !units.isEmpty else { return [] }
      var part = content
      part.units = Array(units)
      return [part]
    }
    let good = content.units.filter { $0.faults.isEmpty }
    if good.count < content.units.count { return part(good) }
    guard good.count > 1 else { return [] }
    let middle = good.count / 2
    return part(good[..<middle]) + part(good[middle...])
  }
}
