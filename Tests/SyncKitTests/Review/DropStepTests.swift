import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub

/// Steps of the drop box (P1): random packets come in random order, and what anyone can observe of their content changes in steps only.
@Suite struct DropStepTests {
  static let seeds = Pace.seeds(1...(ProcessInfo.processInfo.environment["SYNCKIT_CAMPAIGNS"].flatMap { UInt64($0) } ?? 200), fast: 8)
  private static let k = 5
  private static let scopes = ["07201", "07204", "07207"]

  /// A hub and packets made by hand.
  private final class Stage {
    let world: World
    init() async throws { world = try await World() }

    func packet(_ scope: String, id: String, words: String, table: String = "answer") throws -> WirePacket {
      let keys = world.hub.keys
      return try Packets.make(
        table: table, cells: [("id", .text(id)), ("unit", .text(scope)), ("words", .text(words))], scope: scope, dropKey: keys.dropKey,
        unitKey: keys.unitKey(scope: scope))
    }

    func send(_ packet: WirePacket, _ scope: String) async throws {
      _ = try await world.hub.keep(try WireDropRequest.with { $0.packets = [packet] }.serializedData(), scope: scope)
    }

    /// Everything but arrivals: verdicts of each scope, and the answers without an order.
    func observed() async throws -> (verdicts: [String: [Int]], answers: Set<String>) {
      try await world.hub.read { session in
        let counts = try DropCounts.byScope(session, spooled: SpooledPackets()).mapValues {
          [$0.released, $0.repeated, $0.differs, $0.spoiled, $0.withheld, $0.held, $0.pooled]
        }
        let answers = try session.rows("SELECT id, unit, words FROM answer").map { $0.map(\.shown).joined(separator: " ") }
        return (counts.filter { $0.value.contains { $0 != 0 } }, Set(answers))
      }
    }

    func counts() async throws -> DropCounts {
      try await world.hub.read { try DropCounts.byScope($0, spooled: SpooledPackets()).values.reduce(into: DropCounts()) { $0.add($1) } }
    }
  }

  @Test(.long, arguments: seeds) func contentAndVerdictsChangeInStepsOnly(seed: UInt64) async throws {
    var random = SeededChance(seed)
    let stage = try await Stage()
    var valid: [String: Set<String>] = [:]  // by scope, new and waiting
    var junk: [String: Int] = [:]
    var stands: [String: Set<String>] = [:]
    var sent = 0
    for number in 0..<40 {
      let scope = Self.scopes[random.below(3)]
      let before = try await stage.observed()
      let pick = random.below(10)
      let known = (stands[scope] ?? []).union(valid[scope] ?? []).sorted()
      if pick < 6 {
        valid[scope, default: []].insert("\(scope)-\(number)")
        try await stage.send(try stage.packet(scope, id: "\(scope)-\(number)", words: "w"), scope)
      } else if pick == 6, let id = known.first {
        // What only waits itself has no repetition yet.
        if (stands[scope] ?? []).contains(id) { junk[scope, default: 0] += 1 }
        try await stage.send(try stage.packet(scope, id: id, words: "w"), scope)
      } else if pick == 7, let id = known.last {
        // A corrected sheet: the same person, who does not count twice.
        try await stage.send(try stage.packet(scope, id: id, words: "other \(number)"), scope)
      } else {
        junk[scope, default: 0] += 1
        try await stage.send(try stage.packet(scope, id: "x", words: "w", table: "note"), scope)
      }
      sent += 1
      let after = try await stage.observed()
      let isStep = (valid[scope] ?? []).count >= Self.k
      if !isStep && junk[scope] ?? 0 < Self.k {
        #expect(before.verdicts == after.verdicts && before.answers == after.answers, "seed \(seed), packet \(number)")
      }
      if isStep {
        #expect(after.answers.subtracting(before.answers).count >= Self.k)
        stands[scope, default: []].formUnion(valid[scope] ?? [])
        valid[scope] = []
      }
      if isStep || junk[scope] ?? 0 >= Self.k { junk[scope] = 0 }
      let counts = try await stage.counts()
      #expect(counts.kept == sent && counts.standing == after.answers.count, "T6: \(counts)")
    }
    // The end: rests of two communes together, then what is left.
    let pools = [RemainderPool(unit: "213", scopes: Array(Self.scopes.prefix(2))), RemainderPool(unit: "24", scopes: Self.scopes)]
    _ = try await stage.world.hub.settle(pools: pools, isOver: { _ in true })
    var counts = try await stage.counts()
    #expect(counts.kept == sent && counts.pooled == 0)
    #expect(try await stage.world.hub.read { try $0.integer("SELECT count(*) FROM answer") } == Int64(counts.standing))
    try await stage.world.hub.withholdRemainders(isOver: { _ in true }, everything: true)
    counts = try await stage.counts()
    #expect(counts.kept == sent && counts.waiting == 0 && counts.held == 0)
    let found = try await SQLiteHubStore.examine(
      at: stage.world.folder.path + "/hub.sqlite", tables: stage.world.schema.tables, keys: stage.world.hub.keys)
    #expect(found.findings.isEmpty, "\(found.findings)")
  }

