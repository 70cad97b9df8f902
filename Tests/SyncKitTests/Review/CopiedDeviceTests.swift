import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncKit

/// A device that was copied, or restored from an old copy, is told so before anything is applied (L8).
@Suite struct CopiedDeviceTests {
  private func copy(_ replica: Replica, to name: String, in world: World) async throws -> Replica {
    try await replica.checkpoint("TRUNCATE")
    for suffix in ["", ".key"] {
      try FileManager.default.copyItem(atPath: replica.path + suffix, toPath: world.folder.path + "/\(name).sqlite" + suffix)
    }
    return try world.replica(name)
  }

  @Test func anOldCopyNoticesInTheFeedWhatItForgot() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await a.sync(with: world.transport)
    let old = try await copy(a, to: "old", in: world)
    try await a.execute("UPDATE note SET a = 2")
    _ = try await a.sync(with: world.transport)
    let before = try await old.rows("SELECT * FROM sync_state WHERE name IN ('cursor', 'clock')")
    let error = await #expect(throws: SyncError.self) { _ = try await old.sync(with: world.transport) }
    #expect(error?.code == .fork)
    #expect(try await old.rows("SELECT * FROM sync_state WHERE name IN ('cursor', 'clock')") == before)
  }

  @Test func anEnrolmentFileUsedOnTwoMachinesIsToldToTheSecond() async throws {
    let world = try await World()
    let file = try await world.hub.makeEnrolmentFile(scope: "07201", readScopes: ["24", "07201"], label: "x", hubAddress: "")
    let (a, b) = (try world.replica("a"), try world.replica("b"))
    for replica in [a, b] { try await replica.enroll(file: file) }
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    try await b.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 2)")
    _ = try await a.sync(with: world.transport)
    #expect(await #expect(throws: SyncError.self) { _ = try await b.sync(with: world.transport) }?.code == .fork)
    #expect(try await b.notes() == ["n 2 - none"])
    #expect(try await b.status().sealedChanges == 1)
    #expect(try await b.rows("SELECT acknowledged FROM sync_outbox") == ["0"])
  }
}
