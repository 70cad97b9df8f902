internal import SyncCore

/// A regular expression that is matched in time proportional to pattern × text, whatever its author wrote.
///
/// Understood: literals, `.`, `[a-z]`, `[^…]`, `\d \w \s \D \W \S`, `\p{L}` and other general categories, `\n \t`, groups `( )`
/// and `(?: )`, `|`, `* + ? {n} {n,} {n,m}`, `^` and `$`, and `(?= )` and `(?! )` at the very beginning, which are patterns of their own
/// that the same text must or must not begin with. What needs backtracking, namely back references, other look-around and possessive
/// quantifiers, is refused. The whole text must match, as ODK's `regex()` asks.
///
/// - Note: Source: Ken Thompson, "Regular Expression Search Algorithm", 1968.
public struct LinearPattern: Sendable, Hashable {
  /// Most states of the automaton, after `{n,m}` is written out.
  static let patternStatesMax = 1_024
  /// Deepest nesting of groups.
  static let patternDepthMax = 24

  public let source: String
  private let steps: [Step]
  /// Patterns with which the text must begin, or must not, besides.
  private let looks: [Look]

  private struct Look: Sendable {
    var steps: [Step]
    var isWanted: Bool
  }

  init(_ source: String) throws(PatternFault) {
    self.source = source
    var parser = PatternParser(Array(source.unicodeScalars))
    let (looks, node) = try parser.parse()
    steps = try Self.compiled(node)
    let anything = PatternNode.times(.one(PatternSet(isNegated: true)), 0, nil)
    var ahead: [Look] = []
    for look in looks { ahead.append(Look(steps: try Self.compiled(.sequence([look.node, anything])), isWanted: look.isWanted)) }
    self.looks = ahead
  }

  private static func compiled(_ node: PatternNode) throws(PatternFault) -> [Step] {
    var compiler = PatternCompiler()
    try compiler.add(node)
    try compiler.emit(.accept)
    return compiler.steps
  }

  public static func == (left: LinearPattern, right: LinearPattern) -> Bool { left.source == right.source }

  public func hash(into hasher: inout Hasher) { hasher.combine(source) }

  /// Whether the whole of `text` matches.
  func matches(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    return looks.allSatisfy { Self.match($0.steps, scalars) == $0.isWanted } && Self.match(steps, scalars)
  }

  private static func match(_ steps: [Step], _ scalars: [Unicode.Scalar]) -> Bool {
    var current = StateSet(steps.count)
    var next = StateSet(steps.count)
    enter(0, steps, &current, at: 0, of: scalars.count)
    for (place, scalar) in scalars.enumerated() {
      guard !current.states.isEmpty else { return false }
      next.clear()
      for state in current.states {
        if case .one(let set) = steps[state], set.contains(scalar) { enter(state + 1, steps, &next, at: place + 1, of: scalars.count) }
      }
      swap(&current, &next)
    }
    return current.states.contains { steps[$0] == .accept }
  }

  /// Adds a state and all that can be reached from it without reading; each at most once.
  private static func enter(_ state: Int, _ steps: [Step], _ set: inout StateSet, at place: Int, of length: Int) {
    var open = [state]
    while let state = open.popLast() {
      guard set.insert(state) else { continue }
      switch steps[state] {
      case .one, .accept: break
      case .split(let first, let second): open += [second, first]
      case .jump(let target): open.append(target)
      case .begin: if place == 0 { open.append(state + 1) }
      case .end: if place == length { open.append(state + 1) }
      }
    }
  }

  enum Step: Sendable, Hashable {
    case one(PatternSet)
    case split(Int, Int)
    case jump(Int)
    case begin, end, accept
  }

  private struct StateSet {
    private(set) var states: [Int] = []
    private var isIn: [Bool]

    init(_ count: Int) { isIn = [Bool](repeating: false, count: count) }

    mutating func insert(_ state: Int) -> Bool {
      guard !isIn[state] else { return false }
      isIn[state] = true
      states.append(state)
      return true
    }

    mutating func clear() {
      for state in states { isIn[state] = false }
      states.removeAll(keepingCapacity: true)
    }
  }
}

/// Why a pattern cannot be used.
struct PatternFault: Error, Hashable {
  let explanation: LocalizedText

