internal import Foundation
internal import GRDB
internal import SurveyKit

/// Reading of values of any kind: a column from elsewhere may hold anything, and reading it must not trap.
extension Row {
  /// Returns a text; nil for anything else.
  func text(_ column: String) -> String? {
    let value: DatabaseValue = self[column]
    guard case .string(let text) = value.storage else { return nil }
    return text
  }

  /// Returns an integer; nil for anything else.
  func integer(_ column: String) -> Int64? {
    let value: DatabaseValue = self[column]
    guard case .int64(let number) = value.storage else { return nil }
    return number
  }

  /// Returns bytes; nil for anything else.
  func bytes(_ column: String) -> Data? {
    let value: DatabaseValue = self[column]
    guard case .blob(let bytes) = value.storage else { return nil }
    return bytes
  }
}
