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

  /// Problems of a form whose rows are given by column.
  private func problems(_ rows: [[String: String]]) -> [String] {
    do throws(FormProblems) {
      _ = try XLSFormImport.form(survey: Data(ScoredForm.csv(rows).utf8), choices: nil, settings: nil)
      return []
    } catch { return error.problems.map(\.message.en) }
  }

  private func asked(_ column: String, _ rule: String) -> [[String: String]] {
    [["type": "text", "name": "a", "label": "A", column: rule]]
  }

  private func calculations(_ count: Int, _ source: (Int) -> String) -> [[String: String]] {
    asked("hint", "") + (0..<count).map { ["type": "calculate", "name": "c\($0)", "label": "", "calculation": "\(source($0)) + 1"] }
  }

  @Test func whatWouldExhaustAReaderIsOneSentence() {
    let parentheses = String(repeating: "(", count: 15_000) + "1" + String(repeating: ")", count: 15_000)
    let groups = String(repeating: "(", count: 2_000) + "a" + String(repeating: ")", count: 2_000)
    for (rows, says) in [
      (asked("relevant", parentheses), "nested deeper than \(FormExpression.expressionDepthMax)"),
      (asked("relevant", (0..<4_000).map { "${a} > \($0)" }.joined(separator: " or ")), "longer than \(FormExpression.expressionBytesMax)"),
      (asked("relevant", (0..<1_000).map { _ in "1" }.joined(separator: " + ")), "nested deeper than"),
      (asked("relevant", "(" + String(repeating: "not(", count: 5_000)), "nested deeper than"),
      (calculations(3_000) { "${c\(($0 + 1) % 3_000)}" }, "in a circle: c0, c1, c2"),
      (asked("constraint", "regex(., '((a{1,1000}){1,1000}){1,1000}')"), "the regex pattern is too large"),
      (asked("constraint", "regex(., '\(groups)')"), "the regex pattern"),
    ] {
      let found = problems(rows)
      #expect(found.count == 1 && found.first?.contains(says) == true, "\(says): \(found.prefix(3))")
    }
    // A chain of values that hang on one another is none.
    let chain = problems(calculations(3_000) { $0 == 0 ? "${a}" : "${c\($0 - 1)}" })
    #expect(chain.isEmpty, "\(chain.prefix(3))")
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

  // MARK: Bounds

  /// - Returns: All that is said of sheets with these lines, and how many problems there are.
  private func refusal(_ survey: String, choices: String? = nil) -> (says: [String], count: Int) {
    do throws(FormProblems) {
      _ = try XLSFormImport.form(survey: Data(survey.utf8), choices: choices.map { Data($0.utf8) }, settings: nil)
      return ([], 0)
    } catch { return (error.problems.map(\.message.en), error.count) }
  }

  @Test func mistakesBeyondTheFirstAreOnlyCounted() {
    let types = refusal("type,name,label\n" + (0..<5_000).map { "hologram,q\($0),${x}\n" }.joined())
    #expect(types.says.count == FormProblems.formProblemsMax && types.count == 5_000)
    // Mistakes that only the whole form shows.
    let names = refusal("type,name,label,relevant\n" + (0..<3_000).map { "text,q\($0),Q,${x\($0)} = ${y\($0)}\n" }.joined())
    #expect(names.says.count == FormProblems.formProblemsMax && names.count == 6_000)
    let labels = refusal(
      "type,name,label\n" + (0..<600).map { row in "text,q\(row),Q" + (0..<10).map { "${z\($0)}" }.joined() + "\n" }.joined())
    #expect(labels.says.count == FormProblems.formProblemsMax && labels.count == 6_000)
    let codes = refusal(
      "type,name,label\nselect_one l,q,Q\n", choices: "list_name,name,label\n" + (0..<9_000).map { _ in "l,a,A\n" }.joined())
    #expect(codes.says.count == FormProblems.formProblemsMax && codes.count == 8_999)
  }

  @Test func oneRuleSaysItsFirstMistakes() {
    let rule = (0..<1_000).map { "${x\($0)}" }.joined(separator: " or ")
    let found = refusal("type,name,label,relevant\ntext,q,Q,\(rule)\n")
    #expect(found.count == FormCheck.findingsOfRuleMax)
  }

  @Test func warningsOfAKindAreCountedAndTheirFirstCellsListed() throws {
    let rows = (0..<3_000).map { "text,q\($0),Q,x,\($0 % 2 == 0 ? "y" : "")\n" }.joined()
    let reading = try XLSFormImport.reading(survey: Data("type,name,label,mine,yours\n\(rows)".utf8), choices: nil, settings: nil)
    #expect(reading.warningCount == 4_500 && reading.warnings.count == 2 * WarningList.cellsMax)
    #expect(reading.remarks.count == 2 && reading.remarks[0].en.hasSuffix("(3000 cells: rows 2, 3, 4, 5, 6, …)"), "\(reading.remarks)")
    // Of every kind beyond the bound only the cells are counted.
    let columns = (0..<400).map { "c\($0)" }
    let wide =
      "type,name,label,\(columns.joined(separator: ","))\n"
      + (0..<20).map { "text,q\($0),Q" + columns.map { _ in ",x" }.joined() + "\n" }.joined()
    #expect(try XLSFormImport.reading(survey: Data(wide.utf8), choices: nil, settings: nil).warningCount == 8_000)
    var list = WarningList()
    for number in 0..<(WarningList.kindsMax + 7) { list.add("survey", "c\(number)", LocalizedText("x"), rows: [1, 2]) }
    #expect(list.count == 2 * (WarningList.kindsMax + 7) && list.more == 14 && list.kept.count == 2 * WarningList.kindsMax)
  }

  @Test func sheetsAndListsOfTooManyRowsAreOneSentence() throws {
    let long = refusal("type,name\n" + String(repeating: "x,\n", count: XLSFormSheet.sheetRowsMax + 1))
    #expect(long.count == 1 && long.says[0].contains("more than \(XLSFormSheet.sheetRowsMax) rows"), "\(long)")
    let wide = "type,name" + (0..<400).map { ",c\($0)" }.joined() + "\n"
    let broad = refusal(wide + String(repeating: "x" + String(repeating: ",", count: 401) + "\n", count: 2_600))
    #expect(broad.count == 1 && broad.says[0].contains("\(XLSFormSheet.sheetCellsMax) cells"), "\(broad)")
    let heavy = refusal("type,name,label\ntext,q,\(String(repeating: "x", count: XLSFormSheet.sheetBytesMax))\n")
    #expect(heavy.count == 1 && heavy.says[0].contains("larger than \(XLSFormSheet.sheetBytesMax) bytes"), "\(heavy)")
    let towns = "name,label\n" + String(repeating: "a,b\n", count: Form.formChoicesMax + 1)
    let commas =
      (0..<400).map { "c\($0)" }.joined(separator: ",") + "\n" + String(repeating: String(repeating: ",", count: 399) + "\n", count: 1_300)
    for list in [towns, commas] {
      let fault = #expect(throws: ListFile.Fault.self) { try ListFile.rows(Data(list.utf8), name: "towns.csv") }
      #expect(fault?.explanation.en.contains("\(Form.formChoicesMax) rows or \(ListFile.cellsMax) cells") == true, "\(list.prefix(9))")
    }
  }

  @Test func aLanguageHasABoundedName() {
    let found = refusal("type,name,label::\(String(repeating: "a", count: SheetLanguages.languageBytesMax + 1))\ntext,q,Q\n")
    #expect(found.count == 1 && found.says[0].contains("the language in the heading cannot be read"), "\(found)")
  }

  /// Nothing, however often, is nothing: without a bound a billion steps.
  @Test func aPatternOfNothingIsReadAtOnce() throws {
    let pattern = try LinearPattern("(((){1000}){1000}){1000}")
    #expect(pattern.matches("") && !pattern.matches("a"))
  }

  /// Each path is read once, however many steps it has.
  @Test func aRuleOfStepsAloneStaysAsItIs() {
    let paths = XFormPaths(root: "data", base: "/data/a", names: ["/data/a": "a"])
    for step in ["../", "/", "/1", "../1/"] {
      let source = String(repeating: step, count: 20_000)
      #expect(paths.withReferences(source) == source)
    }
    #expect(paths.withReferences("../../1 + /data/a") == "../../1 +${a}")
  }

  @Test func anElementHasABoundedNumberOfAttributes() throws {
    func document(_ count: Int, before: String = "") -> Data {
      Data("<a>\(before)<b \((0..<count).map { "x\($0)=\"1 = '2' > 0\"" }.joined(separator: " "))/></a>".utf8)
    }
    #expect(try XMLNode.document(document(XMLEvents.xmlAttributesMax)).first("b")?.attributes.count == XMLEvents.xmlAttributesMax)
    for before in ["", "<!-- <c ' -->", "<?p ' ?>", "<![CDATA[<c ']]>", "<!--> <c \" -->"] {
      let fault = #expect(throws: WorkbookFault.self) { try XMLNode.document(document(XMLEvents.xmlAttributesMax + 1, before: before)) }
      #expect(fault?.kind == .tooManyAttributes, "\(before)")
    }
  }
}
