import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub

@Suite struct HubLotTests {
  private static let form = "pks01@2024032601"

  private func row(_ id: String, unit: String = "07201", day: String? = "2024-04-01", form: String = form, answers: Data) -> AnonymousRow {
    let cells: [(String, CellValue)] = [
      ("id", .text(id)), ("unit", .text(unit)), ("campaign", .text("c")), ("form", .text(form)),
      ("day", day.map { .text($0) } ?? .null), ("language", .text("vi")), ("answers", .text(String(decoding: answers, as: UTF8.self))),
    ]
    return AnonymousRow(table: "answer", cells: cells.map { CellChange($0.0, $0.1) })
  }

  private func answers(_ seed: UInt64, day: String = "2024-04-01", unit: String = "07201") throws -> Data {
    try FieldWorld.answers(try Samples.form("pks01"), day: day, unit: unit, seed: seed).canonicalJSON
  }

  /// What became of rows, however few they are.
  private struct Outcome: Equatable {
    var released = 0
    var repeated = 0
    var differs = 0
    var held = 0
    var spoiled = 0
  }

  private func receive(_ lot: [AnonymousRow], unit: String = "07201", in world: HubWorld) async throws -> Outcome {
    let receiver = SurveyLotReceiver(clock: world.clock)
    return try await world.survey.hub.write { session in
      var outcome = Outcome()
      var good: [AnonymousRow] = []
      for (row, verdict) in zip(lot, try receiver.judge(lot, scope: unit, in: session)) {
        switch verdict {
        case .new: outcome.released += 1
        case .differs: outcome.differs += 1
        case .repeated: outcome.repeated += 1
        case .held: outcome.held += 1
        case .spoiled: outcome.spoiled += 1
        }
        switch verdict {
        case .new, .differs: good.append(row)
        default: continue
        }
      }
      try session.withoutCapture { try receiver.receive(good, unit: unit, in: session) }
      return outcome
    }
  }

  /// `count` answers of a day, with ids from `first` on.
  private func lot(_ days: [(day: String, count: Int)], first: Int) throws -> [AnonymousRow] {
    var rows: [AnonymousRow] = []
    for (day, count) in days {
      for _ in 0..<count {
        let number = first + rows.count
        rows.append(row("id\(number)", day: day, answers: try answers(UInt64(number), day: day)))
      }
    }
    return rows
  }

  private func days(_ world: HubWorld) async throws -> [String] {
    try await world.rows("SELECT coalesce(day, '-'), count(*) FROM answer GROUP BY day ORDER BY 1")
  }

  @Test(.long) func duplicatesCountOnce() async throws {
    let world = try await HubWorld()
    let one = row("a", answers: try answers(1))
    #expect(try await receive([one, one, row("b", answers: try answers(2))], in: world) == Outcome(released: 2, repeated: 1))
    #expect(try await receive([one], in: world) == Outcome(repeated: 1))
    #expect(try await world.rows("SELECT count FROM answer_count") == ["2"])
    #expect(try await world.rows("SELECT count(*) FROM day_count") == ["0"], "two are too few for their day")
  }

  @Test(.long) func theSameNumberWithOtherContentIsKeptAndCountedApart() async throws {
    let world = try await HubWorld()
    let (one, other) = (row("a", answers: try answers(1)), row("a", answers: try answers(2)))
    #expect(try await receive([one, other, one, other], in: world) == Outcome(released: 1, repeated: 2, differs: 1))
    #expect(try await receive([other], in: world) == Outcome(repeated: 1))
    #expect(try await receive([row("a", answers: try answers(3))], in: world) == Outcome(differs: 1))
    // Another commune that numbers its sheets alike.
    #expect(try await receive([row("a", unit: "07204", answers: try answers(4, unit: "07204"))], unit: "07204", in: world).released == 1)
    #expect(try await world.rows("SELECT count(*), count(DISTINCT id), count(DISTINCT answers) FROM answer") == ["4 4 4"])
    #expect(try await world.rows("SELECT sum(count) FROM answer_count") == ["4"])
  }

