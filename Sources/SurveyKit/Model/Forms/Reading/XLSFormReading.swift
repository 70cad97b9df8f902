internal import Foundation
internal import SyncCore

/// The import in progress: the sheets, and which row each part of the form came from.
struct XLSFormReading {
  private var settings: XLSFormSheet
  private var survey: XLSFormSheet
  private var choices: XLSFormChoices
  private var spoken = SheetLanguages()
  private var languages: [FormLanguage] = []
  private var defaultLanguage = ""
  private(set) var missingFiles: [String] = []
  private var entities = WarningList()
  /// Name of a form whose settings have none.
  private let name: String

  init(_ tables: XLSFormTables, name: String) {
    self.name = name
    settings = XLSFormSheet("settings", tables.settings ?? XLSFormTable(), Self.settingsColumns, languages: &spoken)
    survey = XLSFormSheet("survey", tables.survey, Self.surveyColumns, languages: &spoken)
    choices = XLSFormChoices(tables, languages: &spoken)
    if tables.hasEntities {
      entities.add("entities", nil, Self.entities, rows: [nil])
    }
  }

  private var sheets: [XLSFormSheet] { [settings, survey] + choices.sheets }
  /// Everything to mend, in the order settings, survey, choices; within a sheet by row. Nil where there is nothing.
  var problems: FormProblems? {
    let found = sheets.map(\.problems)
    guard found.contains(where: { $0.count > 0 }) else { return nil }
    return FormProblems(capping: found.flatMap(\.kept.inOrder), more: found.reduce(0) { $0 + $1.more })
  }
  /// In the same order.
  var warnings: WarningList { WarningList(joining: [settings.warnings, entities, survey.warnings] + choices.sheets.map(\.warnings)) }

  /// The form as far as it could be read; of use only when there are no `problems`.
  mutating func form(_ files: @escaping XLSFormImport.Files) -> Form {
    readLanguages()
    choices.read(columns: LookedUpColumns(survey), defaultLanguage: defaultLanguage, languages: languages, settings: settings)
    survey.writeOutLoops(choices.lists, defaultLanguage: defaultLanguage)
    var reader = XLSFormSurveyReader(sheet: survey, choices: choices, languages: languages, defaultLanguage: defaultLanguage, files: files)
    let items = reader.items()
    (survey, choices) = (reader.sheet, reader.choices)
    missingFiles = reader.missingFiles
    let id = formID()
    let title = settings.rows.first.flatMap { settings.text("form_title", of: $0, defaultLanguage: defaultLanguage) }
    let form = Form(
      unchecked: id, version: version(), title: title ?? FormText([defaultLanguage: id]) ?? FormText(checked: [:]), languages: languages,
      defaultLanguage: defaultLanguage, choiceLists: choices.lists, items: items)
    // Without rows the missing file or heading has been reported; checking an empty form would only repeat it.
    guard !survey.rows.isEmpty || survey.problems.count == 0 else { return form }
    let found = FormCheck.findings(in: form, unreadable: reader.unreadable)
    for finding in found.kept { place(finding, reader.rows) }
    survey.countProblems(found.more)
    let labels = LabelCheck(form, unreadable: reader.unreadable)
    for finding in labels.findings { place(finding, reader.rows) }
    survey.countProblems(labels.more)
    return form
  }

  // MARK: Settings

  private func setting(_ column: String) -> String { settings.rows.first.map { settings.cell(column, of: $0) } ?? "" }

  /// Takes the id of the settings, else the file's name; signs that a name cannot hold become `_`.
  private mutating func formID() -> String {
    let written = setting("form_id").isEmpty ? name : setting("form_id")
    let id = FormName.plain(written)
    if !setting("form_id").isEmpty, id != written {
      settings.warn(row: settings.rows.first, column: settings.header(of: "form_id"), Self.writtenAs(id))
    }
    return id
  }

  private mutating func version() -> String {
    let written = setting("version")
    guard !written.isEmpty else { return Self.firstVersion }
    let version = FormName.plainVersion(written)
    if version != written { settings.warn(row: settings.rows.first, column: settings.header(of: "version"), Self.writtenAs(version)) }
    return version
  }

