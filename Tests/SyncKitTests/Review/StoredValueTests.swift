import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub

/// A value stands as it was sent, or its unit is held: never as something else, never at the cost of others.
@Suite struct StoredValueTests {
  private func held(_ sql: String, key: CellValue = .text("k"), _ cells: [CellChange]) async throws -> [String] {
    let stage = try await Stage(sql, tables: [ReplicatedTable("t", scopeColumn: "unit")])
    let a = try await stage.device("a")
    let change = RowChange(table: "t", key: key, life: 1, cells: [CellChange("unit", .text(Stage.unit))] + cells)
    return try receipt(try await stage.hub.ingest(try a.forge([unit(1, change)]))).held.map(\.reason)
  }

  @Test(.long) func whatAStrictTableWouldRefuseIsHeld() async throws {
    let sql = "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, n INTEGER, s TEXT) STRICT"
    #expect(try await held(sql, [CellChange("n", .text("many"))]) == ["value"])
    #expect(try await held(sql, [CellChange("s", .blob(Data([1])))]) == ["value"])
    #expect(try await held(sql, key: .blob(Data([1])), [CellChange("n", .integer(1))]) == ["value"])
    #expect(try await held(sql, [CellChange("n", .integer(1)), CellChange("s", .text("a"))]) == [])
  }

  @Test(.long) func whatAColumnWouldTurnIntoSomethingElseIsHeld() async throws {
    let sql = "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, n INTEGER, r REAL, u, d NUMERIC)"
    #expect(try await held(sql, [CellChange("n", .text(" 12 "))]) == ["value"])
    #expect(try await held(sql, [CellChange("d", .text("1e3"))]) == ["value"])
    #expect(try await held(sql, [CellChange("n", .real(3))]) == ["value"])
    #expect(try await held(sql, [CellChange("r", .integer(3))]) == ["value"])
    let fine = [
      CellChange("n", .text("12a")), CellChange("r", .real(3)), CellChange("u", .text("12")), CellChange("d", .real(0.5)),
    ]
    #expect(try await held(sql, fine) == [])
  }

  @Test func aKeyThatReadsAsAnothersIsHeld() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b", unit: "07204"))
    _ = try await world.hub.ingest(try a.forge([unit(1, note("5", [CellChange("a", .text("mine"))]))]))
    let disguised = RowChange(table: "note", key: .integer(5), life: 1, cells: [CellChange("unit", .text("07204"))])
    let result = try receipt(try await world.hub.ingest(try b.forge(scope: "07204", [unit(2, disguised)])))
    #expect(result.held.map(\.reason) == ["value"])
    #expect(try await world.hubNotes() == ["5 mine - none"])
  }

  @Test func aTextThatCouldNeverBeSentIsRefusedInColumnsOfEveryType() async throws {
    let stage = try await Stage(
      "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, j JSON, n INTEGER)",
      tables: [ReplicatedTable("t", scopeColumn: "unit")])
    let a = try await stage.device("a")
    for value in ["'a' || char(0)", "'x' || hex(zeroblob(600000))", "zeroblob(1100000)"] {
      for column in ["j", "n"] {
        await #expect(throws: DatabaseError.self) {
          try await a.execute("INSERT INTO t (id, unit, \(column)) VALUES ('x', '07201', \(value))")
        }
      }
    }
    try await a.execute("INSERT INTO t (id, unit, j, n) VALUES ('x', '07201', '{}', 12)")
  }

  @Test func rowsThatStoodBeforeReplicationBeganDoNotStopTheirMerging() async throws {
    let stage = try await Stage(
      "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a, b); INSERT INTO t VALUES ('k', '07201', 'seed', 'seed')",
      tables: [ReplicatedTable("t", scopeColumn: "unit")])
    let (a, b) = (try await stage.device("a"), try await stage.device("b"))
    try await a.execute("UPDATE t SET a = 'new', b = NULL")
    try await stage.sync(a)
    try await stage.sync(b)
    #expect(try await stage.rows("SELECT id, a, b FROM t") == ["k new -"])
    #expect(try await b.rows("SELECT id, a, b FROM t") == ["k new -"])
  }

  @Test func aKeyThatIgnoresCaseIsRefusedAtOpen() async throws {
    await #expect(throws: SyncError.self) {
      _ = try await Stage(
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, unit TEXT NOT NULL)",
        tables: [ReplicatedTable("t", scopeColumn: "unit")])
    }
  }

  @Test func anAnonymousTableThatRemembersTheOrderOfItsRowsIsRefusedAtOpen() async throws {
    await #expect(throws: SyncError.self) {
      _ = try await Stage(
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL)",
        tables: [ReplicatedTable("t", scopeColumn: "unit", kind: .anonymous)])
    }
  }
}
