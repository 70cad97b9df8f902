/// A form laid flat: every item in order, with the conditions around it and the repeat it belongs to.
struct FormOutline {
  struct Entry {
    /// Place in the order of the form, groups and repeats counted too; the first is 0.
    let ordinal: Int
    let item: FormItem
    /// Names of the sections around it, outermost first.
    let ancestors: [String]
    /// The `relevant` of every section around it, outermost first.
    let conditions: [FormExpression]
    /// Names of the repeats it stands in, outermost first. A repeat itself stands outside.
    let repeats: [String]
    /// How many sections are around it.
    let depth: Int

    /// Name of the repeat right around it; nil outside.
    var repeatName: String? { repeats.last }

    /// Tells if a group around it, outside repeats, is asked after its own answer.
    var isEarly: Bool { repeats.isEmpty && item.isQuestion && conditions.contains { $0.references.contains(item.name) } }

    /// Its own name after those of the sections around it.
    var location: [String] { ancestors + [item.name] }
  }

  private(set) var entries: [Entry] = []

  init(_ items: [FormItem]) { add(items, ancestors: [], conditions: [], repeats: []) }

  /// Recursion is bounded: the import stops at `Form.formGroupDepthMax`, a decoder at `Form.formJSONDepthMax`.
  private mutating func add(_ items: [FormItem], ancestors: [String], conditions: [FormExpression], repeats: [String]) {
    for item in items {
      entries.append(
        Entry(
          ordinal: entries.count, item: item, ancestors: ancestors, conditions: conditions, repeats: repeats,
          depth: ancestors.count))
      switch item {
      case .question: break
      case .group(let section):
        add(
          section.items, ancestors: ancestors + [section.name], conditions: conditions + section.conditions, repeats: repeats)
      case .repeated(let section):
        add(
          section.items, ancestors: ancestors + [section.name], conditions: conditions + section.conditions,
          repeats: repeats + [section.name])
      }
    }
  }
}

extension FormOutline {
  /// By path, the questions from which it leads to nothing: in their own rules, and in those of the sections around them.
  var astrayPaths: [ExpressionPath: Set<String>] {
    var locations: [String: [String]] = [:]
    for entry in entries where locations[entry.item.name] == nil { locations[entry.item.name] = entry.location }
    var astray: [ExpressionPath: Set<String>] = [:]
    for entry in entries {
      let (rules, names): ([FormExpression], [String]) =
        switch entry.item {
        case .question(let question): (question.everyRule, [question.name])
        case .group(let section), .repeated(let section):
          ([section.relevant, section.count].compactMap { $0 }, [section.name] + FormOutline(section.items).entries.map(\.item.name))
        }
      for rule in rules {
        rule.root.walk { node in
          guard case .path(let path) = node, let name = path.name, !path.isInsidePick else { return }
          if let place = locations[name], path.leads(from: entry.location, to: place) { return }
          astray[path, default: []].formUnion(names)
        }
      }
    }
    return astray
  }
}

extension FormSection {
  fileprivate var conditions: [FormExpression] { relevant.map { [$0] } ?? [] }
}

/// The questions of a form in the order their values depend on one another, so that relevance and calculations are settled
/// in one pass without recursion, inside repeats and outside together.
struct FormIndex: Sendable {
  struct Entry: Sendable {
    let question: FormQuestion
    /// All must hold for the question to be asked.
    let conditions: [FormExpression]
    /// Tells if a group around it is asked after its own answer: so it has it before that is known.
    let isEarly: Bool

    /// What must be settled first.
    var dependencies: [String] {
      let initial = question.kind == .hidden ? question.initial?.rule : nil
      return conditions.flatMap(\.references).filter { !isEarly || $0 != question.name } + (question.calculation?.references ?? [])
        + (initial?.references ?? [])
    }
  }

  /// The questions outside repeats, or those of one repeat, in the order of the form.
  struct Scope: Sendable {
    let entries: [Entry]
    let places: [String: Int]

