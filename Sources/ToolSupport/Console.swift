public import Foundation
public import SyncKit

/// How a command speaks: in which language, for people or as JSON, on a terminal or into a file.
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

  /// A line for people on standard output; nothing with `--json`.
  public func say(_ vi: String, _ en: String) {
    if !isJSON { Self.out(language == .vietnamese ? vi : en) }
  }

  /// A line on standard error, in both modes.
  public func warn(_ text: LocalizedText) { Self.err(text(language)) }

  /// The command's result with `--json`: one object or array on standard output.
  public func result(_ value: some Encodable) throws {
    guard isJSON else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    Self.out(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Columns aligned by what they show; the first row is the heading.
  public func table(_ rows: [[String]]) {
    guard !isJSON, let first = rows.first else { return }
    let widths = first.indices.map { column in rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0 }
    for row in rows {
      let cells = zip(row, widths).map { text, width in text + String(repeating: " ", count: max(0, width - text.count)) }
      var line = cells.joined(separator: "  ")
      while line.hasSuffix(" ") { line.removeLast() }
      Self.out(line)
    }
  }

  public static func out(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
  public static func err(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
