import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

@Suite struct StoreReviewTests {
  @Test func aMissingKeyFileOfAnEnrolledDeviceIsNamed() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    try FileManager.default.removeItem(atPath: a.path + ".key")
    for work in [{ try await a.seal() }, { _ = try await a.sync(with: world.transport) }] {
      let error = await #expect(throws: SyncError.self) { try await work() }
      #expect(error?.code == .keyUnusable)
      #expect(error?.explanation.en.contains(a.path + ".key") == true)
    }
    #expect(try await a.status().pendingChanges == 1)
  }

  @Test func anotherDevicesKeyFileIsRefusedBeforeAnythingIsSealedWithIt() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    try FileManager.default.removeItem(atPath: a.path + ".key")
    try FileManager.default.copyItem(atPath: b.path + ".key", toPath: a.path + ".key")
    #expect(await #expect(throws: SyncError.self) { try await a.seal() }?.code == .keyUnusable)
    #expect(try await a.outboxBatches().isEmpty)
  }

  @Test func anEmptyFileIsNoStore() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/x.sqlite"
    #expect(FileManager.default.createFile(atPath: path, contents: Data()))
    let error = #expect(throws: SyncError.self) { _ = try Replica.open(at: path, tables: [], create: false) }
    #expect(error?.code == .storeDamaged)
    #expect(#expect(throws: SyncError.self) { _ = try SQLiteHubStore.open(at: path, tables: [], create: false) }?.code == .storeDamaged)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).isEmpty)
  }

  @Test func anUnreachableHubIsNamedWithItsPort() async throws {
    let transport = try HTTPTransport(hub: "http://127.0.0.1:9")
    let error = await #expect(throws: SyncError.self) { _ = try await transport.send(HubRequest("GET", "/v1/hub"), timeoutMs: 5000) }
    #expect(error?.explanation.en.contains("127.0.0.1:9") == true && error?.explanation.vi.contains("127.0.0.1:9") == true)
  }

  @Test func aStalePageDoesNotSetTheCursorBack() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await a.sync(with: world.transport)
    let reader = try #require(try await world.hub.device(try b.secrets().signingKey.replica))
    let bytes = try await world.hub.page(for: reader, cursor: Data())
    let stale = try PageCodec.open(bytes, hub: try await b.hubKey())
    try await a.execute("UPDATE note SET a = 2")
    _ = try await a.sync(with: world.transport)
    _ = try await b.sync(with: world.transport)
    let cursor = try await b.rows("SELECT value FROM sync_state WHERE name = 'cursor'")
    _ = try await b.apply(stale, bytes: bytes, after: Data())
    #expect(try await b.rows("SELECT value FROM sync_state WHERE name = 'cursor'") == cursor)
  }

  @Test func aPageThatLeavesSomethingOutIsNotApplied() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    for id in ["n", "m"] {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", [id])
      _ = try await a.sync(with: world.transport)
    }
    let reader = try #require(try await world.hub.device(try b.secrets().signingKey.replica))
    let bytes = try await world.hub.page(for: reader, cursor: Data())
    var page = try PageCodec.open(bytes, hub: try await b.hubKey())
    #expect(page.units.count == 2)
    page.units.removeFirst()
    let cut = page
    let error = await #expect(throws: SyncError.self) { _ = try await b.apply(cut, bytes: bytes) }
    #expect(error?.code == .badCursor && error?.expected == 1)
    #expect(try await b.notes() == [])
  }

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
