internal import Foundation
internal import SyncCore
internal import SyncStore

/// Judges whether a unit can be merged now, before anything of it is written (L7).
struct UnitCheck {
  let session: any HubSession
  let rows: RowStore
  let lineage: HubIdentityHistory
  let held: HeldRowIndex
  let scopes: AuthorScopes
  /// Merge policies of columns, as the author states them: see `BatchContent.rules`.
  var rules: [String: MergePolicies] = [:]

  struct Hold: Hashable, Sendable {
    var reason: HeldReason
    /// Table, `table.column` or `table:key` that the reason is about; for a `UnitFault` a space and the fault follow.
    var detail: String
  }

  /// Returns the name of a row in `Hold.detail`.
  static func detail(table: String, key: CellValue) -> String { "\(table):\(key.logText)" }

  /// Author of the judged unit, and the place of the unit among the author's units of the scope.
  struct Author {
    var replica: ReplicaID
    var scope: String
    var number: UInt64
    var unit: Int
    /// Replica whose certificate decides about references, if not the author: an operator repairs what a device sent.
    var reader: ReplicaID?
    /// True for a recovery batch, which repeats what stands at its author: no held unit is earlier, and its lives are over.
    var isRecovery = false
    /// Tables whose whole content the hub asked the author for, whoever wrote the rows.
    var asked: Set<String> = []
  }

  /// Size of the values in one unit, in bytes: twice what a `Sealer` makes. A unit of this size always fits into a page.
  static let unitBytesMax = 2 * UnitCutting.rawBytesMax
  /// Lives by which a recovery batch may be ahead of the hub: it may carry births and deaths that the hub lost.
  static let recoveredLivesMax: UInt32 = 64

  /// - Returns: Nil when the unit can be merged.
  func holdReason(_ unit: ChangeUnit, by author: Author) throws -> Hold? {
    if unit.approximateBytes > Self.unitBytesMax { return Hold(reason: .size, detail: "") }
    if let fault = Self.faults(of: unit).first {
      // Holds a later unit about a row behind an earlier held unit about it.
      if let behind = try unit.changes.first(where: { try isBehind($0, author) }) { return Hold(reason: .behind, detail: behind.table) }
      return Hold(reason: fault.reason, detail: fault.detail)
    }
    for change in unit.changes {
      if let hold = try holdReason(change, of: unit, by: author) { return hold }
    }
    return nil
  }

  /// Returns the faults for which a unit cannot be merged as it was sent.
  static func faults(of unit: ChangeUnit) -> [UnitFault] { unit.faults + [repetition(in: unit.changes)].compactMap(\.self) }

  /// Merges several changes of one life of a row into one change. Of a cell that is written twice the first value stands.
  static func eachRowOnce(_ changes: [RowChange]) -> [RowChange] {
    guard changes.count > 1 else { return changes }
    var places: [RowLife: Int] = [:]
    var once: [RowChange] = []
    for change in changes {
      let row = RowLife(table: change.table, key: change.key, life: change.life)
      guard let place = places[row] else {
        places[row] = once.count
        once.append(change)
        continue
      }
      let names = Set(once[place].cells.map(\.name))
      once[place].cells += change.cells.filter { !names.contains($0.name) }
    }
    return once
  }

  private struct RowLife: Hashable {
    var table: String
    var key: CellValue
    var life: UInt32
  }

  /// Returns a fault when a unit writes a cell twice, because either value could stand. The parts of a counter may come in several
  /// changes.
  private static func repetition(in changes: [RowChange]) -> UnitFault? {
    guard changes.count > 1 else { return nil }
    var first: [RowLife: Int] = [:]
    var written: [RowLife: Set<CellName>] = [:]
    for (place, change) in changes.enumerated() {
      let row = RowLife(table: change.table, key: change.key, life: change.life)
      guard let earlier = first[row] else {
        first[row] = place
        continue
      }
      guard change.isAlive else { return UnitFault(why: .twice, table: change.table) }
      var names = written[row] ?? Set(changes[earlier].cells.map(\.name))
      for cell in change.cells where !names.insert(cell.name).inserted {
        return UnitFault(why: .twice, table: change.table, column: cell.column)
      }
      written[row] = names
    }
    return nil
  }

