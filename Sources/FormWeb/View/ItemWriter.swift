internal import SurveyKit
internal import SyncHub

/// One thing on a page; exactly one of its parts is there.
struct ItemView {
  var caption: RichView?
  var note: RichView?
  var question: QuestionView?
  var repeated: RepeatView?
  var button: ButtonView?
}

/// A button between the questions, for a repeat inside a repeat.
struct ButtonView {
  var buttonTone: String
  var buttonValue: String
  var buttonText: String
}

struct RepeatView {
  struct Instance {
    var name: String
    /// Of the button that takes it away; nil where the form says how many there are.
    var removal: String?
    var remove: String
    var items: [ItemView]
  }

  var anchor: String
  var legend: String?
  var instances: [Instance]
  /// Value of the button for another filling-in while one is possible.
  var adds: String?
  var add: String
}

/// A question with its control; exactly one of the five controls is there.
struct QuestionView {
  struct Option {
    var anchor: String
    var value: String
    var label: String
    var labelRuns: [RunView] = []
    var isChosen: Bool
  }

  struct Choices {
    var input: String
    var role: String
    var options: [Option]
  }

  struct Select {
    var options: [Option]
  }

  /// Writes one list for each place, the best first; the browser sends them in order.
  struct Order {
    struct Row {
      var rowAnchor: String
      var rowName: String
      var rowOptions: [Option]
    }

    var rows: [Row]
  }

  struct Line {
    var input: String
    var mode: String?
    var value: String
  }

  struct Area {
    var value: String
  }

  var anchor: String
  var field: String
  var label: String
  var labelRuns: [RunView]
  var optional: String?
  var hint: RichView?
  var several: String?
  var fault: String?
  var tone: String
  var describedBy: String?
  var choices: Choices?
  var select: Select?
  var line: Line?
  var area: Area?
  var order: Order?
}

/// Turns the items of a page into what its template shows, in one language.
struct ItemWriter {
  let interview: Interview
  let draft: Draft
  let asked: AskedItems
  let faults: [String: LocalizedText]
  let new: Set<String>
  /// By field, what a link within the page calls it: numbers, for the browser's history keeps them and must learn nothing.
  private let anchors: [String: String]
  /// The heading above everything, which a repeat that fills the page need not say again.
  private let heading: FormText?
  private let filling: TextFilling
  private let standing: FormStanding

  init(
    _ interview: Interview, _ draft: Draft, _ asked: AskedItems, page: FormPages.Page? = nil, faults: [String: LocalizedText] = [:],
    new: Set<String> = []
  ) {
    self.interview = interview
    self.draft = draft
    self.asked = asked
    self.faults = faults
    self.new = new
    heading = page?.label
    standing = FormStanding(interview.validator, after: interview.given(draft))
    filling = standing.filling
    let fields = (page?.shown(asked).map(\.field) ?? []) + (page?.repeats.map { FieldName.of($0) } ?? [])
    anchors = Dictionary(fields.enumerated().map { ($1, "n\($0 + 1)") }, uniquingKeysWith: { first, _ in first })
  }

  func anchor(_ field: String) -> String { anchors[field] ?? field }

  /// From so many choices on, a question of one choice is a list that opens.
  private static let selectChoicesMin = 16

  private var language: Language { draft.language }

  /// A text with the answers that it names, without markup.
  func text(_ text: FormText?, _ item: ShownQuestion? = nil) -> String { markup(text, item).plain }

  /// The same with its markup.
  func runs(_ text: FormText?, _ item: ShownQuestion? = nil) -> [RunView] { markup(text, item).runs.map { RunView($0) } }

  private func markup(_ text: FormText?, _ item: ShownQuestion?) -> Markup {
    markup(text, in: ShownQuestion.Position(section: item?.section, number: item?.number))
  }

  private func markup(_ text: FormText?, in position: ShownQuestion.Position) -> Markup {
    let written = text?.text(in: draft.textLanguage, fallback: interview.form.defaultLanguage) ?? ""
    return Markup(written).filled { filling.filled($0, in: position.section?.name, number: position.number) }
  }

  func items(_ items: [FormItem]) -> [ItemView] {
    items.flatMap { item -> [ItemView] in
      switch item {
      case .question(let question):
        guard asked.outer.contains(question.name) else { return [] }
        return self.item(ShownQuestion(question: question))
      case .group(let section):
        let inside = self.items(section.items)
        guard !inside.isEmpty else { return [] }
        return section.label.map { [ItemView(caption: RichView(runs: runs($0)))] + inside } ?? inside
      case .repeated(let section):
        return asked.outer.contains(section.name) ? [ItemView(repeated: repeated(section))] : []
      }
    }
  }

