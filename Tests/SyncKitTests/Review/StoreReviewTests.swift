import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncKit

@Suite struct StoreReviewTests {
  @Test func anUpgradeFetchesWhatTheOlderProgramDidNotKnow() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let path = world.folder.path + "/old.sqlite"
    var first = DatabaseMigrator()
    first.registerMigration("old") {
      try $0.execute(sql: "CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID")
    }
    let tables = [ReplicatedTable("note", scopeColumn: "unit")]
    var old = try Replica.open(at: path, tables: tables, migrator: first, clock: world.clock)
    try await old.enroll(
      code: try await world.hub.makeCode(scope: "07201", readScopes: ["24", "07201"]), label: "old", through: world.transport)
    try await a.execute("INSERT INTO note (id, unit, a, b, c) VALUES ('n', '07201', 1, 2, 3)")
    _ = try await a.sync(with: world.transport)
    _ = try await old.sync(with: world.transport)
    try old.close()
    first.registerMigration("new") {
      try $0.execute(sql: "ALTER TABLE note ADD COLUMN b; ALTER TABLE note ADD COLUMN c TEXT COLLATE NOCASE DEFAULT 'none'")
    }
    old = try Replica.open(at: path, tables: tables, migrator: first, clock: world.clock)
    _ = try await old.sync(with: world.transport)
    #expect(try await old.notes() == ["n 1 2 3"])
  }
}
