internal import Foundation
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Operator's decision about a unit's packets that arrived under an earlier key.
public enum LatePacketDecision: String, Sendable, Codable, CaseIterable {
  /// The packets are accepted like others.
  case take
  /// The packets stay as they arrived and are not decrypted; they may still be accepted later.
  case decline
}

/// Number of a unit's packets that came by bundle under a key that a revocation had ended. One of the unit's devices made them,
/// perhaps the revoked one; nobody can tell which.
public struct LatePackets: Sendable, Hashable, Codable {
  public var unit: String
  public var undecided: Int
  public var declined: Int

  public init(unit: String, undecided: Int, declined: Int) { (self.unit, self.undecided, self.declined) = (unit, undecided, declined) }

  /// Returns the numbers by unit, with packets that have arrived and are not in the store yet.
  public static func all(in counts: [String: DropCounts]) -> [LatePackets] {
    counts.filter { $0.value.late + $0.value.declined > 0 }.sorted { $0.key < $1.key }.map {
      LatePackets(unit: $0.key, undecided: $0.value.late, declined: $0.value.declined)
    }
  }

  /// Sentence that says what is there and what to do; nil when everything is decided.
  public var explanation: LocalizedText? {
    guard undecided > 0 else { return nil }
    return LocalizedText(
      vi:
        "\(unit): \(undecided) phiếu tới bằng bọc mang khóa cũ, từ trước khi thu hồi một máy ở đó; quyết định bằng `hub held decide \(unit) take` hoặc `decline`.",
      en:
        "\(unit): \(undecided) answers came by bundle under an earlier key, from before a device there was revoked; decide with `hub held decide \(unit) take` or `decline`."
    )
  }
}

