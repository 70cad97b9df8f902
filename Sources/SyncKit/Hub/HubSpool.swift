internal import Foundation
internal import SwiftProtobuf

/// Packets on their way from the spool into the store.
extension Hub {
  /// Between two flushes of a hub that serves, in milliseconds.
  public static let packetFlushMs = 15 * 60 * 1000

  var spool: PacketSpool { PacketSpool(folder: store.spoolFolder) }

  /// Packets that have arrived since the last flush.
  public func spooledPackets() -> SpooledPackets {
    var spooled = SpooledPackets()
    for packet in spool.all() { spooled.scopes[packet.id] = packet.scope }
    for packet in lateSpool.all() { spooled.late[packet.id] = packet.scope }
    return spooled
  }

  /// Keeps packets of one scope durably.
  ///
  /// - Returns: The newest backup begun: they are in every backup begun after it.
  func spool(_ packets: [WirePacket], scope: String) async throws -> UInt64 {
    try Packets.check(packets, scope: scope, unitKeys: try await unitKeys(of: scope))
    try spool.keep(packets, scope: scope)
    // Asked afterwards: a backup that begins later flushes the spool first.
    let begun = try await store.read { try HubBackups(session: $0).counts().begun }
    if !options.spoolsPackets || spool.count() > PacketSpool.filesMax { try await flushPackets() }
    return begun
  }

  /// Moves what is in the spool into the store, mixed over all scopes, and takes the steps that are due. One transaction.
  ///
  /// All packets that wait are written anew in the order of their hashes, so that no page tells which came first; then the log is cut, so
  /// that it tells nothing either. A power cut between the two leaves a packet in both places: it counts once while it waits, and as
  /// repeated when a step had released it.
  public func flushPackets() async throws {
    let (keys, receiver, tables, spool, lateSpool) = (keys, receiver, store.tables, spool, lateSpool)
    let lock = try await spool.lock()
    let (flushed, late) = try await store.write { session in
      let (packets, late) = (spool.all(), lateSpool.all())
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
      try box.rewrite(adding: try packets.map { [.blob($0.id), .text($0.scope), .blob(try $0.packet.serializedData())] })
      try LatePacketTable(session: session).settle(adding: late)
      for scope in try box.scopes().shuffled() { try box.step(scope) }
      return (packets, late)
    }
    spool.remove(flushed)
    if !late.isEmpty { lateSpool.remove(late) }
    try await cutLog()
    withExtendedLifetime(lock) {}
  }
}

extension DropBoxHub {
  /// Scopes with packets that wait.
  func scopes() throws -> [String] {
    try session.rows("SELECT DISTINCT scope FROM hub_packet ORDER BY scope").compactMap { $0[0].text }
  }

  /// Writes all packets in the order of their hashes, those that wait and new ones.
  func rewrite(adding new: [[CellValue]]) throws {
    var rows = try session.rows("SELECT id, scope, bytes FROM hub_packet")
    let known = Set(rows.compactMap { $0[0].blob })
    guard !rows.isEmpty || !new.isEmpty else { return }
    rows += new.filter { !known.contains($0[0].blob ?? Data()) }
    rows.sort { ($0[0].blob ?? Data()).lexicographicallyPrecedes($1[0].blob ?? Data()) }
    try session.execute("DELETE FROM hub_packet")
    let insert = RepeatedSQL("INSERT INTO hub_packet (id, scope, bytes) VALUES (?1, ?2, ?3)")
    for row in rows { try session.execute(insert, row) }
  }
}
