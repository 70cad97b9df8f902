package import SyncCore

/// Shows what was kept aside, once this program knows the tables and columns it belongs to: at open, in one transaction. The
/// rows' states and digests stay as they are; only where their cells lie changes.
package struct AsideUpgrade {
  package let rows: RowStore
  /// Runs its body with capture off.
  package let quietly: (() throws -> Void) throws -> Void

  package init(rows: RowStore, quietly: @escaping (() throws -> Void) throws -> Void) {
    self.rows = rows
    self.quietly = quietly
  }

  /// Rows held in memory at a time.
  private static let rowsPerPiece = 1000

  /// A row of which something is shown now.
  package struct Shown {
    package var shape: TableShape
    package var key: CellValue
    package var stored: RowStore.Stored
    /// What was aside before.
    package var cells: [CellName]
  }

  /// - Parameter follow: Told of each row.
  /// - Complexity: O(rows with something aside); nothing when there is none.
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
