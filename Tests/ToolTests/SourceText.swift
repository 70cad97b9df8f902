import Foundation

/// A Swift source cut into words, signs and string literals: as much of the language as checking messages needs.
struct SourceText {
  struct Token {
    enum Kind {
      case word(String)
      case sign(Character)
      /// A literal's text with `�` for each interpolation, and the tokens inside those.
      case literal(String, inside: [Token])
    }

    var kind: Kind
    var line: Int

    var word: String? { if case .word(let word) = kind { word } else { nil } }
    var literal: String? { if case .literal(let text, _) = kind { text } else { nil } }
    func isSign(_ sign: Character) -> Bool { if case .sign(let own) = kind { own == sign } else { false } }

    /// This literal's text and those within its interpolations.
    var texts: [String] {
      guard case .literal(let text, let inside) = kind else { return [] }
      return [text] + inside.flatMap(\.texts)
    }
  }

  let name: String
  private(set) var tokens: [Token] = []

  init(_ source: String, name: String) {
    self.name = name
    var reader = Reader(characters: Array(source))
    tokens = reader.tokens(until: nil)
  }

  /// A literal's own tokens, as a source to look through in turn.
  init(_ tokens: [Token], name: String) {
    self.name = name
    self.tokens = tokens
  }

  /// This source and what stands within its literals.
  var all: [SourceText] {
    [self]
      + tokens.flatMap { token -> [SourceText] in
        guard case .literal(_, let inside) = token.kind, !inside.isEmpty else { return [] }
        return SourceText(inside, name: name).all
      }
  }

  init(file: URL) throws {
    self.init(try String(contentsOf: file, encoding: .utf8), name: file.lastPathComponent)
  }

  /// The place of the bracket that closes the call whose bracket opens at `start`.
  func end(ofCallAt start: Int) -> Int {
    var index = end(ofArgumentAt: start + 1)
    while index < tokens.count, tokens[index].isSign(",") { index = end(ofArgumentAt: index + 1) }
    return index
  }

  /// The place after the argument that begins at `start`: of its comma or closing bracket.
  func end(ofArgumentAt start: Int) -> Int {
    var (index, depth) = (start, 0)
    while index < tokens.count {
      if case .sign(let sign) = tokens[index].kind {
        if "([{".contains(sign) { depth += 1 }
        if ")]}".contains(sign) {
          if depth == 0 { return index }
          depth -= 1
        }
        if sign == ",", depth == 0 { return index }
      }
      index += 1
    }
    return index
  }
}

private struct Reader {
  let characters: [Character]
  var index = 0
  var line = 1

  private func starts(_ text: String) -> Bool { characters[index...].starts(with: text) }

  private mutating func take() -> Character {
    defer { index += 1 }
    if characters[index] == "\n" { line += 1 }
    return characters[index]
  }

  /// - Parameter closing: The bracket that ends an interpolation; nil reads to the end.
  mutating func tokens(until closing: Character?) -> [SourceText.Token] {
    var (tokens, depth) = ([SourceText.Token](), 0)
    while index < characters.count {
      let character = characters[index]
      if starts("//") {
        while index < characters.count, !characters[index].isNewline { index += 1 }
      } else if starts("/*") {
        while index < characters.count, !starts("*/") { _ = take() }
        index = min(index + 2, characters.count)
      } else if character == "\"" || starts("#\"") {
        let start = line
        tokens.append(literal(from: start))
      } else if character.isLetter || character == "_" {
        var word = ""
        while index < characters.count, characters[index].isLetter || characters[index].isNumber || characters[index] == "_" {
          word.append(take())
        }
        tokens.append(SourceText.Token(kind: .word(word), line: line))
      } else if character.isWhitespace {
        _ = take()
      } else {
        if character == "(" { depth += 1 }
        if character == ")" {
          if depth == 0, closing != nil {
            index += 1
            return tokens
          }
          depth -= 1
        }
        tokens.append(SourceText.Token(kind: .sign(take()), line: line))
      }
    }
    return tokens
  }

  private mutating func literal(from start: Int) -> SourceText.Token {
    let isRaw = starts("#\"")
    if isRaw { index += 1 }
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    let end = isRaw ? quote + "#" : quote
    index += quote.count
    var (text, inside) = ("", [SourceText.Token]())
    while index < characters.count, !starts(end) {
      if !isRaw, starts("\\(") {
        index += 2
        text += "\u{FFFD}"
        inside += tokens(until: ")")
      } else if !isRaw, starts("\\") {
        index += 1
        text.append(take())
      } else {
        text.append(take())
      }
    }
    index = min(index + end.count, characters.count)
    return SourceText.Token(kind: .literal(text, inside: inside), line: start)
  }
}
