import Foundation
import SurveyKitField
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

/// Notes that ask an operator to look: against the headcount, against the day before, settled with a reason and raised anew.
@Suite struct ReportFlagTests {
  /// The report's form with two flags, as a newer edition.
  private func form() throws -> Form {
    let old = try Samples.form("report01")
    func note(_ name: String, _ rule: String, _ vi: String, _ en: String) throws -> FormItem {
      .question(
        FormQuestion(name: name, kind: .note, label: FormText(["vi": vi, "en": en]), relevant: try FormExpression(rule)))
    }
    return try Form(
      id: old.id, version: "2024040199", title: old.title, languages: old.languages, defaultLanguage: old.defaultLanguage,
      choiceLists: old.choiceLists,
      items: old.items + [
        .question(FormQuestion(name: "previous_answered", kind: .hidden)), .question(FormQuestion(name: "eligible", kind: .hidden)),
        try note("flag_fewer", "${answered} < ${previous_answered}", "Ít hơn hôm trước", "Fewer than the day before"),
        try note("flag_people", "${eligible} != '' and ${officials_total} != ${eligible}", "Khác danh sách", "Not the headcount"),
        try note("advice", "${answered} < 100", "Lời khuyên", "Advice"),
      ])
  }

  private func raised(_ world: HubWorld, _ unit: UnitCode = "07201") async throws -> [String] {
    let day = try #require(try await world.survey.operatorDay(within: .all))
    let flags = try await world.survey.openFlags(in: day).filter { $0.unit == unit }.map { "\($0.day) \($0.flag.name)" }
    #expect(day.units.first { $0.unit == unit }?.flags == flags.count, "the count beside the unit")
    return flags
  }

  /// Files or corrects a report.
  private func report(_ world: HubWorld, _ field: SurveyField, _ day: String, answered: Int, officials: Int = 20) async throws {
    let form = try #require(try await field.form(id: "report01"))
    let answers = try AnswerGenerator(form: form, day: day).answers(
      seed: 1, fixed: ["officials_total": .integer(officials), "answered": .integer(answered), "guided": .integer(answered)])
    world.clock.advance(1000)
    _ = try await field.saveReport(day: try #require(CalendarDay(day)), answers: answers, reason: "đếm lại")
    try await world.sync(field)
  }

  private func world() async throws -> (HubWorld, SurveyField) {
    let world = try await HubWorld()
    _ = try await world.survey.publish(try form())
    return (world, try await world.device("a", unit: "07201"))
  }

  @Test func aDayIsComparedWithTheDayBeforeAndWithTheHeadcount() async throws {
    let (world, field) = try await world()
    try await report(world, field, "2024-03-29", answered: 10)
    #expect(try await raised(world) == [], "nothing before the first day, and 20 people as in the headcount")
    try await report(world, field, "2024-03-30", answered: 8)
    #expect(try await raised(world) == ["2024-03-30 flag_fewer"], "a note that is no flag is none")
    // A correction of the day before changes what the next day is compared with.
    try await report(world, field, "2024-03-29", answered: 5)
    #expect(try await raised(world) == [])
    try await report(world, field, "2024-03-29", answered: 9)
    #expect(try await raised(world) == ["2024-03-30 flag_fewer"])
    // So does another headcount, of all its reports.
    _ = try await world.survey.change(headcount: 21, of: "07201")
    #expect(try await raised(world) == ["2024-03-29 flag_people", "2024-03-30 flag_fewer", "2024-03-30 flag_people"])
    _ = try await world.survey.change(headcount: 20, of: "07201")
    #expect(try await raised(world) == ["2024-03-30 flag_fewer"])
    #expect(try await world.rows("SELECT faults FROM report_fault WHERE faults LIKE '%flag_%'") == [], "a flag contradicts nothing")
    // Somebody of another part hears nothing.
    let elsewhere = try #require(try await world.survey.operatorDay(within: UnitScope("215")))
    #expect(try await world.survey.openFlags(in: elsewhere).isEmpty)
  }

  @Test func whatWasLookedAtIsRaisedAnewWhenItsFiguresChange() async throws {
    let (world, field) = try await world()
    try await report(world, field, "2024-03-29", answered: 10)
    try await report(world, field, "2024-03-30", answered: 8)
    let day = try #require(CalendarDay("2024-03-30"))
    func settle(_ why: String) async throws -> Bool {
      try await world.survey.settle(flag: "flag_fewer", of: "07201", day, by: "Lan", because: why)
    }
    await #expect(throws: SurveyFieldError.self) { try await settle(" ") }
    #expect(try await settle("hai người chuyển đi"))
    #expect(try await !settle("lần nữa"), "settled by another operator")
    #expect(try await !world.survey.settle(flag: "flag_people", of: "07201", day, by: "Lan", because: "x"), "not raised")
    #expect(try await raised(world) == [])
    let reading = try #require(try await world.survey.operatorDay(within: .all))
    let detail = try #require(try await world.survey.reportDetail("07201", day, in: reading))
    #expect(detail.flags.map { $0.settled?.why } == ["hai người chuyển đi"])
    // Another question changes nothing; the one that the rule sees does.
    try await report(world, field, "2024-03-30", answered: 8)
    #expect(try await raised(world) == [])
    try await report(world, field, "2024-03-30", answered: 7)
    #expect(try await raised(world) == ["2024-03-30 flag_fewer"])
    try await report(world, field, "2024-03-30", answered: 12)
    #expect(try await world.rows("SELECT name FROM report_flag") == [])
  }

  @Test func whatIsNotKnownIsBlank() throws {
    let judge = ReportJudge(form: try form(), unit: "07201", day: CalendarDay("2024-03-30"))
    let answers: [String: AnswerValue] = ["answered": .integer(8), "officials_total": .integer(20)]
    #expect(judge.flags(in: answers, after: [:]).isEmpty, "what is not known is blank")
    #expect(judge.flags(in: answers, after: ["answered": .integer(9)]).map(\.name) == ["flag_fewer"])
    #expect(judge.flags(in: answers, after: ["answered": .integer(9)]).first?.message.en == "Fewer than the day before")
  }
}
