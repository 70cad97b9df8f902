import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

/// The Python of the build folder, in which `make deps` installs what the tests compare with.
enum Python {
  static let packaged = Samples.package.appendingPathComponent(".build/python/bin/python").path
  static var hasPackages: Bool { FileManager.default.isExecutableFile(atPath: packaged) }
  static let absent: Comment = "Needs pyxform and openpyxl: run `make deps`."

  /// Runs one of the fixtures' scripts and requires that it succeeds.
  @discardableResult
  static func run(_ script: String, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let file = Samples.package.appendingPathComponent("Tests/SurveyKitTests/Fixtures/\(script)").path
    let python = hasPackages ? packaged : "/usr/bin/python3"
    let ended = try await Tool.run(python, [file] + arguments)
    try #require(ended.status == 0, "\(script): \(ended.errors)", sourceLocation: sourceLocation)
    return ended.output
  }
}

@Suite struct FormsWorkbookTests {
  private static func campaignFile(_ name: String) -> URL { Samples.campaign.appendingPathComponent(name) }

  private func result(_ file: URL) -> Result<Form, FormProblems> {
    Result { () throws(FormProblems) in try XLSFormImport.form(xlsx: file) }
  }

  @Test(arguments: ["pks01", "report01"])
  func workbookAndFolderGiveTheSameForm(_ id: String) throws {
    let form = try XLSFormImport.form(xlsx: Self.campaignFile(id + ".xlsx"))
    #expect(form.canonicalJSON == (try Samples.form(id).canonicalJSON))
  }

  @Test(.long, arguments: ["pks01", "report01"])
  func everyWayToStoreATextGivesTheSameForm(_ id: String) async throws {
    let folder = try TemporaryFolder()
    try await Python.run("workbooks.py", ["hand", Self.campaignFile(id + ".xlsform").path, folder.path])
    for name in ["inline", "shared-rich", "strict-prefixed", "formulas", "no-references"] {
      let form = try XLSFormImport.form(xlsx: URL(fileURLWithPath: folder.path + "/\(name).xlsx"))
      #expect(form.canonicalJSON == (try Samples.form(id).canonicalJSON), "\(name)")
    }
  }

