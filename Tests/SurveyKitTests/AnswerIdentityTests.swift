import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncHub

/// What makes two answers one: the same number *and* the same content, judged by the same definition.
@Suite struct AnswerIdentityTests {
  private static let form = "pks01"

  /// Sheets numbered from 1, of one commune and day, as a program elsewhere exports them.
  private func sheets(_ unit: String, seeds: ClosedRange<UInt64>, first: Int = 1, day: String = "2024-04-01") throws -> Data {
    let form = try Samples.form(Self.form)
    let names = form.questions.filter { $0.kind != .note && $0.kind != .hidden && $0.kind != .calculate }.map(\.name)
    var writer = CSVWriter()
    writer.write(["response_id", "commune_code", "form_id", "form_version", "language", "submitted_at"] + names)
    for (index, seed) in seeds.enumerated() {
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: unit, seed: seed)
      writer.write(
        [String(first + index), unit, form.id, form.version, "vi", "\(day)T08:00:00+07:00"]
          + names.map { answers.values[$0]?.cell ?? "" })
    }
    return writer.data
  }

  private func form(_ field: SurveyField) async throws -> Form { try #require(try await field.form(id: Self.form)) }

  @Test(.long) func communesThatNumberTheirSheetsAlikeLoseNone() async throws {
    let world = try await HubWorld()
    for (unit, seeds) in [("07201", 1...12), ("07210", 21...32)] as [(String, ClosedRange<UInt64>)] {
      let field = try await world.device(unit, unit: unit)
      let outcome = try await field.importAnswers(csv: try sheets(unit, seeds: seeds), form: try await form(field))
      #expect(outcome.counts.accepted == 12 && outcome.rejected.isEmpty, "\(outcome.rejected.map(\.explanation.en))")
      try await world.sync(field)
    }
    let status = try await world.survey.status()
    #expect(status.packetsReleased == 24 && status.packetsDiffering == 0 && status.addsUp)
  }

  @Test(.long) func aNumberWithOtherContentIsAskedAboutAndNeverLost() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    let (monday, tuesday) = (try sheets("07201", seeds: 1...12), try sheets("07201", seeds: 21...32))
    _ = try await field.importAnswers(csv: monday, form: try await form(field))
    // The same file again is nothing to ask about.
    var outcome = try await field.importAnswers(csv: monday, form: try await form(field))
    #expect(outcome.counts.changed == 0 && outcome.rejected.isEmpty)
    outcome = try await field.importAnswers(csv: tuesday, form: try await form(field))
    #expect(outcome.counts.accepted == 0 && outcome.rejected.count == 12 && outcome.rejected.allSatisfy { $0.reason == .changed })
    outcome = try await field.importAnswers(csv: tuesday, form: try await form(field), changed: .only)
    #expect(outcome.counts.accepted == 12 && outcome.counts.changed == 12)
    try await world.sync(field)
    let status = try await world.survey.status()
    #expect(status.packetsReleased == 12 && status.packetsDiffering == 12 && status.packetsRepeated == 12 && status.addsUp)
    #expect(try await world.rows("SELECT count(*), count(DISTINCT answers) FROM answer").first?.hasPrefix("24") == true)
    // Numbers are nowhere beside answers.
    #expect(try await world.rows("SELECT count(*) FROM answer WHERE earlier_id IS NOT NULL OR edition IS NOT NULL") == ["0"])
    // Another device of the commune, which remembers nothing: the hub tells repetitions from other content.
    let other = try await world.device("b", unit: "07201")
    _ = try await other.importAnswers(csv: tuesday, form: try await form(other))
    try await world.sync(other)
    #expect(try await world.survey.status().packetsRepeated == 24)
  }

  @Test(.long) func everyRepetitionIsShownToHaveAnEqualThatStands() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    let csv = try sheets("07201", seeds: 1...12)
    for _ in 0..<2 { _ = try await field.importAnswers(csv: csv, form: try await form(field)) }
    try await world.sync(field)
    #expect(try await world.survey.status().packetsRepeated == 12)
    #expect(try await world.rows("SELECT count(*), sum(count) FROM answer_repeated") == ["12 12"])
    func problems() async throws -> Int { try await world.survey.hub.read { try RepeatedAnswers(session: $0).problems().count } }
    #expect(try await problems() == 0)
    _ = try await world.survey.hub.write { session in
      try session.withoutCapture { try session.execute("UPDATE answer SET answers = '{}' WHERE id = (SELECT min(id) FROM answer)") }
    }
    #expect(try await problems() == 1)
    _ = try await world.survey.hub.write { try $0.execute("UPDATE answer_repeated SET count = count + 1") }
    #expect(try await problems() == 2)
  }

  /// Short forms: people of two days say the same under the same numbers.
  @Test(.long) func theSameSheetOfAnotherDayIsAnotherPersons() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    _ = try await field.importAnswers(csv: try sheets("07201", seeds: 1...12, day: "2024-03-31"), form: try await form(field))
    let second = try sheets("07201", seeds: 1...12)
    let asked = try await field.importAnswers(csv: second, form: try await form(field))
    #expect(asked.counts.accepted == 0 && asked.rejected.count == 12)
    _ = try await field.importAnswers(csv: second, form: try await form(field), changed: .only)
    try await world.sync(field)
    let status = try await world.survey.status()
    #expect(status.packetsRepeated == 0 && status.packetsReleased + status.packetsDiffering == 24 && status.addsUp)
  }

  @Test(.long) func oneFileMayHoldANumberTwice() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    var both = try sheets("07201", seeds: 1...6)
    let more = try sheets("07201", seeds: 7...12)
    both += more[(try #require(more.firstIndex(of: UInt8(ascii: "\n"))) + 1)...]
    var outcome = try await field.importAnswers(csv: both, form: try await form(field))
    #expect(outcome.counts.accepted == 6 && outcome.rejected.map(\.reason) == Array(repeating: .changed, count: 6))
    outcome = try await field.importAnswers(csv: both, form: try await form(field), changed: .only)
    #expect(outcome.counts.accepted == 6)
    try await world.sync(field)
    #expect(try await world.survey.status().answers == 12)
  }

  /// Packets of the program before this one: an id from the number alone, and no digest.
  private func earlierImport(_ csv: Data, _ unit: String, into world: HubWorld) async throws {
    var rows = try AnswersCSVImporter(
      csv, form: try Samples.form(Self.form), knownUnits: [unit], zoneOffsetMinutes: 420, today: "2024-04-01")
    while case .accepted(let row)? = rows.next() {
      let cells: [String: CellValue] = [
        "id": .text(SurveySchema.importedID(campaign: "bac-giang-2024", responseID: row.responseID)), "unit": .text(unit),
        "campaign": .text("bac-giang-2024"), "form": .text("pks01@2024032601"), "day": .text(row.day), "language": .text("vi"),
        "answers": .text(String(decoding: row.answers.canonicalJSON, as: UTF8.self)),
      ]
      try await world.survey.hub.drop(cells, into: "answer", scope: unit)
    }
  }

  @Test(.long) func importingAgainAfterTheUpgradeDoublesNothing() async throws {
    let world = try await HubWorld()
    let csv = try sheets("07201", seeds: 1...12)
    try await earlierImport(csv, "07201", into: world)
    #expect(try await world.survey.status().answers >= 10)
    let field = try await world.device("a", unit: "07201")
    _ = try await field.importAnswers(csv: csv, form: try await form(field))
    try await world.sync(field)
    try await world.survey.hub.releaseEverything()
    let status = try await world.survey.status()
    #expect(status.answers == 12 && status.packetsDiffering == 0 && status.addsUp, "\(status)")
    // And the other way round: a device that is not upgraded yet imports after one that is.
    let late = try sheets("07201", seeds: 41...52, first: 100)
    _ = try await field.importAnswers(csv: late, form: try await form(field))
    try await world.sync(field)
    try await earlierImport(late, "07201", into: world)
    try await world.survey.hub.releaseEverything()
    #expect(try await world.survey.status().answers == 24)
    #expect(try await world.survey.status().packetsDiffering == 0)
  }

  @Test(.long) func aCorrectedSheetOfAnEarlierProgramIsKeptAndCountedApart() async throws {
    let world = try await HubWorld()
    try await earlierImport(try sheets("07201", seeds: 1...12), "07201", into: world)
    let field = try await world.device("a", unit: "07201")
    _ = try await field.importAnswers(csv: try sheets("07201", seeds: 21...32), form: try await form(field))
    try await world.sync(field)
    try await world.survey.hub.releaseEverything()
    let status = try await world.survey.status()
    #expect(status.answers == 24 && status.packetsDiffering == 12 && status.packetsRepeated == 0 && status.addsUp)
  }

  // MARK: Editions

  /// A questionnaire of one question whose choices are labelled as told.
  private func questionnaire(_ version: String, _ labels: [String], more: [String] = []) throws -> Form {
    let survey = ["type,name,label::Tiếng Việt (vi)", "select_one c,q,Câu hỏi"] + more
    let choices = ["list_name,name,label::Tiếng Việt (vi)"] + labels.enumerated().map { "c,\($0 + 1),\($1)" }
    return try XLSFormImport.form(
      survey: Data(survey.joined(separator: "\n").utf8), choices: Data(choices.joined(separator: "\n").utf8),
      settings: Data("form_title,form_id,version,default_language\nMột,pks01,\(version),Tiếng Việt (vi)\n".utf8))
  }

  private func submit(_ count: Int, _ choice: String, _ form: Form, _ unit: String, to world: HubWorld) async throws {
    let valid = try AnswerValidator(form: form, today: "2024-04-01").validate(["q": .choice(choice)]).get()
    for _ in 0..<count {
      try await world.survey.submit(
        AnswerSubmission(valid, unit: UnitCode(unit), day: CalendarDay("2024-04-01"), language: "vi"))
    }
  }

  @Test(.long) func aVersionIsNeverPublishedWithAnotherContent() async throws {
    let world = try await HubWorld()
    _ = try await world.survey.publish(try questionnaire("2024040201", ["Có", "Không"]))
    await #expect(throws: DataProblems.self) { try await world.survey.publish(try questionnaire("2024040201", ["Không", "Có"])) }
    #expect(try await world.survey.publish(try questionnaire("2024040201", ["Có", "Không"])).isUnchanged)
  }

  @Test(.long) func answersToAnotherContentOfAVersionAreHeldUntilItIsKnownAndNeverMixed() async throws {
    let world = try await HubWorld()
    let (known, swapped) = (try questionnaire("2024040201", ["Có", "Không"]), try questionnaire("2024040201", ["Không", "Có"]))
    _ = try await world.survey.publish(known)
    #expect(known.digest != swapped.digest)
    for unit in ["07201", "07204", "07207", "07210"] {
      try await submit(10, "1", known, unit, to: world)
      try await submit(10, "2", known, unit, to: world)
      try await submit(10, "1", swapped, unit, to: world)
      try await submit(7, "2", swapped, unit, to: world)
    }
    var status = try await world.survey.status()
    #expect(status.answers == 80 && status.packetsSpoiled == 0 && status.packetsHeld > 0 && status.addsUp)
    let closed = try await world.survey.move(form: Self.form, to: .closed)
    #expect(closed.missingEditions == ["pks01@2024040201#\(swapped.digest.prefix(8))"] && closed.held >= 60)
    _ = try await world.survey.publish(swapped, forHeld: true)
    let again = try await world.survey.move(form: Self.form, to: .closed)
    #expect(again.releasedNow == 68 && again.held == 0 && again.missingEditions.isEmpty)
    status = try await world.survey.status()
    #expect(status.answers == 148 && status.addsUp)
    // Its labels say the opposite: another question of the results.
    let view = try await world.survey.results(form: Self.form).view
    let questions = view.questions.map(\.id).filter { $0.hasPrefix("q") && !$0.hasPrefix("q_") }
    #expect(questions.count == 2, "\(view.questions.map(\.id))")
    let province = try #require(view.units.first)
    #expect(province["q"]?["1"] == .shown(count: 40, share: .permille(500)))
  }

  @Test(.long) func aQuestionThatKeepsItsNameAndChoicesIsCountedOverAllEditions() async throws {
    let world = try await HubWorld()
    let one = try questionnaire("2024040201", ["Có", "Không"])
    let two = try questionnaire("2024040202", ["Có", "Không"], more: ["text,words,Ý kiến"])
    _ = try await world.survey.publish(one)
    for unit in ["07201", "07204"] {
      try await submit(15, "1", one, unit, to: world)
      try await submit(10, "2", one, unit, to: world)
    }
    _ = try await world.survey.publish(two)
    for unit in ["07207", "07210"] {
      try await submit(10, "1", two, unit, to: world)
      try await submit(15, "2", two, unit, to: world)
    }
    _ = try await world.survey.move(form: Self.form, to: .closed)
    let results = try await world.survey.results()
    #expect(results.release == 1 && results.view.questions.count { $0.id == "q" } == 1)
    #expect(results.view.units.first?["q"]?["1"] == .shown(count: 50, share: .permille(500)))
    // Whoever asks for an edition sees the form.
    #expect(try await world.survey.results(form: "pks01@2024040201").view == results.view)
  }
}
