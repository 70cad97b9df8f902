import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// L7: what cannot be merged waits whole, visibly, with a reason, and goes on when the reason is gone.
@Suite struct HeldUnitTests {
  static let schema = World.Schema(
    tables: [
      ReplicatedTable("parent", scopeColumn: "unit"),
      ReplicatedTable("child", scopeColumn: "unit", policies: ["visits": .counter, "least": .min], references: ["parent": "parent"]),
    ],
    sql: """
      CREATE TABLE parent (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID;
      CREATE TABLE child (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, parent TEXT, count INTEGER, visits INTEGER DEFAULT 0,
        note TEXT, least INTEGER) WITHOUT ROWID;
      """)

  let world: World
  let a: Replica
  let b: Replica

  init() async throws {
    world = try await World(schema: Self.schema)
    a = try await world.device("a")
    b = try await world.device("b")
  }

  private func both(_ rounds: Int = 3) async throws {
    for _ in 0..<rounds {
      for device in [a, b] { _ = try await device.sync(with: world.transport) }
    }
    for device in [a, b] {
      if case .differs(let tables) = try await device.status().agreement { Issue.record("differs in \(tables)") }
    }
  }

  private func rows(_ sql: String) async throws -> [[String]] {
    let atHub = try await world.hub.read { try $0.rows(sql).map { $0.map(\.shown) } }
    for device in [a, b] {
      let here = try await device.engineRead { try $0.session.rows(sql).map { $0.map(\.shown) } }
      #expect(here == atHub, "\(sql)")
    }
    return atHub
  }

  /// Sends a unit made by hand from `a`, as a client with other rules might.
  private func send(_ changes: [RowChange], number: UInt64 = 1, previous: Data = Data()) async throws -> SealedBatch {
    let key = try a.secrets().signingKey
    let content = BatchContent(
      replica: key.replica, scope: "07201", number: number, previous: previous, cursor: Data(),
      units: changes.map { ChangeUnit(stamp: HybridTimestamp(wallMs: world.clock.nowMs()), changes: [$0]) })
    let batch = try BatchCodec.seal(content, with: key)
    _ = try await world.hub.ingest(batch)
    return batch
  }

  private func row(_ table: String, _ key: String, life: UInt32 = 1, _ cells: [CellChange]) -> RowChange {
    RowChange(table: table, key: .text(key), life: life, cells: [CellChange("unit", .text("07201"))] + cells)
  }

  private func held() async throws -> [String] { try await world.hub.heldUnits().map(\.reason) }

  @Test(.long) func aChildIsMergedWhenItsParentArrivesWithTheUnitsBehindIt() async throws {
    try await a.execute("INSERT INTO child (id, unit, parent, note) VALUES ('c', '07201', 'p', 'x')")
    _ = try await a.sync(with: world.transport)
    try await a.execute("UPDATE child SET note = 'y', visits = visits + 1")
    _ = try await a.sync(with: world.transport)
    #expect(try await held() == ["parent", "behind"])
    #expect(try await a.status().heldChanges == 2)
    #expect(try await b.sync(with: world.transport).progress.unitsApplied == 0, "nothing held is in the feed")
    try await b.execute("INSERT INTO parent (id, unit) VALUES ('p', '07201')")
    try await both()
    #expect(try await held().isEmpty)
    #expect(try await rows("SELECT id, note, visits FROM child") == [["c", "y", "1"]])
    let status = try await a.status()
    #expect(status.heldChanges == 0 && status.mergedChanges == 2 && status.addsUp)
    #expect(try await world.hub.conflicts().isEmpty)
  }

  @Test(.long) func aChildInOneUnitWithItsParentIsMergedAtOnce() async throws {
    try await a.database.write { db in
      try db.execute(
        sql: "INSERT INTO child (id, unit, parent) VALUES ('c', '07201', 'p'); INSERT INTO parent (id, unit) VALUES ('p', '07201')")
    }
    try await both()
    #expect(try await rows("SELECT id FROM child") == [["c"]])
  }

  @Test(.long) func aParentWrittenByTheHubReleasesItsChildren() async throws {
    try await a.execute("INSERT INTO child (id, unit, parent) VALUES ('c', '07201', 'p')")
    _ = try await a.sync(with: world.transport)
    try await world.hub.write { try $0.execute("INSERT INTO parent (id, unit) VALUES ('p', '07201')") }
    try await both()
    #expect(try await rows("SELECT id FROM child") == [["c"]])
  }

