public import SyncCore

/// Mistake in a data file: its place and the remedy.
public struct DataProblem: ExplainedError, Hashable {
  /// File or table of the mistake, such as `communes.csv`.
  public var source: String
  /// Line, counted from 1; `nil` when the mistake belongs to no single line.
  public var line: Int?
  /// Description without the place.
  public var text: LocalizedText

  public init(_ source: String, line: Int? = nil, vi: String, en: String) {
    self.source = source
    self.line = line
    self.text = LocalizedText(vi: vi, en: en)
  }

  public var explanation: LocalizedText {
    guard let line else { return LocalizedText(vi: "\(source): \(text.vi)", en: "\(source): \(text.en)") }
    return LocalizedText(vi: "\(source), dòng \(line): \(text.vi)", en: "\(source), line \(line): \(text.en)")
  }
}

/// Mistakes found in one reading, all at once, so that one round of corrections is enough.
public struct DataProblems: ExplainedError, Hashable {
  public var problems: [DataProblem]

  public init(_ problems: [DataProblem]) {
    self.problems = problems
  }

  /// Sentences, one in each line; many of a kind are one line that counts them.
  public var explanation: LocalizedText {
    MistakeLines.capped(
      MistakeLines.grouped(problems.map { ($0.source + ": " + MistakeLines.kind(of: $0.text.en), $0.line, $0.explanation) }))
  }
}

/// Lines about the mistakes of one file: enough to correct them, and how many there are.
package enum MistakeLines {
  package static let linesMax = 30
  /// Mistakes of one kind from which on they share one line.
  package static let alikeMin = 4
  /// Places named beside the first.
  package static let placesMax = 4

  /// Returns what mistakes of one kind have in common: their sentence without what it quotes and counts.
  package static func kind(of text: String) -> String {
    var kind = ""
    var depth = 0
    for character in text {
      if character == "“" { depth += 1 }
      if depth == 0, !character.isNumber { kind.append(character) }
      if character == "”" { depth = max(0, depth - 1) }
    }
    return kind
  }

  /// Returns the mistakes, a line each; many of one kind are one line that counts them and names some places.
  package static func grouped(_ mistakes: [(kind: String, line: Int?, text: LocalizedText)]) -> [LocalizedText] {
    var kinds: [String: [(kind: String, line: Int?, text: LocalizedText)]] = [:]
    var order: [String] = []
    for mistake in mistakes {
      if kinds[mistake.kind] == nil { order.append(mistake.kind) }
      kinds[mistake.kind, default: []].append(mistake)
    }
    return order.flatMap { kind -> [LocalizedText] in
      let alike = kinds[kind] ?? []
      guard alike.count >= alikeMin, let first = alike.first?.text else { return alike.map(\.text) }
      let places = alike.dropFirst().prefix(placesMax).compactMap(\.line).map(String.init).joined(separator: ", ")
      let count = alike.count - 1
      guard !places.isEmpty else {
        return [LocalizedText(vi: "\(first.vi) Còn \(count) chỗ như thế.", en: "\(first.en) There are \(count) more like it.")]
      }
      let more = count > placesMax ? ", …" : ""
      return [
        LocalizedText(
          vi: "\(first.vi) Còn \(count) chỗ như thế: dòng \(places)\(more).",
          en: "\(first.en) There are \(count) more like it: lines \(places)\(more).")
      ]
    }
  }

  /// Returns the first lines, and how many are left out.
  package static func capped(_ lines: [LocalizedText]) -> LocalizedText {
    var shown = Array(lines.prefix(linesMax))
    let more = lines.count - shown.count
    if more > 0 { shown.append(LocalizedText(vi: "… và \(more) chỗ nữa.", en: "… and \(more) more.")) }
    return LocalizedText(vi: shown.map(\.vi).joined(separator: "\n"), en: shown.map(\.en).joined(separator: "\n"))
  }
}
