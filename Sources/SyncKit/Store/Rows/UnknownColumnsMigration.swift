package import SyncCore

/// Shows hidden cells once this program knows their tables and columns: at open, in one transaction. The rows' states and digests
/// stay the same; only the cells' storage changes.
package struct UnknownColumnsMigration {
  package let rows: RowStore
  /// Runs its body with capture off.
  package let quietly: (() throws -> Void) throws -> Void

  package init(rows: RowStore, quietly: @escaping (() throws -> Void) throws -> Void) {
    self.rows = rows
    self.quietly = quietly
  }

  /// Rows held in memory at a time.
  private static let rowsPerPiece = 1000

  /// Row of which cells became visible.
  package struct Shown {
    package var shape: TableShape
    package var key: CellValue
    package var stored: RowStore.Stored
    /// Cells that were hidden before.
    package var cells: [CellName]
  }

  /// Shows the cells.
  ///
  /// - Parameter follow: Called for each row.
  /// - Complexity: O(rows with hidden cells); nothing when there are none.
  package func apply(_ follow: (Shown) throws -> Void = { _ in }) throws {
    for table in try rows.aside.tables {
      guard let shape = rows.shape(table) else { continue }
      let columns = Set(try rows.aside.columns(of: table).filter { shape.column(named: $0) != nil })
      let isNewTable = try rows.aside.isUnknown(table)
      guard isNewTable || !columns.isEmpty else { continue }
      var after: CellValue?
      repeat {
        let keys = try rows.aside.keys(of: table, after: after, limit: Self.rowsPerPiece)
        for key in keys {
          guard let stored = try rows.load(shape, key: key, in: nil) else { continue }
          var shown = Shown(shape: shape, key: key, stored: stored, cells: [])
          try quietly { shown.cells = try rows.show(stored, columns: columns, shape: shape, key: key, isNewTable: isNewTable) }
          if !shown.cells.isEmpty { try follow(shown) }
        }
        after = keys.last
      } while after != nil
      for column in columns where try rows.aside.isEmpty(column, of: table) { try rows.aside.forget(column, in: table) }
      if isNewTable { try rows.aside.forget("", in: table) }
    }
    try rows.flush()
  }
}
