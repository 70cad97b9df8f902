import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Work that travels by files alone comes to the same as work that travels by HTTP.
@Suite struct BundleTests {
  @Test(.long) func aDeviceWithoutANetworkDoesEverythingByFile() async throws {
    let world = try await World()
    let (a, b) = (try await world.deviceByFile("a"), try await world.device("b"))
    #expect(try await a.enrolment()?.writeScope == "07201")
    try await a.insert("n", "by file")
    try await b.insert("n2", "by network")
    try await world.sync(b)
    let (report, outcome) = try await world.journey(a)
    #expect(report.isWhole && report.devices.map(\.new) == [1] && report.devices.map(\.scope) == ["07201"])
    #expect(outcome.isWhole && outcome.progress.batchesSent == 1 && outcome.progress.unitsApplied == 1 && !outcome.needsAnother)
    #expect(try await a.notes() == ["n by file - none", "n2 by network - none"])
    // Both change one cell unseen: the conflict comes back by file, and is settled by file.
    try await world.sync(b)
    try await b.execute("UPDATE note SET a = 'b' WHERE id = 'n'")
    try await world.sync(b)
    world.clock.advance(1000)
    try await a.execute("UPDATE note SET a = 'a' WHERE id = 'n'")
    let second = try await world.journey(a)
    #expect(second.0.devices.map(\.conflicting) == [1])
    let conflict = try #require(try await a.conflicts().first)
    _ = try await a.resolve(conflict.id, as: .takeLoser, by: "chair", because: "counted again")
    try await world.journey(a)
    try await world.sync(b)
    let open = try await [a.conflicts(), b.conflicts()]
    #expect(open.allSatisfy { $0.isEmpty })
    #expect(try await a.notes() == ["n b - none", "n2 by network - none"])
    try await world.expectConverged([a, b])
    #expect(try await a.status().agreement == .proved)
  }

