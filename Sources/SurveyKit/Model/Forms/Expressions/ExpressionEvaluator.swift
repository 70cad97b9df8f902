internal import Foundation

extension ExpressionNode {
  /// The value of the tree: pure, total, and no deeper than `FormExpression.expressionDepthMax` calls.
  func evaluate(in scope: ExpressionScope) -> ExpressionValue {
    switch self {
    case .number(let value): .number(value)
    case .string(let text): .string(text)
    case .reference(let name): scope.value(of: name)
    case .path(let path): scope.isAstray(path) ? .empty : path.name.map { scope.value(of: $0, isOwn: path.ups > 0) } ?? .empty
    case .column(let name): scope.candidate?.values[name] ?? .string(scope.choice[name] ?? "")
    case .current: scope.current
    case .matches(let text, let pattern): .boolean(pattern.matches(text.evaluate(in: scope).text))
    case .negative(let operand): .number(-operand.evaluate(in: scope).number)
    case .binary(let sign, let left, let right): sign.evaluate(left, right, in: scope)
    case .call(let function, let arguments): function.evaluate(arguments, in: scope)
    case .lookup(let lookup): lookup.values(in: scope, most: 1).first.map { .string($0) } ?? .empty
    case .pick(let pick): pick.values(in: scope).first ?? .empty
    }
  }
}

extension ExpressionNode {
  /// All the values it stands for: many where it names a question of a repeat.
  func all(in scope: ExpressionScope) -> [ExpressionValue] {
    switch self {
    case .reference(let name): scope.values(of: name)
    case .path(let path): scope.isAstray(path) ? [] : path.name.map(scope.values(of:)) ?? []
    case .lookup(let lookup): lookup.values(in: scope).map { .string($0) }
    case .pick(let pick): pick.values(in: scope)
    default: [evaluate(in: scope)]
    }
  }

  /// The question or repeat it names.
  var referenceName: String? {
    switch self {
    case .reference(let name): name
    case .path(let path): path.name
    default: nil
    }
  }
}

extension ExpressionOperator {
  func evaluate(_ left: ExpressionNode, _ right: ExpressionNode, in scope: ExpressionScope) -> ExpressionValue {
    if self == .or { return .boolean(left.evaluate(in: scope).boolean || right.evaluate(in: scope).boolean) }
    if self == .and { return .boolean(left.evaluate(in: scope).boolean && right.evaluate(in: scope).boolean) }
    let left = left.evaluate(in: scope)
    let right = right.evaluate(in: scope)
    switch self {
    case .or, .and, .equal: return .boolean(Self.areEqual(left, right))
    case .notEqual: return .boolean(!Self.areEqual(left, right))
    case .less: return .boolean(left.number < right.number)
    case .lessOrEqual: return .boolean(left.number <= right.number)
    case .greater: return .boolean(left.number > right.number)
    case .greaterOrEqual: return .boolean(left.number >= right.number)
    case .plus: return .number(left.number + right.number)
    case .minus: return .number(left.number - right.number)
    case .times: return .number(left.number * right.number)
    case .divided: return .number(left.number / right.number)
    case .remainder: return .number(left.number.truncatingRemainder(dividingBy: right.number))
    }
  }

  /// XPath 1.0, section 3.4: as truths if either is one, else as numbers if either is one, else as texts.
  private static func areEqual(_ left: ExpressionValue, _ right: ExpressionValue) -> Bool {
    switch (left, right) {
    case (.boolean, _), (_, .boolean): left.boolean == right.boolean
    case (.number, _), (_, .number): left.number == right.number
    default: left.text == right.text
    }
  }
}

extension ExpressionPick {
  /// Returns a value of each filling-in that fits.
  func values(in scope: ExpressionScope) -> [ExpressionValue] {
    if case .path(let path) = base, scope.isAstray(path) { return [] }
    guard let name = base.referenceName else { return [] }
    var candidates = scope.candidates(of: name)
    for condition in conditions {
      candidates = candidates.enumerated().filter { place, candidate in
        var inner = scope
        inner.candidate = (candidate, place + 1)
        inner.current = candidate[name] ?? .empty
        let value = condition.evaluate(in: inner)
        if case .number(let number) = value { return number == Double(place + 1) }
        return value.boolean
      }.map(\.element)
    }
    let taken = column ?? name
    return candidates.map { $0[taken] ?? .empty }
  }
}

extension ExpressionLookup {
  /// Values of the column in the rows that fit.
  func values(in scope: ExpressionScope, most: Int = .max) -> [String] {
    let rows = scope.facts.lists[list] ?? []
    if let key, let wanted {
      let value = wanted.evaluate(in: scope).text
      return scope.facts.row(of: list, key, value).map { [self.value(of: $0, scope.facts.language)] } ?? []
    }
    var scope = scope
    var found: [String] = []
    var fitting = Array(rows.indices)
    for condition in conditions {
      fitting = fitting.enumerated().filter { place, index in
        scope.choice = rows[index].columns
        let value = condition.evaluate(in: scope)
        if case .number(let number) = value { return number == Double(place + 1) }
        return value.boolean
      }.map(\.element)
    }
    for index in fitting.prefix(most) { found.append(value(of: rows[index], scope.facts.language)) }
    return found
  }

  private func value(of row: FormChoice, _ language: String) -> String {
    // The id of a text stands for the text: `jr:itext()` gives it back.
    if column == "itextId" { return row.label.text(in: language, fallback: language) }
    return column == "name" || column.isEmpty
      ? row.name : row.attributes[column] ?? (column == "label" ? row.label.text(in: "", fallback: "") : "")
  }
}
