internal import SyncCore

/// A change that writes whole cells, each of a column that can show it: laid out by column, without a name a cell.
///
/// A row that nobody had heard of is the bottom of the lattice, and joined with a change it is that change (L5): so such a
/// change is a new row as it stands, with one origin for all its cells. Nearly all rows of a survey arrive like that once,
/// and go in without the dictionary of cells that a merge needs.
struct PlainCells {
  /// By the places of the table's columns; nil where nothing was written.
  var values: [CellValue?]
  /// The columns written, by bit.
  var mask: Int64
}

/// What is worked out once a transaction about the columns of one table.
struct ColumnPlan {
  /// Which values a column takes without further questions.
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
  /// What a digest says before each column's value.
  let digestNames: [[UInt8]]
  let digestOpening: [UInt8]
  /// Where the cells of the change before were: the next one's are nearly always there too.
  private var places: [Int] = []
  /// What was laid out last, and the cells it is made of: a change is judged, and written at once.
  private var last: (cells: [CellChange], plain: PlainCells)?

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

  /// - Returns: Nil when a cell is none of a known column that can show it, or a part of one.
  mutating func layOut(_ cells: [CellChange], _ shape: TableShape) -> PlainCells? {
    // The very same cells, not only equal ones: `last` keeps them, so that no others can lie where they do.
    if let last, !cells.isEmpty,
      last.cells.withUnsafeBufferPointer({ old in cells.withUnsafeBufferPointer { $0.baseAddress == old.baseAddress } }),
      last.cells.count == cells.count
    {
      return last.plain
    }
    var plain = PlainCells(values: Array(repeating: nil, count: columns.count), mask: 0)
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
