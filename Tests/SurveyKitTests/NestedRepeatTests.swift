import Foundation
import SyncKit
import Testing

@testable import SurveyKit

/// Repeats inside repeats: judged, worked out and asked one by one.
@Suite struct NestedRepeatTests {
  private static let household = """
    type,name,label,relevant,calculation,repeat_count
    begin repeat,home,Home,,,
    text,head,Head?,,,
    begin repeat,kid,Child of ${head},,,
    integer,age,Age of a child of ${head}?,,,
    text,school,School of the child of ${head}?,${age} > 5,,
    calculate,place,,,position(..),
    calculate,around,,,position(../..),
    end repeat,,,,,
    calculate,kids,,,count(${kid}),
    calculate,years,,,sum(${age}),
    text,help,Who helps?,${kids} > 1,,
    end repeat,,,,,
    calculate,all,,,count(${kid}),
    calculate,alone,,,position(..),
    calculate,oldest,,,max(${age}),
    calculate,other,,,"indexed-repeat(${age}, ${home}, 2, ${kid}, 1)",

    """

  private func form(_ survey: String = household) throws -> Form {
    let form = try XLSFormImport.form(survey: Data(survey.utf8), choices: nil, settings: nil)
    #expect(try Form(canonicalJSON: form.canonicalJSON) == form)
    return form
  }

  private func kids(_ ages: Int...) -> AnswerValue { .instances(ages.map { ["age": .integer($0)] }) }

  @Test func rulesSeeTheFillingInsAroundThem() throws {
    let validator = AnswerValidator(form: try form(), today: "2024-04-01")
    let given: [String: AnswerValue] = [
      "home": .instances([["head": .text("An"), "kid": kids(3, 4), "help": .text("Ba")], ["head": .text("Bình"), "kid": kids(5)]])
    ]
    let values = try validator.validate(given).get().values
    #expect(values["all"] == .integer(3) && values["oldest"] == .integer(5) && values["other"] == .integer(5))
    guard case .instances(let homes)? = values["home"] else { throw CancellationError() }
    #expect(homes.map { $0["kids"] } == [.integer(2), .integer(1)])
    #expect(homes.map { $0["years"] } == [.integer(7), .integer(5)])
    guard case .instances(let first)? = homes[0]["kid"] else { throw CancellationError() }
    #expect(first.map { $0["place"] } == [.integer(1), .integer(2)])
    guard case .instances(let second)? = homes[1]["kid"] else { throw CancellationError() }
    #expect(second.map { $0["around"] } == [.integer(2)] && values["alone"] == .integer(1))
    // The same as JSON.
    #expect(try AnswerValue.answers(fromJSON: AnswerValue.json(given)).count == 1)
    #expect(try validator.validate(json: AnswerValue.json(given)).get().values == values)
  }

  @Test func whatIsNotAskedThereIsAFaultThere() throws {
    let validator = AnswerValidator(form: try form(), today: "2024-04-01")
    let given: [String: AnswerValue] = [
      "home": .instances([
        ["head": .text("An"), "kid": .instances([["age": .integer(3)], ["age": .integer(4), "school": .text("A")]])],
        ["head": .text("B"), "help": .text("C")],
      ])
    ]
    guard case .failure(let found) = validator.validate(given) else { throw CancellationError() }
    #expect(found.faults.map(\.question) == ["school", "help"])
    #expect(found.faults.map(\.instance) == [RepeatNumber.inside(1, 2) - 1, 1])
    let kept = validator.withoutIrrelevant(given)
    #expect(throws: Never.self) { try validator.validate(kept).get() }
    // A choice of three thousand and one filling-ins, or a text in their place.
    for wrong in [AnswerValue.instances(Array(repeating: [:], count: 101)), .text("x")] {
      let bad = validator.validate(["home": .instances([["head": .text("An"), "kid": wrong]])])
      guard case .failure(let found) = bad else { throw CancellationError() }
      #expect(found.faults.contains { $0.question == "kid" && [.tooMany, .malformed].contains($0.kind) })
    }
  }

