internal import GRDB
package import SyncCore

/// Replicated table as a store has it: its declaration, with the columns and types that the database tells.
package struct TableShape: Sendable, Hashable {
  package struct Column: Sendable, Hashable {
    /// Bit number in change masks; lasting, also when columns are added or reordered.
    var id: Int
    package var name: String
    /// Value of a cell that nobody wrote; nil when the declared default is not a constant.
    package var defaultValue: CellValue?
    package var type: ColumnType
    /// False for NOT NULL.
    package var acceptsNull: Bool

    /// True when a value may be a text, which could hide a zero byte.
    var isText: Bool { type.affinity == .text }
    /// True when values that compare equal may be stored differently (1 and 1.0).
    var isUntyped: Bool { type.affinity == .none }
  }

  /// Number of the table in the capture log; lasting.
  package var id: Int
  package var declaration: ReplicatedTable
  package var keyColumn: String
  package var keyType: ColumnType
  /// Columns without the key. The scope is first, so that it is in the first part of a row that is sent in parts.
  package let columns: [Column]
  /// False for a table that this program does not know: the store has records of its rows, but no rows.
  package var isKnown: Bool
  /// Order of the table's records in this store.
  let order: MetadataSchema.RecordOrder
  /// Index of each column in `columns`, and its policy: looked up for every cell.
  private let places: [String: Int]
  package let columnPolicies: [MergePolicy]
  /// Indexes of the columns in the order of `Cells`, and the names of their whole cells, by index.
  let placesByName: [Int]
  let cellNames: [CellName]
  /// True when any column merges by parts.
  let hasPartColumns: Bool

  init(
    id: Int, declaration: ReplicatedTable, keyColumn: String, keyType: ColumnType, columns: [Column], isKnown: Bool = true,
    order: MetadataSchema.RecordOrder = .byKey
  ) {
    self.id = id
    self.declaration = declaration
    self.keyColumn = keyColumn
    self.keyType = keyType
    self.columns = columns
    self.isKnown = isKnown
    self.order = order
    places = Dictionary(columns.enumerated().map { ($1.name, $0) }) { first, _ in first }
    cellNames = columns.map { CellName($0.name) }
    placesByName = columns.indices.sorted { [cellNames] in cellNames[$0] < cellNames[$1] }
    columnPolicies = columns.map { declaration.policies[$0.name] ?? .lastWriterWins }
    hasPartColumns = columnPolicies.contains { $0 == .perKey || $0 == .counter }
  }

  /// Returns a shape for a table that only newer programs know.
  package static func unknown(_ name: String) -> TableShape {
    TableShape(
      id: -1, declaration: ReplicatedTable(name, scopeColumn: ""), keyColumn: "", keyType: ColumnType(declared: "", isStrict: false),
      columns: [], isKnown: false)
  }

  package var name: String { declaration.name }
  package var metadataTable: String { "sync_meta_\(name)" }

  var policies: MergePolicies { declaration.policies }

  package func policy(of column: Column) -> MergePolicy { declaration.policies[column.name] ?? .lastWriterWins }

  /// Columns whose writes capture must describe further.
  var policyColumns: [Column] { columns.filter { declaration.policies[$0.name].map { $0 != .lastWriterWins && $0 != .review } ?? false } }

  package func place(of name: String) -> Int? { places[name] }
  package func column(named name: String) -> Column? { places[name].map { columns[$0] } }
  func column(id: Int) -> Column? { columns.first { $0.id == id } }

  /// Returns whether a row's values, in column order, belong to `scope`.
  func isOf(_ scope: String, _ values: [CellValue]) -> Bool {
    guard let index = columns.firstIndex(where: { $0.name == declaration.scopeColumn }), let own = values[index].text else { return true }
    return CellValue.text(own) == .text(scope)
  }

  /// Mask with every column's bit.
  var fullMask: Int64 { columns.reduce(0) { $0 | 1 << Int64($1.id) } }
}

extension CellValue {
  init(_ value: DatabaseValue) {
    switch value.storage {
    case .null: self = .null
    case .int64(let number): self = .integer(number)
    case .double(let number): self = .real(number)
    case .string(let text): self = .text(text)
    case .blob(let bytes): self = .blob(bytes)
    }
  }

  var databaseValue: DatabaseValue {
    switch self {
    case .null: .null
    case .integer(let number): number.databaseValue
    case .real(let number): number.databaseValue
    case .text(let text): text.databaseValue
    case .blob(let bytes): bytes.databaseValue
    }
  }
}

extension TableShape {
  /// Returns the first column whose value in a change is not as declared, or that a birth requires and lacks; nil when all are
  /// right.
  package func misformed(_ change: RowChange, isBirth: Bool) -> String? {
    let declaration = declaration
    if declaration.formats.isEmpty && declaration.required.isEmpty { return nil }
    for cell in change.cells {
      if cell.value.isNull, declaration.required.contains(cell.column), cell.name.part == .whole { return cell.column }
      guard let format = declaration.formats[cell.column] else { continue }
      if case .member = cell.name.part {
        if !format.accepts(cell.value, isMember: true) { return cell.column }
      } else if !format.accepts(cell.value) {
        return cell.column
      }
    }
    guard isBirth else { return nil }
    return declaration.required.sorted().first { name in !change.cells.contains { $0.column == name } }
  }
}

extension CellParts {
  /// Returns the value that the app sees in a column of a row; nil when nobody wrote the column, and its default shows.
  ///
  /// - Parameter cells: Cells of the row; only those of `column` are read.
  static func value(of column: TableShape.Column, policy: MergePolicy, in cells: Cells) -> CellValue? {
    switch policy {
    case .perKey:
      let members = cells.compactMap { name, cell -> (String, CellValue)? in
        guard name.column == column.name, case .member(let member) = name.part else { return nil }
        return (member, cell.value)
      }
      return members.isEmpty ? nil : object(members)
    case .counter:
      let amounts = cells.compactMap { name, cell in name.column == column.name ? cell.value.integer : nil }
      return amounts.isEmpty ? nil : .integer(sum([column.defaultValue?.integer ?? 0] + amounts.sorted()))
    default: return cells[CellName(column.name)]?.value
    }
  }
}

extension TableShape {
  /// True when devices may write the table through batches.
  package var isWrittenByDevices: Bool {
    declaration.kind == .replicated && declaration.writer == .scope && name != MetadataSchema.conflictTable.name
  }

  /// Returns whether a value can stand in its column as it is, and is of the kind that the column's policy takes.
  package func accepts(_ cell: CellChange) -> Bool { place(of: cell.column).map { accepts(cell, at: $0) } ?? false }

  /// Returns whether a value can stand in its column.
  ///
  /// - Parameter place: Index of the cell's column.
  package func accepts(_ cell: CellChange, at place: Int) -> Bool {
    switch (columnPolicies[place], cell.name.part) {
    case (.perKey, .member), (.counter, .increment): return true
    case (.perKey, _), (.counter, _), (_, .member), (_, .increment): return false
    case (.ranked(let values), .whole):
      guard cell.value.isNull || cell.value.text.map({ values.contains($0) }) == true else { return false }
    case (.max, .whole), (.min, .whole): break
    case (.lastWriterWins, .whole), (.review, .whole): guard cell.generation == 0 else { return false }
    }
    return isShown(cell.value, in: columns[place])
  }

  /// Returns whether a value can stand in a column as it is.
  package func isShown(_ value: CellValue, in column: Column) -> Bool { column.type.keeps(value) && (column.acceptsNull || !value.isNull) }
}
