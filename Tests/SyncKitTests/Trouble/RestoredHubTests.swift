import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

extension World {
  /// Copies the hub's file, as it lies on the disk.
  func imageHub(_ name: String) async throws {
    let image = folder.path + "/" + name
    try await reopenHub { path in try Self.copyStore(path, to: image) }
  }

  /// Puts an image of the hub's file back by hand: the hub does not know it was restored.
  func putBackHub(_ name: String) async throws {
    let image = folder.path + "/" + name
    try await reopenHub { path in try Self.copyStore(image, to: path) }
  }

  /// With its write-ahead log, as an image of a disk has it.
  private static func copyStore(_ from: String, to path: String) throws {
    let manager = FileManager.default
    for suffix in ["", "-wal", "-shm"] {
      if manager.fileExists(atPath: path + suffix) { try manager.removeItem(atPath: path + suffix) }
      if manager.fileExists(atPath: from + suffix) { try manager.copyItem(atPath: from + suffix, toPath: path + suffix) }
    }
  }

  /// Restores the hub as `hub restore` does: it knows.
  func restoreHub(_ name: String) async throws {
    try await putBackHub(name)
    try await reopenHub { path in
      let queue = try DatabaseQueue(path: path)
      try queue.write { db in try StateStore(session: SQLiteSession(db: db)).set("isBackup", .integer(1)) }
      try queue.close()
    }
  }

  var incarnation: Data { get async throws { try await hub.read { try IncarnationTable(session: $0).present() } } }
}

/// A hub that was restored from an older copy is refilled by its devices (L11).
@Suite struct RestoredHubTests {
  private func insert(_ replica: Replica, _ id: String, _ a: Int) async throws {
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", [id, a])
  }

  /// The store was put back by hand and nobody noticed: two histories begin alike, and one page shows where they part.
  @Test(.long) func aWriteSeenInOneHistoryIsUnseenInAnother() async throws {
    let world = try await World()
    var devices: [Replica] = []
    for name in ["a", "b", "c", "d"] { devices.append(try await world.device(name)) }
    let (a, b, c, d) = (devices[0], devices[1], devices[2], devices[3])
    try await world.imageHub("none")
    try await insert(a, "n", 1)
    try await world.sync(a)
    try await world.imageHub("one")
    try await a.execute("UPDATE note SET a = 2")
    try await world.sync(a)
    try await world.sync(b)
    try await world.putBackHub("one")
    try await insert(c, "c", 3)
    try await world.sync(c)
    try await world.sync(d)
    world.clock.advance(1000)
    try await d.execute("UPDATE note SET a = 5 WHERE id = 'n'")
    try await d.seal()
    try await world.restoreHub("none")
    try await world.settle([b, d, a, c])
    #expect(try await world.hubConflicts() == ["n a 2 5"])
    try await world.expectConverged(devices)
  }