  static let syntax = PatternFault(
    explanation: LocalizedText(
      vi: "mẫu regex không đọc được; kiểm tra ngoặc, dấu lặp và dấu \\.",
      en: "the regex pattern cannot be read; check brackets, quantifiers and \\."))
  static let backtracking = PatternFault(
    explanation: LocalizedText(
      vi: "regex không dùng được tham chiếu ngược, nhìn trước/sau và dấu lặp sở hữu; hãy viết cách khác.",
      en: "a regex here has no back references, look-around or possessive quantifiers; write it another way."))
  static let tooLarge = PatternFault(
    explanation: LocalizedText(
      vi: "mẫu regex quá lớn (hơn \(LinearPattern.patternStatesMax) trạng thái); hãy giảm số lần lặp {n,m}.",
      en: "the regex pattern is too large (more than \(LinearPattern.patternStatesMax) states); lower the counts in {n,m}."))
}

/// A set of characters, as ranges and classes.
struct PatternSet: Sendable, Hashable {
  enum Part: Sendable, Hashable {
    case range(ClosedRange<UInt32>)
    case digit(Bool)
    case word(Bool)
    case space(Bool)
    /// First letters of a general category, such as `L` or `Lu`.
    case category(String, Bool)
  }

  var parts: [Part] = []
  var isNegated = false

  package func contains(_ scalar: Unicode.Scalar) -> Bool { parts.contains { Self.holds($0, scalar) } != isNegated }

  private static func holds(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
    let character = Character(scalar)
    switch part {
    case .range(let range): return range.contains(scalar.value)
    case .digit(let wanted): return character.isASCIIDigit == wanted
    case .word(let wanted): return (character.isASCIIDigit || character.isASCIILetter || scalar == "_") == wanted
    case .space(let wanted): return (scalar == " " || (9...13).contains(scalar.value)) == wanted
    case .category(let name, let wanted): return code(of: scalar).hasPrefix(name) == wanted
    }
  }

  static let categories: Set<String> = ["L", "Lu", "Ll", "Lo", "M", "Mn", "N", "Nd", "P", "S", "Z"]

  private static func code(of scalar: Unicode.Scalar) -> String {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter: "Lu"
    case .lowercaseLetter: "Ll"
    case .titlecaseLetter, .modifierLetter, .otherLetter: "Lo"
    case .nonspacingMark: "Mn"
    case .spacingMark, .enclosingMark: "M"
    case .decimalNumber: "Nd"
    case .letterNumber, .otherNumber: "N"
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
      .otherPunctuation:
      "P"
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: "S"
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: "Z"
    default: "C"
    }
  }
}

indirect enum PatternNode {
  case one(PatternSet)
  case sequence([PatternNode])
  case either([PatternNode])
  case times(PatternNode, Int, Int?)
  case begin, end
}

/// Writes a pattern out as steps.
struct PatternCompiler {
  private(set) var steps: [LinearPattern.Step] = []

  mutating func emit(_ step: LinearPattern.Step) throws(PatternFault) {
    guard steps.count < LinearPattern.patternStatesMax else { throw .tooLarge }
    steps.append(step)
  }

  mutating func add(_ node: PatternNode) throws(PatternFault) {
    switch node {
    case .one(let set): try emit(.one(set))
    case .begin: try emit(.begin)
    case .end: try emit(.end)
    case .sequence(let nodes): for node in nodes { try add(node) }
    case .either(let nodes): try add(oneOf: nodes)
    case .times(let inner, let least, let most):
      for _ in 0..<least {
        let before = steps.count
        try add(inner)
        // Repeats a part that reads nothing once: more times read nothing, too.
        if steps.count == before { break }
      }
      guard let most else { return try addLoop(inner) }
      var exits: [Int] = []
      for _ in least..<max(least, most) {
        exits.append(steps.count)
        try emit(.jump(0))
        try add(inner)
      }
      for exit in exits { steps[exit] = .split(exit + 1, steps.count) }
    }
  }

  private mutating func addLoop(_ inner: PatternNode) throws(PatternFault) {
    let start = steps.count
    try emit(.jump(0))
    try add(inner)
    try emit(.jump(start))
    steps[start] = .split(start + 1, steps.count)
  }

  private mutating func add(oneOf nodes: [PatternNode]) throws(PatternFault) {
    var ends: [Int] = []
    for (index, node) in nodes.enumerated() {
      guard index < nodes.count - 1 else {
        try add(node)
        break
      }
      let fork = steps.count
      try emit(.jump(0))
      try add(node)
      ends.append(steps.count)
      try emit(.jump(0))
      steps[fork] = .split(fork + 1, steps.count)
    }
    for end in ends { steps[end] = .jump(steps.count) }
  }
}
