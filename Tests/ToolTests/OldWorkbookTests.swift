import Foundation
import TestSupport
import Testing

/// Workbooks of other programs, read through LibreOffice where it is installed.
@Suite(
  .long,
  .enabled(
    if: ToolProcess.find("soffice") != nil && FileManager.default.isExecutableFile(atPath: WebFormTests.python),
    "Needs LibreOffice Calc and openpyxl."))
struct OldWorkbookTests {
  @Test(arguments: ["xls", "ods"]) func aWorkbookOfAnotherKindIsRead(_ ending: String) async throws {
    let folder = try TemporaryFolder()
    let sheets = #"{"survey": [["type", "name", "label"], ["text", "t", "Tên?"]]}"#
    let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/workbook.py").path
    try #require(try await Tool.run(WebFormTests.python, [script, folder.path + "/water.xlsx", sheets]).status == 0)
    let office = try #require(ToolProcess.find("soffice"))
    let profile = "-env:UserInstallation=file://\(folder.path)/profile"
    _ = try await Tool.run(office, [profile, "--headless", "--convert-to", ending, "--outdir", folder.path, folder.path + "/water.xlsx"])
    let checked = try await HubTool.run(["forms", "check", folder.path + "/water.\(ending)", "--lang", "en"])
    #expect(
      checked.status == 0 && checked.output.contains("water version 1 is in order: 1 questions"), "\(checked.output)\(checked.errors)")
    // What is none is said by LibreOffice's making nothing of it.
    try Data([0xD0, 0xCF, 0x11, 0xE0, 0, 1, 2]).write(to: URL(fileURLWithPath: folder.path + "/bad.\(ending)"))
    let refused = try await HubTool.run(["forms", "check", folder.path + "/bad.\(ending)", "--lang", "en"])
    #expect(refused.status == 1 && !refused.errors.isEmpty, "\(refused.output)")
  }
}
