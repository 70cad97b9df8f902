internal import Foundation
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Proof about one record: for each batch of this device that changed it, when the hub received the batch.
public struct RecordReceipt: Sendable, Hashable, Codable {
  public enum State: String, Sendable, Codable {
    /// Sealed here; no receipt has come.
    case unsent
    /// Durable at the hub, behind a missing earlier batch, or undecided because the device was revoked.
    case waiting
    /// Durable at the hub, with a reason why it is not merged.
    case held
    case merged
  }

  public var scope: String
  /// Number of the batch, and its hash in hexadecimal, which the hub signed.
  public var batch: UInt64
  public var hash: String
  /// Units of the batch that changed the record, from 0.
  public var units: [Int]
  public var state: State
  /// Hub time when the hub received the batch; nil without a receipt.
  public var hubTimeMs: UInt64?
  /// Reason why the hub holds it, as in docs/protocol.md.
  public var heldReason: String?
  /// True when the batch itself is still here, so that what was received can be shown.
  public var hasBatch: Bool
}

/// All that is known of a record's way to the hub.
public struct RecordReceipts: Sendable, Hashable, Codable {
  /// Changes that are in no batch yet.
  public var pending = 0
  /// Receipts, oldest first, of this device's own batches; changes by colleagues are in receipts of theirs.
  public var receipts: [RecordReceipt] = []
}

extension Replica {
  /// Returns when the hub received a record, by its signed receipts, which are checked here without a network.
  ///
  /// - Parameters:
  ///   - table: A replicated table.
  ///   - key: The record's primary key.
  /// - Throws: `SyncError` `.badRequest` when the table is not replicated or is anonymous, `.badSignature` when a stored receipt is
  ///   not the hub's or not of that batch.
  /// - Complexity: Reads every batch that is kept.
  public func receipts(table: String, key: CellValue) async throws -> RecordReceipts {
    guard let shape = shapes[table] else {
      throw SyncError(.badRequest, vi: "Không có bảng \(table).", en: "There is no table \(table).")
    }
    guard shape.declaration.kind == .replicated else {
      throw SyncError(
        .badRequest, vi: "Phiếu kín không có biên nhận riêng: biên nhận của từng phiếu sẽ cho biết ai đã trả lời.",
        en: "An anonymous answer has no receipt of its own: one would tell who gave it.")
    }
    let hub = try await hubKey()
    return try await engineRead { transaction in
      let session = transaction.session
      var found = RecordReceipts()
      found.pending = Int(
        try session.integer("SELECT count(*) FROM sync_pending WHERE tbl = ?1 AND key = ?2", [.integer(Int64(shape.id)), key]) ?? 0)
      let forgotten = try RecordIndex(session: session).units(of: key, table: table)
      for row in try session.rows("SELECT scope, number, hash, bytes, receipt FROM sync_outbox ORDER BY seq") {
        guard let scope = row[0].text, let number = row[1].integer.map({ UInt64(max(0, $0)) }), let hash = row[2].blob,
          let bytes = row[3].blob
        else { continue }
        let units: [Int]
        if bytes.isEmpty {
          units = forgotten[RecordIndex.Place(scope: scope, number: number)] ?? []
        } else {
          guard bytes.sha256 == hash else { throw Self.otherBatch }
          let content = try BatchCodec.reopen(SealedBatch(bytes: bytes))
          units = content.units.indices.filter { content.units[$0].changes.contains { $0.table == table && $0.key == key } }
        }
        guard !units.isEmpty else { continue }
        var receipt = RecordReceipt(scope: scope, batch: number, hash: hash.hex, units: units, state: .unsent, hasBatch: !bytes.isEmpty)
        if let signed = row[4].blob { try receipt.take(signed, hash: hash, by: hub) }
        found.receipts.append(receipt)
      }
      return found
    }
  }

  fileprivate static var otherBatch: SyncError {
    SyncError(
      .badSignature, vi: "Biên nhận hoặc gói dữ liệu trên máy này đã bị sửa; chạy field doctor.",
      en: "A receipt or batch on this device was altered; run field doctor.")
  }
}

extension RecordReceipt {
  fileprivate mutating func take(_ signed: Data, hash: Data, by hub: VerifyingKey) throws {
    let wire = try WireReceipt.parse(
      try hub.open(signed, as: .receipt), named: LocalizedText(vi: "biên nhận", en: "receipt"))
    guard wire.batch == hash, wire.number == batch, wire.scope == scope, wire.hub == hub.replica.bytes else { throw Replica.otherBatch }
    hubTimeMs = wire.hubTimeMs
    heldReason = wire.held.first { units.contains(Int($0.unit)) }?.reason
    state = wire.state == .merged ? (heldReason == nil ? .merged : .held) : .waiting
  }
}

/// Index of the records that a batch changed, kept when the batch's bytes are deleted, so that its receipt remains a proof.
struct RecordIndex {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_record (
      record BLOB NOT NULL, scope TEXT NOT NULL, number INTEGER NOT NULL, unit INTEGER NOT NULL,
      PRIMARY KEY (record, scope, number, unit)) WITHOUT ROWID;
    """

  struct Place: Hashable {
    var scope: String
    var number: UInt64
  }

  func add(_ content: BatchContent) throws {
    for (unit, part) in content.units.enumerated() {
      for change in part.changes {
        try session.execute(
          "INSERT INTO sync_record (record, scope, number, unit) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
          [
            .blob(Self.name(change.key, table: change.table)), .text(content.scope), .integer(Int64(clamping: content.number)),
            .integer(Int64(unit)),
          ])
      }
    }
  }

  func units(of key: CellValue, table: String) throws -> [Place: [Int]] {
    try session.rows(
      "SELECT scope, number, unit FROM sync_record WHERE record = ?1 ORDER BY scope, number, unit", [.blob(Self.name(key, table: table))]
    ).reduce(into: [:]) { places, row in
      guard let scope = row[0].text, let number = row[1].integer, let unit = row[2].integer else { return }
      places[Place(scope: scope, number: UInt64(max(0, number))), default: []].append(Int(unit))
    }
  }

  /// Returns eight bytes for a record: enough to find it among one device's own.
  private static func name(_ key: CellValue, table: String) -> Data {
    var data = Data("\(table)\0".utf8)
    key.append(to: &data)
    return data.sha256.prefix(8)
  }
}
