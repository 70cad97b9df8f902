public import SurveyKit
public import SyncCore

/// Answers as people read them: the form's labels in their order and language.
public struct AnswerText: Sendable {
  public let form: Form?
  public let language: Language

  /// Code of the form's language in which to read it; nil for the tool's own.
  public let tongue: String?

  public init(form: Form?, language: Language, tongue: String? = nil) {
    (self.form, self.language, self.tongue) = (form, language, tongue)
  }

  private func plain(_ text: FormText) -> String {
    Markup(text.unfilled.text(in: tongue ?? language.rawValue, fallback: form?.defaultLanguage ?? "vi")).plain
  }

  /// Returns a choice, date or number as people read it; without a form, as it is stored.
  public func text(_ value: AnswerValue?, to name: String) -> String {
    guard let value else { return Wording(language: language).text("(trống)", "(blank)") }
    let choices = form.flatMap { form in form.question(named: name).map { form.choices(of: $0) } } ?? []
    func choiceLabel(_ choice: String) -> String {
      choices.first { $0.name == choice }.map { plain($0.label) } ?? choice
    }
    switch value {
    case .choice(let name): return choiceLabel(name)
    case .choices(let names): return names.map(choiceLabel).joined(separator: "; ")
    case .text(let text):
      if form?.question(named: name)?.kind == .date { return day(text) }
      return choices.isEmpty ? text : choiceLabel(text)
    case .date(let text): return day(text)
    case .decimal: return language == .vietnamese ? value.cell.replacing(".", with: ",") : value.cell
    case .instances(let instances):
      return instances.map { instance in
        instance.sorted { $0.key < $1.key }.map { "\(label(of: $0.key)): \(text($0.value, to: $0.key))" }.joined(separator: ", ")
      }.joined(separator: " | ")
    default: return value.cell
    }
  }

  private func day(_ text: String) -> String { CalendarDay(text).map { Wording(language: language).day($0) } ?? text }

  /// Returns the heading of a question or repeat; of a value that the form works out without naming it, the questions from which it follows. Without a
  /// form there are no words: the name.
  public func label(of name: String) -> String {
    guard let form else { return name }
    if let question = form.question(named: name) { return question.label.map { plain($0) } ?? origin(of: question, in: form) }
    if let section = form.repeats.first(where: { $0.name == name }) {
      return section.label.map { plain($0) } ?? Wording(language: language).text("Phần “\(name)”", "Section “\(name)”")
    }
    return Wording(language: language).text("Câu “\(name)”, biểu mẫu không có", "Question “\(name)”, not in the form")
  }

  /// Title of the form; nil without a form.
  public var title: String? { form.map { plain($0.title) } }

  /// Returns what the form says to somebody whose answer it does not take, such as the range of a number; nil where it says nothing.
  public func rule(of name: String) -> String? { form?.question(named: name)?.constraintMessage.map { plain($0) } }

  /// Questions that are named for a value without a label of its own.
  private static let originsMax = 3

  private func origin(of question: FormQuestion, in form: Form) -> String {
    let words = Wording(language: language)
    let asked = (question.calculation?.references ?? []).compactMap { form.question(named: $0)?.label.map { plain($0) } }
    guard !asked.isEmpty else { return words.text("Giá trị tính ra “\(question.name)”", "Worked out as “\(question.name)”") }
    let named = asked.prefix(Self.originsMax).joined(separator: "; ") + (asked.count > Self.originsMax ? "; …" : "")
    return words.text("Tính từ: \(named)", "Worked out from: \(named)")
  }

  /// Returns the answered names in the form's order; those that the form does not know come last.
  public func ordered(_ answers: [String: AnswerValue]) -> [String] {
    guard let form else { return answers.keys.sorted() }
    let known = Self.names(form.items).filter { answers[$0] != nil }
    return known + answers.keys.filter { !known.contains($0) }.sorted()
  }

  private static func names(_ items: [FormItem]) -> [String] {
    items.flatMap { item -> [String] in
      switch item {
      case .question(let question): [question.name]
      case .group(let section): names(section.items)
      case .repeated(let section): [section.name]
      }
    }
  }
}
