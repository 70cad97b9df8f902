public import Foundation
public import SurveyKit
public import SyncHub

/// Correction of a report, as its unit made it.
public struct ReportVersion: Sendable, Hashable {
  /// Hub time in milliseconds, as far as the device knew it.
  public var changedMs: Int64
  public var device: String
  public var reason: String
  /// Answers that were changed or removed, before and after.
  public var before: [String: AnswerValue]
  public var after: [String: AnswerValue]
}

/// Report with all that the hub knows about it.
public struct ReportDetail: Sendable {
  public var unit: UnitCode
  public var day: CalendarDay
  /// Edition as `form@version`; nil when the report names none.
  public var formKey: String?
  /// Form; nil when the hub does not have the edition by which it was filed.
  public var form: Form?
  /// Answers as they stand, including calculated ones.
  public var answers: [String: AnswerValue]
  /// Corrections, oldest first.
  public var versions: [ReportVersion]
  /// Contradictions with its form; nil when there are none.
  public var invalid: InvalidReport?
  public var photos: [ReportPhoto]
  /// Hub times at which the report first arrived, and at which its last change did.
  public var firstMs: Int64?
  public var lastMs: Int64?
  /// Hub time at which the report was written, as far as the device knew it, and the device.
  public var writtenMs: UInt64?
  public var writtenBy: ReplicaID?
  public var conflicts: [Conflict]
  /// Times when it was sent back, the newest first.
  public var returns: [Notice]
  /// Flags that it raises, those that were looked at too.
  public var flags: [RaisedFlag] = []

  /// Photo that the report names.
  public struct ReportPhoto: Sendable, Hashable {
    public var blob: String
    public var question: String?
    public var width: Int
    public var height: Int
    public var isIn: Bool
  }

  /// Reads an answer from the JSON of its cell; nil when there is none, or it cannot be read.
  public static func answer(_ json: String, to question: String) -> AnswerValue? {
    (try? StoredReport.answer(json, to: question)) ?? nil
  }

  /// Corrections that are shown, the latest.
  public static let versionsMax = 200
}

extension SurveyHub {
  /// Returns the report of a unit and day; nil when there is none, or the unit is not in the reading's part of the tree.
  public func reportDetail(_ unit: UnitCode, _ reportDay: CalendarDay, in day: OperatorDay) async throws -> ReportDetail? {
    guard day.units.contains(where: { $0.unit == unit }) else { return nil }
    let key = SurveySchema.reportKey(unit: unit.rawValue, day: reportDay.description)
    let conflicts = try await hub.openConflicts(scope: unit.rawValue, table: "report", key: .text(key))
    let birth = try await hub.why(table: "report", key: .text(key), column: "day", hasConflicts: false)
    return try await hub.read { [shelf] session -> ReportDetail? in
      guard let report = try HubReport(key, shelf: shelf, in: session) else { return nil }
      let standing = try report.stored.standing()
      let arrival = try session.firstRow("SELECT first_ms, last_ms FROM report_arrival WHERE id = ?1", [.text(key)])
      return ReportDetail(
        unit: unit, day: reportDay, formKey: report.stored.form, form: report.judge?.form,
        answers: report.judge?.settled(standing) ?? standing, versions: try Self.versions(of: key, in: session),
        invalid: try report.invalid(), photos: try Self.photos(of: key, unit: unit.rawValue, in: session), firstMs: arrival?[0].integer,
        lastMs: arrival?[1].integer, writtenMs: birth.writtenMs, writtenBy: birth.writtenBy, conflicts: conflicts,
        returns: try Notice.all(
          "report = ?2 AND +unit = ?1 AND +kind = 'return' ORDER BY sent_ms DESC, id DESC LIMIT \(Notice.listedMax)",
          [.text(unit.rawValue), .text(key)], in: session), flags: try FlagTable(session: session).flags(of: key))
    }
  }

  private static func versions(of key: String, in session: any HubSession) throws -> [ReportVersion] {
    try session.rows(
      """
      SELECT id, changed_ms, device, reason, answers_before, answers_after FROM report_change WHERE report = ?1
      ORDER BY changed_ms DESC, id LIMIT \(ReportDetail.versionsMax)
      """, [.text(key)]
    ).reversed().compactMap { row in
      // Skips unreadable corrections, which are reported elsewhere.
      guard let id = row[0].text, let before = try? AnswerValue.answers(stored: row[4].text, table: "report_change", id: id),
        let after = try? AnswerValue.answers(stored: row[5].text, table: "report_change", id: id)
      else { return nil }
      return ReportVersion(
        changedMs: row[1].integer ?? 0, device: ReportChange.cleaned(row[2].text), reason: ReportChange.cleaned(row[3].text),
        before: before, after: after)
    }
  }

  private static func photos(of key: String, unit: String, in session: any HubSession) throws -> [ReportDetail.ReportPhoto] {
    try session.rows(
      """
      SELECT a.blob, a.question, a.width, a.height, b.blob IS NOT NULL
      FROM attachment a LEFT JOIN hub_blob_scope b ON b.blob = a.blob AND b.scope = a.unit
      WHERE a.record = ?1 AND a.tbl = 'report' AND +a.unit = ?2 AND length(a.blob) = 64 ORDER BY a.id LIMIT \(Photo.photosPerReportMax)
      """, [.text(key), .text(unit)]
    ).map { row in
      ReportDetail.ReportPhoto(
        blob: row[0].text ?? "", question: row[1].text, width: Int(clamping: row[2].integer ?? 0),
        height: Int(clamping: row[3].integer ?? 0),
        isIn: row[4].integer == 1)
    }
  }

  /// Returns a picture that a report shows; nil when the report does not refer to it, or it is missing.
  public func picture(_ blob: String, of report: ReportDetail) throws -> Data? {
    guard let id = BlobID(hex: blob), report.photos.contains(where: { $0.blob == id.hex && $0.isIn }) else { return nil }
    return try hub.blobs.read(id)
  }
}
