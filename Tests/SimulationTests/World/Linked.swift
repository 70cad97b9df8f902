@testable import SyncCore
@testable import SyncStore

/// Rows that are tied to one another: values that only one row should have, references, rows that an edit brings back, and a table
/// that only programs from version 2 on have. What goes wrong with them the hub holds, or keeps in conflicts.
extension Tables {
  static let linked: [String: [Column]] = [
    "team": [
      Column(name: "name", values: .name), Column(name: "motto"), Column(name: "size", values: .amount, defaultValue: .integer(1)),
    ],
    "task": [
      Column(name: "team", values: .reference), Column(name: "words"), Column(name: "items", policy: .perKey),
      Column(name: "hours", values: .amount),
    ],
    "badge": [Column(name: "owner", values: .reference, since: 2), Column(name: "words", since: 2)],
  ]

  static let softKey = (table: "team", column: "name")
  /// Columns that hold the key of a `team`.
  static let references = ["task": "team", "badge": "owner"]
  /// Rows that an edit brings back that their deletion had not seen.
  static let returning: Set<String> = ["task"]
  /// Tables in which two units sometimes give rows of their own one key: the hub holds those of the second.
  static let sharing: Set<String> = ["team", "task"]
  static let sharedKeys = ["both-k1", "both-k2"]
  /// One is written in two ways that look the same, and one differs in case.
  static let names = ["Lan", "H\u{f2}a", "Ho\u{300}a", "lan"]

  static let declaredLinked = [
    ReplicatedTable("team", scopeColumn: "unit", softKeys: ["name"]),
    ReplicatedTable("task", scopeColumn: "unit", policies: ["items": .perKey], deletion: .editWins, references: ["team": "team"]),
    ReplicatedTable("badge", scopeColumn: "unit", references: ["owner": "team"]),
  ]

  /// - Parameter isLoose: See `Program.loose`.
  static func linkedSQL(isLoose: Bool) -> String {
    """

    CREATE TABLE team (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, name TEXT, motto,
      size \(isLoose ? "" : "INTEGER NOT NULL") DEFAULT 1) WITHOUT ROWID;
    CREATE TABLE task (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, team TEXT, words, items TEXT,
      hours \(isLoose ? "" : "INTEGER")) WITHOUT ROWID;
    """
  }
  static let linkedSince2SQL = """

    CREATE TABLE badge (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, owner TEXT, words) WITHOUT ROWID;
    """
}

extension Program {
  /// A client of its own, whose tables take every value where the others' take whole numbers.
  static let loose = Program(tables: Tables.declared, isLoose: true) { Tables.migrator(version: $0, isLoose: true) }
}

extension Tables {
  /// Whether the hub's table takes a value.
  static func takes(_ value: CellValue, in column: String) -> Bool {
    guard let column = linked.values.joined().first(where: { $0.name == column }), column.values == .amount else { return true }
    return value.integer != nil || value.isNull && column.defaultValue.isNull
  }
}

extension RowName {
  /// Whether two units may each have a row of this name.
  var isShared: Bool { Tables.sharedKeys.contains(key) }
}

extension Simulation {
  /// Rows under shared keys that another unit than `scope` has, as a store shows them.
  static func foreignRows(in session: any SQLSession, scope: String) throws -> Set<RowName> {
    var rows: Set<RowName> = []
    for table in Tables.sharing {
      for row in try session.rows("SELECT id FROM \(table) WHERE unit <> ?1", [.text(scope)]) {
        rows.insert(RowName(table: table, key: row[0].text ?? ""))
      }
    }
    return rows.filter(\.isShared)
  }
}
