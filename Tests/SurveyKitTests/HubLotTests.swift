import Foundation
import SurveyKit
import TestSupport
import Testing

@testable import SyncKit

@Suite struct HubLotTests {
  private static let form = "pks01@2024032601"

  private func row(_ id: String, unit: String = "07201", day: String? = "2024-04-01", form: String = form, answers: Data) -> AnonymousRow {
    let cells: [(String, CellValue)] = [
      ("id", .text(id)), ("unit", .text(unit)), ("campaign", .text("c")), ("form", .text(form)),
      ("day", day.map { .text($0) } ?? .null), ("language", .text("vi")), ("answers", .text(String(decoding: answers, as: UTF8.self))),
    ]
    return AnonymousRow(table: "answer", cells: cells.map { CellChange($0.0, $0.1) })
  }

  private func answers(_ seed: UInt64, day: String = "2024-04-01") throws -> Data {
    try FieldWorld.answers(try Samples.form("pks01"), day: day, unit: "07201", seed: seed).canonicalJSON
  }

  private func receive(_ lot: [AnonymousRow], unit: String = "07201", in world: HubWorld) async throws -> LotOutcome {
    let receiver = SurveyLotReceiver(clock: world.clock)
    return try await world.survey.hub.write { session in
      try session.withoutCapture { try receiver.receive(lot, scope: unit, in: session) }
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

  @Test func duplicatesCountOnce() async throws {
    let world = try await HubWorld()
    let one = row("a", answers: try answers(1))
    #expect(try await receive([one, one, row("b", answers: try answers(2))], in: world) == LotOutcome(released: 2, repeated: 1))
    #expect(try await receive([one], in: world) == LotOutcome(repeated: 1))
    #expect(try await world.rows("SELECT count FROM answer_count") == ["2"])
    #expect(try await world.rows("SELECT count FROM day_count") == ["2"])
  }

  @Test func whatNoFormAcceptsIsSpoiledAndNothingOfItIsCounted() async throws {
    let world = try await HubWorld()
    let good = try answers(1)
    let spoiled = [
      row("a", answers: Data("{}".utf8)), row("b", answers: Data("not json".utf8)), row("c", form: "pks99@1", answers: good),
      row("d", unit: "07204", answers: good), row("e", answers: Data(#"{"a1_agency":"nowhere"}"#.utf8)), row("", answers: good),
      AnonymousRow(table: "report", cells: row("f", answers: good).cells),
    ]
    #expect(try await receive(spoiled, in: world) == LotOutcome(spoiled: 7))
    for table in ["answer", "answer_count", "tally", "day_count"] {
      #expect(try await world.rows("SELECT count(*) FROM \(table)") == ["0"], "\(table)")
    }
    // A district or an unknown place answers no form.
    for unit in ["213", "99999"] {
      let lot = [row("g", unit: unit, answers: good)]
      #expect(try await receive(lot, unit: unit, in: world) == LotOutcome(spoiled: 1))
    }
  }

  @Test func anAnswerThatNamesTheFormOnlyIsKeptUnderItsEdition() async throws {
    let world = try await HubWorld()
    #expect(try await receive([row("a", form: "pks01", answers: try answers(1))], in: world).released == 1)
    #expect(try await world.rows("SELECT form, campaign, coalesce(day, '-') FROM answer") == ["\(Self.form) bac-giang-2024 -"])
  }

  @Test func talliesEqualARecountOfTheStoredAnswers() async throws {
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

  @Test func resultsOfFewAnswersAreWithheldAndOthersShown() async throws {
    let world = try await HubWorld()
    _ = try await receive(try lot([("2024-04-01", 4)], first: 0), in: world)
    var results = try await world.survey.results()
    #expect(results.view["07201"]?.withheld == .tooFewAnswers)
    _ = try await receive(try lot([("2024-04-01", 8)], first: 100), in: world)
    results = try await world.survey.results()
    #expect(results.view["07201"]?.withheld == nil)
    #expect(results.view["07204"]?.withheld == .noAnswers)
    await #expect(throws: SyncError.self) { try await world.survey.results(form: "report01") }
  }

  // MARK: Days

  @Test func aDayIsKeptOnlyWhereFiveShareItAndThenForEarlierAnswersToo() async throws {
    let world = try await HubWorld()
    _ = try await receive(try lot([("2024-04-01", 3)], first: 0), in: world)
    #expect(try await days(world) == ["- 3"])
    _ = try await receive(try lot([("2024-04-01", 1)], first: 10), in: world)
    #expect(try await days(world) == ["- 4"])
    _ = try await receive(try lot([("2024-04-01", 1)], first: 20), in: world)
    #expect(try await days(world) == ["2024-04-01 5"])
    _ = try await receive(try lot([("2024-04-01", 2), ("2024-04-02", 4)], first: 30), in: world)
    #expect(try await days(world) == ["- 4", "2024-04-01 7"])
    _ = try await receive(try lot([("2024-04-02", 5)], first: 50), in: world)
    #expect(try await days(world) == ["2024-04-01 7", "2024-04-02 9"])
  }

  @Test func aDayWhoseEarlierAnswersCannotBeToldApartIsKeptForNone() async throws {
    let world = try await HubWorld()
    _ = try await receive(try lot([("2024-04-01", 3), ("2024-04-02", 2)], first: 0), in: world)
    _ = try await receive(try lot([("2024-04-01", 9)], first: 10), in: world)
    // Nine with the day and three without would tell which three came first.
    #expect(try await days(world) == ["- 14"])
    #expect(try await world.rows("SELECT day, count FROM day_count ORDER BY day") == ["2024-04-01 12", "2024-04-02 2"])
    _ = try await receive(try lot([("2024-04-03", 5)], first: 30), in: world)
    #expect(try await days(world) == ["- 14", "2024-04-03 5"])
  }

  /// Any sequence of lots: every day is on all of its answers or on none, and never on fewer than five.
  @Test func noSequenceOfLotsLeavesAnOrder() async throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<12 {
      let world = try await HubWorld()
      var truth: [String: Int] = [:]
      var next = 0
      for _ in 0..<6 {
        let parts = (1...3).map { (day: "2024-04-0\($0)", count: Int.random(in: 0...4, using: &generator)) }
        let rows = try lot(parts, first: next)
        next += rows.count
        for (day, count) in parts { truth[day, default: 0] += count }
        _ = try await receive(rows, in: world)
        for line in try await days(world) where !line.hasPrefix("-") {
          let (day, count) = (String(line.prefix(10)), Int(line.dropFirst(11)) ?? 0)
          #expect(count == truth[day] && count >= SurveyLotReceiver.dayAnswersMin)
        }
      }
      let stored = try await world.rows("SELECT id, day FROM answer WHERE day IS NOT NULL")
      #expect(Set(stored).count == stored.count)
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
    #expect(try await world.survey.move(form: "pks01", to: .closed).releasedNow == 3)
    #expect(try await world.survey.move(form: "pks01", to: .closed).releasedNow == 0)
    await #expect(throws: DataProblems.self) { try await world.survey.move(form: "pks01", to: .open) }
    await #expect(throws: DataProblems.self) { try await world.survey.move(form: "nothing", to: .closed) }
    status = try await world.survey.status()
    #expect(status.packetsReleased == 11 && status.packetsWaiting == 0 && status.addsUp)
    try await world.sync(field)
    #expect(try await field.forms().contains { $0.id == "pks01" })
  }

  @Test func aRowRemovedByHandIsNoticed() async throws {
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
