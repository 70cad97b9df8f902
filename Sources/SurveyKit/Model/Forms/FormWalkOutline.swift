/// What a walk needs to know of a form, looked up once.
struct FormWalkOutline: Sendable {
  /// Groups, repeats, and the questions and notes outside repeats, in order.
  let outside: [FormOutline.Entry]
  private(set) var questions: [String: FormQuestion] = [:]
  private(set) var sections: [String: FormSection] = [:]
  /// Names of the repeats a question or repeat stands in, outermost first.
  private var homes: [String: [String]] = [:]
  private var names: [String: [String]] = [:]
  private var ordinals: [String: Int] = [:]
  private var ancestors: [String: [String]] = [:]

  /// Where a step stands among all others.
  struct Place: Comparable {
    /// Ordinals of the repeats around it and numbers of their filling-ins in turn, then its own ordinal.
    let path: [Int]

    static func < (left: Place, right: Place) -> Bool { left.path.lexicographicallyPrecedes(right.path) }
  }

  init(_ form: Form) {
    let entries = FormOutline(form.items).entries.filter { entry in
      if case .question(let question) = entry.item { question.kind.isAsked || question.kind == .note } else { true }
    }
    outside = entries.filter { $0.repeats.isEmpty }
    for entry in entries {
      let name = entry.item.name
      ordinals[name] = entry.ordinal
      ancestors[name] = entry.ancestors
      homes[name] = entry.repeats
      switch entry.item {
      case .question(let question): questions[name] = question
      case .group(let section), .repeated(let section): sections[name] = section
      }
      if case .group = entry.item { continue }
      if let home = entry.repeatName { names[home, default: []].append(name) }
    }
  }

  /// The questions, notes and repeats right inside a repeat, in order.
  func inside(_ repeated: String) -> [String] { names[repeated] ?? [] }

  /// The repeat right around a question or repeat.
  func home(of name: String) -> String? { homes[name]?.last }

  /// The names of the repeats around a question or repeat.
  func chain(around name: String) -> [String] { homes[name] ?? [] }

  func takesAnswer(_ name: String) -> Bool { questions[name]?.kind.isAsked ?? (sections[name] != nil) }

  func headings(of step: FormStep) -> [FormText] {
    switch step {
    case .item(let name, _): (ancestors[name] ?? []).compactMap { sections[$0]?.label }
    case .another(let name, _): ((ancestors[name] ?? []) + [name]).compactMap { sections[$0]?.label }
    case .review: []
    }
  }

  /// A repeat's filling-ins follow one another, and `another` them.
  func place(of step: FormStep) -> Place {
    switch step {
    case .item(let name, let number): Place(path: path(to: name, number))
    case .another(let name, let outer): Place(path: path(to: name, outer) + [Int.max])
    case .review: Place(path: [Int.max])
    }
  }

  private func path(to name: String, _ number: Int?) -> [Int] {
    let places = number.map { RepeatNumber.places($0) } ?? []
    return zip(chain(around: name), places).flatMap { [ordinals[$0] ?? 0, $1] } + [ordinals[name] ?? 0]
  }
}
