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
    case .text(let text): return choices.isEmpty ? text : choiceLabel(text)
    case .instances(let instances):
      return instances.map { instance in
        instance.sorted { $0.key < $1.key }.map { "\(label(of: $0.key)): \(text($0.value, to: $0.key))" }.joined(separator: ", ")
      }.joined(separator: " | ")
    default: return value.cell
    }
  }

  /// Returns the heading of a question or repeat, otherwise its name.
  public func label(of name: String) -> String {
    if let label = form?.question(named: name)?.label { return plain(label) }
    return form?.repeats.first { $0.name == name }?.label.map { plain($0) } ?? name
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
