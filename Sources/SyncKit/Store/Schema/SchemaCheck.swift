internal import Foundation
package import GRDB
package import SyncCore

/// Reads declared tables from the database, and reports every mistake at once, each with its remedy.
package struct SchemaCheck {
  let db: Database
  private(set) var problems: [LocalizedText] = []

  /// Returns the shapes of tables.
  ///
  /// - Throws: `SyncError` `.badSchema` naming every mistake.
  package static func shapes(of tables: [ReplicatedTable], in db: Database) throws -> [TableShape] {
    var check = SchemaCheck(db: db)
    let shapes = try tables.compactMap { try check.shape(of: $0) }
    let record = SchemaRecord(db: db)
    check.problems += try record.differences(from: shapes, unread: Set(tables.map(\.name)).subtracting(shapes.map(\.name)))
    for table in tables {
      for (column, reference) in table.orderedReferences {
        guard case .row(let parent) = reference, !tables.contains(where: { $0.name == parent }) else { continue }
        check.report(
          table.name, vi: "tham chiếu ở cột \(column) đến bảng \(parent) chưa khai báo; khai báo bảng đó.",
          en: "refers in \(column) to table \(parent), which is not declared; declare it.")
      }
    }
    let names = tables.map { $0.name.lowercased() }
    for name in Set(names) where names.count(where: { $0 == name }) > 1 {
      check.report(name, vi: "được khai báo hai lần; bỏ một.", en: "is declared twice; remove one.")
    }
    if !check.problems.isEmpty {
      throw SyncError(
        .badSchema, vi: "Không đồng bộ được: " + check.problems.map(\.vi).joined(separator: " "),
        en: "Cannot replicate: " + check.problems.map(\.en).joined(separator: " "))
    }
    try record.note(shapes)
    return shapes
  }

  private mutating func report(_ table: String, vi: String, en: String) {
    problems.append(LocalizedText(vi: "Bảng \(table) \(vi)", en: "Table \(table) \(en)"))
  }

  private mutating func shape(of table: ReplicatedTable) throws -> TableShape? {
    let name = table.name
    guard try Bool.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", arguments: [name]) == true
    else {
      report(name, vi: "không có; tạo bảng trước khi mở.", en: "does not exist; create it before opening.")
      return nil
    }
    let info = try Row.fetchAll(db, sql: "SELECT * FROM pragma_table_xinfo(?)", arguments: [name])
    let keys = info.filter { $0["pk"] as Int > 0 }
    let key = keys.count == 1 ? keys[0] : nil
    if key == nil {
      report(
        name, vi: "cần khóa chính gồm đúng một cột; thêm PRIMARY KEY.", en: "needs a primary key of exactly one column; add PRIMARY KEY.")
    }
    let keyName: String = key?["name"] ?? ""
    if let key { checkKey(key, of: name) }
    // Passes the name as an argument: without it SQLite reads the definition of every table.
    let listed = try Row.fetchOne(db, sql: "SELECT strict, wr FROM pragma_table_list(?) WHERE schema = 'main'", arguments: [name])
    let isStrict: Bool = listed?["strict"] ?? false
    let collation = try String.fetchOne(
      db,
      sql: "SELECT i.coll FROM pragma_index_list(?1) l, pragma_index_xinfo(l.name) i WHERE l.origin = 'pk' AND i.name = ?2 AND i.key = 1",
      arguments: [name, keyName])
    if let collation, collation.uppercased() != "BINARY" {
      report(
        name, vi: "có khóa so sánh theo \(collation), coi hai khóa khác nhau là một; bỏ COLLATE ở cột \(keyName).",
        en: "compares its key by \(collation), which takes different keys for one; drop COLLATE from \(keyName).")
    }
    if table.kind == .anonymous, listed?["wr"] != true {
      report(
        name, vi: "ẩn danh mà có rowid, ghi lại thứ tự các phiếu; thêm WITHOUT ROWID.",
        en: "is anonymous and has rowids, which keep the order of its rows; add WITHOUT ROWID.")
    }
    try checkConstraints(table, key: keyName, info: info)
    let numbers = try ColumnNumbers.assign(table: name, columns: info.map { $0["name"] }.filter { $0 != keyName }, in: db)
    if numbers.ids.count > WireLimits.columnsPerTableMax {
      report(
        name, vi: "có hơn \(WireLimits.columnsPerTableMax) cột; tách bảng.",
        en: "has more than \(WireLimits.columnsPerTableMax) columns; split it.")
      return nil
    }
    let scopeFirst =
      info.filter { $0["name"] as String == table.scopeColumn } + info.filter { $0["name"] as String != table.scopeColumn }
    let columns = try scopeFirst.filter { $0["name"] as String != keyName }.compactMap { row -> TableShape.Column? in
      let column: String = row["name"]
      guard let id = numbers.ids[column] else { return nil }
      return TableShape.Column(
        id: id, name: column, defaultValue: try constant(row["dflt_value"]),
        type: ColumnType(declared: row["type"], isStrict: isStrict), acceptsNull: row["notnull"] as Int == 0)
    }
    let shape = TableShape(
      id: numbers.table, declaration: table, keyColumn: keyName, keyType: ColumnType(declared: key?["type"] ?? "", isStrict: isStrict),
      columns: columns, order: try MetadataSchema.order(of: name, in: db) ?? .byKey)
    checkPolicies(shape)
    return key == nil ? nil : shape
  }

  private mutating func checkKey(_ key: Row, of name: String) {
    let column: String = key["name"]
    if (key["type"] as String).uppercased() == "INTEGER" {
      report(
        name, vi: "có khóa INTEGER mà hai thiết bị sẽ cùng cấp một số; dùng TEXT hoặc BLOB ngẫu nhiên.",
        en: "has an INTEGER key, which two devices would both number from 1; use a TEXT or random BLOB key.")
    }
    if key["notnull"] as Int == 0 {
      report(name, vi: "có khóa cho phép NULL; thêm NOT NULL cho cột \(column).", en: "allows a NULL key; add NOT NULL to \(column).")
    }
  }

  /// Reports policies, soft keys and references that cannot work.
  private mutating func checkPolicies(_ shape: TableShape) {
    let table = shape.declaration
    for (name, policy) in table.policies.sorted(by: { $0.key < $1.key }) {
      guard let column = shape.column(named: name), name != table.scopeColumn else {
        report(
          table.name, vi: "có quy tắc cho cột \(name) không có, hoặc là khóa hay phạm vi; bỏ quy tắc hoặc sửa tên.",
          en: "has a policy for \(name), which is no column, or the key or scope; drop the policy or correct the name.")
        continue
      }
      if table.kind == .anonymous || table.writer == .hub && policy.hasParts {
        report(
          table.name, vi: "không dùng được quy tắc ở cột \(name); bỏ quy tắc.", en: "cannot have a policy on \(name); drop the policy.")
      }
      if let remedy = Self.mismatch(column, policy) {
        report(
          table.name, vi: "có cột \(name) không hợp quy tắc: \(remedy.vi).",
          en: "has column \(name) that does not fit its policy: \(remedy.en).")
      }
    }
    if table.keyRule != .any, shape.keyType.affinity != .text || table.keyRule == .scopePrefixed("") {
      report(
        table.name, vi: "khai quy tắc khóa mà khóa không phải TEXT, hoặc dấu ngăn trống; sửa khai báo.",
        en: "declares a key rule though its key is no TEXT, or with an empty separator; correct the declaration.")
    }
    if let name = table.formColumn, table.kind != .anonymous || shape.column(named: name)?.type.affinity != .text {
      report(
        table.name, vi: "khai cột biểu mẫu \(name) không phải cột TEXT của bảng ẩn danh; sửa khai báo.",
        en: "declares the form column \(name), which is no TEXT column of an anonymous table; correct the declaration.")
    }
    for name in table.softKeys where shape.column(named: name)?.type.affinity != .text {
      report(
        table.name, vi: "khai khóa mềm \(name) không phải cột TEXT; sửa khai báo.",
        en: "declares the soft key \(name), which is no TEXT column; correct the declaration.")
    }
    for name in table.blobs
    where table.kind == .anonymous || table.policies[name] != nil || shape.column(named: name)?.type.affinity != .text {
      report(
        table.name, vi: "khai tệp đính kèm ở cột \(name), không phải cột TEXT thường của bảng không ẩn danh; sửa khai báo.",
        en: "declares blobs in \(name), which is no plain TEXT column of a table that is not anonymous; correct the declaration.")
    }
    for (name, format) in table.formats.sorted(by: { $0.key < $1.key })
    where shape.column(named: name).map({ $0.type.affinity != (format == .count ? .numeric : .text) }) ?? true {
      report(
        table.name, vi: "khai dạng giá trị ở cột \(name) không có hoặc không phải kiểu đó; sửa khai báo.",
        en: "declares a format of \(name), which is no column of that type; correct the declaration.")
    }
    for name in table.required.sorted() where shape.column(named: name).map({ $0.defaultValue?.isNull == false }) ?? true {
      report(
        table.name, vi: "đòi cột \(name) không có, hay có giá trị mặc định; sửa khai báo.",
        en: "requires \(name), which is no column or has a default; correct the declaration.")
    }
    for (name, reference) in table.orderedReferences where reference != .blob {
      var names = [name]
      if case .rowNamed(let tableColumn) = reference { names.append(tableColumn) }
      guard let name = names.first(where: { shape.column(named: $0) == nil || table.policies[$0]?.hasParts == true }) else { continue }
      report(
        table.name, vi: "khai tham chiếu ở cột \(name) không có, hay hợp nhất từng phần; sửa khai báo.",
        en: "declares a reference on \(name), which is no column of whole values; correct the declaration.")
    }
  }

  private static func mismatch(_ column: TableShape.Column, _ policy: MergePolicy) -> LocalizedText? {
    switch policy {
    case .lastWriterWins, .review: return nil
    case .perKey:
      let isObject = column.defaultValue.flatMap { CellParts.members(of: $0) }?.isEmpty == true
      return column.type.affinity == .text && isObject
        ? nil : LocalizedText(vi: "perKey cần kiểu TEXT, mặc định NULL hoặc '{}'", en: "perKey needs type TEXT with default NULL or '{}'")
    case .counter:
      let isWhole = column.defaultValue?.isNull == true || column.defaultValue?.integer != nil
      return column.type.affinity == .numeric && isWhole
        ? nil : LocalizedText(vi: "counter cần kiểu INTEGER, mặc định số nguyên", en: "counter needs type INTEGER with a whole default")
    case .max, .min:
      return column.defaultValue == nil
        ? LocalizedText(vi: "max và min cần mặc định cố định", en: "max and min need a constant default") : nil
    case .ranked(let values):
      let start = column.defaultValue.map { $0.isNull || $0.text.map(values.contains) == true } == true
      return column.type.affinity == .text && start && !values.isEmpty && Set(values).count == values.count
        ? nil
        : LocalizedText(
          vi: "ranked cần kiểu TEXT, danh sách không lặp, mặc định NULL hoặc có trong danh sách",
          en: "ranked needs type TEXT, a list without repeats, and a default of NULL or from the list")
    }
  }

  private mutating func checkConstraints(_ table: ReplicatedTable, key: String, info: [Row]) throws {
    let name = table.name
    if let scope = info.first(where: { $0["name"] as String == table.scopeColumn }) {
      if scope["notnull"] as Int == 0 {
        report(
          name, vi: "có cột phạm vi \(table.scopeColumn) cho phép NULL; thêm NOT NULL.",
          en: "has a scope column \(table.scopeColumn) that allows NULL; add NOT NULL.")
      }
    } else {
      report(
        name, vi: "không có cột phạm vi \(table.scopeColumn); thêm cột TEXT NOT NULL.",
        en: "has no scope column \(table.scopeColumn); add it as TEXT NOT NULL.")
    }
    for column in info {
      let columnName: String = column["name"]
      if column["hidden"] as Int > 1 {
        report(
          name, vi: "có cột tự tính \(columnName); dùng khung nhìn.", en: "has a generated column \(columnName); use a view.")
      }
      let needsDefault = columnName != key && columnName != table.scopeColumn && table.kind == .replicated
      if needsDefault, column["notnull"] as Int == 1, column["dflt_value"] as String? == nil {
        report(
          name, vi: "có cột \(columnName) NOT NULL mà không có DEFAULT; thêm DEFAULT.",
          en: "has column \(columnName) NOT NULL without DEFAULT; add a DEFAULT.")
      }
    }
    let unique = try String.fetchAll(
      db,
      sql: """
        SELECT coalesce(group_concat(i.name, ', '), '') FROM pragma_index_list(?) l, pragma_index_info(l.name) i
        WHERE l."unique" = 1 AND l.origin <> 'pk' GROUP BY l.name ORDER BY 1
        """, arguments: [name])
    for columns in unique {
      report(
        name, vi: "có UNIQUE (\(columns)) ngoài khóa chính; bỏ ràng buộc đó và khai softKeys.",
        en: "has UNIQUE beyond its key, on \(columns); drop it and declare softKeys instead.")
    }
    if try Int.fetchOne(db, sql: "SELECT count(*) FROM pragma_foreign_key_list(?)", arguments: [name]) ?? 0 > 0 {
      report(
        name, vi: "có khóa ngoại bị ép buộc; bỏ REFERENCES và khai references.",
        en: "has an enforced foreign key; drop REFERENCES and declare references instead.")
    }
    let sql = try String.fetchOne(db, sql: "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", arguments: [name]) ?? ""
    if sql.range(of: #"\bCHECK\s*\("#, options: [.regularExpression, .caseInsensitive]) != nil {
      report(name, vi: "có CHECK; bỏ đi và kiểm tra trước khi ghi.", en: "has a CHECK; drop it and check before writing instead.")
    }
  }

  /// Returns the value of a constant default expression; nil for one that reads a clock or chance.
  private func constant(_ expression: String?) throws -> CellValue? {
    guard let expression else { return .null }
    let upper = expression.uppercased()
    if upper.contains("CURRENT_") || upper.contains("(") && !upper.hasPrefix("'") && !upper.hasPrefix("X'") { return nil }
    return try Row.fetchOne(db, sql: "SELECT \(expression)").map { CellValue($0[0] as DatabaseValue) }
  }
}

/// Lasting numbers of tables and columns in the capture log and metadata.
private enum ColumnNumbers {
  static func assign(table: String, columns: [String], in db: Database) throws -> (table: Int, ids: [String: Int]) {
    try db.execute(sql: "INSERT OR IGNORE INTO sync_table (name) VALUES (?)", arguments: [table])
    let id = try Int.fetchOne(db, sql: "SELECT id FROM sync_table WHERE name = ?", arguments: [table]) ?? 0
    var ids: [String: Int] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT id, name FROM sync_column WHERE tbl = ?", arguments: [id]) { ids[row["name"]] = row["id"] }
    for column in columns where ids[column] == nil {
      let next = (ids.values.max() ?? -1) + 1
      try db.execute(sql: "INSERT INTO sync_column (tbl, id, name) VALUES (?, ?, ?)", arguments: [id, next, column])
      ids[column] = next
    }
    return (id, ids)
  }
}
