internal import SurveyKit
public import SyncHub

/// Observer of merges. Records when each report first reached the hub, by hub time, which decides about "on time" and "late"; and
/// whether the report contradicts its form as it stands. Keeps the same arrival times of attachments' rows, and running counts of
/// photos and open conflicts: see `RunningCounts`.
///
/// A correction moves the last arrival only; the first one decides. A row that another unit wrote under a report's key, before keys
/// were checked, was no arrival.
public struct SurveyMergeObserver: MergeObserver {
  /// Tables to observe, including those on which validity depends: the forms, the headcount, the campaign.
  public let tables: Set<String> = ["report", "attachment", "form", "headcount", "unit_window", "campaign", "sync_conflict"]
  private let shelf: FormShelf

  public init() { self.init(shelf: FormShelf()) }

  init(shelf: FormShelf) { self.shelf = shelf }

  public func merged(table: String, key: CellValue, scope: String, isNew: Bool, hubMs: UInt64, in session: any HubSession) throws {
    guard let id = key.text else { return }
    switch table {
    case "attachment":
      try session.execute(
        "INSERT INTO attachment_arrival (id, first_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [.text(id), .integer(Int64(clamping: hubMs))])
    case "report":
      try session.execute(
        """
        INSERT INTO report_arrival (id, unit, first_ms, last_ms) VALUES (?1, ?2, ?3, ?3)
        ON CONFLICT (id) DO UPDATE SET
          first_ms = CASE WHEN unit = excluded.unit THEN first_ms ELSE excluded.first_ms END,
          last_ms = CASE WHEN unit = excluded.unit THEN max(last_ms, excluded.last_ms) ELSE excluded.last_ms END, unit = excluded.unit
        """,
        [.text(id), .text(scope), .integer(Int64(clamping: hubMs))])
    default: break
    }
  }

  public func stands(table: String, key: CellValue, scope: String, in session: any HubSession) throws {
    guard let id = key.text else { return }
    let check = ReportCheck(session: session, shelf: shelf)
    switch table {
    case "report": try check.check(id)
    case "form": try check.checkAll(where: "form = ?1", [.text(id)])
    // Judges the commune's reports, whose keys begin with its code.
    case "headcount": try check.checkAll(where: "id >= ?1 || '/' AND id < ?1 || '0'", [.text(id)])
    case "unit_window": try check.checkAll(where: "id >= ?1 || '/' AND id < ?1 || '0'", [.text(scope)])
    case "campaign": try check.checkAll()
    case "attachment": try RunningCounts(session: session).photoStands(id)
    case "sync_conflict": try RunningCounts(session: session).conflictStands(id)
    default: break
    }
  }

  public func holds(_ blob: BlobID, scope: String, isHeld: Bool, in session: any HubSession) throws {
    try RunningCounts(session: session).blobStands(blob.hex, unit: scope)
  }

  /// Returns true for what a form calculates from the answers, and for a definition's digest, which depends on the form's name.
  public func isDerived(table: String, key: CellValue, column: String, member: String?, in session: any HubSession) throws -> Bool {
    guard table == "report" else { return false }
    if column == "edition" { return true }
    guard column == "by_question", let member else { return false }
    let row = try session.firstRow("SELECT form, edition FROM report WHERE id = ?1", [key])
    if let form = row?[0].text {
      return try shelf.edition(form, digest: row?[1].text, in: session)?.validator.calculated.contains(member) ?? false
    }
    // Asks every edition of the campaigns' report forms, because the report is gone.
    let editions = try HubPlan.campaigns(session).flatMap { campaign in
      try session.rows("SELECT id FROM form WHERE form = ?1", [.text(campaign.reportForm)]).compactMap { $0[0].text }
    }
    return try !editions.isEmpty
      && editions.allSatisfy { try shelf.edition($0, in: session)?.validator.calculated.contains(member) ?? false }
  }
}
