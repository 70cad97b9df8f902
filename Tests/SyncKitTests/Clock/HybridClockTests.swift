import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncKit

@Suite struct HybridClockTests {
  @Test func stampsNeverGoBackWhateverTheWallDoes() {
    var chance = SeededChance(3)
    for _ in 0..<200 {
      var clock = HybridClock()
      var newest = HybridTimestamp.zero
      for _ in 0..<100 {
        let wallMs = chance.pick([0, 1, 1_711_929_600_000, chance.next() >> 20, chance.next()])
        if chance.below(3) == 0 {
          let remote = HybridTimestamp(rawValue: chance.next() >> UInt64(chance.below(40)))
          clock.receive(remote)
          #expect(clock.last >= remote && clock.last >= newest)
          newest = clock.last
        } else if newest.rawValue < .max {
          let stamp = clock.issue(wallMs: wallMs)
          #expect(stamp > newest && stamp.wallMs >= min(wallMs, HybridTimestamp.wallMsMax))
          #expect(stamp == clock.last)
          newest = stamp
        }
      }
    }
  }

  @Test func aWallThatLeadsGivesItsMillisecondsAndCounterZero() {
    var clock = HybridClock(last: HybridTimestamp(wallMs: 10, counter: 7))
    #expect(clock.issue(wallMs: 11) == HybridTimestamp(wallMs: 11))
    #expect(clock.issue(wallMs: 11) == HybridTimestamp(wallMs: 11, counter: 1))
    #expect(clock.issue(wallMs: 5) == HybridTimestamp(wallMs: 11, counter: 2))
  }

  @Test func aFullCounterCarriesIntoTheMilliseconds() {
    var clock = HybridClock(last: HybridTimestamp(wallMs: 10, counter: .max))
    #expect(clock.issue(wallMs: 10) == HybridTimestamp(wallMs: 11))
    #expect(clock.issue(wallMs: 10) == HybridTimestamp(wallMs: 11, counter: 1))
    for _ in 0..<70_000 { _ = clock.issue(wallMs: 0) }
    #expect(clock.last == HybridTimestamp(rawValue: HybridTimestamp(wallMs: 11, counter: 1).rawValue + 70_000))
  }

  @Test func wallTimePastTheLargestIsHeldAtIt() {
    #expect(HybridTimestamp.wallMsMax == 0xffff_ffff_ffff)
    #expect(HybridTimestamp(wallMs: .max, counter: 5).wallMs == HybridTimestamp.wallMsMax)
    #expect(HybridTimestamp(wallMs: .max, counter: 5).counter == 5)
    var clock = HybridClock(last: HybridTimestamp(rawValue: .max - 1))
    #expect(clock.issue(wallMs: .max).rawValue == .max)
    #expect(clock.issue(wallMs: .max).rawValue == .max, "the last value there is; it does not wrap to 1970")
  }

