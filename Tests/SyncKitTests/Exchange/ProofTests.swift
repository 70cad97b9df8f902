import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// L9 and L11: what proves something is checked, and a hub that went back in time is noticed.
@Suite struct ProofTests {
  /// Lets a test alter what the hub answers to one kind of call.
  private struct Tampering: Transport {
    let inner: LocalTransport
    let path: String
    let change: @Sendable (HubResponse) throws -> HubResponse

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      let response = try await inner.send(request, timeoutMs: timeoutMs)
      return request.path.hasPrefix(path) && request.method != "GET" || request.path == path ? try change(response) : response
    }
  }

  @Test func aReceiptTheHubDidNotSignIsNoReceipt() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    let forger = SigningKey()
    let transport = Tampering(inner: world.transport, path: "/v1/batches/") { response in
      var response = response
      let body = try WireSigned.parse(response.body, named: LocalizedText("x")).body
      response.body = try forger.sealed(body, as: .receipt)
      return response
    }
    let error = await #expect(throws: SyncError.self) { _ = try await a.sync(with: transport) }
    #expect(error?.code == .badSignature)
    #expect(try await a.status().sealedChanges == 1)
    _ = try await a.sync(with: world.transport)
    #expect(try await a.status().mergedChanges == 1)
  }

  @Test func aFeedPageOfAnotherSignerOrReaderChangesNothing() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    _ = try await a.sync(with: world.transport)
    let forger = SigningKey()
    let forged = Tampering(inner: world.transport, path: "/v1/feed") { response in
      var response = response
      let body = try WireSigned.parse(response.body, named: LocalizedText("x")).body
      response.body = try forger.sealed(body, as: .page)
      return response
    }
    #expect(await #expect(throws: SyncError.self) { _ = try await b.sync(with: forged) }?.code == .badSignature)
    let others = try await world.hub.page(for: try #require(try await world.hub.devices().first { $0.label == "a" }), cursor: Data())
    let misled = Tampering(inner: world.transport, path: "/v1/feed") { response in
      var response = response
      response.body = others
      return response
    }
    #expect(await #expect(throws: SyncError.self) { _ = try await b.sync(with: misled) }?.code == .badCursor)
    #expect(try await b.notes() == [])
  }

  @Test(.long) func aRestoredHubIsNoticedAndTheDeviceLosesNothing() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    let copy = world.folder.path + "/old.sqlite"
    let old = try DatabaseQueue(path: world.folder.path + "/hub.sqlite")
    try await old.vacuum(into: copy)
    // A day passes that the copy does not know.
    try await a.execute("UPDATE note SET a = 2")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    // The old copy takes other work, until it stands where the devices' cursors do.
    let store = try SQLiteHubStore.open(at: copy, tables: World.tables, clock: world.clock)
    let restored = try await Hub.open(store: store, keys: try HubKeys.load(from: world.folder.path + "/keys"), clock: world.clock)
    let code = try await restored.makeCode(scope: "07201", readScopes: ["24", "07201"])
    let c = try world.replica("c")
    try await c.enroll(code: code, label: "c", through: LocalTransport(hub: restored))
    try await c.execute("INSERT INTO note (id, unit) VALUES ('other', '07201')")
    _ = try await c.sync(with: LocalTransport(hub: restored))
    let summary = try await b.sync(with: LocalTransport(hub: restored))
    #expect(summary.notices.map(\.kind) == [.hubRestored])
    #expect(try await b.notes() == ["n 2 - none", "other - - none"])
    _ = try await a.sync(with: LocalTransport(hub: restored))
    #expect(try await a.notes() == ["n 2 - none", "other - - none"])
    #expect(try await a.status().mergedChanges == 2)
  }

  @Test func aBatchThatTheHubAnsweredForIsInItsStoreEvenIfTheProcessDiesAtOnce() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    /// Copies the store's files at the very moment the answer leaves: what a dead process would leave behind.
    let folder = world.folder.path
    let copied = Tampering(inner: world.transport, path: "/v1/batches/") { response in
      for suffix in ["", "-wal"] {
        let target = folder + "/dead.sqlite" + suffix
        if !FileManager.default.fileExists(atPath: target) {
          try FileManager.default.copyItem(atPath: folder + "/hub.sqlite" + suffix, toPath: target)
        }
      }
      return response
    }
    _ = try await a.sync(with: copied)
    let dead = try DatabaseQueue(path: folder + "/dead.sqlite")
    let sql = """
      SELECT (SELECT count(*) FROM note), (SELECT count(*) FROM hub_feed WHERE scope = '07201'),
        (SELECT count(*) FROM hub_batch WHERE receipt IS NOT NULL AND scope = '07201')
      """
    let counts = try dead.read { db in try Row.fetchOne(db, sql: sql) }
    #expect(counts?.databaseValues.map { CellValue($0) } == [.integer(1), .integer(1), .integer(1)])
  }
}
