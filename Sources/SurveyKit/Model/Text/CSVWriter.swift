public import Foundation

/// Writes rows as CSV that every reader understands: UTF-8, LF line ends, quotes only where they are needed.
public struct CSVWriter: Sendable {
  private var bytes: [UInt8] = []
  private let separator: Character

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - separator: Sign between fields.
  ///   - hasMark: True to begin with a byte order mark, by which spreadsheet programs recognize UTF-8.
  public init(separator: Character = ",", hasMark: Bool = false) {
    self.separator = separator
    if hasMark { bytes = [0xEF, 0xBB, 0xBF] }
  }

  /// Bytes written so far, in UTF-8.
  public var data: Data { Data(bytes) }

  /// Adds one row. A row of one empty field is written as `""`, so that it is not taken for a blank line.
  public mutating func write(_ fields: [String]) {
    bytes.append(contentsOf: Self.line(fields, separator: separator).utf8)
  }

  /// Returns one row with its line end, for callers that write to a file themselves.
  public static func line(_ fields: [String], separator: Character = ",") -> String {
    guard fields != [""] else { return "\"\"\n" }
    return fields.map { quoted($0, separator) }.joined(separator: String(separator)) + "\n"
  }

  private static func quoted(_ field: String, _ separator: Character) -> String {
    let special = Set(String(separator).utf8).union("\"\n\r".utf8)
    guard field.utf8.contains(where: special.contains) else { return field }
    return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
