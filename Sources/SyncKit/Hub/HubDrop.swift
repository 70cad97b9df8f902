internal import Crypto
public import Foundation

/// Anonymous rows that are entered at the hub itself: by the web form.
extension Hub {
  /// Takes one anonymous row by the same way as a device's: sealed to the drop key before anything is written, kept as a packet,
  /// released in a lot.
  ///
  /// - Parameter cells: By column, the key and the scope column among them; columns left out are NULL. The key is by which the
  ///   hub keeps a row once, however often it comes.
  /// - Throws: `SyncError`; nothing was kept then.
  public func drop(_ cells: [String: CellValue], into table: String, scope: String) async throws {
    guard let shape = store.tables.byName[table], shape.declaration.kind == .anonymous,
      cells[shape.declaration.scopeColumn] == .text(scope), cells[shape.keyColumn]?.isNull == false
    else {
      throw SyncError(
        .internalFault, vi: "Bảng \(table) không nhận phiếu kín như vậy.", en: "Table \(table) does not take such an anonymous row.")
    }
    let row = shape.packetColumns.map { (column: $0, value: cells[$0] ?? .null) }
    let (keys, receiver, tables) = (keys, receiver, store.tables)
    let packet = try Packets.make(table: table, cells: row, scope: scope, dropKey: keys.dropKey, unitKey: keys.unitKey(scope: scope))
    try await store.write { session in
      try DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver).keep([packet], scope: scope)
    }
  }

  /// 32 bytes that follow from the hub's keys, others for each purpose: what a purpose's own key gives away tells nothing of the rest.
  ///
  /// The same for every process of the hub, and again after its keys were restored from their copy.
  public func secret(for purpose: String) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data("synckit/secret/1\0\(purpose)".utf8), using: SymmetricKey(data: keys.unitSecret)))
  }
}
