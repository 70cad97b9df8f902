import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// One author's units keep their order when a restored hub gave some of them other stamps than it had once (L8, L11).
@Suite struct AuthorOrderTests {
  private static let dayMs: UInt64 = 86_400_000

  let world: World
  let now: UInt64
  /// Of the device `a`: it jumps a day ahead after an exchange, so that what is sealed then has the stamps it says.
  let fast: TestClock
  let a: Replica
  let b: Replica
  let c: Replica

  init() async throws {
    world = try await World()
    now = world.clock.nowMs()
    fast = TestClock(now)
    a = try await world.device("a", clock: fast)
    b = try await world.device("b")
    c = try await world.device("c")
  }

  /// Somebody carries what a device has sealed to the hub; the device hears nothing of it.
  private func carry(_ device: Replica) async throws {
    try await device.seal()
    for batch in try await device.outboxBatches() { _ = try await world.hub.ingest(batch) }
  }

  /// A hub whose clock is a day ahead takes a device's first word as it is, and a reader hears of it. Then the hub is put back by hand,
  /// its clock too.
  private func takeFirstWordAndForget() async throws {
    try await world.imageHub("before")
    world.clock.set(now + Self.dayMs)
    fast.set(now + Self.dayMs)
    try await a.execute("INSERT INTO note (id, unit, a, b) VALUES ('n', '07201', 1, 'b')")
    try await carry(a)
    try await world.sync(b)
    try await world.putBackHub("before")
    world.clock.set(now + 60_000)
  }

