internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Held units of the hub, and the steps that end their wait: merge when what they waited for has come, or decline by an operator
/// (L7). Belongs to one hub transaction.
struct HeldUnits {
  let transaction: HubTransaction
  var session: any HubSession { transaction.session }

  /// Held units that are read, or listed, at a time.
  static let unitsMax = 1000

  /// Held unit with what is needed to merge or decline it.
  struct Item {
    var batch: Int64
    var index: Int
    var scope: String
    var reason: String
    var detail: String
    var content: BatchContent
    var sealed: SealedBatch
    /// Hub time in milliseconds when the batch arrived.
    var receivedMs: UInt64
    var unit: ChangeUnit { content.units[index] }
    /// Result of `HubTransaction.askedTables`.
    var asked: Set<String> = []
    var author: UnitCheck.Author { UnitCheck.Author(of: content, unit: index, asked: asked) }
  }

  /// Returns the number by which operators name a held unit: its batch's number in the journal, and its own in the batch.
  static func id(batch: Int64, unit: Int) -> String { "\(batch)-\(unit)" }

  // MARK: Find

  func item(id: String) throws -> Item {
    var opened = OpenedBatch()
    guard let (batch, unit) = Self.place(id: id),
      let row = try session.firstRow(
        "\(Self.selected) WHERE h.batch = ?1 AND h.unit = ?2", [.integer(batch), .integer(unit)]), let item = try item(row, &opened)
    else {
      throw SyncError(.badRequest, vi: "Không có việc nào bị giữ mang số \(id).", en: "Nothing is held under number \(id).")
    }
    return item
  }

  /// Returns the batch and the unit in it that an id names; nil for what is no id.
  static func place(id: String) -> (batch: Int64, unit: Int64)? {
    let parts = id.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
    guard parts.count == 2, let batch = parts[0], let unit = parts[1] else { return nil }
    return (batch, unit)
  }

  /// Columns of a held unit, without its batch's bytes: many held units of one batch would bring the bytes as often.
  private static let selected = """
    SELECT h.batch, h.unit, h.scope, h.reason, h.detail, b.received_ms, b.replica, b.number
    FROM hub_held h JOIN hub_batch b ON b.id = h.batch
    """

  /// Returns where some held units are, in the order in which their devices made them.
  ///
  /// - Parameter last: Row after which to begin; nil begins with the first.
  func rows(where condition: String, _ arguments: [CellValue], after last: [CellValue]?) throws -> [[CellValue]] {
    let place = last.map { [$0[2], $0[6], $0[7], $0[1]] } ?? []
    let names = place.indices.map { "?\(arguments.count + $0 + 1)" }.joined(separator: ", ")
    let later = place.isEmpty ? "" : " AND (h.scope, b.replica, b.number, h.unit) > (\(names))"
    return try session.rows(
      """
      \(Self.selected) WHERE (\(condition))\(later)
      ORDER BY h.scope, b.replica, b.number, h.unit LIMIT \(Self.unitsMax)
      """, arguments + place)
  }

  /// Returns a unit's place, in the columns of `rows`; nil when the journal has no such batch.
  func place(batch: Int64, unit: Int64) throws -> [CellValue]? {
    try session.firstRow(
      "SELECT id, ?2, scope, '', '', received_ms, replica, number FROM hub_batch WHERE id = ?1", [.integer(batch), .integer(unit)])
  }

  func item(_ row: [CellValue], _ opened: inout OpenedBatch) throws -> Item? {
    guard let batch = row[0].integer, let index = row[1].integer, let scope = row[2].text, let reason = row[3].text,
      let detail = row[4].text, let received = row[5].integer, let (sealed, content) = try opened.batch(batch, in: session),
      content.units.indices.contains(Int(index))
    else { return nil }
    return Item(
      batch: batch, index: Int(index), scope: scope, reason: reason, detail: detail, content: content, sealed: sealed,
      receivedMs: UInt64(max(0, received)), asked: try transaction.askedTables(content))
  }

  // MARK: Release

