package import Foundation

/// JSON value with one spelling only: keys in byte order, no spaces, numbers without exponent, text in UTF-8.
///
/// Everything that is stored, hashed, signed and compared uses it, because two programs must write the same bytes for the same
/// meaning, on every platform.
package enum CanonicalJSON: Sendable, Hashable {
  case string(String)
  case integer(Int)
  case number(Double)
  /// A number with more digits than `integer` and `number` hold: as it was written, without exponent, and without zeros in front or
  /// behind.
  case decimal(String)
  case boolean(Bool)
  case array([CanonicalJSON])
  case object([String: CanonicalJSON])
  case null

  /// Canonical spelling, in UTF-8 without a line end.
  package var data: Data {
    var out: [UInt8] = []
    write(to: &out)
    return Data(out)
  }

  private func write(to out: inout [UInt8]) {
    switch self {
    case .string(let text): Self.write(text, to: &out)
    case .integer(let value): out.append(contentsOf: String(value).utf8)
    case .number(let value): out.append(contentsOf: (value.isFinite ? PlainNumber.text(of: value) : "null").utf8)
    case .decimal(let digits): out.append(contentsOf: digits.utf8)
    case .boolean(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .null: out.append(contentsOf: "null".utf8)
    case .array(let values):
      out.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        value.write(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        Self.write(member.key, to: &out)
        out.append(UInt8(ascii: ":"))
        member.value.write(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
      case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
      case UInt8(ascii: "\t"): out.append(contentsOf: "\\t".utf8)
      case UInt8(ascii: "\r"): out.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        let hex = String(byte, radix: 16)
        out.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - hex.count) + hex).utf8)
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}

extension CanonicalJSON {
  /// Parses JSON from outside, nested no deeper than `depthMax`, so that it cannot exhaust the stack.
  ///
  /// Numbers are exact. Nil if it is no JSON, if an object names one member twice, or a number is out of the range of a `Double`.
  package static func parse(_ data: Data, depthMax: Int) -> CanonicalJSON? { try? read(data, depthMax: depthMax) }

  /// The line, from 1, at which `parse` gives up; nil where it does not.
  package static func faultLine(in data: Data, depthMax: Int) -> Int? { JSONReader.faultLine(data, depthMax: depthMax) }

  static func read(_ data: Data, depthMax: Int) throws(JSONReader.Fault) -> CanonicalJSON {
    var reader = JSONReader(data)
    return try reader.read(depthMax: depthMax)
  }

  /// Returns the deepest nesting of brackets outside strings.
  package static func depth(of data: Data) -> Int {
    var depth = 0
    var deepest = 0
    var isInString = false
    var isEscaped = false
    for byte in data {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        deepest = max(deepest, depth)
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
    return deepest
  }
}