  @Test(.long) func anyOrderAndRepetitionOfImportsGivesTheSame() async throws {
    for seed in Pace.seeds(UInt64(1)...6, fast: 1) {
      var chance = SeededGenerator(seed: seed)
      let world = try await World()
      let (a, b) = (try await world.device("a"), try await world.device("b", unit: "07202"))
      var (bundles, returns) = ([String](), [String]())
      for step in 0..<5 {
        for (replica, unit) in [(a, "07201"), (b, "07202")] {
          try await replica.insert("\(unit)-\(step)", "\(step)", unit: unit)
          try await replica.execute("UPDATE note SET b = ? WHERE id = ?", [step, "\(unit)-0"])
          bundles += try await replica.exportBundle(to: world.file("\(unit)-\(step).skb")).paths
        }
        let chosen = (0..<2).compactMap { _ in bundles.randomElement(using: &chance) }
        returns += try await world.hubImports(chosen, return: "return-\(step).skb").paths
        for replica in [a, b] {
          guard let path = returns.randomElement(using: &chance) else { continue }
          do { _ = try await replica.importBundles([path]) } catch let error as SyncError where error.code == .badRequest {}
        }
        world.clock.advance(1000)
      }
      let (_, last) = try await world.hubImports(bundles.reversed() + bundles, return: "last.skb")
      for replica in [a, b] {
        _ = try await replica.importBundles(last + returns.reversed())
        _ = try await replica.importBundles(returns)
        try await world.journey(replica)
      }
      try await world.expectConverged([], "seed \(seed)")
      let units = try await [a.notes(), b.notes()].map(\.count)
      #expect(units == [5, 5], "seed \(seed)")
      #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_batch WHERE state = 1") } == 10)
      for replica in [a, b] {
        let status = try await replica.status()
        #expect(
          status.addsUp && status.mergedChanges + status.superseded == status.captured && status.agreement == .proved,
          "seed \(seed): \(status)")
      }
    }
  }

  @Test(.long) func batchesBeforeTheirPredecessorsWaitAndAreSeen() async throws {
    let world = try await World()
    let a = try await world.device("a")
    var bundles: [String] = []
    for number in 1...3 {
      try await a.insert("\(number)", "x")
      bundles += try await a.exportBundle(to: world.file("\(number).skb")).paths
    }
    // The last bundle without the sections of the first batches: a part that came before the others.
    let pieces = try World.pieces(bundles[2])
    let late = try world.write(pieces.prefix(4) + [pieces[pieces.count - 2]], to: "late.skb")
    let (first, paths) = try await world.hubImports([late], return: "r1.skb")
    #expect(first.devices.map(\.waiting) == [1] && first.devices.map(\.new) == [0])
    _ = try await a.importBundles(paths)
    #expect(try await a.status().waitingChanges == 1)
    let (second, more) = try await world.hubImports([bundles[1]], return: "r2.skb")
    #expect(second.devices.map(\.new) == [2] && second.devices.map(\.waiting) == [0])
    _ = try await a.importBundles(more)
    try await world.journey(a)
    try await world.expectConverged([a])
  }

  @Test(.long) func partsStandAlone() async throws {
    var chance = SeededGenerator(seed: 1)
    let world = try await World()
    let a = try await world.device("a")
    for number in 0..<12 {
      let noise = Data((0..<15_000).map { _ in UInt8.random(in: 0...255, using: &chance) })
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["\(number)", noise])
      try await a.seal()
    }
    var options = BundleExportOptions()
    options.partBytesMax = 64 << 10
    let export = try await a.exportBundle(to: world.file("split.skb"), options: options)
    #expect(export.paths.count >= 3 && export.batches == 12)
    #expect(!FileManager.default.fileExists(atPath: world.file("split.skb")))
    for path in export.paths {
      #expect(StoreFile.size(path) <= 64 << 10)
      #expect(try World.sections(path).damage.isEmpty)
    }
    var returns: [String] = []
    for (index, path) in export.paths.shuffled(using: &chance).enumerated() {
      let (report, paths) = try await world.hubImports([path], return: "r\(index).skb")
      #expect(report.isWhole)
      returns += paths
    }
    _ = try await a.importBundles(returns.shuffled(using: &chance))
    try await world.journey(a)
    #expect(try await world.hubNotes().count == 12)
    try await world.expectConverged([a])
  }

  @Test(.long) func packetsCountOnceHoweverOftenTheyCome() async throws {
    let world = try await World()
    let a = try await world.device("a")
    for number in 0..<7 {
      try await a.execute("INSERT INTO answer (id, unit, day, words) VALUES (?, '07201', 'd', 'w')", ["\(number)"])
    }
    let first = try await a.exportBundle(to: world.file("1.skb"))
    for number in 7..<9 {
      try await a.execute("INSERT INTO answer (id, unit, day, words) VALUES (?, '07201', 'd', 'w')", ["\(number)"])
    }
    let second = try await a.exportBundle(to: world.file("2.skb"))
    let (report, paths) = try await world.hubImports(first.paths + second.paths + first.paths, return: "r.skb")
    #expect(report.isWhole)
    // A return that knows only of the first ones.
    let (_, early) = try await world.hubImports(first.paths, return: "r1.skb")
    #expect(try await a.importBundles(early).packetsKept == 7)
    #expect(try await a.importBundles(paths).packetsKept == 2)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM answer") } == 7)
    #expect(try await world.hub.read { try $0.integer("SELECT count(DISTINCT id) FROM hub_packet") } == 2)
    let status = try await a.status()
    #expect(status.packetsKept == 9 && status.packetsWaiting == 0 && status.addsUp)
  }

  @Test(.long) func aRestoredHubIsRefilledByFiles() async throws {
    for isKnown in [true, false] {
      let world = try await World()
      let (a, b) = (try await world.device("a"), try await world.device("b"))
      try await a.insert("before", "1")
      for replica in [a, b] { try await world.journey(replica) }
      try await world.imageHub("backup")
      try await a.insert("lost", "2")
      for replica in [a, b, a] { try await world.journey(replica) }
      let states = try await world.hubStates()
      try await isKnown ? world.restoreHub("backup") : world.putBackHub("backup")
      try await b.insert("after", "3")
      for _ in 0..<4 { for replica in [b, a] { try await world.journey(replica) } }
      #expect(try await world.hubNotes() == ["after 3 - none", "before 1 - none", "lost 2 - none"], "\(isKnown)")
      try await world.expectConverged([a, b], "\(isKnown)")
      let again = try await world.hubStates()
      #expect(states.allSatisfy(again.contains))
      let notices = try await [a.notices(), b.notices()]
      #expect(notices.allSatisfy { $0.contains(.hubRestored) })
    }
  }

  @Test(.long) func aCopiedDeviceTakesANewIdentityByFiles() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.insert("common", "1")
    try await world.journey(a)
    let twin = try await world.copy(a, to: "twin")
    for number in 0..<3 {
      try await a.insert("a\(number)", "1")
      try await a.seal()
      try await twin.insert("twin\(number)", "1")
      try await twin.seal()
    }
    try await world.journey(a)
    let before = try twin.identity
    for _ in 0..<4 { try await world.journey(twin) }
    try await world.journey(a)
    #expect(try twin.identity != before)
    #expect(try await world.hubNotes().count == 7)
    try await world.expectConverged([a, twin])
  }

  @Test(.long) func aLongFeedComesAsASnapshotByFile() async throws {
    var options = Hub.Options()
    (options.firstUnitsMax, options.snapshotRowsMax) = (10, 7)
    let world = try await World(options: options)
    let b = try await world.device("b")
    for number in 0..<40 {
      try await b.insert("\(number)", "x")
      try await b.seal()
    }
    try await world.sync(b)
    let a = try await world.deviceByFile("a")
    #expect(try await a.notes().count == 40)
    try await world.sync(b)
    try await world.expectConverged([a, b])
  }

  /// What was begun then ends at a place from which the log does not lead on.
  @Test(.long) func aSnapshotBegunBeforeTheJournalWasTrimmedIsBegunAgain() async throws {
    var options = Hub.Options()
    (options.firstUnitsMax, options.snapshotRowsMax) = (10, 7)
    let world = try await World(options: options)
    let b = try await world.device("b")
    for number in 0..<40 {
      try await b.insert("\(number)", "x")
      try await b.seal()
    }
    try await world.sync(b)
    let a = try world.replica("a")
    try await a.requestEnrolment(code: try await world.hub.makeCode(scope: "07201", readScopes: ["24", "07201"]), label: "a")
    func isBegun() async throws -> Bool {
      try await a.engineRead { try !SnapshotCursor(session: $0.session).next(scope: "07201").isEmpty }
    }
    // Returns with a little more room each, until one ends within the snapshot.
    for room in stride(from: 500, to: 20_000, by: 500) where try await !isBegun() {
      let export = try await a.exportBundle(to: world.file("\(room).skb"))
      world.clock.advance(1000)
      var short = Hub.BundleOptions()
      (short.returnPath, short.feedBytesMax) = (world.file("\(room)-return.skb"), room)
      _ = try await a.importBundles(try await world.hub.importBundles(export.paths, options: short).returns)
    }
    #expect(try await isBegun())

    for number in 40..<43 { try await b.insert("\(number)", "x") }
    try await world.sync(b)
    world.clock.advance(1000)
    #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) > 0)
    try await world.journey(a, "rest")
    #expect(StoreFile.size(world.file("rest-return.skb")) < 100_000)
    #expect(try await a.notes().count == 43)
    try await world.sync(b)
    try await world.expectConverged([a, b])
  }

  @Test(.long) func fileAndNetworkMayTakeTurns() async throws {
    let world = try await World()
    let a = try await world.deviceByFile("a")
    try await a.insert("1", "x")
    let early = try await a.exportBundle(to: world.file("early.skb"))
    try await world.sync(a)
    try await a.insert("2", "x")
    let (report, paths) = try await world.hubImports(early.paths, return: "late.skb")
    #expect(report.devices.map(\.duplicate) == [1] && report.devices.map(\.new) == [0])
    try await world.sync(a)
    _ = try await a.importBundles(paths)
    try await world.expectConverged([a])
    #expect(try await a.status().agreement == .proved)
  }

  @Test(.long) func aBundleOnlyMovesAWrongClockForward() async throws {
    let world = try await World()
    let slow = TestClock(1_000_000)
    let a = try world.replica("a", clock: slow)
    try await a.requestEnrolment(code: try await world.hub.makeCode(scope: "07201", readScopes: ["07201"]), label: "a")
    try await world.journey(a)
    let offset = try await a.status().offsetMs
    #expect(offset > 1_700_000_000_000)
    slow.set(world.clock.nowMs() + 50_000)
    // A clock that is ahead of an old letter may be right.
    try await a.insert("1", "x")
    try await world.journey(a)
    #expect(try await a.status().offsetMs == offset)
    try await world.expectConverged([a])
  }

  @Test(.long) func refusalsOfTheHubAreShownOnTheDevice() async throws {
    let world = try await World()
    let stranger = try world.replica("s")
    try await stranger.requestEnrolment(code: "ABCDEFGH23", label: "s")
    let export = try await stranger.exportBundle(to: world.file("s.skb"))
    #expect(export.isEnrolment && !export.isEncrypted)
    let (report, paths) = try await world.hubImports(export.paths, return: "r.skb")
    #expect(!report.isWhole && report.devices.map(\.refused) == [1])
    await #expect { _ = try await stranger.importBundles(paths) } throws: { ($0 as? SyncError)?.code == .wrongCode }
    // A new code, the same key.
    try await stranger.requestEnrolment(code: try await world.hub.makeCode(scope: "07201", readScopes: ["07201"]), label: "s")
    #expect(try await world.journey(stranger).1.isNewlyEnrolled)
    let a = try await world.device("a")
    try await a.insert("1", "x")
    _ = try await world.hub.revoke(try a.identity)
    let late = try await a.exportBundle(to: world.file("a.skb"))
    let (second, answer) = try await world.hubImports(late.paths, return: "r2.skb")
    #expect(second.devices.map(\.undecided) == [1])
    await #expect { _ = try await a.importBundles(answer) } throws: { ($0 as? SyncError)?.code == .revoked }
    #expect(try await a.status().addsUp)
  }

  @Test(.long) func theOverheadIsSmall() async throws {
    var chance = SeededGenerator(seed: 2)
    let numbers = (0..<40_000).map { _ in Int.random(in: 0..<1_000_000_000, using: &chance) }
    let world = try await World()
    let a = try await world.device("a")
    try await a.database.write { db in
      for (index, number) in numbers.enumerated() {
        try db.execute(sql: "INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", arguments: ["\(index)", number])
      }
    }
    let export = try await a.exportBundle(to: world.file("big.skb"))
    let batches = try await a.engineRead { try $0.session.integer("SELECT sum(length(bytes)) FROM sync_outbox") } ?? 0
    #expect(export.changes == 40_000)
    #expect(Double(StoreFile.size(export.paths[0])) < Double(batches) * 1.01)
    let (report, _) = try await world.journey(a)
    #expect(report.devices.map(\.changes) == [40_000])
  }
}
