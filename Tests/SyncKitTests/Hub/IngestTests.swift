import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

@Suite struct IngestTests {
  private func batches(_ replica: Replica) async throws -> [SealedBatch] {
    try await replica.seal()
    return try await replica.engineRead { try $0.session.rows("SELECT bytes FROM sync_outbox ORDER BY seq") }
      .compactMap { $0[0].blob.map { SealedBatch(bytes: $0) } }
  }

  private func receipt(_ bytes: Data) throws -> WireReceipt {
    try WireReceipt.parse(WireSigned.parse(bytes, named: LocalizedText("x")).body, named: LocalizedText("x"))
  }

  /// Batches signed by the device's own key, saying whatever a test wants.
  private func forged(_ replica: Replica, number: UInt64, previous: Data, units: [ChangeUnit], scope: String = "07201") throws
    -> SealedBatch
  {
    let key = try replica.secrets().signingKey
    return try BatchCodec.seal(
      BatchContent(replica: key.replica, scope: scope, number: number, previous: previous, cursor: Data(), units: units), with: key)
  }

  private func note(_ id: String, _ cells: [CellChange] = [], life: UInt32 = 1, table: String = "note", unit: String = "07201") -> RowChange
  {
    RowChange(table: table, key: .text(id), life: life, cells: life % 2 == 1 ? [CellChange("unit", .text(unit))] + cells : [])
  }

  @Test func theLongestWriteIsMeasuredWithItsCommit() async throws {
    let pauseMs: UInt32 = 40
    var options = Hub.Options()
    options.onMerge = { _, _ in usleep(pauseMs * 1000) }
    let world = try await World(options: options)
    let a = try await world.device("a")
    #expect(world.hub.longestWrite > .zero)
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await world.hub.ingest(try await batches(a)[0])
    let longest = world.hub.longestWrite
    #expect(longest >= .milliseconds(Int64(pauseMs)))
    // A shorter one afterwards changes nothing.
    try await world.hubStore.write { _ in }
    #expect(world.hub.longestWrite == longest)
  }

