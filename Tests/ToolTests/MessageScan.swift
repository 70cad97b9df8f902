import Foundation

/// Finds messages that only one language has, that nobody sees, or that stand where one language is all there is.
struct MessageScan {
  let sources: [SourceText]
  /// Texts that are the same in both languages, or in another's letters, on purpose.
  var allowed: Set<String> = []

  /// A message in both languages, as it stands in a call.
  private struct Pair {
    var vi: [String]
    var en: [String]
    var line: Int
    /// Where it stands among the source's tokens.
    var range: Range<Int>
  }

  /// A Vietnamese text of more words than this has a letter only Vietnamese has.
  private static let plainWordsMax = 2

  // MARK: Both languages

  /// Every fault of every message, as `file:line: what`.
  func faults() -> [String] {
    sources.flatMap(\.all).flatMap { source in
      Self.pairs(in: source).flatMap { pair in fault(of: pair).map { "\(source.name):\(pair.line): \($0)" } } + onlyOne(in: source)
    }
  }

  private func fault(of pair: Pair) -> [String] {
    let (vi, en) = (pair.vi.joined(separator: " "), pair.en.joined(separator: " "))
    guard !allowed.contains(vi) && !allowed.contains(en) else { return [] }
    func isBlank(_ texts: [String]) -> Bool { texts.allSatisfy { $0.trimmingCharacters(in: .whitespaces).isEmpty } }
    if !pair.vi.isEmpty && isBlank(pair.vi) || !pair.en.isEmpty && isBlank(pair.en) { return ["an empty text beside “\(vi)\(en)”"] }
    var faults: [String] = []
    if vi == en, Self.words(vi).contains(where: { $0.count > 1 }) { faults.append("the same in both languages: “\(vi)”") }
    if Self.words(vi).count > Self.plainWordsMax, !HelpTests.isVietnamese(vi) { faults.append("not translated: “\(vi)”") }
    if HelpTests.isVietnamese(en) { faults.append("Vietnamese letters in English: “\(en)”") }
    return faults
  }

  /// `LocalizedText("words")`: words that claim to be the same in both languages.
  private func onlyOne(in source: SourceText) -> [String] {
    source.tokens.indices.compactMap { index in
      guard source.tokens[index].word == "LocalizedText", index + 2 < source.tokens.count, source.tokens[index + 1].isSign("("),
        let text = source.tokens[index + 2].literal, !Self.words(text).isEmpty, !allowed.contains(text)
      else { return nil }
      return "\(source.name):\(source.tokens[index].line): in one language only: “\(text)”"
    }
  }

  private static func pairs(in source: SourceText) -> [Pair] {
    let tokens = source.tokens
    var pairs: [Pair] = []
    func texts(_ range: Range<Int>) -> [String] { tokens[range].flatMap(\.texts) }
    for index in tokens.indices where index + 2 < tokens.count {
      // f(vi: …, en: …)
      if tokens[index].word == "vi", tokens[index + 1].isSign(":"), index > 0,
        tokens[index - 1].isSign("(") || tokens[index - 1].isSign(",")
      {
        let comma = source.end(ofArgumentAt: index + 2)
        guard comma + 2 < tokens.count, tokens[comma + 1].word == "en" else { continue }
        let end = source.end(ofArgumentAt: comma + 3)
        pairs.append(Pair(vi: texts(index + 2..<comma), en: texts(comma + 3..<end), line: tokens[index].line, range: index..<end))
      }
      // say(…, …) and text(…, …)
      if let call = tokens[index].word, call == "say" || call == "text", tokens[index + 1].isSign("("), tokens[index + 2].word != "vi" {
        let comma = source.end(ofArgumentAt: index + 2)
        guard comma < tokens.count, tokens[comma].isSign(",") else { continue }
        let end = source.end(ofArgumentAt: comma + 1)
        let (vi, en) = (texts(index + 2..<comma), texts(comma + 1..<end))
        guard call == "say" || tokens[index + 2].literal != nil, !vi.isEmpty || !en.isEmpty else { continue }
        pairs.append(Pair(vi: vi, en: en, line: tokens[index].line, range: index..<end))
      }
    }
    return pairs
  }

  /// Runs of letters outside interpolations, names of commands and options left out.
  private static func words(_ text: String) -> [String] {
    text.split { $0.isWhitespace || $0 == "\u{FFFD}" }.filter { part in
      !part.hasPrefix("--") && part.contains(where: \.isLetter)
    }.map(String.init)
  }

  // MARK: Words outside messages

