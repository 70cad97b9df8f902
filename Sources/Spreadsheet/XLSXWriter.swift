internal import CXlsxWriter
public import Foundation
internal import SyncCore

/// Writes tables as an XLSX workbook by libxlsxwriter: a sheet each, with a heading that stays in view and filters.
///
/// The rows go through temporary files in a folder that only this user can read, and which is gone when the call returns: memory
/// does not grow with the number of rows. The same tables and time give the same bytes.
public enum XLSXWriter {
  /// Rows of a sheet, its heading included; columns of a sheet; characters of a cell, in UTF-16 units. The format sets them.
  public static let (rowsMax, columnsMax, cellCharactersMax) = (1_048_576, 16_384, 32_767)
  public static let sheetsMax = 200
  /// Characters of a sheet's name.
  static let nameLengthMax = 31
  /// Rows whose texts decide how wide a column is, and its widest, in characters.
  private static let (measuredRowsMax, columnWidthMax) = (500, 60)

  /// Returns the workbook's bytes.
  ///
  /// - Parameters:
  ///   - sheets: Tables in the order of the workbook.
  ///   - title: Title in the workbook's properties.
  ///   - nowMs: Time of the workbook's making in its properties, milliseconds since 1970.
  /// - Throws: `SheetFault`; no file is left then.
  public static func data(_ sheets: [Sheet], title: String, nowMs: Int64) throws -> Data {
    guard (1...sheetsMax).contains(sheets.count) else { throw SheetFault.sheets(sheets.count) }
    for sheet in sheets { try check(sheet) }
    let folder = try makeFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/workbook.xlsx"
    let code = folder.withCString { path in
      write(sheets, title: title, nowMs: nowMs, to: file, folder: UnsafeMutablePointer(mutating: path))
    }
    guard code == LXW_NO_ERROR else { throw SheetFault.notWritten(String(cString: lxw_strerror(code))) }
    guard let data = FileManager.default.contents(atPath: file) else { throw SheetFault.notWritten(file) }
    return data
  }

  private static func check(_ sheet: Sheet) throws {
    guard sheet.rows.count < rowsMax else { throw SheetFault.tooManyRows(sheet: sheet.name, rows: sheet.rows.count + 1) }
    let columns = sheet.rows.reduce(sheet.heading.count) { max($0, $1.count) }
    guard columns <= columnsMax else { throw SheetFault.tooManyColumns(sheet: sheet.name, columns: columns) }
    for (index, row) in sheet.rows.enumerated() {
      for (column, cell) in row.enumerated() {
        guard case .text(let text) = cell, text.utf8.count > cellCharactersMax, text.utf16.count > cellCharactersMax else { continue }
        throw SheetFault.cellTooLong(sheet: sheet.name, row: index + 2, column: column + 1, characters: text.utf16.count)
      }
    }
  }

  private static func makeFolder() throws -> String {
    var template = Array((NSTemporaryDirectory() + "/spreadsheet-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw SheetFault.notWritten(String(cString: strerror(errno))) }
    return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func write(
    _ sheets: [Sheet], title: String, nowMs: Int64, to file: String, folder: UnsafeMutablePointer<CChar>
  ) -> lxw_error {
    var options = lxw_workbook_options(constant_memory: 1, tmpdir: folder, use_zip64: 0)
    guard let book = workbook_new_opt(file, &options) else { return LXW_ERROR_MEMORY_MALLOC_FAILED }
    var fault = LXW_NO_ERROR
    func note(_ code: lxw_error) { if fault == LXW_NO_ERROR { fault = code } }
    var properties = lxw_doc_properties()
    properties.created = time_t(nowMs / 1000)
    title.printable.withCString { text in
      properties.title = UnsafeMutablePointer(mutating: text)
      note(workbook_set_properties(book, &properties))
    }
    let bold = workbook_add_format(book)
    format_set_bold(bold)
    let wrapped = workbook_add_format(book)
    format_set_text_wrap(wrapped)
    format_set_align(wrapped, UInt8(LXW_ALIGN_VERTICAL_TOP.rawValue))
    for (sheet, name) in zip(sheets, names(sheets)) {
      guard let page = workbook_add_worksheet(book, name) else {
        note(LXW_ERROR_PARAMETER_VALIDATION)
        break
      }
      for (column, width) in widths(sheet).enumerated() {
        note(worksheet_set_column(page, lxw_col_t(column), lxw_col_t(column), width, nil))
      }
      worksheet_freeze_panes(page, 1, 0)
      if !sheet.heading.isEmpty {
        note(worksheet_autofilter(page, 0, 0, lxw_row_t(sheet.rows.count), lxw_col_t(sheet.heading.count - 1)))
      }
      for (column, label) in sheet.heading.enumerated() {
        note(worksheet_write_string(page, 0, lxw_col_t(column), written(label), bold))
      }
      for (index, row) in sheet.rows.enumerated() {
        for (column, cell) in row.enumerated() {
          let (line, at) = (lxw_row_t(index + 1), lxw_col_t(column))
          switch cell {
          case .text(let text):
            if !text.isEmpty { note(worksheet_write_string(page, line, at, written(text), text.contains("\n") ? wrapped : nil)) }
          case .number(let number): note(worksheet_write_number(page, line, at, Double(number), nil))
          case .decimal(let number): if number.isFinite { note(worksheet_write_number(page, line, at, number, nil)) }
          case .empty: break
          }
        }
      }
    }
    note(workbook_close(book))
    return fault
  }

  /// Returns a text as the format takes it: without what no XML may hold. The library itself codes what readers would take for a
  /// code, such as `_x0041_`.
  private static func written(_ text: String) -> String {
    String(text.printableLines.unicodeScalars.map { $0.value == 0xFFFE || $0.value == 0xFFFF ? "\u{FFFD}" : Character($0) })
  }

  /// Returns the names of the sheets as the format takes them: short, without certain signs, none twice.
  static func names(_ sheets: [Sheet]) -> [String] {
    var taken: Set<String> = []
    return sheets.enumerated().map { index, sheet in
      let clean = String(sheet.name.printable.map { "[]:*?/\\".contains($0) ? "-" : $0 }).trimmingCharacters(
        in: CharacterSet(charactersIn: "' "))
      let named = clean.isEmpty || clean.lowercased() == "history" ? "\(index + 1) \(clean)" : clean
      var (name, number) = (String(named.prefix(utf16: nameLengthMax)), 2)
      while !taken.insert(name.lowercased()).inserted {
        name = named.prefix(utf16: nameLengthMax - 4) + " \(number)"
        number += 1
      }
      return name
    }
  }

  private static func widths(_ sheet: Sheet) -> [Double] {
    var widths = sheet.heading.map { $0.count + 3 }
    for row in sheet.rows.prefix(measuredRowsMax) {
      for (column, cell) in row.prefix(widths.count).enumerated() {
        let length =
          switch cell {
          case .text(let text): text.split(separator: "\n").reduce(0) { max($0, $1.count) }
          case .number(let number): "\(number)".count
          case .decimal, .empty: 8
          }
        widths[column] = max(widths[column], length + 1)
      }
    }
    return widths.map { Double(min(max($0, 6), columnWidthMax)) }
  }
}

extension String {
  /// Returns as many whole characters as fit into a number of UTF-16 units.
  fileprivate func prefix(utf16 length: Int) -> String {
    var (text, count) = ("", 0)
    for character in self {
      count += character.utf16.count
      guard count <= length else { break }
      text.append(character)
    }
    return text
  }
}
