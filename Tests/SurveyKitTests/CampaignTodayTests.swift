import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// What is known of today, and what becomes of days that were not.
@Suite struct CampaignTodayTests {
  private static let unit = "07201"
  private static let dayMs: Int64 = 86_400_000

  private func at(_ text: String, in campaign: Campaign) throws -> Int64 { try #require(LocalTime(text)).ms(in: campaign.timeZone) }

  @Test func aDayIsCertainWithinTheCampaignAndNeverMovedIntoIt() throws {
    let campaign = try Campaign(json: UnitsFixture.data("campaign.json"))
    #expect(campaign.days == (try #require(CalendarDay("2024-03-29")))...(try #require(CalendarDay("2024-04-04"))))
    let morning = try at("2024-04-01 08:00", in: campaign)
    func today(_ estimate: String, _ bound: String? = nil, jumped: Bool = false) throws -> String {
      let today = CampaignToday(
        estimateMs: try at(estimate, in: campaign), lowerBoundMs: try bound.map { try at($0, in: campaign) } ?? 0, hasJumped: jumped,
        in: campaign)
      return "\(today.day) \(today.doubt?.rawValue ?? "certain")"
    }
    #expect(try today("2024-04-01 08:00") == "2024-04-01 certain")
    #expect(try today("2024-04-01 08:00", "2024-04-01 08:59") == "2024-04-01 certain", "a clock may be a little behind")
    #expect(try today("2009-01-01 00:00", "2024-04-01 09:01") == "2024-04-01 behind", "what has passed has passed")
    #expect(try today("2031-05-05 10:00", "2024-04-01 09:01") == "2031-05-05 outside", "a day is not moved")
    #expect(try today("2024-03-28 10:00") == "2024-03-28 outside")
    #expect(try today("2024-04-02 08:00", "2024-04-01 09:01", jumped: true) == "2024-04-02 jumped")
    #expect(CampaignToday(estimateMs: morning, in: campaign).certainDay == CalendarDay("2024-04-01"))
  }

  @Test func beingSwitchedOffIsNoJumpAndAFlatBatteryIsOne() {
    func reading(_ wallDays: Double, _ upDays: Double, _ boot: String = "a") -> ClockReading {
      ClockReading(
        wallMs: 1_711_933_200_000 + UInt64(wallDays * Double(Self.dayMs)),
        uptime: Uptime(boot: boot, ms: UInt64(upDays * Double(Self.dayMs))))
    }
    let before = reading(0, 1)
    #expect(before.jumpMs(to: reading(3, 4)) == nil, "both clocks went on")
    #expect(before.jumpMs(to: reading(0.9, 1.1)) == nil, "less than a day")
    #expect(before.jumpMs(to: reading(5, 2)) == 4 * Self.dayMs)
    #expect(before.jumpMs(to: reading(3, 0.1, "b")) == nil, "off over a weekend")
    #expect(before.jumpMs(to: reading(29, 0.1, "b")) == nil)
    #expect(before.jumpMs(to: reading(31, 0.1, "b")) == 31 * Self.dayMs)
    let flat = ClockReading(wallMs: 0, uptime: Uptime(boot: "b", ms: 5_000))
    #expect(before.jumpMs(to: flat) == -Int64(before.wallMs))
    #expect(before.continued(to: flat.uptime) == before.wallMs + 5_000)
    #expect(before.continued(to: reading(9, 3).uptime) == before.wallMs + UInt64(2 * Self.dayMs))
  }

  /// A clock beside one that nobody sets.
  private final class TwoClocks: WallClock {
    let wall: TestClock
    let up: TestClock
    let boot: String

    init(_ wall: UInt64, up: UInt64, boot: String = "one") { (self.wall, self.up, self.boot) = (TestClock(wall), TestClock(up), boot) }
    func nowMs() -> UInt64 { wall.nowMs() }
    func uptime() -> Uptime? { Uptime(boot: boot, ms: up.nowMs()) }
  }

  @Test(.long) func aDeviceWhoseClockJumpsGoesOnByTheOtherAndSaysSoUntilItIsRightAgain() async throws {
    let world = try await HubWorld()
    let clock = TwoClocks(HubWorld.morningMs, up: 1_000)
    let device = try await world.device("a", unit: Self.unit, clock: clock)
    #expect(try await device.campaignToday().doubt == nil)
    #expect(try await device.replica.clockKnowledge().jumpMs == nil)
    clock.wall.set(1_000)
    clock.up.advance(UInt64(Self.dayMs))
    let jumped = try await device.replica.clockKnowledge()
    #expect(jumped.jumpMs == 1_000 - Int64(HubWorld.morningMs) - Self.dayMs && jumped.isContinued)
    let today = try await device.campaignToday()
    #expect(today.day == CalendarDay("2024-04-02") && today.doubt == nil, "the machine says how long it has been running")
    clock.wall.set(HubWorld.morningMs + UInt64(Self.dayMs))
    #expect(try await device.replica.clockKnowledge().jumpMs == nil)
    try device.close()
    // Started again, with a flat battery.
    let flat = TwoClocks(0, up: 5_000, boot: "two")
    let again = try SurveyField.open(at: world.folder.path + "/a.sqlite", clock: flat)
    #expect(try await again.campaignToday().doubt == .jumped)
    try await world.sync(again)
    #expect(try await again.campaignToday().doubt == nil, "put right by an exchange")
    #expect(try await again.replica.clockKnowledge().jumpMs == nil)
  }

  @Test(.long) func aHubWhoseClockJumpsCountsOnUntilSomebodySaysThatItIsRight() async throws {
    let folder = try TemporaryFolder()
    let clock = TwoClocks(HubWorld.morningMs, up: 0)
    let path = folder.path + "/hub"
    var hub = try await SurveyHub.create(at: path, clock: clock)
    _ = try await hub.load(try HubWorld.campaignFolder())
    clock.wall.advance(7 * 365 * UInt64(Self.dayMs))
    clock.up.advance(60_000)
    #expect(hub.clockJumpMs == 7 * 365 * Self.dayMs - 60_000 && hub.nowMs == Int64(HubWorld.morningMs) + 60_000)
    #expect(try await hub.board()?.todayDoubt == .jumped)
    #expect(try await hub.status().clockJumpMs != nil)
    try hub.noteClock()
    try hub.close()
    hub = try await SurveyHub.open(at: path, clock: clock)
    #expect(hub.clockJumpMs != nil, "noted where it was believed only")
    try hub.confirmClock()
    #expect(hub.clockJumpMs == nil && hub.nowMs == Int64(clock.nowMs()))
    try hub.close()
    hub = try await SurveyHub.open(at: path, clock: TwoClocks(clock.nowMs() + 5 * UInt64(Self.dayMs), up: 10, boot: "two"))
    #expect(hub.clockJumpMs == nil, "off for some days")
  }

  @Test(.long) func aStatedDayAlwaysStandsAndIsFlaggedAndPutRightInOneStep() async throws {
    let world = try await HubWorld()
    let device = try await world.device("a", unit: Self.unit)
    let form = try Samples.form("report01")
    let (wrong, right) = (try #require(CalendarDay("2031-05-05")), try #require(CalendarDay("2024-04-01")))
    func answers(_ day: CalendarDay, _ guided: Int) async throws -> ValidatedAnswers {
      let given = try FieldWorld.answers(
        form, day: day.description, unit: Self.unit, seed: 1,
        fixed: ["officials_total": .integer(20), "guided": .integer(guided), "answered": .integer(3)]
      ).given
      return try await device.judge(form, day: day).judge(given, over: nil).get()
    }
    try await device.saveReport(day: wrong, answers: try await answers(wrong, 4))
    #expect(try await device.report(day: wrong)?.invalid?.faults.map(\.kind) == ["day_outside"])
    try await world.sync(device)
    let board = try #require(try await world.survey.board())
    #expect(board.invalidReports.map(\.key) == ["07201/2031-05-05"] && board.total.counts.reportsInvalid == 1)
    #expect(try await world.survey.status().invalidReports.first?.faults.map(\.kind) == ["day_outside"])
    await #expect(throws: SurveyFieldError.noReason) { try await device.moveReport(from: wrong, to: right, reason: " ") }
    let move = try await device.moveReport(from: wrong, to: right, reason: "the clock was wrong")
    #expect(move == ReportMove(isMerged: false, kept: []))
    try await world.sync(device)
    let report = try #require(try await device.report(day: right))
    #expect(report.invalid == nil && report.answers["guided"] == .integer(4) && report.answers["report_date"]?.cell == "2024-04-01")
    #expect(try await world.rows("SELECT id FROM report") == ["07201/2024-04-01"])
    #expect(try await world.survey.status().reportsInvalid == 0)
    #expect(try await device.reportChanges(day: wrong).map(\.reason) == ["the clock was wrong"])
    // Another one joins it, question by question.
    world.clock.advance(120_000)
    try await device.saveReport(day: wrong, answers: try await answers(wrong, 9))
    let joined = try await device.moveReport(from: wrong, to: right, reason: "again")
    #expect(joined == ReportMove(isMerged: true, kept: ["guided"]))
    #expect(try await device.report(day: right)?.answers["guided"] == .integer(4))
    #expect(try await device.reportChanges(day: wrong).last?.before["guided"] == .integer(9), "the other is kept")
    try await world.sync(device)
    #expect(try await device.replica.status().agreement == .proved)
  }

  @Test(.long) func aDayNobodyStatedIsMarkedUntilSomebodyDoes() async throws {
    let world = try await HubWorld()
    let device = try await world.device("a", unit: Self.unit)
    let form = try Samples.form("report01")
    let day = try #require(CalendarDay("2024-04-01"))
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: 1)
    try await device.saveReport(day: day, answers: answers, doubt: .behind)
    try await world.sync(device)
    #expect(try await world.survey.board()?.invalidReports.first?.faults.map(\.kind) == ["day_uncertain"])
    _ = try await device.moveReport(from: day, to: day, reason: "it was that day")
    try await world.sync(device)
    #expect(try await world.survey.board()?.invalidReports.isEmpty == true)
    #expect(try await device.report(day: day)?.invalid == nil)
  }

  @Test(.long) func whatIsWithdrawnGoesWithItsReasonAndWithoutATraceBeforeItLeft() async throws {
    let world = try await HubWorld()
    let device = try await world.device("a", unit: Self.unit)
    let form = try Samples.form("report01")
    let day = try #require(CalendarDay("2024-04-01"))
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: 1)
    try await device.saveReport(day: day, answers: answers)
    try await device.withdrawReport(day: day, reason: nil)
    let post = try await device.post("tin")
    try await device.withdrawPost(post, reason: nil)
    try await world.sync(device)
    #expect(try await world.rows("SELECT id FROM report UNION ALL SELECT id FROM report_change UNION ALL SELECT id FROM post").isEmpty)
    try await device.saveReport(day: day, answers: answers)
    let told = try await device.post("tin hai")
    try await world.sync(device)
    await #expect(throws: SurveyFieldError.noReason) { try await device.withdrawReport(day: day, reason: nil) }
    await #expect(throws: SurveyFieldError.noReason) { try await device.withdrawPost(told, reason: "") }
    try await device.withdrawReport(day: day, reason: "filed twice")
    try await device.withdrawPost(told, reason: "names somebody")
    try await world.sync(device)
    #expect(try await world.rows("SELECT id FROM report").isEmpty)
    #expect(try await world.survey.posts().isEmpty)
    #expect(try await world.rows("SELECT hidden FROM post") == ["names somebody"])
    let kept = try #require(try await device.reportChanges(day: day).first)
    #expect(kept.reason == "filed twice" && kept.before["officials_total"] != nil && kept.after.isEmpty)
    let status = try await device.replica.status()
    #expect(status.addsUp && status.agreement == .proved)
    // And filed again.
    try await device.saveReport(day: day, answers: answers)
    try await world.sync(device)
    #expect(try await world.rows("SELECT id FROM report") == ["07201/2024-04-01"])
  }
}
