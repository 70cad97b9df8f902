internal import Foundation
internal import SyncCore
internal import SyncStore

/// Constraints between rows: soft keys, which only one row should have, and references. Checked at the hub only, after a row is
/// merged.
struct ReferenceRules {
  let session: any HubSession
  let rows: RowStore
  let conflicts: ConflictWriter
  let scope: String

  func follow(_ change: RowChange, shape: TableShape, wasAlive: Bool, isAlive: Bool, incoming: IncomingChange) throws {
    if !shape.declaration.softKeys.isEmpty { try followSoftKeys(change, shape: shape, isAlive: isAlive) }
    if isAlive && !shape.declaration.references.isEmpty { try followParents(change, shape: shape, incoming: incoming) }
    // Skips rows in their first life: no row refers to a deleted row that never lived before.
    if wasAlive != isAlive && change.life > 1 { try followChildren(of: change, isAlive: isAlive, incoming: incoming) }
  }

  // MARK: Soft keys

  /// Updates which rows have which soft key, compared in NFC, and the one conflict of each value that several rows have.
  private func followSoftKeys(_ change: RowChange, shape: TableShape, isAlive: Bool) throws {
    // Treats a birth, which always carries its scope cell, like a deletion first: values of the earlier life are gone.
    let isWhole = !isAlive || change.cells.contains { $0.column == shape.declaration.scopeColumn }
    for column in shape.declaration.softKeys where isWhole || change.cells.contains(where: { $0.column == column }) {
      let place: [CellValue] = [.text(scope), .text(shape.name), .text(column)]
      let old = try session.firstRow(
        "SELECT value FROM hub_soft_key WHERE scope = ?1 AND tbl = ?2 AND col = ?3 AND key = ?4", place + [change.key])?[0].text
      let row =
        isAlive
        ? try session.firstRow(
          "SELECT \(quote(column)) FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [change.key]) : nil
      let new = row?[0].text?.nfc
      if old == new && old?.utf8.count == new?.utf8.count { continue }
      try session.execute("DELETE FROM hub_soft_key WHERE scope = ?1 AND tbl = ?2 AND col = ?3 AND key = ?4", place + [change.key])
      if let new {
        try session.execute(
          "INSERT INTO hub_soft_key (scope, tbl, col, key, value) VALUES (?1, ?2, ?3, ?4, ?5)", place + [change.key, .text(new)])
      }
      for value in [old, new].compactMap({ $0 }) {
        let sharing = try session.rows(
          "SELECT key FROM hub_soft_key WHERE scope = ?1 AND tbl = ?2 AND col = ?3 AND value = ?4", place + [.text(value)]
        ).map { $0[0] }
        try conflicts.recordDuplicate(table: shape.name, column: column, value: value, keys: sharing, scope: scope)
      }
    }
  }

  // MARK: References

  /// Opens a conflict when a row now refers to a deleted row. The row itself stays.
  private func followParents(_ change: RowChange, shape: TableShape, incoming: IncomingChange) throws {
    for reference in rows.references(of: shape.name) {
      let name = CellName(reference.column)
      guard let cell = change.cells.first(where: { $0.name == name }), !cell.value.isNull,
        let standing = try rows.load(shape, key: change.key, in: scope)?.state,
        // Skips a reference that lost to another value.
        standing.cells[name]?.origin.version == incoming.origin.version,
        let table = reference.table ?? reference.tableColumn.flatMap({ standing.cells[CellName($0)]?.value.text }),
        let parent = rows.shape(table), let stored = try rows.load(parent, key: cell.value, in: scope), !stored.state.isAlive
      else { continue }
      try conflicts.recordOrphan(
        child: change, column: reference.column, parent: cell.value, version: incoming.origin, deleted: stored.state.lifeOrigin,
        scope: scope)
    }
  }

  /// Opens or closes conflicts of the rows that refer to this one, when it was deleted or inserted again.
  private func followChildren(of change: RowChange, isAlive: Bool, incoming: IncomingChange) throws {
    for reference in rows.references(to: change.table) {
      let (shape, column) = (reference.shape, reference.column)
      let isNamed = reference.tableColumn.map { " AND \(quote($0)) = ?2" } ?? ""
      let children = try session.rows(
        "SELECT \(quote(shape.keyColumn)) FROM \(quote(shape.name)) WHERE \(quote(column)) = ?1\(isNamed)",
        [change.key] + (isNamed.isEmpty ? [] : [.text(change.table)]))
      for child in children {
        guard let stored = try rows.load(shape, key: child[0], in: scope), let cell = stored.state.cells[CellName(column)] else { continue }
        let row = RowChange(table: shape.name, key: child[0], life: stored.state.life, cells: [])
        if isAlive {
          try conflicts.closeOrphan(child: row, column: column, version: cell.origin.version)
        } else if !incoming.hasSeen(cell.origin) {
          try conflicts.recordOrphan(
            child: row, column: column, parent: change.key, version: cell.origin, deleted: incoming.origin, scope: stored.scope)
        }
      }
    }
  }
}
