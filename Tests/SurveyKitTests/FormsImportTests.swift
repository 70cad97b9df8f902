import Foundation
import SyncKit
import Testing

@testable import SurveyKit

@Suite struct FormsImportTests {
  @Test func surveyFormIsRead() throws {
    let form = try Samples.form("pks01")
    #expect(form.id == "pks01")
    #expect(form.version == "2024032601")
    #expect(form.languages.map(\.code) == ["vi", "en"])
    #expect(form.defaultLanguage == "vi")
    #expect(form.title.text(in: "vi").hasPrefix("Phiếu khảo sát PKS 01"))
    #expect(form.questions.filter(\.kind.isAsked).count == 25)
    let petitions = try #require(form.question(named: "e4_answered"))
    #expect(petitions.constraint?.source == ". >= 0 and . <= ${e3_petitions}")
    #expect(petitions.constraintMessage?.localized.en == "No more than the number raised.")
    #expect(petitions.required?.source == "true()")
    let agency = try #require(form.question(named: "a1_agency"))
    #expect(form.choices(of: agency).map(\.name) == ["dang_uy", "ubnd", "mttq", "ctxh"])
  }

  @Test func reportFormIsReadWithItsRepeatAndCalculation() throws {
    let form = try Samples.form("report01")
    #expect(form.repeats.map(\.name) == ["photos"])
    #expect(form.question(named: "photo")?.maxPixels == 1_280)
    #expect(form.question(named: "answer_rate")?.calculation?.references == ["officials_total", "answered"])
  }

  @Test(arguments: ["pks01", "report01"])
  func definitionHasOneSpellingAndIsReadBack(_ id: String) throws {
    let form = try Samples.form(id)
    let json = form.canonicalJSON
    let again = try Form(canonicalJSON: json)
    #expect(again == form)
    #expect(again.canonicalJSON == json)
    #expect(String(decoding: json, as: UTF8.self).hasPrefix(#"{"default_language":"vi","id":"\#(id)","items":["#))
  }

