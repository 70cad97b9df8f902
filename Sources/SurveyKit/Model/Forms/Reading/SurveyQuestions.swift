internal import SyncCore

extension XLSFormSurveyReader {
  /// The items that one row asks for: mostly one, none when the row cannot be carried out.
  mutating func question(_ type: SurveyType, _ row: CSVRecord, _ words: [String]) -> [FormItem] {
    switch type {
    case .question(let kind): return plain(kind, row)
    case .choices(let kind, let list, let orOther):
      if let search = SurveySearch(sheet.cell("appearance", of: row)) { return searched(kind, list: list, search, orOther: orOther, row) }
      return choice(kind, list: list, orOther: orOther, row)
    case .file:
      sheet.warn(row: row, column: header("type", row), Self.fileName)
      return asked(.text, row)
    case .choicesFromFile(let kind, let file, let orOther):
      guard let list = list(of: file, row) else { return [] }
      return choice(kind, list: list, orOther: orOther, row)
    case .range: return range(row)
    case .acknowledge:
      let list = "acknowledge.ok"
      choices.add(list, [FormChoice(name: "OK", label: self.words.done)])
      return choice(.selectOne, list: list, orOther: false, row)
    case .day:
      sheet.warn(row: row, column: header("type", row), Self.dayOnly)
      return [calculated(names.name(of: row), try? FormExpression("today()"), row)]
    case .metadata:
      sheet.warn(row: row, column: header("type", row), Self.metadata)
      return [calculated(names.name(of: row), try? FormExpression("''"), row)]
    case .refused(let what):
      sheet.report(row: row, column: header("type", row), Self.refused(what))
      return []
    case .unknown, .beginGroup, .endGroup, .beginRepeat, .endRepeat, .external:
      sheet.report(row: row, column: header("type", row), Self.unknownType(words.joined(separator: " ")))
      return []
    }
  }

  private func calculated(_ name: String, _ rule: FormExpression?, _ row: CSVRecord, relevant: FormExpression? = nil) -> FormItem {
    .question(FormQuestion(name: name, kind: .calculate, relevant: relevant, calculation: rule ?? Self.always))
  }

  // MARK: Plain questions

  private mutating func plain(_ kind: QuestionKind, _ row: CSVRecord) -> [FormItem] {
    switch kind {
    case .calculate, .hidden: return unseen(kind, row)
    case .note: return note(row)
    default: return asked(kind, row)
    }
  }

  /// Reads items that are worked out, or that the carrier knows.
  private mutating func unseen(_ kind: QuestionKind, _ row: CSVRecord) -> [FormItem] {
    for column in ["hint", "required", "required_message", "constraint", "constraint_message", "choice_filter", "parameters"] {
      passOver(column, of: row, Self.notAsked)
    }
    let name = names.name(of: row)
    let relevant = expression("relevant", of: row)
    var calculation = expression("calculation", of: row)
    if calculation != nil {
      passOver("default", of: row, Self.notAsked)
    } else if kind == .calculate {
      // A value that is given instead of worked out.
      calculation = optional("default", of: row).flatMap { literal(or: $0, "default", row) }
      guard calculation != nil else {
        sheet.report(row: row, column: sheet.header(of: "calculation"), FormMessage.calculation)
        return []
      }
    }
    if let calculation { return [calculated(name, calculation, row, relevant: relevant)] }
    return [.question(FormQuestion(name: name, kind: .hidden, relevant: relevant, initial: initial(.hidden, row)))]
  }

  /// A rule, or the text itself where it is none.
  private mutating func literal(or text: String, _ column: String, _ row: CSVRecord) -> FormExpression? {
    if FormDefault.isRule(text, for: .text) { return rule(text, column, of: row) }
    return FormExpression.quoting(text.nfc)
  }

