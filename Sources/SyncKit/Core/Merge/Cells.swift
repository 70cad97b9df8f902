/// Written cells of one row, by name, in the byte order of their names. Digests and listings use the same order.
///
/// A row has a few dozen cells at most, usually read in this order: reading, comparing and copying an array takes a fraction of the
/// time of a dictionary.
///
/// - Complexity: finding a name takes O(log n) comparisons; a cell inserted anywhere but at the end moves those after it.
package struct Cells: Sendable, RandomAccessCollection, ExpressibleByDictionaryLiteral {
  package typealias Element = (key: CellName, value: Cell)

  private var elements: [Element] = []

  package init() {}

  package init(dictionaryLiteral elements: (CellName, Cell)...) {
    for (name, cell) in elements { self[name] = cell }
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { elements.count }
  package subscript(position: Int) -> Element { elements[position] }

  package var keys: some RandomAccessCollection<CellName> { elements.lazy.map(\.key) }
  package var values: some RandomAccessCollection<Cell> { elements.lazy.map(\.value) }

  package mutating func reserveCapacity(_ count: Int) { elements.reserveCapacity(count) }

  /// Appends a cell.
  ///
  /// - Precondition: Its name follows all others, in the order of names.
  package mutating func append(_ name: CellName, _ cell: Cell) {
    assert(elements.last.map { $0.key < name } ?? true)
    elements.append((name, cell))
  }

  package subscript(name: CellName) -> Cell? {
    get {
      let place = place(of: name)
      return isAt(place, name) ? elements[place].value : nil
    }
    set {
      // Checks the end first: cells usually come in order.
      let place = elements.last.map { $0.key < name } ?? true ? elements.count : place(of: name)
      switch (isAt(place, name), newValue) {
      case (true, let cell?): elements[place].value = cell
      case (true, nil): elements.remove(at: place)
      case (false, let cell?): elements.insert((name, cell), at: place)
      case (false, nil): break
      }
    }
  }

  package func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> Cells {
    var cells = Cells()
    cells.elements = try elements.filter(isIncluded)
    return cells
  }

  private func isAt(_ place: Int, _ name: CellName) -> Bool { place < elements.count && elements[place].key == name }

  /// Returns the index of a name, or the index at which to insert it.
  private func place(of name: CellName) -> Int {
    var (low, high) = (0, elements.count)
    while low < high {
      let middle = (low + high) / 2
      if elements[middle].key < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Cells: Hashable {
  package static func == (a: Cells, b: Cells) -> Bool { a.elements.elementsEqual(b.elements) { $0.key == $1.key && $0.value == $1.value } }

  package func hash(into hasher: inout Hasher) {
    for (name, cell) in elements {
      hasher.combine(name)
      hasher.combine(cell)
    }
  }
}

extension CellName: Comparable {
  /// Orders names as every client can: by the bytes of the column, then whole cells, members by bytes, increments by number.
  public static func < (a: CellName, b: CellName) -> Bool {
    if a.column != b.column { return a.column.precedesByBytes(b.column) }
    return switch (a.part, b.part) {
    case (.member(let a), .member(let b)): a.precedesByBytes(b)
    case (.increment(let a), .increment(let b)): a < b
    case (.whole, .member), (.whole, .increment), (.member, .increment): true
    default: false
    }
  }
}
