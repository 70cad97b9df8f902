import Foundation
import GRDB
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

@Suite struct DropBoxReviewTests {
  private func answer(_ replica: Replica, _ id: String) async throws {
    try await replica.execute("INSERT INTO answer (id, unit, day, words) VALUES (?, '07201', NULL, 'x')", [id])
  }

  /// Loses the hub's answers about packets.
  private struct Deaf: Transport {
    let inner: LocalTransport
    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      let response = try await inner.send(request, timeoutMs: timeoutMs)
      guard !request.path.hasPrefix("/v1/drop") else { throw SyncError(.unreachable, vi: "mất", en: "lost") }
      return response
    }
  }

  @Test(.long) func packetsThatComeAgainDoNotReleaseALoneAnswer() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    for id in 1...5 { try await answer(a, "\(id)") }
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 1)
    _ = try? await a.sync(with: Deaf(inner: world.transport), options: options)
    let count = { try await world.hub.read { try $0.integer("SELECT count(*) FROM answer") } }
    #expect(try await count() == 5)
    try await answer(b, "lone")
    _ = try await b.sync(with: world.transport)
    _ = try await a.sync(with: world.transport)
    #expect(try await count() == 5)
    #expect(try await a.status().addsUp)
    for id in 6...9 { try await answer(b, "\(id)") }
    _ = try await b.sync(with: world.transport)
    #expect(try await count() == 10)
    let counts = try await world.hub.read { try $0.rows("SELECT kept, released, repeated, spoiled FROM hub_drop").map { $0.map(\.shown) } }
    #expect(counts == [["15", "10", "5", "0"]])
  }

  @Test func aPacketIsOpenedOnceInAStep() throws {
    let opened = OpenedPackets()
    var packets = [WirePacket(), WirePacket()]
    packets[1].dropKey = "other"
    var count = 0
    let row = AnonymousRow(table: "answer", cells: [])
    for (packet, content) in [(packets[0], row), (packets[1], nil)] {
      for _ in 0..<2 {
        let found = opened.row(of: packet) {
          count += 1
          return content
        }
        #expect(found == content)
      }
    }
    #expect(count == 2)
  }

  /// Notes in which order rows are released.
  private final class Watching: LotReceiver {
    let orders = Mutex<[[String]]>([])
    func lotMin(in session: any HubSession) throws -> Int { 5 }
    func judge(_ rows: [AnonymousRow], scope: String, in session: any HubSession) throws -> [RowVerdict] {
      rows.map { _ in .new(edition: "e") }
    }
    func receive(_ lot: [AnonymousRow], unit: String, in session: any HubSession) throws {
      orders.withLock { $0.append(lot.map { $0.cells.first { $0.column == "id" }?.value.text ?? "" }) }
    }
  }

  @Test(.long) func aLotHasAnotherOrderEachTime() async throws {
    let world = try await World()
    let keys = world.hub.keys
    var request = WireDropRequest()
    request.packets = try (0..<40).map { number in
      try Packets.make(
        table: "answer", cells: [("id", .text("a\(number)")), ("unit", .text("07201"))], scope: "07201", dropKey: keys.dropKey,
        unitKey: keys.unitKey(scope: "07201"))
    }
    let receiver = Watching()
    for name in ["one", "two"] {
      let store = try SQLiteHubStore.open(
        at: world.folder.path + "/\(name).sqlite", tables: world.schema.tables, migrator: world.schema.migrator, clock: world.clock)
      let hub = try await Hub.open(
        store: store, keys: try HubKeys.load(from: world.folder.path + "/keys"), clock: world.clock, receiver: receiver)
      _ = try await hub.keep(try request.serializedData(), scope: "07201")
      try hub.close()
    }
    let orders = receiver.orders.withLock { $0 }
    #expect(orders.count == 2 && orders.allSatisfy { Set($0).count == 40 })
    #expect(orders.first != orders.last)
  }

  @Test func aPacketThatCannotBeStoredIsSpoiledAlone() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let keys = world.hub.keys
    var request = WireDropRequest()
    request.packets = [
      try Packets.make(
        table: "answer", cells: [("id", .text("bad")), ("unit", .text("07201"))], scope: "07201", dropKey: keys.dropKey,
        unitKey: keys.unitKey(scope: "07201"))
    ]
    _ = try await world.hub.keep(try request.serializedData(), scope: "07201")
    for id in 1...5 { try await answer(a, "\(id)") }
    _ = try await a.sync(with: world.transport)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM answer") } == 5)
  }

  @Test func aFullBoxKeepsFurtherPacketsWhereTheyAreAndStopsNothingElse() async throws {
    var options = Hub.Options()
    options.spoolsPackets = true
    let world = try await World(options: options)
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let keys = world.hub.keys
    func keep(_ id: String, unit: String = "07201") async throws {
      var request = WireDropRequest()
      request.packets = [
        try Packets.make(
          table: "answer", cells: [("id", .text(id)), ("unit", .text(unit))], scope: unit, dropKey: keys.dropKey,
          unitKey: keys.unitKey(scope: unit))
      ]
      _ = try await world.hub.keep(try request.serializedData(), scope: unit)
    }
    try await keep("early")
    try await world.hub.store.write { session in
      try session.execute(
        """
        INSERT INTO hub_packet (id, scope, bytes)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Hub.packetsWaitingMax))
        SELECT CAST('p' || i AS BLOB), '07201', x'00' FROM n
        """, [])
    }
    await #expect { try await keep("late") } throws: { ($0 as? SyncError)?.code == .noRoom }
    try await keep("late", unit: "07202")
    #expect(world.hub.spool.count() == 2)
    // The device keeps its answer, and its exchange goes on with the feed.
    try await answer(a, "1")
    try await b.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await b.sync(with: world.transport)
    let error = await #expect(throws: SyncError.self) { try await a.sync(with: world.transport) }
    #expect(error?.code == .noRoom)
    #expect(try await a.notes() == ["n 1 - none"])
    let status = try await a.status()
    #expect(status.packetsWaiting == 1 && status.addsUp)
    // Once there is room, the next exchange brings it.
    try await world.hub.store.write { try $0.execute("DELETE FROM hub_packet WHERE bytes = x'00'", []) }
    #expect(try await a.sync(with: world.transport).progress.packetsSent == 1)
  }

  @Test func packetsThatAreHereAreConfirmedAlsoWhenTheBoxIsFull() async throws {
    var options = Hub.Options()
    options.spoolsPackets = true
    let world = try await World(options: options)
    let a = try await world.device("a")
    try await answer(a, "1")
    var exchange = SyncOptions()
    exchange.retry = RetryPolicy(attemptsMax: 1)
    _ = try? await a.sync(with: Deaf(inner: world.transport), options: exchange)
    #expect(world.hub.spool.count() == 1)
    #expect(try await a.status().packetsWaiting == 1)
    try await world.hub.store.write { session in
      try session.execute(
        """
        INSERT INTO hub_packet (id, scope, bytes)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Hub.packetsWaitingMax))
        SELECT CAST('p' || i AS BLOB), '07201', x'00' FROM n
        """, [])
    }
    #expect(try await a.sync(with: world.transport).progress.packetsSent == 1)
    #expect(try await a.status().packetsKept == 1)
  }

  @Test func twoProcessesThatSendTheSamePacketsCountThemOnce() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await answer(a, "1")
    let twin = try world.replica("a")
    /// Lets the other process send everything before this one hears its answer.
    struct Slow: Transport {
      let inner: LocalTransport
      let twin: Replica
      func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
        let response = try await inner.send(request, timeoutMs: timeoutMs)
        if request.path.hasPrefix("/v1/drop") { _ = try await twin.sync(with: inner) }
        return response
      }
    }
    _ = try await a.sync(with: Slow(inner: world.transport, twin: twin))
    let status = try await a.status()
    #expect(status.addsUp && status.packetsKept == 1)
  }
}
