import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What one enrolled device can do to the others of its unit, and to the hub.
@Suite struct HostileWriterTests {
  @Test func aCursorTheHubNeverIssuedHidesNoLoser() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'mine')")
    _ = try await a.sync(with: world.transport)
    var cursor = WireCursor()
    cursor.incarnation = try await world.hub.read { try IncarnationTable(session: $0).present() }
    var place = WireScopePosition()
    place.scope = Stage.unit
    place.position = .max
    place.feedHash = Data(count: 16)
    cursor.scopes = [place]
    let now = world.clock.nowMs() + 1000
    _ = try await world.hub.ingest(
      try b.forge(cursor: try cursor.serializedData(), [unit(now, note("n", [CellChange("a", .text("yours"))]))]))
    #expect(try await world.hubConflicts() == ["n a mine yours"])
  }

  @Test(.long) func stampsThatClimbStepByStepDoNotCarryTheScopesClockAway() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let now = world.clock.nowMs()
    let units = (1...1000).map { unit(now + UInt64($0) * WireLimits.driftMsMax, note("n\($0)")) }
    _ = try await world.hub.ingest(try a.forge(units))
    let clock = try await world.hub.read { try $0.integer("SELECT clock FROM hub_scope WHERE scope = '07201'") }
    #expect(UInt64(clock ?? 0) >> 16 <= now + WireLimits.driftMsMax)
    _ = try await b.sync(with: world.transport)
    #expect(try await b.engineRead { try $0.state.clock.last.wallMs } <= now + WireLimits.driftMsMax)
  }

  @Test func aLifeFarAheadIsHeldSoThatNobodyElseReachesTheEnd() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let result = try receipt(try await world.hub.ingest(try a.forge([unit(1, note("n", life: WireLimits.lifeMax))])))
    #expect(result.held.map(\.reason) == ["life"])
    _ = try await b.sync(with: world.transport)
    try await b.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await b.sync(with: world.transport)
    #expect(try await world.hubNotes() == ["n 1 - none"])
  }

  @Test func anUploadOffsetBeyondAllNumbersIsRefused() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let target = "/v1/batches/" + Data(count: 32).hex
    var request = HubRequest("PUT", target, headers: ["upload-offset": String(Int.max)], body: Data(count: 8192))
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: world.clock.nowMs(), key: try a.secrets().signingKey)
    try await world.hub.keepPartial(request)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_upload") } == 0)
  }

  @Test(.long) func manyUnfinishedUploadsOfOneDeviceLeaveAnothersAlone() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    func keep(_ replica: Replica, _ name: UInt8, _ count: Int) async throws {
      var request = HubRequest("PUT", "/v1/batches/" + Data(repeating: name, count: 32).hex, body: Data(count: count))
      request.headers["authorization"] = try RequestSignature.header(
        for: request, hubTimeMs: world.clock.nowMs(), key: try replica.secrets().signingKey)
      try await world.hub.keepPartial(request)
    }
    try await keep(b, 255, 100_000)
    for name in 0..<12 { try await keep(a, UInt8(name), 8 << 20) }
    let kept = try await world.hub.read {
      try $0.integer("SELECT sum(length(bytes)) FROM hub_upload WHERE hash = ?1", [.blob(Data(repeating: 255, count: 32))])
    }
    #expect(kept == 100_000)
  }

  @Test func aTableOfTheHubsOwnIsNotWrittenByDevices() async throws {
    let table = ReplicatedTable("plan", scopeColumn: "unit", writer: .hub)
    let stage = try await Stage("CREATE TABLE plan (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a)", tables: [table])
    let a = try await stage.device("a")
    let change = RowChange(table: "plan", key: .text("p"), life: 1, cells: [CellChange("unit", .text(Stage.unit))])
    let result = try receipt(try await stage.hub.ingest(try a.forge([unit(1, change)])))
    #expect(result.held.map(\.reason) == ["readOnly"])
    #expect(try await stage.hub.heldUnits().allSatisfy { !$0.remedy.en.contains("upgrade") })
    #expect(try await stage.rows("SELECT * FROM plan") == [])
    await #expect(throws: (any Error).self) { try await a.execute("INSERT INTO plan (id, unit) VALUES ('q', '07201')") }
    try await stage.hub.write { try $0.execute("INSERT INTO plan (id, unit, a) VALUES ('h', '07201', 1)") }
    try await stage.sync(a)
    #expect(try await a.rows("SELECT id, a FROM plan") == ["h 1"])
    await #expect(throws: (any Error).self) { try await a.execute("DELETE FROM plan") }
  }

  @Test(.long) func batchesThatWaitedAreMergedAFewAtATime() async throws {
    let world = try await World()
    let a = try await world.device("a")
    var batches: [SealedBatch] = []
    for number in 1...100 {
      batches.append(
        try a.forge(
          number: UInt64(number), previous: batches.last?.hash ?? Data(), [unit(UInt64(number), note("\(number)"))]))
    }
    for batch in batches.dropFirst() { _ = try await world.hub.ingest(batch) }
    _ = try await world.hub.ingest(batches[0])
    #expect(try await world.hubNotes().count < 100)
    // Sending what still waits once more brings the rest in.
    for batch in batches { _ = try await world.hub.ingest(batch) }
    #expect(try await world.hubNotes().count == 100)
    #expect(try receipt(try await world.hub.ingest(batches[99])).state == .merged)
  }
}
