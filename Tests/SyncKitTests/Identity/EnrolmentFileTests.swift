import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

@Suite struct EnrolmentFileTests {
  /// The file's hub time is as old as the file: it proves a clock behind it wrong, and nothing about one ahead.
  @Test(.long, arguments: [(-86_400_000, 86_400_000), (0, 0), (3 * 86_400_000, 0)])
  func anOldFileDoesNotSetARightClockBack(aheadMs: Int64, offsetMs: Int64) async throws {
    let world = try await World()
    let file = try await world.hub.makeEnrolmentFile(scope: "07201", readScopes: ["24", "07201"], label: "x", hubAddress: "http://hub")
    let clock = TestClock(UInt64(Int64(world.clock.nowMs()) + aheadMs))
    let device = try world.replica("device", clock: clock)
    try await device.enroll(file: file)
    #expect(try await device.status().offsetMs == offsetMs)
    #expect(try await device.enrolment()?.hubAddress == "http://hub")
  }

  @Test func aDamagedFileIsRefusedAndLeavesTheStoreUnenrolled() async throws {
    let world = try await World()
    let file = try await world.hub.makeEnrolmentFile(scope: "07201", readScopes: ["24", "07201"], label: "x", hubAddress: "")
    let device = try world.replica("device")
    for damaged in [Data(), file.prefix(100), Data("<html></html>".utf8), file.prefix(file.count - 1), Data(count: 17 << 20)] {
      await #expect(throws: SyncError.self) { try await device.enroll(file: Data(damaged)) }
      #expect(try await device.enrolment() == nil)
    }
    try await device.enroll(file: file)
    #expect(try await device.enrolment()?.writeScope == "07201")
  }

  /// A long feed comes in bulk, as it does over the network; a short one beside it as pages.
  @Test(.long, arguments: [["24"], ["07201"], ["24", "07201"]])
  func aFileHoldsWhatALongFeedMade(long: [String]) async throws {
    var options = Hub.Options()
    (options.firstUnitsMax, options.snapshotRowsMax) = (10, 7)
    let world = try await World(options: options)
    let a = try await world.device("a")
    for number in 0..<30 {
      if long.contains("07201") || number == 0 {
        try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(number)", number])
        _ = try await a.sync(with: world.transport)
      }
      if long.contains("24") || number == 0 {
        try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES (?1, '24', 1)", [.text("p\(number)")]) }
      }
    }
    let file = try await world.hub.makeEnrolmentFile(scope: "07201", readScopes: ["24", "07201"], label: "x", hubAddress: "")
    let device = try world.replica("device")
    try await device.enroll(file: file)
    let all = try await world.hubNotes()
    #expect(all.count == 30 * long.count + 2 - long.count)
    #expect(try await device.notes() == all)
    #expect(try await device.status().notices.isEmpty)
    try await device.execute("UPDATE note SET b = 'mine' WHERE id = 'n0'")
    let summary = try await device.sync(with: world.transport)
    #expect(summary.progress.received == 0 && summary.progress.changesSent == 1)
    #expect(try await device.status().agreement == .proved)
  }

  @Test func keysAreSavedPrivatelyAndReadBack() throws {
    let folder = try TemporaryFolder()
    let store = FileKeyStore(path: folder.path + "/x.key")
    #expect(try store.load() == nil)
    let secrets = ReplicaSecrets(unitKey: Data(count: 32))
    for _ in 0..<2 { try store.save(secrets) }
    #expect(try store.load()?.signingKey.rawRepresentation == secrets.signingKey.rawRepresentation)
    let mode = try FileManager.default.attributesOfItem(atPath: store.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.key"])
    #expect(throws: SyncError.self) { try FileKeyStore(path: folder.path + "/none/x.key").save(secrets) }
    try Data("{}".utf8).write(to: URL(fileURLWithPath: store.path))
    #expect { try store.load() } throws: { ($0 as? SyncError)?.code == .keyUnusable }
  }
}
