internal import Crypto
public import Foundation
public import SyncCore
internal import SyncStore

/// Anonymous rows that are entered at the hub itself, by the web form.
extension Hub {
  /// Stores one anonymous row as a device would: encrypted to the drop key before anything is written, kept as a packet, released
  /// in a lot.
  ///
  /// - Parameter cells: Values by column, with the key and the scope column; columns left out are NULL. The hub keeps a row of one
  ///   key once, however often it arrives.
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

  /// Takes the due step in every scope where packets wait, then releases remainders, pool after pool: each remainder goes to the
  /// first pool that is large enough with it. One transaction.
  ///
  /// - Parameters:
  ///   - pools: Pools in order; none while forms are open.
  ///   - isOver: Returns whether an edition ended, so that its remainders may be pooled.
  /// - Returns: Editions of waiting answers that the hub does not know, in order of their names.
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

  /// Deletes the remaining packets of ended editions, and counts them as *withheld*: fewer than k people stand behind them, so they
  /// can never be shown. Their drop key then need not be kept for them. One transaction.
  ///
  /// - Parameters:
  ///   - form: Ended form: all packets encrypted to a key of its own are deleted, also unreadable ones and those that fit no
  ///     edition.
  ///   - everything: True when all editions ended: the same for every key.
  public func withholdRemainders(
    isOver: @Sendable @escaping (_ edition: String) -> Bool, form: String? = nil, everything: Bool
  ) async throws {
    let (keys, receiver, tables) = (keys, receiver, store.tables)
    defer { receiver.stepEnded() }
    try await store.write { session in
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
      // Packets may come under a key of the form that was destroyed before.
      let past = try session.rows("SELECT id FROM hub_drop_key_form WHERE form = ?1", [form.map { .text($0) } ?? .null])
      let over = Set(keys.dropKeys.filter { $0.owner != nil && $0.owner?.form == form }.map(\.id) + past.compactMap { $0[0].text })
      for scope in try box.scopes() { try box.withhold(scope, isOver: isOver, keys: over, everything: everything) }
      try SpoiledPackets(session: session).erase { everything || over.contains($0) }
    }
  }

  /// Returns 32 bytes derived from the hub's keys, different for each purpose: a purpose's key, if it leaks, tells nothing of the
  /// others.
  ///
  /// The result is the same for every process of the hub, and again after its keys were restored from their copy.
  public func secret(for purpose: String) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data("synckit/secret/1\0\(purpose)".utf8), using: SymmetricKey(data: keys.unitSecret)))
  }
}
