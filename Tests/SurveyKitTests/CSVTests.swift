import Foundation
import Testing

@testable import SurveyKit

@Suite struct CSVTests {
  private func table(_ text: String) throws -> CSVTable { try CSVTable(Data(text.utf8)) }

  @Test func quotesCommasAndLineBreaksAreRead() throws {
    let table = try table("a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n1,2\r\n")
    #expect(table.records.map(\.fields) == [["x, \"y\"", "two\nlines"], ["1", "2"]])
    #expect(table.records.map(\.line) == [2, 4])
    #expect(table.records.map(\.row) == [2, 3])
    #expect(table.records[0]["b"] == "two\nlines")
    #expect(table.records[0]["c"] == nil)
    #expect(table.faults.isEmpty)
  }

  @Test func byteOrderMarkAndMissingLastLineEndAreFine() throws {
    let table = try table("\u{FEFF}a,b\n1,")
    #expect(table.header == ["a", "b"])
    #expect(table.records.map(\.fields) == [["1", ""]])
  }

  @Test func blankLinesAreSkippedButCounted() throws {
    let table = try table("a\n\n\n1\n\n2\n")
    #expect(table.records.map(\.line) == [4, 6])
  }

  @Test func textIsNormalised() throws {
    let table = try table("a\nTie\u{302}\u{301}ng Vie\u{323}\u{302}t\n")
    #expect(Array(table.records[0].fields[0].unicodeScalars) == Array("Tiếng Việt".precomposedStringWithCanonicalMapping.unicodeScalars))
  }

  @Test(arguments: [
    ("1,2,3", CSVFault.Kind.fieldCount(expected: 2, found: 3)), ("1", .fieldCount(expected: 2, found: 1)),
    ("x\"y,2", .strayQuote), ("\"x\"y,2", .strayQuote),
  ])
  func badRecordIsReportedAndTheRestIsRead(_ bad: String, _ kind: CSVFault.Kind) throws {
    let table = try table("a,b\n1,2\n\(bad)\n3,4\n")
    #expect(table.faults == [CSVFault(line: 3, kind: kind)])
    #expect(table.records.map(\.fields) == [["1", "2"], ["3", "4"]])
    #expect(table.records.map(\.line) == [2, 4])
  }

  @Test func openQuoteHidesOnlyItsOwnLine() throws {
    let table = try table("a,b\n1,\"open\n3,4\n5,\"fine\"\n")
    #expect(table.faults.map(\.line) == [2])
    #expect(table.records.map(\.fields) == [["3", "4"], ["5", "fine"]])
    let atEnd = try self.table("a,b\n1,2\n3,\"open")
    #expect(atEnd.faults == [CSVFault(line: 3, kind: .openQuote)])
  }

  @Test func manyOpenQuotesEndTheFileInsteadOfTheProcessor() throws {
    let lines = String(repeating: "\"a\n", count: 1_001)
    var reader = try CSVReader(Data(("a\n" + lines).utf8))
    var faults = 0
    var last: CSVFault?
    while let next = reader.next() {
      if case .failure(let fault) = next { (faults, last) = (faults + 1, fault) }
    }
    #expect(faults <= CSVReader.csvRecoveriesMax + 1)
    #expect(last == CSVFault(line: CSVReader.csvRecoveriesMax + 2, kind: .restUnread))
  }

  @Test func invalidUTF8IsOneBadRecord() throws {
    let table = try CSVTable(Data("a\n".utf8) + Data([0xFF, 0xFE, 0x0A]) + Data("ok\n".utf8))
    #expect(table.faults == [CSVFault(line: 2, kind: .notUTF8)])
    #expect(table.records.map(\.fields) == [["ok"]])
  }

  @Test func boundsAreKept() throws {
    let long = String(repeating: "x", count: CSVReader.csvFieldBytesMax + 1)
    #expect(try table("a\n\(long)\nok\n").faults == [CSVFault(line: 2, kind: .fieldTooLong)])
    #expect(try table("a\n\"\(long)\"\nok\n").records.map(\.fields) == [["ok"]])
    let wide = String(repeating: ",", count: CSVReader.csvFieldsMax)
    #expect(try table("a\n\(wide)\nok\n").faults == [CSVFault(line: 2, kind: .tooManyFields)])
  }

  @Test func emptyFileAndDoubledColumnAreRefused() {
    #expect(throws: CSVFault(line: 1, kind: .empty)) { try table("") }
    #expect(throws: CSVFault(line: 1, kind: .columnTwice("a"))) { try table("a,a\n") }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let rows = [["plain", "with, comma"], ["\"quoted\"", "two\nlines"], ["", "Tiếng Việt"]]
    var writer = CSVWriter()
    writer.write(["a", "b"])
    for row in rows { writer.write(row) }
    #expect(try CSVTable(writer.data).records.map(\.fields) == rows)
    #expect(CSVWriter.line(["1", "2"]) == "1,2\n")
    #expect(CSVWriter.line([""]) == "\"\"\n")
  }
}
