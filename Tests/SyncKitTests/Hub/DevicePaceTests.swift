import Foundation
import GRDB
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
}
