import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncHub
@testable import SyncKit

/// A device cannot write what is not its own, in whatever way it tries: a batch for another unit could never be delivered.
@Suite struct ForeignRowTests {
  @Test func anotherUnitsRowCannotBeDeletedOrReplaced() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('p', '24', 1)") }
    _ = try await a.sync(with: world.transport)
    #expect(try await a.notes() == ["p 1 - none"])
    await #expect(throws: DatabaseError.self) { try await a.execute("DELETE FROM note WHERE id = 'p'") }
    await #expect(throws: DatabaseError.self) { try await a.execute("REPLACE INTO note (id, unit, a) VALUES ('p', '07201', 2)") }
    _ = try await a.sync(with: world.transport)
    #expect(try await a.notes() == ["p 1 - none"])
  }

  @Test func aRowBornInOneUnitAndBornAgainInAnotherBelongsToTheSecondOnly() async throws {
    let world = try await World()
    try await world.hub.write { session in
      for (first, second) in [("24", "07201"), ("07204", "07201")] {
        try session.execute("INSERT INTO note (id, unit, a) VALUES (?1, ?1, 1)", [.text(first)])
        try session.execute("DELETE FROM note WHERE id = ?1", [.text(first)])
        try session.execute("INSERT INTO note (id, unit, a) VALUES (?1, ?2, 2)", [.text(first), .text(second)])
      }
    }
    let a = try await world.device("a")
    _ = try await a.sync(with: world.transport)
    #expect(try await a.notes() == ["07204 2 - none", "24 2 - none"])
    let scopes = try await world.hub.read { try $0.rows("SELECT DISTINCT scope FROM hub_feed").map { $0[0].shown } }
    #expect(scopes == ["07201"])
  }

  // MARK: Two scopes gave rows of their own one key

  private func device(_ name: String, reads: [String], in world: World) async throws -> Replica {
    let replica = try world.replica(name)
    let code = try await world.hub.makeCode(scope: "07201", readScopes: reads)
    try await replica.enroll(code: code, label: name, through: world.transport)
    return replica
  }

  private func sync(_ replica: Replica, in world: World) async throws {
    for _ in 0..<2 { _ = try await replica.sync(with: world.transport) }
    let status = try await replica.status()
    #expect(status.agreement == .proved && status.addsUp)
  }

  /// Those who read both show the one whose key it is, whichever feed says first what, also where scopes come in bulk.
  @Test(.long, arguments: [false, true]) func aRowThatWasDeclinedIsInNobodysWay(isInBulk: Bool) async throws {
    let world = try await World()
    let a = try await device("a", reads: ["24", "07201"], in: world)
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('p', '07201', 'ours')")
    try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('p', '24', 'theirs')") }
    _ = try await a.sync(with: world.transport)
    #expect(try await a.notes() == ["p ours - none"])
    let held = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(held.id, by: "tỉnh", because: "")
    world.clock.advance(1000)
    if isInBulk { #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) > 0) }
    for (name, scopes) in [("b", ["24", "07201"]), ("c", ["07201", "24"])] {
      let other = try await device(name, reads: scopes, in: world)
      try await sync(other, in: world)
      #expect(try await other.notes() == ["p theirs - none"], "\(name)")
    }
    try await sync(a, in: world)
    #expect(try await a.notes() == ["p theirs - none"])
    // The other's row ends, and the key is still the other's.
    try await world.hub.write { try $0.execute("DELETE FROM note") }
    try await sync(a, in: world)
    #expect(try await a.notes().isEmpty)
  }

  /// Its birth was declined, and who fetches in bulk does not hear of that: the edit alone makes no row.
  @Test(.long, arguments: [["07201"], ["24", "07201"]], [false, true])
  func anEditOfADeclinedBirthIsNoRow(reads: [String], isInBulk: Bool) async throws {
    let world = try await World()
    let a = try await device("a", reads: reads, in: world)
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('p', '07201', 'ours')")
    try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('p', '24', 'theirs')") }
    _ = try await a.sync(with: world.transport)
    try await a.execute("UPDATE note SET a = 'later'")
    _ = try await a.sync(with: world.transport)
    let held = try await world.hub.heldUnits()
    #expect(held.map(\.reason) == ["scope", "behind"])
    try await world.hub.declineHeld(held[0].id, by: "tỉnh", because: "")
    world.clock.advance(1000)
    if isInBulk { #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) > 0) }
    for _ in 0..<2 { _ = try await a.sync(with: world.transport) }
    let notes = reads.count == 2 ? ["p theirs - none"] : []
    #expect(try await a.notes() == notes)
    #expect(try await a.status().heldChanges == 1)
    let edit = try #require(try await world.hub.heldUnits().first)
    #expect(edit.reason == "scope")
    try await world.hub.declineHeld(edit.id, by: "tỉnh", because: "")
    try await sync(a, in: world)
    #expect(try await a.notes() == notes)
  }
}