  private mutating func readLanguages() {
    for row in settings.rows.dropFirst() { settings.warn(row: row, column: nil, Self.secondSettings) }
    let wanted = setting("default_language").nfc
    // Choices without a language are in the first that the questions have.
    let hasPlain = survey.hasPlain("label") || spoken.languages.isEmpty
    var first: FormLanguage?
    if !wanted.isEmpty, wanted.lowercased() != "default" {
      first = spoken.found(wanted)
      // A language that no heading names is that of the headings without one.
      if first == nil, hasPlain || choices.hasPlain("label") { first = spoken.language(wanted) }
      if first == nil {
        settings.warn(row: settings.rows.first, column: settings.header(of: "default_language"), Self.defaultLanguage)
      }
    }
    languages = spoken.languages
    if first == nil, hasPlain, !languages.contains(where: { $0.code == SheetLanguages.unnamed.code }) {
      first = SheetLanguages.unnamed
      languages.append(SheetLanguages.unnamed)
    }
    defaultLanguage = (first ?? languages.first)?.code ?? ""
    // The language shown first comes first, whatever the order of the columns.
    languages = languages.filter { $0.code == defaultLanguage } + languages.filter { $0.code != defaultLanguage }
  }

  // MARK: Findings

  /// Puts a finding of the common check at its row and column.
  private mutating func place(_ finding: FormCheck.Finding, _ rows: [CSVRecord]) {
    switch finding.place {
    case .form(let column):
      let row = setting(column).isEmpty ? nil : settings.rows.first
      if finding.isWarning {
        settings.warn(row: row, column: column, finding.text)
      } else {
        settings.report(row: row, column: column, finding.text)
      }
    case .item(let ordinal, let column):
      guard ordinal < rows.count else { return }
      let row = rows[ordinal]
      let header = survey.header(of: column) { survey.cell($0.header, of: row).isEmpty == finding.isAboutBlank }
      if finding.isWarning {
        survey.warn(row: row, column: header, finding.text)
      } else {
        survey.report(row: row, column: header, finding.text)
      }
    case .choice(let list, let index, let column): choices.place(finding, list: list, index: index, column: column)
    }
  }

  // MARK: Columns and sentences

  /// The version of a form that names none.
  private static let firstVersion = "1"

  private static let settingsColumns = XLSFormSheet.Kinds(
    translated: ["form_title"], known: ["form_title", "form_id", "version", "default_language", "style", "allow_choice_duplicates"])
  private static let surveyColumns = XLSFormSheet.Kinds(
    wanted: ["type"], translated: ["label", "hint", "required_message", "constraint_message"],
    known: [
      "type", "name", "label", "hint", "required", "required_message", "relevant", "constraint", "constraint_message", "appearance",
      "calculation", "choice_filter", "default", "parameters", "repeat_count", "read_only", "disabled",
    ],
    unused: ["guidance_hint", "image", "audio", "video", "big-image", "trigger", "autoplay", "rows", "save_to"])

  private static let entities = LocalizedText(
    vi: "danh sách thực thể không được lập ở đây; trang này được bỏ qua.",
    en: "no lists of entities are made here; the sheet is passed over.")
  private static let secondSettings = LocalizedText(
    vi: "chỉ dòng cài đặt đầu tiên được dùng; dòng này được bỏ qua.", en: "only the first row of settings counts; this one is passed over.")
  private static let defaultLanguage = LocalizedText(
    vi: "không cột nào viết bằng ngôn ngữ này; ngôn ngữ của cột đầu tiên được dùng trước.",
    en: "no column is in this language; that of the first column is shown first.")

  private static func writtenAs(_ text: String) -> LocalizedText {
    LocalizedText(vi: "được viết là \(text).", en: "it is written \(text) here.")
  }
}

/// The columns of lists that rules look at.
struct LookedUpColumns {
  private(set) var names: Set<String> = []

  init(_ survey: XLSFormSheet) {
    for row in survey.rows {
      add(survey.cell("choice_filter", of: row), isFilter: true)
      if let search = SurveySearch(survey.cell("appearance", of: row)) { names.formUnion(search.columns) }
      for column in ["relevant", "constraint", "calculation", "default", "required", "repeat_count"] {
        let cell = survey.cell(column, of: row)
        if cell.contains("instance") || cell.contains("pulldata") { add(cell, isFilter: false) }
      }
    }
  }

  private mutating func add(_ cell: String, isFilter: Bool) {
    guard !cell.isEmpty, let rule = try? FormExpression(cell, isFilter: isFilter) else { return }
    rule.root.walk { node in
      switch node {
      case .column(let name): names.insert(name)
      case .lookup(let lookup): names.formUnion([lookup.column] + (lookup.key.map { [$0] } ?? []))
      default: break
      }
    }
  }
}
