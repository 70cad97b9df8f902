internal import Foundation
internal import SyncCore
internal import SyncStore

/// Batches that a restored hub lost and that their authors no longer have, as the authors signed (L11). A recovery batch carries
/// what still stands of them. Belongs to one hub transaction.
struct GoneBatches {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_gone (
      hash BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, replica BLOB NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Records a batch as gone. The author's chain continues after it, and its units no longer count as missing.
  func note(_ batch: BatchRecovery.Gone, of author: ReplicaID, scope: String) throws {
    let place: [CellValue] = [.text(scope), .blob(author.bytes), .integer(Int64(clamping: batch.number)), .blob(batch.hash)]
    try session.execute(
      "INSERT INTO hub_gone (scope, replica, number, hash) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING", place)
    try session.execute(
      "INSERT INTO hub_known_batch (scope, replica, number, hash) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING", place)
    try session.execute(
      """
      DELETE FROM hub_returned WHERE hash = ?1 AND position IS NULL
        AND NOT EXISTS (SELECT 1 FROM hub_returned_waiting w WHERE w.hash = hub_returned.hash AND w.unit = hub_returned.unit)
      """, [.blob(batch.hash)])
  }

  func isGone(_ hash: Data) throws -> Bool { try session.firstRow("SELECT 1 FROM hub_gone WHERE hash = ?1", [.blob(hash)]) != nil }
}