  @Test func theSameBatchTwiceIsMergedOnceAndAnsweredAlike() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    let batch = try await batches(a)[0]
    let first = try await world.hub.ingest(batch)
    let second = try await world.hub.ingest(batch)
    #expect(first == second)
    let feed = try await world.hub.read { try $0.rows("SELECT position FROM hub_feed WHERE scope = '07201'") }
    #expect(feed.count == 1)
  }

  @Test func aBatchWaitsVisiblyForTheOneBefore() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await batches(a)
    try await a.execute("UPDATE note SET a = 2")
    _ = try await batches(a)
    try await a.execute("UPDATE note SET a = 3")
    let all = try await batches(a)
    #expect(all.count == 3)
    let early = try receipt(try await world.hub.ingest(all[2]))
    #expect(early.state == .waiting && early.expected == 1)
    #expect(try receipt(try await world.hub.ingest(all[1])).state == .waiting)
    #expect(try await world.hubNotes() == [])
    #expect(try receipt(try await world.hub.ingest(all[0])).state == .merged)
    #expect(try await world.hubNotes() == ["n 3 - none"])
    #expect(try receipt(try await world.hub.ingest(all[2])).state == .merged)
  }

  @Test func anotherBatchOfTheSameNumberIsAForkAndChangesNothing() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let first = try forged(a, number: 1, previous: Data(), units: [ChangeUnit(stamp: HybridTimestamp(wallMs: 5), changes: [note("n")])])
    _ = try await world.hub.ingest(first)
    let twin = try forged(a, number: 1, previous: Data(), units: [ChangeUnit(stamp: HybridTimestamp(wallMs: 6), changes: [note("m")])])
    let error = await #expect(throws: SyncError.self) { _ = try await world.hub.ingest(twin) }
    #expect(error?.code == .fork)
    let unchained = try forged(
      a, number: 2, previous: twin.hash, units: [ChangeUnit(stamp: HybridTimestamp(wallMs: 7), changes: [note("o")])])
    let refused = try receipt(try await world.hub.ingest(unchained))
    #expect(refused.state == .refused && refused.reason == "previous", "a twin, or a mistake: the author knows")
    #expect(try await world.hubNotes() == ["n - - none"])
  }

  @Test func aFaultyUnitIsHeldWithItsReasonAndTheRestAreMerged() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let stamp = { HybridTimestamp(wallMs: $0) }
    let batch = try forged(
      a, number: 1, previous: Data(),
      units: [
        ChangeUnit(stamp: stamp(1), changes: [note("good")]),
        ChangeUnit(stamp: stamp(2), changes: [note("half"), note("x", table: "unheard")]),
        ChangeUnit(stamp: stamp(3), changes: [note("half", [CellChange("a", .integer(1))])]),
        ChangeUnit(stamp: stamp(4), changes: [note("foreign", unit: "07204")]),
        ChangeUnit(stamp: stamp(5), changes: [note("odd", [CellChange("c", .integer(7))])]),
        ChangeUnit(stamp: stamp(6), changes: [note("last")]),
      ])
    let receipt = try receipt(try await world.hub.ingest(batch))
    #expect(receipt.held.map { "\($0.unit) \($0.reason)" } == ["1 schema", "2 behind", "3 scope", "4 value"])
    #expect(receipt.heldChanges == 5)
    // A unit is merged whole or held whole: "half" is not there.
    #expect(try await world.hubNotes().map { $0.prefix(4) } == ["good", "last"])
    // Nothing held is in the feed.
    let b = try await world.device("b")
    _ = try await b.sync(with: world.transport)
    #expect(try await b.notes().count == 2)
  }

  @Test func aDeviceCannotTouchARowOfAnotherUnit() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b", unit: "07204"))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await a.sync(with: world.transport)
    let wrongScope = try forged(b, number: 1, previous: Data(), units: [ChangeUnit(stamp: .zero, changes: [note("n")])])
    #expect(await #expect(throws: SyncError.self) { _ = try await world.hub.ingest(wrongScope) }?.code == .wrongScope)
    let disguised = try forged(
      b, number: 1, previous: Data(), units: [ChangeUnit(stamp: .zero, changes: [note("n", life: 2, unit: "07204")])], scope: "07204")
    #expect(try receipt(try await world.hub.ingest(disguised)).held.map(\.reason) == ["scope"])
    #expect(try await world.hubNotes() == ["n 1 - none"])
    _ = try await b.sync(with: world.transport)
    #expect(try await b.notes() == [])
  }

  @Test func aRevokedDeviceIsRefusedAndKeepsItsChanges() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    #expect(try await world.hub.revoke(try #require(try await a.enrolment()).replica).count == 1)
    let error = await #expect(throws: SyncError.self) { _ = try await a.sync(with: world.transport) }
    #expect(error?.code == .revoked)
    #expect(try await a.status().sealedChanges == 1)
    #expect(try await world.hubNotes() == [])
  }

  @Test func aCodeWorksOnceAndALostAnswerCanBeAskedForAgain() async throws {
    let world = try await World()
    let (a, b) = (try world.replica("a"), try world.replica("b"))
    let code = try await world.hub.makeCode(scope: "07201", readScopes: ["24", "07201"])
    #expect(code.count == 10 && !code.contains { "0O1I".contains($0) })
    struct Deaf: Transport {
      let inner: LocalTransport
      func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
        _ = try await inner.send(request, timeoutMs: timeoutMs)
        throw SyncError(.unreachable, vi: "mất", en: "lost")
      }
    }
    await #expect(throws: SyncError.self) { try await a.enroll(code: code, label: "a", through: Deaf(inner: world.transport)) }
    #expect(try await a.enrolment() == nil)
    try await a.enroll(code: code.lowercased(), label: "a", through: world.transport)
    #expect(try await a.enrolment()?.writeScope == "07201")
    #expect(
      await #expect(throws: SyncError.self) { try await b.enroll(code: code, label: "b", through: world.transport) }?.code == .codeUsed)
    #expect(
      await #expect(throws: SyncError.self) { try await b.enroll(code: "AAAAAAAAAA", label: "b", through: world.transport) }?.code
        == .wrongCode)
    let mode = try FileManager.default.attributesOfItem(atPath: a.path + ".key")[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func anInterruptedUploadContinues() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, c) VALUES ('n', '07201', hex(randomblob(200000)))")
    /// Loses the second half of the first upload, after the hub kept what came.
    actor Broken: Transport {
      let hub: Hub
      var isBroken = true
      var sent: [Int] = []
      init(hub: Hub) { self.hub = hub }
      func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
        if request.method == "PUT" { sent.append(request.body.count) }
        if request.method == "PUT" && isBroken {
          isBroken = false
          var part = request
          part.body = request.body.prefix(150_000)
          try await hub.keepPartial(part)
          throw SyncError(.unreachable, vi: "đứt", en: "cut")
        }
        return await hub.answer(request)
      }
    }
    let broken = Broken(hub: world.hub)
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 3, delayFirstMs: 1, delayMaxMs: 1)
    _ = try await a.sync(with: broken, options: options)
    let sent = await broken.sent
    #expect(sent.count == 2 && sent[1] == sent[0] - 150_000)
    #expect(try await world.hubNotes().count == 1)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_upload") } == 0)
  }
}
