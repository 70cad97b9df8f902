internal import SyncCore

/// What an expression yields, and what an answer is to an expression.
public enum ExpressionValue: Sendable, Hashable {
  case string(String)
  case number(Double)
  case boolean(Bool)
  /// Days since 1970-01-01.
  case date(day: Int)

  static let empty = ExpressionValue.string("")

  /// As XPath `string()`: whole numbers without a decimal point, never an exponent; dates as `YYYY-MM-DD`.
  public var text: String {
    switch self {
    case .string(let text): text
    case .number(let value): Self.text(of: value)
    case .boolean(let value): value ? "true" : "false"
    case .date(let day): ISODate(daysSinceEpoch: day)?.text ?? ""
    }
  }

  /// As XPath `number()`: NaN for a text that is not a number; dates count days since 1970-01-01.
  public var number: Double {
    switch self {
    case .string(let text): Self.number(from: text)
    case .number(let value): value
    case .boolean(let value): value ? 1 : 0
    case .date(let day): Double(day)
    }
  }

  /// As XPath `boolean()`: a non-empty text, a number other than 0 and NaN, any date.
  public var boolean: Bool {
    switch self {
    case .string(let text): !text.isEmpty
    case .number(let value): value != 0 && !value.isNaN
    case .boolean(let value): value
    case .date: true
    }
  }

  /// Digits with at most one point and a leading minus; everything else, also `1e3` and `+1`, is NaN.
  static func number(from text: String) -> Double {
    let trimmed = text.trimmingWhitespace
    var digits = 0
    var points = 0
    for (index, byte) in trimmed.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
      case UInt8(ascii: "."): points += 1
      case UInt8(ascii: "-") where index == 0: break
      default: return .nan
      }
    }
    guard digits > 0, points <= 1 else { return .nan }
    // Swift wants a digit on both sides of the point; XPath does not.
    let isNegative = trimmed.hasPrefix("-")
    let magnitude = "0" + trimmed.drop { $0 == "-" } + (points == 1 ? "0" : "")
    let value = Double(magnitude) ?? .nan
    return isNegative ? -value : value
  }

  static func text(of value: Double) -> String { PlainNumber.text(of: value) }
}

/// Everything an expression may look at. The current day comes in as a value: an evaluation never reads the clock.
public struct ExpressionScope: Sendable {
  /// Answers by question name; a missing name is the empty text.
  public var values: [String: ExpressionValue]
  /// The answer being tested, what `.` means.
  public var current: ExpressionValue
  /// Inside a repeat: the answers of this filling-in and of those around it, looked at before `values`.
  var instance: [String: ExpressionValue] = [:]
  /// Inside a repeat: which filling-in this is, counted from 1.
  private(set) var position: Int?
  /// Inside a repeat: its name.
  private(set) var repeatName: String?
  /// Inside a repeat: the number of this filling-in (`RepeatNumber`).
  private var number: Int?
  /// The answers of every repeat, one element for each filling-in; a question that is not asked is absent.
  var instances: [String: [[String: ExpressionValue]]] = [:]
  /// Their numbers, by repeat.
  var numbers: [String: [Int]] = [:]
  /// In a choice filter: the choice's columns.
  var choice: [String: String] = [:]
  /// Inside `[…]` behind a repeat: the filling-in that is looked at, and its place among those left.
  var candidate: (values: [String: ExpressionValue], place: Int)?
  /// The question whose rule is worked out.
  var question = ""
  /// Seed of draws: the identity under which the answers are filed.
  var seed = ""
  /// What a form knows and answers do not.
  var facts = ExpressionFacts.none
  private var day: ExpressionValue

  /// - Parameter today: `YYYY-MM-DD`; anything else makes `today()` the empty text, which no comparison accepts.
  public init(today: String, values: [String: ExpressionValue] = [:], current: ExpressionValue = .string("")) {
    self.values = values
    self.current = current
    day = Self.value(ofDay: today)
  }

  private static func value(ofDay day: String) -> ExpressionValue { ISODate(day).map { .date(day: $0.daysSinceEpoch) } ?? .empty }

  /// Makes `today()` another day, as the initializer takes it.
  mutating func day(is today: String) { day = Self.value(ofDay: today) }

  /// What `today()` gives.
  public var today: ExpressionValue { day }

  /// The one answer a name stands for here.
  ///
  /// Of a question in another repeat it is the first, as in a form where that repeat is filled in once.
  ///
  /// - Parameter isOwn: Leads outwards from the question whose rule it is, and not from a filling-in that is looked at.
  func value(of name: String, isOwn: Bool = false) -> ExpressionValue {
    if !isOwn, instance[name] == nil, let value = candidate?.values[name] { return value }
    if let value = instance[name] ?? values[name] { return value }
    guard let home = facts.repeatOfQuestion[name], !isInside(home) else { return .empty }
    return seen(home).first?[name] ?? .empty
  }

