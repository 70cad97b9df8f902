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
      for _ in 0..<least { try add(inner) }
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

/// Reads the text of a pattern.
struct PatternParser {
  private let scalars: [Unicode.Scalar]
  private var index = 0

  init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    index += 1
    return true
  }

  /// Most patterns at the beginning that look ahead.
  private static let looksMax = 16

  mutating func parse() throws(PatternFault) -> (looks: [(node: PatternNode, isWanted: Bool)], node: PatternNode) {
    var looks: [(node: PatternNode, isWanted: Bool)] = []
    var start = index
    if take("^") { start = index }
    while scalars[index...].starts(with: ["(", "?"]), index + 2 < scalars.count, scalars[index + 2] == "=" || scalars[index + 2] == "!" {
      let isWanted = scalars[index + 2] == "="
      index += 3
      looks.append((try either(depth: 1), isWanted))
      guard take(")") else { throw .syntax }
      guard looks.count <= Self.looksMax, peek.map({ !"*+?{".unicodeScalars.contains($0) }) ?? true else { throw .backtracking }
      start = index
    }
    index = start
    let node = try whole()
    // Beside another option what was looked at would be this option's alone.
    if !looks.isEmpty, case .either = node { throw .backtracking }
    return (looks, node)
  }

  private mutating func whole() throws(PatternFault) -> PatternNode {
    let node = try either(depth: 0)
    guard index == scalars.count else { throw .syntax }
    return node
  }

  private mutating func either(depth: Int) throws(PatternFault) -> PatternNode {
    guard depth <= LinearPattern.patternDepthMax else { throw .tooLarge }
    var options = [try sequence(depth: depth)]
    while take("|") { options.append(try sequence(depth: depth)) }
    return options.count == 1 ? options[0] : .either(options)
  }

  private mutating func sequence(depth: Int) throws(PatternFault) -> PatternNode {
    var nodes: [PatternNode] = []
    while let next = peek, next != "|", next != ")" { nodes.append(try repeated(atom(depth: depth))) }
    return .sequence(nodes)
  }

  private mutating func repeated(_ atom: PatternNode) throws(PatternFault) -> PatternNode {
    var node = atom
    var quantifiers = 0
    while let next = peek {
      var bounds: (Int, Int?)
      switch next {
      case "*": bounds = (0, nil)
      case "+": bounds = (1, nil)
      case "?": bounds = (0, 1)
      case "{": bounds = try counts()
      default: return node
      }
      if next != "{" { index += 1 }
      quantifiers += 1
      // A lazy `?` changes what is captured, never whether the whole text matches.
      if take("?") { bounds = (bounds.0, bounds.1) }
      guard peek != "+", quantifiers == 1 else { throw .backtracking }
      node = .times(node, bounds.0, bounds.1)
    }
    return node
  }

  /// `{n}`, `{n,}`, `{n,m}`.
  private mutating func counts() throws(PatternFault) -> (Int, Int?) {
    guard let close = scalars[index...].firstIndex(of: "}") else { throw .syntax }
    let parts = String(String.UnicodeScalarView(scalars[(index + 1)..<close])).split(separator: ",", omittingEmptySubsequences: false)
    index = close + 1
    guard (1...2).contains(parts.count), let least = ISODate.number(Array(parts[0].utf8)) else { throw .syntax }
    guard least <= LinearPattern.patternStatesMax else { throw .tooLarge }
    guard parts.count == 2 else { return (least, least) }
    if parts[1].isEmpty { return (least, nil) }
    guard let most = ISODate.number(Array(parts[1].utf8)), most >= least else { throw .syntax }
    guard most <= LinearPattern.patternStatesMax else { throw .tooLarge }
    return (least, most)
  }

  private mutating func atom(depth: Int) throws(PatternFault) -> PatternNode {
    guard let next = peek else { throw .syntax }
    index += 1
    switch next {
    case "(":
      if take("?"), !take(":") { throw .backtracking }
      let inner = try either(depth: depth + 1)
      guard take(")") else { throw .syntax }
      return inner
    case "[": return .one(try bracket())
    case ".": return .one(PatternSet(parts: [.range(10...10)], isNegated: true))
    case "^": return .begin
    case "$": return .end
    case "\\": return .one(PatternSet(parts: [try escape()]))
    case "*", "+", "?", "{", "}", "]": throw .syntax
    default: return .one(PatternSet(parts: [.range(next.value...next.value)]))
    }
  }

  private mutating func escape() throws(PatternFault) -> PatternSet.Part {
    guard let next = peek else { throw .syntax }
    index += 1
    switch next {
    case "d", "D": return .digit(next == "d")
    case "w", "W": return .word(next == "w")
    case "s", "S": return .space(next == "s")
    case "n": return .range(10...10)
    case "t": return .range(9...9)
    case "p", "P":
      guard take("{"), let close = scalars[index...].firstIndex(of: "}") else { throw .syntax }
      let name = String(String.UnicodeScalarView(scalars[index..<close]))
      index = close + 1
      guard PatternSet.categories.contains(name) else { throw .syntax }
      return .category(name, next == "p")
    default:
      if Character(next).isASCIIDigit || next == "k" || next == "b" || next == "B" { throw .backtracking }
      guard !Character(next).isASCIILetter else { throw .syntax }
      return .range(next.value...next.value)
    }
  }

  private mutating func bracket() throws(PatternFault) -> PatternSet {
    var set = PatternSet()
    set.isNegated = take("^")
    while let next = peek {
      if next == "]", !set.parts.isEmpty {
        index += 1
        return set
      }
      index += 1
      var part = PatternSet.Part.range(next.value...next.value)
      if next == "\\" { part = try escape() }
      if next == "[" || (next == "&" && peek == "&") { throw .syntax }
      if case .range(let low) = part, peek == "-", index + 1 < scalars.count, scalars[index + 1] != "]" {
        index += 1
        let end = scalars[index]
        index += 1
        var high = PatternSet.Part.range(end.value...end.value)
        if end == "\\" { high = try escape() }
        guard case .range(let top) = high, low.lowerBound <= top.lowerBound else { throw .syntax }
        part = .range(low.lowerBound...top.lowerBound)
      }
      set.parts.append(part)
    }
    throw .syntax
  }
}
