internal import Crypto
internal import Foundation
internal import SyncCore

extension ExpressionFunction {
  /// Longest text an expression may build, in bytes; a longer one is the empty text, so that texts cannot grow without end.
  static let expressionTextBytesMax = 65_536

  func evaluate(_ arguments: [ExpressionNode], in scope: ExpressionScope) -> ExpressionValue {
    func value(_ index: Int) -> ExpressionValue { index < arguments.count ? arguments[index].evaluate(in: scope) : .empty }
    /// Argument of a function that was given none: the answer itself.
    func own() -> ExpressionValue { arguments.isEmpty ? scope.current : value(0) }
    func all(from index: Int = 0) -> [ExpressionValue] { arguments.dropFirst(index).flatMap { $0.all(in: scope) } }
    func words(_ index: Int) -> [Substring] { value(index).text.split(whereSeparator: \.isWhitespace) }
    switch self {
    case .not: return .boolean(!value(0).boolean)
    case .selected:
      let (all, wanted) = (value(0).text, value(1).text.trimmingWhitespace)
      return .boolean(words(0).contains { $0 == wanted } || !wanted.isEmpty && all == wanted)
    case .selectedAt:
      let (words, place) = (words(0), value(1).number)
      return place >= 0 && place < Double(words.count) ? .string(String(words[Int(place)])) : .empty
    case .countSelected: return .number(Double(words(0).count))
    case .if: return value(0).boolean ? value(1) : value(2)
    case .coalesce:
      for index in arguments.indices.dropLast() {
        let found = value(index)
        if !found.text.isEmpty { return found }
      }
      return value(arguments.count - 1)
    case .once: return scope.current.text.isEmpty ? value(0) : scope.current
    case .regex: return .boolean(false)  // The parser makes `matches` of it.
    case .checklist:
      let (least, most) = (value(0).number, value(1).number)
      let count = Double(arguments.indices.dropFirst(2).count { value($0).boolean })
      return .boolean((least < 0 || count >= least) && (most < 0 || count <= most))
    case .weightedChecklist:
      let flags = stride(from: 2, to: arguments.count - 1, by: 2)
      let sum = flags.reduce(0) { value($1).boolean ? $0 + value($1 + 1).number : $0 }
      return .boolean(sum >= value(0).number && sum <= value(1).number)
    case .position:
      if arguments.isEmpty { return .number(Double(scope.candidate?.place ?? scope.position ?? 1)) }
      guard case .path(let path)? = arguments.first else { return .number(.nan) }
      return .number(Double(scope.place(up: path.ups)))
    case .indexedRepeat:
      return indexed(arguments, in: scope)
    case .choiceName:
      let labels = arguments[1].referenceName.flatMap { scope.facts.labels[$0] } ?? [:]
      if let whole = labels[value(0).text] { return .string(whole) }
      return Self.joined(words(0).map { labels[String($0)] ?? "" }, by: ", ")
    case .concat: return Self.joined(all().map(\.text), by: "")
    case .join: return Self.joined(all(from: 1).map(\.text), by: value(0).text)
    case .min, .max, .sum, .count, .countNonEmpty: return aggregate(all())
    case .index: return .number(Double(scope.position ?? 1))
    case .translation: return .string(Self.translated(value(0).text, scope))
    case .phoneFact: return .empty
    case .empty: return .boolean(value(0).text.isEmpty)
    case .lineBreak: return .string("\n")
    case .countIf, .sumIf, .minIf, .maxIf, .joinIf, .countItems, .itemAt, .itemIndex, .itemPresent, .withoutRepeats, .distance:
      return ofLists(arguments, in: scope)
    case .stringLength: return .number(Double(own().text.unicodeScalars.count))
    case .string: return .string(own().text)
    case .normalizeSpace: return .string(own().text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    case .uuid: return .string(Self.drawn(scope, "uuid", value(0).number))
    case .random: return .number(Self.fraction(scope))
    case .today, .now, .date, .dateTime, .formatDate, .formatDateTime, .decimalDateTime, .decimalDate, .decimalTime:
      return ofDays(value(0), format: arguments.count > 1 ? value(1).text : "", today: scope.today)
    case .daysBetween, .weeksBetween, .monthsBetween, .yearsBetween: return .number(between(value(0), value(1)))
    case .contains, .startsWith, .endsWith, .substr, .substringBefore, .substringAfter, .translate:
      return ofText(value(0).text, value(1), arguments.count > 2 ? value(2) : nil)
    default: return ofNumbers(value(0), arguments.count > 1 ? value(1) : nil)
    }
  }

  /// `indexed-repeat(question, repeat, n)`; for repeats inside one another, a repeat and its place after each other.
  private func indexed(_ arguments: [ExpressionNode], in scope: ExpressionScope) -> ExpressionValue {
    guard let question = arguments[0].referenceName, let name = arguments[1].referenceName else { return .empty }
    let places = stride(from: 2, to: arguments.count, by: 2).map { arguments[$0].evaluate(in: scope).number }
    guard places.allSatisfy({ $0 >= 1 && $0 <= Double(RepeatNumber.repeatInstancesMax) }) else { return .empty }
    if places.count == 1 {
      let filled = scope.seen(name)
      return Int(places[0]) <= filled.count ? filled[Int(places[0]) - 1][question] ?? .empty : .empty
    }
    guard let last = arguments[arguments.count - 2].referenceName else { return .empty }
    return scope.filled(last, places.reduce(0) { RepeatNumber.inside($0 == 0 ? nil : $0, Int($1)) })[question] ?? .empty
  }

  /// Functions over many values; what is blank or no number does not count, as in ODK Collect.
  func aggregate(_ values: [ExpressionValue]) -> ExpressionValue {
    let numbers = values.map(\.number).filter { !$0.isNaN }
    switch self {
    case .min, .minIf: return .number(numbers.min() ?? .nan)
    case .max, .maxIf: return .number(numbers.max() ?? .nan)
    case .sum, .sumIf: return .number(numbers.reduce(0, +))
    case .countNonEmpty: return .number(Double(values.count { !$0.text.isEmpty }))
    default: return .number(Double(values.count))
    }
  }

  private func ofNumbers(_ first: ExpressionValue, _ second: ExpressionValue?) -> ExpressionValue {
    let x = first.number
    switch self {
    case .true: return .boolean(true)
    case .false: return .boolean(false)
    case .boolean: return .boolean(first.boolean)
    case .booleanFromString: return .boolean(["1", "true"].contains(first.text.lowercased()))
    case .number: return .number(x)
    case .int: return .number(x.rounded(.towardZero))
    case .round: return .number(Self.rounded(x, places: second?.number ?? 0))
    case .ceiling: return .number(x.rounded(.up))
    case .floor: return .number(x.rounded(.down))
    case .magnitude: return .number(Swift.abs(x))
    case .pow: return .number(Foundation.pow(x, second?.number ?? .nan))
    case .sqrt: return .number(x.squareRoot())
    case .exp: return .number(Foundation.exp(x))
    case .exp10: return .number(Foundation.pow(10, x))
    case .log: return .number(Foundation.log(x))
    case .log10: return .number(Foundation.log10(x))
    case .sin: return .number(Foundation.sin(x))
    case .cos: return .number(Foundation.cos(x))
    case .tan: return .number(Foundation.tan(x))
    case .asin: return .number(Foundation.asin(x))
    case .acos: return .number(Foundation.acos(x))
    case .atan: return .number(Foundation.atan(x))
    case .atan2: return .number(Foundation.atan2(x, second?.number ?? .nan))
    case .pi: return .number(.pi)
    default: return .empty
    }
  }

  /// The functions that look at one text.
  private func ofText(_ text: String, _ second: ExpressionValue, _ third: ExpressionValue?) -> ExpressionValue {
    switch self {
    case .contains: return .boolean(second.text.isEmpty || text.contains(second.text))
    case .startsWith: return .boolean(text.hasPrefix(second.text))
    case .endsWith: return .boolean(text.hasSuffix(second.text))
    case .substringBefore: return .string(text.range(of: second.text).map { String(text[..<$0.lowerBound]) } ?? "")
    case .substringAfter: return .string(text.range(of: second.text).map { String(text[$0.upperBound...]) } ?? "")
    case .translate:
      let (from, to) = (Array(second.text), Array(third?.text ?? ""))
      let places = Dictionary(from.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      return .string(
        String(
          text.compactMap { character -> Character? in
            guard let place = places[character] else { return character }
            return place < to.count ? to[place] : nil
          }))
    case .substr:
      let scalars = Array(text.unicodeScalars)
      func place(_ value: Double) -> Int {
        guard !value.isNaN else { return 0 }
        let fromStart = value < 0 ? Double(scalars.count) + value : value
        return Int(Swift.min(Swift.max(fromStart, 0), Double(scalars.count)))
      }
      let (start, end) = (place(second.number), third.map { place($0.number) } ?? scalars.count)
      return .string(start < end ? String(String.UnicodeScalarView(scalars[start..<end])) : "")
    default: return .empty
    }
  }

  static func joined(_ texts: [String], by separator: String) -> ExpressionValue {
    let length = texts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count }
    return length <= expressionTextBytesMax ? .string(texts.joined(separator: separator)) : .empty
  }

  // MARK: Drawing

  /// Bytes that follow from what the answers are filed under and from the question, so that everybody draws the same.
  private static func bytes(_ scope: ExpressionScope, _ purpose: String) -> [UInt8] {
    let place = "\(purpose)\u{0}\(scope.seed)\u{0}\(scope.question)\u{0}\(scope.position ?? 0)"
    return Array(SHA256.hash(data: Data(place.utf8)))
  }

  /// A UUID, or as many characters as are asked for.
  private static func drawn(_ scope: ExpressionScope, _ purpose: String, _ length: Double) -> String {
    var bytes = bytes(scope, purpose)
    if length.isFinite, length >= 1 {
      let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
      return String((0..<Int(Swift.min(length, 64))).map { letters[Int(bytes[$0 % bytes.count] &+ UInt8($0)) % letters.count] })
    }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = Data(bytes.prefix(16)).hex
    var cut: [Substring] = []
    var rest = hex[...]
    for part in [8, 4, 4, 4, 12] {
      cut.append(rest.prefix(part))
      rest = rest.dropFirst(part)
    }
    return cut.joined(separator: "-")
  }

  /// A number from 0, always less than 1.
  private static func fraction(_ scope: ExpressionScope) -> Double {
    let number = bytes(scope, "random").prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Double(number) / Double(UInt64(1) << 48)
  }

  // MARK: Rounding

  /// Most decimal places `round()` looks at, either way.
  static let roundPlacesMax = 12

  /// Half goes towards positive infinity, as in XPath; decimal places are exact: `round(1.005, 2)` is 1.01, `round(1250, -2)` is 1300.
  static func rounded(_ value: Double, places: Double) -> Double {
    guard value.isFinite, !places.isNaN else { return .nan }
    let count = places.rounded(.towardZero)
    if count == 0 { return (value + 0.5).rounded(.down) }
    guard count > 0 else {
      let unit = Foundation.pow(10, Swift.min(-count, Double(roundPlacesMax)))
      return (value / unit + 0.5).rounded(.down) * unit
    }
    guard abs(value) < 1e15, let exact = Decimal(string: ExpressionValue.text(of: abs(value)), locale: Locale(identifier: "en_US_POSIX"))
    else { return value }
    let scale = Int(Swift.min(count, Double(roundPlacesMax)))
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
