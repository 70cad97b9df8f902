internal import SyncCore

/// Cuts the source of an expression into tokens.
struct ExpressionLexer {
  enum Token: Hashable {
    case number(Double)
    case string(String)
    case reference(String)
    case current
    case path(ExpressionPath)
    case function(String)
    case sign(ExpressionOperator)
    case open, close, comma, openBracket, closeBracket
  }

  struct PlacedToken: Hashable {
    let token: Token
    /// Character where the token begins, counted from 1.
    let position: Int
  }

  private let characters: [Character]
  private var index = 0

  static func tokens(of source: String) throws(ExpressionError) -> [PlacedToken] {
    var lexer = ExpressionLexer(characters: Array(source))
    var tokens: [PlacedToken] = []
    while let token = try lexer.next() { tokens.append(token) }
    return tokens
  }

  private init(characters: [Character]) { self.characters = characters }

  private mutating func next() throws(ExpressionError) -> PlacedToken? {
    while let character = peek, character.isWhitespace { index += 1 }
    guard let character = peek else { return nil }
    let position = index + 1
    return PlacedToken(token: try token(from: character), position: position)
  }

  private mutating func token(from character: Character) throws(ExpressionError) -> Token {
    if let simple = simpleToken(character) { return simple }
    switch character {
    case "'", "\"": return try string(closing: character)
    case "$": return try reference()
    case ".": return try dot()
    case "/": return try path(isAbsolute: true)
    case "|", "@": throw failure(at: index + 1, ExpressionMessage.path)
    case "!":
      index += 1
      guard peek == "=" else { throw failure(at: index, ExpressionMessage.unknownSign("!")) }
      index += 1
      return .sign(.notEqual)
    default:
      if character.isASCIIDigit { return try number() }
      if FormName.isLetter(character) { return try name() }
      throw failure(at: index + 1, ExpressionMessage.unknownSign(character))
    }
  }

  private mutating func simpleToken(_ character: Character) -> Token? {
    let token: Token? =
      switch character {
      case "(": .open
      case ")": .close
      case ",": .comma
      case "[": .openBracket
      case "]": .closeBracket
      case "=": .sign(.equal)
      case "+": .sign(.plus)
      case "-": .sign(.minus)
      case "*": .sign(.times)
      case "<": .sign(.less)
      case ">": .sign(.greater)
      default: nil
      }
    guard let token else { return nil }
    index += 1
    guard peek == "=", token == .sign(.less) || token == .sign(.greater) else { return token }
    index += 1
    return token == .sign(.less) ? .sign(.lessOrEqual) : .sign(.greaterOrEqual)
  }

  private mutating func string(closing quote: Character) throws(ExpressionError) -> Token {
    let start = index + 1
    index += 1
    guard let end = characters[index...].firstIndex(of: quote) else { throw failure(at: start, ExpressionMessage.openQuote) }
    defer { index = end + 1 }
    return .string(String(characters[index..<end]))
  }

  private mutating func reference() throws(ExpressionError) -> Token {
    let start = index + 1
    index += 1
    guard peek == "{", let end = characters[index...].firstIndex(of: "}") else {
      throw failure(at: start, ExpressionMessage.badReference)
    }
    let name = String(characters[(index + 1)..<end]).trimmingWhitespace
    index = end + 1
    if name.hasPrefix("last-saved#") { return .string("") }
    guard FormName.isValid(name) else { throw failure(at: start, ExpressionMessage.badReference) }
    return .reference(name)
  }

  private mutating func dot() throws(ExpressionError) -> Token {
    if index + 1 < characters.count {
      if characters[index + 1].isASCIIDigit { return try number() }
      if characters[index + 1] == "." || characters[index + 1] == "/" { return try path(isAbsolute: false) }
    }
    index += 1
    return .current
  }

  /// `/data/group/name`, `../name`, `./name`, `..`.
  private mutating func path(isAbsolute: Bool) throws(ExpressionError) -> Token {
    let start = index + 1
    var (ups, steps): (Int, [String]) = (0, [])
    if isAbsolute { index += 1 }
    var isOpen = true
    while isOpen {
      let begin = index
      while let character = peek, FormName.isPart(character) || character == ":" { index += 1 }
      let step = String(characters[begin..<index])
      switch step {
      case "": throw failure(at: start, ExpressionMessage.path)
      case ".": break
      case ".." where steps.isEmpty && !isAbsolute: ups += 1
      case _ where step.hasPrefix("."): throw failure(at: start, ExpressionMessage.path)
      default: steps.append(step)
      }
      isOpen = peek == "/"
      if isOpen { index += 1 }
    }
    guard ups > 0 || !steps.isEmpty else { throw failure(at: start, ExpressionMessage.path) }
    return .path(ExpressionPath(isAbsolute: isAbsolute, ups: ups, steps: steps))
  }

  private mutating func number() throws(ExpressionError) -> Token {
    let start = index
    while let character = peek, character.isASCIIDigit || character == "." { index += 1 }
    let text = String(characters[start..<index])
    let value = ExpressionValue.number(from: text)
    guard value.isFinite else { throw failure(at: start + 1, ExpressionMessage.badNumber(text)) }
    return .number(value)
  }

  private mutating func name() throws(ExpressionError) -> Token {
    let start = index
    while let character = peek, FormName.isPart(character) || character == ":" { index += 1 }
    // `.>0 and.<9`: the dot is the answer, and not the end of a name.
    if characters[index - 1] == ".", ["or.", "and.", "div.", "mod."].contains(String(characters[start..<index])) { index -= 1 }
    let name = String(characters[start..<index])
    // `current()/../x` and `current()`: the question whose rule this is.
    if name == "current", characters[index...].prefix(2) == ["(", ")"] {
      index += 2
      guard peek == "/" else { return .current }
      index += 1
      return try path(isAbsolute: false)
    }
    if peek == "/" { throw failure(at: start + 1, ExpressionMessage.path) }
    switch name {
    case "or": return .sign(.or)
    case "and": return .sign(.and)
    case "div": return .sign(.divided)
    case "mod": return .sign(.remainder)
    default: return .function(name)
    }
  }

  private var peek: Character? { index < characters.count ? characters[index] : nil }

  private func failure(at position: Int, _ message: LocalizedText) -> ExpressionError {
    ExpressionError(position: position, message: message)
  }
}

extension Character {
  var isASCIIDigit: Bool { ("0"..."9").contains(self) }
  var isASCIILetter: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) }
}

extension ExpressionError {
  init(position: Int, message: LocalizedText) {
    self.init(
      position: position,
      explanation: LocalizedText(vi: "Ký tự thứ \(position): \(message.vi)", en: "At character \(position): \(message.en)"))
  }
}
