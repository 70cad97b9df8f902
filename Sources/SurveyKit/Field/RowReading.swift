internal import Foundation
internal import GRDB
internal import SurveyKit

/// Values as they are: a column that came from elsewhere may hold anything, and reading it must not trap.
extension Row {
  /// Nil for anything but text.
  func text(_ column: String) -> String? {
    let value: DatabaseValue = self[column]
    guard case .string(let text) = value.storage else { return nil }
    return text
  }

  /// Nil for anything but an integer.
  func integer(_ column: String) -> Int64? {
    let value: DatabaseValue = self[column]
    guard case .int64(let number) = value.storage else { return nil }
    return number
  }

  /// Nil for anything but bytes.
  func bytes(_ column: String) -> Data? {
    let value: DatabaseValue = self[column]
    guard case .blob(let bytes) = value.storage else { return nil }
    return bytes
  }
}
