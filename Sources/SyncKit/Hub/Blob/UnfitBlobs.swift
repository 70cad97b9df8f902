internal import Foundation
internal import SyncCore
internal import SyncStore

/// Blobs that a hub will never keep, with the reason. The hub signs the reason for the device, which then sends the blob no more.
///
/// A fault of a complete blob holds for every sender. A fault of an incomplete one holds for its sender alone, because anybody can
/// invent a beginning: one device could otherwise keep another's picture out.
struct UnfitBlobs {
  let session: any HubSession

  /// Tables of the refused blobs; `replica` is empty where the fault holds for every sender.
  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_blob_unfit (
      id TEXT NOT NULL, replica BLOB NOT NULL, vi TEXT NOT NULL, en TEXT NOT NULL, at_ms INTEGER NOT NULL,
      PRIMARY KEY (id, replica)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_blob_unfit_at ON hub_blob_unfit (at_ms);
    """

  /// Blobs remembered; the oldest are judged again should they come again.
  static let rememberedMax = 10_000

  /// Returns why a blob is refused from a device; nil when it is not refused.
  func reason(_ id: BlobID, from replica: ReplicaID) throws -> LocalizedText? {
    let row = try session.firstRow(
      "SELECT vi, en FROM hub_blob_unfit WHERE id = ?1 AND replica IN (x'', ?2) LIMIT 1", [.text(id.hex), .blob(replica.bytes)])
    guard let vi = row?[0].text, let en = row?[1].text else { return nil }
    return LocalizedText(vi: vi, en: en)
  }

  func note(_ id: BlobID, _ unfit: BlobStore.Unfit, from replica: ReplicaID, nowMs: UInt64) throws {
    try session.execute(
      """
      INSERT INTO hub_blob_unfit (id, replica, vi, en, at_ms) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id, replica) DO NOTHING
      """,
      [
        .text(id.hex), .blob(unfit.isWhole ? Data() : replica.bytes), .text(unfit.reason.vi), .text(unfit.reason.en),
        .integer(Int64(clamping: nowMs)),
      ])
    let count = try session.integer("SELECT count(*) FROM hub_blob_unfit") ?? 0
    guard count > Self.rememberedMax else { return }
    try session.execute(
      "DELETE FROM hub_blob_unfit WHERE (id, replica) IN (SELECT id, replica FROM hub_blob_unfit ORDER BY at_ms LIMIT ?1)",
      [.integer(count - Int64(Self.rememberedMax))])
  }
}
