package import Foundation

/// The fields of a posted page (`application/x-www-form-urlencoded`), checked before anything is made of them.
package struct FieldsBody: Sendable {
  package static let contentType = "application/x-www-form-urlencoded"
  /// Fields in one body.
  package static let fieldsMax = 2_000

  private var values: [String: [String]] = [:]
  /// As they came, in order.
  package private(set) var fields: [(name: String, value: String)] = []

  /// Nil when the body is not of that form: broken escapes, text that is no UTF-8, a zero byte, too many fields.
  package init?(_ body: Data) {
    let parts = body.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true)
    guard parts.count <= Self.fieldsMax else { return nil }
    for field in parts {
      let end = field.firstIndex(of: UInt8(ascii: "=")) ?? field.endIndex
      guard let name = Self.text(field[..<end]), let value = Self.text(field[end...].dropFirst()) else { return nil }
      values[name, default: []].append(value)
      fields.append((name, value))
    }
  }

  /// Fields that came another way, such as beside a file.
  package init(_ fields: [(name: String, value: String)]) {
    for (name, value) in fields { values[name, default: []].append(value) }
    self.fields = fields
  }

  /// The first value of a field; nil when the page did not send it.
  package subscript(name: String) -> String? { values[name]?.first }

  /// All values of a field: the boxes that are ticked.
  package func all(_ name: String) -> [String] { values[name] ?? [] }

  private static func text(_ escaped: Data) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(escaped.count)
    var rest = escaped
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
