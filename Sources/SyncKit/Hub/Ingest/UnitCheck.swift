internal import Foundation
internal import SyncCore
internal import SyncStore

/// Judges whether a unit can be merged now, before anything of it is written (L7).
struct UnitCheck {
  let session: any HubSession
  let rows: RowStore
  let lineage: HubLineage
  let held: HeldRows
  let scopes: AuthorScopes
  /// What the author says of its columns: see `BatchContent.rules`.
  var rules: [String: MergePolicies] = [:]

  struct Hold: Hashable, Sendable {
    var reason: HeldReason
    /// The table, `table.column` or `table:key` it is about; of a `UnitFault`, what is wrong there, behind a space.
    var detail: String
  }

  /// How a row is named in `Hold.detail`.
  static func detail(table: String, key: CellValue) -> String { "\(table):\(key.logText)" }

  /// Whose unit is judged, and where it stands among that device's units of the scope.
  struct Author {
    var replica: ReplicaID
    var scope: String
    var number: UInt64
    var unit: Int
    /// Whose certificate says what may be referred to, when that is another's: an operator repairs what a device sent.
    var reader: ReplicaID?
    /// The unit says again what stands at its author: nothing held is earlier than that, and the lives it tells of are over.
    var isRecovery = false
    /// Tables of which the hub asked for everything that stands at the author, whoever wrote it.
    var asked: Set<String> = []
  }

  /// Size of the values in one unit, in bytes: twice what a `Sealer` makes, and what always fits into a page.
  static let unitBytesMax = 2 * UnitCutting.rawBytesMax
  /// Lives by which a recovery batch may be ahead of what the hub knows: it tells of births and deaths that the hub lost.
  static let recoveredLivesMax: UInt32 = 64

  /// - Returns: Nil when the unit can be merged.
  func holdReason(_ unit: ChangeUnit, by author: Author) throws -> Hold? {
    if unit.approximateBytes > Self.unitBytesMax { return Hold(reason: .size, detail: "") }
    if let fault = Self.faults(of: unit).first {
      // What a device did to a row later waits behind what it did first.
      if let behind = try unit.changes.first(where: { try isBehind($0, author) }) { return Hold(reason: .behind, detail: behind.table) }
      return Hold(reason: fault.reason, detail: fault.detail)
    }
    for change in unit.changes {
      if let hold = try holdReason(change, of: unit, by: author) { return hold }
    }
    return nil
  }

  /// What of a unit could not stand as it was sent.
  static func faults(of unit: ChangeUnit) -> [UnitFault] { unit.faults + [repetition(in: unit.changes)].compactMap(\.self) }

  /// Changes of one life of a row as one; of a cell that is told twice the first stands.
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

  /// A cell that a unit writes twice: either could stand. The parts of a counter may come in several changes of a row.
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
    // A key that the table would turn into another one could pass for a row of another unit.
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
    // Of a row that took the key of another unit's nothing more is taken but its end. What else is wrong is not said of a key like that: it
    // could tell whether the other unit has the row.
    guard shape.declaration.keyRule.allows(change.key, in: scope) || (stored != nil && !change.isAlive) else {
      return Hold(reason: .scope, detail: change.table)
    }
    if change.isAlive, let wrong = shape.declaration.keyRule.contradiction(in: change, scope: scope) {
      return Hold(reason: .value, detail: "\(change.table).\(wrong)")
    }
    // A unit adds a death and a birth at most. A life far ahead would bring the row to the end of all lives, where nobody
    // else's change of it could be sent any more.
    let livesMax = author.isRecovery ? Self.recoveredLivesMax : 2
    if change.life > (stored?.state.life ?? 0) + livesMax { return Hold(reason: .life, detail: change.table) }
    // A row is born with its scope; this life of it was not heard of.
    if change.isAlive && scopeCell == nil && (stored?.state.life ?? 0) < change.life {
      return Hold(reason: .incomplete, detail: "\(change.table).\(shape.declaration.scopeColumn)")
    }
    // Conflicts are the hub's alone; a decision is never changed. One may come twice, from a device and from its copy.
    let isChanged = change.table == MetadataSchema.decisionTable.name && stored.map { !repeats(change, $0.state) } == true
    if isChanged && !isAsked { return Hold(reason: .readOnly, detail: change.table) }
    // Of the hub's own decisions, which it may ask for, there are other words.
    if change.table == MetadataSchema.decisionTable.name, !isAsked, let cell = change.cells.first(where: { $0.column == "choice" }),
      !Resolution.words.contains(cell.value.text ?? "")
    {
      return Hold(reason: .value, detail: "\(change.table).choice")
    }
    if !isPlain, let wrong = change.cells.first(where: { shape.place(of: $0.column) != nil && !shape.accepts($0) }) {
      return Hold(reason: .value, detail: "\(change.table).\(wrong.column)")
    }
    // What is said again of a birth may come in several units.
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

  /// Whether a change says what stands already.
  private func repeats(_ change: RowChange, _ state: RowState) -> Bool {
    change.life == state.life && change.cells.allSatisfy { state.cells[$0.name]?.value == $0.value }
  }

  /// Whether a cell of a column that this hub does not know can be merged all the same: it says by which rule, and that is the
  /// one said before.
  private func canKeepAside(_ cell: CellChange, _ shape: TableShape) throws -> Bool {
    guard let rule = MergePolicy(of: cell, said: rules[shape.name]?[cell.column]) else { return false }
    if let known = try rows.aside.rule(of: cell.column, in: shape.name) { return known.signature == rule.signature }
    // Names that differ only in case could never be columns of one table.
    let names = [shape.keyColumn] + shape.columns.map(\.name) + (try rows.aside.columns(of: shape.name))
    let isTaken = names.contains { $0.caseInsensitiveCompare(cell.column) == .orderedSame }
    return !isTaken && names.count + newColumnsMax <= WireLimits.columnsPerTableMax
  }

  /// Columns that one change may bring at once.
  private var newColumnsMax: Int { 8 }

  /// Whether an earlier unit about the same row is held: of this identity, or of one that it goes on from.
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

/// Whose work is held, of those that one transaction asks about: of most devices nothing is.
final class HeldRows {
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
