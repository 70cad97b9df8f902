internal import SyncCore

/// SQL statements about one table's rows, built once a transaction: quoting the column names takes longer than merging a row.
final class RowStatements {
  private let shape: TableShape
  private let table: String
  private let keyColumn: String
  private let metadata: String
  /// Replaces every value; columns left out get their defaults.
  private let overwriteAll: String
  private var inserts: [Int64: RepeatedSQL] = [:]
  private var updates: [Int64: RepeatedSQL] = [:]

  /// Selects records with their rows' values; a condition follows.
  let select: String
  /// Selects one row. ?1 is the key; in stores ordered by scope ?2 is the scope, also in `digest` and `standing`.
  let load: RepeatedSQL
  /// Selects the scopes that may have the row's record; nil in stores ordered by key.
  let scopes: RepeatedSQL?
  /// Selects the scope in which a row lives.
  let livingScope: RepeatedSQL
  /// Selects the app's row, with its record if there is one.
  let standing: RepeatedSQL
  let saveMetadata: RepeatedSQL
  let delete: RepeatedSQL
  let digest: RepeatedSQL

  init(_ shape: TableShape) {
    self.shape = shape
    (table, keyColumn, metadata) = (quote(shape.name), quote(shape.keyColumn), quote(shape.metadataTable))
    let columns = shape.columns.map { ", t." + quote($0.name) }.joined()
    let record = "SELECT m.key, m.scope, m.life, m.stamp, m.replica, m.position, m.mask, m.cells, m.digest"
    if shape.isKnown {
      select = "\(record)\(columns)\nFROM \(metadata) m LEFT JOIN \(table) t ON t.\(keyColumn) = m.key"
    } else {
      select = "\(record) FROM \(metadata) m"
    }
    let isRow = shape.order == .byKey ? "m.key = ?1" : "m.scope = ?2 AND m.key = ?1"
    standing = RepeatedSQL("\(record)\(columns)\nFROM \(table) t LEFT JOIN \(metadata) m ON \(isRow) WHERE t.\(keyColumn) = ?1")
    load = RepeatedSQL(select + " WHERE " + isRow)
    let scope = quote(shape.declaration.scopeColumn)
    livingScope = RepeatedSQL("SELECT \(scope) FROM \(table) WHERE \(keyColumn) = ?1")
    scopes =
      shape.order == .byKey
      ? nil
      : RepeatedSQL(
        """
        SELECT \(scope) FROM \(table) WHERE \(keyColumn) = ?1
        UNION ALL SELECT scope FROM \(metadata) WHERE key = ?1 AND digest IS NULL
        """)
    saveMetadata = RepeatedSQL(
      """
      INSERT INTO \(metadata) (key, scope, life, stamp, replica, position, mask, cells, digest)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT (\(shape.order == .byKey ? "key" : "scope, key")) DO UPDATE SET life = excluded.life, stamp = excluded.stamp, replica = excluded.replica,
        position = excluded.position, mask = excluded.mask, cells = excluded.cells, digest = excluded.digest
      """)
    delete = RepeatedSQL("DELETE FROM \(table) WHERE \(keyColumn) = ?1")
    digest = RepeatedSQL("SELECT digest FROM \(metadata) m WHERE \(isRow)")
    overwriteAll = shape.columns.map { "\(quote($0.name)) = excluded.\(quote($0.name))" }.joined(separator: ", ")
  }

  /// Returns the statement that inserts a row: ?1 is its key, the columns' values follow. A row that was never captured, from
  /// before the table was replicated, is replaced whole.
  func insert(_ columns: [TableShape.Column]) -> RepeatedSQL { insert(mask: Self.mask(columns)) }

  /// Returns the statement that inserts a row.
  ///
  /// - Parameter mask: Columns by bit; their values come in the order of the shape.
  func insert(mask: Int64) -> RepeatedSQL {
    statement(for: mask, in: &inserts) { columns in
      let names = ([keyColumn] + columns.map { quote($0.name) }).joined(separator: ", ")
      let places = (1...columns.count + 1).map { "?\($0)" }.joined(separator: ", ")
      return "INSERT INTO \(table) (\(names)) VALUES (\(places)) ON CONFLICT (\(keyColumn)) DO UPDATE SET \(overwriteAll)"
    }
  }

  /// Returns the statement that changes columns of a row: ?1 is its key, the values follow.
  func update(_ columns: [TableShape.Column]) -> RepeatedSQL {
    statement(for: Self.mask(columns), in: &updates) { columns in
      let sets = columns.enumerated().map { "\(quote($1.name)) = ?\($0 + 2)" }.joined(separator: ", ")
      return "UPDATE \(table) SET \(sets) WHERE \(keyColumn) = ?1"
    }
  }

  private static func mask(_ columns: [TableShape.Column]) -> Int64 { columns.reduce(0) { $0 | 1 << Int64($1.id) } }

  private func statement(for mask: Int64, in made: inout [Int64: RepeatedSQL], _ make: ([TableShape.Column]) -> String) -> RepeatedSQL {
    if let known = made[mask] { return known }
    let new = RepeatedSQL(make(shape.columns.filter { mask >> Int64($0.id) & 1 == 1 }))
    made[mask] = new
    return new
  }
}
