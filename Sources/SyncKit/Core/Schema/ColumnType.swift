internal import Foundation

/// Conversion of values by a column's declared type (https://www.sqlite.org/datatype3.html, sections 3.1 and 3.2;
/// https://www.sqlite.org/stricttables.html).
package struct ColumnType: Sendable, Hashable {
  package enum Affinity: Sendable, Hashable {
    case text, numeric, real
    /// Keeps every value as it is.
    case none
  }

  package var affinity: Affinity
  /// In a STRICT table: the only kind of value that the column accepts, other than NULL.
  package private(set) var only: String?

  package init(declared: String, isStrict: Bool) {
    let type = declared.uppercased()
    if isStrict && type == "ANY" {
      affinity = .none
      return
    }
    if type.contains("INT") {
      affinity = .numeric
    } else if ["CHAR", "CLOB", "TEXT"].contains(where: { type.contains($0) }) {
      affinity = .text
    } else if type.isEmpty || type.contains("BLOB") {
      affinity = .none
    } else if ["REAL", "FLOA", "DOUB"].contains(where: { type.contains($0) }) {
      affinity = .real
    } else {
      affinity = .numeric
    }
    if isStrict { only = type == "INTEGER" ? "INT" : type }
  }

  /// Returns whether a value that is put into the column reads back the same. A value that a column would convert, or refuse, would
  /// make replicas differ.
  package func keeps(_ value: CellValue) -> Bool {
    if let only, !isOnly(only, value) { return false }
    switch (affinity, value) {
    case (_, .null), (_, .blob), (.none, _): return true
    case (.text, _): return value.text != nil
    case (_, .text(let text)): return !Self.isNumber(text)
    case (.numeric, .real(let number)): return number != number.rounded() || number.magnitude >= 0x1p63
    case (.numeric, _): return true
    case (.real, _): return value.integer == nil
    }
  }

  private func isOnly(_ type: String, _ value: CellValue) -> Bool {
    switch value {
    case .null: true
    case .integer: type == "INT"
    case .real: type == "REAL"
    case .text: type == "TEXT"
    case .blob: type == "BLOB"
    }
  }

  /// Returns whether SQLite converts a text to a number in a column that prefers numbers.
  private static func isNumber(_ text: String) -> Bool {
    let number = #"^[ \t\n\x0b\f\r]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\x0b\f\r]*$"#
    return text.range(of: number, options: .regularExpression) != nil
  }
}
