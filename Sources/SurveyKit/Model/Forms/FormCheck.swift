internal import SyncCore

/// Finds everything in a form that would surprise its respondents: one check for the import and for stored definitions.
struct FormCheck {
  enum Place: Hashable {
    /// A setting: `form_id`, `version`, `default_language`.
    case form(String)
    /// An item by its ordinal (`FormOutline`), and the column at fault.
    case item(Int, String)
    /// A choice by its list and index.
    case choice(String, Int, String)
  }

  struct Finding: Hashable {
    let place: Place
    /// Name of the item, list or form at fault.
    let subject: String
    let text: LocalizedText
    /// Says something that can be carried out, and that its author may not have meant.
    var isWarning = false
    /// Is about a cell that holds nothing, so that of several columns the blank one is meant.
    var isAboutBlank = false

    /// For readers without rows and columns.
    var message: LocalizedText { LocalizedText(vi: "\(subject): \(text.vi)", en: "\(subject): \(text.en)") }
  }

  /// - Parameter unreadable: Names whose rows could not be read; references to them are not reported a second time.
  static func findings(in form: Form, unreadable: Set<String> = []) -> [Finding] {
    var check = FormCheck(form: form, unreadable: unreadable)
    check.checkForm()
    guard check.checkSize() else { return check.findings }
    check.checkLists()
    check.checkItems()
    check.checkCircles()
    return check.findings
  }

  private let form: Form
  private let outline: FormOutline
  private let unreadable: Set<String>
  private let repeatOfQuestion: [String: String?]
  private let questions: [String: FormQuestion]
  private let repeatNames: Set<String>
  /// Every item's name after those of the sections around it.
  private let locations: [String: [String]]
  /// Lists from which several choices are taken at a time.
  private let listsOfSeveral: Set<String>
  private var findings: [Finding] = []

  private init(form: Form, unreadable: Set<String>) {
    self.form = form
    self.unreadable = unreadable
    outline = FormOutline(form.items)
    var repeatOfQuestion: [String: String?] = [:]
    var questions: [String: FormQuestion] = [:]
    for entry in outline.entries {
      guard case .question(let question) = entry.item else { continue }
      repeatOfQuestion[question.name] = .some(entry.repeatName)
      questions[question.name] = question
    }
    self.repeatOfQuestion = repeatOfQuestion
    self.questions = questions
    repeatNames = Set(outline.entries.map(\.item).filter(\.isRepeated).map(\.name))
    locations = Dictionary(outline.entries.map { ($0.item.name, $0.location) }, uniquingKeysWith: { first, _ in first })
    let several = questions.values.filter { $0.kind == .selectMultiple || $0.kind == .rank }
    listsOfSeveral = Set(several.compactMap(\.choiceList))
  }

  private mutating func report(_ place: Place, _ subject: String, _ text: LocalizedText) {
    findings.append(Finding(place: place, subject: subject, text: text))
  }

  private mutating func warn(_ place: Place, _ subject: String, _ text: LocalizedText, isAboutBlank: Bool = false) {
    findings.append(Finding(place: place, subject: subject, text: text, isWarning: true, isAboutBlank: isAboutBlank))
  }

  // MARK: Settings and choices

  private mutating func checkForm() {
    if !FormName.isValid(form.id) { report(.form("form_id"), "form_id", FormMessage.badName(form.id)) }
    if !FormName.isIdentifier(form.version) { report(.form("version"), "version", FormMessage.badVersion) }
    let codes = form.languages.map(\.code)
    if codes.isEmpty || Set(codes).count != codes.count { report(.form("default_language"), "languages", FormMessage.languages) }
    if !codes.contains(form.defaultLanguage) {
      report(.form("default_language"), "default_language", FormMessage.defaultLanguage(codes))
    }
  }

  /// A form beyond the bounds is not looked at further, so that checking it stays cheap.
  private mutating func checkSize() -> Bool {
    let choices = form.choiceLists.values.reduce(0) { $0 + $1.count }
    let isTooLong = outline.entries.count > Form.formItemsMax
    if isTooLong { report(.form("form_id"), form.id, FormMessage.tooManyItems) }
    if choices > Form.formChoicesMax { report(.form("form_id"), form.id, FormMessage.tooManyChoices) }
    return !isTooLong && choices <= Form.formChoicesMax
  }

  private mutating func checkLists() {
    for (list, choices) in form.choiceLists.sorted(by: { $0.key < $1.key }) {
      if !FormName.isValidList(list) { report(.choice(list, 0, "list_name"), list, FormMessage.badName(list)) }
      for (index, choice) in choices.enumerated() {
        if !FormName.isValidChoice(choice.name, hasSpaces: !listsOfSeveral.contains(list)) {
          report(.choice(list, index, "name"), list, FormMessage.badChoiceName(choice.name))
        }
        checkText(choice.label, "label", .choice(list, index, "label"), list)
      }
    }
  }

