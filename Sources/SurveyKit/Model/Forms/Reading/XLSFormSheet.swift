internal import Foundation
internal import SyncCore

/// Sheet of an XLSForm: its rows, its columns by meaning and language, and the findings so far.
struct XLSFormSheet {
  /// Largest sheet, in bytes: a CSV file's, or the texts of a workbook's sheet.
  static let sheetBytesMax = 2 * 1_048_576
  /// Largest sheet of choices, in bytes.
  static let choicesBytesMax = 4 * 1_048_576
  /// Rows of a sheet; those of a workbook end earlier (`Workbook.rowsMax`).
  static let sheetRowsMax = 32_000
  /// Cells of a sheet, blank ones under a heading included.
  static let sheetCellsMax = 1_000_000

  /// A column such as `hint::English (en)`: what it holds and in which language (nil: none named).
  struct Column {
    let header: String
    let base: String
    let language: FormLanguage?
  }

  /// The columns a sheet may have.
  struct Kinds {
    /// Without these there is no form.
    var wanted: [String] = []
    /// Columns that come once for each language.
    var translated: Set<String> = []
    var known: Set<String> = []
    /// Columns of XLSForm that nothing is made of here.
    var unused: Set<String> = []
    /// Tells if any other heading is a column of the author's own, as in choices.
    var takesOthers = false
  }

  private struct Place: Hashable {
    var row: Int
    var column: String
  }

  let name: String
  private(set) var rows: [CSVRecord] = []
  private(set) var columns: [Column] = []
  /// The columns by what they hold.
  private var byBase: [String: [Column]] = [:]
  /// Cells whose value could not be read at all.
  private var unreadable: Set<Place> = []
  private(set) var problems = ProblemList()
  /// Cells that mean nothing here, or are carried out otherwise.
  private(set) var warnings = WarningList()

  init(_ name: String, _ table: XLSFormTable, _ kinds: Kinds, languages: inout SheetLanguages) {
    self.name = name
    rows = table.records
    if !table.header.isEmpty { readHeader(table.header, kinds, &languages) }
    if let remark = table.remark { warn(row: nil, column: nil, remark) }
    let used = Set(columns.map(\.header))
    for fault in table.faults {
      let problem = FormProblem(sheet: name, row: fault.row, column: fault.column, message: fault.message)
      // A column that nothing is made of may be as broken as it likes.
      if let column = fault.column, !used.contains(column) { warnings.add(problem) } else { problems.add(problem) }
    }
    unreadable = Set(table.faults.compactMap { fault in fault.row.flatMap { row in fault.column.map { Place(row: row, column: $0) } } })
  }

  /// - Parameter message: Written only where the problem is among the first.
  mutating func report(row: CSVRecord?, column: String?, _ message: @autoclosure () -> LocalizedText) {
    // Reports of a cell whose formula failed that the formula failed, and nothing else.
    if !unreadable.isEmpty, let row, let column, unreadable.contains(Place(row: row.row, column: column)) { return }
    problems.add(FormProblem(sheet: name, row: row?.row, column: column, message: message()))
  }

  mutating func warn(row: CSVRecord?, column: String?, _ message: LocalizedText) {
    warnings.add(FormProblem(sheet: name, row: row?.row, column: column, message: message))
  }

  /// Warns of a column's cells in these rows.
  mutating func warn(rows: [CSVRecord], column: String, _ message: LocalizedText) {
    warnings.add(name, column, message, rows: rows.map(\.row))
  }

  /// Counts problems that were found and not kept.
  mutating func countProblems(_ number: Int) { problems.addUnkept(number) }

  /// The trimmed cell of a column by its heading, or by its meaning where no language is named; empty when there is none.
  func cell(_ column: String, of row: CSVRecord) -> String {
    if let cell = row[column] { return cell.trimmingWhitespace }
    for other in byBase[column] ?? [] where other.language == nil {
      let cell = (row[other.header] ?? "").trimmingWhitespace
      if !cell.isEmpty { return cell }
    }
    return ""
  }

  /// The heading under which a cell of a column stands.
  func header(_ base: String, of row: CSVRecord) -> String { header(of: base) { !cell($0.header, of: row).isEmpty } }

