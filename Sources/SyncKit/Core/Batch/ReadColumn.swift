internal import Foundation

/// One column of a table as a device sent it, with what is wrong with it.
struct ReadColumn {
  let name: String
  let kind: WireCellKind
  let cells: [CellValue?]
  private let isNamed: Bool
  private let faults: ColumnFaults
  /// One entry a row; empty when all are 0.
  private let generations: [UInt32]
  private let hasWrongGenerations: Bool

  /// - Throws: As `ColumnCoder.decode`.
  init(_ column: WireColumn, rows: Int, inflatedBytes: inout Int) throws {
    isNamed = TableCoder.isName(column.name)
    name = isNamed ? column.name : TableCoder.nearestName(column.name)
    kind = column.kind
    var faults = ColumnFaults()
    cells = try ColumnCoder.decode(column, rows: rows, inflatedBytes: &inflatedBytes, faults: &faults)
    if case .UNRECOGNIZED = kind { faults.all = .newer }
    self.faults = faults
    let generations = Self.generations(of: column, cells: cells)
    self.generations = generations ?? []
    hasWrongGenerations = generations == nil
  }

  /// - Returns: Nil for what are none.
  private static func generations(of column: WireColumn, cells: [CellValue?]) -> [UInt32]? {
    guard !column.generations.isEmpty else { return [] }
    var reader = ByteReader(column.generations)
    let all = try? cells.map { cell -> UInt32 in
      guard cell != nil else { return 0 }
      // One that is too high is told by what it is cut to.
      return UInt32(clamping: try reader.varint())
    }
    return reader.isAtEnd ? all : nil
  }

  /// Appends the cell that a row has of this column, or the parts of it, with what is wrong with them.
  func append(_ sent: CellValue, row: Int, table: String, to target: inout [CellChange], faults found: inout [UnitFault]) {
    func note(_ why: UnitFault.Why) { found.append(UnitFault(why: why, table: table, column: name)) }
    var value = sent
    if !isNamed { note(.name) }
    if let why = faults.why(row) { note(why) }
    if !TableCoder.isValue(value) {
      let nearest = TableCoder.nearestValue(value)
      value = nearest.value
      note(nearest.why)
    }
    if hasWrongGenerations { note(.generation) }
    var generation = generations.isEmpty ? 0 : generations[row]
    if generation > WireLimits.lifeMax {
      note(.generation)
      generation = 0
    }
    if kind == .whole { return target.append(CellChange(name, value, generation: generation)) }
    let packed = CellPacking.Packed(column: name, kind: kind, value: value, generation: generation)
    do throws(CellPacking.Fault) {
      target += try CellPacking.unpack(packed)
    } catch {
      // A column that could not be read holds no parts: that was noted.
      if faults.why(row) == nil { note(error.why) }
      target += error.nearest
    }
  }
}
