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

  /// Problems, and warnings, that are kept; a form with more has one cause behind many of them.
  static let findingsMax = 5_000
  /// Different findings told of one rule.
  static let findingsOfRuleMax = 20

  /// - Parameter unreadable: Names whose rows could not be read; references to them are not reported a second time.
  /// - Returns: The first problems and warnings, and how many problems there are besides.
  static func findings(in form: Form, unreadable: Set<String> = []) -> (kept: [Finding], more: Int) {
    var check = FormCheck(form: form, unreadable: unreadable)
    check.checkForm()
    if check.checkSize() {
      check.checkLists()
      check.checkItems()
      check.checkCircles()
    }
    return (check.findings, max(0, check.problems - findingsMax))
  }

  let form: Form
  private let outline: FormOutline
  let unreadable: Set<String>
  let repeatOfQuestion: [String: String?]
  let questions: [String: FormQuestion]
  let kinds: [String: QuestionKind]
  let repeatNames: Set<String>
  /// Every item's name after those of the sections around it.
  let locations: [String: [String]]
  /// Codes of each list, and the columns in which any of its choices has something.
  let codes: [String: Set<String>]
  let columns: [String: Set<String>]
  private let languages: Set<String>
  /// Lists from which several choices are taken at a time.
  private let listsOfSeveral: Set<String>
  private var findings: [Finding] = []
  private var problems = 0
  private var warnings = 0

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
    kinds = questions.mapValues(\.kind)
    codes = form.choiceLists.mapValues { Set($0.map(\.name)) }
    columns = form.choiceLists.mapValues { choices in choices.reduce(into: []) { $0.formUnion($1.attributes.keys) } }
    languages = Set(form.languages.map(\.code))
    repeatNames = Set(outline.entries.map(\.item).filter(\.isRepeated).map(\.name))
    locations = Dictionary(outline.entries.map { ($0.item.name, $0.location) }, uniquingKeysWith: { first, _ in first })
    let several = questions.values.filter { $0.kind == .selectMultiple || $0.kind == .rank }
    listsOfSeveral = Set(several.compactMap(\.choiceList))
  }

  mutating func report(_ place: Place, _ subject: String, _ text: @autoclosure () -> LocalizedText) {
    problems += 1
    if problems <= Self.findingsMax { findings.append(Finding(place: place, subject: subject, text: text())) }
  }

  mutating func warn(
    _ place: Place, _ subject: String, _ text: @autoclosure () -> LocalizedText, isAboutBlank: Bool = false
  ) {
    warnings += 1
    guard warnings <= Self.findingsMax else { return }
    findings.append(Finding(place: place, subject: subject, text: text(), isWarning: true, isAboutBlank: isAboutBlank))
  }

  // MARK: Settings and choices

  private mutating func checkForm() {
    let id = form.id
    if !FormName.isValid(id) { report(.form("form_id"), "form_id", FormMessage.badName(id)) }
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
    if !languages.isSuperset(of: text.byLanguage.keys.filter { !$0.isEmpty }) {
      report(place, subject, FormMessage.strangeLanguage(column))
    }
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