  /// All the answers a name stands for: of a question in another repeat one for each filling-in, of a repeat as many as it has.
  func values(of name: String) -> [ExpressionValue] {
    if instances[name] != nil { return seen(name).map { _ in .empty } }
    guard let home = facts.repeatOfQuestion[name], !isInside(home) else { return [value(of: name)] }
    return seen(home).compactMap { $0[name] }
  }

  // MARK: Repeats

  /// Goes into a filling-in.
  mutating func enter(_ name: String, _ number: Int) {
    instance = filled(name, number)
    position = RepeatNumber.place(number)
    repeatName = name
    self.number = number
  }

  /// Goes out of all repeats.
  mutating func leave() {
    instance = [:]
    position = nil
    repeatName = nil
    number = nil
  }

  /// The answers of a filling-in and of those around it.
  func filled(_ name: String, _ number: Int) -> [String: ExpressionValue] {
    guard let place = numbers[name]?.firstIndex(of: number), let own = instances[name]?[place] else { return [:] }
    guard let outer = RepeatNumber.outer(number), let around = facts.chains[name]?.dropLast().last else { return own }
    return filled(around, outer).merging(own) { $1 }
  }

  /// Place of the filling-in that so many steps outwards lead to, else of this one: the rule may be that of a group around the question.
  /// Outside repeats 1, as of every element that stands alone.
  func place(up steps: Int) -> Int {
    guard let location = facts.locations[question] else { return position ?? 1 }
    let around = Array(location.dropLast(steps))
    guard let number, let repeatName, let depth = facts.chains[repeatName]?.firstIndex(where: { facts.locations[$0] == around }) else {
      return position ?? 1
    }
    let places = RepeatNumber.places(number)
    return places.indices.contains(depth) ? places[depth] : 1
  }

  /// Tells a path that leads to nothing from the question whose rule is worked out.
  func isAstray(_ path: ExpressionPath) -> Bool { facts.astray[path]?.contains(question) ?? false }

  /// Filling-ins that `[…]` behind a name chooses from: those of the repeat it names, or stands in; outside repeats its answer alone.
  func candidates(of name: String) -> [[String: ExpressionValue]] {
    if let repeated = facts.chains[name] != nil ? name : facts.repeatOfQuestion[name] { return seen(repeated) }
    return [[name: value(of: name)]]
  }

  private func isInside(_ repeated: String) -> Bool {
    guard let repeatName else { return false }
    return facts.chains[repeatName]?.contains(repeated) ?? (repeatName == repeated)
  }

  /// Filling-ins of a repeat that are seen from here: of one inside the repeats that this stands in, those of these filling-ins.
  func seen(_ name: String) -> [[String: ExpressionValue]] {
    let all = instances[name] ?? []
    guard let number, let repeatName, let own = facts.chains[repeatName], let other = facts.chains[name], other.count > 1,
      let numbers = numbers[name]
    else { return all }
    let common = zip(own, other.dropLast()).prefix { $0 == $1 }.count
    guard common > 0 else { return all }
    let places = RepeatNumber.places(number).prefix(common)
    return zip(numbers, all).filter { RepeatNumber.places($0.0).prefix(common) == places }.map(\.1)
  }
}

/// What expressions need to know of a form besides its answers.
struct ExpressionFacts: Sendable {
  static let none = ExpressionFacts()

  var repeatOfQuestion: [String: String] = [:]
  /// By repeat, the names of those around it and its own, outermost first.
  var chains: [String: [String]] = [:]
  /// By question and repeat, the names of the sections around it and its own, outermost first.
  var locations: [String: [String]] = [:]
  /// By path, the questions from which it leads to nothing.
  var astray: [ExpressionPath: Set<String>] = [:]
  /// Code of the form's default language.
  var language = ""
  /// Question to label, in the form's default language.
  var texts: [String: String] = [:]
  /// Question to choice to label, in the form's default language.
  var labels: [String: [String: String]] = [:]
  /// Lists that rules look into.
  private(set) var lists: [String: [FormChoice]] = [:]
  /// By list and column, the first row of each value.
  private var rows: [Key: [String: Int]] = [:]

  private struct Key: Hashable {
    var list: String
    var column: String
  }

  /// Makes a list known to the rules that look into it, and finds its rows by the key they use.
  mutating func add(_ lookup: ExpressionLookup, _ choices: [FormChoice]) {
    lists[lookup.list] = choices
    guard let key = lookup.key, rows[Key(list: lookup.list, column: key)] == nil else { return }
    let values = choices.enumerated().map { ($1.columns[key] ?? "", $0) }
    rows[Key(list: lookup.list, column: key)] = Dictionary(values, uniquingKeysWith: { first, _ in first })
  }

  func row(of list: String, _ key: String, _ value: String) -> FormChoice? {
    rows[Key(list: list, column: key)]?[value].flatMap { lists[list]?[$0] }
  }
}
