import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Section 8: what a store does not know is kept, merged, passed on, compared, and shown after its upgrade.
@Suite struct SchemaSkewTests {
  private static let all = "SELECT id, a, b, peak, stage, tags, visits FROM note ORDER BY id"

  // MARK: Every small order

  /// What happens, once each, in some order.
  private enum Event: CaseIterable {
    case x, y, z, upgradeHub, upgradeZ
  }

  /// What the old device does to the row that newer ones fill.
  private enum Act: Int, CaseIterable {
    case edits, deletes, deletesAndInserts
  }

  private static func orders(_ events: [Event] = Event.allCases) -> [[Event]] {
    events.isEmpty
      ? [[]]
      : events.indices.flatMap { index in
        var rest = events
        let first = rest.remove(at: index)
        return orders(rest).map { [first] + $0 }
      }
  }

  /// - Parameters:
  ///   - version: What hub and old device begin with.
  ///   - isLate: Nobody exchanges before everything has happened.
  private func live(_ order: [Event], _ act: Act, isLate: Bool, version: Int) async throws -> (rows: [String], conflicts: [String]) {
    let world = try await SkewWorld(hub: version)
    for (name, version) in [("x", 2), ("y", 2), ("z", version)] { try await world.device(name, version) }
    try await world.write("z", "INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'first')")
    for name in ["z", "x", "y"] { try await world.sync(name) }
    for event in order {
      switch event {
      case .x:
        try await world.write(
          "x", "UPDATE note SET b = 'x', peak = 9, stage = 'done', tags = '{\"p\":\"x\",\"q\":\"x\"}', visits = visits + 1")
      case .y:
        try await world.write(
          "y", "UPDATE note SET b = 'y', peak = 7, stage = 'sent', tags = '{\"q\":\"y\",\"r\":\"y\"}', visits = visits + 10")
      case .z:
        if act != .edits { try await world.write("z", "DELETE FROM note") }
        if act == .deletesAndInserts { try await world.write("z", "INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'again')") }
        if act == .edits { try await world.write("z", "UPDATE note SET a = 'z'") }
      case .upgradeHub: try await world.upgradeHub(to: 2)
      case .upgradeZ: try world.upgrade("z", to: 2)
      }
      if !isLate, [.x, .y, .z].contains(event) { try await world.sync("\(event)") }
    }
    try await world.settle()
    #expect(try await world.hubAsideCount() == 0)
    #expect(try await world.hub.heldUnits().isEmpty)
    return (try await world.common(Self.all), try await world.conflicts())
  }

  @Test(.long) func inEveryOrderOfWritesAndUpgradesItIsAsIfAllHadBeenNewFromTheStart() async throws {
    struct Plain: Hashable {
      var order: [Event]
      var act: Act
      var isLate: Bool
    }
    var asNew: [Plain: (rows: [String], conflicts: [String])] = [:]
    var count = 0
    // x writes the larger values: where y comes first, the later write is the greater one by every rule.
    let orders = Self.orders().filter { ($0.firstIndex(of: .x) ?? 0) < ($0.firstIndex(of: .y) ?? 0) }
    for (index, order) in orders.enumerated() {
      let act = try #require(Act(rawValue: index % 3))
      let isLate = index / 3 % 2 == 1
      let plain = Plain(order: order.filter { $0 != .upgradeHub && $0 != .upgradeZ }, act: act, isLate: isLate)
      if asNew[plain] == nil { asNew[plain] = try await live(order, act, isLate: isLate, version: 2) }
      let skewed = try await live(order, act, isLate: isLate, version: 1)
      let expected = try #require(asNew[plain])
      #expect(skewed.rows == expected.rows, "\(order) \(act) late \(isLate)")
      #expect(skewed.conflicts == expected.conflicts, "\(order) \(act) late \(isLate)")
      count += 1
    }
    print("skew: \(count) orders of two newer writers, an older one, and the upgrades of hub and device")
  }

  // MARK: Columns

