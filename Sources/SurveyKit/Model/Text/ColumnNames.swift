internal import SyncCore

/// Finds which of the known names the heading of a column means.
package struct ColumnNames {
  package enum Reading: Hashable {
    /// The name itself.
    case name
    /// A known name in other letters, or by its question's label.
    case meant(String)
    /// An unknown name; this known one is written much like it.
    case near(String)
    case unknown
  }

  private let names: Set<String>
  private let byKey: [String: Set<String>]
  private let byLabel: [String: Set<String>]

  /// - Parameter labels: Labels that people may write instead of a name.
  package init(_ names: [String], labels: [(label: String, name: String)] = []) {
    self.names = Set(names)
    byKey = Dictionary(grouping: names, by: Self.key).mapValues(Set.init)
    byLabel = Dictionary(grouping: labels, by: { Self.plain($0.label) }).mapValues { Set($0.map(\.name)) }
  }

  package func reading(_ heading: String) -> Reading {
    if names.contains(heading) { return .name }
    let key = Self.key(heading)
    for meant in [byKey[key], byLabel[Self.plain(heading)]] {
      if let meant, meant.count == 1, let name = meant.first { return .meant(name) }
    }
    guard key.count >= 3 else { return .unknown }
    let near = names.filter { Self.isNear(Array(Self.key($0)), Array(key)) }
    return near.count == 1 ? near.first.map { .near($0) } ?? .unknown : .unknown
  }

  /// Returns a name without case, accents, and what stands between words.
  private static func key(_ text: String) -> String {
    FoldedText(text).text.split { !$0.isLetter && !$0.isNumber }.joined(separator: "_")
  }

  private static func plain(_ text: String) -> String {
    text.nfc.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// Returns whether two names differ by at most two letters too many, missing or changed, and by less than half of a short name.
  private static func isNear(_ one: [Character], _ other: [Character]) -> Bool {
    let most = min(2, min(one.count, other.count) / 3)
    guard abs(one.count - other.count) <= most else { return false }
    var row = Array(0...other.count)
    for (index, letter) in one.enumerated() {
      var (corner, next) = (index, [index + 1])
      for (column, facing) in other.enumerated() {
        next.append(min(corner + (letter == facing ? 0 : 1), row[column + 1] + 1, next[column] + 1))
        corner = row[column + 1]
      }
      row = next
    }
    return (row.last ?? most + 1) <= most
  }
}
