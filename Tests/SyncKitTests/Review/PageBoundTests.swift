import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Whatever was merged, every page of the feed is one that its reader may open.
@Suite struct PageBoundTests {
  @Test(.long) func batchesThatShrinkWellDoNotMakeAPageTooLargeToOpen() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let text = CellValue.text(String(repeating: "mưa ", count: 200_000))
    var previous = Data()
    for number in 1...7 {
      let units = (0..<12).map { unit(UInt64(number), note("\(number)-\($0)", [CellChange("a", text)])) }
      let batch = try a.forge(number: UInt64(number), previous: previous, units)
      _ = try await world.hub.ingest(batch)
      previous = batch.hash
    }
    _ = try await b.sync(with: world.transport)
    #expect(try await b.notes().count == 84)
  }

  @Test(.long) func transactionsOfManyRowsDoNotMakeAPageOfTooManyRows() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    var batches: [SealedBatch] = []
    for number in 1...2 {
      let changes = (0..<60_000).map { RowChange(table: "note", key: .integer(Int64($0)), life: 2, cells: []) }
      batches.append(
        try a.forge(
          number: UInt64(number), previous: batches.last?.hash ?? Data(),
          [ChangeUnit(stamp: HybridTimestamp(wallMs: UInt64(number)), changes: changes)]))
    }
    let author = try a.secrets().signingKey.replica
    // Journalled without merging: sixty thousand rows take their time.
    try await world.hubStore.write { [batches] session in
      let order = ScopeOrder(session: session)
      for (index, batch) in batches.enumerated() {
        let id = try session.integer(
          """
          INSERT INTO hub_batch (scope, replica, number, hash, received_ms, state, bytes, changes) VALUES ('07201', ?1, ?2, ?3, 0, 1, ?4, 1)
          RETURNING id
          """, [.blob(author.bytes), .integer(Int64(index + 1)), .blob(batch.hash), .blob(batch.bytes)])
        let position = try order.place(scope: "07201")
        try order.log(
          ScopeOrder.Run(position: position, firstUnit: 0, stamps: [HybridTimestamp(wallMs: UInt64(index + 1))]), batch: try #require(id),
          batchHash: batch.hash, scope: "07201")
      }
      try order.save()
    }
    let enrolment = try #require(try await b.enrolment())
    let reader = try #require(try await world.hub.device(enrolment.replica))
    let hub = try await b.hubKey()
    var cursor = Data()
    var units = 0
    for _ in 0..<3 {
      let page = try PageCodec.open(try await world.hub.page(for: reader, cursor: cursor), hub: hub)
      cursor = page.cursor
      units += page.units.count
      if page.isHead { break }
    }
    #expect(units == 2)
  }

  @Test(.long) func aBatchWhoseRowsPackWorseByUnitStillMakesPagesThatCanBeOpened() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    // Sixty random values, each repeated next to itself in the batch and far apart by unit.
    var chance = SeededChance(1)
    let values = (0..<60).map { _ in CellValue.blob(Data((0..<12_000).map { _ in UInt8.random(in: 0 ... .max, using: &chance) })) }
    var table: [RowChange] = []
    var place: [Int] = []
    for (index, value) in values.enumerated() {
      for copy in 0..<40 {
        table.append(note("\(index)-\(copy)", [CellChange("a", value)]))
        place.append(copy * values.count + index)
      }
    }
    let key = try a.secrets().signingKey
    var wire = WireBatch()
    wire.format = 1
    wire.replica = key.replica.bytes
    wire.scope = Stage.unit
    wire.number = 1
    wire.unitStamps = Array(repeating: 1, count: table.count)
    var changes = try #require(try TableCoder.encode(table.map { [$0] }).first)
    changes.unit = try ColumnCoder.encode(name: "", cells: place.map { .integer(Int64($0)) })
    wire.tables = [changes]
    let batch = SealedBatch(bytes: try key.sealed(try wire.serializedData(), as: .batch))
    #expect(batch.bytes.count < 2 << 20)
    _ = try await world.hub.ingest(batch)
    _ = try await b.sync(with: world.transport)
    #expect(try await b.notes().count == table.count)
  }
}
