internal import SyncCore

/// Turns the rows of the survey sheet into items, remembering the row of each.
struct XLSFormSurveyReader {
  private struct OpenSection {
    let isRepeat: Bool
    let row: CSVRecord
    /// Everything but the items, which are still to come.
    let head: FormSection
    /// Nested too deeply: reported, and its items join the section around it, so that the tree stays shallow.
    let isDissolved: Bool
    /// Number of items before the section.
    let before: Int
    var items: [FormItem] = []
  }

  var sheet: XLSFormSheet
  var choices: XLSFormChoices
  /// The row of each item by its ordinal (`FormOutline`).
  private(set) var rows: [CSVRecord] = []
  /// Files that are named and not there, each once.
  private(set) var missingFiles: [String] = []
  /// Names of rows that could not be read.
  private(set) var unreadable: Set<String> = []
  let languages: [FormLanguage]
  let defaultLanguage: String
  let files: XLSFormImport.Files
  let names: SurveyNames
  /// Texts that the reading itself puts into the form.
  let words: AddedWords
  private var open: [OpenSection] = []
  private var done: [FormItem] = []

  init(
    sheet: XLSFormSheet, choices: XLSFormChoices, languages: [FormLanguage], defaultLanguage: String,
    files: @escaping XLSFormImport.Files
  ) {
    self.sheet = sheet
    self.choices = choices
    self.languages = languages
    self.defaultLanguage = defaultLanguage
    self.files = files
    names = SurveyNames(sheet)
    words = AddedWords(languages)
  }

  mutating func items() -> [FormItem] {
    for row in sheet.rows {
      guard rows.count <= Form.formItemsMax else { break }  // The common check says that there are too many.
      read(row)
    }
    guard rows.count <= Form.formItemsMax else { return closeAll() }
    while let section = open.last {
      sheet.report(row: section.row, column: header("type", section.row), Self.neverClosed(section))
      close()
    }
    addInstanceID()
    return done
  }

  /// Adds the number that XLSForm gives every filled-in form, where a cell names it.
  private mutating func addInstanceID() {
    let name = "instanceID"
    let reference = "${\(name)}"
    guard open.isEmpty, let last = sheet.rows.last, !names.isTaken(name), !unreadable.contains(name),
      sheet.rows.contains(where: { $0.fields.contains { $0.utf8.count >= reference.utf8.count && $0.contains(reference) } })
    else { return }
    rows.append(last)
    done.append(
      .question(FormQuestion(name: name, kind: .calculate, calculation: try? FormExpression("concat('uuid:', uuid())"))))
  }

  private mutating func closeAll() -> [FormItem] {
    while !open.isEmpty { close() }
    return done
  }

  func header(_ base: String, _ row: CSVRecord) -> String { sheet.header(base, of: row) }

  private mutating func read(_ row: CSVRecord) {
    if SurveyNames.isDisabled(sheet, row) {
      return sheet.warn(row: row, column: header("disabled", row), Self.disabled)
    }
    let words = SurveyNames.words(sheet, row)
    guard !words.isEmpty else {
      let isRemark = sheet.cell("name", of: row).isEmpty && sheet.text("label", of: row, defaultLanguage: defaultLanguage) == nil
      if isRemark { return sheet.warn(row: row, column: header("type", row), Self.remark) }
      return sheet.report(row: row, column: header("type", row), Self.noType)
    }
    if names.twice.contains(row.line) {
      let name = sheet.cell("name", of: row)
      sheet.report(row: row, column: header("name", row), FormMessage.nameTwice(name))
    }
    switch names.type(of: row) ?? SurveyType(words) {
    case .beginGroup: begin(row, isRepeat: false)
    case .beginRepeat: begin(row, isRepeat: true)
    case .endGroup: end(row, isRepeat: false)
    case .endRepeat: end(row, isRepeat: true)
    case .external:
      // Only says that a file is there; who looks into it names it.
      break
    case let type:
      let items = question(type, row, words)
      if items.isEmpty { unreadable.insert(sheet.cell("name", of: row)) }
      for item in items {
        add(item)
        rows.append(row)
      }
    }
  }

  // MARK: Sections