  @Test(.long) func anOldHubMergesColumnsItDoesNotKnowAndPassesThemOn() async throws {
    let world = try await SkewWorld(hub: 1)
    for (name, version) in [("new", 2), ("newer", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.write("new", "INSERT INTO note (id, unit, a, b, peak, tags) VALUES ('n', '07201', 1, 'x', 9, '{\"p\":1}')")
    try await world.sync("new", "newer", "old")
    try await world.write("newer", "UPDATE note SET b = 'y', peak = 12, tags = '{\"p\":1,\"q\":2}', visits = 3")
    try await world.write("new", "UPDATE note SET b = 'z', peak = 10, visits = visits + 4")
    try await world.settle()
    for name in ["new", "newer"] {
      #expect(try await world.rows(name, Self.all) == ["n 1 z 12 draft {\"p\":1,\"q\":2} 7"])
      #expect(try await world.agreement(name) == .proved)
    }
    #expect(try await world.agreement("old") == .proved, "what it keeps aside is compared too")
    #expect(try await world.asideCount("old") == 6)
    #expect(try await world.conflicts() == ["n b - y z open"], "by the hub that does not know the column")
    // Decided by somebody who can see it, without the hub's upgrade.
    let conflict = try #require(try await world["newer"].conflicts().first)
    _ = try await world["newer"].resolve(conflict.id, as: .takeLoser, by: "tổ trưởng", because: "đã xem lại")
    try await world.settle()
    #expect(try await world.rows("new", Self.all) == ["n 1 y 12 draft {\"p\":1,\"q\":2} 7"])
    #expect(try await world.conflicts() == ["n b - y z closed"])
    try world.upgrade("old", to: 2)
    #expect(try await world.rows("old", Self.all) == ["n 1 y 12 draft {\"p\":1,\"q\":2} 7"], "shown without asking anybody again")
    #expect(try await world.asideCount("old") == 0)
    try await world.upgradeHub(to: 2)
    try await world.settle()
    #expect(try await world.common(Self.all) == ["n 1 y 12 draft {\"p\":1,\"q\":2} 7"])
  }

  @Test(.long) func anOldDevicesLateEditIsMergedWithWhatItNeverSaw() async throws {
    let world = try await SkewWorld(hub: 2)
    for (name, version) in [("new", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.write("old", "INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'first')")
    try await world.sync("old", "new")
    try await world.write("old", "UPDATE note SET a = 'late'")
    try await world.write("new", "UPDATE note SET a = 'new', b = 'kept', visits = 2")
    try await world.sync("new", "old", "new")
    #expect(try await world.rows("new", Self.all) == ["n new kept 0 draft - 2"])
    #expect(try await world.conflicts() == ["n a - late new open"])
    try await world.write("old", "UPDATE note SET a = 'again'")
    try world.upgrade("old", to: 2)
    #expect(try await world.rows("old", Self.all) == ["n again kept 0 draft - 2"], "with its own pending edit")
    try await world.settle()
    #expect(try await world.common(Self.all) == ["n again kept 0 draft - 2"])
  }

  @Test(.long) func whatIsAsideGoesWithItsLife() async throws {
    let world = try await SkewWorld(hub: 1)
    for (name, version) in [("new", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.write("new", "INSERT INTO note (id, unit, a, b, visits) VALUES ('n', '07201', 1, 'of the first life', 5)")
    try await world.sync("new", "old")
    try await world.write("old", "DELETE FROM note")
    try await world.sync("old")
    #expect(try await world.hubAsideCount() == 0)
    try await world.write("old", "INSERT INTO note (id, unit, a) VALUES ('n', '07201', 2)")
    try await world.settle()
    // Deleted and inserted without a seal between, at the moment of the upgrade.
    try await world.write("new", "UPDATE note SET b = 'of the second'")
    try await world.settle()
    try await world.write("old", "DELETE FROM note")
    try await world.write("old", "INSERT INTO note (id, unit, a) VALUES ('n', '07201', 3)")
    try world.upgrade("old", to: 2)
    try await world.upgradeHub(to: 2)
    try await world.settle()
    #expect(try await world.common(Self.all) == ["n 3 - 0 draft - 0"])
    #expect(try await world.asideCount("old") == 0)
  }

  @Test(.long) func aRowThatComesBackAtAnOldHubComesBackWhole() async throws {
    let world = try await SkewWorld(hub: 1, deletion: .editWins)
    for (name, version) in [("new", 2), ("other", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.write(
      "new", "INSERT INTO note (id, unit, a, b, tags, visits) VALUES ('n', '07201', 1, 'kept', '{\"p\":1,\"q\":[2]}', 5)")
    try await world.settle()
    try await world.write("old", "DELETE FROM note")
    try await world.write("other", "UPDATE note SET b = 'edited', tags = '{\"p\":3,\"q\":[2]}'")
    try await world.settle()
    #expect(try await world.rows("new", Self.all) == ["n 1 edited 0 draft {\"p\":3,\"q\":[2]} 5"])
    try await world.upgradeHub(to: 2)
    try world.upgrade("old", to: 2)
    try await world.settle()
    #expect(try await world.common(Self.all) == ["n 1 edited 0 draft {\"p\":3,\"q\":[2]} 5"])
  }

  // MARK: A third, newer program

  @Test(
    .long, arguments: [["old", "hub", "hub", "mid", "old"], ["mid", "old", "old", "hub", "hub"], ["hub", "mid", "old", "hub", "old"]])
  func threeAgesMeetAndUpgradeOneStepAtATime(_ upgrades: [String]) async throws {
    let world = try await SkewWorld(hub: 1)
    for (name, version) in [("new", 3), ("mid", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.write("old", "INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'old')")
    try await world.settle()
    try await world.write("new", "UPDATE note SET place = 'hill', b = 'new'")
    try await world.write("mid", "UPDATE note SET peak = 4, tags = '{\"p\":1}'")
    try await world.write("new", "INSERT INTO visit (id, unit, note, words) VALUES ('v', '07201', 'n', 'seen')")
    try await world.settle()
    #expect(try await world.hub.heldUnits().map(\.reason) == ["schema"], "who may write a table only those know who know the table")
    var version = ["hub": 1, "mid": 2, "old": 1]
    for name in upgrades {
      let next = version[name, default: 1] + 1
      version[name] = next
      if name == "hub" { try await world.upgradeHub(to: next) } else { try world.upgrade(name, to: next) }
      try await world.write("old", "UPDATE note SET a = '\(name) \(next)'")
      try await world.settle()
      for name in ["new", "mid", "old"] {
        let agreement = try await world.agreement(name)
        #expect(agreement == (name == "new" && version["hub"] != 3 ? .provedButHeld(rows: 1) : .proved), "\(name)")
      }
    }
    #expect(try await world.hub.heldUnits().isEmpty)
    #expect(try await world.common("SELECT id, note, words FROM visit") == ["v n seen"])
    let last = "\(upgrades[4]) \(version[upgrades[4], default: 0])"
    #expect(try await world.common("SELECT id, a, b, peak, tags, place FROM note") == ["n \(last) new 4 {\"p\":1} hill"])
  }

  // MARK: Tables

  @Test(.long) func rowsOfAnUnknownTableAreKeptByDevicesAndShownAfterTheUpgrade() async throws {
    let world = try await SkewWorld(hub: 3)
    for (name, version) in [("new", 3), ("old", 1)] { try await world.device(name, version) }
    try await world.write("new", "INSERT INTO note (id, unit) VALUES ('n', '07201')")
    for id in ["v", "w", "gone"] {
      try await world.write("new", "INSERT INTO visit (id, unit, note, words) VALUES ('\(id)', '07201', 'n', '\(id)')")
    }
    try await world.settle()
    try await world.write("new", "UPDATE visit SET words = 'edited' WHERE id = 'w'")
    try await world.write("new", "DELETE FROM visit WHERE id = 'gone'")
    try await world.settle()
    #expect(try await world.agreement("old") == .proved)
    #expect(try await world.asideCount("old") == 6)
    try world.upgrade("old", to: 2)
    try await world.settle()
    #expect(try await world.agreement("old") == .proved)
    try world.upgrade("old", to: 3)
    #expect(try await world.rows("old", "SELECT id, note, words FROM visit ORDER BY id") == ["v n v", "w n edited"])
    #expect(try await world.asideCount("old") == 0)
    try await world.write("old", "UPDATE visit SET words = 'by old' WHERE id = 'v'")
    try await world.settle()
    #expect(try await world.common("SELECT id, words FROM visit ORDER BY id") == ["v by old", "w edited"])
  }

  @Test(.long) func whatAnOldHubSaidOfAnUnknownTableIsInItsSnapshotsToo() async throws {
    let world = try await SkewWorld(hub: 1)
    for name in ["first", "late"] { try await world.device(name, 3) }
    try await world.write("first", "INSERT INTO visit (id, unit, words) VALUES ('v', '07201', 'declined')")
    try await world.sync("first")
    let held = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(held.id, by: "lead", because: "not yet")
    try await world.sync("first")
    #expect(try await world.rows("first", "SELECT id FROM visit").isEmpty)
    world.clock.advance(1000)
    #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) > 0)
    try await world.sync("late")
    #expect(try await world.rows("late", "SELECT key, life FROM sync_meta_visit") == ["v 2"])
    // The row of another begins a life after that: it would be over already.
    try await world.write("late", "INSERT INTO visit (id, unit, words) VALUES ('v', '07201', 'anew')")
    try await world.upgradeHub(to: 3)
    try await world.settle()
    #expect(try await world.common("SELECT id, words FROM visit") == ["v anew"])
  }

  /// Its rows come back to a program that has no such table, and stand in it once the program has.
  @Test(.long) func rowsOfATableThatAPutBackHubDoesNotKnowStandAfterItsUpgrade() async throws {
    let world = try await SkewWorld(hub: 1)
    for name in ["first", "second"] { try await world.device(name, 3) }
    try await world.copyHub()
    try await world.upgradeHub(to: 3)
    try await world.write("first", "INSERT INTO visit (id, unit, words) VALUES ('v', '07201', 'kept')")
    try await world.settle()
    #expect(try await world.rows("second", "SELECT id, words FROM visit") == ["v kept"])
    try await world.putBackHub(to: 1)
    try await world.settle()
    #expect(try await world.hubRows("SELECT key, life FROM sync_meta_visit") == ["v 1"])
    try await world.upgradeHub(to: 3)
    try await world.settle()
    #expect(try await world.common("SELECT id, words FROM visit") == ["v kept"])
    for name in ["first", "second"] { #expect(try await world.agreement(name) == .proved) }
  }

  @Test func softKeysAndReferencesOfNewColumnsAreFollowedWhenTheHubLearnsThem() async throws {
    let world = try await SkewWorld(hub: 2)
    try await world.device("new", 3)
    for id in ["m", "n"] { try await world.write("new", "INSERT INTO note (id, unit, place) VALUES ('\(id)', '07201', 'Đồi')") }
    try await world.settle()
    #expect(try await world.conflicts().isEmpty)
    try await world.upgradeHub(to: 3)
    try await world.settle()
    #expect(try await world.conflicts() == ["m place - [\"tm\",\"tn\"] Đồi open"])
    #expect(try await world.common("SELECT id, place FROM note ORDER BY id") == ["m Đồi", "n Đồi"])
  }

  // MARK: What is said of columns

  /// Sends a change made by hand, as another program might.
  private func send(
    _ world: SkewWorld, _ name: String, _ cells: [CellChange], rules: [String: MergePolicy], number: UInt64 = 1, previous: Data = Data()
  ) async throws -> Data {
    let key = try world[name].secrets().signingKey
    world.clock.advance(1000)
    let change = RowChange(table: "note", key: .text("n"), life: 1, cells: [CellChange("unit", .text("07201"))] + cells)
    let content = BatchContent(
      replica: key.replica, scope: "07201", number: number, previous: previous, cursor: Data(),
      units: [ChangeUnit(stamp: HybridTimestamp(wallMs: world.clock.nowMs()), changes: [change])], rules: ["note": rules])
    let batch = try BatchCodec.seal(content, with: key)
    _ = try await world.hub.ingest(batch)
    return batch.hash
  }

  @Test func aColumnOfWhichNothingIsSaidOrSomethingElseThanBeforeWaitsForTheUpgrade() async throws {
    let world = try await SkewWorld(hub: 1)
    for name in ["p", "q", "r"] { try await world.device(name, 2) }
    _ = try await send(world, "p", [CellChange("peak", .integer(5))], rules: ["peak": .max])
    _ = try await send(world, "q", [CellChange("peak", .integer(3))], rules: ["peak": .lastWriterWins])
    let unsaid = try await send(world, "r", [CellChange("peak", .integer(4))], rules: [:])
    _ = try await send(world, "r", [CellChange("ID", .integer(4))], rules: ["ID": .max], number: 2, previous: unsaid)
    #expect(
      try await world.hub.heldUnits().map { "\($0.reason) \($0.detail)" }.sorted() == [
        "schema note.ID", "schema note.peak", "schema note.peak",
      ])
    try await world.upgradeHub(to: 2)
    #expect(try await world.hub.heldUnits().map { "\($0.reason) \($0.detail)" } == ["schema note.ID"], "never a column of this table")
    #expect(try await world.hubRows("SELECT peak FROM note") == ["5"])
  }

  @Test(.long) func aWrongWordAboutAColumnIsSetRightByTheHubsUpgrade() async throws {
    let world = try await SkewWorld(hub: 1)
    for (name, version) in [("liar", 2), ("honest", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.sync("honest")
    let first = try await send(world, "liar", [CellChange("peak", .integer(9))], rules: ["peak": .lastWriterWins])
    _ = try await send(
      world, "liar", [CellChange("peak", .integer(4))], rules: ["peak": .lastWriterWins], number: 2, previous: first)
    try await world.sync("honest", "old")
    #expect(try await world.rows("honest", "SELECT peak FROM note") == ["9"], "it knows the column's rule")
    #expect(try await world.agreement("honest") == .differs(tables: ["note"]))
    try await world.upgradeHub(to: 2)
    try world.upgrade("old", to: 2)
    try await world.sync("honest", "old", "honest", "old")
    for name in ["honest", "old"] {
      #expect(try await world.rows(name, "SELECT peak FROM note") == ["4"])
      #expect(try await world.agreement(name) == .proved)
    }
  }

  @Test(.long) func aValueThatItsColumnCannotHoldStaysAsideAndDoesNotStopAnybody() async throws {
    let world = try await SkewWorld(hub: 1)
    for (name, version) in [("hostile", 2), ("new", 2), ("old", 1)] { try await world.device(name, version) }
    _ = try await send(
      world, "hostile",
      [CellChange("peak", .null), CellChange("stage", .integer(3)), CellChange("tags", .text("whole")), CellChange("b", .real(0.5))],
      rules: ["peak": .max, "stage": .lastWriterWins, "tags": .lastWriterWins, "b": .lastWriterWins])
    try await world.sync("new", "old")
    let shown = "n - 0.5 0 draft - 0"
    #expect(try await world.rows("new", Self.all) == [shown])
    #expect(try await world.agreement("new") == .proved)
    try await world.upgradeHub(to: 2)
    try world.upgrade("old", to: 2)
    try await world.sync("new", "old")
    for name in ["new", "old"] {
      #expect(try await world.rows(name, Self.all) == [shown])
      #expect(try await world.agreement(name) == .proved)
    }
    #expect(try await world.hubRows(Self.all) == [shown])
    // A good value takes its place.
    try await world.write("new", "UPDATE note SET peak = 6, tags = '{\"p\":1}'")
    try await world.sync("new", "old", "new")
    #expect(try await world.rows("old", Self.all) == ["n - 0.5 6 draft {\"p\":1} 0"])
    for name in ["new", "old"] { #expect(try await world.agreement(name) == .proved) }
  }

  @Test func aCrashDuringTheUpgradeLeavesWhatIsAside() async throws {
    let world = try await SkewWorld(hub: 2)
    for (name, version) in [("new", 2), ("old", 1)] { try await world.device(name, version) }
    try await world.write("new", "INSERT INTO note (id, unit, b) VALUES ('n', '07201', 'kept')")
    try await world.settle()
    // An upgrade whose schema cannot be accepted ends its transaction after the migration: nothing of what is aside is touched.
    try world["old"].close()
    let path = world.folder.path + "/old.sqlite"
    #expect(throws: SyncError.self) {
      try Replica.open(
        at: path, tables: SkewWorld.tables(2, deletion: .deleteWins) + [ReplicatedTable("absent", scopeColumn: "unit")],
        migrator: SkewWorld.migrator(2), clock: world.clock)
    }
    try world.upgrade("old", to: 2)
    #expect(try await world.rows("old", "SELECT b FROM note") == ["kept"])
  }
}
