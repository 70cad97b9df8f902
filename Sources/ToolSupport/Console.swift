public import Foundation
public import SurveyKit
public import SyncCore

/// Output of a command: its language, for people or as JSON, on a terminal or into a file.
///
/// With `--json` standard output holds only the result, and each line of standard error is one object:
/// `{"error":{"code":…,"message":…}}` or `{"warning":{"message":…}}`.
public struct Console: Sendable {
  public let language: Language
  public let isJSON: Bool
  /// True when standard error is a terminal, where a progress bar can be redrawn.
  public let isTerminal: Bool

  public init(language: Language, isJSON: Bool, isTerminal: Bool = isatty(2) == 1) {
    self.language = language
    self.isJSON = isJSON
    self.isTerminal = isTerminal
  }

  /// Formats of numbers, days and times for this reader.
  public var words: Wording { Wording(language: language) }

  /// Prints a line for people on standard output; nothing with `--json`.
  public func say(_ vi: String, _ en: String) {
    if !isJSON { Self.out(language == .vietnamese ? vi : en) }
  }

  /// Prints a warning on standard error.
  public func warn(_ text: LocalizedText) {
    if isJSON { Self.object(.warning, code: nil, text(language)) } else { Self.err(text(language)) }
  }

  /// Unreadable rows that are printed.
  private static let unreadableMax = 20

  /// Prints which rows could not be read and were left out.
  public func warn(ofUnreadable rows: [UnreadableRow]) {
    for row in rows.prefix(Self.unreadableMax) { warn(row.explanation) }
    let more = rows.count - Self.unreadableMax
    if more > 0 { warn(LocalizedText(vi: "… và \(words.number(more)) dòng nữa.", en: "… and \(words.number(more)) more rows.")) }
  }

  /// Prints on standard error why the command fails; the error that it throws next is its exit code.
  ///
  /// - Parameter code: Code of the failure, for programs.
  public func refuse(_ text: LocalizedText, code: String = Console.refused) {
    if isJSON { Self.object(.error, code: code, text(language)) } else { Self.err(text(language)) }
  }

  /// Code of a refusal that has no finer one.
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

  /// Prints the command's result with `--json`: one object or array on standard output.
  public func result(_ value: some Encodable) throws {
    guard isJSON else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    Self.out(json: try encoder.encode(value))
  }

  /// Prints one of many results with `--json`, on a line of its own.
  public func event(_ value: some Encodable) throws {
    guard isJSON else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    Self.out(json: try encoder.encode(value))
  }

  /// Prints columns aligned by what they show; the first row is the heading.
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

  /// Prints a line on standard output. Every word of a tool goes through here and `err`, from wherever it came: no other code
  /// writes to the terminal.
  public static func out(_ line: String) { StandardStream.output.write(line.printableLines + "\n") }

  /// Prints JSON on standard output, with the same meaning whatever characters are in its strings.
  public static func out(json: some DataProtocol) {
    StandardStream.output.write(String(decoding: json, as: UTF8.self).printableJSON + "\n")
  }

  /// Prints a text file on standard output, as it is, for a redirection. A terminal does not get its byte order mark.
  public static func out(file: Data) {
    let text = String(decoding: file, as: UTF8.self)
    StandardStream.output.write(isatty(1) == 1 && text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()).printableLines : text)
  }

  /// Prints a line on standard error; a word of unreasonable length, such as an echoed argument, is cut.
  public static func err(_ line: String) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false).map { word in
      word.utf8.count > wordBytesMax ? word.prefix(wordBytesMax / 4) + "…" : word
    }
    StandardStream.error.write(words.joined(separator: " ").printableLines + "\n")
  }

  /// Bytes of a word of a message: longer than any path.
  private static let wordBytesMax = 8_192
}
