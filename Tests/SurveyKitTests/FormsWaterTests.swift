import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

/// A long form of another field, as people write them: cascading choices, repeats, sums over them, dates, patterns.
@Suite struct FormsWaterTests {
  private let form: Form
  private let validator: AnswerValidator

  init() throws {
    form = try XLSFormImport.form(folder: Samples.water)
    validator = AnswerValidator(form: form, today: "2024-05-25")
  }

  private var household: [String: AnswerValue] {
    [
      "unit_code": .text("07201"), "district": .text("lg"), "village": .text("lg02"), "visit": .text("2024-05-20"), "hour": .text("08:30"),
      "phone": .text("0912345678"), "people": .text("5"), "children": .text("2"), "income": .text("12.5"),
      "sources": .text("dug rain well"),
      "best": .text("well"), "dry": .text("1"), "dry_weeks": .text("9"), "acidity": .text("6.2"),
      "person": .instances([
        ["who": .text("Cu Tí"), "age": .text("7"), "ill": .text("skin eye"), "lost_days": .text("3")],
        ["who": .text("Bà nội"), "age": .text("81")], ["who": .text("Út"), "age": .text("2"), "ill": .text("gut")],
      ]), "agree": .text("1"), "again": .text("2024-06-01T09:00"), "remarks": .text("Không."),
    ]
  }

  @Test func everyCalculationHasItsValue() throws {
    let values = try validator.validate(household).get().values
    let expected: [String: AnswerValue] = [
      "visit_text": .text("20/05/2024"), "days_ago": .integer(5), "adults": .integer(3), "income_head": .decimal(2.5),
      "first_source": .text("well"), "best_label": .text("Giếng khoan"), "is_sour": .text("true"), "ill_people": .integer(3),
      "lost_all": .integer(3), "oldest": .integer(81), "names": .text("Cu Tí, Bà nội, Út"), "first_name": .text("Cu Tí"),
      "ticket": .text("lg-5"),
    ]
    for (name, value) in expected { #expect(values[name] == value, "\(name): \(String(describing: values[name]))") }
    guard case .instances(let people)? = values["person"] else { return #expect(Bool(false)) }
    #expect(people.map { $0["row"] } == [.text("1. Cu Tí / 5"), .text("2. Bà nội / 5"), .text("3. Út / 5")])
    #expect(people.map { $0["lost"] } == [.integer(3), .integer(0), .integer(0)])
  }

  @Test(arguments: [
    ("village", "yt01", "does not go with"), ("visit", "2024-05-26", "thirty"), ("visit", "2024-04-19", "thirty"),
    ("phone", "0900345678", "mobile"), ("phone", "912345678", "mobile"), ("people", "21", "1 to 20"), ("children", "5", "Fewer"),
    ("income", "10000", "10,000"), ("sources", "none dug", "stands alone"), ("best", "pipe", "does not go with"),
    ("acidity", "14.1", "0 to 14"), ("dry_weeks", "53", "1 to 52"), ("district", "", "needs an answer"),
    ("remarks", String(repeating: "a", count: 501), "500"),
  ])
  func anAnswerThatBreaksARuleIsRefused(_ name: String, _ value: String, _ says: String) {
    var answers = household
    answers[name] = value.isEmpty ? nil : .text(value)
    guard case .failure(let faults) = validator.validate(answers) else { return #expect(Bool(false), "\(name) = \(value) was taken") }
    let about = faults.faults.filter { $0.question == name }
    #expect(about.contains { $0.message.en.contains(says) }, "\(faults.faults.map { "\($0.question): \($0.message.en)" })")
  }

  @Test(.long) func generatedAnswersKeepEveryRule() throws {
    let generator = AnswerGenerator(form: form, day: "2024-05-25")
    for seed in 1...200 { _ = try generator.answers(seed: UInt64(seed)) }
  }
}
