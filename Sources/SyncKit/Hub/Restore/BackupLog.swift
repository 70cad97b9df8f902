internal import Foundation
internal import SyncCore
internal import SyncStore

/// Table of the backups of a hub's store. Belongs to one transaction.
struct BackupLog {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_backup (id INTEGER PRIMARY KEY, begun_ms INTEGER NOT NULL, done_ms INTEGER);
    -- Written for earlier programs only: what the newest backup holds, which is not what devices may let go of.
    CREATE TABLE IF NOT EXISTS hub_backed_up (scope TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_backup_position (
      backup INTEGER NOT NULL, scope TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (backup, scope)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_backup_answers (backup INTEGER PRIMARY KEY NOT NULL, kept INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS hub_backup_file (backup INTEGER PRIMARY KEY NOT NULL, path TEXT NOT NULL);
    """

  /// Finished backups whose positions are kept.
  static let keptMax = 20

  /// State key that is set in a backup's file only, so that a hub that opens the file as its store recognizes it.
  static let copyFlag = "isBackup"

  /// Returns how many backups were begun, and the older of the two newest finished ones; 0 without two. Data in that backup is in
  /// two files, so one file may be damaged or made too late.
  func counts() throws -> (begun: UInt64, safe: UInt64) {
    let begun = try session.integer("SELECT coalesce(max(id), 0) FROM hub_backup") ?? 0
    let safe = try session.integer("SELECT id FROM hub_backup WHERE done_ms IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET 1") ?? 0
    return (UInt64(max(0, begun)), UInt64(max(0, safe)))
  }

  /// Records the release of a lot: only a backup begun from here on holds it.
  func noteRelease() throws { try StateStore(session: session).set("releasedAtBackup", .integer(Int64(clamping: try counts().begun))) }

  /// Returns whether the two newest finished backups hold every released answer. Otherwise a restored hub would have to open
  /// packets again.
  func holdsReleases() throws -> Bool {
    guard let begun = try StateStore(session: session).value("releasedAtBackup").integer else { return true }
    return try counts().safe > UInt64(max(0, begun))
  }

  /// Returns the last position of each scope that the two newest finished backups hold; none without two.
  func positions(_ scopes: [String]) throws -> [String: UInt64] {
    let safe = try counts().safe
    guard safe > 0 else { return [:] }
    var positions: [String: UInt64] = [:]
    for scope in scopes {
      let position = try session.integer(
        "SELECT position FROM hub_backup_position WHERE backup = ?1 AND scope = ?2", [.integer(Int64(clamping: safe)), .text(scope)])
      if let position, position > 0 { positions[scope] = UInt64(position) }
    }
    return positions
  }

  /// Returns the finished backups whose positions are known, newest first.
  func records() throws -> [BackupRecord] {
    var positions: [Int64: [String: UInt64]] = [:]
    for row in try session.rows("SELECT backup, scope, position FROM hub_backup_position") {
      if let id = row[0].integer, let scope = row[1].text { positions[id, default: [:]][scope] = UInt64(max(0, row[2].integer ?? 0)) }
    }
    // Checks for the table first: a file that is only examined may be of an earlier program.
    let counts = try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'hub_backup_answers'") != nil
    return try session.rows("SELECT id, begun_ms FROM hub_backup WHERE done_ms IS NOT NULL ORDER BY id DESC").compactMap { row in
      guard let id = row[0].integer, let begun = row[1].integer else { return nil }
      let answers = try counts ? session.integer("SELECT kept FROM hub_backup_answers WHERE backup = ?1", [row[0]]) : nil
      guard positions[id] != nil || answers != nil else { return nil }
      return BackupRecord(
        id: UInt64(max(0, id)), begunMs: UInt64(max(0, begun)), positions: positions[id] ?? [:],
        answers: answers.map { UInt64(max(0, $0)) })
    }
  }

  /// Begins an incarnation when the store is a backup that was put in place, by whatever means.
  ///
  /// - Returns: Whether one was begun.
  func beginLifeOfCopy(nowMs: UInt64) throws -> Bool {
    let state = StateStore(session: session)
    guard try state.integer(Self.copyFlag) == 1 else { return false }
    try IncarnationTable(session: session).begin(.restored, nowMs: nowMs)
    try state.set(Self.copyFlag, .integer(0))
    return true
  }

  /// Records the beginning of a backup.
  ///
  /// - Returns: The backup's number. The backup will hold all that is committed by now.
  func begin(nowMs: UInt64) throws -> UInt64 {
    let row = try session.firstRow("INSERT INTO hub_backup (begun_ms) VALUES (?1) RETURNING id", [.integer(Int64(clamping: nowMs))])
    return UInt64(max(0, row?[0].integer ?? 0))
  }

  /// Records the path under which a copy of the store was made.
  func note(path: String, of id: UInt64) throws {
    try session.execute(
      "INSERT INTO hub_backup_file (backup, path) VALUES (?1, ?2) ON CONFLICT (backup) DO UPDATE SET path = excluded.path",
      [.integer(Int64(clamping: id)), .text(path)])
  }

  /// Returns the copies that were made, newest first. Of earlier programs only finished copies are known, without a path.
  func files() throws -> [BackupFileNote] {
    try session.rows(
      """
      SELECT b.begun_ms, f.path FROM hub_backup b LEFT JOIN hub_backup_file f ON f.backup = b.id
      WHERE b.done_ms IS NOT NULL OR f.path IS NOT NULL ORDER BY b.id DESC
      """
    ).map { BackupFileNote(begunMs: UInt64(max(0, $0[0].integer ?? 0)), path: $0[1].text) }
  }

  /// Records a backup as finished: devices may trim what two finished backups hold.
  ///
  /// - Parameters:
  ///   - positions: Last position of each scope in the backup.
  ///   - answers: Packets that had arrived when the backup began, released or not.
  func finish(id: UInt64, positions: [String: UInt64], answers: UInt64, nowMs: UInt64) throws {
    try session.execute(
      "INSERT INTO hub_backup_answers (backup, kept) VALUES (?1, ?2) ON CONFLICT (backup) DO UPDATE SET kept = excluded.kept",
      [.integer(Int64(clamping: id)), .integer(Int64(clamping: answers))])
    try session.execute(
      "UPDATE hub_backup SET done_ms = ?2 WHERE id = ?1", [.integer(Int64(clamping: id)), .integer(Int64(clamping: nowMs))])
    for (scope, position) in positions {
      try session.execute(
        """
        INSERT INTO hub_backup_position (backup, scope, position) VALUES (?1, ?2, ?3)
        ON CONFLICT (backup, scope) DO UPDATE SET position = excluded.position
        """, [.integer(Int64(clamping: id)), .text(scope), .integer(Int64(clamping: position))])
      try session.execute(
        """
        INSERT INTO hub_backed_up (scope, position) VALUES (?1, ?2)
        ON CONFLICT (scope) DO UPDATE SET position = max(hub_backed_up.position, excluded.position)
        """, [.text(scope), .integer(Int64(clamping: position))])
    }
    try session.execute(
      """
      DELETE FROM hub_backup_position WHERE backup NOT IN (
        SELECT id FROM hub_backup WHERE done_ms IS NOT NULL ORDER BY id DESC LIMIT \(Self.keptMax))
      """)
    try session.execute(
      """
      DELETE FROM hub_backup_answers WHERE backup NOT IN (
        SELECT id FROM hub_backup WHERE done_ms IS NOT NULL ORDER BY id DESC LIMIT \(Self.keptMax))
      """)
  }
}
