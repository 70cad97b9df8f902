internal import Foundation
internal import SyncCore

/// Reads one worksheet part into rows of texts.
final class WorkbookSheetReader {
  private let name: String
  private let texts: [String]
  private let dateStyles: Set<Int>
  private let beginsIn1904: Bool

  private var rows: [WorkbookRow] = []
  private var errors: [(row: Int, column: Int, text: String)] = []
  private var merges: [(rows: ClosedRange<Int>, columns: ClosedRange<Int>)] = []
  private var bytes = 0
  private var row = 0
  private var column = -1
  private var kind = ""
  private var isDate = false
  private var value = ""
  private var isValue = false
  private var phonetic = 0

  init(name: String, texts: [String], dateStyles: Set<Int>, beginsIn1904: Bool) {
    self.name = name
    self.texts = texts
    self.dateStyles = dateStyles
    self.beginsIn1904 = beginsIn1904
  }

  func sheet(_ data: Data) throws(WorkbookFault) -> Workbook.Sheet {
    try XMLEvents.read(data) { [self] in take($0) }
    rows.sort { $0.number < $1.number }
    try emptyMergedCells()
    return Workbook.Sheet(name: name, rows: rows.filter { !$0.cells.isEmpty }, errorCells: errors, bytes: bytes)
  }

  private func take(_ event: XMLEvents.Event) -> WorkbookFault? {
    switch event {
    case .start("row", let attributes):
      row = attributes["r"].flatMap { Int($0) } ?? row + 1
      column = -1
      guard (1...Workbook.rowsMax).contains(row) else {
        // Ignores formats beyond the bound, which reach to the last row of a sheet; only cells with a value there are refused.
        return row < 1 ? WorkbookFault(.damaged) : nil
      }
      // A row may come again and again.
      guard rows.count < Workbook.rowsMax else { return WorkbookFault(.tooManyRows(name)) }
      rows.append(WorkbookRow(number: row, cells: [:]))
    case .start("c", let attributes): return begin(attributes)
    case .start("v", _): isValue = true
    case .start("t", _): isValue = kind == "inlineStr" && phonetic == 0
    case .start("rPh", _): phonetic += 1
    case .end("rPh"): phonetic -= 1
    case .end("v"), .end("t"): isValue = false
    case .text(let text) where isValue:
      value += text
      if value.utf8.count > Workbook.cellBytesMax { return WorkbookFault(.cellTooLong(place)) }
    case .end("c"): return end()
    case .start("mergeCell", let attributes): return merge(attributes["ref"] ?? "")
    default: break
    }
    return nil
  }

  private func begin(_ attributes: [String: String]) -> WorkbookFault? {
    column += 1
    if let reference = attributes["r"] {
      guard let cell = WorkbookCell.place(reference), cell.row == row else { return WorkbookFault(.damaged) }
      column = cell.column
    }
    kind = attributes["t"] ?? "n"
    isDate = attributes["s"].flatMap { Int($0) }.map(dateStyles.contains) ?? false
    value = ""
    return nil
  }

  private func end() -> WorkbookFault? {
    let text: String
    switch kind {
    case "s":
      guard !value.isEmpty else { return nil }
      guard let index = Int(value.trimmingWhitespace), texts.indices.contains(index) else { return WorkbookFault(.damaged) }
      text = texts[index]
    case "b": text = value.trimmingWhitespace == "1" ? "TRUE" : value.isEmpty ? "" : "FALSE"
    case "e": text = value
    case "n": text = WorkbookCell.text(ofNumber: value, isDate: isDate, beginsIn1904: beginsIn1904)
    default: text = WorkbookCell.unescaped(value)
    }
    bytes += text.utf8.count
    guard bytes <= Workbook.sheetBytesMax else { return WorkbookFault(.tooMuchText(name)) }
    guard !text.trimmingWhitespace.isEmpty else { return nil }
    guard row <= Workbook.rowsMax, !rows.isEmpty else { return WorkbookFault(.tooManyRows(name)) }
    guard column < Workbook.columnsMax else { return WorkbookFault(.tooManyColumns(name)) }
    if kind == "e" { errors.append((row, column, text)) }
    // Shared texts are in NFC already.
    rows[rows.count - 1].cells[column] = kind == "s" ? text : text.nfc
    return nil
  }

