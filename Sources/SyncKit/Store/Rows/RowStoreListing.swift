package import SyncCore

/// Listings of many rows.
extension RowStore {
  /// Returns rows of one scope by key, tombstones too.
  ///
  /// - Parameter after: Returns only rows with a greater key.
  package func rows(of shape: TableShape, scope: String, after: CellValue?, limit: Int) throws -> [(key: CellValue, state: RowState)] {
    let isAfter = after == nil ? "" : " AND m.key > ?3"
    let arguments: [CellValue] = [.text(scope), .integer(Int64(limit))] + (after.map { [$0] } ?? [])
    return try session.rows(statements(shape).select + " WHERE m.scope = ?1\(isAfter) ORDER BY m.key LIMIT ?2", arguments).map { row in
      (row[0], try stored(row, shape).state)
    }
  }

  /// Returns key, scope, life and digest of each record, in the order of the store.
  ///
  /// - Parameter last: Last record of the call before.
  package func records(of shape: TableShape, after last: [CellValue]?, limit: Int) throws -> [[CellValue]] {
    let (order, place) = shape.order == .byKey ? ("key", "?1") : ("scope, key", "(?2, ?1)")
    return try session.rows(
      """
      SELECT key, scope, life, digest FROM \(quote(shape.metadataTable))
      \(last == nil ? "" : "WHERE (\(order)) > \(place)") ORDER BY \(order) LIMIT \(limit)
      """, last.map { shape.order == .byKey ? [$0[0]] : Array($0[...1]) } ?? [])
  }

  /// Returns keys above `after` up to `through`, each with its row's scope; nil leaves that end open.
  package func keys(of shape: TableShape, after: CellValue?, through: CellValue?) throws -> [(key: CellValue, scope: String)] {
    let bounds = [("key >", after), ("key <=", through)].compactMap { name, key in key.map { (name, $0) } }
    let conditions = bounds.enumerated().map { "\($1.0) ?\($0 + 1)" }.joined(separator: " AND ")
    return try session.rows(
      "SELECT key, scope FROM \(quote(shape.metadataTable))\(bounds.isEmpty ? "" : " WHERE " + conditions)", bounds.map(\.1)
    ).compactMap { row in row[1].text.map { (row[0], $0) } }
  }
}
