internal import Foundation
internal import SyncCore
internal import SyncStore

/// Feed pages as the hub signed them, kept until the hub declares them backed up. Devices give them back to a hub that was restored
/// to an older copy (L11).
struct KeptPages {
  let session: any SQLSession

  /// Bytes of all kept pages; beyond them the oldest are deleted, and the status tells so.
  static let bytesMax = 64 << 20

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_page (
      seq INTEGER PRIMARY KEY, scope TEXT NOT NULL, incarnation BLOB NOT NULL, safe_at INTEGER NOT NULL,
      returned_to BLOB, common INTEGER, bytes BLOB NOT NULL);
    """

  struct Page {
    var seq: Int64
    var scope: String
    var bytes: Data
  }

  func keep(_ page: PageContent, bytes: Data) throws {
    guard let last = page.lastPosition else { return }
    try session.execute(
      "INSERT INTO sync_page (scope, safe_at, incarnation, bytes) VALUES (?1, ?2, ?3, ?4)",
      [.text(page.scope), .integer(Int64(clamping: last)), .blob(page.incarnation), .blob(bytes)])
    var size = try session.integer("SELECT coalesce(sum(length(bytes)), 0) FROM sync_page") ?? 0
    while size > Int64(Self.bytesMax), let oldest = try session.firstRow("SELECT seq, length(bytes) FROM sync_page ORDER BY seq LIMIT 1") {
      try session.execute("DELETE FROM sync_page WHERE seq = ?1", [oldest[0]])
      try StateStore(session: session).add("pagesDropped", 1)
      size -= oldest[1].integer ?? 0
    }
  }

  /// Deletes the pages that a backup of the hub holds.
  func drop(backedUp: [String: UInt64]) throws {
    for (scope, position) in backedUp {
      try session.execute(
        "DELETE FROM sync_page WHERE scope = ?1 AND safe_at <= ?2", [.text(scope), .integer(Int64(clamping: position))])
    }
  }

  /// Returns the next page to give back to an incarnation of the hub that began after the page.
  ///
  /// - Parameter lost: Scopes of which the hub does not have this device's position. Of other scopes the hub has all that is
  ///   applied here, but pages given back before may have been lost again.
  func next(after seq: Int64, for incarnation: Data, lost: Set<String>) throws -> Page? {
    var seq = seq
    while let row = try session.firstRow(
      "SELECT seq, scope, safe_at, incarnation, returned_to, bytes FROM sync_page WHERE seq > ?1 ORDER BY seq LIMIT 1", [.integer(seq)]),
      let found = row[0].integer, let scope = row[1].text, let safeAt = row[2].integer, let bytes = row[5].blob
    {
      seq = found
      let isLost = try lost.contains(scope) || safeAt > StateStore(session: session).integer("position/" + scope)
      if row[3].blob != incarnation, row[4].blob != incarnation, isLost { return Page(seq: found, scope: scope, bytes: bytes) }
    }
    return nil
  }

  /// Returns the newest page of each scope, which proves to a hub that it was restored.
  func newest() throws -> [Page] {
    try session.rows("SELECT max(seq), scope, bytes FROM sync_page GROUP BY scope").compactMap { row in
      guard let seq = row[0].integer, let scope = row[1].text, let bytes = row[2].blob else { return nil }
      return Page(seq: seq, scope: scope, bytes: bytes)
    }
  }

  /// Records that the hub has the page again; a backup that holds its present position holds the page.
  ///
  /// - Parameter common: Last position that the hub's feed and the page's feed share.
  func markReturned(_ page: Page, to incarnation: Data, position: UInt64, common: UInt64) throws {
    try session.execute(
      "UPDATE sync_page SET returned_to = ?2, safe_at = ?3, common = ?4 WHERE seq = ?1",
      [.integer(page.seq), .blob(incarnation), .integer(Int64(clamping: position)), .integer(Int64(clamping: common))])
  }

  /// Returns the last position that a scope's returned pages share with an incarnation; 0 when none does.
  func common(with incarnation: Data, scope: String) throws -> UInt64 {
    let position = try session.integer(
      "SELECT max(common) FROM sync_page WHERE scope = ?1 AND returned_to = ?2", [.text(scope), .blob(incarnation)])
    return UInt64(max(0, position ?? 0))
  }
}
