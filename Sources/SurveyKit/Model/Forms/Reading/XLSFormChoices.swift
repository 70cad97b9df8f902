internal import Foundation
internal import SyncCore

/// The lists of choices of a form: from its sheets, and from files beside it.
struct XLSFormChoices {
  private var inside: XLSFormSheet
  private var outside: XLSFormSheet
  private(set) var lists: [String: [FormChoice]] = [:]
  private var rows: [String: [CSVRecord]] = [:]
  /// Lists of the sheet `external_choices`.
  private var outsideLists: Set<String> = []
  private var columns: Set<String> = []
  private var defaultLanguage = ""

  var sheets: [XLSFormSheet] { [inside, outside] }

  init(_ tables: XLSFormTables, languages: inout SheetLanguages) {
    let kinds = XLSFormSheet.Kinds(
      wanted: ["list_name", "name"], translated: ["label"], known: ["list_name", "name", "label"],
      unused: ["image", "audio", "video", "big-image"], takesOthers: true)
    inside = XLSFormSheet("choices", tables.choices ?? XLSFormTable(), kinds, languages: &languages)
    outside = XLSFormSheet("external_choices", tables.externalChoices ?? XLSFormTable(), kinds, languages: &languages)
  }

  func hasPlain(_ base: String) -> Bool { inside.hasPlain(base) || outside.hasPlain(base) }

  mutating func read(columns: LookedUpColumns, defaultLanguage: String, languages: [FormLanguage], settings: XLSFormSheet) {
    self.columns = columns.names.subtracting(["name"])
    self.defaultLanguage = defaultLanguage
    let written = settings.rows.first.map { settings.cell("allow_choice_duplicates", of: $0).lowercased() } ?? ""
    let isRepeatable = ["yes", "true", "true()"].contains(written)
    var (inside, outside) = (inside, outside)
    read(&inside, isRepeatable: isRepeatable)
    let before = Set(lists.keys)
    read(&outside, isRepeatable: true)
    outsideLists = Set(lists.keys).subtracting(before)
    warnOfUnused(&inside)
    (self.inside, self.outside) = (inside, outside)
  }

  private mutating func read(_ sheet: inout XLSFormSheet, isRepeatable: Bool) {
    var seen: [String: Set<String>] = [:]
    for row in sheet.rows {
      let list = sheet.cell("list_name", of: row)
      let name = sheet.cell("name", of: row).nfc
      var label = sheet.text("label", of: row, defaultLanguage: defaultLanguage)
      guard !list.isEmpty, !name.isEmpty else {
        // Lines between lists, remarks beside them.
        if list.isEmpty, name.isEmpty { continue }
        let column = list.isEmpty ? "list_name" : "name"
        if list.isEmpty {
          sheet.warn(row: row, column: sheet.header(of: column), Self.noList)
        } else {
          sheet.report(row: row, column: sheet.header(of: column), Self.noName)
        }
        continue
      }
      if label == nil {
        sheet.warn(row: row, column: sheet.header(of: "label"), Self.noLabel)
        label = FormText([defaultLanguage: name])
      }
      if !seen[list, default: []].insert(name).inserted, !isRepeatable {
        sheet.report(row: row, column: sheet.header(of: "name"), FormMessage.choiceTwice(name, list))
        continue
      }
      lists[list, default: []].append(
        FormChoice(name: name, label: label ?? FormText(checked: [:]), attributes: attributes(of: row, in: sheet)))
      rows[list, default: []].append(row)
    }
  }

  private func attributes(of row: CSVRecord, in sheet: XLSFormSheet) -> [String: String] {
    var attributes: [String: String] = [:]
    for column in columns where column != "list_name" {
      // The label that a rule asks for is that of the default language.
      let cell =
        (column == "label" ? sheet.text("label", of: row, defaultLanguage: defaultLanguage)?.text(in: defaultLanguage) : nil)
        ?? sheet.cell(column, of: row)
      if !cell.isEmpty { attributes[column] = cell.nfc }
    }
    return attributes
  }

  private func warnOfUnused(_ sheet: inout XLSFormSheet) {
    let own = Set(["list_name", "name", "label"])
    for column in sheet.columns where !own.contains(column.base) && !columns.contains(column.base) {
      sheet.warn(rows: sheet.rows.filter { !sheet.cell(column.header, of: $0).isEmpty }, column: column.header, Self.unused)
    }
  }

  // MARK: Lists of their own

  /// Adds a list that no sheet holds.
  mutating func add(_ list: String, _ choices: [FormChoice]) { lists[list] = choices }

  /// Adds the choice with which people say that none of the others fits.
  mutating func addOther(to list: String, label: FormText) {
    guard let choices = lists[list], !choices.contains(where: { $0.name == Self.other }) else { return }
    lists[list] = choices + [FormChoice(name: Self.other, label: label)]
  }

  static let other = "other"

  /// Adds the rows of a file as a list under the file's name.
  ///
  /// - Returns: What is wrong with the file; nil when it is in order.
  mutating func addFile(_ name: String, as list: String, value: String, labels: [String: [String]], _ data: Data) -> LocalizedText? {
    guard lists[list] == nil else { return nil }
    let rows: [[String: String]]
    do throws(ListFile.Fault) {
      rows = try ListFile.rows(data, name: name)
    } catch {
      return error.explanation
    }
    guard rows.count <= Form.formChoicesMax else { return FormMessage.tooManyChoices }
    lists[list] = rows.enumerated().map { place, row in
      func cell(_ column: String) -> String { (row[column] ?? "").nfc.trimmingWhitespace }
      let name = cell(value).isEmpty ? String(place + 1) : cell(value)
      var attributes: [String: String] = [:]
      for column in columns where !cell(column).isEmpty { attributes[column] = cell(column) }
      let texts = labels.mapValues { columns in columns.map(cell).filter { !$0.isEmpty }.joined(separator: ", ") }
      return FormChoice(
        name: name, label: FormText(texts) ?? FormText([defaultLanguage: name]) ?? FormText(checked: [:]), attributes: attributes)
    }
    return nil
  }

  // MARK: Findings

  mutating func place(_ finding: FormCheck.Finding, list: String, index: Int, column: String) {
    guard let rows = rows[list], index < rows.count else { return }
    if outsideLists.contains(list) {
      Self.place(finding, rows[index], column, &outside)
    } else {
      Self.place(finding, rows[index], column, &inside)
    }
  }

  private static func place(_ finding: FormCheck.Finding, _ row: CSVRecord, _ column: String, _ sheet: inout XLSFormSheet) {
    let header = sheet.header(of: column) { sheet.cell($0.header, of: row).isEmpty == finding.isAboutBlank }
    if sheet.problems.kept.contains(where: { $0.row == row.row && $0.column == header }) { return }
    if finding.isWarning {
      sheet.warn(row: row, column: header, finding.text)
    } else {
      sheet.report(row: row, column: header, finding.text)
    }
  }

  private static let unused = LocalizedText(
    vi: "không quy tắc nào dùng cột này.", en: "no rule looks at this column.")
  private static let noList = LocalizedText(
    vi: "dòng không thuộc danh sách nào nên được bỏ qua.", en: "the row belongs to no list and is passed over.")
  private static let noName = LocalizedText(
    vi: "thiếu mã lựa chọn (name); hãy điền.", en: "the choice has no code (name); fill it in.")
  private static let noLabel = LocalizedText(
    vi: "thiếu nhãn; mã được hiện thay.", en: "the label is missing; the code is shown instead.")
}
