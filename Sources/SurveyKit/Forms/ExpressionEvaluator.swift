internal import Foundation

extension ExpressionNode {
  /// The value of the tree: pure, total, and no deeper than `FormExpression.expressionDepthMax` calls.
  func evaluate(in scope: ExpressionScope) -> ExpressionValue {
    switch self {
    case .number(let value): .number(value)
    case .string(let text): .string(text)
    case .reference(let name): scope.values[name] ?? .empty
    case .current: scope.current
    case .negative(let operand): .number(-operand.evaluate(in: scope).number)
    case .binary(let sign, let left, let right): sign.evaluate(left, right, in: scope)
    case .call(let function, let arguments): function.evaluate(arguments, in: scope)
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

extension ExpressionFunction {
  func evaluate(_ arguments: [ExpressionNode], in scope: ExpressionScope) -> ExpressionValue {
    func value(_ index: Int) -> ExpressionValue { index < arguments.count ? arguments[index].evaluate(in: scope) : .empty }
    switch self {
    case .not: return .boolean(!value(0).boolean)
    case .selected: return .boolean(value(0).text.split(whereSeparator: \.isWhitespace).contains { $0 == value(1).text.trimmingWhitespace })
    case .countSelected: return .number(Double(value(0).text.split(whereSeparator: \.isWhitespace).count))
    case .if: return value(0).boolean ? value(1) : value(2)
    case .coalesce:
      let first = value(0)
      return first.text.isEmpty ? value(1) : first
    case .round: return .number(Self.rounded(value(0).number, places: arguments.count > 1 ? value(1).number : 0))
    case .stringLength: return .number(Double(value(0).text.unicodeScalars.count))
    case .date: return Self.date(value(0))
    case .today: return scope.today
    case .true: return .boolean(true)
    case .false: return .boolean(false)
    case .number: return .number(value(0).number)
    case .int: return .number(value(0).number.rounded(.towardZero))
    case .string: return .string(value(0).text)
    case .concat: return .string(arguments.map { $0.evaluate(in: scope).text }.joined())
    case .min: return .number(Self.extreme(arguments.map { $0.evaluate(in: scope).number }, Swift.min))
    case .max: return .number(Self.extreme(arguments.map { $0.evaluate(in: scope).number }, Swift.max))
    }
  }

  private static func extreme(_ numbers: [Double], _ pick: (Double, Double) -> Double) -> Double {
    guard let first = numbers.first, !numbers.contains(where: \.isNaN) else { return .nan }
    return numbers.dropFirst().reduce(first, pick)
  }

  private static func date(_ value: ExpressionValue) -> ExpressionValue {
    switch value {
    case .date: return value
    case .number(let days):
      guard days.isFinite, abs(days) < 1e9 else { return .empty }
      return ISODate(daysSinceEpoch: Int(days.rounded(.down))).map { .date(day: $0.daysSinceEpoch) } ?? .empty
    case .string(let text):
      return ISODate(text.prefix(10)).map { .date(day: $0.daysSinceEpoch) } ?? .empty
    case .boolean: return .empty
    }
  }

  /// Most decimal places `round()` looks at.
  static let roundPlacesMax = 12

  /// Half goes towards positive infinity, as in XPath; decimal places are exact: `round(1.005, 2)` is 1.01.
  static func rounded(_ value: Double, places: Double) -> Double {
    guard value.isFinite, !places.isNaN else { return .nan }
    guard places >= 1 else { return (value + 0.5).rounded(.down) }
    guard abs(value) < 1e15, let exact = Decimal(string: ExpressionValue.text(of: abs(value)), locale: Locale(identifier: "en_US_POSIX"))
    else { return value }
    let scale = Int(Swift.min(places, Double(roundPlacesMax)))
    var source = exact
    var result = Decimal()
    NSDecimalRound(&result, &source, scale, .plain)
    if value < 0, result - exact == Decimal(sign: .plus, exponent: -scale - 1, significand: 5) {
      result -= Decimal(sign: .plus, exponent: -scale, significand: 1)
    }
    let magnitude = Double(result.description) ?? .nan
    return value < 0 ? -magnitude : magnitude
  }
}