  @Test func aRepetitionIsCountedOnceItsEqualStands() async throws {
    let stage = try await Stage()
    for _ in 0..<7 { try await stage.send(try stage.packet("07201", id: "a", words: "w"), "07201") }
    #expect(try await stage.counts().waiting == 7)
    for id in ["b", "c", "d", "e"] { try await stage.send(try stage.packet("07201", id: id, words: "w"), "07201") }
    let counts = try await stage.counts()
    #expect(counts.released == 5 && counts.repeated == 6 && counts.waiting == 0)
    // Of an end without release neither is a repetition of something.
    let other = try await Stage()
    for _ in 0..<3 { try await other.send(try other.packet("07201", id: "a", words: "w"), "07201") }
    try await other.world.hub.withholdRemainders(isOver: { _ in true }, everything: false)
    #expect(try await other.counts().withheld == 3)
  }

  @Test func whatIsSpoiledKeepsItsBytesAndIsJudgedOnceMore() async throws {
    let stage = try await Stage()
    for number in 0..<6 { try await stage.send(try stage.packet("07201", id: "x\(number)", words: "w", table: "note"), "07201") }
    #expect(try await stage.counts().spoiled >= 5)
    let kept = try await stage.world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet_spoiled WHERE length(bytes) > 500") }
    #expect(try await stage.counts().spoiled == Int(kept ?? 0))
    #expect(try await stage.world.hub.retrySpoiled() == Int(kept ?? 0))
    let counts = try await stage.counts()
    #expect(counts.spoiled == 6 && counts.kept == 6, "they are as wrong as before: \(counts)")
    try await stage.world.hub.withholdRemainders(isOver: { _ in true }, everything: true)
    #expect(try await stage.world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet_spoiled") } == 0)
  }

  @Test func answersToAKeyThatIsLostWaitForIt() async throws {
    let stage = try await Stage()
    let world = stage.world
    let lost = try (0..<7).map { try stage.packet("07201", id: "k\($0)", words: "w") }
    let keys = world.folder.path + "/keys"
    let file = try #require(try FileManager.default.contentsOfDirectory(atPath: keys).first { $0.hasPrefix("drop-") })
    _ = try world.hub.addDropKey(in: keys)
    try await world.reopenHub { _ in try FileManager.default.moveItem(atPath: "\(keys)/\(file)", toPath: world.folder.path + "/aside") }
    for packet in lost { try await stage.send(packet, "07201") }
    var counts = try await stage.counts()
    #expect(counts.held >= 5 && counts.spoiled == 0 && counts.kept == 7)
    #expect(try await world.hub.settle(pools: [RemainderPool(unit: "24", scopes: ["07201"])]) == [file])
    try await world.reopenHub { _ in try FileManager.default.moveItem(atPath: world.folder.path + "/aside", toPath: "\(keys)/\(file)") }
    _ = try await world.hub.settle()
    counts = try await stage.counts()
    #expect(counts.released == 7 && counts.held == 0 && counts.kept == 7)
  }

  /// T4 and T5: within a step the order of arrival is nowhere, and k − 1 make none.
  @Test(.long) func swappingTwoArrivalsChangesNothingAndOneFewerMakesNoStep() async throws {
    let ids = (0..<5).map { "p\($0)" }
    var dumps: [(verdicts: [String: [Int]], answers: Set<String>)] = []
    for order in [ids, [ids[3], ids[1], ids[2], ids[0], ids[4]], Array(ids.dropLast())] {
      let stage = try await Stage()
      for id in order { try await stage.send(try stage.packet("07201", id: id, words: id), "07201") }
      dumps.append(try await stage.observed())
    }
    #expect(dumps[0].answers.count == 5 && dumps[0] == dumps[1])
    #expect(dumps[2].answers.isEmpty && dumps[2].verdicts.isEmpty)
  }

  @Test func aRestIsPooledOnlyFromTwoScopes() async throws {
    let stage = try await Stage()
    for number in 0..<4 { try await stage.send(try stage.packet("07201", id: "a\(number)", words: "w"), "07201") }
    let pools = [RemainderPool(unit: "213", scopes: ["07201", "07204"])]
    _ = try await stage.world.hub.settle(pools: pools, isOver: { _ in true })
    #expect(try await stage.counts().waiting == 4)
    try await stage.send(try stage.packet("07204", id: "b", words: "w"), "07204")
    _ = try await stage.world.hub.settle(pools: pools, isOver: { _ in false })
    #expect(try await stage.counts().waiting == 5, "the form is open")
    _ = try await stage.world.hub.settle(pools: pools, isOver: { _ in true })
    #expect(try await stage.counts().waiting == 0)
    #expect(try await stage.world.hub.read { try $0.integer("SELECT count(*) FROM answer WHERE unit = '213'") } == 5)
    let verdicts = try await stage.observed().verdicts
    #expect(verdicts["07201"] == [0, 0, 0, 0, 0, 0, 4] && verdicts["213"] == [5, 0, 0, 0, 0, 0, -5])
  }
}
