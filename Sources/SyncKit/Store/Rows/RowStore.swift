internal import Foundation
package import SyncCore

/// Replicated rows with their merge state. Values are in the app's own table; one metadata record a row has its life and versions.
/// Belongs to one transaction.
package final class RowStore {
  package let session: any SQLSession
  private let shapes: [String: TableShape]
  private var replicaIDs: [Int64: ReplicaID] = [:]
  private var replicaNumbers: [ReplicaID: Int64] = [:]
  /// Tables whose rows were written, for observers.
  package internal(set) var touched: Set<String> = []

  package init(session: any SQLSession, shapes: [String: TableShape]) {
    self.session = session
    self.shapes = shapes
  }

  package func shape(_ table: String) -> TableShape? { shapes[table] }

  var plans: [String: ColumnPlan] = [:]
  var digestBytes: [UInt8] = []
  private var statementsByTable: [String: RowStatements] = [:]
  func statements(_ shape: TableShape) -> RowStatements {
    if let known = statementsByTable[shape.name] { return known }
    let new = RowStatements(shape)
    statementsByTable[shape.name] = new
    return new
  }

  /// Column of the app that refers to rows.
  package struct Referring {
    package var shape: TableShape
    package var column: String
    /// Table that it refers to; nil when another column of the row names the table.
    package var table: String?
    package var tableColumn: String?
  }

  private lazy var referring = all.flatMap { shape in
    shape.declaration.orderedReferences.compactMap { column, reference -> Referring? in
      if MetadataSchema.ownTables.contains(where: { $0.name == shape.name }) { return nil }
      switch reference {
      case .row(let table): return Referring(shape: shape, column: column, table: table)
      case .rowNamed(let tableColumn): return Referring(shape: shape, column: column, tableColumn: tableColumn)
      case .blob: return nil
      }
    }
  }
  /// Returns the columns that may refer to rows of a table.
  package func references(to table: String) -> [Referring] { referring.filter { $0.table == nil || $0.table == table } }
  /// Returns the columns of a table that refer to rows.
  package func references(of table: String) -> [Referring] { referring.filter { $0.shape.name == table } }

  private var book: UnknownColumns?
  /// Hidden cells of this store, from newer programs.
  package var aside: UnknownColumns {
    get throws {
      if let book { return book }
      let new = try UnknownColumns(session: session)
      book = new
      return new
    }
  }

  /// Returns a declared table, or a shape for a table that this program does not know, whose rows are all hidden.
  package func shapeOrUnknown(_ table: String) throws -> TableShape {
    if let shape = shapes[table] { return shape }
    if try !aside.isUnknown(table) {
      try session.execute(MetadataSchema.metadata(of: table))
      try aside.note(table: table)
    }
    return .unknown(table)
  }

  /// Returns the cells of a change that can be merged here, after recording unknown columns. A cell of an unknown column without a
  /// stated policy cannot be merged.
  ///
  /// - Parameter rules: Merge policies of the columns, as the sender states them.
  package func prepare(_ change: RowChange, _ shape: TableShape, rules: MergePolicies) throws -> [CellChange] {
    if isPlain(change, shape) { return change.cells }
    let book = try aside
    return try change.cells.filter { cell in
      if let column = shape.column(named: cell.column) {
        if !shape.accepts(cell) { try book.note(column.name, in: shape.name, rule: shape.policy(of: column)) }
        return true
      }
      guard let rule = MergePolicy(of: cell, said: rules[cell.column] ?? book.rule(of: cell.column, in: shape.name)) else { return false }
      try book.note(cell.column, in: shape.name, rule: rule)
      return true
    }
  }

  /// Returns the merge policies of all columns of tables, for receivers who do not know them.
  package func rules(of tables: Set<String>) throws -> [String: MergePolicies] {
    var rules: [String: MergePolicies] = [:]
    for table in tables {
      let shape = shapes[table] ?? .unknown(table)
      var own = try aside.policies(shape)
      for column in shape.columns { own[column.name] = shape.policy(of: column) }
      rules[table] = own
    }
    return rules
  }

  package func rules(of units: [ChangeUnit]) throws -> [String: MergePolicies] {
    try rules(of: Set(units.flatMap { $0.changes.map(\.table) }))
  }

  /// Returns how a table's cells merge, unknown columns included.
  package func policies(_ shape: TableShape) throws -> MergePolicies { try aside.policies(shape) }

  package var all: some Sequence<TableShape> { shapes.values.sorted { $0.id < $1.id } }

  /// Records that a table's rows were written, for observers.
  package func note(_ table: String) { touched.insert(table) }

  /// True at a hub: rows that nobody had heard of before are recorded, because held units may wait for them.
  package var notesArrivals = false
  var arrived: [(table: String, key: CellValue)] = []
  package var hasArrived: Bool { !arrived.isEmpty }
  /// Returns the rows that arrived since the last call.
  package func takeArrived() -> [(table: String, key: CellValue)] {
    defer { arrived = [] }
    return arrived
  }

  /// Changes of the digests by the rows written since the last `flush`.
  private var digestChanges: [DigestTable.Place: DigestTable.Change] = [:]
  private struct Loaded {
    var table: String
    var key: CellValue
    var digest: Data?
    var stored: Stored?

    func isRow(_ key: CellValue, of shape: TableShape) -> Bool { table == shape.name && self.key == key }
  }
  /// Row loaded last: usually the one that is saved next.
  private var loaded: Loaded?

  /// Writes the digests. Call this before the transaction ends.
  package func flush() throws {
    for (place, change) in digestChanges { try DigestTable(session: session).apply(change, at: place) }
    digestChanges = [:]
  }

  /// Row as stored, and the scope in which it was first written.
  package struct Stored {
    package var state: RowState
    package var scope: String
  }

  /// Loads a row from whichever scope has it: its metadata and values together. Nil for a row never heard of.
  ///
  /// - Parameter scope: Scope to ask first; nil asks every scope, in stores ordered by scope.
  package func load(_ shape: TableShape, key: CellValue, in scope: String?) throws -> Stored? {
    guard let row = try record(statements(shape).load, shape, key, scope) else {
      loaded = Loaded(table: shape.name, key: key)
      return nil
    }
    let stored = try stored(row, shape)
    loaded = Loaded(table: shape.name, key: key, digest: row[8].blob, stored: stored)
    return stored
  }

  /// Loads a row like `load`, but from the cache when it is the row loaded last. For callers who know that nothing was written
  /// since, as between judging and merging a unit.
  package func loadUnwritten(_ shape: TableShape, key: CellValue, in scope: String) throws -> Stored? {
    if let loaded, loaded.isRow(key, of: shape) { return loaded.stored }
    return try load(shape, key: key, in: scope)
  }

  /// Returns whether a row was ever heard of, in any scope.
  package func isKnown(_ shape: TableShape, key: CellValue, in scope: String) throws -> Bool {
    if try record(statements(shape).digest, shape, key, scope) != nil { return true }
    loaded = Loaded(table: shape.name, key: key)
    return false
  }

  /// Returns the app's values of a row by column, nil when there is no row, and its state when it was last sealed.
  func standing(_ shape: TableShape, key: CellValue, in scope: String) throws -> (values: [CellValue]?, stored: Stored?) {
    guard let row = try session.firstRow(statements(shape).standing, arguments(shape, key, scope)) else {
      return (nil, try load(shape, key: key, in: scope))
    }
    if row[0].isNull && shape.order == .byScope { return (Array(row[9...]), try load(shape, key: key, in: scope)) }
    let stored = row[0].isNull ? nil : try stored(row, shape)
    loaded = Loaded(table: shape.name, key: key, digest: row[8].blob, stored: stored)
    return (Array(row[9...]), stored)
  }

  private func arguments(_ shape: TableShape, _ key: CellValue, _ scope: String) -> [CellValue] {
    shape.order == .byKey ? [key] : [key, .text(scope)]
  }

  /// Returns a row's record. In stores ordered by scope, the row tells its scope, or the index of deleted rows does. A row of
  /// another scope that was deleted in this transaction and is not sealed yet is not found.
  ///
  /// No two scopes have a record of one key, with one exception: where keys name their scope, another scope's record of a deleted
  /// row does no harm.
  private func record(_ statement: RepeatedSQL, _ shape: TableShape, _ key: CellValue, _ scope: String?) throws -> [CellValue]? {
    guard let scopes = statements(shape).scopes else { return try session.firstRow(statement, [key]) }
    if let scope, let row = try session.firstRow(statement, [key, .text(scope)]) { return row }
    let isNamed = scope.map { shape.declaration.keyRule.names($0, in: key) } ?? false
    let others = isNamed ? statements(shape).livingScope : scopes
    for place in try session.rows(others, [key]) where scope.map({ place[0] != .text($0) }) ?? true {
      if let row = try session.firstRow(statement, [key, place[0]]) { return row }
    }
    guard scope == nil else { return nil }
    for place in try session.rows("SELECT scope FROM hub_scope") {
      if let row = try session.firstRow(statement, [key, place[0]]) { return row }
    }
    return nil
  }

  /// Returns whether one of `scopes` ever had a row of that key.
  package func isKnown(_ shape: TableShape, key: CellValue, within scopes: [String]) throws -> Bool {
    guard shape.keyType.keeps(key) else { return false }
    // Asks the table too: conflicts opened in this transaction have no record yet.
    let living = try session.firstRow(statements(shape).livingScope, [key])?[0]
    if let living, scopes.contains(where: { living == .text($0) }) { return true }
    return try scopes.contains { try session.firstRow(statements(shape).digest, arguments(shape, key, $0)) != nil }
  }

  /// Returns whether the row under a key belongs to another scope.
  package func standsElsewhere(_ shape: TableShape, key: CellValue, than scope: String) throws -> Bool {
    guard shape.isKnown else { return false }
    return try session.firstRow(statements(shape).livingScope, [key]).map { $0[0] != .text(scope) } ?? false
  }

  func stored(_ row: [CellValue], _ shape: TableShape) throws -> Stored {
    guard let scope = row[1].text, let life = row[2].integer, let stamp = row[3].integer, let replica = row[4].integer,
      let position = row[5].integer, let mask = row[6].integer
    else { throw ByteReader.short }
    let main = Origin(
      version: Version(HybridTimestamp(rawValue: UInt64(bitPattern: stamp)), try replicaID(replica)), position: UInt64(max(0, position)))
    let metadata = RowMetadata(life: UInt32(clamping: life), main: main, mask: mask, split: row[7].blob ?? Data())
    var state = try metadata.state(shape, values: row[9...], replica: replicaID)
    if state.isAlive, try aside.has(shape.name) {
      for (name, cell) in try aside.load(shape.name, key: row[0], replica: replicaID) { state.cells[name] = cell }
    }
    return Stored(state: state, scope: scope)
  }

  /// Writes a merged row: its metadata record, and those values that changed.
  ///
  /// - Parameter previous: State loaded before the merge.
  package func save(_ outcome: MergeOutcome, over previous: RowState, shape: TableShape, key: CellValue, scope: String) throws {
    try saveMetadata(outcome.state, shape: shape, key: key, scope: scope)
    guard shape.isKnown else { return }
    touched.insert(shape.name)
    let statements = statements(shape)
    if previous.isAlive && previous.life != outcome.state.life { try session.execute(statements.delete, [key]) }
    guard outcome.state.isAlive else { return }
    let writtenColumns = Set(outcome.written.map(\.column))
    let cells = try shape.columns.filter { writtenColumns.contains($0.name) }.compactMap { column in
      try value(of: column, in: outcome.state, shape).map { (column: column, value: $0) }
    }
    if previous.life != outcome.state.life {
      try session.execute(statements.insert(cells.map(\.column)), [key] + cells.map(\.value))
    } else if !cells.isEmpty {
      try session.execute(statements.update(cells.map(\.column)), [key] + cells.map(\.value))
    }
  }

  /// Returns the value that the app sees in a column: the default when nobody wrote it, or the written value cannot be shown. Nil
  /// when nothing need be written there.
  private func value(of column: TableShape.Column, in state: RowState, _ shape: TableShape) throws -> CellValue? {
    let value = CellParts.value(of: column, policy: shape.policy(of: column), in: state.cells)
    guard let value, try aside.rule(of: column.name, in: shape.name) != nil else { return value }
    return shape.isShown(value, in: column) ? value : column.defaultValue ?? .null
  }

  /// Writes hidden cells into the app's columns.
  ///
  /// - Returns: The cells' names.
  func show(
    _ stored: Stored, columns: Set<String>, shape: TableShape, key: CellValue, isNewTable: Bool
  ) throws -> [CellName] {
    let isEnding = try session.firstRow(
      "SELECT 1 FROM sync_pending WHERE tbl = ?1 AND key = ?2 AND op = ?3 LIMIT 1",
      [.integer(Int64(shape.id)), key, .integer(CaptureOperation.delete.rawValue)])
    // Skips a row that was deleted here and not sealed yet: its hidden cells end with its life.
    guard isEnding == nil, stored.state.isAlive else { return [] }
    let hidden = try aside.hidden(in: stored.state, of: shape)
    let shown = stored.state.cells.keys.filter { columns.contains($0.column) && hidden[$0] == nil }
    let values = try shape.columns.filter { column in isNewTable || shown.contains { $0.column == column.name } }.compactMap { column in
      try value(of: column, in: stored.state, shape).map { (column: column, value: $0) }
    }
    let statements = statements(shape)
    if isNewTable {
      try session.execute(statements.insert(values.map(\.column)), [key] + values.map(\.value))
    } else if !values.isEmpty {
      try session.execute(statements.update(values.map(\.column)), [key] + values.map(\.value))
    }
    try saveMetadata(stored.state, shape: shape, key: key, scope: stored.scope)
    touched.insert(shape.name)
    return shown.sorted()
  }

  /// Replaces a row by a state, whatever stood before.
  ///
  /// - Parameter previous: State loaded before.
  package func replace(_ previous: RowState, with state: RowState, shape: TableShape, key: CellValue, scope: String) throws {
    if previous == state { return }
    var outcome = MergeOutcome(state: state, written: state.cells.filter { previous.cells[$0.key]?.value != $0.value.value }.map(\.key))
    outcome.written += previous.cells.keys.filter { state.cells[$0] == nil }
    var standing = previous
    let columns = Set(state.cells.keys.map(\.column))
    if previous.life != state.life {
      outcome.written = Array(state.cells.keys)
    } else if previous.isAlive && !Set(previous.cells.keys.map(\.column)).isSubset(of: columns) {
      // Writes the row anew, so that columns that nobody wrote read as their defaults again.
      outcome.written = Array(state.cells.keys)
      standing.life += 2
    }
    try save(outcome, over: standing, shape: shape, key: key, scope: scope)
  }

  /// Deletes a row and its record, as if nobody had ever heard of it.
  package func forget(_ shape: TableShape, key: CellValue, in scope: String) throws {
    guard let stored = try load(shape, key: key, in: scope) else { return }
    if shape.isKnown { touched.insert(shape.name) }
    if try aside.has(shape.name) { try aside.save([:], table: shape.name, key: key, number: number) }
    if stored.state.isAlive && shape.isKnown {
      try session.execute(statements(shape).delete, [key])
    }
    try noteDigest(.zero, isAlive: false, shape: shape, key: key, scope: stored.scope)
    try session.execute("DELETE FROM \(quote(shape.metadataTable)) WHERE scope = ?1 AND key = ?2", [.text(stored.scope), key])
  }

  /// Writes only the metadata: the values already stand, as after a local write or a new stamp.
  package func saveMetadata(_ state: RowState, shape: TableShape, key: CellValue, scope: String) throws {
    if notesArrivals, loaded.map({ !$0.isRow(key, of: shape) || $0.stored == nil }) ?? true { arrived.append((shape.name, key)) }
    var shown = state
    if try aside.has(shape.name) {
      let hidden = try aside.hidden(in: state, of: shape)
      shown.cells = state.cells.filter { hidden[$0.key] == nil }
      try aside.save(hidden, table: shape.name, key: key, number: number)
    }
    guard let metadata = try RowMetadata(shown, shape: shape, number: number) else { return }
    let digest = RowDigest(state, table: shape.name, key: key)
    try noteDigest(digest, isAlive: state.isAlive, shape: shape, key: key, scope: scope)
    try write(metadata, digest: state.isAlive ? digest.bytes : nil, shape: shape, key: key, scope: scope)
  }

  func write(_ metadata: RowMetadata, digest: Data?, shape: TableShape, key: CellValue, scope: String) throws {
    let main = metadata.main
    try session.execute(
      statements(shape).saveMetadata,
      [
        key, .text(scope), .integer(Int64(metadata.life)), .integer(Int64(bitPattern: main.version.timestamp.rawValue)),
        .integer(try number(of: main.version.replica)), .integer(Int64(clamping: main.position)), .integer(metadata.mask),
        metadata.split.isEmpty ? .null : .blob(metadata.split), digest.map { .blob($0) } ?? .null,
      ])
  }

  func noteDigest(_ digest: RowDigest, isAlive: Bool, shape: TableShape, key: CellValue, scope: String) throws {
    let old: Data?
    if let loaded, loaded.isRow(key, of: shape) {
      old = loaded.digest
    } else {
      old = try session.firstRow(statements(shape).digest, arguments(shape, key, scope))?[0].blob
    }
    loaded = nil
    digestChanges[DigestTable.Place(scope: scope, table: shape.name), default: DigestTable.Change()].add(digest, isAlive, instead: old)
  }

  /// Returns the number of a replica in this store's records; assigned at first use.
  func number(of replica: ReplicaID) throws -> Int64 {
    if let known = replicaNumbers[replica] { return known }
    try session.execute("INSERT INTO sync_replica (bytes) VALUES (?1) ON CONFLICT (bytes) DO NOTHING", [.blob(replica.bytes)])
    let number = try session.integer("SELECT id FROM sync_replica WHERE bytes = ?1", [.blob(replica.bytes)]) ?? 0
    replicaNumbers[replica] = number
    replicaIDs[number] = replica
    return number
  }

  private func replicaID(_ number: Int64) throws -> ReplicaID {
    if let known = replicaIDs[number] { return known }
    guard let bytes = try session.firstRow("SELECT bytes FROM sync_replica WHERE id = ?1", [.integer(number)])?.first?.blob,
      let replica = ReplicaID(bytes: bytes)
    else {
      throw SyncError(
        .storeDamaged, vi: "Cơ sở dữ liệu nhắc đến một thiết bị không có trong danh sách; khôi phục từ bản sao.",
        en: "The database names a replica missing from its list; restore from a copy.")
    }
    replicaIDs[number] = replica
    replicaNumbers[replica] = number
    return replica
  }
}
