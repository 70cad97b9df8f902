internal import Foundation

/// The lives of a hub's store (L11). A restore, by whatever means, ends one and begins another, so that devices notice and give
/// back what the hub lost.
struct HubLife {
  let session: any HubSession

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
    /// An operator has looked at what may have been lost with the restore.
    var isConfirmed: Bool
  }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_life (incarnation BLOB PRIMARY KEY NOT NULL, cause TEXT NOT NULL, confirmed_ms INTEGER) WITHOUT ROWID;
    """

  /// Read in each transaction: several processes may have the store open, and one of them begins a life.
  func present() throws -> Data {
    try session.firstRow("SELECT id FROM hub_incarnation ORDER BY seq DESC LIMIT 1")?[0].blob ?? Data(count: 16)
  }

  /// Whether a life is one this store has been through, or heard of.
  func knows(_ incarnation: Data) throws -> Bool {
    try session.firstRow("SELECT 1 FROM hub_incarnation WHERE id = ?1", [.blob(incarnation)]) != nil
  }

  /// Begins a life.
  @discardableResult
  func begin(_ cause: Cause, nowMs: UInt64) throws -> Data {
    let incarnation = Data((0..<16).map { _ in UInt8.random(in: 0 ... .max) })
    try note(incarnation, startedMs: nowMs)
    try session.execute(
      "INSERT INTO hub_life (incarnation, cause, confirmed_ms) VALUES (?1, ?2, ?3)",
      [.blob(incarnation), .text(cause.rawValue), cause == .first ? .integer(Int64(clamping: nowMs)) : .null])
    return incarnation
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
      SELECT i.id, i.started_ms, l.cause, l.confirmed_ms IS NOT NULL FROM hub_incarnation i LEFT JOIN hub_life l ON l.incarnation = i.id
      ORDER BY i.seq DESC
      """
    ).compactMap { row in
      guard let id = row[0].blob else { return nil }
      return Record(
        incarnation: id, startedMs: UInt64(max(0, row[1].integer ?? 0)), cause: row[2].text.flatMap(Cause.init(rawValue:)) ?? .first,
        isConfirmed: row[2].isNull || row[3].integer == 1)
    }
  }
}
