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
  let receiver: any LotReceiver

  /// Packets released together, at least: fewer would let an answer be told by when it came.
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
    if waiting >= Self.lotMin { try release(scope: scope) }
  }

  /// Opens every waiting packet of a scope, shuffles the rows and hands them on; the packets are gone afterwards.
  func release(scope: String) throws {
    let packets = try session.rows("SELECT bytes FROM hub_packet WHERE scope = ?1", [.text(scope)])
    guard !packets.isEmpty else { return }
    var lot: [AnonymousRow] = []
    var spoiled = 0
    for row in packets {
      guard let bytes = row[0].blob, let packet = try? WirePacket(serializedBytes: bytes), let key = keys.dropKeys[packet.dropKey],
        let content = Packets.open(packet, scope: scope, key: key)
      else {
        spoiled += 1
        continue
      }
      lot.append(AnonymousRow(table: content.table, cells: content.cells))
    }
    lot.shuffle()
    let outcome = try session.withoutCapture { try receiver.receive(lot, scope: scope, in: session) }
    try session.execute("DELETE FROM hub_packet WHERE scope = ?1", [.text(scope)])
    try session.execute(
      """
      INSERT INTO hub_drop (scope, kept, spoiled, released, repeated) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (scope) DO UPDATE SET
        kept = hub_drop.kept + excluded.kept, spoiled = hub_drop.spoiled + excluded.spoiled,
        released = hub_drop.released + excluded.released, repeated = hub_drop.repeated + excluded.repeated
      """,
      [
        .text(scope), .integer(Int64(packets.count)), .integer(Int64(spoiled + outcome.spoiled)), .integer(Int64(outcome.released)),
        .integer(Int64(outcome.repeated)),
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
        row.cells.allSatisfy({ $0.column == shape.keyColumn || shape.accepts($0) })
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
