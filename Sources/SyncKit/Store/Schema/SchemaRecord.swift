internal import GRDB
internal import SyncCore

/// Record of a store's declarations, kept in the store. Stores and batches stay valid only while the declarations do not change.
/// Additions are recorded; a change that would read or merge data differently is refused.
struct SchemaRecord {
  let db: Database

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_declared (
      tbl TEXT NOT NULL, col TEXT NOT NULL, facet TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (tbl, col, facet)) WITHOUT ROWID;
    """

  /// Property of a table or column that never changes. Raw values are stored.
  enum Facet: String, CaseIterable {
    case type
    case defaultValue = "default"
    case null, policy
    case key, scope, kind, writer, deletion

    var name: LocalizedText {
      switch self {
      case .type: LocalizedText(vi: "kiểu", en: "type")
      case .defaultValue: LocalizedText(vi: "mặc định", en: "default")
      case .null: LocalizedText(vi: "quy định NULL", en: "NULL rule")
      case .policy: LocalizedText(vi: "quy tắc", en: "policy")
      case .key: LocalizedText(vi: "khóa", en: "key")
      case .scope: LocalizedText(vi: "cột phạm vi", en: "scope column")
      case .kind: LocalizedText(vi: "loại", en: "kind")
      case .writer: LocalizedText(vi: "người ghi", en: "writer")
      case .deletion: LocalizedText(vi: "cách xóa", en: "deletion")
      }
    }
  }

  /// Table, or column of a table: an empty column name is the table itself.
  private struct Place: Hashable, Comparable {
    var table: String
    var column: String

    static func < (a: Place, b: Place) -> Bool { a.table == b.table ? a.column < b.column : a.table < b.table }
  }

  /// Returns every way in which `shapes` differs from the store's earlier declarations, each with its remedy; empty when it only
  /// adds.
  ///
  /// - Parameter unread: Declared tables that could not be read; other problems report them.
  func differences(from shapes: [TableShape], unread: Set<String>) throws -> [LocalizedText] {
    let now = Self.facets(of: shapes)
    let declared = try declared()
    var differences: [LocalizedText] = []
    for place in try places().sorted() where !unread.contains(place.table) {
      let known = declared[place] ?? [:]
      guard let present = now[place] else {
        differences.append(Self.gone(place, isTableGone: now[Place(table: place.table, column: "")] == nil))
        continue
      }
      for facet in Facet.allCases {
        guard let was = known[facet.rawValue], let becomes = present[facet], was != becomes else { continue }
        differences.append(Self.changed(place, facet, was: was, becomes: becomes))
      }
    }
    // Reports a missing table once, not once for each of its columns.
    return differences.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// Records what is new; writes nothing when nothing is.
  func note(_ shapes: [TableShape]) throws {
    let declared = try declared()
    let insert = try db.cachedStatement(sql: "INSERT INTO sync_declared (tbl, col, facet, value) VALUES (?, ?, ?, ?)")
    for (place, facets) in Self.facets(of: shapes) {
      for (facet, value) in facets where declared[place]?[facet.rawValue] == nil {
        try insert.execute(arguments: [place.table, place.column, facet.rawValue, value])
      }
    }
  }

  /// Returns all tables and columns that this store ever replicated: all have numbers, also from before declarations were recorded.
  private func places() throws -> Set<Place> {
    let tables = try String.fetchAll(db, sql: "SELECT name FROM sync_table").map { Place(table: $0, column: "") }
    let columns = try Row.fetchAll(db, sql: "SELECT t.name AS tbl, c.name AS col FROM sync_column c JOIN sync_table t ON t.id = c.tbl")
    return Set(tables + columns.map { Place(table: $0["tbl"], column: $0["col"]) })
  }

  /// Reads all records at once.
  private func declared() throws -> [Place: [String: String]] {
    var declared: [Place: [String: String]] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT tbl, col, facet, value FROM sync_declared") {
      declared[Place(table: row[0], column: row[1]), default: [:]][row[2]] = row[3]
    }
    return declared
  }

  private static func facets(of shapes: [TableShape]) -> [Place: [Facet: String]] {
    var facets: [Place: [Facet: String]] = [:]
    for shape in shapes {
      let table = shape.declaration
      facets[Place(table: shape.name, column: "")] = [
        .key: "\(shape.keyColumn) \(shape.keyType.word)", .scope: table.scopeColumn, .kind: "\(table.kind)", .writer: "\(table.writer)",
        .deletion: table.deletion.rawValue,
      ]
      for column in shape.columns {
        facets[Place(table: shape.name, column: column.name)] = [
          .type: column.type.word, .defaultValue: column.defaultValue.map { "\($0.kind)\($0.logText)" } ?? "(…)",
          .null: column.acceptsNull ? "NULL" : "NOT NULL", .policy: shape.policy(of: column).signature,
        ]
      }
    }
    return facets
  }

  private static func gone(_ place: Place, isTableGone: Bool) -> LocalizedText {
    isTableGone
      ? LocalizedText(
        vi: "Bảng \(place.table) từng được đồng bộ mà nay không khai báo; giữ bảng và khai báo, và không ghi vào đó nữa.",
        en: "Table \(place.table) was replicated and is no longer declared; keep it declared, and stop writing to it.")
      : LocalizedText(
        vi: "Bảng \(place.table) mất cột \(place.column); giữ cột đó, và không ghi vào đó nữa.",
        en: "Table \(place.table) lost column \(place.column); keep the column, and stop writing to it.")
  }

  private static func changed(_ place: Place, _ facet: Facet, was: String, becomes: String) -> LocalizedText {
    let name = facet.name
    return place.column.isEmpty
      ? LocalizedText(
        vi: "Bảng \(place.table) đổi \(name.vi) từ \(was) thành \(becomes); giữ như cũ và tạo bảng mới.",
        en: "Table \(place.table) changes its \(name.en) from \(was) to \(becomes); leave it and make a new table.")
      : LocalizedText(
        vi: "Bảng \(place.table) đổi \(name.vi) của cột \(place.column) từ \(was) thành \(becomes); giữ như cũ và thêm cột mới.",
        en:
          "Table \(place.table) changes the \(name.en) of column \(place.column) from \(was) to \(becomes); leave it and add a new column.")
  }
}

extension ColumnType {
  /// Name of a column's type, equal for types that treat values alike.
  fileprivate var word: String { only.map { "STRICT \($0)" } ?? "\(affinity)" }
}

extension CellValue {
  /// Name of a value's kind, which tells apart values that read alike.
  fileprivate var kind: String {
    switch self {
    case .null: "NULL"
    case .integer: "INTEGER "
    case .real: "REAL "
    case .text: "TEXT "
    case .blob: "BLOB "
    }
  }
}
