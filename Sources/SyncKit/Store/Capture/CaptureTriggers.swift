package import GRDB
internal import SyncCore

/// Kind of write, as the capture log stores it.
enum CaptureOperation: Int64, Sendable {
  case insert = 1
  case update = 2
  case delete = 3
  /// A person's decision: writes its cells again even when the value stays (L6).
  case resolve = 4
}

/// Triggers that log which row and columns a transaction wrote, inside that transaction. Values are read when changes are sealed.
package enum CaptureTriggers {
  /// Creates the triggers of `shape`, replacing those that differ from the declaration.
  package static func install(_ shape: TableShape, in db: Database) throws {
    for (name, sql) in statements(shape) {
      let present = try String.fetchOne(db, sql: "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", arguments: [name])
      if present == sql { continue }
      if present != nil { try db.execute(sql: "DROP TRIGGER \"\(name)\"") }
      try db.execute(sql: sql)
    }
  }

  /// Returns the triggers that a table needs, by name.
  static func statements(_ shape: TableShape) -> [(name: String, sql: String)] {
    shape.declaration.kind == .replicated ? logging(shape) : DropBoxTriggers.statements(shape)
  }

  private static func logging(_ shape: TableShape) -> [(name: String, sql: String)] {
    let table = shape.name
    let key = quote(shape.keyColumn)
    let scope = quote(shape.declaration.scopeColumn)
    func log(_ op: CaptureOperation, _ row: String, mask: String? = nil, when: String = "1", extra: String = "NULL") -> String {
      // Adds LIMIT, so that SQLite does not evaluate the mask a second time in the condition.
      let changed = mask.map { " FROM (SELECT \($0) AS changed LIMIT 1)" } ?? ""
      return """
          INSERT INTO sync_pending (txn, tbl, op, key, scope, mask, extra)
            SELECT synckit_txn(), \(shape.id), \(op.rawValue), \(row).\(key), \(row).\(scope), \(mask == nil ? "0" : "changed"), \(extra)\(changed) WHERE \(when);
        """
    }
    let policyColumns = shape.policyColumns.map { quote($0.name) }
    func extra(_ rows: String...) -> String {
      if policyColumns.isEmpty { return "NULL" }
      let values = rows.flatMap { row in policyColumns.map { "\(row).\($0)" } }
      return "synckit_extra(\(shape.id), NEW.\(key), \(values.joined(separator: ", ")))"
    }
    // Lets a hub write every scope, since it has none of its own, and a device before its enrolment, which does not know its scope.
    func mayWrite(_ row: String) -> String {
      let own = shape.declaration.writer == .hub ? "0" : "code = \(row).\(scope)"
      return """
          SELECT RAISE(ABORT, 'synckit:wrongScope') WHERE NOT EXISTS (SELECT 1 FROM sync_scope WHERE \(own) AND writable = 1)
            AND EXISTS (SELECT 1 FROM sync_scope WHERE writable = 1);
        """
    }
    let isGood = "  SELECT RAISE(ABORT, 'synckit:badValue') WHERE \(badValue(shape));"
    func trigger(_ event: String, named: String? = nil, when: String? = nil, _ body: String) -> (String, String) {
      let name = "sync_capture_\(table)_\(named ?? event.lowercased())"
      let condition = "synckit_txn() IS NOT NULL" + (when.map { " AND " + $0 } ?? "")
      return (name, "CREATE TRIGGER \"\(name)\" AFTER \(event) ON \(quote(table)) WHEN \(condition) BEGIN\n\(body)\nEND")
    }
    // Keeps a row in its scope, also after REPLACE and after a birth that follows a deletion: its history is in that scope's feed.
    // In a hub's store each scope is asked, because a replaced row tells nothing; a hub writes few rows itself. A deleted row of
    // another scope does not block a key that names its scope.
    let isFree = shape.declaration.keyRule.namesSQL(key: "NEW.\(key)", scope: "NEW.\(scope)").map {
      " AND NOT (r.digest IS NULL AND \($0))"
    }
    let records =
      shape.order == .byKey
      ? "\(quote(shape.metadataTable)) WHERE key = NEW.\(key) AND scope <>"
      : "hub_scope s CROSS JOIN \(quote(shape.metadataTable)) r ON r.scope = s.scope WHERE r.key = NEW.\(key) AND r.scope <>"
    let staysInScope = """
        SELECT RAISE(ABORT, 'synckit:scopeChange') WHERE
          EXISTS (SELECT 1 FROM \(records) NEW.\(scope)\(shape.order == .byKey ? "" : isFree ?? ""));
      """
    let before = "sync_capture_\(table)_before"
    let beforeInsert = """
      CREATE TRIGGER "\(before)" BEFORE INSERT ON \(quote(table)) WHEN synckit_on() BEGIN
        SELECT synckit_before(\(shape.id), NEW.\(key));
        SELECT synckit_before(\(([String(shape.id), key] + policyColumns).joined(separator: ", "))) FROM \(quote(table)) WHERE \(key) = NEW.\(key);
      END
      """
    return (policyColumns.isEmpty ? [] : [(before, beforeInsert)]) + [
      trigger("INSERT", [isGood, mayWrite("NEW"), staysInScope, log(.insert, "NEW", extra: extra("NEW"))].joined(separator: "\n")),
      trigger(
        "UPDATE",
        """
          SELECT RAISE(ABORT, 'synckit:scopeChange') WHERE OLD.\(scope) IS NOT NEW.\(scope);
        \(mayWrite("NEW"))
        \(log(.update, "NEW", mask: mask(shape), when: "OLD.\(key) IS NEW.\(key) AND changed <> 0", extra: extra("NEW", "OLD")))
        """),
      // Logs a changed key as a deletion and a birth, in a trigger of its own, so that other updates have no extra work.
      trigger(
        "UPDATE OF \(key)", named: "rekey", when: "OLD.\(key) IS NOT NEW.\(key)",
        [isGood, staysInScope, log(.delete, "OLD"), log(.insert, "NEW", extra: extra("NEW"))].joined(separator: "\n")),
      trigger("DELETE", mayWrite("OLD") + "\n" + log(.delete, "OLD")),
    ]
  }

  /// Returns SQL for the mask of changed columns, a bit each by number. The SQL fails for a row that could never be sent.
  private static func mask(_ shape: TableShape) -> String {
    let names = Dictionary(uniqueKeysWithValues: shape.columns.map { ($0.id, quote($0.name)) })
    let pairs = (0...(names.keys.max() ?? 0)).map { id in names[id].map { "OLD.\($0), NEW.\($0)" } ?? "NULL, NULL" }
    return "synckit_mask(NEW.\(quote(shape.keyColumn)), \(pairs.joined(separator: ", ")))"
  }

  /// Returns SQL that is true for a row that could never be sent.
  static func badValue(_ shape: TableShape) -> String {
    "synckit_bad(\(([shape.keyColumn] + shape.columns.map(\.name)).map { "NEW." + quote($0) }.joined(separator: ", ")))"
  }
}

/// Returns a name as an SQL identifier.
package func quote(_ name: String) -> String {
  // Checks for a quote by byte first: nearly no name has one, and searching for a pattern costs more than all else here.
  "\"" + (name.utf8.contains(0x22) ? name.replacing("\"", with: "\"\"") : name) + "\""
}
