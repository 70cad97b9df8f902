public import SurveyKit
internal import SyncHub

extension SurveyHub {
  /// Returns the rows at the hub that programs cannot read.
  public func unreadableRows() async throws -> [UnreadableRow] { try await hub.misformedRows().map { UnreadableRow($0) } }
}
