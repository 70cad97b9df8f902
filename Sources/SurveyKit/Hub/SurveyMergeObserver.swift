public import SyncKit

/// Notes when each daily report and each attachment's row first reached the hub, by hub time: what "on time" and "late" are told from.
///
/// A correction moves the last arrival only; the first one decides. What another unit wrote under a report's key, before that was checked,
/// was no arrival.
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
      ON CONFLICT (id) DO UPDATE SET
        first_ms = CASE WHEN unit = excluded.unit THEN first_ms ELSE excluded.first_ms END,
        last_ms = CASE WHEN unit = excluded.unit THEN max(last_ms, excluded.last_ms) ELSE excluded.last_ms END, unit = excluded.unit
      """,
      [.text(id), .text(scope), .integer(Int64(clamping: hubMs))])
  }
}