  private func item(_ item: ShownQuestion) -> [ItemView] {
    if item.question.kind == .note {
      let hint = item.question.hint.map { [ItemView(note: RichView(runs: runs($0, item)))] } ?? []
      return [ItemView(note: RichView(runs: runs(item.question.label, item)))] + hint
    }
    return item.question.isShown ? [ItemView(question: question(item))] : []
  }

  // MARK: Repeats

  private func repeated(_ section: FormSection) -> RepeatView {
    let label = section.label.map { text($0) }
    let instances = asked.numbers(of: section.name).map { number in
      RepeatView.Instance(
        name: WebWords.instance(label, number)(language), removal: section.count == nil ? "remove.\(section.name).\(number - 1)" : nil,
        remove: WebWords.remove(language), items: inside(section.items, ShownQuestion.Position().inside(section, number)))
    }
    let canAdd = section.count == nil && instances.count < WebLimits.instancesMax
    return RepeatView(
      anchor: anchor(FieldName.of(section)), legend: section.label == heading ? nil : label, instances: instances,
      adds: canAdd ? "add.\(section.name)" : nil, add: WebWords.add(label)(language))
  }

  private func inside(_ items: [FormItem], _ position: ShownQuestion.Position) -> [ItemView] {
    items.flatMap { item -> [ItemView] in
      switch item {
      case .question(let question): position.asks(question.name, asked) ? self.item(position.shown(question)) : []
      case .group(let group):
        inside(group.items, position)
      case .repeated(let section): position.asks(section.name, asked) ? inner(section, position) : []
      }
    }
  }

  /// A repeat inside a repeat: its filling-ins under headings, one after the other, with their buttons.
  private func inner(_ section: FormSection, _ position: ShownQuestion.Position) -> [ItemView] {
    let label = section.label.map { markup($0, in: position).plain }
    let numbers = asked.numbers(of: section.name, inside: position.number)
    let filled = numbers.flatMap { number -> [ItemView] in
      let name = WebWords.instance(label, RepeatNumber.place(number))(language)
      let heading = ItemView(caption: RichView(runs: Markup(name).runs.map { RunView($0) }))
      let removal = ButtonView(
        buttonTone: "link", buttonValue: "remove.\(section.name).\(number - 1)", buttonText: WebWords.remove(language) + " – " + name)
      return [heading] + inside(section.items, position.inside(section, number))
        + (section.count == nil ? [ItemView(button: removal)] : [])
    }
    guard section.count == nil, numbers.count < WebLimits.instancesMax, let outer = position.number else { return filled }
    let adding = ButtonView(
      buttonTone: "quiet", buttonValue: "addin.\(outer).\(section.name)", buttonText: WebWords.add(label)(language))
    return filled + [ItemView(button: adding)]
  }

  // MARK: Questions

  /// Where a link to a question leads: its first control.
  func firstControl(_ item: ShownQuestion) -> String {
    switch item.question.kind {
    case .selectOne where offered(item).count < Self.selectChoicesMin, .selectMultiple: anchor(item.field) + ".0"
    default: anchor(item.field)
    }
  }

  private func offered(_ item: ShownQuestion) -> [FormChoice] {
    standing.offeredChoices(of: item.question.name, number: item.number)
  }

  /// What stands in a question: its answer, or what it begins with.
  private func current(_ item: ShownQuestion) -> AnswerValue? {
    if let answer = item.answer(in: draft.answers) { return answer }
    return item.question.initial == nil ? nil : standing.initialAnswer(to: item.question.name, number: item.number)
  }

