internal import Foundation

extension ExpressionNode {
  /// The value of the tree: pure, total, and no deeper than `FormExpression.expressionDepthMax` calls.
  func evaluate(in scope: ExpressionScope) -> ExpressionValue {
    switch self {
    case .number(let value): .number(value)
    case .string(let text): .string(text)
    case .reference(let name): scope.value(of: name)
    case .path(let path): path.name.map(scope.value(of:)) ?? .empty
    case .column(let name): .string(scope.choice[name] ?? "")
    case .current: scope.current
    case .matches(let text, let pattern): .boolean(pattern.matches(text.evaluate(in: scope).text))
    case .negative(let operand): .number(-operand.evaluate(in: scope).number)
    case .binary(let sign, let left, let right): sign.evaluate(left, right, in: scope)
    case .call(let function, let arguments): function.evaluate(arguments, in: scope)
    }
  }
}

extension ExpressionNode {
  /// All the values it stands for: many where it names a question of a repeat.
  fileprivate func all(in scope: ExpressionScope) -> [ExpressionValue] {
    switch self {
    case .reference(let name): scope.values(of: name)
    case .path(let path): path.name.map(scope.values(of:)) ?? []
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

extension ExpressionFunction {
  /// Longest text an expression may build, in bytes; a longer one is the empty text, so that texts cannot grow without end.
  static let expressionTextBytesMax = 65_536

  func evaluate(_ arguments: [ExpressionNode], in scope: ExpressionScope) -> ExpressionValue {
    func value(_ index: Int) -> ExpressionValue { index < arguments.count ? arguments[index].evaluate(in: scope) : .empty }
    func all(from index: Int = 0) -> [ExpressionValue] { arguments.dropFirst(index).flatMap { $0.all(in: scope) } }
    func words(_ index: Int) -> [Substring] { value(index).text.split(whereSeparator: \.isWhitespace) }
    switch self {
    case .not: return .boolean(!value(0).boolean)
    case .selected: return .boolean(words(0).contains { $0 == value(1).text.trimmingWhitespace })
    case .selectedAt:
      let (words, place) = (words(0), value(1).number)
      return place >= 0 && place < Double(words.count) ? .string(String(words[Int(place)])) : .empty
    case .countSelected: return .number(Double(words(0).count))
    case .if: return value(0).boolean ? value(1) : value(2)
    case .coalesce:
      let first = value(0)
      return first.text.isEmpty ? value(1) : first
    case .once: return scope.current.text.isEmpty ? value(0) : scope.current
    case .regex: return .boolean(false)  // The parser makes `matches` of it.
    case .today, .now: return scope.today
    case .date: return Self.date(value(0))
    case .formatDate: return .string(Self.formatted(value(0), value(1).text))
    case .decimalDateTime: return .number(Self.date(value(0)).number)
    case .true: return .boolean(true)
    case .false: return .boolean(false)
    case .boolean: return .boolean(value(0).boolean)
    case .booleanFromString: return .boolean(["1", "true"].contains(value(0).text.lowercased()))
    case .number: return .number(value(0).number)
    case .int: return .number(value(0).number.rounded(.towardZero))
    case .round: return .number(Self.rounded(value(0).number, places: arguments.count > 1 ? value(1).number : 0))
    case .magnitude: return .number(Swift.abs(value(0).number))
    case .pow: return .number(Foundation.pow(value(0).number, value(1).number))
    case .min: return .number(Self.extreme(all().map(\.number), Swift.min))
    case .max: return .number(Self.extreme(all().map(\.number), Swift.max))
    case .sum: return .number(all().reduce(0) { $0 + $1.number })
    case .count: return .number(Double(all().count))
    case .countNonEmpty: return .number(Double(all().count { !$0.text.isEmpty }))
    case .position: return .number(scope.position.map(Double.init) ?? .nan)
    case .indexedRepeat:
      guard let question = arguments[0].referenceName, let name = arguments[1].referenceName, let filled = scope.instances[name] else {
        return .empty
      }
      let place = value(2).number
      return place >= 1 && place <= Double(filled.count) ? filled[Int(place) - 1][question] ?? .empty : .empty
    case .choiceName:
      let labels = arguments[1].referenceName.flatMap { scope.facts.labels[$0] } ?? [:]
      return Self.joined(words(0).map { labels[String($0)] ?? "" }, by: ", ")
    case .concat: return Self.joined(all().map(\.text), by: "")
    case .join: return Self.joined(all(from: 1).map(\.text), by: value(0).text)
    default: return evaluateText(value(0).text, value(1), arguments.count > 2 ? value(2) : nil)
    }
  }

  /// The functions that look at one text.
  private func evaluateText(_ text: String, _ second: ExpressionValue, _ third: ExpressionValue?) -> ExpressionValue {
    switch self {
    case .stringLength: return .number(Double(text.unicodeScalars.count))
    case .contains: return .boolean(second.text.isEmpty || text.contains(second.text))
    case .startsWith: return .boolean(text.hasPrefix(second.text))
    case .endsWith: return .boolean(text.hasSuffix(second.text))
    case .normalizeSpace: return .string(text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    case .substr:
      let scalars = Array(text.unicodeScalars)
      func place(_ value: Double) -> Int {
        guard !value.isNaN else { return 0 }
        let fromStart = value < 0 ? Double(scalars.count) + value : value
        return Int(Swift.min(Swift.max(fromStart, 0), Double(scalars.count)))
      }
      let (start, end) = (place(second.number), third.map { place($0.number) } ?? scalars.count)
      return .string(start < end ? String(String.UnicodeScalarView(scalars[start..<end])) : "")
    case .string: return .string(text)
    default: return .empty
    }
  }

  private static func joined(_ texts: [String], by separator: String) -> ExpressionValue {
    let length = texts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count }
    return length <= expressionTextBytesMax ? .string(texts.joined(separator: separator)) : .empty
  }

  private static let dateFields: Set<Character> = ["Y", "y", "m", "n", "d", "e", "H", "h", "M", "S"]

  /// Whether `format-date()` understands every field of the format.
  static func isDateFormat(_ format: String) -> Bool {
    format.split(separator: "%", omittingEmptySubsequences: false).dropFirst().allSatisfy { $0.first.map(dateFields.contains) ?? false }
  }

  private static func formatted(_ value: ExpressionValue, _ format: String) -> String {
    let text = date(value).text
    guard text.count == 10 else { return "" }
    let (year, month, day) = (text.prefix(4), text.dropFirst(5).prefix(2), text.suffix(2))
    var out = ""
    var isField = false
    for character in format.prefix(expressionTextBytesMax / 16) {
      guard isField else {
        isField = character == "%"
        if !isField { out.append(character) }
        continue
      }
      isField = false
      switch character {
      case "Y": out += year
      case "y": out += year.suffix(2)
      case "m": out += month
      case "n": out += month.drop { $0 == "0" }
      case "d": out += day
      case "e": out += day.drop { $0 == "0" }
      case "H", "M", "S": out += "00"  // A day begins at midnight.
      case "h": out += "0"
      default: break
      }
    }
    return out
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
