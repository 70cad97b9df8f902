internal import Foundation
package import SyncCore

/// References from rows to blobs, by the declarations of the rows' tables. Belongs to one transaction.
package struct BlobReferences {
  let session: any SQLSession
  let columns: [Column]

  /// Column that holds names of blobs.
  package struct Column {
    var shape: TableShape
    var name: String

    package var table: String { quote(shape.name) }
    package var scope: String { quote(shape.declaration.scopeColumn) }
    package var id: String { quote(name) }
  }

  package init(session: any SQLSession, shapes: some Sequence<TableShape>) {
    self.session = session
    columns = Self.columns(of: shapes)
  }

  package static func columns(of shapes: some Sequence<TableShape>) -> [Column] {
    shapes.flatMap { shape in shape.declaration.blobs.map { Column(shape: shape, name: $0) } }.sorted {
      ($0.shape.name, $0.name) < ($1.shape.name, $1.name)
    }
  }

  /// Returns the statements for covering indexes (scope, blob id), so that a scope's references are found without its rows.
  package static func indexes(of shapes: some Sequence<TableShape>) -> [String] {
    columns(of: shapes).map { column in
      "CREATE INDEX IF NOT EXISTS \(quote("sync_blob_\(column.shape.name)_\(column.name)")) ON \(column.table) (\(column.scope), \(column.id))"
    }
  }

  /// Returns whether a living row of one of the scopes refers to a blob.
  package func refers(to id: BlobID, scopes: [String]) throws -> Bool {
    let places = scopes.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
    return try columns.contains { column in
      try session.firstRow(
        "SELECT 1 FROM \(column.table) WHERE \(column.scope) IN (\(places)) AND \(column.id) = ?1 LIMIT 1",
        [.text(id.hex)] + scopes.map { .text($0) }) != nil
    }
  }

  /// Returns the first of the scopes that has a living row which refers to a blob, and whose devices have sent the blob. For hubs.
  ///
  /// - Parameter isBrought: Returns what the blobs' files tell, when the store does not know.
  package func giver(of id: BlobID, among scopes: [String], isBrought: (_ scope: String) -> Bool) throws -> String? {
    try scopes.first { scope in
      guard try refers(to: id, scopes: [scope]) else { return false }
      let noted = try session.firstRow("SELECT 1 FROM hub_blob_scope WHERE scope = ?1 AND blob = ?2", [.text(scope), .text(id.hex)])
      return noted != nil || isBrought(scope)
    }
  }

  /// Returns blobs that rows refer to and that fulfil `condition`, in the order of their names.
  ///
  /// - Parameter condition: SQL on `scope` and `id`; `?2` and later placeholders are `arguments`.
  package func referred(after: BlobID?, limit: Int, where condition: String, _ arguments: [CellValue] = []) throws -> [BlobID] {
    guard !columns.isEmpty else { return [] }
    let union = columns.map { "SELECT \($0.scope) AS scope, \($0.id) AS id FROM \($0.table)" }.joined(separator: " UNION ALL ")
    return try session.rows(
      """
      SELECT DISTINCT id FROM (\(union)) AS referred WHERE length(id) = 64 AND id > ?1 AND \(condition) ORDER BY id LIMIT \(limit)
      """, [.text(after?.hex ?? "")] + arguments
    ).compactMap { $0[0].text.flatMap { BlobID(hex: $0) } }
  }
}