  private func question(_ item: ShownQuestion) -> QuestionView {
    let question = item.question
    let fault = faults[item.field]?(language)
    let hint = question.hint.map { RichView(runs: runs($0, item)) }
    let anchor = anchor(item.field)
    let described = [hint == nil ? nil : "\(anchor).hint", fault == nil ? nil : "\(anchor).fault"].compactMap { $0 }
    var view = QuestionView(
      anchor: anchor, field: item.field, label: text(question.label, item), labelRuns: runs(question.label, item),
      optional: question.isOptional ? WebWords.optional(language) : nil,
      hint: hint, fault: fault, tone: fault != nil ? " wrong" : new.contains(item.field) ? " new" : "",
      describedBy: described.isEmpty ? nil : described.joined(separator: " "))
    let value = current(item)
    switch question.kind {
    case .selectOne:
      let choices = options(item, taken: value.map { [$0.cell] } ?? [])
      if choices.count < Self.selectChoicesMin {
        view.choices = QuestionView.Choices(input: "radio", role: "radiogroup", options: choices + blankOption(item, choices.count, value))
      } else {
        let none = QuestionView.Option(anchor: "", value: "", label: WebWords.choose(language), isChosen: false)
        view.select = QuestionView.Select(options: [none] + choices)
      }
    case .selectMultiple:
      let taken = value.map { $0.cell.split(separator: " ").map(String.init) } ?? []
      view.choices = QuestionView.Choices(input: "checkbox", role: "group", options: options(item, taken: Set(taken)))
      if hint == nil { view.several = WebWords.several(language) }
    case .rank: view.order = QuestionView.Order(rows: places(item, value))
    case .text where question.appearance?.contains("multiline") == true: view.area = QuestionView.Area(value: value?.cell ?? "")
    case .integer: view.line = QuestionView.Line(input: "text", mode: "numeric", value: value?.cell ?? "")
    case .decimal: view.line = QuestionView.Line(input: "text", mode: "decimal", value: value?.cell ?? "")
    case .date: view.line = QuestionView.Line(input: "date", value: value?.cell ?? "")
    case .time: view.line = QuestionView.Line(input: "time", value: value?.cell ?? "")
    case .dateTime: view.line = QuestionView.Line(input: "datetime-local", value: value?.cell ?? "")
    default: view.line = QuestionView.Line(input: "text", value: value?.cell ?? "")
    }
    return view
  }

  private func options(_ item: ShownQuestion, taken: Set<String>) -> [QuestionView.Option] {
    offered(item).enumerated().map { place, choice in
      QuestionView.Option(
        anchor: "\(anchor(item.field)).\(place)", value: choice.name, label: text(choice.label, item), labelRuns: runs(choice.label, item),
        isChosen: taken.contains(choice.name))
    }
  }

  /// A list for each place that a choice can take.
  private func places(_ item: ShownQuestion, _ value: AnswerValue?) -> [QuestionView.Order.Row] {
    let taken = value.map { $0.cell.split(separator: " ").map(String.init) } ?? []
    let choices = offered(item)
    return choices.indices.map { place in
      let own = place < taken.count ? taken[place] : nil
      let none = QuestionView.Option(anchor: "", value: "", label: WebWords.choose(language), isChosen: own == nil)
      let options = choices.map {
        QuestionView.Option(anchor: "", value: $0.name, label: text($0.label, item), isChosen: $0.name == own)
      }
      return QuestionView.Order.Row(
        rowAnchor: place == 0 ? anchor(item.field) : "\(anchor(item.field)).\(place)", rowName: "\(place + 1).",
        rowOptions: [none] + options)
    }
  }

  /// Without a script a radio button cannot be taken back, so what may be left blank gets a choice for that.
  private func blankOption(_ item: ShownQuestion, _ place: Int, _ value: AnswerValue?) -> [QuestionView.Option] {
    guard item.question.isOptional else { return [] }
    let isBlank = value.map { $0.cell.isEmpty } ?? false
    return [
      QuestionView.Option(
        anchor: "\(anchor(item.field)).\(place)", value: "", label: WebWords.noAnswer(language),
        labelRuns: Markup(WebWords.noAnswer(language)).runs.map { RunView($0) }, isChosen: isBlank)
    ]
  }

  /// An answer in words; nil when it is blank.
  func shownAnswer(_ item: ShownQuestion, _ given: [String: AnswerValue]) -> String? {
    guard let value = item.answer(in: given) else { return nil }
    switch item.question.kind {
    case .rank:
      let choices = interview.form.choices(of: item.question)
      let names = value.cell.split(separator: " ").map(String.init)
      let labels = names.compactMap { name in choices.first { $0.name == name }.map { text($0.label, item) } }
      return labels.isEmpty ? nil : labels.enumerated().map { "\($0 + 1). \($1)" }.joined(separator: "\n")
    case .selectOne, .selectMultiple:
      let isOne = item.question.kind == .selectOne
      let taken = isOne ? [value.cell] : Set(value.cell.split(separator: " ").map(String.init))
      let labels = interview.form.choices(of: item.question).filter { taken.contains($0.name) }.map { text($0.label, item) }
      return labels.isEmpty ? nil : isOne ? labels[0] : labels.joined(separator: "\n")
    case .date: return CalendarDay(value.cell).map { WebWords.day($0)(language) } ?? (value.cell.isEmpty ? nil : value.cell)
    default: return value.cell.contains { !$0.isWhitespace } ? value.cell : nil
    }
  }
}