  /// A text to read, with a value under it where the row works one out.
  private mutating func note(_ row: CSVRecord, label: FormText? = nil) -> [FormItem] {
    for column in ["required", "required_message", "constraint", "constraint_message", "choice_filter", "parameters"] {
      passOver(column, of: row, Self.notAsked)
    }
    let name = names.name(of: row)
    let relevant = expression("relevant", of: row)
    let hint = sheet.text("hint", of: row, defaultLanguage: defaultLanguage)
    let shown = label ?? self.label(of: row, name)
    let look = appearance(of: row)
    var value = expression("calculation", of: row)
    if value == nil, let text = optional("default", of: row) { value = literal(or: text, "default", row) }
    guard let value else {
      return [.question(FormQuestion(name: name, kind: .note, label: shown, hint: hint, relevant: relevant, appearance: look))]
    }
    let texts = (shown.byLanguage).mapValues { $0 + "\n${\(name)}" }
    return [
      calculated(name, value, row, relevant: relevant),
      .question(
        FormQuestion(
          name: name + Self.noteSuffix, kind: .note, label: FormText(checked: texts), hint: hint, relevant: relevant, appearance: look)),
    ]
  }

  /// Name of the note that shows a value; no author can use the name, since `:` belongs to no name of a sheet.
  private static let noteSuffix = ".shown"

  private mutating func asked(_ kind: QuestionKind, _ row: CSVRecord, range: FormExpression? = nil, rangeText: FormText? = nil)
    -> [FormItem]
  {
    passOver("choice_filter", of: row, Self.noChoices)
    if isReadOnly(row) { return note(row) }
    return [.question(built(kind, row, list: nil, range: range, rangeText: rangeText))]
  }

  private func isReadOnly(_ row: CSVRecord) -> Bool {
    ["yes", "true", "true()"].contains(sheet.cell("read_only", of: row).lowercased())
  }

  private mutating func built(
    _ kind: QuestionKind, _ row: CSVRecord, list: String?, range: FormExpression? = nil, rangeText: FormText? = nil
  ) -> FormQuestion {
    let name = names.name(of: row)
    var initial = initial(kind, row)
    if let rule = expression("calculation", of: row) {
      sheet.warn(row: row, column: header("calculation", row), Self.calculatedOnce)
      initial = .rule(rule)
    }
    if let cell = optional("read_only", of: row), !["no", "false", "false()"].contains(cell.lowercased()) {
      sheet.warn(row: row, column: header("read_only", row), Self.readOnly)
    }
    let required = required(row)
    let written = expression("constraint", of: row)
    let constraint = written.flatMap { own in range.map { FormExpression.both(own, $0) ?? own } ?? own } ?? range
    if required == nil { passOver("required_message", of: row, Self.messageAlone) }
    if constraint == nil { passOver("constraint_message", of: row, Self.messageAlone) }
    return FormQuestion(
      name: name, kind: kind, label: label(of: row, name),
      hint: sheet.text("hint", of: row, defaultLanguage: defaultLanguage) ?? rangeText,
      choiceList: list, required: required,
      requiredMessage: required == nil ? nil : sheet.text("required_message", of: row, defaultLanguage: defaultLanguage),
      relevant: expression("relevant", of: row), constraint: constraint,
      constraintMessage: constraint == nil
        ? nil : sheet.text("constraint_message", of: row, defaultLanguage: defaultLanguage) ?? (written == nil ? rangeText : nil),
      choiceFilter: list == nil ? nil : expression("choice_filter", of: row, isFilter: true), initial: initial,
      appearance: appearance(of: row),
      maxPixels: parameters(kind, row, used: range == nil ? ["value", "label"] : ["start", "end", "step"]))
  }

  private mutating func label(of row: CSVRecord, _ name: String) -> FormText {
    if let label = sheet.text("label", of: row, defaultLanguage: defaultLanguage) { return label }
    sheet.warn(row: row, column: sheet.header(of: "label"), Self.noLabel)
    return FormText([defaultLanguage: name]) ?? FormText(checked: [:])
  }

