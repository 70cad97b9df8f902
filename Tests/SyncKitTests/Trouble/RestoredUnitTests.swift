import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// What people decided comes back to a restored hub like what they entered, or is said to be missing (L11).
@Suite struct RestoredUnitTests {
  static let schema = World.Schema(
    tables: [
      ReplicatedTable("sheet", scopeColumn: "unit", policies: ["finding": .review, "visits": .counter]),
      ReplicatedTable("child", scopeColumn: "unit", references: ["sheet": "sheet"]),
    ],
    sql: """
      CREATE TABLE sheet (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, finding TEXT, visits INTEGER NOT NULL DEFAULT 0, plain)
        WITHOUT ROWID;
      CREATE TABLE child (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, sheet TEXT, note TEXT) WITHOUT ROWID;
      """)

  let world: World
  let a: Replica
  let b: Replica

  init() async throws {
    world = try await World(schema: Self.schema)
    a = try await world.device("a")
    b = try await world.device("b")
  }

  private func settle() async throws {
    try await world.settle([a, b])
    for device in [a, b] { #expect(try await device.status().agreement == .proved) }
    try await world.expectConverged([a, b])
  }

  private func collide() async throws -> Conflict {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await settle()
    try await world.imageHub("before")
    try await a.execute("UPDATE sheet SET finding = 'dry'")
    world.clock.advance(1000)
    try await b.execute("UPDATE sheet SET finding = 'wet'")
    try await settle()
    return try #require(try await world.hub.conflicts().first)
  }

  private func finding() async throws -> String? { try await world.hub.read { try $0.firstRow("SELECT finding FROM sheet")?[0].text } }

  @Test(.long, arguments: ["device", "hub"]) func decisionsComeBack(by who: String) async throws {
    let conflict = try await collide()
    if who == "hub" {
      _ = try await world.hub.resolve(conflict.id, as: .takeLoser, by: "tỉnh", because: "đã xem")
    } else {
      _ = try await a.resolve(conflict.id, as: .takeLoser, by: "tỉnh", because: "đã xem")
    }
    try await settle()
    let states = try await world.hubStates()
    try await world.restoreHub("before")
    #expect(try await finding() == nil)
    try await settle()
    #expect(try await finding() == "dry")
    #expect(try await world.hub.conflicts().isEmpty)
    let known = try await world.hub.conflict(id: conflict.id)
    #expect(!known.isOpen && known.resolution == "take" && known.reason == "đã xem")
    let back = try await world.hubStates()
    #expect(Set(back).symmetricDifference(states).isEmpty, "\(Set(back).symmetricDifference(states).sorted())")
  }

  /// No page tells of it, and batches after it come back first.
  @Test(.long) func aBatchWhoseUnitsWereAllHeldIsNoFork() async throws {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await settle()
    try await world.imageHub("before")
    try await a.execute("INSERT INTO child (id, unit, sheet) VALUES ('c', '07201', 'nowhere')")
    try await world.sync(a)
    for value in ["1", "2"] {
      try await a.execute("UPDATE sheet SET plain = ?", [value])
      try await world.sync(a)
    }
    try await world.sync(b)
    try await world.restoreHub("before")
    try await world.sync(b)
    let last = try #require(try await a.outboxBatches().last)
    _ = try await world.hub.ingest(last)
    for _ in 0..<3 { for device in [a, b] { try await world.sync(device) } }
    #expect(try await world.hub.heldUnits().map(\.reason) == ["parent"])
    #expect(try await a.status().heldChanges == 1)
    #expect(try await a.notices().contains(.newIdentity) == false)
    try await b.execute("INSERT INTO sheet (id, unit) VALUES ('nowhere', '07201')")
    try await settle()
  }

  @Test(.long) func anUndoneDecisionComesBackUndone() async throws {
    let conflict = try await collide()
    _ = try await world.hub.resolve(conflict.id, as: .takeLoser, by: "hub", because: "")
    try await settle()
    _ = try await b.resolve(conflict.id, as: .undo, by: "b", because: "")
    try await settle()
    #expect(try await world.hub.conflicts().map(\.id) == [conflict.id])
    try await world.restoreHub("before")
    try await settle()
    #expect(try await finding() == "wet")
    #expect(try await world.hub.conflicts().map(\.id) == [conflict.id])
  }

  /// Whether the copy is from before the unit was held or after, what an operator made of it stands.
  @Test(.long, arguments: ["empty", "held"], ["repair", "decline"]) func outcomesOfHeldUnitsComeBack(_ image: String, _ how: String)
    async throws
  {
    try await world.imageHub("empty")
    try await a.execute("INSERT INTO child (id, unit, sheet, note) VALUES ('c', '07201', 'nowhere', 'kept')")
    try await world.sync(a)
    try await world.imageHub("held")
    let id = try #require(try await world.hub.heldUnits().first?.id)
    if how == "repair" {
      try await world.hub.repairHeld(id, values: ["sheet": .null], by: "tỉnh", because: "")
    } else {
      try await world.hub.declineHeld(id, by: "tỉnh", because: "")
    }
    try await settle()
    let states = try await world.hubStates()
    try await world.restoreHub(image)
    try await settle()
    #expect(try await world.hub.heldUnits().isEmpty)
    #expect(try await world.hub.read { try $0.rows("SELECT note FROM child") } == (how == "repair" ? [[.text("kept")]] : []))
    #expect(try await world.hubStates() == states)
    #expect(try await a.conflicts().contains { $0.rule == .declined && $0.losing.value == .text("kept") })
  }

  @Test(.long) func anIncrementCountsOnce() async throws {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await settle()
    try await world.imageHub("before")
    for device in [a, b] {
      try await device.execute("UPDATE sheet SET visits = visits + 3")
      try await settle()
    }
    for _ in 0..<2 {
      try await world.putBackHub("before")
      try await settle()
      #expect(try await world.hub.read { try $0.integer("SELECT visits FROM sheet") } == 6)
    }
  }

  /// A page names its reader's own units and does not say what is in them.
  @Test func unitsThatOnlyTheirAuthorHasAreReportedMissing() async throws {
    try await world.imageHub("before")
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await world.sync(a)
    let pages = try await a.engineRead { try KeptPages(session: $0.session).newest().map(\.bytes) }
    try await world.restoreHub("before")
    for page in pages { _ = try await world.hub.takeBack(page) }
    let missing = try #require(try await world.hub.read { try HubRestore.all(in: $0) }.last)
    #expect(missing.unitsMissing == 1 && missing.isBackup && !missing.isConfirmed)
    try await world.sync(a)
    let back = try #require(try await world.hub.read { try HubRestore.all(in: $0) }.last)
    #expect(back.unitsMissing == 0)
    _ = try await world.hub.confirmRestores()
    #expect(try await world.hub.read { try HubRestore.all(in: $0) }.allSatisfy(\.isConfirmed))
  }

  /// The hub was put back, nobody can tell it, and its only device has a receipt for what it lost.
  @Test(.long) func aReceiptThatTheFeedContradictsIsDoubted() async throws {
    try await world.imageHub("before")
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    var options = SyncOptions()
    options.retry.attemptsMax = 1
    _ = try? await a.sync(with: LosingAnswers(base: world.transport, path: "/v1/feed", times: 1), options: options)
    #expect(try await a.status().mergedChanges == 1)
    try await world.putBackHub("before")
    try await settle()
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM sheet") } == 1)
  }

  @Test func incarnationsAreListedWithTheirEnds() async throws {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await settle()
    try await world.imageHub("before")
    let first = try await world.incarnation
    try await world.restoreHub("before")
    let hub = try await a.hubKey()
    let info = try WireHubInfo(serializedBytes: try hub.open(try await world.hub.info(), as: .hubInfo))
    #expect(info.lives.map(\.incarnation) == [try await world.incarnation, first])
    #expect(info.lives.map(\.units) == [0, 1])
    let device = try #require(try await world.hub.devices().first)
    let life = try WireLife(serializedBytes: try hub.open(try await world.hub.life(for: device, cursor: Data()), as: .life))
    #expect(life.ends.map { "\($0.scope) \($0.position)" } == ["07201 1"])
    #expect(life.ends.first?.incarnation == first)
  }
}