  /// Gives the unit its place in the feed, and deletes it from the held units.
  func release(_ item: Item, as version: Version, isDeclined: Bool, _ body: (Origin) throws -> Void) throws {
    try transaction.writer.seal()
    let position = try transaction.order.place(scope: item.scope)
    try letGo(item)
    try body(Origin(version: version, position: position))
    let run = ScopeOrder.Run(
      position: position, firstUnit: item.index, stamps: [version.timestamp], isRestamped: version.timestamp != item.unit.stamp,
      isDeclined: isDeclined)
    try transaction.order.log(run, batch: item.batch, batchHash: item.sealed.hash, scope: item.scope)
  }

  /// Deletes a held unit that was merged otherwise: a page showed that it had been merged before the hub was restored.
  func forget(batch: Int64, unit: Int) throws {
    guard try session.firstRow("SELECT 1 FROM hub_held WHERE batch = ?1 AND unit = ?2", [.integer(batch), .integer(Int64(unit))]) != nil
    else { return }
    let item = try item(id: Self.id(batch: batch, unit: unit))
    try letGo(item)
    try reissue(item, conflicting: [])
  }

  func letGo(_ item: Item) throws {
    try session.execute("DELETE FROM hub_held WHERE batch = ?1 AND unit = ?2", [.integer(item.batch), .integer(Int64(item.index))])
    try session.execute(
      "DELETE FROM hub_held_row WHERE replica = ?1 AND scope = ?2 AND number = ?3 AND unit = ?4",
      [
        .blob(item.content.replica.bytes), .text(item.scope), .integer(Int64(clamping: item.content.number)), .integer(Int64(item.index)),
      ])
  }