  private var place: String { "\(name), \(row):\(column + 1)" }

  // MARK: Merged cells

  private func merge(_ reference: String) -> WorkbookFault? {
    let ends = reference.split(separator: ":").map { WorkbookCell.place(String($0)) }
    guard let first = ends.first ?? nil, let last = ends.last ?? nil, first.row <= last.row, first.column <= last.column else {
      return WorkbookFault(.damaged)
    }
    merges.append((first.row...last.row, first.column...last.column))
    return merges.count > Workbook.mergesMax ? WorkbookFault(.tooManyMerges(name)) : nil
  }

  /// Empties the cells beneath merged ranges, which the author does not see.
  private func emptyMergedCells() throws(WorkbookFault) {
    // Bounds the cost: merged ranges cannot overlap, but a hostile file's may.
    var visits = 0
    for merge in merges {
      for index in rows.indices where merge.rows.contains(rows[index].number) {
        visits += rows[index].cells.count + 1
        guard visits <= Workbook.rowsMax * 64 else { throw WorkbookFault(.tooManyMerges(name)) }
        for column in Array(rows[index].cells.keys) where merge.columns.contains(column) {
          let isFirst = rows[index].number == merge.rows.lowerBound && column == merge.columns.lowerBound
          if !isFirst { rows[index].cells[column] = nil }
        }
      }
    }
  }
}

/// Parser of a cell's reference and value in a worksheet.
enum WorkbookCell {
  /// Reads `C12` as row 12, column 2 (counted from 0).
  static func place(_ reference: String) -> (row: Int, column: Int)? {
    let letters = reference.utf8.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    guard (1...3).contains(letters.count), let row = ISODate.number(Array(reference.utf8.dropFirst(letters.count))), row >= 1 else {
      return nil
    }
    let column = letters.reduce(0) { $0 * 26 + Int($1 - UInt8(ascii: "A")) + 1 }
    return (row, column - 1)
  }

  /// Spreadsheets keep 15 digits of a number.
  private static let digitsLostFrom = 1e15

  /// Returns a number as its author typed it: `5` and not `5.0`; a day as `2024-03-26`, with its time if it has one.
  static func text(ofNumber source: String, isDate: Bool, beginsIn1904: Bool) -> String {
    let trimmed = source.trimmingWhitespace
    guard !trimmed.isEmpty, let number = Double(trimmed), number.isFinite else { return trimmed }
    guard isDate else {
      // Keeps the exponent of a number whose further digits the spreadsheet lost: it names nothing.
      return number.magnitude < digitsLostFrom ? ExpressionValue.text(of: number) : String(format: "%.14E", number)
    }
    // Ignores day 60 of the 1900 system, 29 February 1900, which never was; forms do not reach back that far.
    let seconds = (number * 86_400).rounded()
    guard seconds >= 0, seconds < 86_400 * 3_000_000 else { return ExpressionValue.text(of: number) }
    let (days, rest) = Int(seconds).quotientAndRemainder(dividingBy: 86_400)
    let time = [rest / 3_600, rest / 60 % 60, rest % 60].map { ($0 < 10 ? "0" : "") + String($0) }.joined(separator: ":")
    if days == 0 { return time }
    guard let day = ISODate(daysSinceEpoch: days - (beginsIn1904 ? 24_107 : 25_569)) else { return ExpressionValue.text(of: number) }
    return rest == 0 ? day.text : "\(day.text) \(time)"
  }

  /// Replaces `_x000D_` by the character that it stands for.
  static func unescaped(_ text: String) -> String {
    guard text.contains("_x") else { return text }
    var out = ""
    var rest = text[...]
    while let start = rest.range(of: "_x") {
      out += rest[..<start.lowerBound]
      let tail = rest[start.upperBound...]
      let digits = tail.prefix(4)
      let isCode = digits.utf8.count == 4 && digits.allSatisfy(\.isHexDigit) && tail.dropFirst(4).first == "_"
      if isCode, let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) {
        out.unicodeScalars.append(scalar)
        rest = tail.dropFirst(5)
      } else {
        out += "_x"
        rest = tail
      }
    }
    return (out + rest).replacingOccurrences(of: "\r\n", with: "\n")
  }
}
