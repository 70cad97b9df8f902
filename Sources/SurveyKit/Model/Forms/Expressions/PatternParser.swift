internal import SyncCore

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
