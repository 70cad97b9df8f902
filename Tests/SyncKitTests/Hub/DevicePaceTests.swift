import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// One device's flood of text waits; nobody else's work does.
@Suite struct DevicePaceTests {
  private static var limits: TextLimits {
    var limits = TextLimits()
    (limits.changesAtOnce, limits.changesPerSecond) = (100, 10)
    return limits
  }

  @Test func changesBeyondTheLimitDelayTheNextBatch() throws {
    let pace = DevicePace(Self.limits)
    let (device, other) = (SigningKey().replica, SigningKey().replica)
    let now = ContinuousClock.now
    // A batch larger than all that is allowed is taken whole.
    try pace.check(device, at: now)
    pace.charge(device, changes: 150, at: now)
    let error = #expect(throws: SyncError.self) { try pace.check(device, at: now) }
    #expect(error?.code == .busy && error?.retryAfterSeconds == 6)
    try pace.check(other, at: now)
    #expect(throws: SyncError.self) { try pace.check(device, at: now + .seconds(4)) }
    try pace.check(device, at: now + .seconds(6))
  }

  @Test func devicesAreForgottenOnceTheirAllowanceIsFull() throws {
    let pace = DevicePace(Self.limits)
    let now = ContinuousClock.now
    for _ in 0..<DevicePace.devicesMax { pace.charge(SigningKey().replica, changes: 1, at: now) }
    let late = SigningKey().replica
    pace.charge(late, changes: 200, at: now + .seconds(60))
    #expect(throws: SyncError.self) { try pace.check(late, at: now + .seconds(60)) }
    #expect(pace.deviceCount == 1)
  }

  @Test func aHubTellsAFloodingDeviceToWait() async throws {
    var options = Hub.Options()
    // However long the test takes, nothing is added.
    var limits = Self.limits
    limits.changesPerSecond = 0
    options.text = limits
    let world = try await World(options: options)
    let (flood, quiet) = (try await world.device("a"), try await world.device("b"))
    var retry = SyncOptions()
    retry.retry = RetryPolicy(attemptsMax: 1, delayFirstMs: 1, delayMaxMs: 1)
    for round in 0..<2 {
      try await flood.database.write { db in
        for id in 0..<200 { try db.execute(sql: "INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", arguments: ["\(round)-\(id)"]) }
      }
      if round == 0 {
        #expect(try await flood.sync(with: world.transport, options: retry).progress.changesSent == 200)
      } else {
        let error = await #expect(throws: SyncError.self) { try await flood.sync(with: world.transport, options: retry) }
        #expect(error?.code == .busy && error?.isRetryable == true)
      }
    }
    try await quiet.execute("INSERT INTO note (id, unit, a) VALUES ('q', '07201', 1)")
    #expect(try await quiet.sync(with: world.transport).progress.changesSent == 1)
  }

  @Test func aDeviceOverItsQuotaKeepsItsBatches() async throws {
    var options = Hub.Options()
    options.text = TextLimits()
    options.text?.bytesPerReplicaMax = 20_000
    let world = try await World(options: options)
    let (chatty, quiet) = (try await world.device("a"), try await world.device("b"))
    func write(_ id: String) async throws {
      // Noise, which no packing makes smaller.
      let text = String((0..<20_000).compactMap { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() })
      try await chatty.database.write { db in
        try db.execute(sql: "INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", arguments: [id, text])
      }
    }
    try await write("one")
    _ = try await chatty.sync(with: world.transport)
    try await write("two")
    for _ in 0..<2 {
      let error = await #expect(throws: SyncError.self) { try await chatty.sync(with: world.transport) }
      #expect(error?.code == .noRoom && error?.explanation.en.contains("the rest stays on it") == true)
    }
    #expect(world.hub.devicesOverQuota.count == 1)
    #expect(try await chatty.status().sealedChanges == 1)
    try await quiet.execute("INSERT INTO note (id, unit, a) VALUES ('q', '07201', 1)")
    #expect(try await quiet.sync(with: world.transport).progress.changesSent == 1)
    // A hub that is opened anew counts what it has.
    try await world.reopenHub(options: options)
    await #expect(throws: SyncError.self) { try await chatty.sync(with: world.transport) }
    options.text?.bytesPerReplicaMax = 40_000
    try await world.reopenHub(options: options)
    #expect(try await chatty.sync(with: world.transport).progress.changesSent == 1)
  }

  // MARK: Every way in

