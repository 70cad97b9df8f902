internal import Foundation
public import SurveyKit
internal import SyncHub

/// Flag of a report at the hub, with what came of it.
public struct RaisedFlag: Sendable, Hashable {
  public var unit: UnitCode
  public var day: CalendarDay
  public var flag: ReportFlag
  /// Operator's word on it; nil while nobody has looked.
  public var settled: (by: String, why: String, ms: Int64)? {
    settledBy.map { ($0, settledWhy, settledMs) }
  }

  var settledBy: String?
  var settledWhy = ""
  var settledMs: Int64 = 0

  /// Open flags that are read for a page.
  static let readMax = 2_000
}

/// The hub's local list of flags that reports raise as they stand, kept in the transaction that changes a report, a form or a headcount.
struct FlagTable {
  let session: any HubSession

  static let schema = """
    CREATE TABLE report_flag (
      id TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, day TEXT NOT NULL, message TEXT NOT NULL, mark TEXT NOT NULL,
      settled_ms INTEGER, settled_by TEXT, settled_why TEXT, PRIMARY KEY (id, name)) WITHOUT ROWID;
    CREATE INDEX report_flag_open ON report_flag (settled_ms, unit, day);
    """

  private static let columns = "unit, day, name, message, mark, settled_ms, settled_by, settled_why"

  /// Brings the flags of a report up to date. What an operator has looked at stays so while the rule sees the same values.
  func keep(_ flags: [ReportFlag], of key: String, unit: String, day: String) throws {
    let names = Set(flags.map(\.name))
    for row in try session.rows("SELECT name FROM report_flag WHERE id = ?1", [.text(key)]) {
      guard let name = row[0].text, !names.contains(name) else { continue }
      try session.execute("DELETE FROM report_flag WHERE id = ?1 AND name = ?2", [.text(key), .text(name)])
    }
    for flag in flags {
      let message = String(decoding: try JSONEncoder().encode(flag.message), as: UTF8.self)
      try session.execute(
        """
        INSERT INTO report_flag (id, name, unit, day, message, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (id, name) DO UPDATE SET unit = excluded.unit, day = excluded.day, message = excluded.message,
          settled_ms = CASE WHEN mark = excluded.mark THEN settled_ms END, settled_by = CASE WHEN mark = excluded.mark THEN settled_by END,
          settled_why = CASE WHEN mark = excluded.mark THEN settled_why END, mark = excluded.mark
        """, [.text(key), .text(flag.name), .text(unit), .text(day), .text(message), .text(flag.mark)])
    }
  }

  func open() throws -> [RaisedFlag] {
    try session.rows(
      "SELECT \(Self.columns) FROM report_flag WHERE settled_ms IS NULL ORDER BY unit, day, name LIMIT \(RaisedFlag.readMax)"
    )
    .compactMap(Self.flag)
  }

  func flags(of key: String) throws -> [RaisedFlag] {
    try session.rows("SELECT \(Self.columns) FROM report_flag WHERE id = ?1 ORDER BY name", [.text(key)]).compactMap(Self.flag)
  }

  /// Open flags of each unit.
  func counts() throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for row in try session.rows("SELECT unit, count(*) FROM report_flag WHERE settled_ms IS NULL GROUP BY unit") {
      if let unit = row[0].text { counts[unit] = Int(clamping: row[1].integer ?? 0) }
    }
    return counts
  }

  private static func flag(_ row: [CellValue]) -> RaisedFlag? {
    guard let unit = row[0].text, let day = row[1].text.flatMap({ CalendarDay($0) }), let name = row[2].text,
      let message = row[3].text.flatMap({ try? JSONDecoder().decode(LocalizedText.self, from: Data($0.utf8)) })
    else { return nil }
    return RaisedFlag(
      unit: UnitCode(unit), day: day, flag: ReportFlag(name: name, message: message, mark: row[4].text ?? ""), settledBy: row[6].text,
      settledWhy: row[7].text ?? "", settledMs: row[5].integer ?? 0)
  }
}

extension ReportCheck {
  /// Brings the flags of a report up to date, and those of the unit's next report, whose rules may see this one.
  func flag(_ key: String) throws {
    try raise(key)
    guard let unit = key.split(separator: "/").first.map(String.init) else { return }
    let next = try session.firstRow(
      "SELECT id FROM report WHERE id > ?1 AND id < ?2 || '0' ORDER BY id LIMIT 1", [.text(key), .text(unit)])
    if let next = next?[0].text { try raise(next) }
  }

  private func raise(_ key: String) throws {
    let table = FlagTable(session: session)
    guard let report = try HubReport(key, shelf: shelf, in: session), let judge = report.judge, let standing = try? report.stored.standing()
    else { return try table.keep([], of: key, unit: "", day: "") }
    guard judge.hasFlags else { return try table.keep([], of: key, unit: report.stored.unit, day: report.stored.day ?? "") }
    let flags = judge.flags(in: standing, after: try previous(to: report.stored))
    try table.keep(flags, of: key, unit: report.stored.unit, day: report.stored.day ?? "")
  }

  /// Answers of the unit's report before, where it is of the same form.
  private func previous(to report: StoredReport) throws -> [String: AnswerValue] {
    let row = try session.firstRow(
      "SELECT \(HubReport.columns) FROM report WHERE id < ?1 AND id >= ?2 || '/' ORDER BY id DESC LIMIT 1",
      [.text(report.id), .text(report.unit)])
    guard let before = row.flatMap({ StoredReport($0) }),
      before.form?.prefix(while: { $0 != "@" }) == report.form?.prefix(while: { $0 != "@" })
    else { return [:] }
    return (try? before.standing()) ?? [:]
  }
}

extension SurveyHub {
  /// Open flags of the units that the reading shows.
  public func openFlags(in day: OperatorDay) async throws -> [RaisedFlag] {
    let units = Set(day.units.map(\.unit))
    return try await hub.read { try FlagTable(session: $0).open() }.filter { units.contains($0.unit) }
  }

  /// Notes that somebody has looked at a flag.
  ///
  /// - Returns: False where the report raises no such flag, or it is settled.
  public func settle(flag name: String, of unit: UnitCode, _ day: CalendarDay, by who: String, because why: String) async throws -> Bool {
    let key = SurveySchema.reportKey(unit: unit.rawValue, day: day.description)
    let (why, nowMs) = (ReportChange.cleaned(why), nowMs)
    guard !why.isEmpty else { throw SurveyFieldError.noReason }
    return try await hub.write { session in
      guard
        try session.firstRow(
          "SELECT 1 FROM report_flag WHERE id = ?1 AND name = ?2 AND settled_ms IS NULL", [.text(key), .text(name)]) != nil
      else { return false }
      try session.execute(
        "UPDATE report_flag SET settled_ms = ?3, settled_by = ?4, settled_why = ?5 WHERE id = ?1 AND name = ?2",
        [.text(key), .text(name), .integer(nowMs), .text(who), .text(why)])
      return true
    }
  }
}