    init(_ entries: [Entry]) {
      self.entries = entries
      places = Dictionary(entries.enumerated().map { ($1.question.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> Entry? { places[name].map { entries[$0] } }
  }

  struct Repeat: Sendable {
    let section: FormSection
    /// Judged outside the repeat.
    let conditions: [FormExpression]
    let scope: Scope
    /// Names of the repeats around it and its own, outermost first.
    let chain: [String]
    /// Places of the repeats right inside it.
    let inner: [Int]

    var name: String { section.name }
    /// Name of the repeat right around it.
    var outer: String? { chain.count > 1 ? chain[chain.count - 2] : nil }
  }

  /// One thing to settle.
  enum Step: Sendable {
    case outer(Int)
    case repeated(Int)
    /// A question of a repeat, in all its filling-ins.
    case inner(Int, Int)
  }

  let outer: Scope
  let repeats: [Repeat]
  /// Dependencies first.
  let order: [Step]
  let facts: ExpressionFacts
  private static let never = try? FormExpression("false()")
  private let formID: String
  private let hidden: [String]

  /// Circumstances of answers: the form, the day and the facts that their carrier knows.
  func seed(_ today: String, _ raw: [String: ExpressionValue]) -> String {
    ([formID, today] + hidden.map { raw[$0]?.text ?? "" }).joined(separator: "\u{0}")
  }

  init(_ form: Form) {
    formID = form.id
    hidden = form.questions.filter { $0.kind == .hidden }.map(\.name)
    let outline = FormOutline(form.items)
    var outer: [Entry] = []
    var inner: [String: [Entry]] = [:]
    var readsTexts = false
    var sections: [(section: FormSection, conditions: [FormExpression], chain: [String])] = []
    var labelsByList: [String: [String: String]] = [:]
    var facts = ExpressionFacts()
    facts.language = form.defaultLanguage
    facts.astray = outline.astrayPaths
    for entry in outline.entries {
      facts.locations[entry.item.name] = entry.location
      switch entry.item {
      case .group: break
      case .repeated(let section):
        sections.append((section, entry.conditions + section.conditions, entry.repeats + [section.name]))
        facts.chains[section.name] = entry.repeats + [section.name]
      case .question(let question):
        let isWithoutChoices = question.kind.hasChoices && form.choices(of: question).isEmpty
        let own = Entry(
          question: question,
          conditions: entry.conditions + [question.relevant, isWithoutChoices ? Self.never : nil].compactMap { $0 },
          isEarly: entry.isEarly)
        if let name = entry.repeatName { inner[name, default: []].append(own) } else { outer.append(own) }
        facts.repeatOfQuestion[question.name] = entry.repeatName
        if question.kind.hasChoices, let list = question.choiceList {
          if labelsByList[list] == nil {
            let labels = form.choices(of: question).map { ($0.name, $0.label.text(in: form.defaultLanguage)) }
            labelsByList[list] = Dictionary(labels, uniquingKeysWith: { first, _ in first })
          }
          facts.labels[question.name] = labelsByList[list]
        }
        for rule in question.everyRule {
          rule.root.walk { node in
            if case .lookup(let lookup) = node { facts.add(lookup, form.choiceLists[lookup.list] ?? []) }
            if case .call(.translation, _) = node { readsTexts = true }
          }
        }
      }
    }
    self.outer = Scope(outer)
    if readsTexts {
      let texts = form.questions.compactMap { question in question.label.map { (question.name, $0.text(in: form.defaultLanguage)) } }
      facts.texts = Dictionary(texts, uniquingKeysWith: { first, _ in first })
    }
    self.facts = facts
    repeats = sections.map { own in
      Repeat(
        section: own.section, conditions: own.conditions, scope: Scope(inner[own.section.name] ?? []), chain: own.chain,
        inner: sections.indices.filter { sections[$0].chain.dropLast() == own.chain[...] })
    }
    var steps: [(step: Step, name: String, dependencies: [String])] = []
    for (index, entry) in outer.enumerated() { steps.append((.outer(index), entry.question.name, entry.dependencies)) }
    for (index, section) in repeats.enumerated() {
      let count = section.section.count?.references ?? []
      steps.append((.repeated(index), section.name, section.conditions.flatMap(\.references) + count + [section.outer].compactMap { $0 }))
      for (place, entry) in section.scope.entries.enumerated() {
        steps.append((.inner(index, place), entry.question.name, entry.dependencies + [section.name]))
      }
    }
    order = DependencyOrder(steps.map { ($0.name, $0.dependencies) }).order.map { steps[$0].step }
  }

  func repeated(named name: String) -> Repeat? { repeats.first { $0.name == name } }

  /// The repeat a question, or a repeat, stands in.
  func home(of item: String) -> Repeat? {
    (facts.repeatOfQuestion[item] ?? repeated(named: item)?.outer).flatMap(repeated(named:))
  }

  subscript(name: String) -> Entry? { outer[name] ?? home(of: name)?.scope[name] }
}

/// An order in which every name comes after those it depends on; and the names for which there is none.
struct DependencyOrder {
  /// Places in the given list, dependencies first, otherwise in the given order. Names that go in circles come last.
  let order: [Int]
  /// Places that depend on themselves, by way of others or directly.
  let circular: [Int]

  init(_ items: [(name: String, dependencies: [String])]) {
    let places = Dictionary(items.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let needs = items.map { Set($0.dependencies.compactMap { places[$0] }) }
    let order = Self.settled(needs)
    // Drops the rest that nothing waits for, until only circles are left.
    let settled = Set(order)
    let unsettled = items.indices.filter { !settled.contains($0) }
    var needers: [Int: Int] = [:]
    for place in unsettled { for need in needs[place] where !settled.contains(need) { needers[need, default: 0] += 1 } }
    var dropped: Set<Int> = []
    var free = unsettled.filter { needers[$0, default: 0] == 0 }
    while let place = free.popLast() {
      dropped.insert(place)
      for need in needs[place] where !settled.contains(need) {
        needers[need, default: 0] -= 1
        if needers[need] == 0, !dropped.contains(need) { free.append(need) }
      }
    }
    self.order = order + unsettled
    circular = unsettled.filter { !dropped.contains($0) }
  }

  /// Orders the places that can be settled: each as soon as all its needs are, the earliest first where several can.
  private static func settled(_ needs: [Set<Int>]) -> [Int] {
    var waiting = needs.map(\.count)
    var needed: [[Int]] = Array(repeating: [], count: needs.count)
    for (place, own) in needs.enumerated() { for need in own { needed[need].append(place) } }
    var order: [Int] = []
    for start in needs.indices where waiting[start] == 0 {
      // Zero is met once, in the order of the form or when the last need is settled.
      var open = [start]
      while let place = open.popLast() {
        waiting[place] = -1
        order.append(place)
        for next in needed[place].sorted(by: >) {
          waiting[next] -= 1
          // A later one is met by the walk over the form itself.
          if waiting[next] == 0, next < start { open.append(next) }
        }
      }
    }
    return order
  }
}