  private func send(_ request: HubRequest, as device: Replica, to world: World) async throws -> HubResponse {
    var request = request
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: world.clock.nowMs(), key: try device.secrets().signingKey)
    return await world.hub.answer(request)
  }

  private static let nothing = Data("nothing".utf8)
  /// Every call that writes for its device, with a body that no hub takes.
  private static let writing = [
    HubRequest("PUT", "/v1/batches/" + Data(count: 32).hex, body: Self.nothing),
    HubRequest("PUT", "/v1/batches/" + Data(count: 32).hex, headers: ["upload-part": "1"], body: Self.nothing),
    HubRequest("PUT", "/v1/pages", body: Self.nothing),
    HubRequest("PUT", "/v1/agreement", body: Self.nothing),
    HubRequest("PUT", "/v1/bundles/\(BlobID(of: Self.nothing).hex)?size=\(Self.nothing.count)", body: Self.nothing),
  ]

  @Test func everyCallThatWritesMakesAFloodWait() async throws {
    var options = Hub.Options()
    options.text = TextLimits()
    let world = try await World(options: options)
    let (flood, quiet) = (try await world.device("a"), try await world.device("b"))
    world.hub.pace?.charge(try flood.identity, bytes: 1 << 40)
    for call in Self.writing {
      let refused = try await send(call, as: flood, to: world)
      #expect(refused.status == 503 && refused.cause == "busy" && refused.headers["retry-after"] == "600", "\(call.path)")
      #expect(try await send(call, as: quiet, to: world).status != 503, "\(call.path)")
    }
  }

  @Test func whatIsRefusedIsChargedToo() async throws {
    var options = Hub.Options()
    var limits = TextLimits()
    (limits.bytesAtOnce, limits.bytesPerSecond) = (2 * DevicePace.callBytesMin, 0)
    options.text = limits
    let world = try await World(options: options)
    for (index, call) in Self.writing.enumerated() {
      let flood = try await world.device("d\(index)")
      for round in 0..<3 {
        let isTold = try await send(call, as: flood, to: world).status == 503
        #expect(isTold == (round == 2), "\(call.path), round \(round)")
      }
    }
  }

  @Test func aFloodingDeviceReadsButItsContactIsNotWritten() async throws {
    var options = Hub.Options()
    options.text = TextLimits()
    let world = try await World(options: options)
    let (flood, quiet) = (try await world.device("a"), try await world.device("b"))
    world.hub.pace?.charge(try flood.identity, bytes: 1 << 40)
    world.clock.advance(1000)
    for device in [flood, quiet] {
      #expect(try await send(HubRequest("GET", "/v1/feed?cursor="), as: device, to: world).status == 200)
    }
    let now = world.clock.nowMs()
    #expect(try await world.hub.device(try flood.identity)?.contactMs != now)
    #expect(try await world.hub.device(try quiet.identity)?.contactMs == now)
  }

  @Test func aBundleIsChargedToWhoeverBringsIt() async throws {
    var options = Hub.Options()
    var limits = Self.limits
    limits.changesPerSecond = 0
    options.text = limits
    let world = try await World(options: options)
    let (a, courier) = (try await world.device("a"), try await world.device("c"))
    try await a.database.write { db in
      for id in 0..<200 { try db.execute(sql: "INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", arguments: ["\(id)"]) }
    }
    let path = try await a.exportBundle(to: world.folder.path + "/a.skb").paths[0]
    let bundle = try Data(contentsOf: URL(fileURLWithPath: path))
    let brought = HubRequest("PUT", "/v1/bundles/\(BlobID(of: bundle).hex)?size=\(bundle.count)", body: bundle)
    #expect(try await send(brought, as: courier, to: world).status == 200)
    #expect(try await world.hubNotes().count == 200)
    // Repeats the answer, which may have got lost.
    #expect(try await send(brought, as: courier, to: world).status == 200)
    let further = Self.writing[4]
    #expect(try await send(further, as: courier, to: world).status == 503)
    #expect(try await send(further, as: a, to: world).status != 503)
  }

  @Test func aSuccessorHasItsPredecessorsAllowance() throws {
    let pace = DevicePace(Self.limits)
    let (old, new) = (SigningKey().replica, SigningKey().replica)
    let now = ContinuousClock.now
    pace.charge(old, changes: 150, at: now)
    pace.inherit(new, from: old, at: now)
    #expect(throws: SyncError.self) { try pace.check(new, at: now) }
    // Asking again gives nothing back.
    pace.charge(new, changes: 1000, at: now + .seconds(6))
    pace.inherit(new, from: old, at: now + .seconds(6))
    #expect(throws: SyncError.self) { try pace.check(new, at: now + .seconds(6)) }
  }

  @Test func bytesAreLimitedAlsoWhereNothingChanges() throws {
    var limits = Self.limits
    (limits.bytesAtOnce, limits.bytesPerSecond) = (1000, 100)
    let pace = DevicePace(limits)
    let device = SigningKey().replica
    let now = ContinuousClock.now
    pace.charge(device, changes: 150, at: now)
    try pace.check(device, for: .bytes, at: now)
    pace.charge(device, bytes: 2000, at: now)
    let error = #expect(throws: SyncError.self) { try pace.check(device, for: .bytes, at: now) }
    #expect(error?.code == .busy && error?.retryAfterSeconds == 11)
    try pace.check(device, at: now + .seconds(11))
  }

  // MARK: Quota

  @Test func aQuotaIsSharedByAnIdentityAndItsSuccessor() async throws {
    var options = Hub.Options()
    options.text = TextLimits()
    options.text?.bytesPerReplicaMax = 20_000
    let world = try await World(options: options)
    let (old, new, other) = (try await world.device("a"), try await world.device("b"), try await world.device("c"))
    let (oldID, newID) = (try old.identity, try new.identity)
    try await world.hub.store.write { session in
      try HubIdentityHistory(session: session).record(
        HubIdentityHistory.Base(predecessor: oldID, number: 0, hash: Data()), replica: newID, scope: "07201")
    }
    for device in [old, new, other] {
      let text = String((0..<20_000).compactMap { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() })
      let id = try device.identity.description
      try await device.database.write { db in
        try db.execute(sql: "INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", arguments: [id, text])
      }
    }
    _ = try await old.sync(with: world.transport)
    let error = await #expect(throws: SyncError.self) { try await new.sync(with: world.transport) }
    #expect(error?.code == .noRoom && world.hub.devicesOverQuota == [newID])
    _ = try await other.sync(with: world.transport)
    // Makes room at once by trimming, without a restart.
    world.clock.advance(1000)
    #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) == 2)
    #expect(try await new.sync(with: world.transport).progress.changesSent == 1)
  }

  @Test func aFullQuotaIsCountedAgainAfterAWhile() throws {
    var limits = TextLimits()
    limits.bytesPerReplicaMax = 100
    let pace = DevicePace(limits)
    let device = SigningKey().replica
    let now = ContinuousClock.now
    #expect(pace.isToBeCounted(device, members: 1, adding: 10, at: now))
    pace.note(device, members: 1, keeps: 95, at: now)
    #expect(!pace.isToBeCounted(device, members: 1, adding: 10, at: now + .seconds(59)))
    #expect(pace.isToBeCounted(device, members: 1, adding: 10, at: now + DevicePace.recountAfter))
    #expect(pace.isToBeCounted(device, members: 2, adding: 1, at: now))
    #expect(throws: SyncError.self) { try pace.reserve(10, of: device, for: device) }
    // Batches on their way count, so that many at once do not pass together.
    try pace.reserve(5, of: device, for: device)
    #expect(throws: SyncError.self) { try pace.reserve(1, of: device, for: device) }
    pace.settle(5, of: device, isKept: false)
    try pace.reserve(5, of: device, for: device)
    pace.settle(5, of: device, isKept: true)
    #expect(throws: SyncError.self) { try pace.reserve(1, of: device, for: device) }
  }

  // MARK: The queue

  @Test func workOfItsOwnIsRolledBackByAnyError() async throws {
    let world = try await World()
    let device = SigningKey().replica
    let work: IngestQueue.Work = { ingest in
      try ingest.session.execute("INSERT INTO hub_upload (hash, start, bytes) VALUES (x'01', 0, x'02')", [])
      throw SyncError(.damaged, vi: "hỏng", en: "damaged")
    }
    await #expect(throws: SyncError.self) { try await world.hub.queue.run(work, from: device, changes: 0, isAlone: true) }
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_upload") } == 0)
  }

  /// Keeps the queue at work until it is opened, or for the longest a test waits.
  private final class Gate: Sendable {
    private let state = Mutex((isEntered: false, isOpen: false))
    var isEntered: Bool { state.withLock { $0.isEntered } }
    func open() { state.withLock { $0.isOpen = true } }
    func pass() {
      state.withLock { $0.isEntered = true }
      let end = ContinuousClock.now + .seconds(10)
      while !state.withLock({ $0.isOpen }), ContinuousClock.now < end { usleep(1000) }
    }
  }

  @Test func partsOfBatchesWaitTheirTurnAmongTheBatches() async throws {
    let world = try await World()
    let flood = try await world.device("a")
    let gate = Gate()
    let other = SigningKey().replica
    let holding: IngestQueue.Work = { _ in
      gate.pass()
      return Data()
    }
    let hub = world.hub
    let held = Task { _ = try await hub.queue.run(holding, from: other, changes: 0, isAlone: true) }
    while !gate.isEntered { try await Task.sleep(for: .milliseconds(1)) }
    let parts = try (0..<IngestQueue.waitingOfOneMax + 2).map { number in
      var part = HubRequest(
        "PUT", "/v1/batches/" + Data(repeating: UInt8(number), count: 32).hex, body: Data(count: Hub.uploadPieceBytesMin))
      part.headers["authorization"] = try RequestSignature.header(
        for: part, hubTimeMs: world.clock.nowMs(), key: try flood.secrets().signingKey)
      return part
    }
    let refused = await withTaskGroup(of: Bool.self) { group in
      for part in parts {
        group.addTask {
          do {
            try await hub.keepPartial(part)
            return true
          } catch {
            return false
          }
        }
      }
      var refused = 0
      for await isKept in group where !isKept {
        refused += 1
        if refused == 2 { gate.open() }
      }
      return refused
    }
    try await held.value
    #expect(refused == 2)
    #expect(try await hub.read { try $0.integer("SELECT count(*) FROM hub_upload") } == Int64(IngestQueue.waitingOfOneMax))
  }
}
