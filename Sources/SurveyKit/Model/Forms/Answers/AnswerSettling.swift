/// Which questions are asked and what every question is worth to expressions, given raw answers: one pass, no recursion.
struct SettledAnswers {
  /// Questions outside repeats, and repeats, that are asked.
  private(set) var relevant: Set<String> = []
  /// By repeat and filling-in, the questions that are asked.
  private(set) var relevantInside: [String: [Set<String>]] = [:]
  /// What rules outside repeats see: irrelevant and unanswered questions are absent.
  private(set) var scope: ExpressionScope

  /// - Parameters:
  ///   - raw: Answers outside repeats as expressions see them.
  ///   - instances: Those of each repeat, one element for each filling-in.
  init(
    _ index: FormIndex, raw: [String: ExpressionValue], instances: [String: [[String: ExpressionValue]]], today: String
  ) {
    scope = ExpressionScope(today: today)
    scope.facts = index.facts
    scope.seed = index.seed(today, raw)
    for step in index.order {
      switch step {
      case .outer(let place):
        let entry = index.outer.entries[place]
        meet(entry.question, raw[entry.question.name])
        if entry.isEarly { scope.values[entry.question.name] = value(of: entry.question, raw: raw[entry.question.name]) }
        guard entry.conditions.allSatisfy({ $0.holds(in: scope) }) else {
          scope.values[entry.question.name] = nil
          continue
        }
        relevant.insert(entry.question.name)
        scope.values[entry.question.name] = value(of: entry.question, raw: raw[entry.question.name])
      case .repeated(let place):
        let section = index.repeats[place]
        let isAsked = section.conditions.allSatisfy { $0.holds(in: scope) }
        if isAsked { relevant.insert(section.name) }
        let filled = instances[section.name]?.count ?? 0
        let count = isAsked ? section.section.count.map { Self.count($0, in: scope) } ?? filled : 0
        scope.instances[section.name] = Array(repeating: [:], count: count)
        relevantInside[section.name] = Array(repeating: [], count: count)
      case .inner(let place, let inner):
        settle(index.repeats[place].scope.entries[inner], in: index.repeats[place].name, raw: instances)
      }
    }
  }

  /// Settles one question of a repeat in all its filling-ins.
  private mutating func settle(_ entry: FormIndex.Entry, in name: String, raw: [String: [[String: ExpressionValue]]]) {
    let question = entry.question
    for place in (scope.instances[name] ?? []).indices {
      enter(name, place)
      let given = raw[name].flatMap { $0.indices.contains(place) ? $0[place][question.name] : nil }
      meet(question, given)
      guard entry.conditions.allSatisfy({ $0.holds(in: scope) }) else { continue }
      let value = value(of: question, raw: given) ?? .empty
      scope.instance = [:]  // So that what follows changes the answers in place.
      scope.instances[name]?[place][question.name] = value
      relevantInside[name]?[place].insert(question.name)
    }
    scope.instance = [:]
    scope.position = nil
    scope.repeatName = nil
  }

  /// Returns how often a repeat is to be filled in, within its bounds.
  private static func count(_ rule: FormExpression, in scope: ExpressionScope) -> Int {
    let number = rule.evaluate(in: scope).number
    return number.isFinite ? Int(min(max(number, 0), Double(AnswerValidator.repeatInstancesMax))) : 0
  }

  /// Makes `.` the answer to a question, in its own rules.
  private mutating func meet(_ question: FormQuestion, _ given: ExpressionValue?) {
    scope.question = question.name
    scope.current = given ?? .empty
  }

  private mutating func enter(_ name: String, _ place: Int) {
    scope.instance = scope.instances[name]?[place] ?? [:]
    scope.position = place + 1
    scope.repeatName = name
  }

  private func value(of question: FormQuestion, raw: ExpressionValue?) -> ExpressionValue? {
    if let calculation = question.calculation { return calculation.evaluate(in: scope) }
    guard question.kind == .hidden, raw == nil, let initial = question.initial else { return raw }
    switch initial {
    case .literal(let text): return .string(text)
    case .rule(let rule): return rule.evaluate(in: scope)
    }
  }

  /// What rules inside a repeat see.
  func scope(in name: String, at place: Int) -> ExpressionScope {
    var inside = self
    inside.enter(name, place)
    return inside.scope
  }
}
