internal import Foundation

/// Format of a column's values, beyond their SQL type. Checked at the hub before anything is merged: a value that the programs of a
/// unit could not read is held (`value`).
public enum ColumnFormat: String, Sendable, Hashable, Codable {
  /// A day of the calendar, `YYYY-MM-DD`.
  case day
  /// The name of a blob. Columns that refer to blobs have this format by default.
  case blob
  /// A whole number of at least 0.
  case count
  /// A JSON object of answers, or in a `perKey` column each member: texts, numbers, lists of texts, and lists of objects of such.
  /// False stands for an answer that was taken away.
  case answers

  /// Bytes of a value of format `answers`.
  static let answersBytesMax = 512 << 10

  /// Returns whether a value has the format.
  ///
  /// - Parameter isMember: True when the value is one member's of a `perKey` column.
  package func accepts(_ value: CellValue, isMember: Bool = false) -> Bool {
    if value.isNull { return true }
    switch self {
    case .day: return value.text.map(Self.isDay) ?? false
    case .blob: return value.text.flatMap { BlobID(hex: $0) } != nil
    case .count: return value.integer.map { $0 >= 0 } ?? false
    case .answers:
      guard let text = value.text, text.utf8.count <= Self.answersBytesMax,
        let json = CanonicalJSON.parse(Data(text.utf8), depthMax: isMember ? 3 : 4)
      else { return false }
      if isMember { return json == .boolean(false) || Self.isAnswer(json) }
      guard case .object(let members) = json else { return false }
      return members.values.allSatisfy(Self.isAnswer)
    }
  }

  private static func isAnswer(_ json: CanonicalJSON) -> Bool {
    switch json {
    case .null, .string, .integer, .number, .decimal: return true
    case .boolean, .object: return false
    case .array(let elements):
      let texts = elements.count { if case .string = $0 { true } else { false } }
      if texts == elements.count { return true }
      return elements.allSatisfy { element in
        guard case .object(let members) = element else { return false }
        return members.values.allSatisfy(isAnswer)
      }
    }
  }

  /// Returns whether a text is a day of the Gregorian calendar in its one spelling.
  static func isDay(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == 10, bytes[4] == 0x2D, bytes[7] == 0x2D else { return false }
    var numbers: [Int] = []
    for range in [0..<4, 5..<7, 8..<10] {
      guard bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
      numbers.append(bytes[range].reduce(0) { $0 * 10 + Int($1) - 0x30 })
    }
    let (year, month, day) = (numbers[0], numbers[1], numbers[2])
    guard year > 0, (1...12).contains(month) else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...days[month - 1]).contains(day)
  }
}