  @Test(.long) func aDeclinedInsertIsDeletedOnItsDeviceAndKeptInAConflict() async throws {
    try await a.execute("INSERT INTO child (id, unit, parent, note) VALUES ('c', '07201', 'nowhere', 'kept')")
    _ = try await a.sync(with: world.transport)
    let unit = try #require(try await world.hub.heldUnits().first)
    #expect(unit.rows.first?.cells.contains { $0.column == "note" && $0.value == .text("kept") } == true)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "không có")
    await #expect(throws: SyncError.self) { try await world.hub.declineHeld(unit.id, by: "x", because: "") }
    try await both()
    #expect(try await rows("SELECT id FROM child").isEmpty)
    let status = try await a.status()
    #expect(status.heldChanges == 0 && status.addsUp)
    let kept = try await a.conflicts().filter { $0.rule == .declined }
    #expect(kept.contains { $0.column == "note" && $0.losing.value == .text("kept") })
    // The device goes on with the same key.
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'again')")
    try await both()
    #expect(try await rows("SELECT note FROM child") == [["again"]])
  }

  @Test(.long) func aDeclinedEditIsReplacedByTheHubsValues() async throws {
    try await a.execute("INSERT INTO child (id, unit, note, visits) VALUES ('c', '07201', 'first', 1)")
    try await both()
    try await a.execute("UPDATE child SET parent = 'nowhere', note = 'second', visits = visits + 4")
    try await both()
    #expect(try await a.engineRead { try $0.session.rows("SELECT note FROM child") } == [[.text("second")]])
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "")
    try await both()
    #expect(try await rows("SELECT parent, note, visits FROM child") == [["-", "first", "1"]])
  }

  @Test(.long) func aDeclinedValueThatStandsAlreadyOpensNoConflict() async throws {
    try await a.execute("INSERT INTO child (id, unit, note, visits) VALUES ('c', '07201', 'first', 1)")
    try await both()
    try await a.execute("UPDATE child SET parent = 'nowhere', note = 'second'")
    _ = try await a.sync(with: world.transport)
    try await world.hub.write { try $0.execute("UPDATE child SET note = 'second' WHERE id = 'c'") }
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "")
    try await both()
    #expect(try await a.conflicts().filter { $0.rule == .declined }.map(\.column) == ["parent"])
    #expect(try await rows("SELECT parent, note FROM child") == [["-", "second"]])
  }

  @Test(.long) func aDeclinedDeletionInsertsTheRowAgain() async throws {
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'first')")
    try await both()
    try await a.execute("INSERT INTO child (id, unit, parent) VALUES ('d', '07201', 'nowhere')")
    try await a.database.write { db in
      try db.execute(sql: "DELETE FROM child WHERE id = 'c'; UPDATE child SET note = 'x' WHERE id = 'd'")
    }
    try await both()
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "")
    try await both()
    #expect(try await held().isEmpty)
    #expect(try await rows("SELECT id, note FROM child") == [["c", "first"]])
  }

  /// Its later deletion cannot be declined before it: the device would never show anybody else's row of that key.
  @Test(.long) func aUnitBehindAnotherIsSettledAfterIt() async throws {
    try await a.execute("INSERT INTO child (id, unit, parent) VALUES ('c', '07201', 'nowhere')")
    _ = try await a.sync(with: world.transport)
    try await a.execute("DELETE FROM child")
    _ = try await a.sync(with: world.transport)
    let (first, second) = (try await world.hub.heldUnits()[0], try await world.hub.heldUnits()[1])
    #expect(second.reason == "behind")
    await #expect(throws: SyncError.self) { try await world.hub.declineHeld(second.id, by: "tỉnh", because: "") }
    await #expect(throws: SyncError.self) { try await world.hub.repairHeld(second.id, values: [:], by: "tỉnh", because: "") }
    try await world.hub.declineHeld(first.id, by: "tỉnh", because: "")
    #expect(try await held().isEmpty)
    try await both()
    try await b.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'b')")
    try await both()
    #expect(try await rows("SELECT note FROM child") == [["b"]])
  }

  @Test(.long) func aDeclinedInsertCanBeRestoredFromItsConflict() async throws {
    try await a.execute("INSERT INTO child (id, unit, parent, note) VALUES ('c', '07201', 'nowhere', 'kept')")
    try await both()
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "")
    try await both()
    let kept = try #require(try await a.conflicts().first { $0.column == "note" })
    _ = try await a.resolve(kept.id, as: .takeLoser, by: "a", because: "")
    try await both()
    #expect(try await rows("SELECT note FROM child") == [["kept"]])
  }

  /// The rule would let the device's own value stand over what the hub answers.
  @Test(.long) func aDeclinedValueLosesUnderEveryPolicy() async throws {
    try await a.execute("INSERT INTO child (id, unit, least) VALUES ('c', '07201', 7)")
    try await both()
    try await a.execute("UPDATE child SET parent = 'nowhere', least = 3")
    try await both()
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "")
    try await both()
    #expect(try await rows("SELECT parent, least FROM child") == [["-", "7"]])
  }

  @Test(.long) func aRepairKeepsLaterWritesOfOthersAndDropsLeftOutColumns() async throws {
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'first')")
    try await both()
    try await a.execute("UPDATE child SET parent = 'nowhere', note = 'a'")
    _ = try await a.sync(with: world.transport)
    world.clock.advance(1000)
    try await b.execute("UPDATE child SET note = 'b'")
    _ = try await b.sync(with: world.transport)
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.repairHeld(unit.id, values: [:], dropping: ["parent"], by: "tỉnh", because: "")
    try await both()
    #expect(try await rows("SELECT parent, note FROM child") == [["-", "b"]])
    #expect(try await a.conflicts().contains { $0.column == "note" && $0.losing.value == .text("a") })
  }

  @Test(.long) func aRepairThatOverwritesAnUnseenValueOpensAConflict() async throws {
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'first')")
    try await both()
    try await b.execute("UPDATE child SET note = 'b'")
    _ = try await b.sync(with: world.transport)
    world.clock.advance(1000)
    try await a.execute("UPDATE child SET parent = 'nowhere', note = 'a'")
    _ = try await a.sync(with: world.transport)
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.repairHeld(unit.id, values: [:], dropping: ["parent"], by: "tỉnh", because: "")
    try await both()
    #expect(try await rows("SELECT note FROM child") == [["a"]])
    #expect(try await a.conflicts().contains { $0.column == "note" && $0.losing.value == .text("b") })
  }

  @Test(.long) func aDecisionInADeclinedUnitDoesNotCountAndItsConflictIsOpenAgain() async throws {
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'first')")
    try await both()
    try await b.execute("UPDATE child SET note = 'b'")
    world.clock.advance(1000)
    try await a.execute("UPDATE child SET note = 'a'")
    try await both()
    let conflict = try #require(try await a.conflicts().first)
    try await a.execute("UPDATE child SET parent = 'nowhere', note = 'c'")
    _ = try await a.resolve(conflict.id, as: .takeLoser, by: "a", because: "")
    try await both()
    let unit = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "")
    try await both()
    for replica in [a, b] { #expect(try await replica.conflict(id: conflict.id).isOpen) }
    #expect(try await a.conflicts().allSatisfy { $0.table == "child" })
    #expect(try await rows("SELECT note FROM child") == [["a"]])
  }

  @Test(.long) func aValueThatDoesNotFitIsRepaired() async throws {
    _ = try await send([row("child", "c", [CellChange("count", .text("12")), CellChange("note", .text("x"))])])
    #expect(try await held() == ["value"])
    let id = try #require(try await world.hub.heldUnits().first?.id)
    await #expect(throws: SyncError.self) {
      try await world.hub.repairHeld(id, values: ["count": .text("13")], by: "tỉnh", because: "")
    }
    try await world.hub.repairHeld(id, values: ["count": .integer(12)], by: "tỉnh", because: "số ghi bằng chữ")
    #expect(try await held().isEmpty)
    #expect(try await world.hub.read { try $0.rows("SELECT count, note FROM child") } == [[.integer(12), .text("x")]])
    _ = try await b.sync(with: world.transport)
    #expect(try await b.engineRead { try $0.session.rows("SELECT count, note FROM child") } == [[.integer(12), .text("x")]])
  }

  /// Its column would make another value of it.
  @Test func aDeclinedValueThatDoesNotFitCannotBeRestored() async throws {
    _ = try await send([row("child", "c", [CellChange("count", .text("12"))])])
    let id = try #require(try await world.hub.heldUnits().first?.id)
    try await world.hub.declineHeld(id, by: "tỉnh", because: "")
    let kept = try #require(try await world.hub.conflicts().first { $0.column == "count" })
    let error = await #expect(throws: SyncError.self) {
      try await world.hub.resolve(kept.id, as: .takeLoser, by: "tỉnh", because: "")
    }
    #expect(error?.code == .badRequest)
    #expect(try await world.hub.read { try $0.rows("SELECT id FROM child") }.isEmpty)
    #expect(try await world.hub.conflicts().contains { $0.id == kept.id && $0.isOpen })
  }

  @Test(.long) func aRepairWritesOnlyRowsThatHadWrittenTheColumn() async throws {
    try await b.execute("INSERT INTO child (id, unit, note, count) VALUES ('d', '07201', 'first', 7)")
    try await both()
    try await a.database.write { db in
      try db.execute(
        sql: """
          INSERT INTO child (id, unit, parent, count) VALUES ('c', '07201', 'nowhere', 3);
          INSERT INTO child (id, unit, note) VALUES ('e', '07201', 'new');
          UPDATE child SET note = 'second' WHERE id = 'd';
          """)
    }
    _ = try await a.sync(with: world.transport)
    let id = try #require(try await world.hub.heldUnits().first?.id)
    let error = await #expect(throws: SyncError.self) {
      try await world.hub.repairHeld(id, values: ["least": .integer(1)], dropping: ["parent"], by: "tỉnh", because: "")
    }
    #expect(error?.code == .badRequest && error?.explanation.en.contains("least") == true)
    try await world.hub.repairHeld(id, values: ["count": .integer(4)], dropping: ["parent"], by: "tỉnh", because: "")
    try await both()
    let expected = [["c", "-", "4"], ["d", "second", "7"], ["e", "new", "-"]]
    #expect(try await rows("SELECT id, note, count FROM child ORDER BY id") == expected)
  }

  @Test(.long) func aKeyOfAnotherScopesRowIsRepairedByANewKey() async throws {
    let other = try await world.device("o", unit: "07202")
    try await other.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07202', 'theirs')")
    _ = try await other.sync(with: world.transport)
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'ours')")
    _ = try await a.sync(with: world.transport)
    #expect(try await held() == ["scope"])
    let id = try #require(try await world.hub.heldUnits().first?.id)
    try await world.hub.repairHeld(id, values: [:], key: .text("c2"), by: "tỉnh", because: "trùng khóa")
    try await both()
    #expect(
      try await world.hub.read { try $0.rows("SELECT id, note FROM child ORDER BY id") } == [
        [.text("c"), .text("theirs")], [.text("c2"), .text("ours")],
      ])
    for device in [a, b] {
      #expect(try await device.engineRead { try $0.session.rows("SELECT id, note FROM child") } == [[.text("c2"), .text("ours")]])
    }
    _ = try await other.sync(with: world.transport)
    #expect(try await other.engineRead { try $0.session.rows("SELECT note FROM child") } == [[.text("theirs")]])
  }

  @Test(.long) func aConflictAboutAnotherScopesKeyShowsNothingOfThatRow() async throws {
    let other = try await world.device("o", unit: "07202")
    try await other.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07202', 'theirs')")
    _ = try await other.sync(with: world.transport)
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'ours')")
    _ = try await a.sync(with: world.transport)
    let id = try #require(try await world.hub.heldUnits().first?.id)
    try await world.hub.declineHeld(id, by: "tỉnh", because: "trùng khóa")
    try await both()
    let kept = try await b.conflicts().filter { $0.column == "note" }
    #expect(kept.map(\.losing.value) == [.text("ours")] && kept.map(\.winning.value) == [.null])
    let author = try other.secrets().signingKey.replica
    #expect(try await b.conflicts().allSatisfy { $0.winning.replica != author && $0.winning.value != .text("07202") })
    _ = try await world.hub.resolve(kept[0].id, as: .keepWinner, by: "tỉnh", because: "của xã khác")
    try await both()
    let said = try await b.engineRead { try $0.session.rows("SELECT before_value, after_value FROM sync_decision WHERE col = 'note'") }
    #expect(said == [[.null, .null]])
    _ = try await other.sync(with: world.transport)
    #expect(try await other.engineRead { try $0.session.rows("SELECT note FROM child") } == [[.text("theirs")]])
  }

  @Test(
    .long,
    arguments: [
      (HeldReason.incomplete, RowChange(table: "child", key: .text("n"), life: 1, cells: [CellChange("note", .text("x"))])),
      (
        .life,
        RowChange(table: "child", key: .text("n"), life: 9, cells: [CellChange("unit", .text("07201")), CellChange("note", .text("x"))])
      ),
    ])
  func whatIsRepairedStands(reason: HeldReason, change: RowChange) async throws {
    _ = try await send([change])
    #expect(try await held() == [reason.rawValue])
    let id = try #require(try await world.hub.heldUnits().first?.id)
    if reason == .life {
      try await world.hub.declineHeld(id, by: "tỉnh", because: "")
    } else {
      try await world.hub.repairHeld(id, values: ["unit": .text("07201")], by: "tỉnh", because: "")
      #expect(try await world.hub.read { try $0.rows("SELECT note FROM child") } == [[.text("x")]])
    }
    #expect(try await held().isEmpty)
  }

  /// A copied device goes on under a new identity; what is held of the old one from before is its own still.
  @Test(.long) func heldUnitsOfAPredecessorAreNoDifference() async throws {
    try await a.execute("INSERT INTO child (id, unit, note) VALUES ('c', '07201', 'first')")
    try await both()
    try await a.execute("UPDATE child SET parent = 'nowhere' WHERE id = 'c'")
    _ = try await a.sync(with: world.transport)
    let copy = try await world.copy(a, to: "copy")
    try await a.execute("INSERT INTO child (id, unit) VALUES ('d', '07201')")
    _ = try await a.sync(with: world.transport)
    try await copy.execute("INSERT INTO child (id, unit) VALUES ('e', '07201')")
    for replica in [copy, a, copy] {
      _ = try await replica.sync(with: world.transport)
      #expect(try await replica.status().agreement == .provedButHeld(rows: 1))
    }
    #expect(try copy.identity != a.identity)
  }

  @Test func theReceiptIsSignedAgainWhenHeldUnitsAreMerged() async throws {
    let batch = try await send([
      row("child", "c", [CellChange("parent", .text("p"))]), row("child", "d", [CellChange("note", .text("x"))]),
    ])
    let hub = VerifyingKey(rawRepresentation: world.hub.keys.signing.publicKey)
    func receipt() async throws -> WireReceipt {
      let bytes = try await world.hub.ingest(batch)
      return try WireReceipt(serializedBytes: try #require(hub).open(bytes, as: .receipt))
    }
    #expect(try await receipt().held.map(\.reason) == ["parent"])
    #expect(try await receipt().heldChanges == 1)
    try await b.execute("INSERT INTO parent (id, unit) VALUES ('p', '07201')")
    _ = try await b.sync(with: world.transport)
    #expect(try await receipt().held.isEmpty)
    #expect(try await receipt().heldChanges == 0)
  }

  @Test func unitsHeldForTheSchemaAreMergedAfterTheHubsUpgrade() async throws {
    _ = try await send([row("child", "c", [CellChange("colour", .text("red"))])])
    #expect(try await held() == ["schema"])
    #expect(try await world.hub.retryHeld() == 0)
    try world.hub.close()
    var migrator = Self.schema.migrator
    migrator.registerMigration("2") { db in try db.execute(sql: "ALTER TABLE child ADD COLUMN colour TEXT") }
    let store = try SQLiteHubStore.open(
      at: world.folder.path + "/hub.sqlite", tables: Self.schema.tables, migrator: migrator, clock: world.clock)
    let hub = try await Hub.open(store: store, keys: world.hub.keys, clock: world.clock)
    #expect(try await hub.heldUnits().isEmpty)
    #expect(try await hub.read { try $0.rows("SELECT colour FROM child") } == [[.text("red")]])
  }
}
