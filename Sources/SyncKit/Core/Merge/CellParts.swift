internal import Foundation

/// Converts between a column's value, as the app sees it, and the parts by which it merges.
package enum CellParts {
  /// Deepest nesting inside a `perKey` column.
  package static let jsonDepthMax = 16

  /// Returns the members of a JSON object, each as its canonical JSON; null members count as absent. Nil when the value is no
  /// object; NULL is the empty object.
  package static func members(of value: CellValue) -> [String: CellValue]? {
    if value.isNull { return [:] }
    guard case .text(let text) = value, case .object(let object)? = CanonicalJSON.parse(Data(text.utf8), depthMax: jsonDepthMax) else {
      return nil
    }
    var members: [String: CellValue] = [:]
    for (name, json) in object where json != .null { members[name.nfc] = .text(json.text) }
    return members
  }

  /// Returns whether a value is canonical JSON.
  package static func isJSON(_ value: CellValue) -> Bool {
    guard let text = value.text, let json = CanonicalJSON.parse(Data(text.utf8), depthMax: jsonDepthMax) else { return false }
    return json.text == text
  }

  /// Returns the canonical JSON object of members; null values are left out.
  package static func object(_ members: [(String, CellValue)]) -> CellValue {
    let live = members.filter { !$0.1.isNull }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    let parts = live.map { CanonicalJSON.string($0.0).text + ":" + ($0.1.text ?? "null") }
    return .text("{" + parts.joined(separator: ",") + "}")
  }

  /// Returns a sum that saturates at the ends of 64 bits.
  package static func sum(_ amounts: some Sequence<Int64>) -> Int64 {
    amounts.reduce(0) { total, amount in
      let (sum, overflow) = total.addingReportingOverflow(amount)
      return overflow ? (amount < 0 ? .min : .max) : sum
    }
  }

}

extension CanonicalJSON {
  package var text: String { String(decoding: data, as: UTF8.self) }
}

extension StringProtocol {
  /// Text in Unicode NFC: the same bytes for the same text, whichever keyboard typed it.
  ///
  /// Plain ASCII, most of any file, is returned without a copy.
  package var nfc: String {
    utf8.allSatisfy { $0 < 0x80 } ? String(self) : precomposedStringWithCanonicalMapping
  }
}
