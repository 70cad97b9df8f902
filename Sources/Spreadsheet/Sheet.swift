public import Foundation
internal import SyncCore

/// Value of one cell as a spreadsheet program should hold it. A text is never taken for a number or a formula, so that codes keep
/// their zeros.
public enum SheetCell: Sendable, Hashable {
  case text(String)
  case number(Int)
  case decimal(Double)
  case empty
}

/// Table that people take away: written the same as CSV and as a sheet of an XLSX workbook.
public struct Sheet: Sendable {
  /// Name of the sheet, in any length and with any sign; a workbook shows what the format takes of it.
  public var name: String
  public var heading: [String]
  public var rows: [[SheetCell]]

  public init(name: String, heading: [String], rows: [[SheetCell]] = []) {
    (self.name, self.heading, self.rows) = (name, heading, rows)
  }

  /// CSV that spreadsheet programs open correctly: UTF-8 with its mark, and no text that begins a formula.
  public var csv: Data {
    var text = "\u{FEFF}" + Self.line(heading.map { .text($0) })
    for row in rows { text += Self.line(row) }
    return Data(text.utf8)
  }

  private static func line(_ cells: [SheetCell]) -> String { cells.map(field).joined(separator: ",") + "\r\n" }

  private static func field(_ cell: SheetCell) -> String {
    switch cell {
    case .text(let text):
      let clean = text.printable
      let isFormula = clean.first { !$0.isWhitespace }.map { "=+-@".contains($0) } ?? false
      // Quotes every text: a device may have sent any sign.
      return "\"" + (isFormula ? "'" + clean : clean).replacing("\"", with: "\"\"") + "\""
    case .number(let number): return "\(number)"
    case .decimal(let number): return "\(number)"
    case .empty: return ""
    }
  }
}
