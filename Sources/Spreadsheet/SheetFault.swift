public import SyncCore

/// Reason why a table cannot be written as XLSX; as CSV it can.
public enum SheetFault: ExplainedError, Hashable {
  case tooManyRows(sheet: String, rows: Int)
  case tooManyColumns(sheet: String, columns: Int)
  /// A cell has too many characters; `row` and `column` count from 1, the heading being row 1.
  case cellTooLong(sheet: String, row: Int, column: Int, characters: Int)
  /// No sheet was given, or too many.
  case sheets(Int)
  case notWritten(String)

  public var explanation: LocalizedText {
    switch self {
    case .tooManyRows(let sheet, let rows):
      LocalizedText(
        vi: "Bảng “\(sheet)” có \(rows) dòng; tệp XLSX chứa tối đa \(XLSXWriter.rowsMax). Hãy tải dạng CSV, hoặc lọc bớt.",
        en: "The table “\(sheet)” has \(rows) rows; an XLSX file takes \(XLSXWriter.rowsMax). Take it as CSV, or filter it.")
    case .tooManyColumns(let sheet, let columns):
      LocalizedText(
        vi: "Bảng “\(sheet)” có \(columns) cột; tệp XLSX chứa tối đa \(XLSXWriter.columnsMax). Hãy tải dạng CSV.",
        en: "The table “\(sheet)” has \(columns) columns; an XLSX file takes \(XLSXWriter.columnsMax). Take it as CSV.")
    case .cellTooLong(let sheet, let row, let column, let characters):
      LocalizedText(
        vi:
          "Bảng “\(sheet)”, dòng \(row), cột \(column) có \(characters) ký tự; một ô XLSX chứa tối đa \(XLSXWriter.cellCharactersMax). Hãy tải dạng CSV.",
        en:
          "The table “\(sheet)”, row \(row), column \(column) has \(characters) characters; a cell of XLSX takes \(XLSXWriter.cellCharactersMax). Take it as CSV."
      )
    case .sheets(let count):
      LocalizedText(
        vi: "Tệp XLSX cần từ 1 đến \(XLSXWriter.sheetsMax) bảng, không phải \(count).",
        en: "An XLSX file takes 1 to \(XLSXWriter.sheetsMax) tables, not \(count).")
    case .notWritten(let why):
      LocalizedText(
        vi: "Không ghi được tệp XLSX (\(why)); kiểm tra chỗ trống trong thư mục tạm.",
        en: "The XLSX file could not be written (\(why)); look at the room in the folder for temporary files.")
    }
  }
}
