import Foundation
import GRDB
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncHub

/// A report's key, its day and the day that it says are one.
@Suite struct ReportDayTests {
  /// A form often limits its day question, too: the report's day is wrong then, not an answer.
  @Test func aReportOfAnImpossibleDayIsToBeMoved() {
    let said = LocalizedText("x")
    func advice(_ other: String) -> String {
      let faults = [
        AnswerFault(question: "report_date", kind: .dayOutside, message: said),
        AnswerFault(question: other, kind: .constraint, message: said),
      ]
      return InvalidReport(key: "07201/1999-01-01", unit: "07201", day: "1999-01-01", faults: faults)?.explanation.en ?? ""
    }
    #expect(advice("report_date").contains("--move-to") && advice("guided").contains("--set"))
  }

  private static let unit = "07201"

  private func answers(_ day: String) throws -> ValidatedAnswers {
    try FieldWorld.answers(try Samples.form("report01"), day: day, unit: Self.unit, seed: 1)
  }

  private func day(_ text: String) throws -> CalendarDay { try #require(CalendarDay(text)) }

  /// The remedy for a wrong clock must not itself stop the report.
  @Test(.long, arguments: [0, 1, 2]) func aDayPutRightBeforeTheFirstExchangeArrives(corrections: Int) async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    let (wrong, right) = (try day("2024-03-31"), try day("2024-04-01"))
    _ = try await field.saveReport(day: wrong, answers: try answers("2024-03-31"), reason: "x")
    for seed in 0..<corrections {
      let corrected = try FieldWorld.answers(try Samples.form("report01"), day: "2024-03-31", unit: Self.unit, seed: UInt64(seed + 2))
      _ = try await field.saveReport(day: wrong, answers: corrected, reason: "corrected")
    }
    _ = try await field.moveReport(from: wrong, to: right, reason: "clock")
    try await world.sync(field)
    #expect(try await world.survey.hub.heldUnits().isEmpty)
    #expect(try await world.rows("SELECT id, day FROM report") == ["07201/2024-04-01 2024-04-01"])
    #expect(try await field.reportChanges(day: right).count == corrections + 1)
  }

  @Test(.long) func aKeyThatIsNotTheDaysIsHeld() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    for (key, day) in [("abc", "2024-04-01"), ("2024-04-01 ", "2024-04-01"), ("2024-04-02", "2024-04-01"), ("2024-13-45", "2024-04-01")] {
      try await field.replica.database.write { db in
        try db.execute(
          sql: "INSERT INTO report (id, unit, campaign, day, form, by_question) VALUES (?, '07201', 'bac-giang-2024', ?, ?, '{}')",
          arguments: ["07201/\(key)", day, "report01@\(try Samples.form("report01").version)"])
      }
    }
    try await world.sync(field)
    #expect(try await world.survey.hub.heldUnits().map { "\($0.reason) \($0.detail)" } == Array(repeating: "value report.day", count: 4))
    #expect(try await world.rows("SELECT count(*) FROM report") == ["0"])
  }

  @Test func aReportOfADayThatIsNotAskedForIsToldEverywhere() async throws {
    let world = try await HubWorld()
    let device = try await world.device("a", unit: "07201")
    // Between the last report day and the end of the campaign's grace.
    let campaign = try #require(try await device.campaign())
    let day = try #require(campaign.reportDays.last?.adding(days: 1))
    #expect(campaign.days.contains(day) && !campaign.reportDays.contains(day))
    world.clock.advance(24 * HubWorld.hourMs)
    try await world.report(device, unit: "07201", day: day.description)
    #expect(try await device.report(day: day)?.invalid?.faults.map(\.kind) == ["day_outside"])
    #expect(try await world.survey.status().invalidReports.first?.faults.map(\.kind) == ["day_outside"])
  }

  @Test func aDecisionDoesNotMoveAReportOffItsDay() async throws {
    let judge = ReportJudge(form: try Samples.form("report01"), unit: Self.unit, day: try day("2024-04-01"))
    let question = try #require(judge.form.dayQuestion)
    let standing = try answers("2024-04-01").given
    guard case .failure(let faults) = judge.answer(typed: "2031-01-01", to: question, over: standing) else {
      return #expect(Bool(false), "another day was taken")
    }
    #expect(faults.faults.map(\.kind) == [.dayDiffers])
    #expect(judge.faults(in: standing.merging([question: .date("2024-04-02")]) { $1 }).map(\.kind) == [.dayDiffers])
    #expect(judge.faults(in: standing).isEmpty)
  }

  /// An operator who hid words is not overruled from outside.
  @Test(.long) func aDeviceDoesNotShowAgainWhatTheHubHid() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    let id = try await field.post("words")
    try await world.sync(field)
    _ = try await world.survey.hidePost(id, reason: "rude")
    try await world.sync(field)
    try await field.replica.database.write { try $0.execute(sql: "UPDATE post SET hidden = NULL") }
    try await world.sync(field)
    #expect(try await world.rows("SELECT hidden FROM post") == ["rude"])
    #expect(try await world.survey.hub.heldUnits().map { "\($0.reason) \($0.detail)" } == ["readOnly post.hidden"])
    // Its own author takes it back as before.
    let other = try await field.post("more")
    try await world.sync(field)
    try await field.withdrawPost(other, reason: "a mistake")
    try await world.sync(field)
    #expect(try await world.rows("SELECT count(*) FROM post WHERE hidden IS NOT NULL") == ["2"])
  }
}