  private mutating func initial(_ kind: QuestionKind, _ row: CSVRecord) -> FormDefault? {
    guard let cell = optional("default", of: row) else { return nil }
    guard FormDefault.isRule(cell, for: kind) else { return .literal(cell.nfc) }
    return expression("default", of: row).map { .rule($0) }
  }

  private mutating func required(_ row: CSVRecord) -> FormExpression? {
    switch sheet.cell("required", of: row).lowercased() {
    case "", "no", "false", "false()", "0": nil
    case "yes", "true", "true()", "1": Self.always
    default: expression("required", of: row)
    }
  }

  /// - Returns: How large a picture may be.
  ///
  /// - Parameter used: What was made something of already.
  private mutating func parameters(_ kind: QuestionKind, _ row: CSVRecord, used: Set<String>) -> Int? {
    guard let cell = optional("parameters", of: row) else { return nil }
    var pixels: Int?
    for (name, value) in Self.parameters(cell) {
      if kind == .image, name == "max-pixels", let number = ISODate.number(Array(value.utf8)), (1...20_000).contains(number) {
        pixels = number
      } else if !used.contains(name) {
        sheet.warn(row: row, column: header("parameters", row), Self.parameter(name))
      }
    }
    return pixels
  }

  /// `start=1 end=10; step=0.5` by name.
  static func parameters(_ cell: String) -> [(name: String, value: String)] {
    let spaced = cell.replacing(";", with: " ").replacing(",", with: " ")
    return spaced.split(whereSeparator: \.isWhitespace).map { part in
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (sides[0].lowercased(), sides.count > 1 ? sides[1] : "")
    }
  }

  // MARK: Choices

  /// - Parameter filter: Holds of what is offered, beside the row's own filter.
  mutating func choice(_ kind: QuestionKind, list: String, orOther: Bool, _ row: CSVRecord, filter: FormExpression? = nil) -> [FormItem] {
    if isReadOnly(row) { return note(row) }
    if orOther { choices.addOther(to: list, label: words.other) }
    var question = built(kind, row, list: list.isEmpty ? nil : list)
    if let filter {
      let both = question.choiceFilter.flatMap { try? FormExpression("(\($0.source)) and (\(filter.source))", isFilter: true) }
      question = question.filtered(by: both ?? filter)
    }
    guard orOther else { return [.question(question)] }
    if let filter = question.choiceFilter, let open = try? FormExpression("(\(filter.source)) or name = 'other'", isFilter: true) {
      question = question.filtered(by: open)
    }
    // XLSForm calls it so and asks it so.
    let reference = "${\(question.name)}"
    let other = FormQuestion(
      name: question.name + "_other", kind: .text, label: words.specify, required: nil,
      relevant: try? FormExpression("selected(\(reference), '\(XLSFormChoices.other)')"))
    return [.question(question), .question(other)]
  }

  /// Makes a list of a file beside the form.
  private mutating func list(of file: String, _ row: CSVRecord) -> String? {
    let column = header("type", row)
    guard let list = ListFile.list(of: file) else {
      sheet.report(row: row, column: column, Self.onlyLists)
      return nil
    }
    let given = Dictionary(Self.parameters(sheet.cell("parameters", of: row)), uniquingKeysWith: { first, _ in first })
    let isMap = file.lowercased().hasSuffix(".geojson")
    let label = given["label"] ?? (isMap ? "title" : "label")
    load(file, as: list, value: given["value"] ?? (isMap ? "id" : "name"), labels: [defaultLanguage: [label]], column, row)
    return list
  }

  // MARK: Ranges

