internal import SurveyKit
internal import SurveyKitField
internal import ToolSupport

extension SurveyField {
  /// Says which rows here cannot be read, each with the reason and what to do; the command goes on without them.
  @discardableResult
  func warnOfUnreadableRows(_ console: Console) async throws -> [UnreadableRow] {
    let rows = try await unreadableRows()
    console.warn(ofUnreadable: rows)
    return rows
  }
}
