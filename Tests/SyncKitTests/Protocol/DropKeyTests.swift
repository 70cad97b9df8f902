import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// The life and end of drop keys (L12).
@Suite struct DropKeyTests {
  /// A hub that watches its key folder, as `hub serve` does.
  private final class Watched {
    let world: World
    let hub: Hub
    let keys: String

    init() async throws {
      world = try await World()
      keys = world.folder.path + "/keys"
      hub = try await Hub.open(store: world.hubStore, keys: try HubKeys.load(from: keys), keysFolder: keys, clock: world.clock)
    }

    func answer(_ device: Replica, _ count: Int, _ prefix: String) async throws {
      for index in 0..<count {
        try await device.execute("INSERT INTO answer VALUES (?, '07201', '2024-04-01', 'words')", ["\(prefix)\(index)"])
      }
    }

    /// Packets waiting, released and spoiled.
    func counts() async throws -> [Int64?] {
      try await hub.read { session in
        try session.rows(
          "SELECT (SELECT count(*) FROM hub_packet), coalesce(sum(released), 0), coalesce(sum(spoiled), 0) FROM hub_drop")[0].map(\.integer)
      }
    }

    func destroy(_ id: String) async throws {
      _ = try await hub.destroyDropKey(id, in: keys, acceptsLoss: false)
    }

    func backUp(_ name: String) async throws { _ = try await hub.backUp(to: world.folder.path + "/" + name) }
    var transport: LocalTransport { LocalTransport(hub: hub) }
  }

  @Test func aNewKeyIsUsedFromTheNextExchangeOnAndTheOldOneStillOpens() async throws {
    let stage = try await Watched()
    let device = try await stage.world.device("a")
    try await stage.answer(device, 3, "old")
    let first = try #require(try await stage.hub.dropKeys().first)
    // Made by another process.
    let other = try await Hub.open(store: stage.world.hubStore, keys: try HubKeys.load(from: stage.keys), clock: stage.world.clock)
    let second = try other.addDropKey(in: stage.keys)
    #expect(try await stage.hub.dropKeys().map(\.id) == [first.id, second])
    _ = try await device.sync(with: stage.transport)
    try await stage.answer(device, 2, "new")
    #expect(
      try await device.engineRead { try $0.state.value("dropKey").blob }.map { try WireDropKey.parse($0, named: LocalizedText("key")).id }
        == second)
    #expect(try await stage.hub.dropKeys().map(\.waiting) == [3, 0])
    _ = try await device.sync(with: stage.transport)
    #expect(try await stage.hub.dropKeys().map(\.waiting) == [0, 0])
    #expect(try await stage.hub.read { try $0.integer("SELECT count(*) FROM answer") } == 5)
  }

  @Test(.long) func aKeyIsDestroyedOnlyWhenNothingIsLost() async throws {
    let stage = try await Watched()
    let device = try await stage.world.device("a")
    let id = try #require(try await stage.hub.dropKeys().first?.id)
    try await stage.answer(device, 4, "n")
    _ = try await device.sync(with: stage.transport)
    await #expect(throws: SyncError.self, "four wait") { try await stage.destroy(id) }
    try await stage.hub.releaseEverything()
    await #expect(throws: SyncError.self, "no backup holds them") { try await stage.destroy(id) }
    try await stage.backUp("first")
    await #expect(throws: SyncError.self, "only one backup holds them") { try await stage.destroy(id) }
    try await stage.backUp("second")
    try await stage.answer(device, 1, "late")
    // Its next exchange will say so; until then the hub does not know.
    _ = try? await device.sync(with: Broken(inner: stage.transport))
    await #expect(throws: SyncError.self, "a device still has one") { try await stage.destroy(id) }
    #expect(FileManager.default.fileExists(atPath: "\(stage.keys)/drop-\(id).key"))
    let done = try await stage.hub.destroyDropKey(id, in: stage.keys, acceptsLoss: true)
    #expect(done.packetsOnDevices == 1 && done.next != nil)
    #expect(!FileManager.default.fileExists(atPath: "\(stage.keys)/drop-\(id).key"))
    #expect(try await stage.hub.dropKeys().map(\.id) == [done.next].compactMap { $0 })
    await #expect(throws: SyncError.self, "gone") { try await stage.destroy(id) }
    // The late one is taken, counted, and nobody can read it; the others' way goes on.
    _ = try await device.sync(with: stage.transport)
    try await stage.answer(device, 5, "next")
    _ = try await device.sync(with: stage.transport)
    #expect(try await stage.counts() == [0, 9, 1])
    #expect(try await device.status().addsUp)
  }

  /// Drops nothing: what the device has waits, and the feed tells the hub so.
  private struct Broken: Transport {
    let inner: any Transport
    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      if request.path.hasPrefix("/v1/drop/") { return SyncError(.badRequest, vi: "không", en: "no").response }
      return try await inner.send(request, timeoutMs: timeoutMs)
    }
  }
}
