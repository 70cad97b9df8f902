internal import Foundation

/// A change that writes cells of the table's columns as they are, each cell whole: laid out by column, without a name a cell.
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
  /// Places of the columns in the byte order of their names, in which a digest takes them.
  let digestOrder: [Int]
  /// What a digest says before each column's value.
  let digestNames: [[UInt8]]
  /// Where the cells of the change before were: the next one's are nearly always there too.
  private var places: [Int] = []

  init(_ shape: TableShape) {
    digestOrder = shape.columns.indices.sorted { shape.columns[$0].name.utf8.lexicographicallyPrecedes(shape.columns[$1].name.utf8) }
    digestNames = shape.columns.map { RowDigest.frame(CellName($0.name)) }
  }

  /// - Returns: Nil when a cell is none of a known column that can show it, or a part of one.
  mutating func layOut(_ cells: [CellChange], _ shape: TableShape) -> PlainCells? {
    var plain = PlainCells(values: Array(repeating: nil, count: shape.columns.count), mask: 0)
    for (index, cell) in cells.enumerated() {
      let known = index < places.count && shape.columns[places[index]].name == cell.column ? places[index] : shape.place(of: cell.column)
      guard let place = known, shape.accepts(cell, at: place), cell.name.part == .whole, cell.generation == 0 else { return nil }
      if index < places.count { places[index] = place } else { places.append(place) }
      plain.values[place] = cell.value
      plain.mask |= 1 << Int64(shape.columns[place].id)
    }
    return plain
  }
}