  /// A text in all its languages; a column without a language belongs to the default language.
  func text(_ base: String, of row: CSVRecord, defaultLanguage: String) -> FormText? {
    var texts: [String: String] = [:]
    for column in byBase[base] ?? [] {
      let text = cell(column.header, of: row)
      if !text.isEmpty, column.language != nil || texts[defaultLanguage] == nil { texts[column.language?.code ?? defaultLanguage] = text }
    }
    return FormText(texts)
  }

  /// The columns that hold one thing: one for each language, or several spellings of it.
  func columns(of base: String) -> [Column] { byBase[base] ?? [] }

  /// Tells if a column without a language holds any text.
  func hasPlain(_ base: String) -> Bool {
    let headers = (byBase[base] ?? []).filter { $0.language == nil }.map(\.header)
    return rows.contains { row in headers.contains { !cell($0, of: row).isEmpty } }
  }

  /// The header of the column a finding is about, preferring the one in which `isWanted` holds.
  func header(of base: String, where isWanted: (Column) -> Bool = { _ in true }) -> String {
    let candidates = byBase[base] ?? []
    return (candidates.first(where: isWanted) ?? candidates.first)?.header ?? base
  }

  /// Puts other rows in the place of some; each gets a number of its own, so that two made of one row are two.
  mutating func replaceRows(_ range: ClosedRange<Int>, with others: [CSVRecord]) {
    rows.replaceSubrange(range, with: others)
    rows = rows.enumerated().map { CSVRecord(line: $0, row: $1.row, fields: $1.fields, columns: $1.columns) }
  }

  // MARK: Header

  private mutating func readHeader(_ header: [String], _ kinds: Kinds, _ languages: inout SheetLanguages) {
    for (index, title) in header.enumerated() where !title.isEmpty {
      let used = rows.filter { !$0.fields[index].trimmingWhitespace.isEmpty }
      guard let column = column(title, used: used, kinds, &languages) else { continue }
      columns.append(column)
      byBase[column.base, default: []].append(column)
    }
    for base in kinds.wanted where !columns.contains(where: { $0.base == base }) {
      report(row: nil, column: base, LocalizedText(vi: "thiếu cột \(base); hãy thêm.", en: "the column \(base) is missing; add it."))
    }
  }

  private mutating func column(_ title: String, used: [CSVRecord], _ kinds: Kinds, _ languages: inout SheetLanguages) -> Column? {
    let heading = SheetHeading(title, known: kinds.known.union(kinds.unused))
    if Self.remarks.contains(SheetHeading.plain(title)) || title.hasPrefix("#") { return nil }
    guard kinds.known.contains(heading.base) else {
      if kinds.takesOthers, !kinds.unused.contains(heading.base) { return Column(header: title, base: title, language: nil) }
      warn(rows: used, column: title, Self.unusedColumn)
      return nil
    }
    guard let written = heading.language else { return Column(header: title, base: heading.base, language: nil) }
    guard kinds.translated.contains(heading.base) else {
      // `relevant::English`: what is the same in every language.
      warn(row: nil, column: title, Self.oneLanguage(heading.base))
      return Column(header: title, base: heading.base, language: nil)
    }
    guard let language = languages.language(written) else {
      if !used.isEmpty { report(row: nil, column: title, Self.badLanguage(heading.base)) }
      return nil
    }
    return Column(header: title, base: heading.base, language: language)
  }

  /// Columns for the author's own remarks.
  private static let remarks: Set<String> = ["note", "notes", "comment", "comments", "remark", "remarks"]

  private static let unusedColumn = LocalizedText(
    vi: "cột này không có tác dụng ở đây và được bỏ qua.", en: "this column has no effect here and is passed over.")

  private static func oneLanguage(_ base: String) -> LocalizedText {
    LocalizedText(vi: "\(base) giống nhau ở mọi ngôn ngữ.", en: "\(base) is the same in every language.")
  }

  private static func badLanguage(_ base: String) -> LocalizedText {
    LocalizedText(
      vi:
        "không đọc được ngôn ngữ trong tiêu đề cột; hãy viết \(base) hoặc \(base)::Tiếng Việt (vi), tối đa \(SheetLanguages.languagesMax) ngôn ngữ.",
      en:
        "the language in the heading cannot be read; write \(base) or \(base)::English (en), at most \(SheetLanguages.languagesMax) languages."
    )
  }
}