  private func holdReason(_ change: RowChange, of unit: ChangeUnit, by author: Author) throws -> Hold? {
    let scope = author.scope
    let isAsked = author.asked.contains(change.table)
    guard let shape = rows.shape(change.table) else { return Hold(reason: .schema, detail: change.table) }
    guard shape.isWrittenByDevices || isAsked && shape.declaration.kind == .replicated else {
      return Hold(reason: .readOnly, detail: change.table)
    }
    // Refuses a key that the table would convert to another one: the change could then pass for a row of another unit.
    guard shape.keyType.keeps(change.key) else { return Hold(reason: .value, detail: "\(change.table).\(shape.keyColumn)") }
    let isPlain = rows.isPlain(change, shape)
    if !isPlain, let cell = try change.cells.first(where: { try shape.place(of: $0.column) == nil && !canKeepAside($0, shape) }) {
      return Hold(reason: .schema, detail: "\(change.table).\(cell.column)")
    }
    if try !author.isRecovery && isBehind(change, author) { return Hold(reason: .behind, detail: change.table) }
    let scopeCell = change.cells.first { $0.column == shape.declaration.scopeColumn }?.value
    if let scopeCell, scopeCell != .text(scope) { return Hold(reason: .scope, detail: change.table) }
    let stored = try rows.load(shape, key: change.key, in: scope)
    if let stored, stored.scope != scope { return Hold(reason: .scope, detail: change.table) }
    // Accepts only the deletion of a row that has a key of another scope. No other fault is reported for such a key, because the
    // answer could tell whether the other scope has the row.
    guard shape.declaration.keyRule.allows(change.key, in: scope) || (stored != nil && !change.isAlive) else {
      return Hold(reason: .scope, detail: change.table)
    }
    if change.isAlive, let wrong = shape.declaration.keyRule.contradiction(in: change, scope: scope) {
      return Hold(reason: .value, detail: "\(change.table).\(wrong)")
    }
    // Bounds the life: a unit adds at most a death and a birth. A life far ahead would leave no room for the changes of others.
    let livesMax = author.isRecovery ? Self.recoveredLivesMax : 2
    if change.life > (stored?.state.life ?? 0) + livesMax { return Hold(reason: .life, detail: change.table) }
    // Requires the scope cell in a birth of a life that the hub has not heard of.
    if change.isAlive && scopeCell == nil && (stored?.state.life ?? 0) < change.life {
      return Hold(reason: .incomplete, detail: "\(change.table).\(shape.declaration.scopeColumn)")
    }
    // Refuses conflicts, which only the hub writes, and changed decisions. A decision may come twice, from a device and from its
    // copy.
    let isChanged = change.table == MetadataSchema.decisionTable.name && stored.map { !repeats(change, $0.state) } == true
    if isChanged && !isAsked { return Hold(reason: .readOnly, detail: change.table) }
    // Allows other words in the hub's own decisions, which the hub may ask a device for.
    if change.table == MetadataSchema.decisionTable.name, !isAsked, let cell = change.cells.first(where: { $0.column == "choice" }),
      !Resolution.words.contains(cell.value.text ?? "")
    {
      return Hold(reason: .value, detail: "\(change.table).choice")
    }
    if !isPlain, let wrong = change.cells.first(where: { shape.place(of: $0.column) != nil && !shape.accepts($0) }) {
      return Hold(reason: .value, detail: "\(change.table).\(wrong.column)")
    }
    // Skips the check of completeness in a recovery batch, which may repeat a birth in several units.
    let isBirth = !author.isRecovery && (stored?.state.life ?? 0) < change.life
    if change.isAlive, let column = shape.misformed(change, isBirth: isBirth) {
      return Hold(reason: .value, detail: "\(change.table).\(column)")
    }
    if change.isAlive, let stored, stored.state.life == change.life,
      let taken = change.cells.first(where: { cell in
        cell.value.isNull && shape.declaration.lasting.contains(cell.column) && stored.state.cells[cell.name]?.value.isNull == false
      })
    {
      return Hold(reason: .readOnly, detail: "\(change.table).\(taken.column)")
    }
    return try ReferenceCheck(session: session, rows: rows, scopes: scopes).hold(
      change, shape: shape, stored: stored?.state, in: unit, by: author)
  }

