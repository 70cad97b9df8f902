import Foundation
import GRDB

@testable import SyncCore

/// How a column merges, in the oracle's own words.
enum Policy: Sendable, Hashable {
  case lastWriter, review, perKey, max, min, counter
  case ranked([String])

  /// Whether the rule itself is the answer, so that nothing of one life is ever in conflict.
  var settlesItself: Bool { ![.lastWriter, .review, .perKey].contains(self) }
}

/// A column the workload writes. A new kind of column is one more line of `Tables.columns`.
struct Column: Sendable, Hashable {
  enum Values: Sendable, Hashable {
    case any, text, integer
    /// One of a few texts, which several rows will have.
    case name
    /// The key of a row of `Tables.links`.
    case reference
    /// A whole number; from a loose program sometimes one that the hub's table would turn into something else, or refuse.
    case amount
    /// The name of a photo that is on the device.
    case photo
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
  static let stages = ["draft", "submitted", "approved"]
  static let members = ["q1", "q2", "q3"]

  static let columns: [String: [Column]] = [
    "note": [
      Column(name: "a"), Column(name: "b", values: .text, defaultValue: .text("")),
      Column(name: "c", values: .text, defaultValue: .text("none")), Column(name: "tags", policy: .perKey),
    ] + since2,
    "visit": [
      Column(name: "place"), Column(name: "score", values: .integer, defaultValue: .integer(0)), Column(name: "finding", policy: .review),
      Column(name: "peak", policy: .max, values: .integer), Column(name: "low", policy: .min, values: .integer),
      Column(name: "stage", policy: .ranked(stages), values: .text, defaultValue: .text("draft")),
      Column(name: "count", policy: .counter, values: .integer, defaultValue: .integer(0)),
    ],
    "notice": [Column(name: "words", values: .text)],
    "picture": [Column(name: "file", values: .photo), Column(name: "words")],
  ].merging(linked) { $1 }

  /// A member that programs are said to compute from the rest of the row: no conflict opens about it.
  static let derived = (table: "note", place: Place(column: "tags", part: "q3"))

  static func isDerived(_ row: RowName, _ place: Place) -> Bool { row.table == derived.table && place == derived.place }

  static func columns(of table: String, version: Int) -> [Column] { (columns[table] ?? []).filter { $0.since <= version } }

  static let declared =
    [
      ReplicatedTable(
        "note", scopeColumn: "unit",
        policies: ["tags": .perKey, "height": .max, "depth": .min, "grade": .ranked(stages), "marks": .perKey, "tally": .counter]),
      ReplicatedTable(
        "visit", scopeColumn: "unit",
        policies: ["finding": .review, "peak": .max, "low": .min, "stage": .ranked(stages), "count": .counter]),
      ReplicatedTable("notice", scopeColumn: "unit", writer: .hub),
      ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous),
      ReplicatedTable("picture", scopeColumn: "unit", blobs: ["file"]),
    ] + declaredLinked

  static func migrator(version: Int, isLoose: Bool = false) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          CREATE TABLE note (
            id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a, b TEXT NOT NULL DEFAULT '', c TEXT COLLATE NOCASE DEFAULT 'none',
            tags TEXT) WITHOUT ROWID;
          CREATE TABLE visit (
            id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, place, score INTEGER NOT NULL DEFAULT 0, finding, peak INTEGER, low INTEGER,
            stage TEXT NOT NULL DEFAULT 'draft', count INTEGER NOT NULL DEFAULT 0);
          CREATE TABLE notice (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT) WITHOUT ROWID;
          CREATE TABLE answer (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
          CREATE TABLE picture (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, file TEXT, words) WITHOUT ROWID;
          """ + linkedSQL(isLoose: isLoose))
    }
    if version >= 2 { migrator.registerMigration("2") { db in try db.execute(sql: since2SQL + linkedSince2SQL) } }
    return migrator
  }
}

/// What the programs of one simulation declare, and how they make their tables.
struct Program: Sendable {
  var tables: [ReplicatedTable]
  var isLoose = false
  var migrator: @Sendable (_ version: Int) -> DatabaseMigrator

  static let usual = Program(tables: Tables.declared) { Tables.migrator(version: $0) }
}

/// A row by table and key.
struct RowName: Hashable, Comparable, Sendable, CustomStringConvertible {
  var table: String
  var key: String

  static func < (a: RowName, b: RowName) -> Bool { (a.table, a.key) < (b.table, b.key) }
  var description: String { "\(table)/\(key)" }
}

/// A place in a row that merges by itself.
struct Place: Hashable, Comparable, Sendable, CustomStringConvertible {
  var column: String
  /// A part of the cell: a member of an object, an increment. Empty for a whole cell.
  var part = ""

  static func < (a: Place, b: Place) -> Bool { (a.column, a.part) < (b.column, b.part) }
  var description: String { part.isEmpty ? column : column + "/" + part }
}

/// For those who have a `Place` of their own.
typealias CellPlace = Place

/// JSON objects with texts in them, in their one spelling.
enum Members {
  static func read(_ value: CellValue?) -> [String: String] {
    guard let text = value?.text else { return [:] }
    return (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
  }

  static func write(_ members: [String: String]) -> CellValue {
    .text("{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",") + "}")
  }

  /// A member's value as it merges.
  static func json(_ text: String?) -> CellValue { text.map { .text("\"\($0)\"") } ?? .null }
}

extension Column {
  /// What stands at one of its places, given what an app sees of it.
  func value(at place: Place, shown: CellValue?) -> CellValue? {
    policy == .perKey ? Members.read(shown)[place.part].map { Members.json($0) } : shown
  }
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
