import Foundation
import GRDB
import SyncHub
import SyncKit
import TestSupport
import Testing

/// Section 8: what is new is accepted; what would read or merge differently is refused, all of it at once, before anything is touched.
@Suite struct SchemaChangeTests {
  enum Side: CaseIterable {
    case field, hub
  }

  private struct Version {
    var tables: [ReplicatedTable]
    /// Each a migration of its own.
    var sql: [String]

    var migrator: DatabaseMigrator {
      var migrator = DatabaseMigrator()
      for (number, sql) in sql.enumerated() { migrator.registerMigration("\(number)") { db in try db.execute(sql: sql) } }
      return migrator
    }
  }

  private static let first = """
    CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT, stage TEXT DEFAULT 'draft', count INTEGER NOT NULL
      DEFAULT 0, mark) WITHOUT ROWID;
    CREATE TABLE place (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, name TEXT) WITHOUT ROWID;
    """
  private static let stages = MergePolicy.ranked(["draft", "done"])
  private static let tables = [
    ReplicatedTable("note", scopeColumn: "unit", policies: ["stage": stages, "count": .counter]),
    ReplicatedTable("place", scopeColumn: "unit"),
  ]
  private static let original = Version(tables: tables, sql: [first])

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ version: Version, _ side: Side, _ body: (any DatabaseReader) throws -> Void = { _ in }) throws {
    let path = folder.path + "/x.sqlite"
    switch side {
    case .field:
      let replica = try Replica.open(at: path, tables: version.tables, migrator: version.migrator)
      try body(replica.database)
      try replica.close()
    case .hub: try SQLiteHubStore.open(at: path, tables: version.tables, migrator: version.migrator).close()
    }
  }

  /// What opening a later version says; the earlier one must open as before afterwards.
  private func refusal(_ later: Version, _ side: Side) throws -> String {
    try open(Self.original, side)
    let error = #expect(throws: SyncError.self) { try open(later, side) }
    #expect(error?.code == .badSchema)
    #expect(error?.explanation.vi.contains("Bảng") == true)
    try open(Self.original, side)
    return error?.explanation.en ?? ""
  }

  private func later(_ sql: String, tables: [ReplicatedTable] = tables) -> Version { Version(tables: tables, sql: [Self.first, sql]) }

  @Test(arguments: Side.allCases) func everyDestructiveChangeIsNamedAtOnceWithItsRemedy(_ side: Side) throws {
    let changed = [
      ReplicatedTable(
        "note", scopeColumn: "unit", policies: ["words": .review, "stage": .ranked(["draft", "sent", "done"]), "mark": .max],
        deletion: .editWins)
    ]
    let text = try refusal(
      later(
        """
        DROP TABLE note;
        CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT DEFAULT '-', stage TEXT DEFAULT 'draft',
          mark INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        """, tables: changed), side)
    for part in [
      "changes its deletion from deleteWins to editWins; leave it and make a new table",
      "lost column count; keep the column, and stop writing to it",
      "changes the default of column words from NULL to TEXT -; leave it and add a new column",
      "changes the policy of column stage from ranked(draft,done) to ranked(draft,sent,done)",
      "changes the type of column mark from none to numeric", "changes the NULL rule of column mark from NULL to NOT NULL",
      "changes the policy of column mark from lww to max", "Table place was replicated and is no longer declared; keep it declared",
    ] {
      #expect(text.contains(part), "missing: \(part) in \(text)")
    }
    #expect(!text.contains("column place"))
    #expect(!text.contains("policy of column words"), "asking a person changes nothing about what stands")
  }

  @Test(arguments: Side.allCases) func aRefusedMigrationLeavesTheStoreAsItWas(_ side: Side) throws {
    var version = later("INSERT INTO note (id, unit, words) VALUES ('1', '07201', 'kept')")
    try open(version, side)
    let known = version
    version.sql.append("ALTER TABLE note DROP COLUMN words; DELETE FROM note")
    #expect(try refusal(version, side).contains("lost column words"))
    try open(known, side)
    let words = try DatabaseQueue(path: folder.path + "/x.sqlite").read { db in try String.fetchAll(db, sql: "SELECT words FROM note") }
    #expect(words == ["kept"])
  }

  @Test(arguments: Side.allCases) func aStoreOfTheOtherKindIsRefusedAndLeftAlone(_ side: Side) throws {
    try open(Self.original, side)
    let later = later("CREATE TABLE local (id INTEGER PRIMARY KEY)")
    let error = #expect(throws: SyncError.self) { try open(later, side == .hub ? .field : .hub) }
    #expect(error?.explanation.en.contains(side == .hub ? "is a hub's" : "is a device's") == true)
    #expect(try DatabaseQueue(path: folder.path + "/x.sqlite").read { try $0.tableExists("local") } == false)
    try open(Self.original, side)
  }

  @Test(arguments: Side.allCases) func theScopeTheKeyAndTheKindOfATableStay(_ side: Side) throws {
    let text = try refusal(
      later(
        """
        DROP TABLE place;
        CREATE TABLE place (code BLOB PRIMARY KEY NOT NULL, unit TEXT NOT NULL, name TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
        """, tables: [Self.tables[0], ReplicatedTable("place", scopeColumn: "name", writer: .hub)]), side)
    for part in [
      "changes its key from id text to code none", "changes its scope column from unit to name", "changes its writer from scope to hub",
    ] {
      #expect(text.contains(part), "missing: \(part) in \(text)")
    }
  }

  @Test(arguments: Side.allCases) func whatIsNewIsAcceptedAndFromThenOnKept(_ side: Side) throws {
    try open(Self.original, side)
    let new = [
      ReplicatedTable(
        "note", scopeColumn: "unit", policies: ["stage": Self.stages, "count": .counter, "tags": .perKey], softKeys: ["words"]),
      Self.tables[1], ReplicatedTable("visit", scopeColumn: "unit"),
    ]
    let sql = """
      ALTER TABLE note ADD COLUMN tags TEXT;
      CREATE TABLE visit (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, day TEXT) WITHOUT ROWID;
      """
    try open(later(sql, tables: new), side)
    try open(later(sql, tables: new), side)
    let error = #expect(throws: SyncError.self) { try open(Self.original, side) }
    let text = error?.explanation.en ?? ""
    #expect(text.contains("Table visit was replicated and is no longer declared"))
    #expect(text.contains("changes the policy of column tags from perKey to lww"))
  }

  @Test func aStoreThatKeptNoDeclarationStillKnowsItsColumns() throws {
    try open(Self.original, .field) { database in
      try (database as? DatabasePool)?.write { db in try db.execute(sql: "DELETE FROM sync_declared") }
    }
    let error = #expect(throws: SyncError.self) { try open(later("ALTER TABLE place DROP COLUMN name"), .field) }
    #expect(error?.explanation.en.contains("Table place lost column name") == true)
    try open(Self.original, .field)
    #expect(throws: SyncError.self) { try open(Version(tables: [Self.tables[1]], sql: [Self.first]), .field) }
  }

  @Test func aMigrationThatNeedsItsRowsSpeaksForItself() throws {
    try open(Self.original, .field) { database in
      try (database as? DatabasePool)?.write { db in
        try db.execute(sql: "INSERT INTO note (id, unit, words) VALUES ('1', '07201', 'kept')")
      }
    }
    try open(
      later("CREATE TEMP TABLE t (a NOT NULL); INSERT INTO t SELECT (SELECT words FROM note); ALTER TABLE note ADD COLUMN more"), .field
    ) { database in
      let rows = try database.read { db in try Row.fetchAll(db, sql: "SELECT more FROM note").count }
      #expect(rows == 1)
    }
  }

  @Test func everyMistakeOfADeclarationHasItsRemedy() throws {
    let sql = """
      CREATE TABLE nokey (a, unit TEXT, b UNIQUE);
      CREATE TABLE pairs (a TEXT NOT NULL, b TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (a, b));
      CREATE TABLE soft (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, name TEXT UNIQUE, o TEXT DEFAULT '{"a":1}', n INTEGER,
        c INTEGER CHECK (c > 0), d TEXT REFERENCES pairs, UNIQUE (name, n)) WITHOUT ROWID;
      """
    let tables = [
      ReplicatedTable("nokey", scopeColumn: "unit", policies: ["gone": .max]), ReplicatedTable("pairs", scopeColumn: "unit"),
      ReplicatedTable(
        "soft", scopeColumn: "unit", policies: ["o": .perKey, "n": .ranked([]), "missing": .counter], softKeys: ["name", "n"],
        references: ["d": "nowhere", "e": "pairs"]),
    ]
    let error = #expect(throws: SyncError.self) { try open(Version(tables: tables, sql: [sql]), .field) }
    let text = error?.explanation.en ?? ""
    for part in [
      "Table nokey needs a primary key of exactly one column; add PRIMARY KEY", "Table pairs needs a primary key",
      "Table nokey has a scope column unit that allows NULL; add NOT NULL", "Table nokey has UNIQUE beyond its key, on b; drop it",
      "Table nokey has a policy for gone, which is no column",
      "Table soft has UNIQUE beyond its key, on name; drop it and declare softKeys",
      "Table soft has UNIQUE beyond its key, on name, n", "Table soft has an enforced foreign key; drop REFERENCES and declare references",
      "Table soft has a CHECK; drop it", "Table soft has a policy for missing, which is no column",
      "column o that does not fit its policy: perKey needs type TEXT with default NULL or '{}'",
      "column n that does not fit its policy: ranked needs", "declares the soft key n, which is no TEXT column",
      "refers in d to table nowhere, which is not declared; declare it", "declares a reference on e, which is no column",
    ] {
      #expect(text.contains(part), "missing: \(part) in \(text)")
    }
  }
}
