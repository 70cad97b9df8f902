public import Foundation
internal import SyncKit

/// Reads a form from an XLSForm saved as three CSV files: `survey.csv`, `choices.csv`, `settings.csv`.
///
/// Only what can be carried out is accepted: a question type, column, function or setting that is not supported is a problem,
/// not something to pass over. All problems are reported at once, each with sheet, row, column and what to do about it.
///
/// - Note: Source: xlsform.org reference; the subset is what `QuestionKind` and `ExpressionFunction` list.
public enum XLSFormImport {
  /// Reads the three files of a folder such as `pks01.xlsform`. `choices.csv` may be missing when no question offers choices.
  public static func form(folder: URL) throws(FormProblems) -> Form {
    func data(_ sheet: String) -> Data? { try? Data(contentsOf: folder.appendingPathComponent(sheet + ".csv")) }
    return try form(survey: data("survey"), choices: data("choices"), settings: data("settings"))
  }

  /// Reads the three files from memory; a nil file counts as missing.
  public static func form(survey: Data?, choices: Data?, settings: Data?) throws(FormProblems) -> Form {
    try form(XLSFormTables(survey: survey, choices: choices, settings: settings))
  }

  /// Reads a workbook as Excel, LibreOffice or Google Sheets save it. The sheets `survey`, `choices` and `settings` count, in
  /// any case; others are the author's own.
  ///
  /// - Throws: every problem with its sheet, row and column; what concerns the whole file has the sheet `xlsx`.
  public static func form(xlsx data: Data) throws(FormProblems) -> Form {
    let tables: XLSFormTables
    do throws(WorkbookFault) {
      tables = try XLSFormTables(xlsx: data)
    } catch {
      throw FormProblems(problems: [FormProblem(sheet: "xlsx", row: nil, column: nil, message: error.explanation)])
    }
    return try form(tables)
  }

  /// As `form(xlsx:)`, from a file.
  public static func form(xlsx file: URL) throws(FormProblems) -> Form {
    let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    guard size <= ZipPackage.packageBytesMax, let data = try? Data(contentsOf: file) else {
      let message = size > ZipPackage.packageBytesMax ? WorkbookFault(.tooLarge).explanation : unreadable
      throw FormProblems(problems: [FormProblem(sheet: "xlsx", row: nil, column: nil, message: message)])
    }
    return try form(xlsx: data)
  }

  static let unreadable = LocalizedText(
    vi: "không đọc được tệp; hãy kiểm tra tên và quyền.", en: "the file cannot be read; check its name and permissions.")

  private static func form(_ tables: XLSFormTables) throws(FormProblems) -> Form {
    var reading = XLSFormReading(tables)
    let form = reading.form()
    let problems = reading.problems
    guard problems.isEmpty else { throw FormProblems(problems: Array(problems.prefix(FormProblems.formProblemsMax))) }
    return form
  }
}

/// The import in progress: the sheets, and which row each part of the form came from.
struct XLSFormReading {
  private var settings: XLSFormSheet
  private var survey: XLSFormSheet
  private var choices: XLSFormSheet
  private var defaultLanguage = ""
  private var choiceRows: [String: [CSVRecord]] = [:]
  private let filterColumns: Set<String>

  init(_ tables: XLSFormTables) {
    settings = XLSFormSheet(
      "settings", tables.settings, wanted: ["form_title", "form_id", "version", "default_language"], translated: ["form_title"],
      known: ["form_title", "form_id", "version", "default_language", "style"])
    survey = XLSFormSheet(
      "survey", tables.survey, wanted: ["type", "name", "label"],
      translated: ["label", "hint", "required_message", "constraint_message"],
      known: [
        "type", "name", "label", "hint", "required", "required_message", "relevant", "constraint", "constraint_message", "appearance",
        "calculation", "choice_filter", "default", "parameters",
      ])
    let filterColumns = Self.filterColumns(of: survey)
    choices = XLSFormSheet(
      "choices", tables.choices ?? XLSFormTable(header: ["list_name", "name", "label"]), wanted: ["list_name", "name", "label"],
      translated: ["label"], known: Set(["list_name", "name", "label"]).union(filterColumns))
    self.filterColumns = filterColumns.subtracting(["list_name", "name", "label"])
  }

  /// Columns that the choice filters of a survey ask for.
  private static func filterColumns(of survey: XLSFormSheet) -> Set<String> {
    var columns: Set<String> = []
    for row in survey.rows {
      let cell = survey.cell("choice_filter", of: row)
      guard !cell.isEmpty, let filter = try? FormExpression(cell, isFilter: true) else { continue }
      filter.root.walk { node in if case .column(let name) = node { columns.insert(name) } }
    }
    return columns
  }

  /// In the order settings, survey, choices; within a sheet by row.
  var problems: [FormProblem] {
    [settings, survey, choices].flatMap { sheet in
      sheet.problems.enumerated().sorted { ($0.element.row ?? 0, $0.offset) < ($1.element.row ?? 0, $1.offset) }.map(\.element)
    }
  }

