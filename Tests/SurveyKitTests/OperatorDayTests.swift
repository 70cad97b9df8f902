import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Reads the operators' pages from a hub that devices talked to.
@Suite struct OperatorDayTests {
  private static let day = CalendarDay(year: 2024, month: 4, day: 1) ?? .first

  private func day(_ world: HubWorld, within scope: UnitScope = .all) async throws -> OperatorDay {
    try #require(try await world.survey.operatorDay(within: scope))
  }

  private func line(_ world: HubWorld, _ unit: String) async throws -> UnitLine {
    try #require(try await day(world).units.first { $0.unit.rawValue == unit })
  }

  @Test(.long) func aDayGoesFromNeverHeardOfToComplete() async throws {
    let world = try await HubWorld()
    #expect(try await day(world).count(.neverInContact) == 209)
    let field = try await world.device("a", unit: "07201")
    // In contact, but the reports of three days before are overdue.
    #expect(try await line(world, "07201").state == .late)
    world.clock.advance(6 * HubWorld.hourMs)
    let silent = try await line(world, "07201")
    #expect(silent.state == .silent && silent.expected == 4)
    try await world.answer(field, unit: "07201", seeds: 0..<5)
    var line = try await line(world, "07201")
    #expect(line.state == .late && line.counts.received == 5 && line.missing == 0 && line.target == 20)
    try await world.answer(field, unit: "07201", seeds: 5..<20)
    for day in ["2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01"] { try await world.report(field, unit: "07201", day: day) }
    line = try await self.line(world, "07201")
    #expect(line.state == .complete && line.arrivals.count == 4)
    let all = try await day(world)
    #expect(all.streak(line, through: CalendarDay("2024-03-31") ?? .first) == (.late, 3))
    #expect(all.inTrouble.count == 208 && all.inTrouble.allSatisfy { $0.state == .neverInContact })
    // Worst first, and by how many are missing.
    #expect(zip(all.inTrouble, all.inTrouble.dropFirst()).allSatisfy { $0.missing >= $1.missing })
  }

  @Test(.long) func aWrongClockAndARevokedDeviceThatGoesOnAreDeviceTrouble() async throws {
    let world = try await HubWorld()
    let ahead = try await world.device("a", unit: "07201", clock: OffsetTestClock(world.clock, byMs: 11 * 60_000))
    try await world.answer(ahead, unit: "07201", seeds: 0..<5)
    #expect(try await line(world, "07201").troubles == [.clock(ms: 11 * 60_000)])
    #expect(try await line(world, "07201").state == .deviceTrouble)
    let revoked = try await world.device("b", unit: "07204")
    let form = try #require(try await revoked.form(id: "report01"))
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07204", seed: 1)
    let replica = try #require(try await world.survey.hub.devices().first { $0.scope == "07204" }).replica
    _ = try await world.survey.hub.revoke(replica)
    #expect(try await line(world, "07204").troubles.isEmpty, "revoked and quiet is no trouble")
    _ = try await revoked.saveReport(day: Self.day, answers: answers, reason: "test")
    let bundle = world.folder.path + "/b.skb"
    _ = try await revoked.replica.exportBundle(to: bundle)
    _ = try await world.survey.hub.importBundles([bundle])
    guard case .revokedSends(let batches, _)? = try await line(world, "07204").troubles.first else {
      Issue.record("no trouble of a device that was revoked and goes on")
      return
    }
    #expect(batches == 1)
  }

  @Test(.long) func aReadingOfAPartHasNothingElse() async throws {
    let world = try await HubWorld()
    _ = try await world.device("a", unit: "07201")
    let whole = try await day(world)
    let group = try #require(whole.groups.first { $0.units.contains { $0.unit == "07201" } })
    let part = try await day(world, within: UnitScope(group.unit))
    #expect(part.units == group.units && part.groups.count == 1)
    #expect(part.expectation == whole.expectation, "what is expected is the campaign's")
    #expect(try await world.survey.unitDetail("07201", in: part) != nil)
    let other = try #require(whole.units.first { $0.group != group.unit }).unit
    #expect(try await world.survey.unitDetail(other, in: part) == nil)
    #expect(try await world.survey.reportDetail(other, Self.day, in: part) == nil)
    #expect(try await day(world, within: UnitScope("nowhere")).units.isEmpty)
    // Who may see a part and looks at another sees what both have.
    #expect(part.within(UnitScope("07201")).units.map(\.unit) == ["07201"])
    #expect(part.within(UnitScope(other)).units.isEmpty && part.within(.all).units == part.units)
  }

