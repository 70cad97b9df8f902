internal import Crypto
public import Foundation
public import SyncCore
internal import SyncStore

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
    guard let unitKey = try await unitKeys(of: scope).last else { throw ByteReader.short }
    let packet = try Packets.make(
      table: table, cells: row, scope: scope, dropKey: keys.listed.key(forForm: shape.form(of: row)), unitKey: unitKey)
    _ = try await spool([packet], scope: scope)
  }

  /// Takes the step that is due in every scope where packets wait, then releases remainders, pool after pool: the first that a rest is
  /// enough for takes it. One transaction.
  ///
  /// - Parameters:
  ///   - pools: In order; none while forms are open.
  ///   - isOver: Says of an edition whether nothing more is awaited, so that its rests may be pooled.
  /// - Returns: Editions that answers at the hub fit and that it does not know, in order of their names.
  public func settle(
    pools: [RemainderPool] = [], isOver: @Sendable @escaping (_ edition: String) -> Bool = { _ in false }
  ) async throws -> [String] {
    try await flushPackets()
    let (keys, receiver, tables) = (keys, receiver, store.tables)
    defer { receiver.stepEnded() }
    return try await store.write { session in
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
      let scopes = try box.scopes()
      for scope in scopes { try box.step(scope) }
      for pool in pools { try box.releaseRemainder(of: pool, isOver: isOver) }
      return pools.isEmpty ? [] : Set(try scopes.flatMap { try WaitingPackets($0, of: box).heldByEdition.keys }).sorted()
    }
  }

  /// Counts what is left of the editions that are over as *withheld* and erases it: fewer than k people stand behind it, so that it can
  /// never be shown, and its drop key need not be kept for it. One transaction.
  ///
  /// - Parameters:
  ///   - form: Nothing is awaited of it: whatever is encrypted to a key of its own goes, also what cannot be read or fits no edition.
  ///   - everything: Nothing is awaited of any edition: the same of every key.
  public func withholdRemainders(
    isOver: @Sendable @escaping (_ edition: String) -> Bool, form: String? = nil, everything: Bool
  ) async throws {
    let (keys, receiver, tables) = (keys, receiver, store.tables)
    defer { receiver.stepEnded() }
    try await store.write { session in
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
      let over = Set(keys.dropKeys.filter { $0.owner != nil && $0.owner?.form == form }.map(\.id))
      for scope in try box.scopes() { try box.withhold(scope, isOver: isOver, keys: over, everything: everything) }
      try SpoiledPackets(session: session).erase { everything || over.contains($0) }
    }
  }

  /// 32 bytes that follow from the hub's keys, others for each purpose: what a purpose's own key gives away tells nothing of the rest.
  ///
  /// The same for every process of the hub, and again after its keys were restored from their copy.
  public func secret(for purpose: String) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data("synckit/secret/1\0\(purpose)".utf8), using: SymmetricKey(data: keys.unitSecret)))
  }
}
