internal import Foundation
internal import SyncCore

/// Metadata record of one row: its life, the origin of most of its cells, the columns whose cells have that origin, and the
/// differing origins, packed.
///
/// Each packed entry begins with a byte. 255: the life's origin. A column's number: its cell's origin. 64 + the number: a part of a
/// column's cell. 128 + the number: a cell of a generation above 0.
struct RowMetadata {
  var life: UInt32
  var main: Origin
  /// Mask of columns whose cell has the main origin; for a column with parts: which has any.
  var mask: Int64
  var split: Data

  private static let lifeEntry: UInt8 = 255
  private static let partEntry: UInt8 = 64
  private static let generationEntry: UInt8 = 128
  private static let isRemoved: UInt8 = 1
  private static let hasMainOrigin: UInt8 = 2

  // MARK: Write

  /// Packs a state.
  ///
  /// - Parameter number: Returns a replica's number in this store.
  /// - Returns: Nil for a row never heard of.
  init?(_ state: RowState, shape: TableShape, number: (ReplicaID) throws -> Int64) throws {
    guard let main = Self.commonest(state) else { return nil }
    life = state.life
    self.main = main
    mask = 0
    split = Data()
    func append(_ origin: Origin) throws {
      split.appendVarint(origin.version.timestamp.rawValue)
      split.appendVarint(UInt64(try number(origin.version.replica)))
      split.appendVarint(origin.position)
    }
    if let lifeOrigin = state.lifeOrigin, lifeOrigin != main {
      split.append(Self.lifeEntry)
      try append(lifeOrigin)
    }
    let places = Self.places(of: state.cells, in: shape)
    for (column, own) in zip(shape.columns, places) where !own.isEmpty {
      let id = UInt8(truncatingIfNeeded: column.id)
      var parts = state.cells[own]
      if let (name, cell) = parts.first, name.part == .whole {
        parts = parts.dropFirst()
        if cell.generation > 0 {
          split.append(Self.generationEntry + id)
          split.appendVarint(UInt64(cell.generation))
          try append(cell.origin)
        } else if cell.origin == main {
          mask |= 1 << Int64(column.id)
        } else {
          split.append(id)
          try append(cell.origin)
        }
      }
      if parts.isEmpty { continue }
      mask |= 1 << Int64(column.id)
      for (name, cell) in parts {
        var flags: UInt8 = cell.origin == main ? Self.hasMainOrigin : 0
        switch name.part {
        case .whole: continue
        case .member(let name):
          // Skips members that are in the object and have the row's main origin.
          if flags != 0 && !cell.value.isNull { continue }
          if cell.value.isNull { flags |= Self.isRemoved }
          split.append(Self.partEntry + id)
          split.append(flags)
          split.appendVarint(UInt64(name.utf8.count))
          split.append(contentsOf: name.utf8)
        case .increment(let increment):
          split.append(Self.partEntry + id)
          split.append(flags)
          split.append(fixed64: increment)
          split.appendZigzag(cell.value.integer ?? 0)
        }
        if flags & Self.hasMainOrigin == 0 { try append(cell.origin) }
      }
    }
  }

  /// Returns the range of a row's cells for each column, by index of the column.
  private static func places(of cells: Cells, in shape: TableShape) -> [Range<Int>] {
    var places = [Range<Int>](repeating: 0..<0, count: shape.columns.count)
    var (known, first) = (shape.placesByName[...], 0)
    while first < cells.count {
      let column = cells[first].key.column
      let end = cells[first...].firstIndex { $0.key.column != column } ?? cells.count
      // Tries the next column first: usually it is the right one, and comparing for equality is cheaper than ordering.
      if known.first.map({ shape.columns[$0].name }) != column { known = known.drop { shape.columns[$0].name.precedesByBytes(column) } }
      if let place = known.first, shape.columns[place].name == column { places[place] = first..<end }
      first = end
    }
    return places
  }

