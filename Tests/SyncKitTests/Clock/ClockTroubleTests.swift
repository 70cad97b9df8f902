import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncKit

/// L3: nothing is refused or waits for a clock's sake, and the order stays sane.
@Suite struct ClockTroubleTests {
  private static let year: UInt64 = 365 * 24 * 3600 * 1000

  @Test(.long) func aDeviceYearsAheadDoesNotWinForEver() async throws {
    let world = try await World()
    let ahead = TestClock(world.clock.nowMs() + 75 * Self.year)
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    let c = try await world.device("c", clock: ahead)
    _ = try await c.sync(with: world.transport)
    // Its offset was measured at enrolment; a battery change after that is what goes unnoticed.
    ahead.advance(75 * Self.year)
    try await c.execute("UPDATE note SET a = 'from 2174'")
    _ = try await c.sync(with: world.transport)
    world.clock.advance(60_000)
    _ = try await b.sync(with: world.transport)
    #expect(try await b.notes() == ["n from 2174 - none"])
    try await b.execute("UPDATE note SET a = 'later'")
    _ = try await b.sync(with: world.transport)
    for device in [a, c, a] { _ = try await device.sync(with: world.transport) }
    for device in [a, b, c] { #expect(try await device.notes() == ["n later - none"]) }
    #expect(try await world.hubConflicts() == [])
  }

  @Test(.long) func aStampTooFarAheadIsReplacedInOrderAndTheDeviceSetsItsClockBack() async throws {
    let world = try await World()
    let clock = TestClock(world.clock.nowMs())
    let a = try await world.device("a", clock: clock)
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    _ = try await a.sync(with: world.transport)
    clock.advance(Self.year)
    try await a.execute("UPDATE note SET a = 1")
    try await a.execute("UPDATE note SET b = 1")
    try await a.seal()
    let before = try await a.engineRead { try $0.state.clock.last.wallMs }
    #expect(before >= clock.nowMs())
    _ = try await a.sync(with: world.transport)
    let after = try await a.engineRead { try $0.state.clock.last }
    #expect(after.wallMs <= world.clock.nowMs() + WireLimits.driftMsMax)
    let stamps = try await a.engineRead { try $0.session.rows("SELECT stamp, cells IS NULL FROM sync_meta_note") }
    #expect(stamps.allSatisfy { UInt64($0[0].integer ?? .max) <= after.rawValue })
    let summary = try await a.sync(with: world.transport)
    #expect(summary.skewMs == Int64(Self.year))
  }

  @Test func whatWasWrittenWhileTheClockWasAheadIsSealedByTheClockAsItIsNow() async throws {
    let world = try await World()
    let clock = TestClock(world.clock.nowMs())
    let a = try await world.device("a", clock: clock)
    let now = clock.nowMs()
    clock.advance(3_600_000)
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    // Somebody set it right before the seal.
    clock.set(now + 1000)
    try await a.seal()
    #expect(try await a.engineRead { try $0.state.clock.last.wallMs } <= now + 1000)
  }

  @Test(.long) func aDeviceInThePastStillWritesAfterWhatItHasSeen() async throws {
    let world = try await World()
    let past = TestClock(1000)
    let (a, b) = (try await world.device("a"), try await world.device("b", clock: past))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'old')")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    try await b.execute("UPDATE note SET a = 'new'")
    for device in [b, a] { _ = try await device.sync(with: world.transport) }
    #expect(try await a.notes() == ["n new - none"])
    #expect(try await world.hubConflicts() == [])
  }
}
