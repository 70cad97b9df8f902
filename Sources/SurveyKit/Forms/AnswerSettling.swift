/// Which questions are asked and what every question is worth to expressions, given raw answers: one pass, no recursion.
struct SettledAnswers {
  /// What `${name}` gives; irrelevant and unanswered questions are absent.
  private(set) var values: [String: ExpressionValue]
  /// Names of the questions that are asked.
  private(set) var relevant: Set<String> = []

  /// - Parameters:
  ///   - raw: Answers of this scope as expressions see them.
  ///   - outer: Settled values around a repeat; empty outside.
  init(_ scope: FormIndex.Scope, raw: [String: ExpressionValue], outer: [String: ExpressionValue] = [:], today: String) {
    var context = ExpressionScope(today: today, values: outer)
    for place in scope.settlingOrder {
      let entry = scope.entries[place]
      let name = entry.question.name
      guard entry.conditions.allSatisfy({ $0.holds(in: context) }) else {
        context.values[name] = nil
        continue
      }
      relevant.insert(name)
      context.values[name] = entry.question.calculation?.evaluate(in: context) ?? raw[name]
    }
    values = context.values
  }
}