  /// Returns the origin that most written cells share, the later of two equals: it is stored once for the row.
  private static func commonest(_ state: RowState) -> Origin? {
    // Counts in an array: a row has few origins, usually one or two.
    var counts: [(origin: Origin, cells: Int)] = []
    for cell in state.cells.values {
      if let known = counts.firstIndex(where: { $0.origin == cell.origin }) {
        counts[known].cells += 1
      } else {
        counts.append((cell.origin, 1))
      }
    }
    return counts.max { a, b in
      a.cells == b.cells ? a.origin.version < b.origin.version : a.cells < b.cells
    }?.origin ?? state.lifeOrigin
  }

  // MARK: Read

  init(life: UInt32, main: Origin, mask: Int64, split: Data) {
    self.life = life
    self.main = main
    self.mask = mask
    self.split = split
  }

  /// Returns the row's state, given the values of its columns in order.
  func state(_ shape: TableShape, values: ArraySlice<CellValue>, replica: @escaping (Int64) throws -> ReplicaID) throws -> RowState {
    var state = RowState(life: life, lifeOrigin: main)
    guard values.count == shape.columns.count else { throw ByteReader.short }
    state.cells.reserveCapacity(values.count)
    for place in shape.placesByName where mask >> Int64(shape.columns[place].id) & 1 == 1 {
      let value = values[values.startIndex + place]
      switch shape.columnPolicies[place] {
      case .perKey:
        for (member, json) in CellParts.members(of: value) ?? [:] {
          state.cells[CellName(shape.columns[place].name, .member(member))] = Cell(origin: main, value: json)
        }
      case .counter: break
      default: state.cells.append(shape.cellNames[place], Cell(origin: main, value: value))
      }
    }
    var reader = EntryReader(bytes: ByteReader(split), replica: replica)
    func column(_ id: UInt8) -> (TableShape.Column, CellValue)? {
      zip(shape.columns, values).first { $0.0.id == Int(id) }
    }
    while !reader.bytes.isAtEnd {
      let entry = try reader.bytes.byte()
      switch entry {
      case Self.lifeEntry: state.lifeOrigin = try reader.origin()
      case Self.generationEntry...:
        let generation = UInt32(clamping: try reader.bytes.varint())
        let from = try reader.origin()
        if let (column, value) = column(entry - Self.generationEntry) {
          state.cells[CellName(column.name)] = Cell(origin: from, value: value, generation: generation)
        }
      case Self.partEntry...:
        try readPart(of: column(entry - Self.partEntry)?.0, shape, &reader, into: &state)
      default:
        let from = try reader.origin()
        if let (column, value) = column(entry) { state.cells[CellName(column.name)] = Cell(origin: from, value: value) }
      }
    }
    return state
  }

  private struct EntryReader {
    var bytes: ByteReader
    var replica: (Int64) throws -> ReplicaID

    mutating func origin() throws -> Origin {
      let stamp = HybridTimestamp(rawValue: try bytes.varint())
      return Origin(version: Version(stamp, try replica(Int64(clamping: try bytes.varint()))), position: try bytes.varint())
    }
  }

  private func readPart(
    of column: TableShape.Column?, _ shape: TableShape, _ reader: inout EntryReader, into state: inout RowState
  ) throws {
    let flags = try reader.bytes.byte()
    guard let column else { throw ByteReader.short }
    if shape.policy(of: column) == .counter {
      let id = try reader.bytes.fixed64()
      let amount = try reader.bytes.zigzag()
      let from = flags & Self.hasMainOrigin == 0 ? try reader.origin() : main
      state.cells[CellName(column.name, .increment(id))] = Cell(origin: from, value: .integer(amount))
    } else {
      let name = CellName(column.name, .member(try reader.bytes.text(try reader.bytes.varint())))
      let from = flags & Self.hasMainOrigin == 0 ? try reader.origin() : main
      let value = flags & Self.isRemoved == 0 ? state.cells[name]?.value ?? .null : .null
      state.cells[name] = Cell(origin: from, value: value)
    }
  }
}
