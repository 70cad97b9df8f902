import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What an enrolled device that does not keep to the protocol can do to others.
@Suite struct HostileDeviceTests {
  /// Pushes hand-made units as `device`, whose own outbox stays empty.
  private func push(
    _ units: [ChangeUnit], as device: Replica, to world: World, number: UInt64 = 1, previous: Data = Data(), cursor: Data = Data()
  ) async throws -> (response: HubResponse, hash: Data) {
    let key = try device.secrets().signingKey
    let batch = try BatchCodec.seal(
      BatchContent(replica: key.replica, scope: "07201", number: number, previous: previous, cursor: cursor, units: units), with: key)
    var request = HubRequest("PUT", "/v1/batches/\(batch.hash.hex)", body: batch.bytes)
    request.headers["authorization"] = try RequestSignature.header(for: request, hubTimeMs: world.clock.nowMs(), key: key)
    return (try await LocalTransport(hub: world.hub).send(request, timeoutMs: 1000), batch.hash)
  }

  private func note(_ key: CellValue, life: UInt32 = 1, _ cells: [CellChange] = [], at wallMs: UInt64) -> ChangeUnit {
    ChangeUnit(
      stamp: HybridTimestamp(wallMs: wallMs),
      changes: [RowChange(table: "note", key: key, life: life, cells: [CellChange("unit", .text("07201"))] + cells)])
  }

  /// A key of another kind than its column is stored converted, and then meets the text of the same digits.
  @Test func aKeyOfAnotherKindIsHeldAndOthersCommit() async throws {
    let world = try await World()
    let hostile = try await world.device("hostile")
    let now = world.clock.nowMs()
    let response = try await push([note(.integer(5), at: now), note(.text("5"), at: now + 1)], as: hostile, to: world).response
    #expect(response.status == 200)
  }

  /// A cursor is a claim of what was seen. One the hub never issued must count as nothing seen: in doubt, a conflict (L6).
  @Test func aCursorTheHubNeverIssuedHidesNoConflict() async throws {
    let world = try await World()
    let (hostile, honest) = (try await world.device("hostile"), try await world.device("honest"))
    try await honest.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 'honest')")
    _ = try await honest.sync(with: world.transport)
    world.clock.advance(1000)
    var place = WireScopePosition()
    place.scope = "07201"
    place.position = .max
    var cursor = WireCursor()
    cursor.incarnation = try await world.hub.read { try IncarnationTable(session: $0).present() }
    cursor.scopes = [place]
    let unit = note(.text("n1"), [CellChange("a", .text("hostile"))], at: world.clock.nowMs())
    let response = try await push([unit], as: hostile, to: world, cursor: try cursor.serializedData()).response
    #expect(response.status == 200)
    let conflicts = try await world.hubConflicts()
    #expect(conflicts == ["n1 a honest hostile"])
  }

  /// An honest unit moves a life on by two at most (deleted and born again).
  @Test(.long) func aLifeThatJumpsIsHeld() async throws {
    let world = try await World()
    let (hostile, honest) = (try await world.device("hostile"), try await world.device("honest"))
    try await honest.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 'honest')")
    for device in [honest, hostile] { _ = try await device.sync(with: world.transport) }
    world.clock.advance(1000)
    _ = try await push(
      [note(.text("n1"), life: WireLimits.lifeMax, at: world.clock.nowMs())].map { unit in
        ChangeUnit(stamp: unit.stamp, changes: unit.changes.map { RowChange(table: $0.table, key: $0.key, life: $0.life, cells: []) })
      }, as: hostile, to: world)
    _ = try await honest.sync(with: world.transport)
    #expect(try await honest.notes() == ["n1 honest - none"])
    try await honest.execute("DELETE FROM note; INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 'again')")
    _ = try await honest.sync(with: world.transport)
    #expect(try await world.hubNotes() == ["n1 again - none"])
    #expect(try await honest.status().sealedChanges == 0)
  }

  /// A packet that lacks a NOT NULL column must be spoiled on its own.
  @Test(.long) func aPacketThatFitsNoRowSpoilsOnlyItself() async throws {
    let world = try await World()
    let (hostile, honest) = (try await world.device("hostile"), try await world.device("honest"))
    let dropKey = try WireDropKey(serializedBytes: try #require(try await hostile.engineRead { try $0.state.value("dropKey").blob }))
    let packet = try Packets.make(
      table: "answer", cells: [("id", .text("bad")), ("unit", .text("07201"))], scope: "07201", dropKey: dropKey,
      unitKey: try #require(try hostile.secrets().unitKey))
    let body = try WireDropRequest.with { $0.packets = [packet] }.serializedData()
    #expect(try await LocalTransport(hub: world.hub).send(HubRequest("PUT", "/v1/drop/07201", body: body), timeoutMs: 1000).status == 200)
    for number in 1...5 { try await honest.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'x')", ["r\(number)"]) }
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 1)
    _ = try await honest.sync(with: world.transport, options: options)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM answer") } == 5)
  }

  @Test func anOffsetPastEverythingDoesNotStopTheHub() async throws {
    await #expect(processExitsWith: .success) {
      let world = try await World()
      let device = try await world.device("a")
      var request = HubRequest("PUT", "/v1/batches/" + String(repeating: "a", count: 64), body: Data([1, 2, 3]))
      request.headers["upload-offset"] = "9223372036854775807"
      request.headers["authorization"] = try RequestSignature.header(
        for: request, hubTimeMs: world.clock.nowMs(), key: try device.secrets().signingKey)
      try? await world.hub.keepPartial(request)
    }
  }

  /// A batch that came early and then proves to follow another chain waits for nothing: its device was cloned, or made a mistake.
  @Test func anEarlyBatchOfAnotherChainIsRefused() async throws {
    let world = try await World()
    let device = try await world.device("a")
    let now = world.clock.nowMs()
    let early = [note(.text("n2"), at: now + 1)]
    let previous = Data(repeating: 1, count: 32)
    #expect(try await push(early, as: device, to: world, number: 2, previous: previous).response.status == 200)
    #expect(try await push([note(.text("n1"), at: now)], as: device, to: world).response.status == 200)
    let again = try await push(early, as: device, to: world, number: 2, previous: previous).response
    let receipt = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: again.body).body)
    #expect(again.status == 200 && receipt.state == .refused && receipt.reason == "previous")
  }

  /// Batches that are small on the wire and large when read must not add up to a page that no device can read.
  @Test(.long) func pagesKeepToTheBoundsTheirReadersHave() async throws {
    let world = try await World()
    let (author, reader) = (try await world.device("author"), try await world.device("reader"))
    let now = world.clock.nowMs()
    var previous = Data()
    for number in 1...2 as ClosedRange<UInt64> {
      let large = CellChange("a", .text(String(repeating: "a", count: WireLimits.valueBytesMax)))
      let changes = (0..<34).map { row in
        RowChange(table: "note", key: .text("\(number)-\(row)"), life: 1, cells: [CellChange("unit", .text("07201")), large])
      }
      let pushed = try await push(
        [ChangeUnit(stamp: HybridTimestamp(wallMs: now + number), changes: changes)], as: author, to: world, number: number,
        previous: previous)
      #expect(pushed.response.status == 200)
      previous = pushed.hash
    }
    _ = try await reader.sync(with: world.transport)
    #expect(try await reader.status().isAtHead)
  }
}
