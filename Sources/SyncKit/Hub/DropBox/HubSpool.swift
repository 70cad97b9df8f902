internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Packets on their way from the spool into the store.
extension Hub {
  /// Between two flushes of a hub that serves, in milliseconds.
  public static let packetFlushMs = 15 * 60 * 1000

  var spool: PacketSpool { PacketSpool(folder: store.spoolFolder) }

  /// Packets that have arrived since the last flush.
  public func spooledPackets() -> SpooledPackets {
    var spooled = SpooledPackets()
    let forms: [String: String] = keys.dropKeys.reduce(into: [:]) { $0[$1.id] = $1.owner?.form }
    for packet in spool.all() {
      spooled.scopes[packet.id] = packet.scope
      spooled.forms[packet.id] = forms[packet.packet.dropKey]
    }
    for packet in lateSpool.all() { spooled.late[packet.id] = packet.scope }
    return spooled
  }

  /// Keeps packets of one scope durably.
  ///
  /// - Returns: The newest backup begun: they are in every backup begun after it.
  func spool(_ packets: [WirePacket], scope: String) async throws -> UInt64 {
    try Packets.check(packets, scope: scope, unitKeys: try await unitKeys(of: scope))
    try writingFiles { try spool.keep(packets, scope: scope) }
    // Asked afterwards: a backup that begins later flushes the spool first.
    let begun = try await store.read { try HubBackups(session: $0).counts().begun }
    if !options.spoolsPackets || spool.count() > PacketSpool.filesMax { try await flushPackets() }
    return begun
  }

  /// Packets that one transaction moves into the store, at most.
  static let packetsMovedMax = 250

  /// Moves packets from the spool into the store and takes the steps that are due, in transactions that keep nobody else waiting for long:
  /// whole scopes in random order, each scope's step by itself.
  ///
  /// With each transaction all packets that wait are written anew in the order of their hashes, so that no page tells which came first;
  /// in the end the log is cut, so that it tells nothing either. A power cut before they are gone from the spool leaves packets in both
  /// places: they count once while they wait, and of a scope of many portions as repeated when a step had released them.
  public func flushPackets() async throws {
    let (spool, lateSpool) = (spool, lateSpool)
    let lock = try await spool.lock()
    var late = lateSpool.all()
    var stepped: Set<String> = []
    for packets in Self.portions(of: spool.all()) {
      let due = try await move(packets, late: late)
      spool.remove(packets)
      if !late.isEmpty { lateSpool.remove(late) }
      late = []
      // Scopes of which nothing came have a step all the same when an edition became known.
      let own = Set(packets.map(\.scope))
      for scope in due.filter(own.contains).shuffled() { try await step(scope) }
      stepped.formUnion(own)
    }
    for scope in try await scopesDue().subtracting(stepped).shuffled() { try await step(scope) }
    try await cutLog()
    withExtendedLifetime(lock) {}
  }

  /// Whole scopes in random order; a scope of very many packets in several portions, in the order of their hashes. One portion at least.
  private static func portions(of packets: [PacketSpool.Spooled]) -> [[PacketSpool.Spooled]] {
    var portions: [[PacketSpool.Spooled]] = [[]]
    for own in Dictionary(grouping: packets, by: \.scope).values.shuffled() {
      var rest = own[...]
      while !rest.isEmpty {
        let last = portions.count - 1
        let room = packetsMovedMax - portions[last].count
        guard rest.count <= room || portions[last].isEmpty else {
          portions.append([])
          continue
        }
        portions[last] += rest.prefix(room)
        rest = rest.dropFirst(room)
      }
    }
    return portions
  }

  /// - Returns: Scopes that may have a step.
  private func move(_ packets: [PacketSpool.Spooled], late: [PacketSpool.Spooled]) async throws -> Set<String> {
    let (keys, receiver, tables) = (keys, receiver, store.tables)
    return try await store.write { session in
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
      try box.rewrite(adding: try packets.map { [.blob($0.id), .text($0.scope), .blob(try $0.packet.serializedData())] })
      try LatePacketTable(session: session).settle(adding: late)
      return try box.scopesDue()
    }
  }

  private func scopesDue() async throws -> Set<String> {
    let (keys, receiver, tables) = (keys, receiver, store.tables)
    return try await store.read { try DropBoxHub(session: $0, keys: keys, tables: tables, receiver: receiver).scopesDue() }
  }

  /// Opens and judges what waits before the transaction: judged once more inside it, everything that takes long is known.
  private func step(_ scope: String) async throws {
    let (keys, receiver, tables, opened) = (keys, receiver, store.tables, OpenedPackets())
    defer { receiver.stepEnded() }
    try await store.read { session in
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver, opened: opened)
      _ = try WaitingPackets(scope, of: box)
    }
    try await store.write { session in
      try DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver, opened: opened).step(scope)
    }
  }
}

extension DropBoxHub {
  /// Scopes with as many packets as a step takes at least.
  func scopesDue() throws -> Set<String> {
    let k = try receiver.lotMin(in: session)
    let rows = try session.rows("SELECT scope FROM hub_packet GROUP BY scope HAVING count(*) >= ?1", [.integer(Int64(k))])
    return Set(rows.compactMap { $0[0].text })
  }

  /// Scopes with packets that wait.
  func scopes() throws -> [String] {
    try session.rows("SELECT DISTINCT scope FROM hub_packet ORDER BY scope").compactMap { $0[0].text }
  }

  /// Writes all packets in the order of their hashes, those that wait and new ones.
  func rewrite(adding new: [[CellValue]]) throws {
    var rows = try session.rows("SELECT id, scope, bytes FROM hub_packet")
    let known = Set(rows.compactMap { $0[0].blob })
    guard !rows.isEmpty || !new.isEmpty else { return }
    let unknown = new.filter { !known.contains($0[0].blob ?? Data()) }
    let ledger = FormDropLedger(session: session)
    try ledger.note(keys)
    try ledger.add(unknown.map { ($0[1].text, $0[2].blob) })
    rows += unknown
    rows.sort { ($0[0].blob ?? Data()).lexicographicallyPrecedes($1[0].blob ?? Data()) }
    try session.execute("DELETE FROM hub_packet")
    let insert = RepeatedSQL("INSERT INTO hub_packet (id, scope, bytes) VALUES (?1, ?2, ?3)")
    for row in rows { try session.execute(insert, row) }
  }
}
