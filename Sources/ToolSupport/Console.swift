public import Foundation
public import SurveyKit
public import SyncCore

/// How a command speaks: in which language, for people or as JSON, on a terminal or into a file.
///
/// With `--json` standard output holds the result and nothing else, and each line of standard error is one object:
/// `{"error":{"code":…,"message":…}}` or `{"warning":{"message":…}}`.
public struct Console: Sendable {
  public let language: Language
  public let isJSON: Bool
  /// Whether standard error is a terminal, where a progress bar can be redrawn.
  public let isTerminal: Bool

  public init(language: Language, isJSON: Bool, isTerminal: Bool = isatty(2) == 1) {
    self.language = language
    self.isJSON = isJSON
    self.isTerminal = isTerminal
  }

  /// How this reader writes numbers, days and times.
  public var words: Wording { Wording(language: language) }

  /// A line for people on standard output; nothing with `--json`.
  public func say(_ vi: String, _ en: String) {
    if !isJSON { Self.out(language == .vietnamese ? vi : en) }
  }

  /// A line on standard error of something to heed.
  public func warn(_ text: LocalizedText) {
    if isJSON { Self.object(.warning, code: nil, text(language)) } else { Self.err(text(language)) }
  }

  /// Rows told of at once.
  private static let unreadableMax = 20

  /// Says which rows could not be read and were left out.
  public func warn(ofUnreadable rows: [UnreadableRow]) {
    for row in rows.prefix(Self.unreadableMax) { warn(row.explanation) }
    let more = rows.count - Self.unreadableMax
    if more > 0 { warn(LocalizedText(vi: "… và \(words.number(more)) dòng nữa.", en: "… and \(words.number(more)) more rows.")) }
  }

  /// Says on standard error why the command fails; what it throws next is its exit code.
  ///
  /// - Parameter code: What happened, for programs.
  public func refuse(_ text: LocalizedText, code: String = Console.refused) {
    if isJSON { Self.object(.error, code: code, text(language)) } else { Self.err(text(language)) }
  }

  /// The code of a refusal that has no finer one.
  public static let refused = "refused"

  enum Kind: String { case error, warning }

  private struct Said: Encodable {
    var code: String?
    var message: String
  }

  static func object(_ kind: Kind, code: String?, _ message: String) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode([kind.rawValue: Said(code: code, message: message)]) else { return err(message) }
    err(String(decoding: line, as: UTF8.self).printableJSON)
  }

  /// The command's result with `--json`: one object or array on standard output.
  public func result(_ value: some Encodable) throws {
    guard isJSON else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    Self.out(json: try encoder.encode(value))
  }

  /// One of many results with `--json`, on a line of its own.
  public func event(_ value: some Encodable) throws {
    guard isJSON else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    Self.out(json: try encoder.encode(value))
  }

  /// Columns aligned by what they show; the first row is the heading.
  public func table(_ rows: [[String]]) {
    guard !isJSON, let first = rows.first else { return }
    let rows = rows.map { $0.map(\.printable) }
    let widths = first.indices.map { column in rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0 }
    for row in rows {
      let cells = zip(row, widths).map { text, width in text + String(repeating: " ", count: max(0, width - text.count)) }
      var line = cells.joined(separator: "  ")
      while line.hasSuffix(" ") { line.removeLast() }
      Self.out(line)
    }
  }

  /// A line on standard output. Here and in `err` is where every word of a tool goes through, from wherever it came: none of them
  /// speaks to the terminal itself.
  public static func out(_ line: String) { StandardStream.output.write(line.printableLines + "\n") }

  /// JSON on standard output, saying what it says whatever characters are in its strings.
  public static func out(json: some DataProtocol) {
    StandardStream.output.write(String(decoding: json, as: UTF8.self).printableJSON + "\n")
  }

  /// A text file on standard output, as it is: for a redirection. A terminal is not given its byte order mark.
  public static func out(file: Data) {
    let text = String(decoding: file, as: UTF8.self)
    StandardStream.output.write(isatty(1) == 1 && text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()).printableLines : text)
  }

  /// A line on standard error; a word of unreasonable length, such as an argument that is echoed, is cut.
  public static func err(_ line: String) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false).map { word in
      word.utf8.count > wordBytesMax ? word.prefix(wordBytesMax / 4) + "…" : word
    }
    StandardStream.error.write(words.joined(separator: " ").printableLines + "\n")
  }

  /// The longest word of a message, in bytes: longer than any path.
  private static let wordBytesMax = 8_192
}