  @Test func damagedDefinitionIsRefusedWithAReason() throws {
    let json = String(decoding: try Samples.form("pks01").canonicalJSON, as: UTF8.self)
    for (old, new) in [
      ("${e3_petitions} > 0", "${nobody} > 0"), ("${e3_petitions} > 0", "${e3_petitions} > "),
      ("\"type\":\"integer\"", "\"type\":\"hologram\""),
      ("\"list\":\"agency\"", "\"list\":\"nothing\""), ("\"name\":\"a1_agency\"", "\"name\":\"a2_position\""),
      ("\"items\":[", "\"items\":{"),
    ] {
      #expect(json.contains(old))
      let error = #expect(throws: FormDefinitionError.self) {
        try Form(canonicalJSON: Data(json.replacingOccurrences(of: old, with: new).utf8))
      }
      #expect(error?.problems.isEmpty == false)
    }
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: FormDefinitionError.self) { try Form(canonicalJSON: Data(deep.utf8)) }
    #expect(throws: FormDefinitionError.self) { try Form(canonicalJSON: Data()) }
  }

  struct Broken: CustomTestStringConvertible, Sendable {
    var sheet = "survey"
    let old: String
    let new: String
    let row: Int?
    let column: String?
    let says: String
    var testDescription: String { says }
  }

  @Test(arguments: [
    Broken(old: "date,report_date", new: "hologram,report_date", row: 5, column: "type", says: "no type \"hologram\""),
    Broken(old: "date,report_date", new: "video,report_date", row: 5, column: "type", says: "\"video\" cannot be asked here"),
    Broken(old: "date,report_date", new: ",report_date", row: 5, column: "type", says: "blank"),
    Broken(old: "select_one role,", new: "select_one,", row: 6, column: "type", says: "the list is missing"),
    Broken(old: "select_one role,", new: "select_one rolle,", row: 6, column: "type", says: "no list \"rolle\""),
    Broken(old: "date,report_date", new: "date role,report_date", row: 5, column: "type", says: "no type \"date role\""),
    Broken(old: "integer,meetings,", new: "integer,,", row: 11, column: "name", says: "the name is blank"),
    Broken(old: "integer,meetings,", new: "integer,số họp,", row: 11, column: "name", says: "cannot be used"),
    Broken(old: "integer,meetings,", new: "integer,channels,", row: 11, column: "name", says: "already used"),
    Broken(old: "Ngày báo cáo,Report date", new: ",Hello ${nobody}", row: 5, column: "label::English (en)", says: "no question \"nobody\""),
    Broken(
      old: "\"selected(${channels}, 'khac')\"", new: "\"selected(${chanels}, 'khac')\"", row: 10, column: "relevant",
      says: "no question \"chanels\""),
    Broken(
      old: "\"selected(${channels}, 'khac')\"", new: "\"selected(${channels}, 'khac'\"", row: 10, column: "relevant", says: "half-way"),
    Broken(
      old: "\"selected(${channels}, 'khac')\"", new: "\"indexed(${channels}, 'khac')\"", row: 10, column: "relevant",
      says: "no function \"indexed\""),
    Broken(
      old: "\"selected(${channels}, 'khac')\"", new: "${channels_other} = 'x'", row: 10, column: "relevant",
      says: "in a circle: channels_other"),
    Broken(
      old: "if(${officials_total} > 0", new: "if(${answer_rate} > 0", row: 17, column: "calculation", says: "in a circle: answer_rate"),
    Broken(old: "date('2024-03-26')", new: "date('2024-26-03')", row: 5, column: "constraint", says: "must exist"),
    Broken(old: "yes,Câu này", new: "report_date,Câu này", row: 5, column: "required", says: "a name on its own"),
    Broken(old: "begin group,r,", new: "begin repeat,r,", row: 7, column: "type", says: "must be end repeat"),
    Broken(old: "end repeat,", new: "end group,", row: 26, column: "type", says: "must be end repeat"),
    Broken(old: "type,name,", new: "kind,name,", row: nil, column: "type", says: "the column type is missing"),
    Broken(sheet: "choices", old: "role,thanh_vien", new: "role,to_truong", row: 3, column: "name", says: "twice in the list"),
    Broken(sheet: "choices", old: "channel,khac", new: "channel,khac nua", row: 11, column: "name", says: "cannot be used"),
    Broken(sheet: "choices", old: "role,thanh_vien", new: "role,", row: 3, column: "name", says: "has no code"),
  ])
  func brokenCellIsNamedWithItsRemedy(_ broken: Broken) throws {
    let problems = try Samples.edited(broken.old, broken.new, in: broken.sheet).problems
    let found = problems.contains {
      $0.sheet == broken.sheet && $0.row == broken.row && $0.column == broken.column && $0.message.en.contains(broken.says)
    }
    #expect(found, "found instead: \(problems.map(\.explanation.en))")
    #expect(problems.allSatisfy { !$0.message.vi.isEmpty })
  }

  @Test func oneBadCellIsOneProblem() throws {
    for (old, new) in [
      ("date,report_date", "hologram,report_date"), ("${channels}, 'khac'", "${chanels}, 'khac'"),
      ("integer,meetings", "integer,channels"),
    ] {
      #expect(try Samples.edited(old, new).problems.count == 1)
    }
  }

  @Test func allProblemsComeAtOnceInOrder() throws {
    let problems = Samples.small(
      """
      hologram,place,Where?,,,,,
      text,a,A?,${nobody} = 1,,,,
      text,a,Again?,,(,,,
      begin group,g,G,,,,,
      select_one none,b,B?,,,,,
      """
    ).problems
    #expect(problems.map(\.row) == [2, 3, 4, 4, 5, 6])
    #expect(Set(problems.map(\.sheet)) == ["survey"])
  }

  @Test func groupsMustBalance() {
    #expect(Samples.small("begin group,g,G,,,,,\ntext,a,A?,,,,,\n").problems.first?.message.en.contains("never ends") == true)
    #expect(Samples.small("text,a,A?,,,,,\nend group,,,,,,,\n").problems.map(\.row) == [3])
    #expect(Samples.small("calculate,c,,,,1 + 1,,\n").problems.first?.message.en.contains("asks nothing") == true)
  }

  @Test func longerCirclesAreFound() {
    let problems = Samples.small("text,a,A?,${b} = 1,,,,\ntext,b,B?,${c} = 1,,,,\ncalculate,c,,,,${a} + 1,,\ntext,d,D?,${a} = 1,,,,\n")
      .problems
    #expect(problems.count == 1)
    #expect(problems.first?.message.en.contains("a, b, c") == true)
  }

  @Test func missingFilesAreNamed() {
    let error = #expect(throws: FormProblems.self) { try XLSFormImport.form(folder: URL(fileURLWithPath: "/nonexistent")) }
    #expect(error?.problems.contains { $0.sheet == "survey" && $0.message.en.contains("no survey.csv") } == true)
  }

  @Test func hostileSheetsAreRefusedNotOverflowed() {
    let deep = String(repeating: "begin group,g,G,,,,,\n", count: 5_000) + "text,a,A?,,,,,\n"
    #expect(!Samples.small(deep).problems.isEmpty)
    let long = (0...Form.formItemsMax).map { "text,q\($0),Q?,,,,,\n" }.joined()
    #expect(Samples.small(long).problems.contains { $0.message.en.contains("more than \(Form.formItemsMax)") })
  }
}
