import Foundation
import TestSupport
import Testing

@testable import SurveyKit

@Suite struct GeneratorTests {
  @Test(.long, arguments: ["pks01", "report01"])
  func everySeedGivesAnswersTheFormAccepts(_ id: String) throws {
    let form = try Samples.form(id)
    let generator = AnswerGenerator(form: form, day: "2024-04-01")
    let validator = AnswerValidator(form: form, today: "2024-04-01")
    var different: Set<Data> = []
    for seed in 0..<UInt64(500) {
      let answers = try generator.answers(seed: seed)
      #expect(try validator.validate(json: answers.canonicalJSON).get() == answers, "seed \(seed)")
      different.insert(answers.canonicalJSON)
    }
    #expect(different.count > 450)
  }

  @Test func sameSeedGivesTheSameAnswers() throws {
    let form = try Samples.form("pks01")
    let first = try AnswerGenerator(form: form, day: "2024-04-01").answers(seed: 42)
    #expect(try AnswerGenerator(form: form, day: "2024-04-01").answers(seed: 42) == first)
  }

  @Test(.long) func everyQuestionIsAnsweredBySomeSeed() throws {
    let form = try Samples.form("pks01")
    let generator = AnswerGenerator(form: form, day: "2024-04-01")
    var answered: Set<String> = []
    for seed in 0..<UInt64(100) { answered.formUnion(try generator.answers(seed: seed).values.keys) }
    #expect(answered == Set(form.questions.filter(\.kind.isAsked).map(\.name)))
  }

  @Test func dailyReportIsAboutItsDayAndHasNoImages() throws {
    let form = try Samples.form("report01")
    for seed in 0..<UInt64(20) {
      let report = try AnswerGenerator(form: form, day: "2024-03-29").answers(seed: seed, fixed: ["officials_total": .integer(21)])
      #expect(report.values["report_date"] == .date("2024-03-29"))
      #expect(report.values["officials_total"] == .integer(21))
      #expect(report.values["photos"] == nil)
    }
  }

  @Test(.long) func awkwardConstraintsAreMet() throws {
    let rows = """
      integer,a,A?,,. >= 1000 and . < 1003,,yes,
      decimal,b,B?,,. > ${a} and . <= ${a} + 2,,yes,
      text,c,C?,,string-length(.) = 10,,yes,
      date,d,D?,,. < date('2020-01-10') and . >= date('2020-01-01'),,yes,
      select_multiple l,e,E?,,count-selected(.) = 1,,yes,
      integer,f,F?,${e} = 'x',. = 7,,yes,
      begin repeat,r,R,,,,,
      integer,g,G?,,. <= ${a},,yes,
      time,h,H?,,,,yes,
      end repeat,,,,,,,

      """
    let form = try Samples.small(rows, choices: "l,x,X\nl,y,Y\n").get()
    for seed in 0..<UInt64(100) { _ = try AnswerGenerator(form: form, day: "2024-04-01").answers(seed: seed) }
  }

  @Test func contradictionIsAnErrorNotALoop() throws {
    let form = try Samples.small("integer,a,A?,,. > 3 and . < 2,,yes,\n").get()
    let error = #expect(throws: AnswerGeneratorError.self) { try AnswerGenerator(form: form, day: "2024-04-01").answers(seed: 1) }
    #expect(error?.faults.map(\.question) == ["a"])
  }

  @Test func numbersOfASeedNeverChange() {
    var generator = SeededGenerator(seed: 1_234_567)
    #expect((0..<3).map { _ in generator.next() } == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
  }
}
