import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A lost phone: what it sealed and never sent, brought by somebody else after it was revoked.
@Suite struct RevokedBatchTests {
  private func batches(of device: Replica) async throws -> [SealedBatch] {
    try await device.engineRead {
      try $0.session.rows("SELECT bytes FROM sync_outbox ORDER BY number").compactMap { $0[0].blob }.map(SealedBatch.init(bytes:))
    }
  }

  private func receipt(_ world: World, _ batch: SealedBatch) async throws -> WireReceipt {
    try WireReceipt.parse(
      try WireSigned.parse(try await world.hub.ingest(batch), named: LocalizedText("s")).body, named: LocalizedText("r"))
  }

  private func lost(_ world: World) async throws -> (id: ReplicaID, batches: [SealedBatch]) {
    let lost = try await world.device("lost")
    _ = try await lost.sync(with: world.transport)
    for index in 1...3 {
      try await lost.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["k\(index)", index])
      try await lost.seal()
    }
    let id = try lost.secrets().signingKey.replica
    #expect(try await world.hub.revoke(id) == [id])
    // The device itself is turned away.
    await #expect(throws: SyncError.self) { try await lost.sync(with: world.transport) }
    return (id, try await batches(of: lost))
  }

  @Test(.long) func batchesOfARevokedDeviceWaitForADecisionAndAreMergedInOrder() async throws {
    let world = try await World()
    let (id, batches) = try await lost(world)
    // Out of order, and one twice.
    for batch in [batches[1], batches[0], batches[1]] { #expect(try await receipt(world, batch).state == .undecided) }
    #expect(try await world.hubNotes().isEmpty)
    #expect(try await world.hub.lateBatches() == [id: 2])
    #expect(try await world.hub.decideLate(id, .take, by: "province", reason: "known") == 2)
    #expect(try await world.hubNotes() == ["k1 1 - none", "k2 2 - none"])
    #expect(try await world.hub.lateBatches().isEmpty)
    await #expect(throws: SyncError.self, "merged work is not taken back") {
      _ = try await world.hub.decideLate(id, .refuse, by: "province", reason: "after all")
    }
    // Whoever has the device seals more: that waits again.
    #expect(try await receipt(world, batches[0]).state == .merged)
    #expect(try await receipt(world, batches[2]).state == .undecided)
    #expect(try await world.hubNotes().count == 2)
    #expect(try await world.hub.decideLate(id, .take, by: "province", reason: "known") == 1)
    #expect(try await world.hubNotes().count == 3)
    await #expect(throws: SyncError.self, "nothing waits") {
      _ = try await world.hub.decideLate(id, .take, by: "province", reason: "known")
    }
    let reader = try await world.device("reader")
    _ = try await reader.sync(with: world.transport)
    #expect(try await reader.notes() == world.hubNotes())
    #expect(try await reader.status().agreement == .proved)
  }

  @Test func refusedBatchesStayAndMayBeAcceptedLater() async throws {
    let world = try await World()
    let (id, batches) = try await lost(world)
    for batch in batches { _ = try await receipt(world, batch) }
    #expect(try await world.hub.decideLate(id, .refuse, by: "province", reason: "stolen") == 0)
    #expect(try await receipt(world, batches[0]).state == .undecided)
    #expect(try await world.hubNotes().isEmpty)
    #expect(try await world.hub.lateBatches() == [id: 3])
    #expect(try await world.hub.decideLate(id, .take, by: "province", reason: "found") == 3)
    #expect(try await world.hubNotes().count == 3)
  }

  /// The device was copied before it was lost, and batches of both are brought: only one chain of a name can be merged.
  @Test func aCopysBatchThatContinuesNothingHereBlocksNothing() async throws {
    let world = try await World()
    let lost = try await world.device("lost")
    _ = try await lost.sync(with: world.transport)
    let twin = try await world.copy(lost, to: "twin")
    try await lost.execute("INSERT INTO note (id, unit, a) VALUES ('mine', '07201', 1)")
    try await lost.seal()
    for key in ["its", "more"] {
      try await twin.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', 2)", [key])
      try await twin.seal()
    }
    let id = try lost.secrets().signingKey.replica
    #expect(try await world.hub.revoke(id) == [id])
    let (mine, its) = (try await batches(of: lost), try await batches(of: twin))
    for batch in [mine[0], its[1]] { #expect(try await receipt(world, batch).state == .undecided) }
    await #expect(throws: SyncError.self) { _ = try await world.hub.ingest(its[0]) }
    for isDecided in [false, true] {
      if isDecided { #expect(try await world.hub.decideLate(id, .take, by: "province", reason: "found") == 1) }
      let examination = try await SQLiteHubStore.examine(
        at: world.hubStore.path, tables: World.notes.tables, keys: try HubKeys.load(from: world.folder.path + "/keys"))
      #expect(examination.findings.isEmpty)
    }
    #expect(try await world.hubNotes() == ["mine 1 - none"])
    #expect(try await world.hub.lateBatches().isEmpty)
  }

  @Test func nobodyDecidesAboutADeviceInUseAndAForgeryIsNoBatch() async throws {
    let world = try await World()
    let device = try await world.device("a")
    let id = try device.secrets().signingKey.replica
    await #expect(throws: SyncError.self) { _ = try await world.hub.decideLate(id, .take, by: "x", reason: "y") }
    let (lost, batches) = try await lost(world)
    _ = try await receipt(world, batches[0])
    var forged = batches[1].bytes
    forged[forged.count - 1] ^= 1
    await #expect(throws: SyncError.self) { _ = try await world.hub.ingest(SealedBatch(bytes: forged)) }
    #expect(try await world.hub.lateBatches() == [lost: 1])
  }
}
