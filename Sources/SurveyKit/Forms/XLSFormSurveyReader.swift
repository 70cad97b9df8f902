internal import SyncKit

/// Turns the rows of the survey sheet into items, remembering the row of each.
struct XLSFormSurveyReader {
  private struct OpenSection {
    let isRepeat: Bool
    let row: CSVRecord
    /// Everything but the items, which are still to come.
    let head: FormSection
    /// Nested too deeply: reported, and its items join the section around it, so that the tree stays shallow.
    let isDissolved: Bool
    var items: [FormItem] = []
  }

  private(set) var sheet: XLSFormSheet
  /// The row of each item by its ordinal (`FormOutline`).
  private(set) var rows: [CSVRecord] = []
  /// Names of rows that could not be read.
  private(set) var unreadable: Set<String> = []
  private let defaultLanguage: String
  private var open: [OpenSection] = []
  private var done: [FormItem] = []

  init(sheet: XLSFormSheet, defaultLanguage: String) {
    self.sheet = sheet
    self.defaultLanguage = defaultLanguage
  }

  mutating func items() -> [FormItem] {
    for row in sheet.rows {
      guard rows.count <= Form.formItemsMax else { break }  // The common check says that there are too many.
      read(row)
    }
    guard rows.count <= Form.formItemsMax else { return closeAll() }
    while let section = open.last {
      sheet.report(row: section.row, column: "type", Self.neverClosed(section))
      close()
    }
    return done
  }

  private mutating func closeAll() -> [FormItem] {
    while !open.isEmpty { close() }
    return done
  }

  private mutating func read(_ row: CSVRecord) {
    let words = sheet.cell("type", of: row).split(separator: " ").map(String.init)
    switch words.joined(separator: " ") {
    case "": sheet.report(row: row, column: "type", XLSFormReading.blank("type"))
    case "begin group", "begin_group": begin(row, isRepeat: false)
    case "begin repeat", "begin_repeat": begin(row, isRepeat: true)
    case "end group", "end_group": end(row, isRepeat: false)
    case "end repeat", "end_repeat": end(row, isRepeat: true)
    default: question(row, words)
    }
  }

  // MARK: Sections

  private mutating func begin(_ row: CSVRecord, isRepeat: Bool) {
    let name = sheet.cell("name", of: row)
    for column in [
      "hint", "required", "required_message", "constraint", "constraint_message", "calculation", "choice_filter", "default", "parameters",
    ] {
      refuse(column, of: row, Self.notForSections(column))
    }
    let head = FormSection(
      name: name, label: sheet.text("label", of: row, defaultLanguage: defaultLanguage), relevant: expression("relevant", of: row),
      appearance: optional("appearance", of: row), items: [])
    let isTooDeep = open.count >= Form.formGroupDepthMax
    if isTooDeep { sheet.report(row: row, column: "type", FormMessage.tooDeep) } else { rows.append(row) }
    open.append(OpenSection(isRepeat: isRepeat, row: row, head: head, isDissolved: isTooDeep))
  }

  private mutating func end(_ row: CSVRecord, isRepeat: Bool) {
    guard let section = open.last else { return sheet.report(row: row, column: "type", Self.nothingToEnd) }
    if section.isRepeat != isRepeat { sheet.report(row: row, column: "type", Self.wrongEnd(section)) }
    close()
  }

  private mutating func close() {
    guard let section = open.popLast() else { return }
    guard !section.isDissolved else {
      for item in section.items { add(item) }
      return
    }
    let head = section.head
    let whole = FormSection(
      name: head.name, label: head.label, relevant: head.relevant, appearance: head.appearance, items: section.items)
    add(section.isRepeat ? .repeated(whole) : .group(whole))
  }

  private mutating func add(_ item: FormItem) {
    if open.isEmpty { done.append(item) } else { open[open.count - 1].items.append(item) }
  }

  // MARK: Questions