  private mutating func range(_ row: CSVRecord) -> [FormItem] {
    let given = Dictionary(Self.parameters(sheet.cell("parameters", of: row)), uniquingKeysWith: { first, _ in first })
    var (least, most, step) = (given["start"] ?? "1", given["end"] ?? "10", given["step"] ?? "1")
    let numbers = [least, most, step].map { ExpressionValue.number(from: $0) }
    guard numbers.allSatisfy(\.isFinite), numbers[2] != 0, numbers[0] != numbers[1] else {
      sheet.report(row: row, column: sheet.header(of: "parameters"), Self.badRange)
      return []
    }
    if numbers[0] > numbers[1] { swap(&least, &most) }
    if step.hasPrefix("-") { step.removeFirst() }
    let isWhole = [least, most, step].allSatisfy { !$0.contains(".") }
    let steps = "round((. - \(least)) div \(step) * 1000000) mod 1000000 = 0"
    let rule = try? FormExpression(". >= \(least) and . <= \(most) and \(steps)")
    return asked(isWhole ? .integer : .decimal, row, range: rule, rangeText: words.range(least, most, step: step))
  }

  // MARK: Sentences

  private static func unknownType(_ type: String) -> LocalizedText {
    let known =
      "text, integer, decimal, date, time, dateTime, select_one …, select_multiple …, rank …, range, acknowledge, note, calculate, image, geopoint, barcode"
    return LocalizedText(
      vi: "không có loại \"\(type)\"; các loại dùng được: \(known), begin/end group, begin/end repeat.",
      en: "there is no type \"\(type)\"; those that can be asked: \(known), begin/end group, begin/end repeat.")
  }

  private static func refused(_ type: String) -> LocalizedText {
    LocalizedText(
      vi: "loại \"\(type)\" không hỏi được ở đây; hãy bỏ dòng này, hoặc hỏi bằng text hay image.",
      en: "\"\(type)\" cannot be asked here; remove the row, or ask for a text or an image.")
  }

  private static let onlyLists = LocalizedText(
    vi: "danh sách bên ngoài phải là tệp .csv, .xml hoặc .geojson; hãy chuyển sang CSV.",
    en: "a list outside the form must be a .csv, .xml or .geojson file; convert it to CSV.")
  private static let fileName = LocalizedText(
    vi: "không tệp nào được gửi kèm; người trả lời viết tên tệp.", en: "no file is taken along; people write its name.")
  private static let badRange = LocalizedText(
    vi: "range cần start, end và step là số, ví dụ start=0 end=10 step=1.",
    en: "a range needs numbers for start, end and step, such as start=0 end=10 step=1.")
  private static let dayOnly = LocalizedText(
    vi: "chỉ ngày của phiếu được ghi, không ghi giờ.", en: "the day of the answers is taken, without a time.")
  private static let metadata = LocalizedText(
    vi: "máy không ghi thông tin này; giá trị để trống.", en: "this is not recorded here; its value is blank.")
  private static let notAsked = LocalizedText(
    vi: "không có tác dụng ở mục không ai trả lời nên được bỏ qua.", en: "has no effect where nobody answers and is passed over.")
  private static let noChoices = LocalizedText(
    vi: "chỉ có tác dụng ở câu chọn nên được bỏ qua.", en: "has an effect on choices only and is passed over.")
  private static let messageAlone = LocalizedText(
    vi: "không có quy tắc nào cho thông báo này nên nó không bao giờ hiện.", en: "there is no rule for this message, so it is never shown.")
  private static let noLabel = LocalizedText(
    vi: "thiếu nhãn; tên được hiện thay.", en: "the label is missing; the name is shown instead.")
  private static let calculatedOnce = LocalizedText(
    vi: "được tính khi câu hiện ra lần đầu; người trả lời sửa được.",
    en: "is worked out when the question is first shown; people may change it.")
  private static let readOnly = LocalizedText(
    vi: "điều kiện khóa câu trả lời không có tác dụng ở đây.", en: "a condition for locking the answer has no effect here.")

  private static func parameter(_ name: String) -> LocalizedText {
    LocalizedText(vi: "tham số \(name) không có tác dụng ở đây.", en: "the parameter \(name) has no effect here.")
  }
}