  private mutating func begin(_ row: CSVRecord, isRepeat: Bool) {
    for column in [
      "hint", "required", "required_message", "constraint", "constraint_message", "calculation", "choice_filter", "default", "parameters",
      "read_only",
    ] {
      passOver(column, of: row, Self.notForSections)
    }
    if !isRepeat { passOver("repeat_count", of: row, Self.notForSections) }
    let head = FormSection(
      name: names.name(of: row), label: sheet.text("label", of: row, defaultLanguage: defaultLanguage),
      relevant: expression("relevant", of: row), appearance: appearance(of: row, isSection: true),
      count: isRepeat ? expression("repeat_count", of: row) : nil, items: [])
    let isTooDeep = open.count >= Form.formGroupDepthMax
    let before = rows.count
    if isTooDeep { sheet.report(row: row, column: header("type", row), FormMessage.tooDeep) } else { rows.append(row) }
    open.append(OpenSection(isRepeat: isRepeat, row: row, head: head, isDissolved: isTooDeep, before: before))
  }

  private mutating func end(_ row: CSVRecord, isRepeat: Bool) {
    guard let section = open.last else { return sheet.report(row: row, column: header("type", row), Self.nothingToEnd) }
    if section.isRepeat != isRepeat { sheet.report(row: row, column: header("type", row), Self.wrongEnd(section)) }
    close()
  }

  private mutating func close() {
    guard let section = open.popLast() else { return }
    guard !section.isDissolved else {
      for item in section.items { add(item) }
      return
    }
    guard !section.items.isEmpty else {
      // A group in which nothing is asked says nothing either.
      if rows.count == section.before + 1 { rows.removeLast() }
      return sheet.warn(row: section.row, column: header("type", section.row), Self.emptySection)
    }
    let whole = section.head.holding(section.items)
    add(section.isRepeat ? .repeated(whole) : .group(whole))
  }

  private mutating func add(_ item: FormItem) {
    if open.isEmpty { done.append(item) } else { open[open.count - 1].items.append(item) }
  }

  // MARK: Cells

  func optional(_ column: String, of row: CSVRecord) -> String? {
    let cell = sheet.cell(column, of: row)
    return cell.isEmpty ? nil : cell
  }

  mutating func expression(_ column: String, of row: CSVRecord, isFilter: Bool = false) -> FormExpression? {
    guard let source = optional(column, of: row) else { return nil }
    return rule(source, column, of: row, isFilter: isFilter)
  }

  mutating func rule(_ source: String, _ column: String, of row: CSVRecord, isFilter: Bool = false) -> FormExpression? {
    let place = header(column, row)
    do throws(ExpressionError) {
      let rule = try FormExpression(source, isFilter: isFilter)
      if !names.ambiguous.isEmpty {
        for name in rule.plainReferences where names.ambiguous.contains(name) {
          sheet.report(row: row, column: place, Self.ambiguous(name))
        }
      }
      for remark in rule.remarks { sheet.warn(row: row, column: place, remark) }
      load(rule, place, row)
      return rule
    } catch {
      sheet.report(row: row, column: place, error.explanation)
      return Self.always
    }
  }

  /// Stands for an expression that was reported, so that its absence is not reported as well.
  static let always = try? FormExpression("true()")

  /// Makes lists of the files that a rule looks into.
  private mutating func load(_ rule: FormExpression, _ place: String, _ row: CSVRecord) {
    var wanted: [String] = []
    rule.root.walk { node in if case .lookup(let lookup) = node { wanted.append(lookup.list) } }
    for list in wanted where choices.lists[list] == nil {
      let file = ListFile.names(of: list).first { files($0) != nil } ?? list + ".csv"
      load(file, as: list, value: "name", labels: [defaultLanguage: ["label"]], place, row)
    }
  }

  /// Makes a list of a file beside the form. Without the file the list is empty: nobody is asked to choose from it.
  ///
  /// - Parameters:
  ///   - value: Column of the codes.
  ///   - labels: Columns of the labels, by language.
  mutating func load(_ file: String, as list: String, value: String, labels: [String: [String]], _ place: String, _ row: CSVRecord) {
    guard choices.lists[list] == nil else { return }
    guard let data = files(file) else {
      sheet.warn(row: row, column: place, Self.noFile(file))
      if !missingFiles.contains(file) { missingFiles.append(file) }
      return choices.add(list, [])
    }
    if let fault = choices.addFile(file, as: list, value: value, labels: labels, data) {
      sheet.report(row: row, column: place, fault)
      choices.add(list, [])
    }
  }

