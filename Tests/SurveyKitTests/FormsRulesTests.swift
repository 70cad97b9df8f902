import Foundation
import SyncKit
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

/// Rules that reach beyond one question: repeats, choice filters, defaults, and the order in which they are settled.
@Suite struct FormsRulesTests {
  private func form(_ survey: [String], choices: [String] = [], columns: String = "") throws -> Form {
    let heading = "type,name,label::English (en),relevant,constraint,calculation,choice_filter,default"
    return try XLSFormImport.form(
      survey: Data(([heading] + survey).joined(separator: "\n").utf8),
      choices: Data((["list_name,name,label::English (en)\(columns)"] + choices).joined(separator: "\n").utf8),
      settings: Data("form_title,form_id,version,default_language\nSmall,small,1,English (en)\n".utf8))
  }

  private func problems(_ survey: [String], choices: [String] = [], columns: String = "") -> [String] {
    do {
      _ = try form(survey, choices: choices, columns: columns)
      return []
    } catch {
      return (error as? FormProblems)?.problems.map(\.explanation.en) ?? ["\(error)"]
    }
  }

  private let household = [
    "begin repeat,person,Person,,,,,", "text,first,First name,,,,,", "integer,age,Age,,,,,",
    "calculate,line,,,,\"concat(position(..), '. ', ${first})\",,", "calculate,share,,,,${age} div ${total},,", "end repeat,,,,,,,",
    "calculate,total,,,,sum(${age}),,", "calculate,people,,,,count(${person}),,", "calculate,oldest,,,,max(${age}),,",
    "calculate,names,,,,\"join(', ', ${first})\",,", "calculate,second,,,,\"indexed-repeat(${first}, ${person}, 2)\",,",
    "text,crowd,Why so many?,${people} > 1,,,,",
  ]

  @Test func repeatsAreCountedSummedAndIndexedFromOutsideAndTotalsReadFromInside() throws {
    let validator = AnswerValidator(form: try form(household), today: "2024-04-01")
    let given: [String: AnswerValue] = [
      "person": .instances([["first": .text("An"), "age": .integer(30)], ["first": .text("Bình"), "age": .integer(10)]]),
      "crowd": .text("family"),
    ]
    let answers = try validator.validate(given).get().values
    #expect(answers["total"] == .integer(40))
    #expect(answers["people"] == .integer(2))
    #expect(answers["oldest"] == .integer(30))
    #expect(answers["names"] == .text("An, Bình"))
    #expect(answers["second"] == .text("Bình"))
    guard case .instances(let people)? = answers["person"] else { throw CancellationError() }
    #expect(people.map { $0["line"] } == [.text("1. An"), .text("2. Bình")])
    #expect(people.map { $0["share"] } == [.decimal(0.75), .decimal(0.25)])
    #expect(validator.calculated("line", given: given, instance: ["first": .text("Chi")]) == .text("3. Chi"))
    #expect(validator.isRelevant("crowd", given: given))
    #expect(!validator.isRelevant("crowd", given: [:]))
    // Validating what was validated gives the same bytes.
    let again = try validator.validate(json: validator.validate(given).get().canonicalJSON).get()
    #expect(again.values == answers)
  }

  private let places = [
    "province,bg,Bắc Giang,", "province,bn,Bắc Ninh,", "district,vy,Việt Yên,bg", "district,hh,Hiệp Hòa,bg", "district,ts,Từ Sơn,bn",
  ]
  private let cascade = [
    "select_one province,province,Province,,,,,", "select_one district,district,District,,,,province = ${province},",
    "calculate,shown,,,,\"jr:choice-name(${district}, '${district}')\",,",
  ]

  @Test func aChoiceFilterOffersAndAcceptsOnlyWhatGoesWithTheOtherAnswers() throws {
    let form = try form(cascade, choices: places, columns: ",province")
    let validator = AnswerValidator(form: form, today: "2024-04-01")
    #expect(validator.offeredChoices(of: "district", given: ["province": .choice("bg")]).map(\.name) == ["vy", "hh"])
    #expect(validator.offeredChoices(of: "district", given: [:]).isEmpty)
    let fine = try validator.validate(["province": .choice("bg"), "district": .choice("vy")]).get()
    #expect(fine.values["shown"] == .text("Việt Yên"))
    guard case .failure(let faults) = validator.validate(["province": .choice("bn"), "district": .choice("vy")]) else {
      throw CancellationError()
    }
    #expect(faults.faults.map(\.kind) == [.unknownChoice])
    #expect(validator.withoutIrrelevant(["province": .choice("bn"), "district": .choice("vy")]) == ["province": .choice("bn")])
    #expect(try Form(canonicalJSON: form.canonicalJSON) == form)
  }

  @Test func aDefaultIsTheFirstAnswerShown() throws {
    let form = try form([
      "integer,n,N,,,,,5", "date,d,D,,,,,today()", "date,e,E,,,,,2024-03-26", "integer,m,M,,,,,${n} * 2", "text,t,T,,,,,a - b",
      "hidden,h,,,,,,kín", "calculate,c,,,,\"concat(${h}, ${n})\",,",
    ])
    let validator = AnswerValidator(form: form, today: "2024-04-01")
    #expect(validator.initialAnswer(to: "n", given: [:]) == .integer(5))
    #expect(validator.initialAnswer(to: "d", given: [:]) == .date("2024-04-01"))
    #expect(validator.initialAnswer(to: "e", given: [:]) == .date("2024-03-26"))
    #expect(validator.initialAnswer(to: "m", given: ["n": .integer(4)]) == .integer(8))
    #expect(validator.initialAnswer(to: "t", given: [:]) == .text("a - b"))
    #expect(validator.initialAnswer(to: "h", given: [:]) == .text("kín"))
    #expect(validator.calculated("c", given: ["n": .integer(1)]) == .text("kín1"))
    #expect(try Form(canonicalJSON: form.canonicalJSON) == form)
  }

  @Test func whatCannotBeMeantIsRefusedByName() {
    let one = "integer,a,A,,,,,"
    for (rows, says) in [
      ([one, "calculate,b,,,,${c},,", "calculate,c,,,,${b} + 1,,"], "in a circle: b, c"),
      (household + ["calculate,b,,,,${person},,"], "is a repeat, not a question"),
      (["begin repeat,r,R,${x} > 1,,,,", "integer,x,X,,,,,", "end repeat,,,,,,,"], "in a circle"),
      (["begin repeat,r,R,${n} > 1,,,,", "integer,x,X,,,,,", "end repeat,,,,,,,", "calculate,n,,,,count(${r}),,"], "in a circle"),
      ([one, "calculate,b,,,,\"jr:choice-name(${a}, '${a}')\",,"], "has no choices whose label"),
    ] {
      let found = problems(rows)
      #expect(found.contains { $0.contains(says) }, "\(says): \(found)")
    }
  }

  @Test func headingsInOldSpellingsAndAnyCaseAreUnderstood() throws {
    let form = try XLSFormImport.form(
      survey: Data("Type,Name,Label::English (en),Relevance\nselect_one l,a,A,\ntext,b,B,${a} = 'x'\n".utf8),
      choices: Data("List Name,Value,Label::English (en)\nl,x,X\n".utf8),
      settings: Data("Form Title,Form ID,Version,default language\nT,t,1,English (en)\n".utf8))
    #expect(form.question(named: "b")?.relevant?.source == "${a} = 'x'")
  }
}
