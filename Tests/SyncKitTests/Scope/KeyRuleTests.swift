import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// A key that says whose it is belongs to that scope, whoever came first.
@Suite struct KeyRuleTests {
  private static func schema(_ rule: KeyRule) -> World.Schema {
    World.Schema(
      tables: [ReplicatedTable("sheet", scopeColumn: "unit", keyRule: rule)],
      sql: "CREATE TABLE sheet (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID;")
  }
  private static let ruled = schema(.scopePrefixed("/"))

  private func held(_ world: World) async throws -> [String] {
    try await world.hub.heldUnits().map { "\($0.scope) \($0.reason) \($0.detail)" }
  }

  private func sheets(_ world: World) async throws -> [String] {
    try await world.hub.read { try $0.rows("SELECT id, unit, a FROM sheet ORDER BY id").map { $0.map(\.shown).joined(separator: " ") } }
  }

  private func findings(_ world: World) async throws -> [Finding.Kind] {
    let keys = try HubKeys.load(from: world.folder.path + "/keys")
    return try await SQLiteHubStore.examine(at: world.hubStore.path, tables: Self.ruled.tables, keys: keys).findings.map(\.kind)
  }

  @Test(.long, arguments: ["07204/1", "07204", "0720", "/1", "07201", "07201/", "072014/1", "7201/1"]) func aKeyThatIsNotTheAuthorsIsHeld(
    key: String
  )
    async throws
  {
    let world = try await World(schema: Self.ruled)
    let (a, b) = (try await world.device("a"), try await world.device("b", unit: "07204"))
    try await a.execute("INSERT INTO sheet (id, unit, a) VALUES (?, '07201', 'taken')", [key])
    _ = try await a.sync(with: world.transport)
    #expect(try await held(world) == ["07201 scope sheet"])
    #expect(try await sheets(world) == [])
    // The owner never notices, and what a third says of a key that stands is answered alike.
    try await b.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/1', '07204', 'mine')")
    _ = try await b.sync(with: world.transport)
    #expect(try await sheets(world) == ["07204/1 07204 mine"])
    let c = try await world.device("c", unit: "07207")
    try await c.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/1', '07207', 'taken')")
    try await c.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/2', '07207', 'taken')")
    _ = try await c.sync(with: world.transport)
    #expect(try await held(world) == ["07201 scope sheet", "07207 scope sheet", "07207 scope sheet"])
  }

  @Test func oneRowAScopeHasTheScopeAsItsKey() async throws {
    let world = try await World(schema: Self.schema(.scopeItself))
    let a = try await world.device("a")
    for key in ["07201", "07204", "07201/1", "0720"] {
      try await a.execute("INSERT INTO sheet (id, unit, a) VALUES (?, '07201', 1)", [key])
    }
    _ = try await a.sync(with: world.transport)
    #expect(try await sheets(world) == ["07201 07201 1"])
    #expect(try await held(world).count == 3)
  }

  /// A store in which 07201 took a key of 07204's before there were rules, and 07204's own row is held.
  private func squatted() async throws -> (world: World, taker: Replica, owner: Replica) {
    let folder = try TemporaryFolder()
    var world = try await World(schema: Self.schema(.any), folder: folder)
    var a = try await world.device("a")
    try await a.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/1', '07201', 'taken')")
    try await a.execute("INSERT INTO sheet (id, unit, a) VALUES ('07201/1', '07201', 'ours')")
    _ = try await a.sync(with: world.transport)
    var b = try await world.device("b", unit: "07204")
    try await b.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/1', '07204', 'mine')")
    _ = try await b.sync(with: world.transport)
    #expect(try await held(world) == ["07204 scope sheet"])
    let now = world.clock.nowMs()
    try a.close()
    try b.close()
    try world.hub.close()
    world = try await World(leftIn: folder, schema: Self.ruled, nowMs: now + 1000)
    (a, b) = (try world.replica("a"), try world.replica("b"))
    return (world, a, b)
  }

