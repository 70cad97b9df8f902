internal import SyncCore
internal import SyncStore

/// Judges the references of a change by what its author may read. A row that is in none of the author's scopes counts as missing,
/// so that receipts do not tell whether another scope has it.
struct ReferenceCheck {
  let session: any HubSession
  let rows: RowStore
  let scopes: AuthorScopes

  /// - Parameter stored: The row as it stands, if it does.
  /// - Returns: Nil when every row that the change refers to is known in the author's scopes, or comes with the same unit.
  func hold(
    _ change: RowChange, shape: TableShape, stored: RowState?, in unit: ChangeUnit, by author: UnitCheck.Author
  ) throws -> UnitCheck.Hold? {
    for (column, reference) in shape.declaration.orderedReferences {
      guard let target = target(of: column, reference, change: change, shape: shape, stored: stored) else { continue }
      guard let table = target.table, let named = rows.shape(table), named.declaration.kind == .replicated else {
        return UnitCheck.Hold(reason: .schema, detail: "\(shape.name).\(target.tableColumn ?? column)")
      }
      if unit.changes.contains(where: { $0.table == table && $0.key == target.key && $0.isAlive }) { continue }
      // Limits the engine's own tables to the author's scope: conflicts and decisions concern nobody who only reads the scope.
      let isOwn = [shape.name, table].contains { name in MetadataSchema.ownTables.contains { $0.name == name } }
      let readable = isOwn ? [author.scope] : try scopes.readable(by: author)
      if try rows.isKnown(named, key: target.key, within: readable) { continue }
      if try isTopic(of: change, table: table, key: target.key, scope: author.scope) { continue }
      return UnitCheck.Hold(reason: .parent, detail: UnitCheck.detail(table: table, key: target.key))
    }
    return nil
  }

  private struct Target {
    var table: String?
    /// Column that names the table.
    var tableColumn: String?
    var key: CellValue
  }

  /// Returns the row that a column refers to once the change is merged; nil when the change keeps the reference, or the value is
  /// NULL.
  private func target(
    of column: String, _ reference: Reference, change: RowChange, shape: TableShape, stored: RowState?
  ) -> Target? {
    func written(_ column: String) -> CellValue? { change.cells.first { $0.column == column && $0.name.part == .whole }?.value }
    switch reference {
    case .blob: return nil
    case .row(let table):
      guard let key = written(column), !key.isNull else { return nil }
      return Target(table: table, key: key)
    case .rowNamed(let tableColumn):
      guard written(column) != nil || written(tableColumn) != nil else { return nil }
      func value(_ column: String) -> CellValue {
        let standing = stored.flatMap { $0.life == change.life ? $0.cells[CellName(column)]?.value : nil }
        return written(column) ?? standing ?? shape.column(named: column)?.defaultValue ?? .null
      }
      let key = value(column)
      return key.isNull ? nil : Target(table: value(tableColumn).text, tableColumn: tableColumn, key: key)
    }
  }

  /// Returns whether a row is the subject of the conflict that a decision settles. The row may be missing, because it may have been
  /// declined.
  private func isTopic(of change: RowChange, table: String, key: CellValue, scope: String) throws -> Bool {
    guard change.table == MetadataSchema.decisionTable.name, let conflict = change.cells.first(where: { $0.column == "conflict" })?.value
    else { return false }
    return try session.firstRow(
      "SELECT 1 FROM sync_conflict WHERE id = ?1 AND scope = ?2 AND tbl = ?3 AND row_key = ?4",
      [conflict, .text(scope), .text(table), key]) != nil
  }
}

/// Scopes that each author of one transaction may read, by its certificate.
final class AuthorScopes {
  private let session: any HubSession
  private var known: [ReplicaID: [String]] = [:]

  init(session: any HubSession) { self.session = session }

  func readable(by author: UnitCheck.Author) throws -> [String] {
    let reader = author.reader ?? author.replica
    if let scopes = known[reader] { return [author.scope] + scopes }
    let scopes = try HubDevice.all(in: session, where: "replica = ?1", [.blob(reader.bytes)]).first?.readScopes ?? []
    known[reader] = scopes
    return [author.scope] + scopes
  }
}
