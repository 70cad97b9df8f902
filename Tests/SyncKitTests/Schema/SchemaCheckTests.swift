import Foundation
import GRDB
import SyncKit
import TestSupport
import Testing

@Suite struct SchemaCheckTests {
  @Test func everyMistakeIsReportedAtOnceWithItsRemedy() throws {
    let folder = try TemporaryFolder()
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          CREATE TABLE nokey (a, unit TEXT NOT NULL);
          CREATE TABLE numbered (id INTEGER PRIMARY KEY NOT NULL, unit TEXT NOT NULL);
          CREATE TABLE other (id TEXT PRIMARY KEY NOT NULL);
          CREATE TABLE many (id TEXT PRIMARY KEY, unit TEXT, a TEXT UNIQUE, b TEXT NOT NULL, c CHECK (c > 0), d REFERENCES other);
          """)
    }
    let names = ["nokey", "numbered", "missing", "other", "many"]
    let error = #expect(throws: SyncError.self) {
      _ = try Replica.open(
        at: folder.path + "/x.sqlite", tables: names.map { ReplicatedTable($0, scopeColumn: "unit") }, migrator: migrator)
    }
    let text = error?.explanation.en ?? ""
    #expect(error?.code == .badSchema)
    for part in [
      "nokey needs a primary key", "numbered has an INTEGER key", "missing does not exist", "other has no scope column unit",
      "many allows a NULL key", "scope column unit that allows NULL", "UNIQUE beyond its key", "column b NOT NULL without DEFAULT",
      "has a CHECK", "enforced foreign key",
    ] {
      #expect(text.contains(part), "missing: \(part)")
    }
    #expect(error?.explanation.vi.contains("Bảng many") == true)
  }

  @Test func aFileThatIsNoDatabaseAndAMissingOneAreNamed() throws {
    let folder = try TemporaryFolder()
    try "not a database, not at all, but long enough to have a header of its own".write(
      toFile: folder.path + "/x.sqlite", atomically: true, encoding: .utf8)
    #expect(throws: SyncError.self) { try Replica.open(at: folder.path + "/x.sqlite", tables: []) }
    let error = #expect(throws: SyncError.self) { try Replica.open(at: folder.path + "/none.sqlite", tables: [], create: false) }
    #expect(error?.code == .storeMissing)
  }
}
