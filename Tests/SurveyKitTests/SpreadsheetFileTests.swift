import Foundation
import SyncKit
import Testing

@testable import SurveyKit

/// Files as spreadsheet programs save them.
@Suite struct SpreadsheetFileTests {
  private static let records = [["m", "tên"], ["1", "Nguyễn Thị Ơn, ở \"Đồng Kỳ\""], ["2", "Xã Hữu Kiên\nthôn 3"]]

  private static func text(_ separator: Character) -> String {
    records.map { CSVWriter.line($0, separator: separator) }.joined()
  }

  private static func utf16(_ text: String, isLittle: Bool, hasMark: Bool) -> Data {
    Data(
      ((hasMark ? "\u{FEFF}" : "") + text).utf16.flatMap { unit in
        let bytes = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
        return isLittle ? bytes : bytes.reversed()
      })
  }

  /// As iconv writes windows-1258: a letter that has no byte as the letter below its tone and the tone.
  private static func windows1258(_ text: String) throws -> Data {
    let page = CodePage.windows1258
    let bytes = Dictionary(uniqueKeysWithValues: (UInt8.min...UInt8.max).compactMap { byte in page.scalar(byte).map { ($0, byte) } })
    var data = Data()
    for scalar in text.nfc.unicodeScalars {
      if let byte = bytes[scalar] {
        data.append(byte)
        continue
      }
      var parts = Array(String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars)
      let tone = try #require(
        parts.firstIndex { "\u{300}\u{301}\u{303}\u{309}\u{323}".unicodeScalars.contains($0) }.map { parts.remove(at: $0) })
      let below = String(String.UnicodeScalarView(parts)).nfc.unicodeScalars
      for scalar in Array(below) + [tone] { data.append(try #require(bytes[scalar], "\(scalar)")) }
    }
    return data
  }

  private func read(_ data: Data, _ encoding: TextEncoding? = nil) throws -> [[String]] {
    var reader = try CSVReader(data, encoding: encoding)
    var records = [reader.header]
    while let next = reader.next() { records.append(try next.get().fields) }
    return records
  }

  // MARK: Separators

  @Test(arguments: [",", ";", "\t", "|"] as [Character])
  func everySeparatorIsFoundOut(_ separator: Character) throws {
    #expect(try read(Data(Self.text(separator).utf8)) == Self.records)
    #expect(try CSVReader(Data(Self.text(separator).utf8)).separator == separator)
    #expect(try read(Data("a\(separator)b\n".utf8)) == [["a", "b"]])
  }

  @Test func commasInHeadingsDoNotHideSemicolons() throws {
    #expect(try read(Data("mã;họ, tên, đệm;tuổi\n1;A;5,5\n2;B;6,5\n".utf8)).map(\.count) == [3, 3, 3])
  }

  @Test(arguments: ["sep=;", "SEP=;", "\"sep=;\"", "\u{FEFF}sep=;", "\r\nsep=;"])
  func separatorThatTheFirstLineNamesIsTaken(_ line: String) throws {
    let file = Data("\(line)\r\na;b\r\n1,5;2\r\n".utf8)
    #expect(try read(file) == [["a", "b"], ["1,5", "2"]])
    #expect(try read(Data("sep=~\na~b\n1~2\n".utf8)) == [["a", "b"], ["1", "2"]])
    #expect(try CSVTable(Data("sep=;\na;b\n1;2\n".utf8)).records.map(\.line) == [3])
  }

  // MARK: Letters

  @Test(arguments: [true, false])
  func utf16IsReadWithAndWithoutItsMark(_ isLittle: Bool) throws {
    for hasMark in [true, false] {
      #expect(try read(Self.utf16(Self.text("\t"), isLittle: isLittle, hasMark: hasMark)) == Self.records)
    }
    #expect(throws: CSVFault(line: 1, kind: .notUTF16)) {
      try CSVReader(Self.utf16("a\tb\n1\t2\n", isLittle: isLittle, hasMark: true).dropLast())
    }
  }

