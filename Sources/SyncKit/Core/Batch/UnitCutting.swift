/// Divides units, and lists of units, so that each part fits into one batch. Pure.
package enum UnitCutting {
  /// Uncompressed bytes of values in one unit or batch, above which it is divided. A batch then stays below
  /// `WireLimits.batchBytesMax` even when nothing can be compressed.
  package static let rawBytesMax = 4 << 20
  /// Rows in one batch, unless one unit has more. A hub merges a batch in one transaction, for which every other writer waits. The
  /// hub merges as many rows of several batches together.
  package static let batchRowsMax = 500

  /// Divides a unit too large for one batch, between rows where possible. The parts are merged one by one, in order: only here is a
  /// transaction not merged whole.
  package static func cut(_ unit: ChangeUnit) -> [ChangeUnit] {
    let isSmall = unit.changes.count <= WireLimits.rowsMax && unit.changes.allSatisfy { $0.cells.count <= WireLimits.partsPerCellMax }
    if isSmall && unit.approximateBytes <= rawBytesMax { return unit.changes.isEmpty ? [] : [unit] }
    var parts: [ChangeUnit] = []
    var changes: [RowChange] = []
    var size = 0
    func close() {
      if !changes.isEmpty { parts.append(ChangeUnit(stamp: unit.stamp, changes: changes)) }
      (changes, size) = ([], 0)
    }
    for change in unit.changes {
      // Begins another part at the limit of rows: transactions joined by one row may have more rows together than a batch.
      if size + change.approximateBytes > rawBytesMax || changes.count == WireLimits.rowsMax { close() }
      var rest = RowChange(table: change.table, key: change.key, life: change.life, cells: [])
      for cell in change.cells {
        if rest.approximateBytes + cell.approximateBytes > rawBytesMax && !rest.cells.isEmpty {
          changes.append(rest)
          close()
          rest.cells = []
        }
        // Continues a cell with too many parts in another change of the same unit.
        if case .increment = cell.name.part, rest.cells.count >= WireLimits.partsPerCellMax {
          changes.append(rest)
          rest.cells = []
        }
        rest.cells.append(cell)
      }
      changes.append(rest)
      size += rest.approximateBytes
    }
    close()
    return parts
  }

  /// Divides the units of one scope into batches within every bound.
  package static func batches(of units: [ChangeUnit]) -> [[ChangeUnit]] {
    var batches: [[ChangeUnit]] = []
    var current: [ChangeUnit] = []
    var (bytes, rows) = (0, 0)
    for unit in units {
      let size = unit.approximateBytes
      let isFull = current.count >= WireLimits.unitsMax || rows + unit.changes.count > batchRowsMax || bytes + size > rawBytesMax
      if isFull && !current.isEmpty {
        batches.append(current)
        (current, bytes, rows) = ([], 0, 0)
      }
      current.append(unit)
      bytes += size
      rows += unit.changes.count
    }
    if !current.isEmpty { batches.append(current) }
    return batches
  }
}

extension CellValue {
  /// Upper bound of the value's bytes on the wire, its length included.
  package var approximateBytes: Int {
    switch self {
    case .null: 1
    case .integer, .real: 11
    case .text(let text): text.utf8.count + 6
    case .blob(let bytes): bytes.count + 6
    }
  }
}

extension ChangeUnit {
  package var approximateBytes: Int { changes.reduce(0) { $0 + $1.approximateBytes } }
}

extension RowChange {
  package var approximateBytes: Int { cells.reduce(key.approximateBytes + 12) { $0 + $1.approximateBytes } }
}

extension CellChange {
  /// Upper bound of the cell's bytes on the wire.
  package var approximateBytes: Int {
    switch name.part {
    case .whole: value.approximateBytes
    case .member(let name): value.approximateBytes + name.utf8.count * 2 + 6
    case .increment: 20
    }
  }
}
