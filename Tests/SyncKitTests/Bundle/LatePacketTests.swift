import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Packets under a key that a revocation had ended, brought by bundle: kept, not opened, and decided about once for each unit.
@Suite struct LatePacketTests {
  private static let scope = "07201"
  private static let k = 5

  private func answer(_ replica: Replica, _ numbers: ClosedRange<Int>, _ name: String = "p") async throws {
    for number in numbers {
      try await replica.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", ["\(name)\(number)"])
    }
  }

  /// Of the unit, also what lies in the spools; every sum is checked.
  private func counts(_ world: World) async throws -> DropCounts {
    let spooled = world.hub.spooledPackets()
    let (counts, rows) = try await world.hub.read { session in
      (
        try DropCounts.byScope(session, spooled: spooled)[Self.scope] ?? DropCounts(),
        try session.integer("SELECT count(*) FROM answer") ?? 0
      )
    }
    #expect(counts.kept == counts.waiting + counts.held + counts.late + counts.declined + counts.opened)
    #expect(Int(rows) == counts.standing)
    let found = try await SQLiteHubStore.examine(
      at: world.hubStore.path, tables: World.notes.tables, keys: try HubKeys.load(from: world.folder.path + "/keys"))
    #expect(found.findings.isEmpty, "\(found.findings)")
    return counts
  }

  private func bundle(_ replica: Replica, _ world: World) async throws -> [String] {
    try await replica.exportBundle(to: world.file(UUID().uuidString + ".skb")).paths
  }

  private func bring(_ paths: [String], to world: World) async throws -> (late: Int, returns: [String]) {
    let (report, returns) = try await world.hubImports(paths, return: UUID().uuidString + ".skb")
    return (report.devices.reduce(0) { $0 + $1.packetsLate }, returns)
  }

  /// Somebody with a network hands a bundle on and brings the return back.
  private func carry(_ path: String, in world: World) async throws -> [String] {
    let carrier = try await world.device("carrier", unit: "07204")
    let load = Courier(store: carrier.path)
    _ = try load.collect(path)
    #expect(try await carrier.handOn(load, through: world.transport).delivered == 1)
    return try await carrier.exportBundle(to: world.file("home.skb"), courier: load).paths
  }