  mutating func passOver(_ base: String, of row: CSVRecord, _ message: LocalizedText) {
    for column in sheet.columns(of: base) where !sheet.cell(column.header, of: row).isEmpty {
      sheet.warn(row: row, column: column.header, message)
    }
  }

  /// Appearances that the page carries out; others are shown plainly, with a warning.
  mutating func appearance(of row: CSVRecord, isSection: Bool = false) -> String? {
    guard let cell = optional("appearance", of: row) else { return nil }
    let shown: Set<String> = isSection ? ["field-list"] : ["multiline", "minimal", "autocomplete", "search", "quick", "list"]
    var hasChoices = false
    if case .choices? = names.type(of: row) { hasChoices = true }
    let rest = hasChoices && SurveySearch(cell) != nil ? SurveySearch.rest(of: cell) : cell
    let words = rest.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
    if hasChoices, words.contains(where: { $0.hasPrefix("search(") }) {
      sheet.report(row: row, column: header("appearance", row), Self.search)
    } else if !words.allSatisfy(shown.contains) {
      sheet.warn(row: row, column: header("appearance", row), Self.plainly)
    }
    let kept = words.filter { word in word.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == "-" } }
    return kept.isEmpty ? nil : String(kept.joined(separator: " ").prefix(FormSection.appearanceBytesMax))
  }

  // MARK: Sentences

  private static let disabled = LocalizedText(
    vi: "dòng được đánh dấu disabled nên được bỏ qua.", en: "the row is marked disabled and passed over.")
  private static let remark = LocalizedText(
    vi: "dòng không có loại, tên và nhãn nên được bỏ qua.", en: "the row has no type, name or label and is passed over.")
  private static let noType = LocalizedText(
    vi: "ô type để trống; hãy điền loại câu hỏi, hoặc xóa tên và nhãn nếu là ghi chú.",
    en: "type is blank; write the type of question, or clear name and label if the row is a remark.")
  private static let notForSections = LocalizedText(
    vi: "không có tác dụng ở nhóm hay phần lặp nên được bỏ qua.", en: "has no effect on a group or repeat and is passed over.")
  private static let emptySection = LocalizedText(
    vi: "nhóm không có câu nào nên được bỏ qua.", en: "the group is empty and is passed over.")
  private static let plainly = LocalizedText(
    vi: "cách hiển thị này không có ở đây; câu được hỏi theo cách thông thường.",
    en: "this appearance is not shown here; the question is asked plainly.")
  private static let search = LocalizedText(
    vi: "không hiểu search() này; hãy viết search('tệp') hoặc search('tệp', 'matches', 'cột', ${câu}), thêm , 'cột', ${câu} nếu cần.",
    en:
      "this search() is not understood; write search('file') or search('file', 'matches', 'column', ${question}), and , 'column', ${question} for another condition."
  )

  private static func ambiguous(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "có nhiều câu tên \"\(name)\"; hãy đổi tên để biết câu nào được nhắc đến.",
      en: "several questions are called \"\(name)\"; rename all but one, so that it is clear which is meant.")
  }

  static func noFile(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "không có tệp \(name) bên cạnh biểu mẫu; chừng nào chưa có, câu chọn từ tệp không được hỏi và giá trị tra cứu để trống.",
      en: "there is no file \(name) beside the form; without it nobody is asked to choose from it, and what is looked up is blank.")
  }

  private static let nothingToEnd = LocalizedText(
    vi: "không có nhóm hay phần lặp nào đang mở để kết thúc; hãy xóa dòng này.",
    en: "there is no open group or repeat to end; remove this row.")

  private static func neverClosed(_ section: OpenSection) -> LocalizedText {
    let kind = section.isRepeat ? "repeat" : "group"
    return LocalizedText(
      vi: "\"\(section.head.name)\" mở mà không đóng; hãy thêm dòng end \(kind).",
      en: "\"\(section.head.name)\" begins and never ends; add a row end \(kind).")
  }

  private static func wrongEnd(_ section: OpenSection) -> LocalizedText {
    let kind = section.isRepeat ? "repeat" : "group"
    return LocalizedText(
      vi: "dòng này phải là end \(kind) để đóng \"\(section.head.name)\".",
      en: "this row must be end \(kind), to end \"\(section.head.name)\".")
  }
}
