import Foundation
import GRDB
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncHub

/// What is decided about reports is judged like an answer, and what the form calculates follows from the answers.
@Suite struct DecisionTests {
  private static let unit = "07201"

  /// Two devices of one commune whose reports of the survey's day collided in `guided`: 5 stood, 7 overrode it. 20 officials.
  private struct Collision {
    let world: HubWorld
    let a: SurveyField
    let b: SurveyField
    let day: CalendarDay
    let form: Form

    init() async throws {
      world = try await HubWorld()
      (a, b) = (try await world.device("a", unit: unit), try await world.device("b", unit: unit))
      day = try #require(CalendarDay("2024-04-01"))
      form = try Samples.form("report01")
      try await a.saveReport(day: day, answers: try answers(guided: 1, total: 20, answered: 4))
      for device in [a, b] { try await world.sync(device) }
    }

    func answers(guided: Int, total: Int, answered: Int) throws -> ValidatedAnswers {
      try AnswerGenerator(form: form, day: "2024-04-01").answers(
        seed: 1, fixed: ["officials_total": .integer(total), "answered": .integer(answered), "guided": .integer(guided)])
    }

    func collide(_ first: ValidatedAnswers, _ second: ValidatedAnswers) async throws {
      try await a.saveReport(day: day, answers: first, reason: "a")
      world.clock.advance(60_000)
      try await b.saveReport(day: day, answers: second, reason: "b")
      for device in [a, b, a] { try await world.sync(device) }
    }

    func byQuestion() async throws -> String { try await world.rows("SELECT by_question FROM report").joined() }
  }

