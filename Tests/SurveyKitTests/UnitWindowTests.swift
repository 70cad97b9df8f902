import Foundation
import SurveyKitField
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

/// A unit that ends later than the others: by act, on its devices, in its state, in its reports; and back.
@Suite struct UnitWindowTests {
  private static let later = LocalTime("2024-04-06 22:00") ?? LocalTime(startOf: .first)
  /// 2024-04-05 09:00 in Vietnam: after the end and the grace of all others.
  private static let afterEndMs: UInt64 = 1_712_282_400_000

  private func phase(_ unit: UnitCode, _ world: HubWorld) async throws -> CampaignPhase? {
    try await world.survey.visit(to: unit)?.campaign.phase(atMs: world.survey.nowMs)
  }

  @Test func oneUnitEndsLaterAndItsDevicesHear() async throws {
    let world = try await HubWorld()
    let own = try await world.device("own", unit: "07201")
    let other = try await world.device("other", unit: "07204")
    let plan = try await world.survey.requirePlan()
    let (before, after) = try await world.survey.extend("07201", to: Self.later)
    #expect(before == plan.campaign.closes && after == Self.later)
    let again = try await world.survey.extend("07201", to: Self.later)
    #expect(again.before == again.after, "twice is once")
    #expect(try await world.survey.requirePlan().campaign(of: "07201").closes == Self.later)
    #expect(try await world.survey.requirePlan().campaign(of: "07204").closes == before)
    for field in [own, other] { try await world.sync(field) }
    #expect(try await own.campaign()?.closes == Self.later)
    #expect(try await other.campaign()?.closes == before)

    world.clock.set(Self.afterEndMs)
    #expect(try await phase("07201", world) == .open)
    #expect(try await phase("07204", world) == .closed)
    let day = try #require(try await world.survey.operatorDay(within: .all))
    let lines = Dictionary(day.units.map { ($0.unit, $0) }, uniquingKeysWith: { first, _ in first })
    // Open and far behind: somebody is to call. Closed: its reports alone are due.
    #expect(lines["07201"]?.closes == Self.later && lines["07201"]?.state == .silent)
    #expect(lines["07204"]?.closes == nil && lines["07204"]?.state == .late)
    #expect(day.campaign.closes == before, "all others end as before")

    // An extension of all that goes further counts for the unit as well; one that is taken back ends with the others.
    _ = try await world.survey.change(window: CampaignWindow(closes: LocalTime("2024-04-07 22:00")))
    #expect(try await world.survey.requirePlan().windows.isEmpty)
    _ = try await world.survey.change(window: CampaignWindow(closes: before))
    #expect(try await world.survey.requirePlan().windows == ["07201": Self.later])
    #expect(try await world.survey.extend("07201", to: before).after == before)
    #expect(try await phase("07201", world) == .closed)
    try await world.sync(own)
    #expect(try await own.campaign()?.closes == before)
  }

  @Test func whatCannotBeIsSaid() async throws {
    let world = try await HubWorld()
    await #expect(throws: DataProblems.self) { try await world.survey.extend("213", to: Self.later) }
    await #expect(throws: DataProblems.self) { try await world.survey.extend("99999", to: Self.later) }
    let far = try #require(LocalTime("2026-04-06 22:00"))
    await #expect(throws: DataProblems.self) { try await world.survey.extend("07201", to: far) }
    let early = try #require(LocalTime("2024-03-01 00:00"))
    let unchanged = try await world.survey.extend("07201", to: early)
    #expect(unchanged.before == unchanged.after, "no unit ends before the others")
    #expect(try await world.rows("SELECT * FROM unit_window") == [])
  }

  @Test func aReportOfAnExtendedDayIsJudgedByTheUnitsOwnEnd() async throws {
    let world = try await HubWorld()
    _ = try await world.survey.extend("07201", to: Self.later)
    world.clock.set(Self.afterEndMs)
    let own = try await world.device("own", unit: "07201")
    try await world.report(own, unit: "07201", day: "2024-04-05")
    func doubts() async throws -> [String] { try await world.rows("SELECT id FROM report_fault WHERE faults LIKE '%day_outside%'") }
    #expect(try await doubts() == [])
    _ = try await world.survey.extend("07201", to: try await world.survey.requirePlan().campaign.closes)
    #expect(try await doubts() == ["07201/2024-04-05"], "judged anew when the end moves")
  }
}