  /// The form as far as it could be read; of use only when there are no `problems`.
  mutating func form() -> Form {
    let languages = readLanguages()
    let lists = readChoices()
    var reader = XLSFormSurveyReader(sheet: survey, defaultLanguage: defaultLanguage)
    let items = reader.items()
    survey = reader.sheet
    let row = settings.rows.first
    let title = row.flatMap { settings.text("form_title", of: $0, defaultLanguage: defaultLanguage) }
    let form = Form(
      unchecked: setting("form_id"), version: setting("version"), title: title ?? FormText(checked: [:]), languages: languages,
      defaultLanguage: defaultLanguage, choiceLists: lists, items: items)
    if title == nil, row != nil { settings.report(row: row, column: "form_title", Self.blank("form_title")) }
    // Without rows the missing file or heading has been reported; checking an empty form would only repeat it.
    guard !survey.rows.isEmpty || survey.problems.isEmpty else { return form }
    for finding in FormCheck.findings(in: form, unreadable: reader.unreadable) { place(finding, reader.rows) }
    return form
  }

  // MARK: Settings

  private func setting(_ column: String) -> String { settings.rows.first.map { settings.cell(column, of: $0) } ?? "" }

  private mutating func readLanguages() -> [FormLanguage] {
    if settings.rows.isEmpty, settings.problems.isEmpty { settings.report(row: nil, column: nil, Self.noSettings) }
    for row in settings.rows.dropFirst() { settings.report(row: row, column: nil, Self.secondSettings) }
    let wanted = setting("default_language").nfc
    var languages = survey.languages
    defaultLanguage = languages.first { "\($0.name) (\($0.code))" == wanted || $0.code == wanted || $0.name == wanted }?.code ?? ""
    if languages.isEmpty, let only = XLSFormSheet.language(wanted) {
      languages = [only]
      defaultLanguage = only.code
    }
    if let first = languages.first, !defaultLanguage.isEmpty, first.code != defaultLanguage {
      // The language shown first comes first, whatever the order of the columns.
      languages.sort { left, right in left.code == defaultLanguage && right.code != defaultLanguage }
    }
    return languages
  }

  // MARK: Choices

  private mutating func readChoices() -> [String: [FormChoice]] {
    var lists: [String: [FormChoice]] = [:]
    for row in choices.rows {
      let list = choices.cell("list_name", of: row)
      let name = choices.cell("name", of: row)
      let label = choices.text("label", of: row, defaultLanguage: defaultLanguage)
      for (column, isBlank) in [("list_name", list.isEmpty), ("name", name.isEmpty), ("label", label == nil)] where isBlank {
        choices.report(row: row, column: choices.header(of: column), Self.blank(column))
      }
      guard !list.isEmpty, !name.isEmpty else { continue }
      // A choice without label was reported above and is kept, so that rules that name it are not reported as well.
      lists[list, default: []].append(
        FormChoice(name: name, label: label ?? FormText(checked: [:]), attributes: attributes(of: row)))
      choiceRows[list, default: []].append(row)
    }
    return lists
  }

  private func attributes(of row: CSVRecord) -> [String: String] {
    var attributes: [String: String] = [:]
    for column in filterColumns {
      let cell = choices.cell(column, of: row).nfc
      if !cell.isEmpty { attributes[column] = cell }
    }
    return attributes
  }

  // MARK: Findings

  /// Puts a finding of the common check at its row and column.
  private mutating func place(_ finding: FormCheck.Finding, _ rows: [CSVRecord]) {
    switch finding.place {
    case .form(let column):
      if settings.rows.isEmpty { return }
      let cell = setting(column)
      let isBlank = cell.isEmpty && ["form_id", "version", "default_language"].contains(column)
      if isBlank, settings.problems.contains(where: { $0.column == column }) { return }
      settings.report(row: settings.rows.first, column: column, isBlank ? Self.blank(column) : finding.text)
    case .item(let ordinal, let column):
      guard ordinal < rows.count else { return }
      let row = rows[ordinal]
      survey.report(row: row, column: header(of: column, in: survey, row: row), finding.text)
    case .choice(let list, let index, let column):
      guard let rows = choiceRows[list], index < rows.count else { return }
      let header = header(of: column, in: choices, row: rows[index])
      if choices.problems.contains(where: { $0.row == rows[index].row && $0.column == header }) { return }
      choices.report(row: rows[index], column: header, finding.text)
    }
  }

  /// Of several columns with one meaning, the one whose cell is blank: that is the missing translation.
  private func header(of base: String, in sheet: XLSFormSheet, row: CSVRecord) -> String {
    sheet.header(of: base) { sheet.cell($0.header, of: row).isEmpty }
  }

  static func blank(_ column: String) -> LocalizedText {
    let example = example(column)
    return LocalizedText(vi: "ô \(column) để trống; hãy điền\(example.vi).", en: "\(column) is blank; fill it in\(example.en).")
  }

  /// What could stand in a column of settings, as the end of a sentence; empty for others.
  static func example(_ column: String) -> LocalizedText {
    let examples = ["default_language": "Tiếng Việt (vi)", "form_id": "pks01", "version": "2024032601"]
    return examples[column].map { LocalizedText(vi: ", ví dụ \($0)", en: ", for example \($0)") } ?? LocalizedText("")
  }

  private static let noSettings = LocalizedText(
    vi: "chưa có dòng nào; hãy ghi tên, mã và phiên bản của biểu mẫu.", en: "there is no row; write the form's title, id and version.")
  private static let secondSettings = LocalizedText(
    vi: "chỉ được một dòng cài đặt; hãy xóa dòng này.", en: "there can be one row of settings only; remove this one.")
}
