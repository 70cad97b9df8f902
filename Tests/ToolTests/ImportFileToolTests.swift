import Foundation
import SurveyKit
import SurveyKitField
import SyncKit
import TestSupport
import Testing

/// `field import` with the files that people have.
@Suite struct ImportFileToolTests {
  @Test func theExampleIsImportedAsItIsPrinted() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    for form in [[], ["pks01"]] {
      let example = try await field.run(["import", "--example"] + form)
      #expect(example.code == 0 && example.out.hasPrefix("\u{FEFF}response_id,commune_code,"), "\(example.err)")
      #expect(example.err.contains("delete it before importing"))
      try world.write(example.out, to: "example.csv")
      let imported = try await field.run("import", "example.csv", "--json")
      let counts = imported.object["counts"] as? [String: Any]
      #expect(imported.code == 0 && counts?["accepted"] as? Int == 1 && counts?["rows"] as? Int == 1, "\(imported.err)")
    }
    // The daily report is filed by name, and nobody's anonymous answer.
    let report = try await field.run("import", "--example", "report01")
    #expect(report.code == 1 && report.out.isEmpty && report.err.contains("field report"), "\(report.err)")
    let json = try await field.run("import", "--example", "--json")
    #expect((json.object["heading"] as? [String])?.first == "response_id" && (json.object["row"] as? [String])?.first == "example-1")
    #expect(try await field.run("import").code == 64)
  }

  @Test func aFormIsListedByItsNamesAndCodes() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let shown = try await field.run("forms", "pks01")
    #expect(shown.out.contains("a1_agency") && shown.out.contains("select_one") && shown.out.contains("  dang_uy"), "\(shown.out)")
    let questions = try await field.run("forms", "pks01", "--json", "--lang", "vi").object["questions"] as? [[String: Any]]
    let first = try #require(questions?.first { $0["name"] as? String == "a1_agency" })
    #expect((first["choices"] as? [[String: String]])?.contains { $0["code"] == "dang_uy" && $0["label"]?.isEmpty == false } == true)
    #expect(try await field.run("forms", "nosuch").code == 1)
  }

  @Test(.long) func whatExcelMakesOfAFileIsTheSameAnswers() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let table = try CSVTable(Data(try FieldToolWorld.answersCSV(12).utf8))
    // Columns that the device knows itself are left out, zeros are lost, headings are shouted, columns and rows stand empty.
    let dropped: Set = ["form_id", "form_version", "language", "received_at", "fault"]
    let kept = table.header.indices.filter { !dropped.contains(table.header[$0]) }
    func row(_ fields: [String], _ separator: Character) -> String {
      CSVWriter.line(
        kept.map { table.header[$0] == "commune_code" && fields[$0] == "07201" ? "7201" : fields[$0] } + ["", ""], separator: separator)
    }
    func text(_ separator: Character) -> String {
      row(table.header.map { $0.uppercased() }, separator) + table.records.map { row($0.fields, separator) }.joined()
        + String(repeating: separator, count: 4) + "\n"
    }
    try world.write("\u{FEFF}sep=;\r\n" + text(";").replacing("\n", with: "\r\n"), to: "excel.csv")
    let imported = try await field.run("import", "excel.csv")
    #expect(imported.code == 0 && imported.out.contains("Took 12 answers of 12 rows; refused 0."), "\(imported.err)")
    #expect(
      imported.err.contains("Headings were taken for names: “RESPONSE_ID” as response_id, ") && imported.err.contains(" more."),
      "\(imported.err)")
    #expect(imported.err.contains("12 rows gave the unit's code without its leading zeros"))
    // As "Unicode text", and as it came: the same answers.
    let tabs = "\u{FEFF}" + text("\t")
    try Data(tabs.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }).write(to: URL(fileURLWithPath: world.path + "/unicode.txt"))
    try world.write(try FieldToolWorld.answersCSV(12), to: "plain.csv")
    for name in ["unicode.txt", "plain.csv"] {
      let again = try await field.run("import", name)
      #expect(
        again.out.contains("Of these 0 are new, 12 were seen before (nothing doubles); 0 rows differ"), "\(name): \(again.out)\(again.err)")
    }
    #expect(try await field.run("sync").code == 0)
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["12"])
  }

  @Test func aFileOfBadRowsIsCountedAndSaidInFewLines() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let good = try FieldToolWorld.answersCSV(1)
    let heading = try #require(good.split(separator: "\n").first)
    let columns = heading.split(separator: ",", omittingEmptySubsequences: false).count
    let bad = (1...10_000).map { "b\($0),99999" + String(repeating: ",", count: columns - 2) + "\n" }.joined()
    try world.write(good + bad, to: "answers.csv")
    let said = try await field.run("import", "answers.csv")
    #expect(said.code == 2 && said.out.contains("Took 1 answers of 10,001 rows; refused 10,000."), "\(said.out)")
    #expect(said.err.contains("There are 9,999 more") || said.err.contains("There are 9999 more"), "\(said.err.prefix(500))")
    // How far it is, is said now and then on a slow machine.
    let lines = said.err.split(separator: "\n").filter { !$0.contains("/10001") }
    #expect(lines.count < 6, "\(said.err.prefix(2_000))")
    let json = try await field.run("import", "answers.csv", "--json").object
    #expect((json["refused"] as? [Any])?.count == 1_000 && json["refusedUnlisted"] as? Int == 9_000)
    #expect((json["refusedByReason"] as? [String: Int]) == ["unknown_commune": 10_000])
  }

  @Test func aHeadingAloneAndAWrongHeadingAreSaid() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write("response_id;submitted_at;a1_agency\n;;\n", to: "heading.csv")
    let none = try await field.run("import", "heading.csv")
    #expect(none.code == 0 && none.err.contains("heading.csv has a heading and no answers."), "\(none.err)")
    try world.write("response_id;submited_at;a1_agncy;ghi chú\n1;2;3;4\n", to: "wrong.csv")
    let wrong = try await field.run("import", "wrong.csv")
    #expect(wrong.code == 1 && wrong.err.contains("is submitted_at meant?") && wrong.err.contains("is a1_agency meant?"), "\(wrong.err)")
    #expect(wrong.err.contains("The column “ghi chú” is no question of the form"))
  }

  @Test func aCodePageIsSaidAndLettersItLostAreNot() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let table = try CSVTable(Data(try FieldToolWorld.answersCSV(2).utf8))
    let place = try #require(table.header.firstIndex(of: "g6_suggestion"))
    func file(_ texts: [[UInt8]]) -> Data {
      var data = Data(CSVWriter.line(table.header, separator: ";").utf8)
      for (record, text) in zip(table.records, texts) {
        var fields = record.fields
        fields[place] = "#"
        let parts = CSVWriter.line(fields, separator: ";").split(separator: "#", maxSplits: 1)
        data += Data(parts[0].utf8) + Data(text) + Data(parts[1].utf8)
      }
      return data
    }
    // "đá" and "đư?ng", of which the last has lost its letter.
    try file([[0xF0, 0xE1], [0xF0, 0xFD] + Array("?ng".utf8)]).write(to: URL(fileURLWithPath: world.path + "/page.csv"))
    let imported = try await field.run("import", "page.csv")
    #expect(imported.code == 2 && imported.out.contains("Took 1 answers of 2 rows"), "\(imported.out)\(imported.err)")
    #expect(
      imported.err.contains("it was read as windows-1258, which its letters fit") && imported.err.contains("may stand for a letter lost"))
    let rejects = world.contents("page.rejects.csv")
    #expect(rejects.contains("đư?ng") && rejects.hasPrefix("\u{FEFF}") && rejects.contains(";"))
    // Corrected in the file of refused rows, it is an answer like others.
    try world.write(rejects.replacing("đư?ng", with: "đường"), to: "page.rejects.csv")
    let corrected = try await field.run("import", "page.rejects.csv")
    #expect(corrected.code == 0 && corrected.out.contains("Took 1 answers of 1 rows"), "\(corrected.err)")
    // "lý" or "lư": somebody must say which.
    try file([[0x6C, 0xFD], [0x6C, 0xFD]]).write(to: URL(fileURLWithPath: world.path + "/two.csv"))
    let asked = try await field.run("import", "two.csv")
    #expect(
      asked.code == 1 && asked.err.contains("“ư” (windows-1258) or “ý” (windows-1252)") && asked.err.contains("--encoding"), "\(asked.err)")
    #expect(try await field.run("import", "two.csv", "--encoding", "windows-1252").err.contains("The file was read as windows-1252."))
  }
}
