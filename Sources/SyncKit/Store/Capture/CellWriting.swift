internal import Foundation
internal import SyncCore

/// Computes which cells of a row a unit writes, from the capture log's entries and the row as it stands. Pure.
struct CellWriting {
  var row: PendingRow
  var shape: TableShape
  /// State of the row before this unit.
  var before: RowState
  /// True when the unit leaves the row in its life; false when it begins one.
  var isSameLife: Bool

  /// Adds the cells of one column.
  ///
  /// - Parameter place: Index of the column in the shape.
  func appendCells(at place: Int, value: CellValue, to cells: inout [CellChange]) {
    switch shape.columnPolicies[place] {
    case .perKey: cells += members(of: shape.columns[place], value: value)
    case .counter: cells += increments(of: shape.columns[place], value: value)
    default: if let cell = whole(shape.columns[place], value: value) { cells.append(cell) }
    }
  }

  private func isWritten(_ column: TableShape.Column) -> Bool {
    // Treats an insert as a write of every column: REPLACE over a living row logs an insert.
    row.wasInserted || row.mask >> Int64(column.id) & 1 == 1
  }

  private func whole(_ column: TableShape.Column, value: CellValue) -> CellChange? {
    guard isSameLife ? isWritten(column) : column.defaultValue != value else { return nil }
    // Keeps the generation that an ordinary write found; with a lower one the overwritten value would win.
    let standing = isSameLife ? before.cells[CellName(column.name)]?.generation ?? 0 : 0
    let isResolved = row.resolvedMask >> Int64(column.id) & 1 == 1 && shape.policy(of: column).compare(value, value) != nil
    return CellChange(column.name, value, generation: isResolved ? standing + 1 : standing)
  }

  private func members(of column: TableShape.Column, value: CellValue) -> [CellChange] {
    let members = CellParts.members(of: value) ?? [:]
    guard isSameLife else {
      return members.sorted { $0.key < $1.key }.map { CellChange(column.name, $1, part: .member($0)) }
    }
    return (row.extra.members[column.id] ?? []).sorted { ($0.name ?? "") < ($1.name ?? "") }.map { part in
      CellChange(column.name, part.name.flatMap { members[$0] } ?? .null, part: part)
    }
  }

  private func increments(of column: TableShape.Column, value: CellValue) -> [CellChange] {
    let captured = row.extra.increments[column.id] ?? []
    var changes = captured.map { CellChange(column.name, .integer($0.amount), part: .increment($0.id)) }
    guard before.life == 0 else { return changes }
    // Counts a value from before the table was replicated as one increment, the same on every copy of the file.
    let shown = CellParts.sum([column.defaultValue?.integer ?? 0] + captured.map(\.amount))
    let rest = (value.integer ?? 0).subtractingReportingOverflow(shown)
    if rest.partialValue != 0 && !rest.overflow && rest.partialValue.magnitude <= WireLimits.incrementMax.magnitude {
      changes.append(CellChange(column.name, .integer(rest.partialValue), part: .increment(firstID(column))))
    }
    return changes
  }

  private func firstID(_ column: TableShape.Column) -> UInt64 {
    var data = Data("synckit/increment/1\0\(shape.name)\0\(column.name)\0".utf8)
    row.key.append(to: &data)
    return data.sha256.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