/// Packets under an earlier key, as they arrived. Belongs to one transaction.
///
/// Every change rewrites them in the order of their hashes, like waiting packets, so that no database page tells which came first.
struct LatePacketTable {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_late_packet (
      id BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, bytes BLOB NOT NULL, is_declined INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_late_packet_decision (
      seq INTEGER PRIMARY KEY, scope TEXT NOT NULL, decision TEXT NOT NULL, packets INTEGER NOT NULL, decided_by TEXT NOT NULL,
      reason TEXT NOT NULL, decided_ms INTEGER NOT NULL);
    """

  /// Packets of one unit that are kept for a decision; further ones stay on the devices that made them.
  static let perScopeMax = 10_000

  func all() throws -> [LatePackets] {
    try session.rows("SELECT scope, sum(is_declined = 0), sum(is_declined) FROM hub_late_packet GROUP BY scope ORDER BY scope").compactMap {
      row in
      row[0].text.map { LatePackets(unit: $0, undecided: Int(row[1].integer ?? 0), declined: Int(row[2].integer ?? 0)) }
    }
  }

  func count(_ scope: String) throws -> Int {
    Int(try session.integer("SELECT count(*) FROM hub_late_packet WHERE scope = ?1", [.text(scope)]) ?? 0)
  }

  /// Adds what has arrived, and deletes what a device has proved since under the present key.
  func settle(adding late: [PacketSpool.Spooled]) throws {
    guard try !late.isEmpty || session.firstRow("SELECT 1 FROM hub_late_packet LIMIT 1") != nil else { return }
    try change { rows in
      let known = Set(rows.compactMap { $0[0].blob })
      for packet in late where !known.contains(packet.id) {
        rows.append([.blob(packet.id), .text(packet.scope), .blob(try packet.packet.serializedData()), .integer(0)])
      }
      try rows.removeAll { try session.firstRow("SELECT 1 FROM hub_packet WHERE id = ?1", [$0[0]]) != nil }
    }
  }

  /// Deletes a unit's packets and returns them.
  ///
  /// - Returns: Rows of `hub_packet`.
  func take(_ scope: String) throws -> [[CellValue]] {
    var taken: [[CellValue]] = []
    try change { rows in
      taken = rows.filter { $0[1].text == scope }.map { Array($0.prefix(3)) }
      rows.removeAll { $0[1].text == scope }
    }
    return taken
  }

  /// Marks a unit's packets as declined.
  ///
  /// - Returns: How many were not declined before.
  func decline(_ scope: String) throws -> Int {
    var count = 0
    try change { rows in
      for index in rows.indices where rows[index][1].text == scope && rows[index][3].integer == 0 {
        rows[index][3] = .integer(1)
        count += 1
      }
    }
    return count
  }

  func record(_ decision: LatePacketDecision, scope: String, packets: Int, by person: String, reason: String, nowMs: UInt64) throws {
    try session.execute(
      """
      INSERT INTO hub_late_packet_decision (scope, decision, packets, decided_by, reason, decided_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
      """,
      [
        .text(scope), .text(decision.rawValue), .integer(Int64(packets)), .text(person), .text(reason), .integer(Int64(clamping: nowMs)),
      ])
  }

  /// Returns how many undecided packets are encrypted to a drop key.
  func undecided(ofDropKey id: String) throws -> Int {
    try session.rows("SELECT bytes FROM hub_late_packet WHERE is_declined = 0").count { row in
      row[0].blob.flatMap { try? WirePacket(serializedBytes: $0) }?.dropKey == id
    }
  }

  private func change(_ body: (inout [[CellValue]]) throws -> Void) throws {
    let before = try session.rows("SELECT id, scope, bytes, is_declined FROM hub_late_packet")
    var rows = before
    try body(&rows)
    guard rows != before else { return }
    rows.sort { ($0[0].blob ?? Data()).lexicographicallyPrecedes($1[0].blob ?? Data()) }
    try session.execute("DELETE FROM hub_late_packet")
    let insert = RepeatedSQL("INSERT INTO hub_late_packet (id, scope, bytes, is_declined) VALUES (?1, ?2, ?3, ?4)")
    for row in rows { try session.execute(insert, row) }
  }
}

extension Hub {
  /// Spool of late packets, in a folder beside the spool of proved ones.
  var lateSpool: PacketSpool { PacketSpool(folder: store.spoolFolder + PacketSpool.lateSuffix) }

  /// Outcome of packets that came in one request.
  enum PacketsKept: Sendable {
    /// Kept; with the signed answer.
    case kept(Data)
    /// Kept for a decision; the device is told to prove the packets under the present key.
    case late(SyncError)
    case refused(SyncError)

    /// Answer for the device.
    var result: Result<Data, SyncError> {
      switch self {
      case .kept(let answer): .success(answer)
      case .late(let error), .refused(let error): .failure(error)
      }
    }
  }

  /// Keeps packets from a bundle, some of which bear an earlier key of their unit: those wait for a decision.
  func keepLate(_ request: Data, scope: String) async throws -> PacketsKept {
    let wire = try WireDropRequest.parse(request, named: LocalizedText(vi: "phiếu kín", en: "packet request"))
    guard !wire.packets.isEmpty, wire.packets.count <= WireLimits.packetsMax, wire.packets.allSatisfy(Packets.hasKnownSize) else {
      throw ByteReader.short
    }
    let unitKeys = try await unitKeys(of: scope)
    let proofs = wire.packets.map { Packets.proof(of: $0, scope: scope, unitKeys: unitKeys) }
    guard !proofs.contains(.none), proofs.contains(.earlier) else { return .kept(try await keep(request, scope: scope)) }
    let proved = zip(wire.packets, proofs).filter { $0.1 == .present }.map(\.0)
    if !proved.isEmpty { _ = try await spool(proved, scope: scope) }
    let late = zip(wire.packets, proofs).filter { $0.1 == .earlier }.map(\.0)
    let (unknown, begun, count) = try await store.read { [spool] session in
      let unknown = try late.filter { packet in
        try !spool.has(packet.id) && session.firstRow("SELECT 1 FROM hub_packet WHERE id = ?1", [.blob(packet.id)]) == nil
      }
      return (unknown, try BackupLog(session: session).counts().begun, try LatePacketTable(session: session).count(scope))
    }
    // Acknowledges packets that are here already: they came another way before the revocation, and their device has not heard of
    // it.
    guard !unknown.isEmpty else {
      return .kept(try dropAnswer(to: request, packets: wire.packets.count, scope: scope, backupsBegun: begun))
    }
    guard count + lateSpool.count() + unknown.count <= LatePacketTable.perScopeMax else { return .refused(Packets.earlierKey(scope)) }
    try writingFiles { try lateSpool.keep(unknown, scope: scope) }
    if !options.spoolsPackets { try await flushPackets() }
    return .late(Packets.earlierKey(scope))
  }

  /// Returns the numbers of packets that arrived under an earlier key of their unit, by unit.
  public func latePackets() async throws -> [LatePackets] {
    let spooled = spooledPackets()
    return try await store.read { LatePackets.all(in: try DropCounts.byScope($0, spooled: spooled)) }
  }

  /// Decides about all of a unit's packets that are here under an earlier key. Packets that come later need another decision,
  /// because whoever was revoked can make more of them.
  ///
  /// - Parameters:
  ///   - person: Name of the person who decides; kept, with the reason.
  /// - Returns: How many packets the decision was about.
  /// - Throws: `SyncError` `.badRequest` when there are none.
  public func decideLatePackets(of scope: String, _ decision: LatePacketDecision, by person: String, reason: String) async throws -> Int {
    try await flushPackets()
    let (keys, receiver, tables, now) = (keys, receiver, store.tables, clock.nowMs())
    defer { receiver.stepEnded() }
    let lock = try await spool.lock()
    let count = try await store.write { session in
      let late = LatePacketTable(session: session)
      let count: Int
      switch decision {
      case .take:
        let rows = try late.take(scope)
        let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
        try box.rewrite(adding: rows)
        try box.step(scope)
        count = rows.count
      case .decline: count = try late.decline(scope)
      }
      guard count > 0 else {
        throw SyncError(
          .badRequest, vi: "Không có phiếu nào của đơn vị \(scope) chờ quyết định; xem `hub held packets`.",
          en: "No answers of unit \(scope) wait for a decision; see `hub held packets`.")
      }
      try late.record(decision, scope: scope, packets: count, by: person, reason: reason, nowMs: now)
      return count
    }
    try await cutLog()
    withExtendedLifetime(lock) {}
    return count
  }
}
