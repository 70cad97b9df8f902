/// Formats numbers as text without an exponent.
package enum PlainNumber {
  /// Returns the shortest digits that give back the same number; whole numbers without a decimal point.
  package static func text(of value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
    return withoutExponent(value.description)
  }

  /// Returns the shortest digits that give back the same number: `1.5e-07` as `0.00000015`, `2e+16` as `20000000000000000`.
  private static func withoutExponent(_ text: String) -> String {
    let parts = text.split(separator: "e", maxSplits: 1)
    guard parts.count == 2, let exponent = Int(parts[1]) else {
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
    let isNegative = parts[0].hasPrefix("-")
    let mantissa = parts[0].drop { $0 == "-" }.split(separator: ".", maxSplits: 1)
    let whole = String(mantissa.first ?? "0")
    let fraction = mantissa.count > 1 && mantissa[1] != "0" ? String(mantissa[1]) : ""
    let digits = whole + fraction
    let point = whole.count + exponent
    let magnitude: String
    if point <= 0 {
      magnitude = "0." + String(repeating: "0", count: -point) + digits
    } else if point >= digits.count {
      magnitude = digits + String(repeating: "0", count: point - digits.count)
    } else {
      magnitude = digits.prefix(point) + "." + digits.dropFirst(point)
    }
    return (isNegative ? "-" : "") + magnitude
  }
}
