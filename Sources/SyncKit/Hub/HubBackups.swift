internal import Foundation

/// What backups of the hub's store hold. Belongs to one transaction.
struct HubBackups {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_backup (id INTEGER PRIMARY KEY, begun_ms INTEGER NOT NULL, done_ms INTEGER);
    CREATE TABLE IF NOT EXISTS hub_backed_up (scope TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Set in a backup's own copy, so that a hub that finds it in its store knows what it is.
  static let copyFlag = "isBackup"

  /// How many backups were begun, and the newest of them that is safe.
  func counts() throws -> (begun: UInt64, done: UInt64) {
    let row = try session.firstRow(
      "SELECT coalesce(max(id), 0), coalesce(max(CASE WHEN done_ms IS NOT NULL THEN id END), 0) FROM hub_backup")
    return (UInt64(max(0, row?[0].integer ?? 0)), UInt64(max(0, row?[1].integer ?? 0)))
  }

  /// Notes that a lot was released: only a backup begun from here on holds it.
  func noteRelease() throws { try StateStore(session: session).set("releasedAtBackup", .integer(Int64(clamping: try counts().begun))) }

  /// Whether a finished backup holds every answer released.
  func holdsReleases() throws -> Bool {
    guard let begun = try StateStore(session: session).value("releasedAtBackup").integer else { return true }
    return try counts().done > UInt64(max(0, begun))
  }

  /// The last position of each scope that a safe backup holds; 0 without one.
  func positions(_ scopes: [String]) throws -> [String: UInt64] {
    var positions: [String: UInt64] = [:]
    for scope in scopes {
      let position = try session.integer("SELECT position FROM hub_backed_up WHERE scope = ?1", [.text(scope)]) ?? 0
      if position > 0 { positions[scope] = UInt64(position) }
    }
    return positions
  }

  /// Begins a life when the store is a backup that was put in place, by whatever means.
  ///
  /// - Returns: Whether one was begun.
  func beginLifeOfCopy(nowMs: UInt64) throws -> Bool {
    let state = StateStore(session: session)
    guard try state.integer(Self.copyFlag) == 1 else { return false }
    try HubLife(session: session).begin(.restored, nowMs: nowMs)
    try state.set(Self.copyFlag, .integer(0))
    return true
  }

  /// - Returns: The backup's number. What is committed by now is in it.
  func begin(nowMs: UInt64) throws -> UInt64 {
    let row = try session.firstRow("INSERT INTO hub_backup (begun_ms) VALUES (?1) RETURNING id", [.integer(Int64(clamping: nowMs))])
    return UInt64(max(0, row?[0].integer ?? 0))
  }

  /// Declares that a backup is safe.
  ///
  /// - Parameter positions: The last one of each scope in it.
  func finish(id: UInt64, positions: [String: UInt64], nowMs: UInt64) throws {
    try session.execute(
      "UPDATE hub_backup SET done_ms = ?2 WHERE id = ?1", [.integer(Int64(clamping: id)), .integer(Int64(clamping: nowMs))])
    for (scope, position) in positions {
      try session.execute(
        """
        INSERT INTO hub_backed_up (scope, position) VALUES (?1, ?2)
        ON CONFLICT (scope) DO UPDATE SET position = max(hub_backed_up.position, excluded.position)
        """, [.text(scope), .integer(Int64(clamping: position))])
    }
  }
}
