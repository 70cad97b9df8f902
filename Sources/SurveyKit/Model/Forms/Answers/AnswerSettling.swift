internal import SyncCore

/// Which questions are asked and what every question is worth to expressions, given raw answers: one pass, no recursion.
struct SettledAnswers {
  /// Questions outside repeats, and repeats, that are asked.
  private(set) var relevant: Set<String> = []
  /// By repeat and number of the filling-in, the questions that are asked, and the repeats inside it.
  private(set) var relevantInside: [String: [Int: Set<String>]] = [:]
  /// Answers that rules outside repeats see: irrelevant and unanswered questions are absent.
  private(set) var scope: ExpressionScope

  /// - Parameters:
  ///   - raw: Answers outside repeats as expressions see them.
  ///   - instances: Those of each repeat, by the number of the filling-in.
  init(
    _ index: FormIndex, raw: [String: ExpressionValue], instances: [String: [Int: [String: ExpressionValue]]], today: String
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
      case .repeated(let place): begin(index.repeats[place], filled: instances[index.repeats[place].name] ?? [:])
      case .inner(let place, let inner):
        settle(index.repeats[place].scope.entries[inner], in: index.repeats[place].name, raw: instances)
      }
    }
  }

  /// Most filling-ins of repeats that stand inside others, all together.
  static let innerInstancesMax = 2_000

  /// Finds how often a repeat is filled in, inside each filling-in of the one around it.
  private mutating func begin(_ section: FormIndex.Repeat, filled: [Int: [String: ExpressionValue]]) {
    let outers: [Int?] = section.outer.map { (scope.numbers[$0] ?? []).map(Optional.some) } ?? [nil]
    let counts = Dictionary(grouping: filled.keys) { RepeatNumber.outer($0) }.mapValues(\.count)
    var numbers: [Int] = []
    for outer in outers {
      if let outer, let around = section.outer { scope.enter(around, outer) }
      scope.question = section.name
      let isAsked = section.conditions.allSatisfy { $0.holds(in: scope) }
      let count = isAsked ? section.section.count.map { Self.count($0, in: scope) } ?? counts[outer] ?? 0 : 0
      scope.leave()
      if isAsked, let outer, let around = section.outer { relevantInside[around]?[outer]?.insert(section.name) }
      if isAsked, outer == nil { relevant.insert(section.name) }
      guard outer == nil || numbers.count + count <= Self.innerInstancesMax else { break }
      numbers += (0..<count).map { RepeatNumber.inside(outer, $0 + 1) }
    }
    scope.instances[section.name] = Array(repeating: [:], count: numbers.count)
    scope.numbers[section.name] = numbers
    relevantInside[section.name] = Dictionary(numbers.map { ($0, []) }, uniquingKeysWith: { first, _ in first })
  }

  /// Settles one question of a repeat in all its filling-ins.
  private mutating func settle(_ entry: FormIndex.Entry, in name: String, raw: [String: [Int: [String: ExpressionValue]]]) {
    let question = entry.question
    for (place, number) in (scope.numbers[name] ?? []).enumerated() {
      scope.enter(name, number)
      let given = raw[name]?[number]?[question.name]
      meet(question, given)
      guard entry.conditions.allSatisfy({ $0.holds(in: scope) }) else { continue }
      let value = value(of: question, raw: given) ?? .empty
      scope.instance = [:]  // So that what follows changes the answers in place.
      scope.instances[name]?[place][question.name] = value
      relevantInside[name]?[number]?.insert(question.name)
    }
    scope.leave()
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

  private func value(of question: FormQuestion, raw: ExpressionValue?) -> ExpressionValue? {
    if let calculation = question.calculation { return calculation.evaluate(in: scope) }
    guard question.kind == .hidden, raw == nil, let initial = question.initial else { return raw }
    switch initial {
    case .literal(let text): return .string(text)
    case .rule(let rule): return rule.evaluate(in: scope)
    }
  }

  /// Answers that rules inside a filling-in see.
  func scope(in name: String, _ number: Int) -> ExpressionScope {
    var inside = scope
    inside.enter(name, number)
    return inside
  }

  /// Items that a filling-in asks.
  func items(in name: String, _ number: Int) -> Set<String> { relevantInside[name]?[number] ?? [] }

  /// How often a repeat is filled in, inside a filling-in of the one around it.
  func count(of name: String, inside outer: Int?) -> Int { (scope.numbers[name] ?? []).count { RepeatNumber.outer($0) == outer } }

  /// Tells if a repeat is asked there.
  func isAsked(_ section: FormIndex.Repeat, inside outer: Int?) -> Bool {
    guard let outer, let around = section.outer else { return relevant.contains(section.name) }
    return items(in: around, outer).contains(section.name)
  }
}

extension AnswerValidator {
  /// A message of the form, in its default language where it has none of the tools'.
  func message(_ text: FormText, in scope: ExpressionScope) -> LocalizedText {
    let filled = text.filled(in: scope)
    func words(_ language: String) -> String { Markup(filled.text(in: language, fallback: form.defaultLanguage)).plain }
    return LocalizedText(vi: words("vi"), en: words("en"))
  }

  /// A calculated value as an answer: numbers as numbers, days as days, the empty text and NaN as no answer.
  static func answer(_ value: ExpressionValue) -> AnswerValue? {
    switch value {
    case .string(let text): return text.isEmpty ? nil : .text(text)
    case .boolean(let value): return .text(value ? "true" : "false")
    case .date: return .date(value.text)
    case .number(let number):
      guard number.isFinite, abs(number) < 1e15 else { return nil }
      return number == number.rounded() ? .integer(Int(number)) : .decimal(number)
    }
  }
}
