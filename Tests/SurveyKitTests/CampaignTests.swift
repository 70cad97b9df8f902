import Foundation
import SurveyKit
import SyncKit
import Testing

@Suite struct CampaignTests {
  private func bacGiang() throws -> Campaign {
    try Campaign(json: UnitsFixture.data("campaign.json"))
  }

  private func ms(_ text: String, zone: String = "Asia/Ho_Chi_Minh") throws -> Int64 {
    try #require(LocalTime(text)).ms(in: try #require(TimeZone(identifier: zone)))
  }

  @Test func theRealPlanLoads() throws {
    let campaign = try bacGiang()
    #expect(campaign.opens.description == "2024-04-01 07:00")
    #expect(campaign.opensMs == 1_711_929_600_000)
    #expect(campaign.reportDays.map(\.description) == ["2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01"])
    #expect(campaign.thresholds == Thresholds())
  }

  @Test func encodingAndReadingBackGivesTheSameCampaign() throws {
    let campaign = try bacGiang()
    let json = try JSONEncoder().encode(campaign)
    #expect(try Campaign(json: json) == campaign)
    #expect(try JSONDecoder().decode(Campaign.self, from: json) == campaign)
  }

  @Test func phasesBeginAtTheirInstant() throws {
    let campaign = try bacGiang()
    #expect(campaign.phase(atMs: campaign.opensMs - 1) == .notYetOpen)
    #expect(campaign.phase(atMs: campaign.opensMs) == .open)
    #expect(campaign.phase(atMs: campaign.closesMs) == .grace)
    #expect(campaign.phase(atMs: campaign.graceEndsMs) == .closed)
    #expect(campaign.phase(atMs: .max) == .closed)
    #expect(campaign.phase(atMs: .min) == .notYetOpen)
    #expect(campaign.graceEndsMs - campaign.closesMs == 3 * 86_400_000)
  }

  @Test func aDayBeginsAtMidnightOfTheCampaignNotOfTheHost() throws {
    let campaign = try bacGiang()
    let midnight = try ms("2024-03-31 17:00", zone: "UTC")
    #expect(campaign.today(atMs: midnight).description == "2024-04-01")
    #expect(campaign.dayOf(midnight - 1).description == "2024-03-31")
  }

  @Test func aReportIsDueAtTheEndOfItsDayAndTheGrace() throws {
    let campaign = try bacGiang()
    let day = try #require(CalendarDay("2024-03-30"))
    let due = try ms("2024-03-31 08:00")
    #expect(campaign.reportDueMs(day) == due)
    #expect(campaign.reportStatus(day, receivedAtMs: due - 1, nowMs: due + 5) == .onTime)
    #expect(campaign.reportStatus(day, receivedAtMs: due, nowMs: due + 5) == .late)
    #expect(campaign.reportStatus(day, receivedAtMs: nil, nowMs: due - 1) == .notYetDue)
    #expect(campaign.reportStatus(day, receivedAtMs: nil, nowMs: due) == .missing)
  }

