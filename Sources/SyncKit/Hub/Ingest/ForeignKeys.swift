internal import SyncCore
internal import SyncStore

/// Row whose key belongs to another scope by its table's key rule. The row came before the hub checked keys.
public struct ForeignKey: Sendable, Hashable {
  public var table: String
  public var key: CellValue
  /// Scope of the row.
  public var scope: String

  /// Rows listed, and freed, at once.
  public static let listedMax = 1000
}

extension Hub {
  /// Returns the rows whose keys belong to other scopes, by the key rules of their tables.
  public func foreignKeys() async throws -> [ForeignKey] {
    let shapes = store.tables.byName.values
    return try await store.read { try ForeignKey.all(of: shapes, in: $0) }
  }

  /// Frees every such key in one step: deletes the row, keeps its last image at the hub, and retries the held units of the key's
  /// owner.
  ///
  /// - Returns: The deleted rows, and how many held units were merged.
  public func freeKeys(by who: String, because reason: String) async throws -> (freed: [ForeignKey], merged: Int) {
    let (shapes, nowMs) = (store.tables.byName, clock.nowMs())
    return try await writeHeld { work in
      let session = work.transaction.session
      let found = try ForeignKey.all(of: shapes.values, in: session)
      for row in found {
        guard let shape = shapes[row.table], let image = try RowImage(shape, key: row.key, in: session) else { continue }
        try DeletedRows(session: session).keep(image, table: row.table, key: row.key, scope: row.scope)
        try session.execute("DELETE FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [row.key])
        try Self.record("freed", of: row.table, key: row.key, scope: row.scope, who, reason, nowMs, in: session)
      }
      try work.transaction.writer.seal()
      return (found, try work.retry(where: "h.reason = 'scope'"))
    }
  }
}

extension ForeignKey {
  fileprivate static func all(of shapes: some Sequence<TableShape>, in session: any HubSession) throws -> [ForeignKey] {
    var found: [ForeignKey] = []
    for shape in shapes.sorted(by: { $0.name < $1.name }) {
      let (key, scope) = (quote(shape.keyColumn), quote(shape.declaration.scopeColumn))
      guard shape.declaration.kind == .replicated, let isNamed = shape.declaration.keyRule.namesSQL(key: key, scope: scope) else {
        continue
      }
      found += try session.rows(
        "SELECT \(key), \(scope) FROM \(quote(shape.name)) WHERE NOT (\(isNamed)) ORDER BY \(key) LIMIT \(listedMax)"
      ).compactMap { row in row[1].text.map { ForeignKey(table: shape.name, key: row[0], scope: $0) } }
    }
    return Array(found.prefix(listedMax))
  }
}
