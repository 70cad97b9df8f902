internal import Foundation
internal import SyncCore

/// Fields as they stand in one row of a file.
struct CSVRow {
  var line: Int
  var row: Int
  var fields: [String]
  var lostLetters: Int?
  /// True when the file ends with this row and without the end of a line.
  var isCutShort = false
}

/// Rows of a file, one after another, whichever kind of file it is.
protocol CSVRows: Sendable {
  mutating func next() -> Result<CSVRow, CSVFault>?
  /// Line where the last row began, as it stands in the file.
  var lastLine: String { get }
}

/// Rows of a text.
struct TextRows: CSVRows {
  /// Separators that are detected; a line `sep=` may name any other.
  private static let separators = Array(",;\t|".utf8)
  /// Records by which separators are compared.
  private static let lookedAtMax = 20

  let separator: UInt8
  private let text: DecodedText
  private var position = 0
  private var line = 1
  private var row = 0
  private var recoveries = 0
  private var lastStart = 0

  init(_ text: DecodedText) {
    self.text = text
    var scanner = CSVScanner(bytes: text.bytes, position: 0, line: 1)
    scanner.skipBlankLines()
    if let stated = Self.stated(scanner.skipLine()) {
      separator = stated
      (position, line) = (scanner.position, scanner.line)
    } else {
      separator = Self.found(in: text.bytes)
    }
  }

  /// Returns the separator in a first line `sep=;`, as Excel reads and writes it.
  private static func stated(_ line: ArraySlice<UInt8>) -> UInt8? {
    let text = String(decoding: line.prefix(16), as: UTF8.self).trimmingCharacters(in: CharacterSet(charactersIn: "\" "))
    guard text.lowercased().hasPrefix("sep="), let sign = text.utf8.dropFirst(4).first, text.utf8.count == 5, sign < 0x80 else {
      return nil
    }
    return sign
  }

  /// Returns the separator by which most of the first records have as many fields as the heading; of equals the one with more
  /// fields.
  private static func found(in bytes: [UInt8]) -> UInt8 {
    let scores = separators.map { separator -> (sign: UInt8, alike: Int, fields: Int) in
      var scanner = CSVScanner(bytes: bytes, separator: separator, position: 0, line: 1)
      scanner.skipBlankLines()
      guard let heading = try? scanner.record(), heading.count > 1 else { return (separator, 0, 0) }
      var alike = 1
      for _ in 0..<lookedAtMax {
        scanner.skipBlankLines()
        guard !scanner.isAtEnd, let record = try? scanner.record() else { break }
        if record.count == heading.count { alike += 1 }
      }
      return (separator, alike, heading.count)
    }
    let best = scores.max { ($0.alike, $0.fields) < ($1.alike, $1.fields) }
    return best.flatMap { $0.alike > 0 ? $0.sign : nil } ?? separators[0]
  }

  /// Returns the next row. A row that cannot be divided into fields is a failure; the next begins with the line after the one where
  /// it began.
  mutating func next() -> Result<CSVRow, CSVFault>? {
    var scanner = CSVScanner(bytes: text.bytes, separator: separator, position: position, line: line)
    row += scanner.skipBlankLines()
    guard !scanner.isAtEnd else { return nil }
    let start = scanner
    lastStart = scanner.position
    row += 1
    do throws(CSVFault) {
      let fields = try scanner.record()
      (position, line) = (scanner.position, scanner.line)
      let lost = text.mayHaveLostLetters ? fields.firstIndex { $0.contains("?") } : nil
      return .success(
        CSVRow(line: start.line, row: row, fields: fields, lostLetters: lost, isCutShort: scanner.isAtEnd && !scanner.isAfterLineEnd))
    } catch {
      return .failure(recover(from: start, reached: scanner.line, error))
    }
  }

  /// Continues with the line after the one where the bad record began, so that one broken quote hides one record only.
  private mutating func recover(from start: CSVScanner, reached: Int, _ fault: CSVFault) -> CSVFault {
    var scanner = start
    scanner.skipLine()
    (position, line) = (scanner.position, scanner.line)
    guard reached > start.line else { return fault }
    recoveries += 1
    guard recoveries > CSVReader.csvRecoveriesMax else { return fault }
    position = text.bytes.count
    return CSVFault(line: start.line, kind: .restUnread)
  }

  var lastLine: String {
    var scanner = CSVScanner(bytes: text.bytes, position: lastStart, line: 1)
    return String(decoding: scanner.skipLine().prefix(CSVReader.csvFieldBytesMax / 2), as: UTF8.self)
  }
}

/// Rows of the first sheet of a workbook.
struct WorkbookRows: CSVRows {
  let remark: LocalizedText
  private var rows: ArraySlice<WorkbookRow>
  private let width: Int
  private let errors: [Int: String]

  static func isWorkbook(_ data: Data) -> Bool {
    data.starts(with: [0x50, 0x4B, 0x03, 0x04]) || data.starts(with: [0xD0, 0xCF, 0x11, 0xE0])
  }

  init(_ data: Data) throws(CSVFault) {
    let sheet: Workbook.Sheet
    do throws(WorkbookFault) {
      guard let first = try Workbook(data, wanted: nil).sheets.first else { throw WorkbookFault(.empty) }
      sheet = first
    } catch {
      throw CSVFault(line: 1, kind: .workbook(error.explanation))
    }
    let name = sheet.name
    remark = LocalizedText(
      vi: "Tệp là bảng tính; đã đọc trang đầu, “\(name)”.", en: "The file is a workbook; its first sheet, “\(name)”, was read.")
    rows = sheet.rows[...]
    width = (sheet.rows.compactMap { $0.cells.keys.max() }.max() ?? -1) + 1
    errors = Dictionary(sheet.errorCells.map { ($0.row, $0.text) }, uniquingKeysWith: { first, _ in first })
  }

  mutating func next() -> Result<CSVRow, CSVFault>? {
    guard let row = rows.popFirst() else { return nil }
    if let error = errors[row.number] { return .failure(CSVFault(line: row.number, kind: .errorCell(error))) }
    let fields = (0..<width).map { row.cells[$0] ?? "" }
    return .success(CSVRow(line: row.number, row: row.number, fields: fields))
  }

  var lastLine: String { "" }
}
