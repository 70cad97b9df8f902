internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Movement of packets from the spool into the store.
extension Hub {
  /// Milliseconds between two flushes of a hub that serves.
  public static let packetFlushMs = 15 * 60 * 1000

  var spool: PacketSpool { PacketSpool(folder: store.spoolFolder) }

  /// Returns the packets that have arrived since the last flush.
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
  /// - Returns: The newest backup begun: the packets are in every backup begun after it.
  func spool(_ packets: [WirePacket], scope: String) async throws -> UInt64 {
    try Packets.check(packets, scope: scope, unitKeys: try await unitKeys(of: scope))
    try await checkRoom(for: packets, scope: scope)
    try writingFiles { try spool.keep(packets, scope: scope) }
    // Reads the number afterwards: a backup that begins later flushes the spool first.
    let begun = try await store.read { try BackupLog(session: $0).counts().begun }
    if !options.spoolsPackets || spool.count() > PacketSpool.filesMax { try await flushPackets() }
    return begun
  }

  /// Packets of one scope that wait in the store for a release; further ones stay with whoever made them. Every flush rewrites all
  /// that wait, and packets that fit no edition may wait until the end. A commune's answers leave with each release, k at a time.
  static let packetsWaitingMax = 10_000

  /// Lets packets that are here already in: their sender may not have heard so.
  ///
  /// - Throws: `SyncError` `.noRoom` while too many packets of the scope wait.
  private func checkRoom(for packets: [WirePacket], scope: String) async throws {
    let spool: PacketSpool = self.spool
    let hasRoom = try await store.read { session -> Bool in
      let waiting = try session.integer("SELECT count(*) FROM hub_packet WHERE scope = ?1", [.text(scope)]) ?? 0
      guard waiting >= Int64(Self.packetsWaitingMax) else { return true }
      return try packets.allSatisfy { packet in
        try spool.has(packet.id) || session.firstRow("SELECT 1 FROM hub_packet WHERE id = ?1", [.blob(packet.id)]) != nil
      }
    }
    guard !hasRoom else { return }
    throw SyncError(
      .noRoom, vi: "Hộp phiếu của đơn vị \(scope) ở tỉnh đang đầy. Phiếu ở nguyên chỗ cũ và sẽ gửi sau; báo người vận hành.",
      en: "The hub's box of unit \(scope) is full. The answers stay where they are and go later; tell the hub's operator.")
  }

  /// Packets that one transaction moves into the store.
  static let packetsMovedMax = 250

  /// Moves packets from the spool into the store and takes the due steps. Transactions are short, so that other writers do not
  /// wait: whole scopes in random order, each scope's step in one of its own.
  ///
  /// Each transaction rewrites all waiting packets in the order of their hashes, so that no database page tells which came first.
  /// At the end the write-ahead log is truncated, so that it tells nothing either. After a power cut some packets may be in both
  /// places. They count once while they wait; in a scope of many portions they count as repeated when a step had released them.
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
      // Takes a step also in due scopes without new packets: an edition may have become known.
      let own = Set(packets.map(\.scope))
      for scope in due.filter(own.contains).shuffled() { try await step(scope) }
      stepped.formUnion(own)
    }
    for scope in try await scopesDue().subtracting(stepped).shuffled() { try await step(scope) }
    try await cutLog()
    withExtendedLifetime(lock) {}
  }

  /// Returns the packets in portions: whole scopes in random order. A scope of very many packets is divided, in the order of their
  /// hashes.
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

  /// Moves packets into the store.
  ///
  /// - Returns: Scopes in which a step may be due.
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

  /// Decrypts and judges the waiting packets before the transaction, which then finds the slow results in the cache.
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
  /// Returns the scopes with at least k waiting packets.
  func scopesDue() throws -> Set<String> {
    let k = try receiver.lotMin(in: session)
    let rows = try session.rows("SELECT scope FROM hub_packet GROUP BY scope HAVING count(*) >= ?1", [.integer(Int64(k))])
    return Set(rows.compactMap { $0[0].text })
  }

  /// Returns the scopes with waiting packets.
  func scopes() throws -> [String] {
    try session.rows("SELECT DISTINCT scope FROM hub_packet ORDER BY scope").compactMap { $0[0].text }
  }

  /// Rewrites all packets, waiting and new ones, in the order of their hashes.
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
