public import Foundation

/// Writes rows as CSV that every reader understands: UTF-8, LF line ends, quotes only where they are needed.
public struct CSVWriter: Sendable {
  private var bytes: [UInt8] = []

  public init() {}

  /// What has been written so far, in UTF-8.
  public var data: Data { Data(bytes) }

  /// Adds one row. A row of one empty field is written as `""`, so that it is not taken for a blank line.
  public mutating func write(_ fields: [String]) {
    bytes.append(contentsOf: Self.line(fields).utf8)
  }

  /// One row with its line end, for callers that write to a file themselves.
  public static func line(_ fields: [String]) -> String {
    guard fields != [""] else { return "\"\"\n" }
    return fields.map(quoted).joined(separator: ",") + "\n"
  }

  private static func quoted(_ field: String) -> String {
    let special: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
    guard field.utf8.contains(where: special.contains) else { return field }
    return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
