internal import Foundation
internal import SyncKit

/// One sheet of an XLSForm: its rows, its columns by meaning and language, and what was wrong with it so far.
struct XLSFormSheet {
  /// Largest sheet, in bytes.
  static let sheetBytesMax = 2 * 1_048_576

  /// A column such as `hint::English (en)`: what it holds and in which language (nil: none named).
  struct Column {
    let header: String
    let base: String
    let language: FormLanguage?
  }

  private struct Place: Hashable {
    var row: Int
    var column: String
  }

  let name: String
  private(set) var rows: [CSVRecord] = []
  private(set) var columns: [Column] = []
  /// Cells whose value could not be read at all.
  private var unreadable: Set<Place> = []
  var problems: [FormProblem] = []

  init(_ name: String, _ table: XLSFormTable, wanted: [String], translated: Set<String>, known: Set<String>) {
    self.name = name
    for fault in table.faults { problems.append(FormProblem(sheet: name, row: fault.row, column: fault.column, message: fault.message)) }
    rows = table.records
    unreadable = Set(table.faults.compactMap { fault in fault.row.flatMap { row in fault.column.map { Place(row: row, column: $0) } } })
    // Without a heading the reason has been told; that every column is missing would only repeat it.
    if !table.header.isEmpty { readHeader(table.header, wanted: wanted, translated: translated, known: known) }
  }

  mutating func report(row: CSVRecord?, column: String?, _ message: LocalizedText) {
    // What is wrong with a cell whose formula failed is that, and nothing else.
    if let row, let column, unreadable.contains(Place(row: row.row, column: column)) { return }
    problems.append(FormProblem(sheet: name, row: row?.row, column: column, message: message))
  }

  /// The trimmed cell of a column by its heading, or by its meaning where no language is named; empty when there is none.
  func cell(_ column: String, of row: CSVRecord) -> String {
    if let cell = row[column] { return cell.trimmingWhitespace }
    guard let header = columns.first(where: { $0.base == column && $0.language == nil })?.header else { return "" }
    return (row[header] ?? "").trimmingWhitespace
  }

  /// A text in all its languages; a column without a language belongs to the default language.
  func text(_ base: String, of row: CSVRecord, defaultLanguage: String) -> FormText? {
    var texts: [String: String] = [:]
    for column in columns where column.base == base {
      let text = cell(column.header, of: row)
      if !text.isEmpty { texts[column.language?.code ?? defaultLanguage] = text }
    }
    return FormText(texts)
  }

  /// Languages in the order of their columns.
  var languages: [FormLanguage] {
    var languages: [FormLanguage] = []
    for case let language? in columns.map(\.language) where !languages.contains(where: { $0.code == language.code }) {
      languages.append(language)
    }
    return languages
  }

  /// The header of the column a finding is about, preferring the one in which `isWanted` holds.
  func header(of base: String, where isWanted: (Column) -> Bool = { _ in true }) -> String {
    let candidates = columns.filter { $0.base == base }
    return (candidates.first(where: isWanted) ?? candidates.first)?.header ?? base
  }

  // MARK: Header

  private mutating func readHeader(_ header: [String], wanted: [String], translated: Set<String>, known: Set<String>) {
    for (index, title) in header.enumerated() {
      let isUsed = rows.contains { !$0.fields[index].trimmingWhitespace.isEmpty }
      guard let column = column(title, isUsed: isUsed, translated: translated, known: known) else { continue }
      columns.append(column)
    }
    for base in wanted where !columns.contains(where: { $0.base == base }) {
      let example = XLSFormReading.example(base)
      report(
        row: nil, column: base,
        LocalizedText(vi: "thiếu cột \(base); hãy thêm\(example.vi).", en: "the column \(base) is missing; add it\(example.en)."))
    }
  }

  private mutating func column(_ title: String, isUsed: Bool, translated: Set<String>, known: Set<String>) -> Column? {
    let parts = title.components(separatedBy: "::").map(\.trimmingWhitespace)
    let base = Self.base(parts.first ?? "", known: known)
    if Self.remarks.contains(base) || base.hasPrefix("#") { return nil }
    guard known.contains(base) else {
      // An unused column changes nothing; a used one might change the meaning of the form, so it is not passed over.
      if isUsed { report(row: nil, column: title, Self.unknownColumn(title)) }
      return nil
    }
    guard parts.count > 1 else { return Column(header: title, base: base, language: nil) }
    guard translated.contains(base), parts.count == 2, let language = Self.language(parts[1]) else {
      report(row: nil, column: title, Self.badLanguage(base))
      return nil
    }
    return Column(header: title, base: base, language: language)
  }

  /// The meaning of a heading, whose case does not matter; `List Name` and `relevance` are old spellings still met.
  private static func base(_ title: String, known: Set<String>) -> String {
    if known.contains(title) { return title }
    let plain = title.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: "_")
    let base = oldSpellings[plain] ?? plain
    return known.contains(base) ? base : plain
  }

  private static let oldSpellings = [
    "relevance": "relevant", "calculate": "calculation", "caption": "label", "value": "name", "title": "form_title",
    "set_form_id": "form_id",
  ]

  /// Columns for the author's own remarks.
  private static let remarks: Set<String> = ["note", "notes", "comment", "comments"]

  /// `Tiếng Việt (vi)` as a name and a code of two or three letters.
  static func language(_ text: String) -> FormLanguage? {
    guard text.hasSuffix(")"), let open = text.lastIndex(of: "(") else { return nil }
    let code = text[text.index(after: open)...].dropLast().trimmingCharacters(in: .whitespaces)
    let name = String(text[..<open]).trimmingWhitespace
    guard (2...3).contains(code.count), code.allSatisfy({ ("a"..."z").contains($0) }), !name.isEmpty else { return nil }
    return FormLanguage(code: code, name: name)
  }

  private static func unknownColumn(_ title: String) -> LocalizedText {
    LocalizedText(
      vi: "không hỗ trợ cột \"\(title)\"; hãy xóa nội dung cột này, hoặc đổi tên thành note nếu là ghi chú.",
      en: "the column \"\(title)\" is not supported; clear it, or rename it note if it is a remark.")
  }

  private static func badLanguage(_ base: String) -> LocalizedText {
    LocalizedText(
      vi: "tiêu đề cột không hợp lệ; hãy viết \(base), hoặc với nhãn và thông báo: \(base)::Tiếng Việt (vi).",
      en: "the column heading cannot be read; write \(base), or for labels and messages \(base)::English (en).")
  }
}