  @Test(.long) func aTypedValueIsJudgedLikeAnAnswerAndNothingIsWrittenWhenItIsNone() async throws {
    let collision = try await Collision()
    try await collision.collide(
      try collision.answers(guided: 5, total: 20, answered: 4), try collision.answers(guided: 7, total: 20, answered: 4))
    let (device, hub) = (collision.a, collision.world.survey)
    let conflict = try #require(try await device.replica.conflicts().first)
    #expect(conflict.member == "guided")
    let before = try await collision.byQuestion()
    for (typed, message) in [
      ("abc", AnswerMessage.notInteger), ("21", LocalizedText(vi: "Từ 0 đến tổng số cán bộ, công chức.", en: "From 0 to the total.")),
      ("", LocalizedText(vi: "Câu này cần được trả lời.", en: "This question needs an answer.")), ("[1]", AnswerMessage.malformed),
    ] {
      for decide in [device.decide, hub.decide] as [@Sendable (String, Decision, String, String) async throws -> Decided] {
        let faults = await #expect(throws: AnswerFaults.self, "\(typed)") { _ = try await decide(conflict.id, .value(typed), "x", "y") }
        if typed != "[1]" { #expect(faults?.faults.map(\.message) == [message], "\(typed)") }
      }
    }
    #expect(try await collision.byQuestion() == before)
    #expect(try await device.replica.status().pendingChanges == 0)
    #expect(try await device.replica.conflict(id: conflict.id).isOpen)
    await #expect(throws: SurveyFieldError.noReason) { _ = try await device.decide(conflict.id, .keep, by: "x", because: " \n") }
    let decided = try await device.decide(conflict.id, .value(" 9 "), by: "chair", because: "counted")
    #expect(decided.invalid == nil && decided.conflicts.map(\.isOpen) == [false])
    for each in [collision.a, collision.b] { try await collision.world.sync(each) }
    #expect(try await collision.b.report(day: collision.day)?.answers["guided"] == .integer(9))
  }

  @Test func neitherUndoingNorTakingWritesOverWhatCameSinceTheDecision() async throws {
    let collision = try await Collision()
    try await collision.collide(
      try collision.answers(guided: 5, total: 20, answered: 4), try collision.answers(guided: 7, total: 20, answered: 4))
    let (a, hub) = (collision.a, collision.world.survey)
    let conflict = try #require(try await a.replica.conflicts().first { $0.member == "guided" })
    _ = try await hub.decide(conflict.id, .keep, by: "province", because: "asked")
    try await collision.world.sync(a)
    collision.world.clock.advance(60_000)
    try await a.saveReport(day: collision.day, answers: try collision.answers(guided: 12, total: 20, answered: 4), reason: "counted again")
    try await collision.world.sync(a)
    _ = try await hub.decide(conflict.id, .undo, by: "province", because: "too early")
    let standing = try await hub.hub.why(table: "report", key: conflict.key, column: "by_question", member: "guided").value
    try await collision.world.sync(a)
    #expect(standing == .text("12"), "undoing a decision keeps what was written after it")
    for decide in [a.decide, hub.decide] as [@Sendable (String, Decision, String, String) async throws -> Decided] {
      let error = await #expect(throws: SyncError.self) { try await decide(conflict.id, .take, "province", "asked") }
      #expect(error?.explanation.en.contains("12") == true)
    }
    #expect(try await hub.hub.why(table: "report", key: conflict.key, column: "by_question", member: "guided").value == standing)
    // The right value can be stated.
    _ = try await hub.decide(conflict.id, .value("9"), by: "province", because: "asked")
    #expect(try await hub.hub.why(table: "report", key: conflict.key, column: "by_question", member: "guided").value == .text("9"))
  }

  @Test(.long) func whatTheFormCalculatesIsNeverWrittenAndFollowsEveryDecision() async throws {
    let collision = try await Collision()
    #expect(!(try await collision.byQuestion()).contains("answer_rate"))
    #expect(try await collision.b.report(day: collision.day)?.answers["answer_rate"] == .integer(20))
    try await collision.collide(
      try collision.answers(guided: 1, total: 20, answered: 5), try collision.answers(guided: 1, total: 20, answered: 10))
    #expect(try await collision.world.rows("SELECT member FROM sync_conflict") == ["answered"], "none about the rate")
    let conflict = try #require(try await collision.a.replica.conflicts().first)
    _ = try await collision.a.decide(conflict.id, .take, by: "chair", because: "counted")
    #expect(try await collision.a.report(day: collision.day)?.answers["answer_rate"] == .integer(25))
  }

  @Test(.long) func aCorrectionIsJudgedByWhatItChanges() async throws {
    let collision = try await Collision()
    // Each is right by itself; together 100 of 20 were guided.
    try await collision.collide(
      try collision.answers(guided: 1, total: 120, answered: 4), try collision.answers(guided: 1, total: 20, answered: 4))
    try await collision.a.saveReport(day: collision.day, answers: try collision.answers(guided: 100, total: 120, answered: 4), reason: "c")
    try await collision.b.saveReport(day: collision.day, answers: try collision.answers(guided: 1, total: 21, answered: 4), reason: "d")
    collision.world.clock.advance(60_000)
    try await collision.b.saveReport(day: collision.day, answers: try collision.answers(guided: 1, total: 20, answered: 4), reason: "d")
    for device in [collision.a, collision.b, collision.a] { try await collision.world.sync(device) }
    let report = try #require(try await collision.a.report(day: collision.day))
    #expect(report.answers["guided"] == .integer(100) && report.answers["officials_total"] == .integer(20))
    #expect(report.invalid?.faults.map(\.question) == ["guided"])
    let judge = try await collision.a.judge(collision.form, day: collision.day)
    func judged(_ change: [String: AnswerValue]) -> Result<ValidatedAnswers, AnswerFaults> {
      judge.judge(report.answers.merging(change) { $1 }, over: report.answers)
    }
    let other = try judged(["answered": .text("6")]).get()
    #expect(other.given["answered"] == .integer(6) && other.given["guided"] == .integer(100), "what was wrong before stays as it is")
    guard case .failure(let faults) = judged(["guided": .text("90")]), case .failure = judged(["answered": .text("30")]) else {
      return #expect(Bool(false), "a wrong answer was taken")
    }
    #expect(faults.faults.map(\.question) == ["guided"])
    try await collision.a.saveReport(day: collision.day, answers: try judged(["guided": .text("10")]).get(), reason: "put right")
    #expect(try await collision.a.report(day: collision.day)?.invalid == nil)
  }

  @Test func whatNobodyTypesIsRefusedAndWordsAreReadAsTheyAreEntered() throws {
    var cell = TypedCell(table: "attachment", key: "x", column: "blob", facts: TypedCell.Facts())
    #expect(throws: SyncError.self) { try cell.value(typed: "abc") }
    cell = TypedCell(table: "report", key: "07201/2024-04-01", column: "day", facts: TypedCell.Facts())
    #expect(throws: SyncError.self) { try cell.value(typed: "2024-04-02") }
    #expect(try cell.value(typed: "2024-04-01") == .text("2024-04-01"))
    cell = TypedCell(table: "report", key: "07201/2024-04-01", column: "form", facts: TypedCell.Facts(editions: ["f@1"]))
    #expect(throws: SyncError.self) { try cell.value(typed: "f@2") }
    #expect(try cell.value(typed: "f@1") == .text("f@1"))
    cell = TypedCell(table: "post", key: "x", column: "words", facts: TypedCell.Facts())
    #expect(throws: SurveyFieldError.emptyPost) { try cell.value(typed: " \u{1b}") }
    #expect(try cell.value(typed: " tin ") == .text("tin"))
  }

  @Test func aHeldReportIsRepairedWithWhatItsFormTakes() throws {
    let judge = ReportJudge(form: try Samples.form("report01"), unit: Self.unit, day: CalendarDay("2024-04-01"))
    let standing: [String: AnswerValue] = ["officials_total": .integer(20), "guided": .integer(3)]
    let report = StoredReport(id: "x", unit: Self.unit, day: "2024-04-01", form: nil, answers: nil, byQuestion: nil)
    let facts = TypedCell.Facts(report: report, standing: standing, judge: judge)
    let cell = TypedCell(table: "report", key: "x", column: "by_question", facts: facts)
    #expect(throws: AnswerFaults.self) { try cell.object(typed: #"{"guided":30}"#) }
    #expect(throws: AnswerFaults.self) { try cell.object(typed: "abc") }
    #expect(try cell.object(typed: #"{"guided":"12","answer_rate":7}"#) == .text(#"{"guided":12}"#))
  }

  /// The same name and version, another content: that does not say what the report's answers mean.
  @Test(.long) func aReportFiledByAnotherDefinitionIsToldAndJudgedOnceItIsKnown() async throws {
    let collision = try await Collision()
    let (world, key) = (collision.world, "report01@\(collision.form.version)")
    let changed = String(decoding: collision.form.canonicalJSON, as: UTF8.self).replacingOccurrences(
      of: "Từ 0 đến tổng số", with: "Từ 0 tới")
    let other = try Form(canonicalJSON: Data(changed.utf8))
    #expect(other.digest != collision.form.digest)
    let before = try await world.rows("SELECT edition FROM report")
    #expect(before == [collision.form.digest])
    try await collision.a.replica.database.write { db in
      try db.execute(sql: "UPDATE report SET edition = ?, by_question = json_set(by_question, '$.guided', 100)", arguments: [other.digest])
    }
    for device in [collision.a, collision.b] { try await world.sync(device) }
    func told() async throws -> [InvalidReport] { try await world.survey.hub.read { try ReportCheck.invalid(limit: 9, in: $0) } }
    #expect(try await told().map { $0.faults.map(\.kind) } == [["other_definition"]])
    #expect(try await told().first?.explanation.en.contains("--for-held") == true)
    for device in [collision.a, collision.b] {
      #expect(try await device.report(day: collision.day)?.invalid?.faults.map(\.kind) == ["other_definition"])
    }
    _ = try await world.survey.publish(other, forHeld: true)
    #expect(try await told().first?.faults.map(\.question) == ["guided"], "judged by its own definition now")
    // A correction is made by the definition that stands, and says so.
    try await collision.a.saveReport(day: collision.day, answers: try collision.answers(guided: 2, total: 20, answered: 4), reason: "x")
    try await world.sync(collision.a)
    #expect(try await told().isEmpty)
    #expect(try await world.rows("SELECT edition, form FROM report") == ["\(collision.form.digest) \(key)"])
    #expect(try await world.rows("SELECT count(*) FROM sync_conflict") == ["0"])
  }

  /// Older programs write what the form calculates, each its own.
  @Test(.long) func noConflictOpensAboutWhatTheFormCalculates() async throws {
    let collision = try await Collision()
    for (device, rate) in [(collision.a, 5), (collision.b, 7)] {
      try await device.replica.database.write { db in
        try db.execute(sql: "UPDATE report SET by_question = json_set(by_question, '$.answer_rate', \(rate), '$.guided', \(rate))")
      }
      collision.world.clock.advance(60_000)
    }
    for device in [collision.a, collision.b, collision.a] { try await collision.world.sync(device) }
    #expect(try await collision.world.rows("SELECT member FROM sync_conflict") == ["guided"])
    for device in [collision.a, collision.b] {
      #expect(try await device.report(day: collision.day)?.answers["answer_rate"] == .integer(20), "computed, whatever was sent")
    }
  }

  @Test(.long) func whatContradictsItsFormAfterAMergeIsOnTheBoardUntilItIsPutRight() async throws {
    let collision = try await Collision()
    let hub = collision.world.survey
    try await collision.a.saveReport(day: collision.day, answers: try collision.answers(guided: 19, total: 20, answered: 4), reason: "a")
    try await collision.b.saveReport(day: collision.day, answers: try collision.answers(guided: 1, total: 9, answered: 4), reason: "b")
    for device in [collision.a, collision.b, collision.a] { try await collision.world.sync(device) }
    #expect(try await collision.world.rows("SELECT count(*) FROM sync_conflict") == ["0"])
    let invalid = try #require(try await hub.board()?.invalidReports.first)
    #expect(invalid.faults.map(\.question) == ["guided"] && invalid.faults.first?.message.en == "From 0 to the total.")
    #expect(invalid.explanation.en.contains("field report --day 2024-04-01 --set"))
    #expect(try await hub.status().reportsInvalid == 1)
    #expect(try await collision.world.row(Self.unit).counts.reportsInvalid == 1)
    #expect(try await collision.b.report(day: collision.day)?.invalid == invalid)
    // The hub's own word is followed too.
    try await hub.hub.correct(
      table: "report", key: .text("07201/2024-04-01"), column: "by_question", member: "guided", to: .text("8"), by: "x", because: "y")
    #expect(try await hub.status().reportsInvalid == 0)
    // And an edition that says otherwise.
    try await hub.hub.write { session in
      try session.execute(
        "UPDATE form SET definition = replace(definition, '. >= 0 and . <= ${officials_total}', '. >= 9') WHERE form = 'report01'")
    }
    #expect(try await hub.status().reportsInvalid == 1)
  }

  @Test(.long) func whatIsDeclinedIsOneThingToRead() async throws {
    let world = try await HubWorld()
    let (a, other) = (try await world.device("a", unit: Self.unit), try await world.device("b", unit: "07204"))
    try await world.report(other, unit: "07204", day: "2024-04-01")
    try await a.replica.database.write { db in
      try db.execute(
        sql: """
          INSERT INTO report (id, unit, campaign, day, form, by_question)
          VALUES ('07204/2024-04-01', '07201', 'bac-giang-2024', '2024-04-01', 'report01@2024032601', '{"guided":1,"answered":2}')
          """)
    }
    try await world.sync(a)
    let held = try #require(try await world.survey.hub.heldUnits().first)
    try await world.survey.hub.declineHeld(held.id, by: "tỉnh", because: "of another commune")
    let all = try await world.survey.hub.conflicts()
    #expect(all.count > 1 && Set(all.map(\.declinedUnit)).count == 1)
    #expect(try await world.survey.status().conflictsOpen == 1)
    #expect(try await world.row(Self.unit).counts.conflicts == 1)
    let decided = try await world.survey.decide(all[0].id, .keep, by: "tỉnh", because: "read")
    #expect(decided.conflicts.count == all.count)
    #expect(try await world.survey.hub.conflicts().isEmpty)
  }
}
