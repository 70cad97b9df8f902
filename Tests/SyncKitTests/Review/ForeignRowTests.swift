import Foundation
import GRDB
import TestSupport
import Testing

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
}
