/// Rule for the keys of a scope's rows. Checked at the hub against the author's scope, before anything is merged.
public enum KeyRule: Sendable, Hashable {
  /// Any key: random keys, which no other scope can guess, and keys that the hub alone assigns.
  case any
  /// Keys that begin with the row's scope and this separator, such as `07201/2024-04-01`; with a column, the rest is exactly that
  /// column's value.
  case scopePrefixed(String, column: String? = nil)
  /// The row's scope itself: one row for each scope.
  case scopeItself

  /// Returns whether a row of `scope` may have the key.
  package func allows(_ key: CellValue, in scope: String) -> Bool { self == .any || names(scope, in: key) }

  /// Returns the column of a change that contradicts the row's key.
  package func contradiction(in change: RowChange, scope: String) -> String? {
    guard case .scopePrefixed(let separator, let column?) = self, let cell = change.cells.first(where: { $0.column == column }),
      !(change.key.text ?? "").utf8.elementsEqual((scope + separator + (cell.value.text ?? "")).utf8)
    else { return nil }
    return column
  }

  /// Returns whether the key itself names `scope`: no other scope may ever have it.
  package func names(_ scope: String, in key: CellValue) -> Bool {
    guard let text = key.text?.utf8 else { return false }
    // Compares byte for byte: two spellings of one accented name would be two scopes.
    switch self {
    case .any: return false
    case .scopePrefixed(let separator, _):
      return text.count > scope.utf8.count + separator.utf8.count && text.starts(with: (scope + separator).utf8)
    case .scopeItself: return text.elementsEqual(scope.utf8)
    }
  }

  /// Returns `names` as SQL; nil when no key names its scope.
  package func namesSQL(key: String, scope: String) -> String? {
    switch self {
    case .any: nil
    case .scopePrefixed(let separator, _):
      "substr(\(key), 1, length(\(scope)) + \(separator.unicodeScalars.count)) = \(scope) || '\(separator.replacing("'", with: "''"))'"
    case .scopeItself: "\(key) = \(scope)"
    }
  }
}
