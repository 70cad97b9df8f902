internal import Foundation
internal import SyncCore
internal import SyncStore

/// The lives of a hub's store (L11). A restore, by whatever means, ends one and begins another, so that devices notice and give
/// back what the hub lost.
struct HubLife {
  let session: any SQLSession

  /// Why a life began. Raw values are stored.
  enum Cause: String, Sendable {
    case first
    /// A backup was put in place.
    case restored
    /// A device showed a page of this hub's that the store knows nothing of: it was put back by other means.
    case noticed
  }

  struct Record: Hashable, Sendable {
    var incarnation: Data
    var startedMs: UInt64
    var cause: Cause
    /// Units in all feeds when the life ended; 0 for the present one, and for those the store only heard of.
    var units: UInt64
    /// Units that devices gave back or sent again in it.
    var unitsBack: Int
    /// An operator has looked at what may have been lost with the restore.
    var isConfirmed: Bool
  }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_life (
      incarnation BLOB PRIMARY KEY NOT NULL, cause TEXT NOT NULL, units_back INTEGER NOT NULL DEFAULT 0, confirmed_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_life_end (
      scope TEXT NOT NULL, incarnation BLOB NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
      PRIMARY KEY (scope, incarnation)) WITHOUT ROWID;
    """

  /// Lives that are listed to devices.
  static let listedMax = 8

  /// Read in each transaction: several processes may have the store open, and one of them begins a life.
  func present() throws -> Data {
    try session.firstRow("SELECT id FROM hub_incarnation ORDER BY seq DESC LIMIT 1")?[0].blob ?? Data(count: 16)
  }

  /// Whether a life is one this store has been through, or heard of.
  func knows(_ incarnation: Data) throws -> Bool {
    try session.firstRow("SELECT 1 FROM hub_incarnation WHERE id = ?1", [.blob(incarnation)]) != nil
  }

  /// Begins a life, and notes where the one before ended: everything up to there is common to both.
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

  /// Counts units that came back in the present life.
  func count(unitsBack: Int) throws {
    guard unitsBack > 0 else { return }
    try session.execute(
      "UPDATE hub_life SET units_back = units_back + ?2 WHERE incarnation = ?1", [.blob(try present()), .integer(Int64(unitsBack))])
  }

  /// Where each of a scope's earlier lives ended.
  func ends(scope: String) throws -> [(incarnation: Data, position: UInt64, hash: Data)] {
    try session.rows("SELECT incarnation, position, hash FROM hub_life_end WHERE scope = ?1", [.text(scope)]).compactMap { row in
      guard let incarnation = row[0].blob, let position = row[1].integer, let hash = row[2].blob else { return nil }
      return (incarnation, UInt64(max(0, position)), hash)
    }
  }

  /// Remembers a life of this hub that the store only hears of.
  func note(_ incarnation: Data, startedMs: UInt64) throws {
    try session.execute(
      "INSERT INTO hub_incarnation (id, started_ms) VALUES (?1, ?2)", [.blob(incarnation), .integer(Int64(clamping: startedMs))])
  }

  /// Newest first.
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
