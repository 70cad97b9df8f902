import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

/// A form with many mistakes: each is told once, at its place, whatever the others are.
@Suite struct FormsAttackTests {
  private static let survey = """
    type,name,label::English (en),relevant,constraint,calculation,choice_filter,required,constraint_message::English (en),default,parameters,appearance
    hologram,where,Where?,,,,,,,,,
    text,2nd,Second name,,,,,,,,,
    text,a,A?,${nobody} = 1,,,,,,,,
    text,a,Again?,,,,,,,,,
    integer,b,B?,,. > (3,,,,Too small.,,,
    integer,c,,,,,,,,,,
    select_one nolist,d,D?,,,,,,,,,
    select_one,e,E?,,,,,,,,,
    select_one colour,f,F?,,,,shade = 'x',,,,,
    text,g,G?,. = 2,,,,,,,,
    text,h,H?,"selected(${f}, 'green')",,,,,,,,
    text,i,I?,frobnicate(${a}),,,,,,,,
    text,j,J?,,"regex(., '(a')",,,,No.,,,
    calculate,k,,,,,,,,,,
    calculate,l,,,,${m} + 1,,,,,,
    calculate,m,,,,${l} + 1,,,,,,
    integer,n,N?,,,,,,,many,,
    text,o,O?,,,,,,Message without a rule.,,,
    image,p,P?,,,,,,,,max-bytes=9,
    text,q,Q?,,,,,,,,,search('x')
    begin repeat,r,R,,,,,,,,,
    text,s,S?,,,,,,,,,
    end repeat,,,,,,,,,,,
    text,t,T?,${s} = 'x',,,,,,,,
    text,response_id,U?,,,,,,,,,
    text,v,V?,,,,name = 'x',,,,,
    note,w,W,,,,,yes,,,,
    text,x,X?,${w} = 1,,,,,,,,
    select_one colour or_other,y,Y?,,,,,,,,,
    ,z,Z?,,,,,,,,,
    begin group,never,Never closed,,,,,,,,,
    text,last,Last?,date('2024-13-01') = today(),,,,,,,,

    """
  private static let choices = """
    list_name,name,label::English (en),shade
    colour,red,Red,dark
    colour,red,Red again,dark
    colour,light blue,Light blue,
    colour,black,,

    """
  private static let settings = "form_title,form_id,version,default_language,password\nBad,my form,,Français (fr),x\n"

  /// Sheet, row and column of each mistake.
  private static let places: [String] = [
    "survey 2 type", "survey 3 name", "survey 4 relevant", "survey 5 name", "survey 6 constraint", "survey 8 type", "survey 9 type",
    "survey 13 relevant", "survey 14 constraint", "survey 15 calculation", "survey 16 calculation",
    "survey 31 type", "survey 32 type", "survey 33 relevant", "choices 3 name",
  ]
  /// Of each cell that can be carried out and means nothing, or hardly what its author wants.
  private static let oddities: [String] = [
    "settings 2 password", "settings 2 form_id", "settings 2 default_language", "survey 7 label::English (en)", "survey 12 relevant",
    "survey 18 default", "survey 19 constraint_message::English (en)", "survey 20 parameters", "survey 21 appearance", "survey 25 relevant",
    "survey 27 choice_filter",
    "survey 28 required", "survey 29 relevant", "choices 5 label::English (en)",
  ]

  private func places(_ problems: [FormProblem]) -> [String] {
    problems.map { "\($0.sheet) \($0.row.map(String.init) ?? "nil") \($0.column ?? "nil")" }
  }

  @Test func everyMistakeIsToldOnceAtItsPlace() throws {
    let error = #expect(throws: FormProblems.self) {
      try XLSFormImport.form(survey: Data(Self.survey.utf8), choices: Data(Self.choices.utf8), settings: Data(Self.settings.utf8))
    }
    let problems = try #require(error).problems
    #expect(places(problems).sorted() == Self.places.sorted(), "\(problems.map(\.explanation.en))")
    #expect(problems.allSatisfy { $0.message.vi != $0.message.en })
  }

  @Test func everyOddityIsToldOnceAtItsPlace() throws {
    // Without the rows that hold a mistake, which would be all that is told.
    let wrong = Set(Self.places.compactMap { $0.hasPrefix("survey ") ? Int($0.split(separator: " ")[1]) : nil } + [17, 30])
    let rows = Self.survey.components(separatedBy: "\n").enumerated()
    let survey = rows.map { wrong.contains($0.offset + 1) ? "" : $0.element }.joined(separator: "\n")
    let choices = Self.choices.replacingOccurrences(of: "colour,red,Red again,dark", with: "")
    let reading = try XLSFormImport.reading(
      survey: Data(survey.utf8), choices: Data(choices.utf8), settings: Data(Self.settings.utf8))
    #expect(places(reading.warnings).sorted() == Self.oddities.sorted(), "\(reading.warnings.map(\.explanation.en))")
    #expect(reading.warnings.allSatisfy { $0.message.vi != $0.message.en })
  }

  @Test func aPatternThatOthersChokeOnIsMatchedInOnePass() throws {
    let rule = try FormExpression("regex(., '(a+)+(b|c|aa)*$') or regex(., '(x+x+)+y')")
    let scope = ExpressionScope(today: "2024-04-01", current: .string(String(repeating: "ax", count: 8_000) + "!"))
    #expect(!rule.holds(in: scope))
  }

  @Test func rowsFarBelowAreLeftOutAndCounted() {
    func row(_ number: Int, _ cells: String...) -> WorkbookRow {
      WorkbookRow(number: number, cells: Dictionary(cells.enumerated().map { ($0.offset, $0.element) }, uniquingKeysWith: { $1 }))
    }
    let rows = [row(1, "type", "name", "label"), row(2, "text", "a", "A"), row(63, "text", "b", "B"), row(125, "hologram"), row(126, "x")]
    let table = XLSFormTable(Workbook.Sheet(name: "survey", rows: rows, errorCells: [(125, 0, "#REF!")]))
    #expect(table.records.map(\.row) == [2, 63] && table.faults.isEmpty)
    #expect(table.remark?.en == "2 rows from row 125 on stand below more than 60 blank rows and are passed over.")
  }
}
