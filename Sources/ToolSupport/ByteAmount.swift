public import ArgumentParser
public import SurveyKit

/// Amounts of bytes as people write them: `200KB`, `1.5 MB`, `40GB`; thousands, as on a phone's bill.
public enum ByteAmount {
  private static let units: [(name: String, bytes: Double)] = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1)]

  /// Parses an amount.
  ///
  /// - Returns: Nil when it is no amount, or not between 1 byte and a million terabytes.
  public static func read(_ text: String) -> Int? {
    let plain = text.uppercased().filter { !$0.isWhitespace }
    guard let unit = units.first(where: { plain.hasSuffix($0.name) }) else { return nil }
    let digits = plain.dropLast(unit.name.count).replacing(",", with: ".")
    guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let number = Double(digits) else { return nil }
    let bytes = number * unit.bytes
    return (1...1e18).contains(bytes) ? Int(bytes) : nil
  }

  /// Returns an amount, with one decimal below ten of a unit.
  public static func text(_ bytes: Int, _ words: Wording) -> String {
    let unit = units.dropLast().reversed().first { Double(bytes) >= $0.bytes } ?? ("B", 1)
    let value = Double(bytes) / unit.bytes
    let isWhole = unit.bytes == 1 || value >= 10
    return "\(isWhole ? words.number(Int(value.rounded())) : words.decimal(tenths: Int((value * 10).rounded()))) \(unit.name)"
  }

  public static func refusal(option: String, _ text: String) -> ValidationError {
    ValidationError(
      vi: "\(option) cần lượng như 200KB, 1.5MB hay 40GB, không phải \(text).",
      en: "\(option) needs an amount such as 200KB, 1.5MB or 40GB, not \(text).")
  }
}
