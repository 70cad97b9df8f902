internal import Foundation
internal import SwiftProtobuf

/// One anonymous row, out of its packet.
public struct AnonymousRow: Sendable, Hashable {
  public var table: String
  public var cells: [CellChange]

  public func value(_ column: String) -> CellValue? { cells.first { $0.column == column }?.value }
}

/// What became of the rows of a lot.
public struct LotOutcome: Sendable, Hashable {
  /// New rows that now stand.
  public var released = 0
  /// Rows whose key stood already: a packet that came twice.
  public var repeated = 0
  /// Rows that could not be used.
  public var spoiled = 0

  public init(released: Int = 0, repeated: Int = 0, spoiled: Int = 0) {
    self.released = released
    self.repeated = repeated
    self.spoiled = spoiled
  }
}

/// Takes the rows of a lot, already shuffled, and writes them with whatever is counted from them, in the release's transaction.
public protocol LotReceiver: Sendable {
  func receive(_ lot: [AnonymousRow], scope: String, in session: any HubSession) throws -> LotOutcome
}

/// How many packets of a scope are where.
public struct DropCounts: Sendable, Hashable, Codable {
  /// Still encrypted.
  public var waiting = 0
  public var released = 0
  public var repeated = 0
  public var spoiled = 0

  /// Every packet ever kept is counted once.
  public var kept: Int { waiting + released + repeated + spoiled }
}

/// The hub's side of the drop box: keeps packets, releases lots.
struct DropBoxHub {
  let session: any HubSession
  let keys: HubKeys
  let tables: HubTables
  let receiver: any LotReceiver

  /// New rows released together, at least: fewer would let an answer be told by when it came.
  static let lotMin = 5

  /// Keeps the packets of a request that are authentic, and releases a lot when enough wait.
  ///
  /// - Throws: `SyncError` `.badSignature` when one packet was not made by a device of the unit: none is kept then.
  func keep(_ packets: [WirePacket], scope: String) throws {
    let unitKey = keys.unitKey(scope: scope)
    for packet in packets {
      guard Packets.isAuthentic(packet, scope: scope, unitKey: unitKey) else {
        throw SyncError(
          .badSignature, vi: "Phiếu kín không phải do thiết bị của đơn vị \(scope) làm ra, hoặc đã hỏng.",
          en: "The packet was not made by a device of unit \(scope), or it is damaged.")
      }
      guard Packets.sizeClassesBytes.contains(packet.ciphertext.count - 16), packet.encapsulated.count == 32 else { throw ByteReader.short }
    }
    for packet in packets {
      let bytes = try packet.serializedData()
      try session.execute(
        "INSERT INTO hub_packet (id, scope, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING",
        [.blob((packet.encapsulated + packet.ciphertext).sha256.prefix(16)), .text(scope), .blob(bytes)])
    }
    let waiting = try session.integer("SELECT count(*) FROM hub_packet WHERE scope = ?1", [.text(scope)]) ?? 0
    if waiting >= Self.lotMin { try release(scope: scope, lotMin: Self.lotMin) }
  }

  /// Opens every waiting packet of a scope, shuffles the rows and hands them on; the packets are gone afterwards.
  ///
  /// Packets that came twice or cannot be read hide nobody: they are counted and go at once, and what is new goes on waiting
  /// while it is less than `lotMin`.
  func release(scope: String, lotMin: Int = 1) throws {
    let packets = try session.rows("SELECT id, bytes FROM hub_packet WHERE scope = ?1", [.text(scope)])
    var lot: [AnonymousRow] = []
    var lotIDs: [CellValue] = []
    var keysInLot: Set<CellValue> = []
    var used = LotOutcome()
    for row in packets {
      guard let bytes = row[1].blob, let packet = try? WirePacket(serializedBytes: bytes), let drop = keys.dropKey(named: packet.dropKey),
        try !DropKeyBook(session: session).isDestroyed(drop.id), let content = Packets.open(packet, scope: scope, key: drop.key),
        let shape = tables.byName[content.table],
        shape.declaration.kind == .anonymous, let own = content.cells.first(where: { $0.column == shape.keyColumn })?.value
      else {
        try forget(row[0])
        used.spoiled += 1
        continue
      }
      let stands = try session.firstRow("SELECT 1 FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [own]) != nil
      guard !stands, keysInLot.insert(own).inserted else {
        try forget(row[0])
        used.repeated += 1
        continue
      }
      lot.append(AnonymousRow(table: content.table, cells: content.cells))
      lotIDs.append(row[0])
    }
    if !lot.isEmpty && lot.count >= lotMin {
      lot.shuffle()
      let outcome = try session.withoutCapture { try receiver.receive(lot, scope: scope, in: session) }
      for id in lotIDs { try forget(id) }
      try HubBackups(session: session).noteRelease()
      used.released += outcome.released
      used.repeated += outcome.repeated
      used.spoiled += outcome.spoiled
    }
    try count(used, scope: scope)
  }

  private func forget(_ packet: CellValue) throws { try session.execute("DELETE FROM hub_packet WHERE id = ?1", [packet]) }

  private func count(_ used: LotOutcome, scope: String) throws {
    let kept = used.released + used.repeated + used.spoiled
    guard kept > 0 else { return }
    try session.execute(
      """
      INSERT INTO hub_drop (scope, kept, spoiled, released, repeated) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (scope) DO UPDATE SET
        kept = hub_drop.kept + excluded.kept, spoiled = hub_drop.spoiled + excluded.spoiled,
        released = hub_drop.released + excluded.released, repeated = hub_drop.repeated + excluded.repeated
      """,
      [
        .text(scope), .integer(Int64(kept)), .integer(Int64(used.spoiled)), .integer(Int64(used.released)), .integer(Int64(used.repeated)),
      ])
  }
}

/// Writes the rows of a lot into their own table and counts nothing more.
public struct PlainLotReceiver: LotReceiver {
  let tables: HubTables

  public init(tables: HubTables) { self.tables = tables }

  public func receive(_ lot: [AnonymousRow], scope: String, in session: any HubSession) throws -> LotOutcome {
    var outcome = LotOutcome()
    for row in lot {
      guard let shape = tables.byName[row.table], shape.declaration.kind == .anonymous,
        row.value(shape.declaration.scopeColumn) == .text(scope), let key = row.value(shape.keyColumn), !key.isNull,
        row.cells.allSatisfy({ $0.column == shape.keyColumn ? shape.keyType.keeps($0.value) : shape.accepts($0) }),
        shape.columns.allSatisfy({ $0.acceptsNull || $0.defaultValue != .null || row.value($0.name) != nil })
      else {
        outcome.spoiled += 1
        continue
      }
      let names = row.cells.map { quote($0.column) }.joined(separator: ", ")
      let places = (1...row.cells.count).map { "?\($0)" }.joined(separator: ", ")
      let inserted = try session.rows(
        "INSERT INTO \(quote(shape.name)) (\(names)) VALUES (\(places)) ON CONFLICT DO NOTHING RETURNING 1", row.cells.map(\.value))
      if inserted.isEmpty { outcome.repeated += 1 } else { outcome.released += 1 }
    }
    return outcome
  }
}
