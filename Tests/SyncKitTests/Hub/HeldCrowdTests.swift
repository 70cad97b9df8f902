import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// L7 where much is held: more units of one batch than are read at a time.
@Suite struct HeldCrowdTests {
  private static let count = HeldUnits.unitsMax + 200

  private func crowd(in world: World) async throws -> Replica {
    let a = try await world.device("a")
    let key = try a.secrets().signingKey
    let units = (0..<Self.count).map { number in
      ChangeUnit(
        stamp: HybridTimestamp(wallMs: world.clock.nowMs()),
        changes: [
          RowChange(
            table: "child", key: .text("c\(number)"), life: 1,
            cells: [CellChange("unit", .text("07201")), CellChange("parent", .text("p")), CellChange("note", .text("n\(number)"))])
        ])
    }
    let content = BatchContent(
      replica: key.replica, scope: "07201", number: 1, previous: Data(), cursor: Data(), units: units)
    _ = try await world.hub.ingest(try BatchCodec.seal(content, with: key))
    return a
  }

  /// Reads the bytes of a batch once, however many of its units are held, and tries all of them.
  @Test(.long) func everyUnitOfACrowdIsTriedAndItsBatchIsReadOnce() async throws {
    let watch = StatementWatch()
    try await StatementWatch.$current.withValue(watch) {
      let world = try await World(schema: HeldUnitTests.schema)
      _ = try await crowd(in: world)
      let b = try await world.device("b")
      _ = watch.take()
      let listed = try await world.hub.heldUnits()
      #expect(listed.count == HeldUnits.unitsMax)
      #expect(try await world.hub.heldCount() == Self.count)
      #expect(Self.readings(watch.take()) == 1)
      try await b.execute("INSERT INTO parent (id, unit) VALUES ('p', '07201')")
      _ = try await b.sync(with: world.transport)
      #expect(try await world.hub.heldCount() == 0)
      let costs = watch.take()
      #expect(Self.readings(costs) <= 4, "once for a page of units")
      let signings = costs.filter { $0.key.hasPrefix("UPDATE hub_batch SET held_changes") }.reduce(0) { $0 + $1.value.runs }
      #expect((1...4).contains(signings), "the receipt is signed once for a page of units")
      #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM child") } == Int64(Self.count))
    }
  }

  /// Times a statement brought the bytes of journalled batches.
  private static func readings(_ costs: [String: StatementWatch.Cost]) -> Int {
    #expect(!costs.keys.contains { $0.contains("hub_held") && $0.contains("bytes") })
    return costs.filter { $0.key.hasPrefix("SELECT bytes FROM hub_batch") }.reduce(0) { $0 + $1.value.runs }
  }

  /// Shows and settles by its number a unit that no list reaches.
  @Test(.long) func aUnitBeyondTheListIsFoundByItsNumber() async throws {
    let world = try await World(schema: HeldUnitTests.schema)
    _ = try await crowd(in: world)
    let first = try #require(try await world.hub.heldUnits().first)
    let batch = try #require(HeldUnits.place(id: first.id)?.batch)
    let last = HeldUnits.id(batch: batch, unit: Self.count - 1)
    #expect(try await world.hub.heldUnit(last)?.rows.first?.key == .text("c\(Self.count - 1)"))
    for unknown in ["7", "-1-2", "", "\(batch)-\(Self.count)"] { #expect(try await world.hub.heldUnit(unknown) == nil) }
    try await world.hub.declineHeld(last, by: "tỉnh", because: "nhầm")
    #expect(try await world.hub.heldUnit(last) == nil)
    #expect(try await world.hub.heldCount(scope: "07201") == Self.count - 1)
    #expect(try await world.hub.heldCount(scope: "07204") == 0)
  }
}