  /// Literals a person might read that stand in no message: words after words, or any letter only Vietnamese has.
  ///
  /// - Parameter silent: Calls and labels whose literals nobody reads, such as a log's.
  func loose(silent: Set<String>) -> [String] {
    sources.flatMap { loose($0, silent: silent) }
  }

  private func loose(_ source: SourceText, silent: Set<String>) -> [String] {
    let tokens = source.tokens
    var spoken = Set(Self.pairs(in: source).flatMap(\.range))
    for index in tokens.indices where index + 2 < tokens.count {
      // A word of the compiler, as `#error`, is named with its sign.
      let sign = index > 0 && tokens[index - 1].isSign("#") ? "#" : ""
      guard let call = tokens[index].word, silent.contains(sign + call) else { continue }
      if tokens[index + 1].isSign(":"), index > 0, tokens[index - 1].isSign("(") || tokens[index - 1].isSign(",") {
        spoken.formUnion(index..<source.end(ofArgumentAt: index + 2))
      }
      if tokens[index + 1].isSign("(") { spoken.formUnion(index..<source.end(ofCallAt: index + 1)) }
      // logger.error(…)
      if tokens[index + 1].isSign("."), index + 3 < tokens.count, tokens[index + 3].isSign("(") {
        spoken.formUnion(index..<source.end(ofCallAt: index + 3))
      }
    }
    return tokens.indices.filter { !spoken.contains($0) }.flatMap { index -> [String] in
      guard case .literal(let text, let inside) = tokens[index].kind else { return [] }
      let isPrinted = index > 2 && ["out", "err"].contains(tokens[index - 2].word) && tokens[index - 1].isSign("(")
      let seen = text.contains("<") ? Self.visible(text) : text
      let isLoose =
        HelpTests.isVietnamese(seen) || seen.contains(/\p{L}{2,} \p{L}{2,}/) || (isPrinted || seen != text) && seen.contains(/\p{L}{2,}/)
      let own =
        isLoose && !allowed.contains(seen) && !seen.contains(/^\s*(?:SELECT|INSERT|UPDATE|DELETE)\b/)
        ? ["\(source.name):\(tokens[index].line): “\(seen.prefix(60))”"] : []
      return own + loose(SourceText(inside, name: source.name), silent: silent)
    }
  }

  /// What of a page's template a person sees or hears: the text between tags and the attributes that are read out.
  static func visible(_ template: String) -> String {
    let read = template.matches(of: /(?:aria-label|alt|title|placeholder)="([^"]*)"/).map { String($0.output.1) }
    let text = template.replacing(/<[^>]*>/, with: " ")
    return ([text] + read).joined(separator: " ").replacing(/\{\{[^}]*\}\}/, with: " ").split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
  }

  // MARK: Messages nobody sees

  /// Messages by name that nothing but their declaration names: members of `…Message` and `…Wording`, and constants made as messages.
  func unused() -> [String] {
    var counts: [String: Int] = [:]
    func count(_ tokens: [SourceText.Token]) {
      for token in tokens {
        if let word = token.word { counts[word, default: 0] += 1 }
        if case .literal(_, let inside) = token.kind { count(inside) }
      }
    }
    for source in sources { count(source.tokens) }
    return sources.flatMap { source in
      declarations(in: source).filter { counts[$0.name] == 1 }.map { "\(source.name):\($0.line): nothing uses \($0.name)" }
    }
  }

  private func declarations(in source: SourceText) -> [(name: String, line: Int)] {
    let tokens = source.tokens
    var found: [(name: String, line: Int)] = []
    var (depth, within) = (0, Int?.none)
    for index in tokens.indices where index + 1 < tokens.count {
      if tokens[index].isSign("{") { depth += 1 }
      if tokens[index].isSign("}") {
        depth -= 1
        if let inside = within, depth <= inside { within = nil }
      }
      guard let word = tokens[index].word, let name = tokens[index + 1].word else { continue }
      if ["enum", "struct", "extension"].contains(word), name.hasSuffix("Message") || name.hasSuffix("Wording") { within = depth }
      if ["func", "let", "var", "case"].contains(word), let inside = within, depth == inside + 1 {
        found.append((name, tokens[index].line))
      }
      if word == "let", within == nil, index + 3 < tokens.count, tokens[index + 2].isSign("="),
        ["LocalizedText", "SyncError", "ToolError"].contains(tokens[index + 3].word)
      {
        found.append((name, tokens[index].line))
      }
    }
    return found
  }
}