  @Test(.long, arguments: [true, false]) func devicesRefillARestoredHub(_ isKnown: Bool) async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await insert(a, "before", 1)
    try await world.settle([a, b])
    try await world.imageHub("backup")
    try await insert(a, "lost", 2)
    try await world.sync(a)
    world.clock.advance(1000)
    try await world.sync(b)
    try await b.execute("UPDATE note SET a = 3 WHERE id = 'lost'")
    try await world.settle([b, a])
    let (old, states) = (try await world.incarnation, try await world.hubStates())
    try await isKnown ? world.restoreHub("backup") : world.putBackHub("backup")
    #expect(try await world.hubNotes() == ["before 1 - none"])
    let put = try await world.incarnation
    #expect((put == old) != isKnown)
    try await insert(b, "after", 4)
    let summary = try await world.sync(b)
    #expect(summary.notices.map(\.kind) == [.hubRestored])
    #expect(try await world.incarnation != old)
    try await world.settle([a, b])
    #expect(try await world.hubNotes() == ["after 4 - none", "before 1 - none", "lost 3 - none"])
    // What overwrote the lost value had seen it, also in the new life.
    #expect(try await world.hubConflicts() == [])
    try await world.expectConverged([a, b])
    let again = try await world.hubStates()
    #expect(states.allSatisfy(again.contains))
    let notices = try await [a.notices(), b.notices()]
    #expect(notices == [[.hubRestored], [.hubRestored]])
  }

  /// A device that fetches anew, after its upgrade or under a new name, has no place any more that the hub would miss.
  @Test(.long) func aDeviceWithoutACursorShowsItsPages() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await world.settle([a, b])
    try await world.imageHub("backup")
    try await insert(a, "lost", 1)
    try await world.settle([a, b])
    try await world.putBackHub("backup")
    try await b.engineWrite { try PageApplier.beginAnew(in: $0.session) }
    try await insert(b, "after", 2)
    let summary = try await world.sync(b)
    #expect(summary.notices.map(\.kind) == [.hubRestored])
    #expect(try await world.hubNotes() == ["after 2 - none", "lost 1 - none"])
    try await world.settle([b, a])
    try await world.expectConverged([a, b])
  }

  /// The author is gone: others give back what it had sent.
  @Test(.long) func whatOthersFetchedComesBackWithoutItsAuthor() async throws {
    let world = try await World()
    let (a, b, c) = (try await world.device("a"), try await world.device("b"), try await world.device("c"))
    try await world.imageHub("backup")
    try await insert(a, "n", 1)
    try await world.sync(a)
    try await world.sync(b)
    let states = try await world.hubStates()
    try await world.restoreHub("backup")
    try await world.settle([b, c])
    #expect(try await world.hubStates() == states)
    try await world.expectConverged([b, c])
    // The author comes after all: nothing happens twice.
    try await world.settle([a, c])
    #expect(try await world.hubStates() == states)
    try await world.expectConverged([a, b, c])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_feed WHERE scope = '07201'") } == 1)
  }

  @Test(.long) func theHubsOwnWritesAndConflictsComeBack() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await insert(a, "n", 1)
    try await world.settle([a, b])
    try await world.imageHub("backup")
    try await a.execute("UPDATE note SET a = 2")
    try await b.execute("UPDATE note SET a = 3")
    try await world.sync(a)
    world.clock.advance(10)
    try await world.sync(b)
    try await world.hub.write { try $0.execute("UPDATE note SET b = 'province' WHERE id = 'n'") }
    try await world.settle([a, b])
    #expect(try await world.hubConflicts().count == 1)
    let states = try await world.hubStates()
    try await world.restoreHub("backup")
    #expect(try await world.hubConflicts() == [])
    try await world.settle([a, b])
    #expect(try await world.hubConflicts().count == 1)
    let again = try await world.hubStates()
    #expect(again.count == states.count)
    #expect(try await world.hubNotes().first?.contains("province") == true)
    try await world.expectConverged([a, b])
    // It closes as ever, once somebody who saw it writes the cell anew.
    try await a.execute("UPDATE note SET a = 9")
    try await world.settle([a, b])
    #expect(try await world.hubConflicts() == [])
  }

  @Test(.long) func newChangesOfTheNewIncarnationConflictWithRestoredOnes() async throws {
    let world = try await World()
    let (a, b, c) = (try await world.device("a"), try await world.device("b"), try await world.device("c"))
    try await insert(a, "n", 1)
    try await world.settle([a, b, c])
    try await world.imageHub("backup")
    try await a.execute("UPDATE note SET a = 2")
    try await world.sync(a)
    try await world.sync(b)
    try await world.restoreHub("backup")
    world.clock.advance(1000)
    // c never saw 2, and the hub forgot it.
    try await c.execute("UPDATE note SET a = 3")
    try await world.sync(c)
    try await world.settle([b, a, c])
    #expect(try await world.hubConflicts() == ["n a 2 3"])
    try await world.expectConverged([a, b, c])
  }

  /// Stamps the hub had corrected stay as they were given out.
  @Test(.long) func correctedStampsStayAsTheyWere() async throws {
    let world = try await World()
    let fast = TestClock(world.clock.nowMs() + 86_400_000)
    let (a, b) = (try await world.device("a", clock: fast), try await world.device("b"))
    try await world.imageHub("backup")
    try await insert(a, "n", 1)
    try await a.seal()
    for batch in try await a.outboxBatches() { _ = try await world.hub.ingest(batch) }
    try await world.settle([a, b])
    let states = try await world.hubStates()
    for order in [[a, b], [b, a]] {
      try await world.restoreHub("backup")
      world.clock.advance(10_000)
      try await world.settle(order)
      #expect(try await world.hubStates() == states)
      try await world.expectConverged([a, b])
    }
  }

  @Test(.long) func devicesEnrolledSinceAreLearnedAgainFromTheirCertificates() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await world.imageHub("backup")
    let b = try await world.device("b")
    try await insert(b, "n", 1)
    try await world.settle([b, a])
    let q = try await world.copy(b, to: "q")
    try await insert(b, "b", 1)
    try await insert(q, "q", 1)
    try await world.settle([b, q, a])
    #expect(try await q.notices() == [.newIdentity])
    try await world.restoreHub("backup")
    try await world.settle([q, a, b])
    try await world.expectConverged([a, b, q])
    #expect(try await world.hubNotes().count == 3)
    #expect(try await world.hub.devices().count == 3)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_relearned") } == 2)
  }

  @Test func packetsTheHubLostAreSentAgain() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await world.imageHub("backup")
    for number in 1...3 { try await a.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'x')", ["r\(number)"]) }
    try await world.sync(a)
    try await world.restoreHub("backup")
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") } == 0)
    try await world.sync(a)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") } == 3)
    let status = try await a.status()
    #expect(status.addsUp && status.packetsKept == 3)
  }

  @Test(.long) func aHubRestoredTwiceAndToBeforeAnIncarnation() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await insert(a, "n", 1)
    try await world.settle([a, b])
    try await world.imageHub("first")
    try await insert(a, "m", 2)
    try await world.settle([a, b])
    try await world.restoreHub("first")
    try await insert(b, "o", 3)
    try await world.settle([b])
    try await world.imageHub("second")
    try await insert(b, "p", 4)
    try await world.settle([b, a])
    let states = try await world.hubStates()
    for image in ["first", "second", "first"] {
      try await image == "second" ? world.putBackHub(image) : world.restoreHub(image)
      try await world.settle([a, b])
      #expect(try await world.hubNotes().count == 4)
      #expect(try await world.hubStates() == states)
      try await world.expectConverged([a, b])
    }
  }

  /// A restored hub forgot a batch and takes its twin's under the same number, before anybody tells it of the first. Where the twins'
  /// clocks agree, both wrote under one version.
  @Test(.long, arguments: [0, 1000]) func aHubThatForgotABatchMergesTheCopysBatch(laterMs: UInt64) async throws {
    let world = try await World()
    let (a, c) = (try await world.device("a"), try await world.device("c"))
    try await insert(a, "n", 1)
    try await world.settle([a, c])
    let q = try await world.copy(a, to: "q")
    try await world.imageHub("before")
    try await a.execute("UPDATE note SET a = 2")
    try await world.sync(a)
    try await world.sync(c)
    try await world.restoreHub("before")
    world.clock.advance(laterMs)
    try await q.execute("UPDATE note SET a = 3")
    try await world.sync(q)
    #expect(try await world.hubNotes() == ["n 3 - none"])
    for _ in 0..<2 { try await world.settle([c, a, q]) }
    try await world.expectConverged([a, c, q])
    let standing = try await world.hub.read { try $0.rows("SELECT a FROM note").map { $0[0].shown } }
    let kept = try await world.hub.read { try $0.rows("SELECT losing_value FROM sync_conflict WHERE state = 'open'").map { $0[0].shown } }
    #expect(Set(standing + kept) == ["2", "3"])
    // Both hashes of the number are known now, and so neither twin keeps the name.
    for twin in [a, q] { #expect(try await twin.notices().contains(.newIdentity)) }
    #expect(try a.identity != q.identity)
  }

  @Test(.long, arguments: Pace.seeds(UInt64(1)...8, fast: 1)) func stormOfRestores(_ seed: UInt64) async throws {
    try await Storm(seed: seed, world: World(), weather: Storm.Weather(copies: false, restores: true)).run(steps: 60)
  }

  @Test(.long, arguments: Pace.seeds(UInt64(1)...8, fast: 1)) func stormOfCopiesAndRestores(_ seed: UInt64) async throws {
    try await Storm(seed: seed, world: World(), weather: Storm.Weather(copies: true, restores: true)).run(steps: 60)
  }

  /// A page can end a life only once, and only one that this hub signed.
  @Test(.long) func nobodyCanMakeTheHubBeginIncarnationsAtWill() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await insert(a, "n", 1)
    try await world.imageHub("backup")
    try await world.settle([a, b])
    let pages = try await b.engineRead { try KeptPages(session: $0.session).newest().map(\.bytes) }
    try await world.putBackHub("backup")
    let first = try await world.incarnation
    for page in pages { _ = try await world.hub.takeBack(page) }
    let second = try await world.incarnation
    #expect(second != first)
    for page in pages + pages { _ = try await world.hub.takeBack(page) }
    #expect(try await world.incarnation == second)
    let stranger = SigningKey()
    let forged = try stranger.sealed(try WireSigned.parse(pages[0], named: LocalizedText("page")).body, as: .page)
    await #expect(throws: SyncError.self) { _ = try await world.hub.takeBack(forged) }
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_incarnation") } == 2)
  }

  // MARK: A key that two units have rows of

  /// What the hub said to one unit's devices about a key, when it declined theirs, is not said to the row whose key it is.
  @Test(.long) func aUnitDeclinedBeforeTheRestoreLeavesTheOtherScopesRow() async throws {
    let world = try await World()
    let (a, o) = (try await world.device("a"), try await world.device("o", unit: "07202"))
    try await o.execute("INSERT INTO note (id, unit, a) VALUES ('c', '07202', 'theirs')")
    try await world.sync(o)
    try await insert(a, "c", 1)
    try await world.sync(a)
    try await world.imageHub("held")
    let held = try #require(try await world.hub.heldUnits().first)
    try await world.hub.declineHeld(held.id, by: "tỉnh", because: "")
    try await world.settle([a, o])
    try await world.restoreHub("held")
    try await world.settle([a, o])
    #expect(try await world.hub.heldUnits().isEmpty)
    #expect(try await world.hubNotes() == ["c theirs - none"])
    #expect(try await o.notes() == ["c theirs - none"])
    #expect(try await a.notes().isEmpty)
    for device in [a, o] { #expect(try await device.status().agreement == .proved) }
  }

  /// The hub forgot whose the key was, and has given it to another unit's row meanwhile.
  @Test(.long) func aRowWhoseKeyWasTakenMeanwhileIsHeld() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let (o, other) = (try await world.device("o", unit: "07202"), try await world.device("other", unit: "07202"))
    try await world.imageHub("none")
    try await o.execute("INSERT INTO note (id, unit, a) VALUES ('c', '07202', 'theirs')")
    try await world.settle([o, other])
    try await world.restoreHub("none")
    try await insert(a, "c", 1)
    try await world.sync(a)
    try await world.settle([other, o])
    #expect(try await world.hubNotes() == ["c 1 - none"])
    let held = try #require(try await world.hub.heldUnits().first)
    #expect(held.reason == "scope")
    try await world.hub.declineHeld(held.id, by: "tỉnh", because: "")
    try await world.settle([other, o, a])
    #expect(try await world.hubNotes() == ["c 1 - none"])
    for (device, notes) in [(a, ["c 1 - none"]), (o, []), (other, [])] {
      #expect(try await device.notes() == notes)
      let status = try await device.status()
      #expect(status.agreement == .proved && status.addsUp && status.heldChanges == 0)
    }
    #expect(try await world.hub.read { try HubRestore.all(in: $0) }.last?.unitsMissing == 0)
  }

  /// Nobody sends it again: its author is gone, or the hub wrote it itself. Who has it shows it no longer, and it is kept.
  @Test(.long, arguments: [false, true]) func aRowWhoseKeyWasTakenMeanwhileIsDeletedOnDevices(isHubs: Bool) async throws {
    let world = try await World()
    let a = try await world.device("a")
    let (o, other) = (try await world.device("o", unit: "07202"), try await world.device("other", unit: "07202"))
    try await world.imageHub("none")
    let sql = "INSERT INTO note (id, unit, a) VALUES ('c', '07202', 'theirs')"
    if isHubs { try await world.hub.write { try $0.execute(sql) } } else { try await o.execute(sql) }
    try await world.settle(isHubs ? [other] : [o, other])
    try await world.restoreHub("none")
    try await insert(a, "c", 1)
    try await world.sync(a)
    try await world.settle([other, a])
    #expect(try await world.hubNotes() == ["c 1 - none"])
    #expect(try await other.notes().isEmpty)
    for device in [a, other] { #expect(try await device.status().agreement == .proved) }
    let kept = try await other.conflicts().filter { $0.rule == .declined && $0.column == "a" }
    #expect(kept.map(\.losing.value) == [.text("theirs")])
    // Said once, however often pages come.
    try await world.settle([other, a])
    #expect(try await other.conflicts().count { $0.column == "a" } == 1)
  }
}
