internal import Foundation

/// Column of a table as a device sent it, with its faults.
struct ReadColumn {
  let name: String
  let kind: WireCellKind
  let cells: [CellValue?]
  private let isNamed: Bool
  private let faults: ColumnFaults
  /// Generations, one a row; empty when all are 0.
  private let generations: [UInt32]
  private let hasWrongGenerations: Bool

  /// Decodes a column.
  ///
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

  /// Decodes the generations of a column.
  ///
  /// - Returns: Nil when they are invalid.
  private static func generations(of column: WireColumn, cells: [CellValue?]) -> [UInt32]? {
    guard !column.generations.isEmpty else { return [] }
    var reader = ByteReader(column.generations)
    let all = try? cells.map { cell -> UInt32 in
      guard cell != nil else { return 0 }
      // Clamps a generation that is too high; the fault is recorded later.
      return UInt32(clamping: try reader.varint())
    }
    return reader.isAtEnd ? all : nil
  }

  /// Appends the cell that a row has in this column, or its parts, and records their faults.
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
      // Records a fault of the parts only when the column itself was readable: otherwise the column's fault is recorded already.
      if faults.why(row) == nil { note(error.why) }
      target += error.nearest
    }
  }
}
