internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Packets that a step counted as *spoiled*, as they arrived: another program, or a recovered key, may read them yet. Belongs to
/// one hub transaction.
struct SpoiledPackets {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_packet_spoiled (
      id BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
    """

  /// Packets kept of all scopes together; further ones go on waiting.
  static let keptMax: Int64 = 10_000

  /// Keeps a packet.
  ///
  /// - Returns: False when there is no room.
  func keep(_ packet: CellValue) throws -> Bool {
    guard try session.integer("SELECT count(*) FROM hub_packet_spoiled") ?? 0 < Self.keptMax else { return false }
    try session.execute(
      "INSERT INTO hub_packet_spoiled (id, scope, bytes) SELECT id, scope, bytes FROM hub_packet WHERE id = ?1 ON CONFLICT DO NOTHING",
      [packet])
    return true
  }

  /// Lets every kept packet wait again, to be judged by the next step.
  ///
  /// - Returns: How many.
  func retry() throws -> Int {
    var count = 0
    for row in try session.rows("SELECT scope, count(*) FROM hub_packet_spoiled GROUP BY scope") {
      guard let scope = row[0].text, let spoiled = row[1].integer else { continue }
      var counts = DropCounts()
      counts.spoiled = -Int(clamping: spoiled)
      counts.held = try DropLedger(session: session).held(scope)
      try DropLedger(session: session).add(counts, scope: scope)
      count -= counts.spoiled
    }
    let again = try session.rows("SELECT scope, bytes FROM hub_packet_spoiled WHERE id NOT IN (SELECT id FROM hub_packet)")
    try FormDropLedger(session: session).add(again.map { ($0[0].text, $0[1].blob) })
    try session.execute(
      "INSERT INTO hub_packet (id, scope, bytes) SELECT id, scope, bytes FROM hub_packet_spoiled ORDER BY id ON CONFLICT DO NOTHING")
    try session.execute("DELETE FROM hub_packet_spoiled")
    return count
  }

  /// Deletes packets by the drop key to which they are encrypted.
  func erase(_ isOver: (_ dropKey: String) -> Bool) throws {
    for row in try session.rows("SELECT id, bytes FROM hub_packet_spoiled") {
      let key = row[1].blob.flatMap { try? WirePacket(serializedBytes: $0) }?.dropKey ?? ""
      if isOver(key) { try session.execute("DELETE FROM hub_packet_spoiled WHERE id = ?1", [row[0]]) }
    }
  }
}

extension Hub {
  /// Judges spoiled packets again: after an upgrade, or when a key is back. The next steps tell the result, as of any packet.
  ///
  /// - Returns: How many there were.
  public func retrySpoiled() async throws -> Int {
    let count = try await store.write { try SpoiledPackets(session: $0).retry() }
    _ = try await settle()
    return count
  }
}
