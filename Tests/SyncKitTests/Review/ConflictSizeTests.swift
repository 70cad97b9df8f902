import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

@Suite struct ConflictSizeTests {
  @Test(.long) func conflictsLargerThanOneUnitAreAllKept() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    for replica in [a, b] {
      for id in 1...5 { try await replica.execute("INSERT INTO note (id, unit, a) VALUES (\(id), '07201', randomblob(600000))") }
    }
    _ = try await a.sync(with: world.transport)
    _ = try await b.sync(with: world.transport)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM sync_conflict") } == 5)
    _ = try await a.sync(with: world.transport)
    #expect(try await a.notes() == (try await b.notes()))
    #expect(try await a.status().openConflicts == 5)
  }

  @Test(.long) func moreConflictsThanOneTransactionMayChangeRowsAreAllKept() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let rows = 26_000
    for (replica, value) in [(a, 1), (b, 2)] {
      let changes = (0..<rows).map { note("\($0)", [CellChange("a", .integer(Int64(value))), CellChange("b", .integer(Int64(value)))]) }
      _ = try await world.hub.ingest(try replica.forge([ChangeUnit(stamp: HybridTimestamp(wallMs: UInt64(value)), changes: changes)]))
    }
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM sync_conflict") } == Int64(2 * rows))
  }
}
