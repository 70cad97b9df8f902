import Foundation
import TestSupport
import Testing

@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Stores that a released format wrote open for ever: with everything in them, and work goes on from there.
///
/// A sample is made once for each format (`SYNCKIT_STORES=1 swift test --traits Server --filter StoredStoresTests`) and never made again: a change that
/// no longer reads one is a new format with a way from the old.
@Suite(.serialized) struct StoredStoresTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Samples")
  private static let devices = ["device", "other", "twin"]

  /// What the stores of a sample held when they were made.
  private struct Content: Codable, Equatable {
    var clockMs: UInt64
    /// Every row with its life, and each written cell with its version: at the hub, and on each device.
    var states: [String: [String]]
    var conflicts: [String]
    var held: [String]
    /// Changes written and not sealed; sealed and not received.
    var unsent: [String: [Int]]
  }

  private static func content(_ world: World, _ replicas: [String: Replica]) async throws -> Content {
    var content = Content(
      clockMs: world.clock.nowMs(), states: ["hub": try await world.hubStates()],
      conflicts: try await world.hub.read { session in
        try session.rows("SELECT id, tbl, row_key, col, losing_value, winning_value, state FROM sync_conflict ORDER BY id")
          .map { $0.map(\.shown).joined(separator: " ") }
      },
      held: try await world.hub.heldUnits().map { "\($0.id) \($0.reason) \($0.detail)" }.sorted(), unsent: [:])
    for (name, replica) in replicas {
      content.states[name] = try await replica.states()
      let status = try await replica.status()
      content.unsent[name] = [status.pendingChanges, status.sealedChanges]
    }
    // The samples are of when the engine was one module, by which a cell's part names itself.
    content.states = content.states.mapValues { rows in rows.map { $0.replacing("SyncCore.CellPart", with: "SyncKit.CellPart") } }
    return content
  }

  private static func tar(_ arguments: [String]) throws {
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar"] + arguments
    try tar.run()
    tar.waitUntilExit()
    try #require(tar.terminationStatus == 0)
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["SYNCKIT_STORES"] == "1")) func aSampleIsMade() async throws {
    let rich = try await RichWorld()
    let world = rich.world
    let replicas = ["device": rich.device, "other": rich.other, "twin": try world.replica("twin")]
    let content = try await Self.content(world, replicas)
    for replica in replicas.values { try replica.close() }
    try world.hub.close()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try encoder.encode(content).write(to: URL(fileURLWithPath: world.folder.path + "/content.json"))
    let archive = Self.folder.appendingPathComponent("stores-\(MetadataSchema.RecordOrder.byScope.storeVersion).tar.gz").path
    try #require(!FileManager.default.fileExists(atPath: archive), "a sample is made once")
    try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
    try Self.tar(["-C", world.folder.path, "-czf", archive] + (try FileManager.default.contentsOfDirectory(atPath: world.folder.path)))
  }

  @Test(.long, arguments: [2, 3]) func storesOfEachFormatOpenWholeAndWorkGoesOn(version: Int) async throws {
    let folder = try TemporaryFolder()
    try Self.tar(["-C", folder.path, "-xzf", Self.folder.appendingPathComponent("stores-\(version).tar.gz").path])
    let expected = try JSONDecoder().decode(
      Content.self, from: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/content.json")))
    let world = try await World(leftIn: folder, schema: RichWorld.schema, nowMs: expected.clockMs)
    var replicas: [String: Replica] = [:]
    for name in Self.devices { replicas[name] = try world.replica(name) }
    #expect(try await Self.content(world, replicas) == expected)

    let hub = try await SQLiteHubStore.examine(
      at: world.hubStore.path, tables: RichWorld.schema.tables, keys: try HubKeys.load(from: folder.path + "/keys"))
    #expect(hub.findings == [] && hub.rows > 10)
    for replica in replicas.values {
      #expect(try await Replica.examine(at: replica.path, tables: RichWorld.schema.tables).findings == [])
    }

    // What was written and not sent arrives, and what is written now.
    let all = Self.devices.compactMap { replicas[$0] }
    try await all[1].execute("INSERT INTO visit (id, unit, note) VALUES ('new', '07201', 'since')")
    try await world.settle(all)
    let standard = Set(try await world.hubStates())
    for replica in all {
      // What is held stands on its own device alone.
      #expect(Set(try await replica.states()).symmetricDifference(standard).allSatisfy { $0.hasPrefix("visit/v4 ") })
      let status = try await replica.status()
      #expect(status.addsUp && status.pendingChanges + status.sealedChanges == 0)
    }
    let notes = try await world.hub.read { try $0.rows("SELECT note FROM visit WHERE id IN ('new', 'v1') ORDER BY id") }
    #expect(notes.map { $0[0].text } == ["since", "pending"])
  }
}