  private mutating func question(_ row: CSVRecord, _ words: [String]) {
    guard let kind = QuestionKind(rawValue: words[0]), words.count <= 2 else {
      let isOther = words.last == "or_other" || words.suffix(2) == ["or", "specify"]
      sheet.report(row: row, column: "type", isOther ? FormMessage.orOther : Self.unknownType(words.joined(separator: " ")))
      unreadable.insert(sheet.cell("name", of: row))
      return
    }
    let name = sheet.cell("name", of: row)
    let question = FormQuestion(
      name: name, kind: kind, label: sheet.text("label", of: row, defaultLanguage: defaultLanguage),
      hint: sheet.text("hint", of: row, defaultLanguage: defaultLanguage), choiceList: words.count > 1 ? words[1] : nil,
      required: required(row), requiredMessage: sheet.text("required_message", of: row, defaultLanguage: defaultLanguage),
      relevant: expression("relevant", of: row), constraint: expression("constraint", of: row),
      constraintMessage: sheet.text("constraint_message", of: row, defaultLanguage: defaultLanguage),
      calculation: expression("calculation", of: row), choiceFilter: expression("choice_filter", of: row, isFilter: true),
      initial: initial(kind, row), appearance: optional("appearance", of: row), maxPixels: maxPixels(row))
    add(.question(question))
    rows.append(row)
  }

  private func optional(_ column: String, of row: CSVRecord) -> String? {
    let cell = sheet.cell(column, of: row)
    return cell.isEmpty ? nil : cell
  }

  private mutating func expression(_ column: String, of row: CSVRecord, isFilter: Bool = false) -> FormExpression? {
    guard let source = optional(column, of: row) else { return nil }
    do throws(ExpressionError) {
      return try FormExpression(source, isFilter: isFilter)
    } catch {
      sheet.report(row: row, column: column, error.explanation)
      return Self.unreadableRule
    }
  }

  /// Stands for an expression that was reported, so that its absence is not reported as well.
  private static let unreadableRule = try? FormExpression("true()")

  private mutating func initial(_ kind: QuestionKind, _ row: CSVRecord) -> FormDefault? {
    guard let cell = optional("default", of: row) else { return nil }
    guard FormDefault.isRule(cell, for: kind) else { return .literal(cell.nfc) }
    return expression("default", of: row).map { .rule($0) }
  }

  private mutating func required(_ row: CSVRecord) -> FormExpression? {
    switch sheet.cell("required", of: row).lowercased() {
    case "", "no", "false", "false()": nil
    case "yes", "true", "true()": Self.unreadableRule
    default: expression("required", of: row)
    }
  }

  private mutating func maxPixels(_ row: CSVRecord) -> Int? {
    guard let cell = optional("parameters", of: row) else { return nil }
    let parts = cell.split(separator: "=", maxSplits: 1).map { String($0).trimmingWhitespace }
    guard parts.count == 2, parts[0] == "max-pixels", let pixels = ISODate.number(Array(parts[1].utf8)) else {
      sheet.report(row: row, column: "parameters", FormMessage.parameters)
      return nil
    }
    return pixels
  }

  private mutating func refuse(_ base: String, of row: CSVRecord, _ message: LocalizedText) {
    for column in sheet.columns where column.base == base && !sheet.cell(column.header, of: row).isEmpty {
      sheet.report(row: row, column: column.header, message)
    }
  }

  // MARK: Sentences

  private static func unknownType(_ type: String) -> LocalizedText {
    let known = QuestionKind.allCases.map { $0.hasChoices ? $0.rawValue + " …" : $0.rawValue }.joined(separator: ", ")
    return LocalizedText(
      vi: "không hỗ trợ loại \"\(type)\"; các loại dùng được: \(known), begin/end group, begin/end repeat.",
      en: "the type \"\(type)\" is not supported; those that are: \(known), begin/end group, begin/end repeat.")
  }

  private static func notForSections(_ column: String) -> LocalizedText {
    LocalizedText(
      vi: "\(column) không dùng được cho nhóm hay phần lặp; hãy xóa ô này hoặc đặt ở từng câu.",
      en: "\(column) has no meaning for a group or repeat; clear it, or put it on the questions.")
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