  /// Signs the batch's receipt again, with the present state of its units.
  ///
  /// - Parameter conflicting: Units of the batch, by number, that opened a conflict since the last receipt.
  func reissue(_ item: Item, conflicting: [Int]) throws {
    let old = try session.firstRow("SELECT receipt FROM hub_batch WHERE id = ?1", [.integer(item.batch)])?[0].blob
    var result = BatchOutcome()
    if let old { result.conflicting = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: old).body).conflicting }
    for unit in conflicting.map({ UInt32(clamping: $0) }) where !result.conflicting.contains(unit) { result.conflicting.append(unit) }
    for row in try session.rows("SELECT unit, reason, detail, changes FROM hub_held WHERE batch = ?1 ORDER BY unit", [.integer(item.batch)])
    {
      var held = WireHeldUnit()
      held.unit = UInt32(clamping: row[0].integer ?? 0)
      held.reason = row[1].text ?? ""
      held.detail = row[2].text ?? ""
      result.held.append(held)
      result.heldChanges += Int(row[3].integer ?? 0)
    }
    let receipt = try transaction.receipt(for: item.content, batch: item.sealed, merge: result, expected: 0)
    try session.execute(
      "UPDATE hub_batch SET held_changes = ?2, receipt = ?3 WHERE id = ?1",
      [.integer(item.batch), .integer(Int64(result.heldChanges)), .blob(receipt)])
  }

  // MARK: Decline and repair

  /// Declines a held unit: acknowledges it without merging it. The hub's own values follow as newer changes, so that the author
  /// shows them too, and the declined values are kept in conflicts.
  ///
  /// - Parameters:
  ///   - repaired: Changes that stand instead, written by the hub; nil leaves the hub's rows as they are.
  ///   - columns: Columns of `repaired` whose values are the operator's. The other values are still the author's: they win or lose
  ///     as the author's, and what they overwrite unseen is kept.
  func decline(_ item: Item, repaired: [RowChange]? = nil, columns: Set<String> = []) throws {
    try transaction.writer.seal()
    let version = Version(try transaction.accept(item.unit, of: item.content), item.content.replica)
    let author = try author(of: item, version)
    let repaired = try repaired?.filter { !isDecision($0) }.map { try standing($0, of: item, author, columns: columns) }
    for change in item.unit.changes + (repaired ?? []) {
      guard let shape = transaction.rows.shape(change.table) else { continue }
      _ = try transaction.rows.prepare(change, shape, rules: item.content.rules[change.table] ?? [:])
    }
    for change in item.unit.changes where !isDecision(change) { try keepDeclined(change, version, scope: item.scope) }
    try release(item, as: version, isDeclined: true) { origin in
      try RestoredUnits(transaction: transaction).forget(item.sealed.hash, unit: item.index, declinedAt: origin.position)
    }
    for change in item.unit.changes {
      guard let said = repaired?.first(where: { $0.table == change.table && $0.key == change.key }) else {
        try answer(change, version, scope: item.scope)
        continue
      }
      // Answers the left-out cells: in the same life they still stand on the author's device.
      var left = change
      left.cells = change.cells.filter { cell in !said.cells.contains { $0.name == cell.name } }
      if said.life == change.life && !left.cells.isEmpty { try answer(left, version, scope: item.scope) }
    }
    for change in repaired ?? [] { transaction.writer.add(change, scope: item.scope, of: author) }
    for change in item.unit.changes where isDecision(change) { try repeatState(of: change, scope: item.scope) }
    try reissue(item, conflicting: [item.index])
    try transaction.writer.seal()
    try retryFollowing()
  }

  /// Deletes on devices the rows of a unit that a restored hub cannot have again, and keeps their values in conflicts.
  func endOnDevices(_ changes: [RowChange], _ version: Version, scope: String) throws {
    for change in changes where !MetadataSchema.ownTables.contains(where: { $0.name == change.table }) {
      try keepDeclined(change, version, scope: scope)
      try answer(change, version, scope: scope)
    }
  }

  /// Returns what the author of a unit had seen of the writes of others.
  private func author(of item: Item, _ version: Version) throws -> IncomingChange {
    let (replica, scope) = (item.content.replica, item.scope)
    let seen = try transaction.cursors.seen(by: item.content.cursor, scope: scope)
    let origin = Origin(version: version, position: 0)
    var author = IncomingChange(life: 0, cells: [], origin: origin, seenThrough: seen.through)
    author.isOneAuthors =
      try transaction.identities.ownership(of: replica, number: item.content.number, scope: scope) ?? { $0.version.replica == replica }
    author.sawEarlier = transaction.cursors.sawEarlier(seen, scope: scope)
    return author
  }

  /// Returns a repaired change without the cells in which somebody else's later write stands.
  private func standing(_ change: RowChange, of item: Item, _ author: IncomingChange, columns: Set<String>) throws -> RowChange {
    guard let shape = transaction.rows.shape(change.table),
      let state = try transaction.rows.load(shape, key: change.key, in: item.scope)?.state,
      state.life == change.life
    else { return change }
    var incoming = author
    (incoming.life, incoming.cells) = (change.life, change.cells)
    let outcome = Merge.join(state, incoming, policies: try transaction.rows.policies(shape)).state
    var change = change
    change.cells.removeAll { cell in
      !columns.contains(cell.column) && outcome.cells[cell.name]?.origin.version != author.origin.version
    }
    return change
  }

  private func isDecision(_ change: RowChange) -> Bool { change.table == MetadataSchema.decisionTable.name }

  /// Sends the conflict's state again: a declined decision does not count, and its device must show the conflict as it stands.
  private func repeatState(of decision: RowChange, scope: String) throws {
    guard let id = decision.cells.first(where: { $0.column == "conflict" })?.value, !id.isNull,
      let row = try session.firstRow("SELECT scope, state FROM sync_conflict WHERE id = ?1", [id]), row[0] == .text(scope)
    else { return }
    transaction.writer.add(
      RowChange(table: MetadataSchema.conflictTable.name, key: id, life: 1, cells: [CellChange("state", row[1])]), scope: scope)
  }

  private func keepDeclined(_ change: RowChange, _ version: Version, scope: String) throws {
    let shape = try transaction.rows.shapeOrUnknown(change.table)
    let stored = try transaction.rows.load(shape, key: change.key, in: scope)
    // Treats a row of another scope under the same key as unknown.
    let state = stored.flatMap { $0.scope == scope ? $0.state : nil } ?? .unknown
    let origin = Origin(version: version, position: 0)
    for cell in change.cells {
      let standing = state.cells[cell.name] ?? Cell(origin: state.lifeOrigin ?? origin, value: .null)
      // Skips values that stand already: nobody lost them.
      if standing.value == cell.value { continue }
      let loser = Loser(
        name: cell.name, life: change.life, loser: Cell(origin: origin, value: cell.value), winner: standing, rule: .declined)
      try transaction.conflicts.record(loser, change: change, scope: scope)
    }
  }

  /// Sends the hub's own values of a row whose change was declined, newer than that change.
  private func answer(_ change: RowChange, _ version: Version, scope: String) throws {
    // Answers for unknown tables too: the hub keeps the record of its answer, as devices do.
    let shape = try transaction.rows.shapeOrUnknown(change.table)
    let stored = try transaction.rows.load(shape, key: change.key, in: scope)
    let isForeign = stored.map { $0.scope != scope } ?? false
    guard let stored, !isForeign else {
      // Deletes the row on the device, because the hub has no such row in this scope. Another scope's row of that key stays.
      if change.isAlive && change.life < WireLimits.lifeMax {
        let gone = RowChange(table: change.table, key: change.key, life: change.life + 1, cells: [])
        transaction.writer.add(gone, scope: scope, isSaved: !isForeign)
      }
      return
    }
    let state = stored.state
    // Sends nothing after the last possible life.
    guard change.life >= state.life, change.life <= WireLimits.lifeMax - 2 else { return }
    if change.life == state.life {
      let origin = Origin(version: version, position: 0)
      let policies = try transaction.rows.policies(shape)
      let declined = Merge.join(
        state, IncomingChange(life: change.life, cells: change.cells, origin: origin, seenThrough: .max), policies: policies
      ).state
      let cells = change.cells.compactMap { cell -> CellChange? in
        guard !isIncrement(cell) else { return nil }
        // Skips a cell whose kind does not fit its column: no replica shows it.
        guard policies[cell.column].map({ $0.hasParts == (cell.name.part != .whole) }) ?? true else { return nil }
        let standing = state.cells[cell.name]
        let value = standing?.value ?? (cell.name.part == .whole ? shape.column(named: cell.column)?.defaultValue ?? .null : .null)
        var generation = max(standing?.generation ?? 0, cell.generation)
        // Raises the generation, as a decision does, where the column's policy would let the declined value win over the hub's.
        let isRuled = policies[cell.column]?.settlesItself == true
        if isRuled && declined.cells[cell.name]?.origin == origin { generation += 1 }
        return CellChange(cell.column, value, part: cell.name.part, generation: generation)
      }
      // Sends an increment together with its opposite, because an increment cannot be taken back.
      let opposites = change.cells.filter(isIncrement).flatMap { cell -> [CellChange] in
        guard case .increment(let id) = cell.name.part else { return [] }
        return [cell, CellChange(cell.column, .integer(-(cell.value.integer ?? 0)), part: .increment(~id))]
      }
      if !cells.isEmpty || !opposites.isEmpty {
        transaction.writer.add(RowChange(table: change.table, key: change.key, life: state.life, cells: cells + opposites), scope: scope)
      }
    } else if state.isAlive {
      // Inserts the row again in a life after the device's: the device deleted the row, or inserted it again.
      let cells = state.cells.map { name, cell in CellChange(name.column, cell.value, part: name.part, generation: cell.generation) }
      let life = change.life % 2 == 0 ? change.life + 1 : change.life + 2
      transaction.writer.add(
        RowChange(table: change.table, key: change.key, life: life, cells: cells.sorted { $0.name < $1.name }), scope: scope)
    } else if change.isAlive {
      transaction.writer.add(RowChange(table: change.table, key: change.key, life: change.life + 1, cells: []), scope: scope)
    }
  }

  private func isIncrement(_ cell: CellChange) -> Bool {
    if case .increment = cell.name.part { true } else { false }
  }
}