  @Test(.long) func takenKeysAreFoundAndGivenBackByOneAct() async throws {
    let (world, a, b) = try await squatted()
    #expect(try await findings(world) == [.foreignKey])
    #expect(try await world.hub.foreignKeys() == [ForeignKey(table: "sheet", key: .text("07204/1"), scope: "07201")])
    #expect(try await world.hub.retryHeld() == 0)
    // Nothing more is taken of it, but its end would be.
    try await a.execute("UPDATE sheet SET a = 'more' WHERE id = '07204/1'")
    _ = try await a.sync(with: world.transport)
    #expect(try await held(world) == ["07201 scope sheet", "07204 scope sheet"])

    let result = try await world.hub.freeKeys(by: "province", because: "taken")
    #expect(result.freed.map(\.key) == [.text("07204/1")])
    #expect(result.merged == 1)
    #expect(try await sheets(world) == ["07201/1 07201 ours", "07204/1 07204 mine"])
    #expect(try await held(world) == ["07201 scope sheet"])
    let kept = try await world.hub.read { try $0.rows("SELECT scope, image FROM hub_deleted_row").map { $0.map(\.shown) } }
    #expect(kept == [["07201", #"{"a":"taken","unit":"07201"}"#]])
    let said = try await world.hub.read {
      try $0.rows("SELECT scope, row_key, choice, decided_by FROM sync_decision").map { $0.map(\.shown) }
    }
    #expect(said == [["07201", "07204/1", "freed", "province"]])
    #expect(try await findings(world) == [])
    try await world.hub.declineHeld(try #require(try await world.hub.heldUnits().first).id, by: "province", because: "taken")
    for replica in [a, b, a, b] { _ = try await replica.sync(with: world.transport) }
    for (replica, rows) in [(a, ["07201/1 ours"]), (b, ["07204/1 mine"])] {
      let shown = try await replica.database.read { db in
        try Row.fetchAll(db, sql: "SELECT id, a FROM sheet ORDER BY id").map { "\($0["id"] as String) \($0["a"] as String)" }
      }
      #expect(shown == rows)
      #expect(try await replica.status().agreement == .proved)
    }
    #expect(try await world.hub.freeKeys(by: "province", because: "again").freed == [])
    #expect(try await findings(world) == [])
    // The last image of what took the key cannot take it again.
    await #expect(throws: SyncError.self) { try await world.hub.restoreRow(table: "sheet", key: .text("07204/1")) }
  }

  /// Its taker itself ended the row, and the owner had not come yet.
  @Test(.long, arguments: [false, true]) func whatAnotherScopeLeftOfARowIsInNobodysWay(byHub: Bool) async throws {
    let (world, a, b) = try await squatted()
    try await a.execute("DELETE FROM sheet WHERE id = '07204/1'")
    _ = try await a.sync(with: world.transport)
    #expect(try await sheets(world) == ["07201/1 07201 ours"])
    if byHub {
      try await world.hub.write { try $0.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/1', '07204', 'hub')") }
      #expect(try await sheets(world) == ["07201/1 07201 ours", "07204/1 07204 hub"])
    }
    #expect(try await world.hub.retryHeld() == 1)
    _ = try await b.sync(with: world.transport)
    #expect(try await sheets(world) == ["07201/1 07201 ours", "07204/1 07204 \(byHub ? "hub" : "mine")"])
    try await b.execute("UPDATE sheet SET a = 'later'")
    // A key that another scope left free is not free for the scopes that it does not name.
    try await a.execute("INSERT INTO sheet (id, unit, a) VALUES ('07204/1', '07201', 'again')")
    for replica in [b, a, b] { _ = try await replica.sync(with: world.transport) }
    #expect(try await sheets(world) == ["07201/1 07201 ours", "07204/1 07204 later"])
    #expect(try await held(world) == ["07201 scope sheet"])
    #expect(try await findings(world) == [])
  }

  @Test func aRuleThatCannotWorkIsRefused() async throws {
    let schema = World.Schema(
      tables: [
        ReplicatedTable("sheet", scopeColumn: "unit", keyRule: .scopePrefixed("")),
        ReplicatedTable("page", scopeColumn: "unit", keyRule: .scopeItself),
      ],
      sql: """
        CREATE TABLE sheet (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE page (id BLOB PRIMARY KEY NOT NULL, unit TEXT NOT NULL) WITHOUT ROWID;
        """)
    let error = await #expect(throws: SyncError.self) { _ = try await World(schema: schema) }
    #expect(error?.explanation.en.components(separatedBy: "declares a key rule").count == 3)
  }
}