  // MARK: Items

  private mutating func checkItems() {
    // Skips names that rows which could not be read may declare.
    if unreadable.isEmpty, !questions.values.contains(where: { $0.kind.isAsked || $0.kind == .note }) {
      report(.form("form_id"), form.id, FormMessage.noQuestions)
    }
    var seen: Set<String> = []
    for entry in outline.entries {
      let name = entry.item.name
      if !FormName.isValid(name) {
        report(.item(entry.ordinal, "name"), name, FormMessage.badName(name))
      } else if !seen.insert(name).inserted {
        report(.item(entry.ordinal, "name"), name, FormMessage.nameTwice(name))
      }
      switch entry.item {
      case .question(let question): checkQuestion(question, entry)
      case .group(let section):
        checkSection(section, entry)
      case .repeated(let section):
        checkSection(section, entry)
        if entry.repeats.count >= RepeatNumber.repeatDepthMax { report(.item(entry.ordinal, "type"), name, FormMessage.nestedRepeat) }
        checkRule(section.count, "repeat_count", entry)
      }
    }
  }

  private mutating func checkSection(_ section: FormSection, _ entry: FormOutline.Entry) {
    if entry.depth >= Form.formGroupDepthMax { report(.item(entry.ordinal, "type"), section.name, FormMessage.tooDeep) }
    if section.items.isEmpty { report(.item(entry.ordinal, "type"), section.name, FormMessage.emptySection) }
    checkText(section.label, "label", .item(entry.ordinal, "label"), section.name)
    checkAppearance(section.appearance, entry)
    checkRule(section.relevant, "relevant", entry)
  }

  private mutating func checkQuestion(_ question: FormQuestion, _ entry: FormOutline.Entry) {
    let name = question.name
    func place(_ column: String) -> Place { .item(entry.ordinal, column) }
    if question.label == nil, question.kind.isAsked || question.kind == .note { report(place("label"), name, FormMessage.noLabel) }
    for (column, text) in question.texts { checkText(text, column, place(column), name) }
    checkChoices(question, entry)
    if !question.kind.isAsked {
      if question.required != nil { report(place("required"), name, FormMessage.notAsked("required")) }
      if question.constraint != nil { report(place("constraint"), name, FormMessage.notAsked("constraint")) }
    }
    if question.constraint == nil, question.constraintMessage != nil {
      report(place("constraint"), name, FormMessage.messageWithoutRule("constraint"))
    }
    if question.required == nil, question.requiredMessage != nil {
      report(place("required"), name, FormMessage.messageWithoutRule("required"))
    }
    if (question.kind == .calculate) != (question.calculation != nil) {
      report(place("calculation"), name, FormMessage.calculation)
    }
    checkInitial(question, place("default"))
    if let pixels = question.maxPixels, question.kind != .image || !(1...20_000).contains(pixels) {
      report(place("parameters"), name, FormMessage.parameters)
    }
    checkAppearance(question.appearance, entry)
    for (column, rule) in question.rules { checkRule(rule, column, entry) }
  }

  private mutating func checkChoices(_ question: FormQuestion, _ entry: FormOutline.Entry) {
    let place = Place.item(entry.ordinal, "type")
    guard question.kind.hasChoices else {
      if question.choiceList != nil { report(place, question.name, FormMessage.listNotWanted) }
      if question.choiceFilter != nil { report(.item(entry.ordinal, "choice_filter"), question.name, FormMessage.filterNotWanted) }
      return
    }
    guard let list = question.choiceList else { return report(place, question.name, FormMessage.listMissing) }
    // An empty list is that of a file which is not there: nobody is asked the question.
    if form.choiceLists[list] == nil { report(place, question.name, FormMessage.unknownList(list)) }
  }

  private mutating func checkInitial(_ question: FormQuestion, _ place: Place) {
    guard let initial = question.initial else { return }
    if !question.kind.isAsked, question.kind != .hidden { return report(place, question.name, FormMessage.notAsked("default")) }
    guard case .literal(let text) = initial else { return }
    if case .fault = AnswerReader.read(.text(text), for: question, choices: form.choices(of: question)) {
      warn(place, question.name, FormMessage.badDefault)
    }
  }

  private mutating func checkText(_ text: FormText?, _ column: String, _ place: Place, _ subject: String) {
    // Without languages, or without the default one, that has been said once and for all.
    guard let text, !form.languages.isEmpty else { return }
    let missing = form.languages.filter { text.byLanguage[$0.code] == nil }
    if !missing.isEmpty { warn(place, subject, FormMessage.untranslated(column, missing), isAboutBlank: true) }
    let codes = Set(form.languages.map(\.code))
    if !codes.isSuperset(of: text.byLanguage.keys.filter { !$0.isEmpty }) { report(place, subject, FormMessage.strangeLanguage(column)) }
    if text.byLanguage.values.contains(where: { $0.utf8.count > FormText.formTextBytesMax }) {
      report(place, subject, FormMessage.textTooLong)
    }
  }

