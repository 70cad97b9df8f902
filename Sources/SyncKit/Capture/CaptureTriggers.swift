internal import GRDB

/// What happened to a row, as the capture log says it.
enum CaptureOperation: Int64, Sendable {
  case insert = 1
  case update = 2
  case delete = 3
  /// A person's decision: the cells are written anew, also where the value stays (L6).
  case resolve = 4
}

/// The triggers that log which row and columns a transaction wrote, in that transaction. Values are read at seal.
enum CaptureTriggers {
  /// Creates the triggers of `shape`, replacing those that differ from the declaration.
  static func install(_ shape: TableShape, in db: Database) throws {
    for (name, sql) in statements(shape) {
      let present = try String.fetchOne(db, sql: "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", arguments: [name])
      if present == sql { continue }
      if present != nil { try db.execute(sql: "DROP TRIGGER \"\(name)\"") }
      try db.execute(sql: sql)
    }
  }

  /// The triggers a table is to have, by name.
  static func statements(_ shape: TableShape) -> [(name: String, sql: String)] {
    shape.declaration.kind == .replicated ? logging(shape) : DropBoxTriggers.statements(shape)
  }

  private static func logging(_ shape: TableShape) -> [(name: String, sql: String)] {
    let table = shape.name
    let key = quote(shape.keyColumn)
    let scope = quote(shape.declaration.scopeColumn)
    func log(_ op: CaptureOperation, _ row: String, mask: String = "0", when: String = "1", extra: String = "NULL") -> String {
      """
        INSERT INTO sync_pending (txn, tbl, op, key, scope, mask, extra)
          SELECT synckit_txn(), \(shape.id), \(op.rawValue), \(row).\(key), \(row).\(scope), \(mask), \(extra) WHERE \(when);
      """
    }
    let policyColumns = shape.policyColumns.map { quote($0.name) }
    func extra(_ rows: String...) -> String {
      if policyColumns.isEmpty { return "NULL" }
      let values = rows.flatMap { row in policyColumns.map { "\(row).\($0)" } }
      return "synckit_extra(\(shape.id), NEW.\(key), \(values.joined(separator: ", ")))"
    }
    // A hub has no scopes of its own and writes all; a device that is not enrolled yet does not know its own.
    func mayWrite(_ row: String) -> String {
      let own = shape.declaration.writer == .hub ? "0" : "code = \(row).\(scope)"
      return """
          SELECT RAISE(ABORT, 'synckit:wrongScope') WHERE EXISTS (SELECT 1 FROM sync_scope WHERE writable = 1)
            AND NOT EXISTS (SELECT 1 FROM sync_scope WHERE \(own) AND writable = 1);
        """
    }
    let checks = """
        SELECT RAISE(ABORT, 'synckit:badValue') WHERE \(badValue(shape));
      \(mayWrite("NEW"))
      """
    func trigger(_ event: String, _ body: String) -> (String, String) {
      let name = "sync_capture_\(table)_\(event.lowercased())"
      return (name, "CREATE TRIGGER \"\(name)\" AFTER \(event) ON \(quote(table)) WHEN synckit_txn() IS NOT NULL BEGIN\n\(body)\nEND")
    }
    // Also REPLACE, and a birth after a death, leave a row in its scope: its history is in that scope's feed.
    func staysInScope(when: String) -> String {
      """
        SELECT RAISE(ABORT, 'synckit:scopeChange') WHERE \(when)
          AND EXISTS (SELECT 1 FROM \(quote(shape.metadataTable)) WHERE key = NEW.\(key) AND scope <> NEW.\(scope));
      """
    }
    let before = "sync_capture_\(table)_before"
    let beforeInsert = """
      CREATE TRIGGER "\(before)" BEFORE INSERT ON \(quote(table)) WHEN synckit_on() BEGIN
        SELECT synckit_before(\(shape.id), NEW.\(key));
        SELECT synckit_before(\(([String(shape.id), key] + policyColumns).joined(separator: ", "))) FROM \(quote(table)) WHERE \(key) = NEW.\(key);
      END
      """
    return (policyColumns.isEmpty ? [] : [(before, beforeInsert)]) + [
      trigger("INSERT", [checks, staysInScope(when: "1"), log(.insert, "NEW", extra: extra("NEW"))].joined(separator: "\n")),
      trigger(
        "UPDATE",
        """
          SELECT RAISE(ABORT, 'synckit:scopeChange') WHERE OLD.\(scope) IS NOT NEW.\(scope);
        \(checks)
        \(staysInScope(when: "OLD.\(key) IS NOT NEW.\(key)"))
        \(log(.update, "NEW", mask: mask(shape), when: "OLD.\(key) IS NEW.\(key) AND (\(mask(shape))) <> 0", extra: extra("NEW", "OLD")))
        \(log(.delete, "OLD", when: "OLD.\(key) IS NOT NEW.\(key)"))
        \(log(.insert, "NEW", when: "OLD.\(key) IS NOT NEW.\(key)", extra: extra("NEW")))
        """),
      trigger("DELETE", mayWrite("OLD") + "\n" + log(.delete, "OLD")),
    ]
  }

  /// One bit a changed column. Compared byte for byte, whatever collation the column has. SQLite gives `<<` and `|` one
  /// precedence, hence the parentheses.
  private static func mask(_ shape: TableShape) -> String {
    shape.columns.map { column in
      let name = quote(column.name)
      let differs = "OLD.\(name) COLLATE BINARY IS NOT NEW.\(name)"
      let typed = column.isUntyped ? "(\(differs) OR typeof(OLD.\(name)) <> typeof(NEW.\(name)))" : "(\(differs))"
      return "(\(typed) << \(column.id))"
    }.joined(separator: " | ")
  }

  /// True for a row that could never be sent.
  static func badValue(_ shape: TableShape) -> String {
    let key = "NEW.\(quote(shape.keyColumn))"
    var parts = [
      "typeof(\(key)) NOT IN ('text', 'blob', 'integer')", "length(CAST(\(key) AS BLOB)) > \(WireLimits.keyBytesMax)",
      "(typeof(\(key)) = 'text' AND instr(\(key), char(0)) > 0)",
    ]
    for column in shape.columns {
      let value = "NEW.\(quote(column.name))"
      // Also a column meant for numbers takes any text that is none.
      let length = "length(CAST(\(value) AS BLOB)) > \(WireLimits.valueBytesMax)"
      parts.append(column.isText || column.isUntyped ? length : "(typeof(\(value)) IN ('text', 'blob') AND \(length))")
      parts.append(column.isText ? "instr(\(value), char(0)) > 0" : "(typeof(\(value)) = 'text' AND instr(\(value), char(0)) > 0)")
    }
    return parts.joined(separator: "\n    OR ")
  }
}

/// A name as an SQL identifier.
func quote(_ name: String) -> String {
  // Nearly no name has a quote of its own, and looking for it as a pattern costs more than all else here.
  "\"" + (name.utf8.contains(0x22) ? name.replacing("\"", with: "\"\"") : name) + "\""
}