  @Test(.long) func hostileAndDamagedFilesAreRefusedWithAReason() async throws {
    let folder = try TemporaryFolder()
    try await Python.run("workbooks.py", ["hand", Self.campaignFile("report01.xlsform").path, folder.path])
    for (name, says) in [
      ("entity.xlsx", "DOCTYPE"), ("laughs.xlsx", "DOCTYPE"), ("utf16.xlsx", "UTF-8"), ("utf7.xlsx", "UTF-8"),
      ("bomb.xlsx", "inflates to more than"), ("deep.xlsx", "nests deeper"), ("entries.xlsx", "parts"), ("far-row.xlsx", "beyond row"),
      ("far-column.xlsx", "beyond column"), ("long-cell.xlsx", "longer than"), ("bad-index.xlsx", "damaged"), ("torn.xlsx", "damaged"),
      ("crossed.xlsx", "damaged"),
      ("cut.xlsx", "damaged"), ("old.xls", "old .xls"), ("password.xlsx", "has a password"), ("open.xlsx", "OpenDocument"),
      ("text.xlsx", "text such as CSV"), ("nothing.xlsx", "is empty"), ("picture.xlsx", "not an .xlsx workbook"),
      ("archive.xlsx", "not an .xlsx workbook"), ("many-texts.xlsx", "more than 200000 texts"), ("long-text.xlsx", "longer than"),
      ("twice.xlsx", "two sheets called survey"), ("nowhere.xlsx", "cannot be read"),
      ("attributes.xlsx", "more than \(XMLEvents.xmlAttributesMax) attributes"),
      ("one-text-everywhere.xlsx", "more than \(Workbook.sheetBytesMax) bytes of text"), ("one-row-again.xlsx", "beyond row"),
      ("much-text.xlsx", "larger than \(XLSFormSheet.sheetBytesMax) bytes"),
      ("wide.xlsx", "more than \(XLSFormSheet.sheetRowsMax) rows or \(XLSFormSheet.sheetCellsMax) cells"),
    ] {
      let problems = result(URL(fileURLWithPath: folder.path + "/" + name)).problems
      #expect(problems.count == 1, "\(name): \(problems)")
      #expect(problems.first?.explanation.en.contains(says) == true, "\(name): \(problems.map(\.explanation.en))")
    }
    let problems = result(URL(fileURLWithPath: folder.path + "/error-cell.xlsx")).problems
    #expect(
      problems.filter { $0.row == 7 && $0.column == "name" }.map { $0.message.en.hasPrefix("the cell holds the error #REF!") } == [true])
  }

  @Test func everyPrefixOfAWorkbookIsRefusedWithoutACrash() throws {
    let whole = try Data(contentsOf: Self.campaignFile("report01.xlsx"))
    for length in stride(from: 0, to: whole.count, by: 199) {
      #expect(throws: FormProblems.self) { try XLSFormImport.form(xlsx: whole.prefix(length)) }
    }
  }

  /// Saved by LibreOffice 7.4: hidden column and row, blank rows and cells with formats only, formulas, merged cells, a comment,
  /// numbers and truth values where texts were meant, days as numbers, sheet names in other cases and with spaces.
  @Test func whatLibreOfficeSavedIsRead() throws {
    let file = Samples.package.appendingPathComponent("Tests/SurveyKitTests/Fixtures/libreoffice.xlsx")
    let form = try XLSFormImport.form(xlsx: file)
    #expect(form.id == "la" && form.version == "2024-03-26" && form.languages.map(\.code) == ["vi"])
    #expect(form.questions.map(\.name) == ["huyen", "xa", "so", "ngay", "doi", "y_kien"])
    #expect(form.question(named: "huyen")?.required?.source == "true()" && form.question(named: "so")?.required == nil)
    #expect(form.question(named: "so")?.hint?.text(in: "vi") == "số nguyên")
    #expect(form.question(named: "y_kien")?.hint?.text(in: "vi") == "Viết ngắn")
    #expect(form.question(named: "xa")?.choiceFilter?.source == "huyen = ${huyen}")
    #expect(form.choiceLists["huyen"]?.map { "\($0.name) \($0.label.text(in: "vi"))" } == ["1 Huyện Một", "2 2.5"])
    #expect(
      form.choiceLists["xa"]?.map { "\($0.name) \($0.label.text(in: "vi")) \($0.attributes["huyen"] ?? "")" }
        == ["01 Xã Một 1", "02 TRUE 2", "03 Xã Ba 2"])
  }

  @Test(.enabled(if: Python.hasPackages, Python.absent))
  func reorderedHiddenAndSpacedSheetsOfAnotherProgramAreRead() async throws {
    let folder = try TemporaryFolder()
    try await Python.run("workbooks.py", ["openpyxl", Self.campaignFile("report01.xlsform").path, folder.path])
    let form = try XLSFormImport.form(xlsx: URL(fileURLWithPath: folder.path + "/reordered.xlsx"))
    let original = try Samples.form("report01")
    #expect(form.items == original.items)
    #expect(form.choiceLists == original.choiceLists)
    #expect(Set(form.languages) == Set(original.languages))
  }

  @Test(.enabled(if: Python.hasPackages, Python.absent))
  func numbersBooleansDaysAndMergedCellsAreTheTextsTheirAuthorSees() async throws {
    let folder = try TemporaryFolder()
    try await Python.run("workbooks.py", ["openpyxl", Self.campaignFile("report01.xlsform").path, folder.path])
    let form = try XLSFormImport.form(xlsx: URL(fileURLWithPath: folder.path + "/kinds.xlsx"))
    #expect(form.version == "2024-03-26")
    #expect(form.choiceLists["so"]?.map(\.name) == ["1", "2"])
    #expect(form.choiceLists["so"]?.map { $0.label.text(in: "vi") } == ["10", "2.5"])
    #expect(form.question(named: "q1")?.required?.source == "true()")
    #expect(form.question(named: "q2")?.required == nil)
    #expect(form.question(named: "q3")?.label?.text(in: "vi") == "Câu 3 gộp ô")
  }
}
