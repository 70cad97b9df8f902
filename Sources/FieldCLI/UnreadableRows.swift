internal import SurveyKit
internal import SurveyKitField
internal import ToolSupport

extension SurveyField {
  /// Prints the rows here that cannot be read, each with the reason and the remedy; the command goes on without them.
  @discardableResult
  func warnOfUnreadableRows(_ console: Console) async throws -> [UnreadableRow] {
    let rows = try await unreadableRows()
    console.warn(ofUnreadable: rows)
    return rows
  }
}
