internal import SurveyKit
internal import SyncKit

/// One thing on a page; exactly one of its parts is there.
struct ItemView {
  var caption: String?
  var note: String?
  var question: QuestionView?
  var repeated: RepeatView?
}

struct RepeatView {
  struct Instance {
    var name: String
    var removal: String
    var remove: String
    var items: [ItemView]
  }

  var anchor: String
  var legend: String?
  var instances: [Instance]
  /// Name of the repeat while another filling-in is possible.
  var adds: String?
  var add: String
}

/// A question with its control; exactly one of the four controls is there.
struct QuestionView {
  struct Option {
    var anchor: String
    var value: String
    var label: String
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
  var optional: String?
  var hint: String?
  var several: String?
  var fault: String?
  var tone: String
  var describedBy: String?
  var choices: Choices?
  var select: Select?
  var line: Line?
  var area: Area?
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
    let fields = (page?.shown(asked).map(\.field) ?? []) + (page?.repeats.map { FieldName.of($0) } ?? [])
    anchors = Dictionary(fields.enumerated().map { ($1, "n\($0 + 1)") }, uniquingKeysWith: { first, _ in first })
  }

  func anchor(_ field: String) -> String { anchors[field] ?? field }

  /// From so many choices on, a question of one choice is a list that opens.
  private static let selectChoicesMin = 16

  private var language: Language { draft.language }

  func text(_ text: FormText?) -> String {
    text?.text(in: language.rawValue, fallback: interview.form.defaultLanguage) ?? ""
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
        return section.label.map { [ItemView(caption: text($0))] + inside } ?? inside
      case .repeated(let section):
        return asked.outer.contains(section.name) ? [ItemView(repeated: repeated(section))] : []
      }
    }
  }

  private func item(_ item: ShownQuestion) -> [ItemView] {
    if item.question.kind == .note { return [ItemView(note: text(item.question.label))] }
    return item.question.isShown ? [ItemView(question: question(item))] : []
  }

  // MARK: Repeats

  private func repeated(_ section: FormSection) -> RepeatView {
    let label = section.label.map { text($0) }
    let filled = asked.inside[section.name] ?? []
    let instances = filled.indices.map { place in
      RepeatView.Instance(
        name: WebWords.instance(label, place + 1)(language), removal: "remove.\(section.name).\(place)", remove: WebWords.remove(language),
        items: inside(section.items, section, place))
    }
    let canAdd = instances.count < WebLimits.instancesMax
    return RepeatView(
      anchor: anchor(FieldName.of(section)), legend: section.label == heading ? nil : label, instances: instances,
      adds: canAdd ? section.name : nil,
      add: WebWords.add(label)(language)
    )
  }

  private func inside(_ items: [FormItem], _ section: FormSection, _ place: Int) -> [ItemView] {
    items.flatMap { item -> [ItemView] in
      switch item {
      case .question(let question):
        asked.asks(question, in: section, at: place) ? self.item(ShownQuestion(question: question, section: section, place: place)) : []
      case .group(let group): inside(group.items, section, place)
      case .repeated: []
      }
    }
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
    let given = interview.given(draft)
    return interview.validator.offeredChoices(
      of: item.question.name, given: given, instance: item.instance(in: given), number: item.number)
  }

  /// What stands in a question: its answer, or what it begins with.
  private func current(_ item: ShownQuestion) -> AnswerValue? {
    if let answer = item.answer(in: draft.answers) { return answer }
    guard item.question.initial != nil else { return nil }
    let given = interview.given(draft)
    return interview.validator.initialAnswer(
      to: item.question.name, given: given, instance: item.instance(in: given), number: item.number)
  }

  private func question(_ item: ShownQuestion) -> QuestionView {
    let question = item.question
    let fault = faults[item.field]?(language)
    let hint = question.hint.map { text($0) }
    let anchor = anchor(item.field)
    let described = [hint == nil ? nil : "\(anchor).hint", fault == nil ? nil : "\(anchor).fault"].compactMap { $0 }
    var view = QuestionView(
      anchor: anchor, field: item.field, label: text(question.label), optional: question.isOptional ? WebWords.optional(language) : nil,
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
        anchor: "\(anchor(item.field)).\(place)", value: choice.name, label: text(choice.label), isChosen: taken.contains(choice.name))
    }
  }

  /// Without a script a radio button cannot be taken back, so what may be left blank gets a choice for that.
  private func blankOption(_ item: ShownQuestion, _ place: Int, _ value: AnswerValue?) -> [QuestionView.Option] {
    guard item.question.isOptional else { return [] }
    let isBlank = value.map { $0.cell.isEmpty } ?? false
    return [
      QuestionView.Option(anchor: "\(anchor(item.field)).\(place)", value: "", label: WebWords.noAnswer(language), isChosen: isBlank)
    ]
  }

  /// An answer in words; nil when it is blank.
  func shownAnswer(_ item: ShownQuestion, _ given: [String: AnswerValue]) -> String? {
    guard let value = item.answer(in: given) else { return nil }
    switch item.question.kind {
    case .selectOne, .selectMultiple:
      let taken = Set(value.cell.split(separator: " ").map(String.init))
      let labels = interview.form.choices(of: item.question).filter { taken.contains($0.name) }.map { text($0.label) }
      return labels.isEmpty ? nil : labels.joined(separator: item.question.kind == .selectOne ? ", " : "\n")
    case .date: return CalendarDay(value.cell).map { WebWords.day($0)(language) } ?? (value.cell.isEmpty ? nil : value.cell)
    default: return value.cell.contains { !$0.isWhitespace } ? value.cell : nil
    }
  }
}