  /// Returns whether a change repeats what stands.
  private func repeats(_ change: RowChange, _ state: RowState) -> Bool {
    change.life == state.life && change.cells.allSatisfy { state.cells[$0.name]?.value == $0.value }
  }

  /// Returns whether a cell of a column that this hub does not know can be merged. The batch must state the column's policy, and
  /// state the same one as before.
  private func canKeepAside(_ cell: CellChange, _ shape: TableShape) throws -> Bool {
    guard let rule = MergePolicy(of: cell, said: rules[shape.name]?[cell.column]) else { return false }
    if let known = try rows.aside.rule(of: cell.column, in: shape.name) { return known.signature == rule.signature }
    // Refuses names that differ only in case: they could never be columns of one table.
    let names = [shape.keyColumn] + shape.columns.map(\.name) + (try rows.aside.columns(of: shape.name))
    let isTaken = names.contains { $0.caseInsensitiveCompare(cell.column) == .orderedSame }
    return !isTaken && names.count + newColumnsMax <= WireLimits.columnsPerTableMax
  }

  /// New unknown columns that one change may bring.
  private var newColumnsMax: Int { 8 }

  /// Returns whether an earlier unit about the same row is held, of this identity or of one that it succeeded.
  private func isBehind(_ change: RowChange, _ author: Author) throws -> Bool {
    try lineage.line(of: author.replica, scope: author.scope).contains { replica, end in
      guard try held.hasAny(of: replica) else { return false }
      let unit = replica == author.replica ? author.unit : 0
      return try session.firstRow(
        """
        SELECT 1 FROM hub_held_row WHERE replica = ?1 AND tbl = ?2 AND key = ?3 AND scope = ?4
          AND (number < ?5 OR (number = ?5 AND unit < ?6)) AND number <= ?7
        """,
        [
          .blob(replica.bytes), .text(change.table), change.key, .text(author.scope), .integer(Int64(clamping: author.number)),
          .integer(Int64(unit)), .integer(Int64(clamping: end)),
        ]) != nil
    }
  }
}

extension UnitCheck.Author {
  init(of content: BatchContent, unit: Int, asked: Set<String>) {
    self.init(
      replica: content.replica, scope: content.scope, number: content.number, unit: unit, isRecovery: content.recovery != nil, asked: asked)
  }
}

/// Per-transaction cache: does a replica have held units? Usually not.
final class HeldRowIndex {
  private let session: any HubSession
  private var known: [ReplicaID: Bool] = [:]

  init(session: any HubSession) { self.session = session }

  func hasAny(of replica: ReplicaID) throws -> Bool {
    if let any = known[replica] { return any }
    let any = try session.firstRow("SELECT 1 FROM hub_held_row WHERE replica = ?1 LIMIT 1", [.blob(replica.bytes)]) != nil
    known[replica] = any
    return any
  }

  func note(_ replica: ReplicaID) { known[replica] = true }
}

extension UnitFault {
  var reason: HeldReason {
    switch why {
    case .name, .nfc: .name
    case .utf8, .zeroByte, .notANumber, .json, .member, .kind, .unreadable, .increment, .key, .deletion: .value
    case .long, .longKey, .parts, .columns, .units: .size
    case .life: .life
    case .generation: .generation
    case .twice: .repeated
    case .newer: .schema
    }
  }
}