  @Test func windows1258IsToldByItsLettersAndComesOutComposed() throws {
    let file = try Self.windows1258(Self.text(";"))
    let reader = try CSVReader(file)
    #expect(reader.encoding == .windows1258 && reader.remarks.first?.en.contains("windows-1258") == true)
    let read = try read(file)
    #expect(read == Self.records)
    #expect(read.flatMap { $0 }.allSatisfy { Array($0.unicodeScalars) == Array($0.nfc.unicodeScalars) })
    #expect(try self.read(file, .windows1258) == Self.records)
  }

  /// What Foundation knows, where it is not linked statically.
  @Test func tablesSayWhatFoundationSays() {
    for (page, encoding) in [(CodePage.windows1252, String.Encoding.windowsCP1252), (.windows1258, String.Encoding(rawValue: 0x8000_0508))]
    {
      for byte in UInt8.min...UInt8.max {
        let known = String(data: Data([byte]), encoding: encoding)
        if let known, let scalar = page.scalar(byte) { #expect(String(scalar) == known, "\(page.encoding) \(byte)") }
      }
    }
    #expect((UInt8(0x80)...0xFF).compactMap { CodePage.windows1252.scalar($0) }.count == 123)
    #expect((UInt8(0x80)...0xFF).compactMap { CodePage.windows1258.scalar($0) }.count == 119)
  }

  @Test func aWesternPageIsToldByWhatTheOtherCannotMean() throws {
    // "còn gì": in windows-1258 the bytes are tones after consonants.
    let file = Data("a\nc".utf8) + Data([0xF2]) + Data("n g".utf8) + Data([0xEC]) + Data("\n".utf8)
    let reader = try CSVReader(file)
    #expect(reader.encoding == .windows1252)
    #expect(try read(file) == [["a"], ["còn gì"]])
  }

  @Test func twoReadingsOfOneLetterAreAskedAbout() throws {
    let file = Data("a\nl".utf8) + Data([0xFD, 0x0A])  // "lý" or "lư"
    #expect(throws: CSVFault(line: 2, kind: .twoCodePages("ư", "ý"))) { try CSVReader(file) }
    #expect(try read(file, .windows1252) == [["a"], ["lý"]])
    #expect(try read(file, .windows1258) == [["a"], ["lư"]])
  }

  /// TCVN3 and VNI put Vietnamese into the places of other letters; read as a page of Windows it would be nonsense.
  @Test(arguments: [[0xD6, 0x6E, 0x68, 0xB8] as [UInt8], [0x74, 0x69, 0x65, 0xE1, 0x6E, 0xF8], [0xFC, 0x62, 0x65, 0x72]])
  func lettersOfNoKnownPageAreRefusedAndNotGuessed(_ bytes: [UInt8]) throws {
    let table = try CSVTable(Data("a\nb\n".utf8) + Data(bytes) + Data("\n".utf8))
    #expect(table.faults == [CSVFault(line: 3, kind: .notUTF8)])
    #expect(table.records.map(\.fields) == [["b"]])
  }

  @Test func letterThatTheCodePageLostIsNotTakenForAQuestionMark() throws {
    // "đư?ng", as Excel saves "đường" in windows-1258.
    let file = Data("a;b\n1;x\n2;".utf8) + Data([0xF0, 0xFD]) + Data("?ng\n".utf8)
    let table = try CSVTable(file)
    #expect(table.faults == [CSVFault(line: 3, kind: .lostLetters)])
    #expect(table.records.count == 1)
    #expect(try CSVTable(Data("a;b\n1;đi đâu?\n".utf8)).faults.isEmpty)
    let toned = try Self.windows1258("a;b\n1;đường?\n")
    #expect(try CSVTable(toned).records.map(\.fields) == [["1", "đường?"]], "who writes tones loses no letter")
  }

  @Test func statedPageOfAFileInUTF8IsRefused() {
    #expect(throws: CSVFault(line: 1, kind: .isUTF8)) { try CSVReader(Data("a\nđ\n".utf8), encoding: .windows1258) }
  }

  @Test func damagedUTF8StaysUTF8() throws {
    let table = try CSVTable(Data("tên\nĐường\n".utf8) + Data([0xF0, 0x0A]) + Data("Phường\n".utf8))
    #expect(table.faults == [CSVFault(line: 3, kind: .notUTF8)])
    #expect(table.records.map(\.fields) == [["Đường"], ["Phường"]])
  }

  // MARK: Rows

  @Test func columnsAndRowsThatHoldNothingArePassedOver() throws {
    let table = try CSVTable(Data(";;;;\na;b;;;\n1;2;;;\n;;;;\n;;;;;;;;;\n;\n3;4\n5;6;;;;;;\n".utf8))
    #expect(table.faults.isEmpty)
    #expect(table.records.filter { !$0.isBlank }.map { Array($0.fields.prefix(2)) } == [["1", "2"], ["3", "4"], ["5", "6"]])
    #expect(try CSVTable(Data("a;;b\n1;x;2\n".utf8)).faults == [CSVFault(line: 2, kind: .unnamedColumn(2))])
    #expect(try CSVTable(Data("a;b;;\n1;2;;;;x\n".utf8)).faults == [CSVFault(line: 2, kind: .fieldCount(expected: 4, found: 6))])
    #expect(throws: CSVFault(line: 1, kind: .empty)) { try CSVReader(Data(";;;\n;;\n".utf8)) }
  }

  @Test func carriageReturnsAloneEndLinesAndBreakCells() throws {
    let table = try CSVTable(Data("a,b\r1,\"two\rlines\"\r2,\"and\r\nthree\"\r3,x".utf8))
    #expect(table.records.map(\.fields) == [["1", "two\nlines"], ["2", "and\nthree"], ["3", "x"]])
    #expect(table.records.map(\.line) == [2, 4, 6])
  }

  @Test func rowThatTheFileEndsInIsToldAsSuch() throws {
    #expect(try CSVTable(Data("a,b,c\n1,2,3\n4,5".utf8)).faults == [CSVFault(line: 3, kind: .cutShort)])
    #expect(try CSVTable(Data("a,b,c\n1,2,3\n4,5\n".utf8)).faults == [CSVFault(line: 3, kind: .fieldCount(expected: 3, found: 2))])
  }

  @Test func rowThatCouldNotBeReadIsKeptAsItStands() throws {
    var reader = try CSVReader(Self.utf16("a\tb\n1\t\"x\" y\n", isLittle: true, hasMark: true))
    guard case .failure? = reader.next() else { return #expect(Bool(false), "a quote is out of place") }
    #expect(reader.failedLine == "1\t\"x\" y")
  }

  /// Of longer numbers a spreadsheet keeps 15 digits: two of them would be one name.
  @Test func longNumbersAreNotTakenForTheirFirstDigits() {
    func text(_ number: String) -> String { WorkbookCell.text(ofNumber: number, isDate: false, beginsIn1904: false) }
    #expect(text("123456789012345") == "123456789012345")
    #expect(text("1234567890123456") == "1.23456789012346E+15" && text("1.23456789012346E+15") == "1.23456789012346E+15")
  }

  @Test func textInNoKnownLettersSaysWhichEncodingToName() {
    for kind in [CSVFault.Kind.notUTF8, .twoCodePages("ớ", "õ")] {
      #expect(CSVFault(line: 1, kind: kind).explanation.en.contains("--encoding windows-125"), "\(kind)")
    }
  }

  @Test func oldWorkbookSaysHowToSaveIt() {
    let error = #expect(throws: CSVFault.self) { try CSVReader(Data([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])) }
    #expect(error?.explanation.en.contains("save it as .xlsx") == true)
  }

  @Test func workbookIsReadByItsFirstSheet() throws {
    let file = Samples.package.appendingPathComponent("Tests/SurveyKitTests/Fixtures/libreoffice.xlsx")
    var reader = try CSVReader(Data(contentsOf: file))
    #expect(reader.header.contains("type") && reader.encoding == nil, "\(reader.header)")
    #expect(reader.remarks.first?.en.contains("“ Survey”") == true, "\(reader.remarks)")
    let first = try #require(try reader.next()?.get())
    #expect(first.fields.count == reader.header.count && !first.isBlank)
  }

  // MARK: Headings

  @Test func headingsMeanNamesInOtherLettersAndLabels() {
    let names = ColumnNames(
      ["response_id", "a1_agency", "tuoi"],
      labels: [("Cơ quan của bạn?", "a1_agency"), ("Tuổi", "tuoi"), ("x", "tuoi"), ("x", "a1_agency")])
    #expect(names.reading("a1_agency") == .name)
    for heading in ["A1_AGENCY", "a1 agency", " A1-Agency ", "cơ quan  của bạn?"] {
      #expect(names.reading(heading) == .meant("a1_agency"), "\(heading)")
    }
    #expect(names.reading("Tuổi") == .meant("tuoi"))
    #expect(names.reading("respose_id") == .near("response_id"))
    #expect(names.reading("x") == .unknown && names.reading("zzzzzz") == .unknown)
  }

  // MARK: Cells

  private func cell(_ text: String, _ kind: QuestionKind, commas: Bool = true, dayFirst: Bool = true, choices: [String] = []) -> String? {
    let cells = SheetCells(hasDecimalCommas: commas, isDayFirst: dayFirst)
    let label = FormText(checked: ["vi": "x"])
    let reading = cells.cell(text, for: FormQuestion(name: "q", kind: kind), choices: choices.map { FormChoice(name: $0, label: label) })
    if case .text(let text) = reading { return text } else { return nil }
  }

  @Test func numbersWithOneMeaningAreRead() {
    for text in ["1", "1,0", "1.0", "1,00"] { #expect(cell(text, .integer) == "1", "\(text)") }
    #expect(cell("-3,0", .integer) == "-3")
    #expect(cell("1,5", .integer) == "1,5", "left for the form to refuse")
    for text in ["1.000", "1,000", "12.345.678"] { #expect(cell(text, .integer) == nil, "\(text)") }
    #expect(cell("2,5", .decimal) == "2.5" && cell("2,5", .decimal, commas: false) == "2.5" && cell("2.5", .decimal) == "2.5")
    #expect(cell("0,125", .decimal, commas: false) == "0.125" && cell("1,234", .decimal) == "1.234")
    #expect(
      cell("1,234", .decimal, commas: false) == nil && cell("1.234", .decimal) == nil && cell("1.234", .decimal, commas: false) == "1.234")
    #expect(cell("1.234,5", .decimal) == nil)
  }

  @Test func daysAreReadByTheFormsLanguage() {
    for text in ["28/11/2025", "28-11-2025", "28.11.2025", "28/11/25", "2025/11/28", "28-Nov-25", "28/11/2025 0:00", "2025-11-28 00:00:00"]
    {
      #expect(cell(text, .date) == "2025-11-28", "\(text)")
    }
    #expect(cell("5/4/2024", .date) == "2024-04-05")
    #expect(cell("5/4/2024", .date, dayFirst: false) == nil && cell("11/28/2025", .date) == nil)
    #expect(cell("11/28/2025", .date, dayFirst: false) == "2025-11-28" && cell("4/4/2024", .date, dayFirst: false) == "2024-04-04")
    #expect(cell("1/1/30", .date) == "1930-01-01" && cell("1/1/29", .date) == "2029-01-01")
    for text in ["31/2/2025", "28/11", "a/b/c", "28/11/2025 8:30"] { #expect(cell(text, .date) == text, "left for the form to refuse") }
    #expect(cell("8:30", .time) == "08:30" && cell("2:05 CH", .time) == "14:05" && cell("12:00:00 AM", .time) == "00:00")
    #expect(cell("8:30:15", .time) == "8:30:15" && cell("13:00 PM", .time) == "13:00 PM")
    #expect(cell("28/11/2025 8:30", .dateTime) == "2025-11-28T08:30")
  }

  @Test func zerosComeBackWhereOneCodeFits() {
    #expect(cell("1", .selectOne, choices: ["01", "02"]) == "01")
    #expect(cell("1 2", .selectMultiple, choices: ["01", "02", "3"]) == "01 02")
    #expect(cell("1", .selectOne, choices: ["01", "001"]) == "1" && cell("1", .selectOne, choices: ["1", "01"]) == "1")
    let zeros = LostZeros(["07201", "7204", "007"])
    #expect(
      zeros.restored("7201") == "07201" && zeros.restored("7204") == "7204" && zeros.restored("7") == "007" && zeros.restored("") == "")
    #expect(LostZeros(["07201", "007201"]).fitting("7201").count == 2)
  }
}
