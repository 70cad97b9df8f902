import GRDB

@testable import SyncKit

/// How a column merges, in the oracle's own words.
enum Policy: Sendable, Hashable {
  case lastWriter
}

/// A column the workload writes. A new kind of column is one more line of `Tables.columns`.
struct Column: Sendable, Hashable {
  enum Values: Sendable, Hashable {
    case any, text, integer
  }

  var name: String
  var policy: Policy = .lastWriter
  var values: Values = .any
  var defaultValue: CellValue = .null
  /// The version of the program that first has it.
  var since = 1
}

/// What simulated programs declare. A program of version 1 does not have every column.
enum Tables {
  static let newest = 2
  static let province = "24"
  static let units = ["07201", "07202"]

  static let columns: [String: [Column]] = [
    "note": [
      Column(name: "a"), Column(name: "b", values: .text, defaultValue: .text("")),
      Column(name: "c", values: .text, defaultValue: .text("none")), Column(name: "extra", since: 2),
    ],
    "visit": [Column(name: "place"), Column(name: "score", values: .integer, defaultValue: .integer(0))],
    "notice": [Column(name: "words", values: .text)],
  ]

  static func columns(of table: String, version: Int) -> [Column] { (columns[table] ?? []).filter { $0.since <= version } }

  static let declared = [
    ReplicatedTable("note", scopeColumn: "unit"),
    ReplicatedTable("visit", scopeColumn: "unit"),
    ReplicatedTable("notice", scopeColumn: "unit", writer: .hub),
    ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous),
  ]

  static func migrator(version: Int) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          CREATE TABLE note (
            id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a, b TEXT NOT NULL DEFAULT '', c TEXT COLLATE NOCASE DEFAULT 'none') WITHOUT ROWID;
          CREATE TABLE visit (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, place, score INTEGER NOT NULL DEFAULT 0);
          CREATE TABLE notice (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT) WITHOUT ROWID;
          CREATE TABLE answer (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
          """)
    }
    if version >= 2 { migrator.registerMigration("2") { db in try db.execute(sql: "ALTER TABLE note ADD COLUMN extra") } }
    return migrator
  }
}

/// A row by table and key.
struct RowName: Hashable, Comparable, Sendable, CustomStringConvertible {
  var table: String
  var key: String

  static func < (a: RowName, b: RowName) -> Bool { (a.table, a.key) < (b.table, b.key) }
  var description: String { "\(table)/\(key)" }
}

extension CellValue {
  var short: String {
    switch self {
    case .null: "-"
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let text): text.count > 24 ? "\(text.prefix(16))…(\(text.utf8.count))" : text
    case .blob(let bytes): bytes.count > 12 ? "x(\(bytes.count))" : "x" + bytes.hex
    }
  }
}