  @Test(.long) func whatNoFormAcceptsIsNeverCountedAndWhatAnotherEditionMayHaveAskedIsHeld() async throws {
    let world = try await HubWorld()
    let good = try answers(1)
    let spoiled = [
      row("a", answers: Data("{}".utf8)), row("b", answers: Data("not json".utf8)), row("c", form: "pks99@1", answers: good),
      row("d", unit: "07204", answers: good), row("e", answers: Data(#"{"a1_agency":"nowhere"}"#.utf8)), row("", answers: good),
      AnonymousRow(table: "report", cells: row("f", answers: good).cells),
    ]
    #expect(try await receive(spoiled, in: world) == Outcome(held: 4, spoiled: 3))
    for table in ["answer", "answer_count", "tally", "day_count"] {
      #expect(try await world.rows("SELECT count(*) FROM \(table)") == ["0"], "\(table)")
    }
    // Devices of an earlier program took the daily report's file for answers.
    let report = try FieldWorld.answers(try Samples.form("report01"), day: "2024-04-01", unit: "07201", seed: 1).canonicalJSON
    let edition = try #require(try await world.rows("SELECT id FROM form WHERE form = 'report01'").first)
    #expect(try await receive([row("h", form: edition, answers: report)], in: world) == Outcome(spoiled: 1))
    // A district or an unknown place answers no form.
    for unit in ["213", "99999"] {
      let lot = [row("g", unit: unit, answers: good)]
      #expect(try await receive(lot, unit: unit, in: world) == Outcome(spoiled: 1))
    }
  }

  @Test(.long) func anAnswerThatNamesTheFormOnlyIsKeptUnderItsEdition() async throws {
    let world = try await HubWorld()
    #expect(try await receive([row("a", form: "pks01", answers: try answers(1))], in: world).released == 1)
    #expect(try await world.rows("SELECT form, campaign, coalesce(day, '-') FROM answer") == ["\(Self.form) bac-giang-2024 -"])
  }

  @Test(.long) func talliesEqualARecountOfTheStoredAnswers() async throws {
    let world = try await HubWorld()
    for part in 0..<4 {
      let rows = try (0..<10).map { row("\(part)-\($0)", answers: try answers(UInt64(part * 10 + $0))) }
      #expect(try await receive(rows, in: world).released == 10)
    }
    let stored = try await world.rows("SELECT answers FROM answer")
    let form = try Samples.form("pks01")
    var recount: [String: QuestionTally] = [:]
    for json in stored {
      let given = try AnswerValue.answers(fromJSON: Data(json.utf8))
      for question in form.tallyQuestions {
        guard let value = given[question.id] else { continue }
        var tally = recount[question.id] ?? QuestionTally(answered: 0)
        tally.answered += 1
        switch (question.kind, value) {
        case (.number, .integer(let number)): tally.histogram[number, default: 0] += 1
        case (_, .choices(let names)): for name in names { tally.choices[name, default: 0] += 1 }
        case (_, .text(let name)): tally.choices[name, default: 0] += 1
        default: Issue.record("unexpected \(value)")
        }
        recount[question.id] = tally
      }
    }
    let tallies = try await world.survey.hub.read { session in try ResultsService.tallies(session, form: Self.form) }
    #expect(tallies["07201"] == UnitTally(answers: 40, questions: recount))
    #expect(recount.keys.contains("e3_petitions") && !recount.keys.contains("g6_suggestion"))
  }

  @Test(.long) func resultsComeWhenTheFormIsClosedAndNeverOfACommune() async throws {
    let world = try await HubWorld()
    _ = try await receive(try lot([("2024-04-01", 40)], first: 0), in: world)
    var results = try await world.survey.results()
    #expect(results.release == nil && results.view.units.count == 11, "the province and its ten districts")
    #expect(results.view.units.allSatisfy { $0.withheld == .notReleased })
    _ = try await world.survey.move(form: "pks01", to: .closed)
    results = try await world.survey.results()
    #expect(results.release == 1 && results.view["07201"] == nil && results.view.units.count == 11)
    #expect(results.view.units.count { $0.withheld == .noAnswers } == 9)
    // All forty are of one commune: whatever is shown of its district or the province would be the commune's.
    let cells = results.view.units.flatMap(\.questions).flatMap(\.choices).map(\.cell)
    #expect(cells.allSatisfy { if case .withheld = $0 { true } else { false } })
    await #expect(throws: SyncError.self) { try await world.survey.results(form: "report01") }
  }

  // MARK: Days

  @Test(.long) func aStepKeepsDaysWhereEachIsOfFiveOrMore() async throws {
    let world = try await HubWorld()
    _ = try await receive(try lot([("2024-04-01", 5), ("2024-04-02", 6)], first: 0), in: world)
    #expect(try await days(world) == ["2024-04-01 5", "2024-04-02 6"])
    // One of another day would be told by its absence from either.
    _ = try await receive(try lot([("2024-04-01", 9), ("2024-04-02", 1)], first: 20), in: world)
    #expect(try await days(world) == ["- 10", "2024-04-01 5", "2024-04-02 6"])
    // And one without a day.
    let undated = [row("undated", day: nil, answers: try answers(50))]
    _ = try await receive(try lot([("2024-04-03", 5)], first: 40) + undated, in: world)
    #expect(try await days(world) == ["- 16", "2024-04-01 5", "2024-04-02 6"])
    #expect(try await world.rows("SELECT day, count FROM day_count ORDER BY day") == ["2024-04-01 5", "2024-04-02 6"])
  }

  /// Any sequence of steps: what a step wrote never changes, and of its days each is of none or five and more.
  @Test(.long) func aDayOutsideTheCampaignCountsWithoutOne() async throws {
    let world = try await HubWorld()
    // Nine years too early, a month after the end, no day at all: by the clock of a device, or in a file.
    let wrong = [("2009-01-01", 1), ("2024-05-04", 2), ("2031-05-05", 1)]
    let rows = try lot(wrong, first: 1) + [row("undated", day: nil, answers: try answers(50))]
    #expect(try await receive(rows + lot([("2024-04-01", 5)], first: 100), in: world) == Outcome(released: 10))
    #expect(try await days(world) == ["- 5", "2024-04-01 5"])
    #expect(try await world.rows("SELECT day, count FROM day_count") == ["2024-04-01 5"])
    // The first and the last day of the campaign are its own.
    let edges = try lot([("2024-03-29", 5), ("2024-04-04", 5)], first: 200)
    #expect(try await receive(edges, in: world) == Outcome(released: 10))
    #expect(try await days(world) == ["- 5", "2024-03-29 5", "2024-04-01 5", "2024-04-04 5"])
    // Undated ones below k take the days of their step with them, as others without a day do.
    #expect(try await receive(try lot([("2024-04-02", 5), ("2024-05-04", 1)], first: 300), in: world) == Outcome(released: 6))
    #expect(try await days(world).contains("- 11"))
  }

  @Test(.long) func noSequenceOfStepsLeavesAnOrder() async throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<6 {
      let world = try await HubWorld()
      var next = 0
      var before: Set<String> = []
      for _ in 0..<5 {
        let rows = try lot((1...3).map { ("2024-04-0\($0)", Int.random(in: 0...9, using: &generator)) }, first: next)
        next += rows.count
        _ = try await receive(rows, in: world)
        let after = Set(try await world.rows("SELECT id, coalesce(day, '-') FROM answer"))
        #expect(before.isSubset(of: after), "no later step changes a day")
        let step = Dictionary(grouping: after.subtracting(before)) { $0.suffix(10) }.mapValues(\.count)
        #expect(step.values.allSatisfy { $0 >= 5 } || step.keys.allSatisfy { $0.hasSuffix("-") }, "\(step)")
        before = after
      }
    }
  }

  // MARK: The whole way

  @Test func answersTravelFromDeviceToTalliesAndTheCountsAddUp() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<9)
    try await world.answer(field, unit: "07201", seeds: 9..<12)
    var status = try await world.survey.status()
    #expect(status.packetsKept == 11 && status.packetsReleased == 8 && status.packetsWaiting == 3)
    #expect(status.addsUp)
    #expect(try await world.row("07201").counts.received == 11)
    #expect(try await world.survey.results().participation.first { $0.unit == "07201" }?.answers == 11)
    #expect(try await world.survey.move(form: "pks01", to: .closing).releasedNow == 0)
    // Three people of one commune can never be told apart from it: they stay sealed until the very end.
    let closed = try await world.survey.move(form: "pks01", to: .closed)
    #expect(closed.releasedNow == 0 && closed.waiting == 3)
    #expect(try await world.survey.status().packetsReleased == 8)
    #expect(try await world.survey.move(form: "pks01", to: .closed, isFinal: true).withheldNow == 3)
    await #expect(throws: DataProblems.self) { try await world.survey.move(form: "pks01", to: .open) }
    await #expect(throws: DataProblems.self) { try await world.survey.move(form: "nothing", to: .closed) }
    status = try await world.survey.status()
    #expect(status.packetsReleased == 8 && status.packetsWithheld == 3 && status.packetsWaiting == 0 && status.addsUp)
    #expect(try await world.row("07201").counts.received == 11, "participation tells of everyone who came")
    #expect(try await world.survey.hub.dropKeys().map(\.waiting) == [0, 0])
    try await world.sync(field)
    #expect(try await field.forms().contains { $0.id == "pks01" })
  }

  @Test(.long) func restsOfTwoCommunesOfADistrictArePooledUnderItsCode() async throws {
    let world = try await HubWorld()
    // 07201 and 07204 are of one district, 07264 of another.
    for (unit, seeds) in [("07201", 1..<4), ("07204", 4..<7), ("07264", 7..<10)] as [(String, Range<UInt64>)] {
      try await world.answer(try await world.device(unit, unit: unit), unit: unit, seeds: seeds)
    }
    let late = try await world.device("late", unit: "07267")
    let asked = try #require(try await late.form(id: "pks01"))
    for seed in UInt64(10)..<13 {
      let answers = try FieldWorld.answers(asked, day: "2024-04-01", unit: "07267", seed: seed)
      try await late.submit(answers, unit: "07267", day: CalendarDay("2024-04-01"), language: "vi")
    }
    let parents = try await world.rows("SELECT code, parent FROM unit WHERE code IN ('07201', '07204', '07264')")
    let districts = Set(parents.map { $0.suffix(3) })
    #expect(districts.count == 2)
    let closed = try await world.survey.move(form: "pks01", to: .closed)
    #expect(closed.releasedNow == 6 && closed.waiting == 3)
    #expect(try await world.rows("SELECT unit, count(*) FROM answer GROUP BY unit").count == 1)
    #expect(try await world.rows("SELECT count(*) FROM unit WHERE code IN (SELECT unit FROM answer) AND level = 'district'") == ["1"])
    let status = try await world.survey.status()
    #expect(status.addsUp && status.packetsKept == 9 && status.packetsWaiting == 3)
    for unit in ["07201", "07204", "07264"] { #expect(try await world.row(unit).counts.received == 3) }
    #expect(try await SurveyHub.examine(at: world.folder.path + "/hub").findings.isEmpty)
    // Three late ones of the other district's second commune: the rest and they are enough together.
    try await world.sync(late)
    #expect(try await world.survey.move(form: "pks01", to: .closed).releasedNow == 6)
    #expect(try await world.survey.status().addsUp)
  }

  @Test(.long) func badPacketsDoNotReleaseASingleAnswer() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<2)
    let given = String(decoding: try answers(1), as: UTF8.self)
    for index in 0..<4 {
      let cells: [String: CellValue] = [
        "id": .text("bad\(index)"), "unit": .text("07201"), "campaign": .text("c"), "form": .text("nosuch@1"), "day": .null,
        "language": .text("vi"), "answers": .text(given),
      ]
      try await world.survey.hub.drop(cells, into: "answer", scope: "07201")
    }
    let status = try await world.survey.status()
    #expect(status.answers == 0 && status.packetsWaiting == 5 && status.packetsHeld == 0, "nothing observable changes: \(status)")
    // Four more people come: five valid answers, and what is held is told with them.
    try await world.answer(field, unit: "07201", seeds: 2..<6)
    let after = try await world.survey.status()
    #expect(after.answers == 5 && after.packetsHeld == 4 && after.addsUp)
    #expect(try await world.survey.move(form: "pks01", to: .closed).missingEditions == ["nosuch@1"])
  }

  @Test(.long) func aCampaignsThresholdIsTheOneOfItsSteps() async throws {
    let world = try await HubWorld()
    try await world.survey.hub.write { session in
      try session.execute("UPDATE campaign SET definition = replace(definition, '\"kAnswersMin\":5', '\"kAnswersMin\":7')")
    }
    #expect(try await world.rows("SELECT instr(definition, '\"kAnswersMin\":7') > 0 FROM campaign") == ["1"])
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<7)
    #expect(try await world.survey.status().answers == 0)
    try await world.answer(field, unit: "07201", seeds: 7..<8)
    #expect(try await world.survey.status().answers == 7)
  }

  @Test(.long) func aRowRemovedByHandIsNoticed() async throws {
    let world = try await HubWorld()
    _ = try await world.device("a", unit: "07201")
    let field = try await world.device("b", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<6)
    try await world.survey.hub.store.write { session in
      try session.execute("DELETE FROM answer WHERE id = (SELECT min(id) FROM answer)")
    }
    let status = try await world.survey.status()
    #expect(!status.addsUp)
    #expect(status.discrepancies.count == 2)
  }
}