  @Test func orderIsByMillisecondsThenCounterThenReplica() throws {
    let (low, high) = (try #require(ReplicaID(bytes: Data(count: 16))), try #require(ReplicaID(bytes: Data(repeating: 255, count: 16))))
    let order = [
      Version(HybridTimestamp(wallMs: 1, counter: .max), high), Version(HybridTimestamp(wallMs: 2), low),
      Version(HybridTimestamp(wallMs: 2), high), Version(HybridTimestamp(wallMs: 2, counter: 1), low),
    ]
    for (a, b) in zip(order, order.dropFirst()) { #expect(a < b && !(b < a)) }
  }

  @Test func settingBackNeverSetsAhead() {
    var clock = HybridClock(last: HybridTimestamp(wallMs: 50))
    clock.setBack(to: HybridTimestamp(wallMs: 60))
    #expect(clock.last == HybridTimestamp(wallMs: 50))
    clock.setBack(to: HybridTimestamp(wallMs: 40))
    #expect(clock.issue(wallMs: 30) == HybridTimestamp(wallMs: 40, counter: 1))
  }
}

@Suite struct ScaledClockTests {
  @Test func anArgumentReadBackShowsTheSameTime() throws {
    var chance = SeededChance(5)
    let base = TestClock()
    for _ in 0..<500 {
      let speed = chance.pick([0.001, 1, 60, 1440, 1_000_000, Double(1 + chance.below(1_000_000)) / 7, .pi])
      let clock = try #require(
        ScaledClock(startMs: chance.next() >> 20, anchorMs: UInt64(chance.below(1 << 42)), speed: speed, base: base))
      let read = try #require(ScaledClock(argument: clock.argument))
      #expect(read.startMs == clock.startMs && read.anchorMs == clock.anchorMs && read.speed == clock.speed)
    }
  }

  @Test func badArgumentsAreRefused() {
    for argument in [
      "", "1,2", "1,2,3,4", "a,2,3", "1,-2,3", "1,2,0", "1,2,-1", "1,2,nan", "1,2,inf", "1,2,1000001", "1,2,0.0001", "1,2,",
      "281474976710656,0,1", "0,281474976710656,1", "99999999999999999999,0,1",
    ] { #expect(ScaledClock(argument: argument) == nil, "\(argument)") }
  }

  @Test func timeRunsAtItsSpeedAndIsHeldWithinRange() throws {
    let base = TestClock(1000)
    let clock = try #require(ScaledClock(startMs: 50_000, anchorMs: 1000, speed: 60, base: base))
    #expect(clock.nowMs() == 50_000)
    base.advance(10)
    #expect(clock.nowMs() == 50_600)
    base.set(0)
    #expect(clock.nowMs() == 0, "before its own beginning of time there is only its beginning")
    base.set(.max)
    #expect(clock.nowMs() == HybridTimestamp.wallMsMax)
  }
}

/// L3: work is never refused or late for a clock's sake, and order stays sane.
@Suite struct WrongClockTests {
  static let years: [UInt64] = [0, 1_230_768_000_000, 4_070_908_800_000, 1 << 47]

  @Test(.long, arguments: years) func aDeviceYearsOffWorksLikeAnyOther(_ wallMs: UInt64) async throws {
    let world = try await World()
    let wrong = TestClock(wallMs)
    let a = try await world.device("a", clock: wrong)
    let b = try await world.device("b")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 'first')")
    let summary = try await a.sync(with: world.transport)
    #expect(summary.skewMs == Int64(wallMs) - Int64(world.clock.nowMs()))
    _ = try await b.sync(with: world.transport)
    for clock in [world.clock, wrong] { clock.advance(60_000) }
    try await b.execute("UPDATE note SET a = 'second' WHERE id = 'n1'")
    for device in [b, a] { _ = try await device.sync(with: world.transport) }
    for clock in [world.clock, wrong] { clock.advance(60_000) }
    try await a.execute("UPDATE note SET a = 'third' WHERE id = 'n1'")
    for device in [a, b, a] { _ = try await device.sync(with: world.transport) }
    #expect(try await a.notes() == ["n1 third - none"])
    #expect(try await b.notes() == ["n1 third - none"])
    #expect(try await world.hubNotes() == ["n1 third - none"])
    #expect(try await world.hubConflicts() == [])
    #expect(try await a.status().addsUp)
  }

  @Test(.long, arguments: years) func aClockThatJumpsBetweenExchangesLosesNothing(_ jumpMs: UInt64) async throws {
    let world = try await World()
    let wrong = TestClock(world.clock.nowMs())
    let a = try await world.device("a", clock: wrong)
    let b = try await world.device("b")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 'before')")
    _ = try await a.sync(with: world.transport)
    wrong.set(jumpMs)
    try await a.execute("UPDATE note SET b = 'during' WHERE id = 'n1'")
    wrong.set(world.clock.nowMs())
    try await a.execute("UPDATE note SET b = 'after' WHERE id = 'n1'")
    for device in [a, b, a] { _ = try await device.sync(with: world.transport) }
    world.clock.advance(3_600_000)
    wrong.advance(3_600_000)
    try await b.execute("UPDATE note SET b = 'later' WHERE id = 'n1'")
    for device in [b, a, b] { _ = try await device.sync(with: world.transport) }
    for notes in [try await a.notes(), try await b.notes(), try await world.hubNotes()] { #expect(notes == ["n1 before later none"]) }
    #expect(try await world.hubConflicts() == [])
  }

  /// A stamp beyond the permitted drift is replaced by the hub's next, and the author learns of it in the feed.
  @Test(.long) func aStampFarAheadIsReplacedAndTheAuthorAdoptsIt() async throws {
    let world = try await World()
    let wrong = TestClock(world.clock.nowMs())
    let a = try await world.device("a", clock: wrong)
    let b = try await world.device("b")
    // Sealed while the offset was measured against another clock: the stamp really is in 2099.
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 'ahead')")
    wrong.set(4_070_908_800_000)
    try await a.execute("UPDATE note SET a = 'far ahead' WHERE id = 'n1'")
    try await a.engineWrite { [a] transaction in _ = try a.seal(in: transaction, key: try a.secrets().signingKey) }
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    world.clock.advance(1000)
    wrong.advance(1000)
    try await b.execute("UPDATE note SET a = 'now' WHERE id = 'n1'")
    for device in [b, a] { _ = try await device.sync(with: world.transport) }
    for notes in [try await a.notes(), try await b.notes(), try await world.hubNotes()] { #expect(notes == ["n1 now - none"]) }
    let clock = try await a.engineRead { try $0.state.clock }
    #expect(clock.last.wallMs <= world.clock.nowMs() + WireLimits.driftMsMax, "its clock came back")
  }
}