  @Test(.long, arguments: [false, true]) func theyWaitForOneDecisionAndNothingIsOpenedBefore(spools: Bool) async throws {
    var options = Hub.Options()
    options.spoolsPackets = spools
    let world = try await World(options: options)
    let (lost, thief) = (try await world.device("lost"), try await world.device("thief"))
    try await answer(lost, 1...6)
    try await answer(thief, 1...6, "t")
    let paths = try await bundle(lost, world) + bundle(thief, world)
    _ = try await world.hub.revoke(try thief.identity)
    #expect(try await bring(paths, to: world).late == 12)
    var now = try await counts(world)
    #expect(now.late == 12 && now.kept == 12 && now.received == 0 && now.released == 0)
    // Again, and in another order: nothing twice.
    #expect(try await bring(paths.reversed(), to: world).late == 12)
    #expect(try await counts(world).late == 12)
    #expect(try await world.hub.latePackets() == [LatePackets(unit: Self.scope, undecided: 12, declined: 0)])
    // A backup has them, and closing does not open or erase them.
    _ = try await world.hub.backUp(to: world.file("backup"))
    _ = try await world.hub.settle(pools: [RemainderPool(unit: "24", scopes: [Self.scope])], isOver: { _ in true })
    try await world.hub.withholdRemainders(isOver: { _ in true }, everything: true)
    #expect(try await counts(world).late == 12)
    await #expect(throws: SyncError.self) {
      _ = try await world.hub.decideLatePackets(of: "07204", .take, by: "province", reason: "known")
    }
    #expect(try await world.hub.decideLatePackets(of: Self.scope, .take, by: "province", reason: "known") == 12)
    now = try await counts(world)
    #expect(now.late == 0 && now.released == 12 && now.kept == 12)
    let decision = try await world.hub.read {
      try $0.rows("SELECT scope, decision, packets, decided_by, reason FROM hub_late_packet_decision").map { $0.map(\.shown) }
    }
    #expect(decision == [[Self.scope, "take", "12", "province", "known"]])
    // A decision is about what is here: the thief's next bundle waits again.
    try await answer(thief, 7...9, "t")
    #expect(try await bring(try await bundle(thief, world), to: world).late > 0)
    #expect(try await counts(world).released == 12)
    await #expect(throws: SyncError.self) {
      _ = try await world.hub.decideLatePackets(of: "07204", .decline, by: "province", reason: "none")
    }
  }

  @Test(.long) func declinedOnesKeepTheirBytesAndMayBeTaken() async throws {
    let world = try await World()
    let (lost, x) = (try await world.device("lost"), try await world.device("x"))
    try await answer(lost, 1...6)
    let paths = try await bundle(lost, world)
    _ = try await world.hub.revoke(try x.identity)
    _ = try await bring(paths, to: world)
    #expect(try await world.hub.decideLatePackets(of: Self.scope, .decline, by: "province", reason: "stolen") == 6)
    var now = try await counts(world)
    #expect(now.declined == 6 && now.late == 0 && now.kept == 6 && now.received == 0)
    await #expect(throws: SyncError.self, "once") {
      _ = try await world.hub.decideLatePackets(of: Self.scope, .decline, by: "province", reason: "stolen")
    }
    _ = try await bring(paths, to: world)
    #expect(try await counts(world).late == 0, "what was declined stays so")
    #expect(try await world.hub.decideLatePackets(of: Self.scope, .take, by: "province", reason: "found") == 6)
    now = try await counts(world)
    #expect(now.released == 6 && now.declined == 0)
  }

  /// What an honest colleague had exported before the revocation: once it has the return, it proves its own, and no decision is needed.
  @Test(.long, arguments: ["by return", "online", "declined before", "through a courier"])
  func aColleagueProvesItsOwn(_ way: String) async throws {
    let world = try await World()
    let (a, x) = (try await world.device("a"), try await world.device("x"))
    try await answer(a, 1...6)
    let paths = try await bundle(a, world)
    _ = try await world.hub.revoke(try x.identity)
    let returns =
      way == "through a courier" ? try await carry(paths[0], in: world) : try await bring(paths, to: world).returns
    #expect(try await counts(world).late == 6)
    #expect(try await a.status().packetsWaiting == 6)
    if way == "declined before" {
      _ = try await world.hub.decideLatePackets(of: Self.scope, .decline, by: "province", reason: "unknown")
    }
    switch way {
    case "by return", "through a courier":
      world.clock.advance(1000)
      _ = try await a.importBundles(returns)
      #expect(try await a.status().packetsWaiting == 6, "the hub did not promise to open them")
      _ = try await world.journey(a)
    default: try await world.sync(a)
    }
    #expect(try await a.status().packetsWaiting == 0)
    #expect(try await a.status().addsUp)
    let now = try await counts(world)
    #expect(now.released == 6 && now.late == 0 && now.declined == 0 && now.kept == 6)
    // The old bundle is found in a drawer: it says nothing new, and whoever takes it counts nobody twice.
    if try await bring(paths, to: world).late > 0 {
      _ = try await world.hub.decideLatePackets(of: Self.scope, .take, by: "province", reason: "known")
    }
    let later = try await counts(world)
    #expect(later.standing == 6)
  }

  /// They arrived while the key was good, the answer was lost, and the device exports the same packets.
  @Test(.long) func packetsFromBeforeTheRevocationAreKeptAsTheyWere() async throws {
    let world = try await World()
    let (a, x) = (try await world.device("a"), try await world.device("x"))
    try await answer(a, 1...3)
    let paths = try await bundle(a, world)
    #expect(try await bring(paths, to: world).late == 0)
    _ = try await world.hub.revoke(try x.identity)
    let brought = try await bring(paths, to: world)
    #expect(brought.late == 0)
    #expect(try await counts(world).waiting == 3)
    world.clock.advance(1000)
    _ = try await a.importBundles(brought.returns)
    #expect(try await a.status().packetsWaiting == 0)
  }

  /// Two revocations while a colleague was away, and a forged packet among its own.
  @Test(.long) func packetsUnderAnOlderKeyWaitAndForgedOnesAreRefused() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await answer(a, 1...2)
    let requests = try await a.engineRead { try $0.session.rows("SELECT bytes FROM sync_packet") }.compactMap { $0[0].blob }
      .map { try BundlePackets.request($0) }
    var forged = try WireDropRequest(serializedBytes: try #require(requests.first))
    forged.packets[0].mac = Data(count: 32)
    for name in ["x", "y"] { _ = try await world.hub.revoke(try await world.device(name).identity) }
    let answers = try await world.hub.keepEach(requests + [try forged.serializedData()], scope: Self.scope)
    #expect(answers.count == 3)
    for (index, answer) in answers.enumerated() {
      switch answer {
      case .late: #expect(index < 2)
      case .refused(let error): #expect(index == 2 && error.code == .badSignature)
      case .kept: Issue.record("nothing of it is proved")
      }
    }
    #expect(try await counts(world).late == 2)
  }

  @Test func aDropKeyIsNotDestroyedUnderThem() async throws {
    let world = try await World()
    let (lost, x) = (try await world.device("lost"), try await world.device("x"))
    try await answer(lost, 1...2)
    let paths = try await bundle(lost, world)
    _ = try await world.hub.revoke(try x.identity)
    _ = try await bring(paths, to: world)
    let key = try #require(try await world.hub.dropKeys().first).id
    let keys = world.folder.path + "/keys"
    let error = await #expect(throws: SyncError.self) {
      _ = try await world.hub.destroyDropKey(key, in: keys, acceptsLoss: true)
    }
    #expect(error?.explanation.en.contains("hub held packets") == true)
    _ = try await world.hub.decideLatePackets(of: Self.scope, .decline, by: "province", reason: "stolen")
    _ = try await world.hub.destroyDropKey(key, in: keys, acceptsLoss: true)
    #expect(try await counts(world).declined == 2)
  }
}