  private func settle() async throws {
    try await world.settle([b, a, c])
    try await world.expectConverged([a, b, c])
    #expect(try await world.hubConflicts() == [])
    for device in [a, b, c] { #expect(try await device.status().agreement == .proved) }
  }

  /// Both words are merged under lower stamps before the first one's higher stamp is given back.
  @Test(.long) func anAuthorsLaterWriteWinsOverItsEarlierOne() async throws {
    try await takeFirstWordAndForget()
    try await a.execute("UPDATE note SET a = 2")
    try await a.seal()
    try await a.execute("UPDATE note SET a = 3")
    try await carry(a)
    #expect(try await world.hubNotes() == ["n 3 b none"])
    try await world.sync(b)
    #expect(try await world.hubNotes() == ["n 3 b none"])
    try await settle()
    #expect(try await world.hubNotes() == ["n 3 b none"])
    // Each once as it was merged anew, and once above the first one's old stamp.
    #expect(try await world.hub.read { try $0.integer("SELECT sum(units) FROM hub_feed WHERE scope = '07201'") } == 6)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_returned WHERE position IS NULL") } == 0)
  }

  /// What is in nobody's way stays where it is.
  @Test(.long) func unitsOnOtherCellsAreNotPlacedAgain() async throws {
    try await takeFirstWordAndForget()
    try await a.execute("UPDATE note SET c = 'other'")
    try await carry(a)
    try await world.sync(b)
    try await settle()
    #expect(try await world.hubNotes() == ["n 1 b other"])
    #expect(try await world.hub.read { try $0.integer("SELECT sum(units) FROM hub_feed WHERE scope = '07201'") } == 3)
  }

  /// The author's clock is right again, and its next word is sealed before it can hear of the old stamp.
  @Test(.long) func unitsOnTheirWayGetStampsAboveRestoredOnes() async throws {
    try await takeFirstWordAndForget()
    fast.set(now + 60_000)
    try await world.sync(a)
    world.clock.advance(1000)
    fast.advance(1000)
    try await a.execute("UPDATE note SET a = 2")
    try await a.seal()
    world.clock.advance(1000)
    fast.advance(1000)
    try await a.execute("UPDATE note SET a = 3")
    try await a.seal()
    let sealed = try await a.outboxBatches().map { try BatchCodec.reopen($0).units.map(\.stamp.wallMs) }
    #expect(sealed.dropFirst().joined().allSatisfy { $0 < now + Self.dayMs })
    try await world.sync(b)
    try await settle()
    #expect(try await world.hubNotes() == ["n 3 b none"])
  }

  /// A heir's work comes after its predecessor's.
  @Test(.long) func aSuccessorsLaterWriteWinsToo() async throws {
    try await world.imageHub("before")
    world.clock.set(now + Self.dayMs)
    fast.set(now + Self.dayMs)
    try await a.execute("INSERT INTO note (id, unit, a, b) VALUES ('n', '07201', 1, 'b')")
    try await carry(a)
    try await world.sync(b)
    let pages = try await b.engineRead { try KeptPages(session: $0.session).newest().map(\.bytes) }
    try await world.putBackHub("before")
    world.clock.set(now + 60_000)
    let q = try await world.copy(a, to: "q", clock: world.clock)
    try await a.execute("UPDATE note SET b = 'a'")
    try await carry(a)
    try await q.execute("UPDATE note SET a = 2")
    try await world.sync(q)
    #expect(try await q.notices() == [.newIdentity])
    for page in pages { _ = try await world.hub.takeBack(page) }
    #expect(try await world.hubNotes() == ["n 2 a none"])
    for _ in 0..<2 { try await world.settle([b, a, q, c]) }
    try await world.expectConverged([a, b, c, q])
    #expect(try await world.hubNotes() == ["n 2 a none"])
  }

  /// A word comes back under a stamp below another's that was merged meanwhile: its author, whose clock was ahead, had its own above.
  @Test(.long) func anAuthorSeesWritesThatWinOverItsLoweredStamp() async throws {
    try await c.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    try await settle()
    try await world.imageHub("before")
    fast.set(now + Self.dayMs)
    try await a.execute("UPDATE note SET a = 2")
    try await carry(a)
    try await world.sync(b)
    world.clock.advance(1000)
    try await c.execute("UPDATE note SET a = 3")
    try await world.putBackHub("before")
    try await carry(c)
    try await world.sync(b)
    try await world.settle([a, b, c])
    #expect(try await world.hubNotes() == ["n 3 - none"])
    #expect(try await world.hubConflicts() == ["n a 2 3"])
    let stamps = try await a.outboxBatches().flatMap { try BatchCodec.reopen($0).units.map(\.stamp.wallMs) }
    #expect(stamps == [now + Self.dayMs])
    try await world.expectConverged([a, b, c])
  }

  /// Its own word is placed once more, above another's that stood over it: the author, who is told the new stamp only, finds it stands.
  @Test(.long) func anAuthorSeesThatItsWriteWithARaisedStampWins() async throws {
    try await c.execute("INSERT INTO note (id, unit, a, b) VALUES ('n', '07201', 1, 'b')")
    try await settle()
    try await world.imageHub("before")
    world.clock.set(now + Self.dayMs)
    fast.set(now + Self.dayMs)
    try await a.execute("UPDATE note SET a = 2")
    try await carry(a)
    try await world.sync(b)
    try await world.putBackHub("before")
    world.clock.set(now + 60_000)
    try await a.execute("UPDATE note SET a = 3, b = 'a'")
    try await carry(a)
    world.clock.advance(1000)
    try await c.execute("UPDATE note SET b = 'c'")
    try await carry(c)
    // No exchange, which would tell the hub: the page is applied as it comes.
    for device in [a, c] {
      let entry = try #require(try await world.hub.device(try device.identity))
      let cursor = try await device.engineRead { try $0.state.value("cursor").blob ?? Data() }
      let bytes = try await world.hub.page(for: entry, cursor: cursor)
      _ = try await device.apply(try PageCodec.open(bytes, hub: try await device.hubKey()), bytes: bytes)
    }
    #expect(try await a.notes() == ["n 3 c none"])
    try await world.sync(b)
    try await world.settle([b, a, c])
    try await world.expectConverged([a, b, c])
    #expect(try await world.hubNotes() == ["n 3 a none"])
    #expect(try await world.hubConflicts() == ["n b c a"])
  }

  /// A living row is born by the lowest of its versions, also where one unit has several; a dead one died by the highest.
  @Test(.long) func lifeVersionsFollowEveryStampOfAUnit() async throws {
    try await c.execute("INSERT INTO note (id, unit, a) VALUES ('gone', '07201', 1)")
    try await settle()
    try await world.imageHub("before")
    world.clock.set(now + Self.dayMs)
    fast.set(now + Self.dayMs)
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('born', '07201', 1)")
    try await a.execute("DELETE FROM note WHERE id = 'gone'")
    try await carry(a)
    try await world.settle([a, b])
    try await world.putBackHub("before")
    world.clock.set(now + 60_000)
    try await carry(a)
    try await world.settle([a, b, c])
    try await settle()
    #expect(try await world.hubNotes() == ["born 1 - none"])
  }
}
