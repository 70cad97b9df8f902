import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncKit

/// What one transaction may hold always fits into batches that a hub accepts, and its parts come back as they were merged.
@Suite struct LargeUnitTests {
  private static let columns = (1...6).map { "p\($0)" }
  private static let table = ReplicatedTable("wide", scopeColumn: "unit")
  private static let sql =
    "CREATE TABLE wide (id TEXT PRIMARY KEY NOT NULL, \(columns.joined(separator: ", ")), unit TEXT NOT NULL) WITHOUT ROWID"

  private func insertLarge(_ replica: Replica, _ ids: [String]) async throws {
    let values = Self.columns.map { _ in "randomblob(900000)" }.joined(separator: ", ")
    let rows = ids.map { "('\($0)', \(values), '07201')" }.joined(separator: ", ")
    try await replica.execute("INSERT INTO wide (id, \(Self.columns.joined(separator: ", ")), unit) VALUES \(rows)")
  }

  @Test(.long) func aRowLargerThanABatchIsMergedAndNotHeld() async throws {
    let stage = try await Stage(Self.sql, tables: [Self.table])
    let (a, b) = (try await stage.device("a"), try await stage.device("b"))
    try await insertLarge(a, ["x", "y"])
    try await stage.sync(a)
    try await stage.sync(b)
    #expect(try await stage.rows("SELECT reason, detail FROM hub_held") == [])
    let sums = "SELECT id, " + Self.columns.map { "hex(substr(\($0), 1, 8))" }.joined(separator: ", ") + " FROM wide ORDER BY id"
    #expect(try await b.rows(sums) == (try await a.rows(sums)))
  }

  @Test(.long) func thePartsOfACutUnitTakeEachItsOwnNewStamp() async throws {
    let stage = try await Stage(Self.sql, tables: [Self.table])
    let clock = TestClock(stage.clock.nowMs())
    let (a, b) = (try await stage.device("a", clock: clock), try await stage.device("b"))
    clock.advance(365 * 24 * 3600 * 1000)
    try await insertLarge(a, ["x"])
    // Before the next exchange measures the clock anew.
    try await a.seal()
    for replica in [a, a, b] { try await stage.sync(replica) }
    func versions(_ replica: Replica) async throws -> [String] {
      try await replica.engineRead { transaction in
        let shape = try #require(transaction.rows.shape("wide"))
        let state = try #require(try transaction.rows.load(shape, key: .text("x"), in: nil)).state
        return state.cells.map { "\($0.key) \($0.value.origin.version)" }.sorted()
      }
    }
    #expect(try await versions(a) == (try await versions(b)))
  }

  @Test func transactionsJoinedByOneRowAreCutWhenTheyHaveMoreRowsThanABatch() throws {
    let changes = (0...WireLimits.rowsMax).map { RowChange(table: "t", key: .integer(Int64($0)), life: 2, cells: []) }
    let parts = UnitCutting.cut(ChangeUnit(stamp: .zero, changes: changes))
    #expect(parts.count == 2 && parts.allSatisfy { $0.changes.count <= WireLimits.rowsMax })
    #expect(parts.flatMap(\.changes) == changes)
  }

  @Test func aBatchHasFewRowsWhereItsUnitsAllowIt() {
    func unit(_ rows: Int) -> ChangeUnit {
      ChangeUnit(stamp: .zero, changes: (0..<rows).map { RowChange(table: "t", key: .integer(Int64($0)), life: 2, cells: []) })
    }
    let units = Array(repeating: unit(1), count: 1200) + [unit(800), unit(499), unit(1), unit(1)]
    let batches = UnitCutting.batches(of: units)
    #expect(batches.map { $0.reduce(0) { $0 + $1.changes.count } } == [500, 500, 200, 800, 500, 1])
    #expect(batches.flatMap { $0 }.count == units.count)
  }

  @Test func keysCountWhenAUnitIsCut() throws {
    let changes = (0..<40_000).map { _ in
      RowChange(table: "t", key: .blob(Data(repeating: 7, count: WireLimits.keyBytesMax)), life: 2, cells: [])
    }
    for part in UnitCutting.cut(ChangeUnit(stamp: .zero, changes: changes)) {
      #expect(part.changes.reduce(0) { $0 + $1.approximateBytes } <= UnitCutting.rawBytesMax)
    }
  }
}
