/// What a walk needs to know of a form, looked up once.
struct FormWalkOutline: Sendable {
  /// Groups, repeats, and the questions and notes outside repeats, in order.
  let outside: [FormOutline.Entry]
  private(set) var questions: [String: FormQuestion] = [:]
  private(set) var sections: [String: FormSection] = [:]
  /// The repeat a question stands in.
  private(set) var homes: [String: String] = [:]
  private var names: [String: [String]] = [:]
  private var ordinals: [String: Int] = [:]
  private var ancestors: [String: [String]] = [:]

  init(_ form: Form) {
    let entries = FormOutline(form.items).entries.filter { entry in
      if case .question(let question) = entry.item { question.kind.isAsked || question.kind == .note } else { true }
    }
    outside = entries.filter { $0.repeatName == nil }
    for entry in entries {
      ordinals[entry.item.name] = entry.ordinal
      ancestors[entry.item.name] = entry.ancestors
      switch entry.item {
      case .question(let question):
        questions[question.name] = question
        homes[question.name] = entry.repeatName
        if let home = entry.repeatName { names[home, default: []].append(question.name) }
      case .group(let section), .repeated(let section): sections[section.name] = section
      }
    }
  }

  /// The questions and notes of a repeat, in order.
  func inside(_ repeated: String) -> [String] { names[repeated] ?? [] }

  func takesAnswer(_ name: String) -> Bool { questions[name]?.kind.isAsked ?? (sections[name] != nil) }

  func headings(of step: FormStep) -> [FormText] {
    switch step {
    case .item(let name, _): (ancestors[name] ?? []).compactMap { sections[$0]?.label }
    case .another(let name): ((ancestors[name] ?? []) + [name]).compactMap { sections[$0]?.label }
    case .review: []
    }
  }

  /// Where a step stands among all others: a repeat's filling-ins follow one another, and `another` them.
  func place(of step: FormStep) -> (Int, Int, Int) {
    switch step {
    case .item(let name, let number):
      let own = ordinals[name] ?? 0
      guard let number, let home = homes[name] else { return (own, 0, 0) }
      return (ordinals[home] ?? 0, number, own)
    case .another(let name): return (ordinals[name] ?? 0, Int.max, 0)
    case .review: return (Int.max, 0, 0)
    }
  }
}