  @Test func aFormThatIsMissingIsSaidToBe() {
    #expect { _ = try FormFile.reading(at: URL(fileURLWithPath: "/nowhere/pks01.xlsform")) } throws: {
      ($0 as? FormProblems)?.problems.first?.message.en.contains("there is no such form: it needs the folder pks01.xlsform") == true
    }
  }

  @Test func movingKeepsDistancesAndHours() throws {
    let campaign = try bacGiang()
    let moved = try campaign.moved(toDay: try #require(CalendarDay("2026-02-27")))
    #expect(moved.reportDays.map(\.description) == ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"])
    #expect(moved.opens.description == "2026-03-02 07:00")
    #expect(moved.closes.description == "2026-03-02 22:00")
    #expect(try moved.moved(toDay: campaign.firstDay) == campaign)
    #expect(throws: DataProblems.self) { try campaign.moved(toDay: .last) }
    for day in ["0001-01-01", "1999-12-31", "2101-01-01"] {
      #expect(throws: DataProblems.self, "\(day)") { try campaign.moved(toDay: try #require(CalendarDay(day))) }
    }
  }

  @Test func everyMistakeNamesItsKey() {
    let json = """
      {"id": " ", "title": {"vi": "A", "de": "B"}, "province": {"code": "2 4", "name": "X"}, "timeZone": "Asia/Bac_Giang",
       "opens": "2024-04-01 07:00", "closes": "2024-04-01 06:00", "graceMinutes": 1.5, "reportDays": ["2024-02-30"],
       "forms": [], "thresholds": {"kAnswersMin": 3}, "colour": "red"}
      """
    let problems = UnitsFixture.problems { _ = try Campaign(json: Data(json.utf8)) }
    let keys = [
      "id", "title.en", "title.de", "province.code", "timeZone", "closes", "graceMinutes", "reportDays[0]", "forms", "reportForm",
      "thresholds.kAnswersMin", "colour",
    ]
    for key in keys {
      #expect(problems.filter { $0.hasPrefix("campaign.json: The key “\(key)” ") }.count == 1, "\(key)")
    }
    #expect(problems.count == keys.count)
  }

  @Test func whatIsNotJSONIsRefusedInASentence() {
    for text in ["", "[", "[]", "{\"id\": }"] {
      #expect(!UnitsFixture.problems { _ = try Campaign(json: Data(text.utf8)) }.isEmpty)
    }
  }

  @Test func thresholdsNeverGoBelowTheirFloors() throws {
    #expect(Thresholds(kAnswersMin: 1, kCrossMin: 1) == Thresholds(kAnswersMin: 5, kCrossMin: 10))
    #expect(try JSONDecoder().decode(Thresholds.self, from: Data("{\"kAnswersMin\":1,\"kCrossMin\":2}".utf8)).kAnswersMin == 5)
  }
}

@Suite struct CampaignCalendarTests {
  @Test func everyDayOfFourHundredYearsIsReadBack() throws {
    var day = try #require(CalendarDay("1799-12-31"))
    for _ in 0..<146_097 {
      let next = try #require(day.adding(days: 1))
      #expect(next > day && next.daysSince1970 == day.daysSince1970 + 1)
      day = next
    }
    #expect(day.description == "2199-12-31")
  }

  @Test func onlyRealDaysInExactlyOneFormAreRead() {
    #expect(CalendarDay("2024-02-29") != nil)
    #expect(CalendarDay("1900-02-29") == nil)
    for text in ["2023-02-29", "2024-13-01", "2024-00-01", "0000-01-01", "2024-4-01", "2024-04-01 ", "２０２４-04-01", "+024-04-01"] {
      #expect(CalendarDay(text) == nil, "\(text)")
    }
  }

  @Test func theCalendarEndsQuietly() throws {
    let zone = try #require(TimeZone(identifier: "Pacific/Auckland"))
    #expect(CalendarDay.first.description == "0001-01-01" && CalendarDay.last.description == "9999-12-31")
    #expect(CalendarDay.first.adding(days: -1) == nil && CalendarDay.last.adding(days: .max) == nil)
    #expect(CalendarDay(msSince1970: .max, in: zone) == .last && CalendarDay(msSince1970: .min, in: zone) == .first)
  }

  @Test func anInstantBefore1970FallsOnItsOwnDay() throws {
    let utc = try #require(TimeZone(identifier: "UTC"))
    #expect(CalendarDay(msSince1970: -1, in: utc).description == "1969-12-31")
    #expect(CalendarDay(msSince1970: 0, in: utc).description == "1970-01-01")
  }

  @Test func aZoneThatChangesItsClocksKeepsTheWallTime() throws {
    let zone = try #require(TimeZone(identifier: "Europe/Berlin"))
    let before = try #require(LocalTime("2024-03-30 12:00")).ms(in: zone)
    let after = try #require(LocalTime("2024-03-31T12:00")).ms(in: zone)
    #expect(after - before == 23 * 3_600_000)
  }
}
