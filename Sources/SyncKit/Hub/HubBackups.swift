internal import Foundation

/// What backups of the hub's store hold. Belongs to one transaction.
struct HubBackups {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_backup (id INTEGER PRIMARY KEY, begun_ms INTEGER NOT NULL, done_ms INTEGER);
    CREATE TABLE IF NOT EXISTS hub_backed_up (scope TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Set in a backup's own copy, so that a hub that finds it in its store knows what it is.
  private static let copyFlag = "isBackup"

  /// How many backups were begun, and the newest of them that is safe.
  func counts() throws -> (begun: UInt64, done: UInt64) {
    let row = try session.firstRow("SELECT coalesce(max(id), 0), coalesce(max(CASE WHEN done_ms IS NOT NULL THEN id END), 0) FROM hub_backup")
    return (UInt64(max(0, row?[0].integer ?? 0)), UInt64(max(0, row?[1].integer ?? 0)))
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
  func beginLifeOfCopy(nowMs: UInt64) throws {
    let state = StateStore(session: session)
    guard try state.integer(Self.copyFlag) == 1 else { return }
    try HubLife(session: session).begin(.restored, nowMs: nowMs)
    try state.set(Self.copyFlag, .integer(0))
  }

  func markAsCopy() throws { try StateStore(session: session).set(Self.copyFlag, .integer(1)) }
}
