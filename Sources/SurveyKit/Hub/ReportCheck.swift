internal import Foundation
internal import SurveyKit
internal import SyncHub

/// List of reports that contradict their form as they stand, local to the hub. An entry depends only on the row, the edition of its
/// form, the commune's headcount and the campaign. Computed in the transaction that changes one of them.
struct ReportCheck {
  let session: any HubSession
  let shelf: FormShelf

  /// Version of the judging rules. After a change all reports are judged again at the next opening.
  static let rules: Int64 = 3

  /// Judges one report; a missing report has no contradictions.
  func check(_ key: String) throws {
    try flag(key)
    guard let invalid = try invalid(key) else {
      return try session.execute("DELETE FROM report_fault WHERE id = ?1", [.text(key)])
    }
    let faults = String(decoding: try JSONEncoder().encode(invalid.faults), as: UTF8.self)
    try session.execute(
      """
      INSERT INTO report_fault (id, unit, day, faults) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (id) DO UPDATE SET unit = excluded.unit, day = excluded.day, faults = excluded.faults
      """, [.text(key), .text(invalid.unit), .text(invalid.day), .text(faults)])
  }

  private func invalid(_ key: String) throws -> InvalidReport? {
    guard let report = try HubReport(key, shelf: shelf, in: session) else { return nil }
    do {
      return try report.invalid()
    } catch let error as SurveyFieldError {
      // Lists the unreadable report and goes on merging.
      let fault = AnswerFault(question: "", kind: .malformed, message: error.explanation)
      return InvalidReport(key: key, unit: report.stored.unit, day: report.stored.day, faults: [fault])
    }
  }

  /// Judges the reports that meet a condition.
  func checkAll(where condition: String = "1", _ arguments: [CellValue] = []) throws {
    for row in try session.rows("SELECT id FROM report WHERE \(condition) ORDER BY id", arguments) {
      if let key = row[0].text { try check(key) }
    }
  }

  /// Judges all reports again when other rules judged them, or none.
  func checkAfterUpgrade() throws {
    guard try session.integer("SELECT max(rules) FROM report_fault_rules") != Self.rules else { return }
    try session.execute("DELETE FROM report_fault", [])
    try checkAll()
    try session.execute("DELETE FROM report_fault_rules", [])
    try session.execute("INSERT INTO report_fault_rules (rules) VALUES (?1)", [.integer(Self.rules)])
  }

  /// Returns the reports that contradict their form, by unit and day.
  ///
  /// - Parameter campaign: Campaign that needs no name.
  static func invalid(limit: Int, spokenOf campaign: Campaign? = nil, in session: any HubSession) throws -> [InvalidReport] {
    let others = try HubPlan.campaigns(session).filter { $0.id != campaign?.id }
    return try session.rows("SELECT id, unit, day, faults FROM report_fault ORDER BY unit, day LIMIT ?1", [.integer(Int64(limit))])
      .compactMap {
        row in
        guard let key = row[0].text, let unit = row[1].text, let faults = row[3].text else { return nil }
        var report = InvalidReport(
          key: key, unit: unit, day: row[2].text ?? "",
          faults: try JSONDecoder().decode([InvalidReport.Fault].self, from: Data(faults.utf8)))
        if let day = CalendarDay(report.day), campaign?.reportDays.contains(day) != true {
          report.campaign = others.first { $0.reportDays.contains(day) }?.id
        }
        return report
      }
  }
}