  @Test(.long) func aReportIsReadWithItsVersionsItsWayAndItsConflicts() async throws {
    let world = try await HubWorld()
    let (one, two) = (try await world.device("một", unit: "07201"), try await world.device("hai", unit: "07201"))
    try await world.report(one, unit: "07201", day: "2024-04-01", seed: 1)
    try await world.sync(two)
    world.clock.advance(HubWorld.hourMs)
    for (field, seed) in [(one, UInt64(2)), (two, UInt64(3))] {
      let form = try #require(try await field.form(id: "report01"))
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: seed)
      _ = try await field.saveReport(day: Self.day, answers: answers, reason: "đếm lại")
    }
    try await world.sync(one)
    try await world.sync(two)
    let day = try await day(world)
    let detail = try #require(try await world.survey.reportDetail("07201", Self.day, in: day))
    #expect(detail.form?.id == "report01" && !detail.answers.isEmpty)
    #expect(detail.versions.count == 2 && detail.versions.allSatisfy { $0.reason == "đếm lại" })
    #expect(detail.firstMs == Int64(HubWorld.morningMs) && detail.lastMs == Int64(HubWorld.morningMs + HubWorld.hourMs))
    let labels = try await world.survey.deviceLabels()
    #expect(detail.writtenBy.flatMap { labels[$0] } == "một")
    #expect(!detail.conflicts.isEmpty)
    let first = try #require(detail.conflicts.first)
    let beside = try #require(try await world.survey.conflicts(beside: first.id, in: day))
    #expect(Set(beside.map(\.id)) == Set(detail.conflicts.map(\.id)))
    let work = try await world.survey.pendingDecisions(in: day)
    #expect(work.conflicts.count == 1 && work.conflicts[0].count == detail.conflicts.count)
    let unit = try #require(try await world.survey.unitDetail("07201", in: day))
    #expect(unit.devices.map(\.label) == ["hai", "một"] && unit.corrections == ["2024-04-01": 2])
    #expect(try await world.survey.reportDetail("07201", CalendarDay("2024-03-30") ?? .first, in: day) == nil)
  }

  /// The same statements, each once, whatever number of units and answers a hub has: no statement is asked for each line of a page.
  @Test(.long) func noStatementIsAskedForEachUnit() async throws {
    let watch = StatementWatch()
    try await StatementWatch.$current.withValue(watch) {
      let world = try await HubWorld()
      let field = try await world.device("a", unit: "07201")
      try await world.answer(field, unit: "07201", seeds: 0..<1)
      _ = watch.take()
      _ = try await day(world)
      let before = watch.take()
      try await world.answer(field, unit: "07201", seeds: 1..<13)
      for unit in ["07204", "07207", "07210"] { _ = try await world.device(unit, unit: unit) }
      _ = watch.take()
      _ = try await day(world)
      let after = watch.take()
      // Leaves out the statement by which SQLite looks whether the store changed.
      func runs(_ costs: [String: StatementWatch.Cost]) -> [String: Int] { costs.filter { $0.key.hasPrefix("SELECT") }.mapValues(\.runs) }
      #expect(runs(before).values.max() ?? .max <= 8, "a statement is asked for each report day at most")
      #expect(runs(after) == runs(before))
    }
  }
}

/// A test's clock that another runs ahead of.
private final class OffsetTestClock: WallClock {
  private let base: TestClock
  private let byMs: UInt64

  init(_ base: TestClock, byMs: UInt64) { (self.base, self.byMs) = (base, byMs) }

  func nowMs() -> UInt64 { base.nowMs() + byMs }
}