  private mutating func checkAppearance(_ appearance: String?, _ entry: FormOutline.Entry) {
    guard let appearance else { return }
    let isPlain =
      appearance.utf8.count <= FormSection.appearanceBytesMax
      && appearance.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == "-" || $0 == " " }
    if !isPlain { report(.item(entry.ordinal, "appearance"), entry.item.name, FormMessage.appearance) }
  }

  // MARK: Rules

  private mutating func checkRule(_ rule: FormExpression?, _ column: String, _ entry: FormOutline.Entry) {
    guard let rule else { return }
    let place = Place.item(entry.ordinal, column)
    let subject = entry.item.name
    if rule.usesCurrent, !Self.rulesOfOneAnswer.contains(column) || !entry.item.isQuestion {
      report(place, subject, FormMessage.dotOutsideConstraint(column))
    }
    var texts = Texts(isFilter: column == "choice_filter")
    check(rule.root, takesMany: false, entry, &texts)
    rule.root.walk { node in
      for choice in comparedChoices(node, entry) { texts.warn(FormMessage.noSuchChoice(choice)) }
    }
    for text in texts.problems { report(place, subject, text) }
    for text in texts.warnings { warn(place, subject, text) }
  }

  /// Rules that are about the answer to one question, so that `.` means it.
  private static let rulesOfOneAnswer: Set<String> = ["constraint", "required", "relevant", "calculation", "default"]

  /// Texts about a rule: faults, and merely strange parts; each once.
  private struct Texts {
    /// Plain names are columns of the list.
    let isFilter: Bool
    private(set) var problems: [LocalizedText] = []
    private(set) var warnings: [LocalizedText] = []

    init(isFilter: Bool) { self.isFilter = isFilter }

    mutating func report(_ text: LocalizedText) { if !problems.contains(text) { problems.append(text) } }
    mutating func warn(_ text: LocalizedText) { if !warnings.contains(text) { warnings.append(text) } }
  }

  /// Choices that a rule looks for and the question does not offer: it never holds, which few authors mean.
  private func comparedChoices(_ node: ExpressionNode, _ entry: FormOutline.Entry) -> [String] {
    var isSelected = false
    let sides: [(ExpressionNode, ExpressionNode)]
    switch node {
    case .call(.selected, let arguments) where arguments.count == 2:
      isSelected = true
      sides = [(arguments[0], arguments[1])]
    case .binary(.equal, let left, let right), .binary(.notEqual, let left, let right): sides = [(left, right), (right, left)]
    default: return []
    }
    return sides.compactMap { question, choice in
      guard case .string(let text) = choice, !text.isEmpty, isSelected || kind(of: question, in: entry) == .selectOne else { return nil }
      guard let list = list(of: question, in: entry), !list.isEmpty, !list.contains(text.trimmingWhitespace) else { return nil }
      return text
    }
  }

  /// Looks at every name in a rule. A repeat's own condition is judged outside it.
  ///
  /// The depth of a rule is bounded by `FormExpression.expressionDepthMax`.
  private func check(_ node: ExpressionNode, takesMany: Bool, _ entry: FormOutline.Entry, _ texts: inout Texts) {
    switch node {
    case .number, .string, .current: break
    case .reference(let name): reference(to: name, takesMany: takesMany, entry, &texts)
    case .path(let path):
      guard let name = path.name, !unreadable.contains(name) else { break }
      guard let place = locations[name], path.isInsidePick || path.leads(from: entry.location, to: place) else {
        // As XPath has it: what leads nowhere is blank.
        return texts.warn(FormMessage.wrongPath(name, locations[name]))
      }
      reference(to: name, takesMany: takesMany, entry, &texts)
    case .lookup(let lookup):
      if form.choiceLists[lookup.list] == nil { texts.report(FormMessage.unknownList(lookup.list)) }
      for operand in lookup.operands {
        // Plain names inside are columns of that list.
        operand.walk { inner in
          if let name = inner.referenceName { reference(to: name, takesMany: false, entry, &texts) }
        }
      }
    case .column(let name) where !texts.isFilter:
      if questions[name] != nil || repeatNames.contains(name) {
        texts.report(ExpressionMessage.plainName)
      } else {
        texts.warn(FormMessage.plainName(name))
      }
    case .column(let name):
      guard name != "name", case .question(let question) = entry.item, let list = question.choiceList.flatMap({ form.choiceLists[$0] })
      else { break }
      if !list.contains(where: { $0.attributes[name] != nil }) { texts.warn(FormMessage.unknownChoiceColumn(name)) }
    case .pick(let pick):
      check(pick.base, takesMany: true, entry, &texts)
      for name in pick.names where questions[name] == nil && !unreadable.contains(name) && !repeatNames.contains(name) {
        texts.warn(FormMessage.plainName(name))
      }
      for condition in pick.conditions { checkInside(condition, entry, &texts) }
    case .negative(let operand), .matches(let operand, _): check(operand, takesMany: false, entry, &texts)
    case .binary(_, let left, let right):
      check(left, takesMany: false, entry, &texts)
      check(right, takesMany: false, entry, &texts)
    case .call(.position, let arguments):
      guard case .path(let path)? = arguments.first else { break }
      let around = Array(entry.location.dropLast(path.ups))
      if !entry.repeats.contains(where: { locations[$0] == around }) { texts.warn(FormMessage.positionOutsideRepeat) }
    case .call(let function, let arguments):
      for (index, argument) in arguments.enumerated() {
        if function.isCondition(at: index) {
          checkInside(argument, entry, &texts)
        } else {
          check(argument, takesMany: function.takesMany(at: index), entry, &texts)
        }
      }
      guard function == .choiceName, let name = arguments[1].referenceName, let question = questions[name] else { break }
      if !question.kind.hasChoices { texts.report(FormMessage.noChoices(name)) }
    }
  }

  /// Looks at the names in a condition on the filling-ins of a repeat, each of which has one answer.
  private func checkInside(_ condition: ExpressionNode, _ entry: FormOutline.Entry, _ texts: inout Texts) {
    condition.walk { inner in
      if case .reference(let name) = inner { reference(to: name, takesMany: true, entry, &texts) }
    }
  }

  /// - Returns: False when there is nothing of that name.
  @discardableResult
  private func reference(to name: String, takesMany: Bool, _ entry: FormOutline.Entry, _ texts: inout Texts) -> Bool {
    if unreadable.contains(name) { return false }
    if takesMany, repeatNames.contains(name) { return true }
    guard let question = questions[name], let home = repeatOfQuestion[name] else {
      texts.report(repeatNames.contains(name) ? FormMessage.isRepeat(name) : FormMessage.unknownQuestion(name))
      return false
    }
    if question.kind == .note { texts.warn(FormMessage.noteHasNoAnswer(name)) }
    if let home, !entry.repeats.contains(home), !takesMany { texts.warn(FormMessage.insideRepeat(name, home)) }
    return true
  }

  private func kind(of node: ExpressionNode, in entry: FormOutline.Entry) -> QuestionKind? {
    if case .current = node, case .question(let own) = entry.item { return own.kind }
    return node.referenceName.flatMap { questions[$0]?.kind }
  }

  /// Names of the choices of the question a node stands for; nil when it is not a question with choices.
  private func list(of node: ExpressionNode, in entry: FormOutline.Entry) -> [String]? {
    let question: FormQuestion? =
      switch node {
      case .reference, .path: node.referenceName.flatMap { questions[$0] }
      case .current: if case .question(let own) = entry.item { own } else { nil }
      default: nil
      }
    guard let list = question?.choiceList else { return nil }
    return form.choiceLists[list]?.map(\.name)
  }

  private mutating func checkCircles() {
    var items: [(name: String, dependencies: [String])] = []
    var entries: [FormOutline.Entry] = []
    for entry in outline.entries {
      var rules = entry.conditions
      switch entry.item {
      case .question(let question):
        rules += [question.relevant, question.calculation].compactMap { $0 }
        if question.kind == .hidden { rules += [question.initial?.rule].compactMap { $0 } }
      case .repeated(let section): rules += [section.relevant, section.count].compactMap { $0 }
      case .group: continue
      }
      let own = entry.isEarly && !(rules.dropFirst(entry.conditions.count).contains { $0.references.contains(entry.item.name) })
      items.append((entry.item.name, rules.flatMap(\.references).filter { !own || $0 != entry.item.name }))
      entries.append(entry)
    }
    let circular = DependencyOrder(items).circular
    guard let first = circular.first else { return }
    let names = circular.prefix(8).map { items[$0].name }
    let column: String
    if case .question(let question) = entries[first].item, question.kind == .calculate {
      column = "calculation"
    } else {
      column = "relevant"
    }
    report(.item(entries[first].ordinal, column), items[first].name, FormMessage.circle(names))
  }
}

extension FormQuestion {
  fileprivate var rules: [(String, FormExpression?)] {
    [
      ("required", required), ("relevant", relevant), ("constraint", constraint),
      ("calculation", calculation),
      ("choice_filter", choiceFilter), ("default", initial?.rule),
    ]
  }
}
