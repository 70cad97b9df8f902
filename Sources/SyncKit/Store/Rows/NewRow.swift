internal import SyncCore

/// Change that writes only whole cells, each of a column that can show it. Its values are laid out by column, without a name for
/// each cell.
///
/// For a row that nobody had heard of, such a change is the new row itself, with one origin for all cells: joining with an unknown
/// row gives the change (L5). Nearly all rows of a survey arrive like that once, and go in without the dictionary of cells that a
/// merge needs.
struct NewRow {
  /// Values by index of the table's columns; nil for columns that were not written.
  var values: [CellValue?]
  /// Written columns, by bit.
  var mask: Int64
}

/// Plan of one table's columns, computed once a transaction.
struct ColumnPlan {
  /// Kinds of values that a column accepts without further checks.
  private enum Taking {
    case integers, texts, others
  }

  private struct Column {
    var name: String
    var bit: Int64
    var taking: Taking
  }

  private let columns: [Column]
  let placesByName: [Int]
  /// Bytes that a digest has before each column's value.
  let digestNames: [[UInt8]]
  let digestOpening: [UInt8]
  /// Indexes of the last change's cells: the next change usually has the same columns.
  private var places: [Int] = []
  /// Last laid out change and its cells: a change is judged first, and written right after.
  private var last: (cells: [CellChange], plain: NewRow)?

  init(_ shape: TableShape) {
    columns = zip(shape.columns, shape.columnPolicies).map { column, policy in
      let isPlain = (policy == .lastWriterWins || policy == .review) && column.type.only == nil
      let taking: Taking =
        switch column.type.affinity {
        case .text where isPlain: .texts
        case .numeric where isPlain: .integers
        default: .others
        }
      return Column(name: column.name, bit: 1 << Int64(column.id), taking: taking)
    }
    placesByName = shape.placesByName
    digestOpening = RowDigest.opening(shape.name)
    digestNames = shape.cellNames.map { name in
      var bytes: [UInt8] = []
      RowDigest.append(name, to: &bytes)
      return bytes
    }
  }

  /// Lays a change out by column.
  ///
  /// - Returns: Nil when a cell is of an unknown column, cannot be shown, or is only a part.
  mutating func layOut(_ cells: [CellChange], _ shape: TableShape) -> NewRow? {
    // Compares addresses, not values: `last` retains its cells, so no other cells can have their address.
    if let last, !cells.isEmpty,
      last.cells.withUnsafeBufferPointer({ old in cells.withUnsafeBufferPointer { $0.baseAddress == old.baseAddress } }),
      last.cells.count == cells.count
    {
      return last.plain
    }
    var plain = NewRow(values: Array(repeating: nil, count: columns.count), mask: 0)
    for (index, cell) in cells.enumerated() {
      let known = index < places.count && columns[places[index]].name == cell.column ? places[index] : shape.place(of: cell.column)
      guard let place = known, takes(cell, at: place, shape) else { return nil }
      if index < places.count { places[index] = place } else { places.append(place) }
      plain.values[place] = cell.value
      plain.mask |= columns[place].bit
    }
    last = (cells, plain)
    return plain
  }

  private func takes(_ cell: CellChange, at place: Int, _ shape: TableShape) -> Bool {
    guard case .whole = cell.name.part, cell.generation == 0 else { return false }
    return switch (columns[place].taking, cell.value) {
    case (.integers, .integer), (.texts, .text): true
    default: shape.accepts(cell, at: place)
    }
  }
}