  @Test func eachIsAskedInItsPlace() throws {
    var walk = FormWalk(form: try form(), today: "2024-04-01")
    func item(_ name: String, _ number: Int) -> FormStep { .item(name, number: number) }
    #expect(walk.step == .another("home"))
    #expect(walk.addAnother() && walk.step == item("head", 1))
    _ = walk.answer(.text("An"))
    #expect(walk.step == .another("kid", inside: 1))
    for (place, age) in [3, 9].enumerated() {
      #expect(walk.addAnother() && walk.step == item("age", 1_001 + place))
      #expect(
        walk.filling.filled("${head}", in: walk.textPosition(at: walk.step).section, number: walk.textPosition(at: walk.step).number)
          == "An")
      _ = walk.answer(.integer(age))
      if age > 5 { _ = walk.answer(.text("Tiểu học")) }
    }
    #expect(walk.step == .another("kid", inside: 1) && walk.count(of: "kid", inside: 1) == 2)
    walk.finishRepeat()
    #expect(walk.step == item("help", 1))
    _ = walk.answer(nil)
    #expect(walk.step == .another("home") && walk.addAnother())
    _ = walk.answer(.text("Bình"))
    #expect(walk.addAnother() && walk.step == item("age", 2_001))
    _ = walk.answer(.integer(5))
    walk.finishRepeat()
    walk.finishRepeat()
    #expect(walk.step == .review)
    #expect(
      walk.steps == [
        item("head", 1), item("age", 1_001), item("age", 1_002), item("school", 1_002), .another("kid", inside: 1), item("help", 1),
        item("head", 2), item("age", 2_001), .another("kid", inside: 2), .another("home"), .review,
      ])
    #expect(try walk.validate().get().values["all"] == .integer(3))
    // A changed age lets what hung on it fall.
    walk.go(to: item("age", 1_002))
    #expect(try walk.answer(.integer(4)).get() == [item("school", 1_002)])
    walk.go(to: .another("kid", inside: 1))
    walk.removeLast()
    #expect(walk.count(of: "kid", inside: 1) == 1 && walk.count(of: "kid", inside: 2) == 1)
    #expect(!walk.steps.contains(item("help", 1)))
    let again = FormWalk(form: walk.form, today: "2024-04-01", correcting: try walk.validate().get().given)
    #expect(again.step == .review && again.steps == walk.steps)
  }

  @Test func innerRepeatsAreCountedAndLeftOutByTheAnswersAroundThem() throws {
    let survey = """
      type,name,label,relevant,repeat_count
      begin repeat,home,Home,,2
      integer,n,How many?,,
      begin repeat,room,Room,${n} > 0,${n}
      text,use,Use?,,
      end repeat,,,,
      end repeat,,,,

      """
    var walk = FormWalk(form: try form(survey), today: "2024-04-01")
    _ = walk.answer(.integer(2))
    #expect(walk.step == .item("use", number: 1_001))
    _ = walk.answer(.text("Bếp"))
    _ = walk.answer(.text("Ngủ"))
    #expect(walk.step == .item("n", number: 2))
    _ = walk.answer(.integer(0))
    #expect(walk.step == .review)
    let rooms: [[String: AnswerValue]] = [["use": .text("Bếp")], ["use": .text("Ngủ")]]
    let homes: [[String: AnswerValue]] = [["n": .integer(2), "room": .instances(rooms)], ["n": .integer(0)]]
    #expect(try walk.validate().get().values["home"] == .instances(homes))
  }

  @Test func fourDeepIsTakenAndFiveAreNot() throws {
    func survey(_ depth: Int) -> String {
      let begins = (1...depth).map { "begin repeat,r\($0),R\n" }.joined()
      return "type,name,label\n" + begins + "text,t,T\n" + String(repeating: "end repeat,,\n", count: depth)
    }
    let validator = AnswerValidator(form: try form(survey(4)), today: "2024-04-01")
    let one: [String: AnswerValue] = (1...4).reversed().reduce(["t": .text("x")]) { ["r\($1)": .instances([$0])] }
    #expect(try validator.validate(json: AnswerValue.json(one)).get().values == one)
    #expect(throws: FormProblems.self) { try form(survey(5)) }
  }

  @Test func numbersNameFillingInsAtAnyDepth() {
    #expect(RepeatNumber.inside(nil, 7) == 7 && RepeatNumber.inside(3, 2) == 3_002 && RepeatNumber.outer(3_002) == 3)
    #expect(RepeatNumber.places(3_002_100) == [3, 2, 100] && RepeatNumber.text(3_002) == "3.2" && RepeatNumber.outer(7) == nil)
  }

  @Test func inventedAnswersFillThemIn() throws {
    let generator = AnswerGenerator(form: try form(), day: "2024-04-01")
    let all = try (0..<12).map { try generator.answers(seed: UInt64($0)).values }
    #expect(all.contains { $0["all"] != nil && $0["all"] != .integer(0) })
  }
}
