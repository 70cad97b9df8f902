internal import Foundation
internal import SyncCore
internal import SyncStore

/// Incarnations of a hub's store (L11): each is one unbroken life of the store. A restore, by whatever means, ends one and begins
/// the next, so that devices notice and give back what the hub lost.
struct IncarnationTable {
  let session: any SQLSession

  /// Cause of an incarnation's beginning. Raw values are stored.
  enum Cause: String, Sendable {
    case first
    /// A backup was put in place.
    case restored
    /// A device showed a page of this hub that the store does not know: the store was put back by other means.
    case noticed
  }

  struct Record: Hashable, Sendable {
    var incarnation: Data
    var startedMs: UInt64
    var cause: Cause
    /// Units in all feeds when the incarnation ended; 0 for the present one, and for one that only a page told of.
    var units: UInt64
    /// Units that devices gave back or sent again during the incarnation.
    var unitsBack: Int
    /// True when an operator has checked what may have been lost with the restore.
    var isConfirmed: Bool
  }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_life (
      incarnation BLOB PRIMARY KEY NOT NULL, cause TEXT NOT NULL, units_back INTEGER NOT NULL DEFAULT 0, confirmed_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_life_end (
      scope TEXT NOT NULL, incarnation BLOB NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
      PRIMARY KEY (scope, incarnation)) WITHOUT ROWID;
    """

  /// Incarnations that are listed to devices.
  static let listedMax = 8

  /// Returns the present incarnation. Read in each transaction, because another process may begin one.
  func present() throws -> Data {
    try session.firstRow("SELECT id FROM hub_incarnation ORDER BY seq DESC LIMIT 1")?[0].blob ?? Data(count: 16)
  }

  /// Returns whether the store has been through an incarnation, or was told of it by a page.
  func knows(_ incarnation: Data) throws -> Bool {
    try session.firstRow("SELECT 1 FROM hub_incarnation WHERE id = ?1", [.blob(incarnation)]) != nil
  }

  /// Begins an incarnation, and records where the one before ended: both share the feed up to there.
  func begin(_ cause: Cause, nowMs: UInt64) throws {
    if let present = try session.firstRow("SELECT id FROM hub_incarnation ORDER BY seq DESC LIMIT 1")?[0] {
      try session.execute(
        "INSERT INTO hub_life_end (scope, incarnation, position, hash) SELECT scope, ?1, position, hash FROM hub_scope WHERE true ON CONFLICT DO NOTHING",
        [present])
    }
    let incarnation = Data((0..<16).map { _ in UInt8.random(in: 0 ... .max) })
    try note(incarnation, startedMs: nowMs)
    try session.execute(
      "INSERT INTO hub_life (incarnation, cause, confirmed_ms) VALUES (?1, ?2, ?3)",
      [.blob(incarnation), .text(cause.rawValue), cause == .first ? .integer(Int64(clamping: nowMs)) : .null])
  }

  /// Counts units that came back in the present incarnation.
  func count(unitsBack: Int) throws {
    guard unitsBack > 0 else { return }
    try session.execute(
      "UPDATE hub_life SET units_back = units_back + ?2 WHERE incarnation = ?1", [.blob(try present()), .integer(Int64(unitsBack))])
  }

  /// Returns where each earlier incarnation ended in a scope's feed.
  func ends(scope: String) throws -> [(incarnation: Data, position: UInt64, hash: Data)] {
    try session.rows("SELECT incarnation, position, hash FROM hub_life_end WHERE scope = ?1", [.text(scope)]).compactMap { row in
      guard let incarnation = row[0].blob, let position = row[1].integer, let hash = row[2].blob else { return nil }
      return (incarnation, UInt64(max(0, position)), hash)
    }
  }

  /// Records an incarnation of this hub that only a page tells of.
  func note(_ incarnation: Data, startedMs: UInt64) throws {
    try session.execute(
      "INSERT INTO hub_incarnation (id, started_ms) VALUES (?1, ?2)", [.blob(incarnation), .integer(Int64(clamping: startedMs))])
  }

  /// Returns all incarnations, newest first.
  func all() throws -> [Record] {
    try session.rows(
      """
      SELECT i.id, i.started_ms, l.cause, l.confirmed_ms IS NOT NULL, coalesce(l.units_back, 0),
        (SELECT coalesce(sum(position), 0) FROM hub_life_end e WHERE e.incarnation = i.id)
      FROM hub_incarnation i LEFT JOIN hub_life l ON l.incarnation = i.id ORDER BY i.seq DESC
      """
    ).compactMap { row in
      guard let id = row[0].blob else { return nil }
      return Record(
        incarnation: id, startedMs: UInt64(max(0, row[1].integer ?? 0)), cause: row[2].text.flatMap(Cause.init(rawValue:)) ?? .first,
        units: UInt64(max(0, row[5].integer ?? 0)), unitsBack: Int(row[4].integer ?? 0),
        isConfirmed: row[2].isNull || row[3].integer == 1)
    }
  }
}
