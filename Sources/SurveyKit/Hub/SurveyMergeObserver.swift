public import SyncKit

/// Notes when each daily report and each attachment's row first reached the hub, by hub time: what "on time" and "late" are told from.
///
/// A correction moves the last arrival only; the first one decides.
public struct SurveyMergeObserver: MergeObserver {
  public let tables: Set<String> = ["report", "attachment"]

  public init() {}

  public func merged(table: String, key: CellValue, scope: String, isNew: Bool, hubMs: UInt64, in session: any HubSession) throws {
    guard let id = key.text else { return }
    if table == "attachment" {
      return try session.execute(
        "INSERT INTO attachment_arrival (id, first_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [.text(id), .integer(Int64(clamping: hubMs))])
    }
    try session.execute(
      """
      INSERT INTO report_arrival (id, unit, first_ms, last_ms) VALUES (?1, ?2, ?3, ?3)
      ON CONFLICT (id) DO UPDATE SET last_ms = max(report_arrival.last_ms, excluded.last_ms)
      """,
      [.text(id), .text(scope), .integer(Int64(clamping: hubMs))])
  }
}
