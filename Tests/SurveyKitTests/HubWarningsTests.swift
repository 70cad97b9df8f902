import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// What operators are told before, and when, a hub's work stops.
@Suite struct HubWarningsTests {
  @Test func aWriteThatFailedIsToldUntilOneSucceeds() async throws {
    let world = try await HubWorld()
    let hub = world.survey.hub
    func told() async throws -> [String] { try await world.survey.warnings().map(\.en).filter { $0.contains("last write") } }
    #expect(try await told() == [] && hub.writeFailure == nil)
    // A disk that takes nothing more.
    _ = try await hub.store.write { try $0.rows("PRAGMA max_page_count = 1", []) }
    let many = Array(repeating: (scope: "07201", readScopes: ["24", "213", "07201"]), count: 20_000)
    await #expect(throws: SyncError.self) { try await hub.makeCodes(many) }
    #expect(hub.writeFailure?.en.contains("disk") == true, "\(hub.writeFailure?.en ?? "nothing")")
    #expect(try await told().count == 1)
    #expect(try await world.survey.board()?.warnings.contains { $0.en.contains("last write") } == true)
    #expect(try await world.survey.status().warnings.contains { $0.en.contains("last write") })
    // What is wrong with an order is no fault of the store.
    _ = try await hub.store.write { try $0.rows("PRAGMA max_page_count = 1000000", []) }
    #expect(try await told() == [])
    await #expect(throws: SyncError.self) { try await hub.declineHeld("1-0", by: "province", because: "test") }
    #expect(hub.writeFailure == nil)
  }

  @Test func aPacketThatNoFileTakesIsToldUntilOneDoes() async throws {
    let world = try await HubWorld()
    let (hub, field) = (world.survey.hub, try await world.device("a", unit: "07201"))
    try await world.answer(field, unit: "07201", seeds: 0..<1)
    // In the place of the folder lies a file.
    let folder = hub.store.spoolFolder
    try? FileManager.default.removeItem(atPath: folder)
    try #require(FileManager.default.createFile(atPath: folder, contents: nil))
    await #expect(throws: SyncError.self) { try await world.answer(field, unit: "07201", seeds: 1..<2) }
    #expect(hub.writeFailure?.en.contains("disk") == true, "\(hub.writeFailure?.en ?? "nothing")")
    _ = try await hub.write { try $0.execute("UPDATE campaign SET definition = definition", []) }
    #expect(try await world.survey.warnings().contains { $0.en.contains("last write") }, "the store goes on")
    try FileManager.default.removeItem(atPath: folder)
    try await world.sync(field)
    #expect(hub.writeFailure == nil)
    #expect(try await field.replica.status().packetsKept == 2)
  }

  @Test func anAgeingBackupIsTold() async throws {
    let world = try await HubWorld()
    func told() async throws -> [String] { try await world.survey.warnings().map(\.en).filter { $0.contains("backup") } }
    world.clock.advance(10 * 24 * HubWorld.hourMs)
    #expect(try await told() == [], "nobody has sent anything yet")
    let field = try await world.device("a", unit: "07201")
    try await world.report(field, unit: "07201", day: "2024-04-01")
    #expect(try await told() == [])
    world.clock.advance(3 * 24 * HubWorld.hourMs)
    #expect(try await told() == ["There has been no new backup for 3 days; run `hub backup FOLDER`, daily."])
    _ = try await world.survey.hub.backUp(to: world.folder.path + "/b.sqlite")
    #expect(try await told() == [])
    world.clock.advance(2 * 24 * HubWorld.hourMs)
    #expect(try await told().count == 1)
  }
}
