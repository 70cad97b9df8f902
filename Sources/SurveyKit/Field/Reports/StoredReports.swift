internal import GRDB
internal import SurveyKit

extension StoredReport {
  /// Returns the reports by day, or the one of a key.
  static func fetchAll(_ db: Database, key: String?) throws -> [StoredReport] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT id, unit, day, form, edition, answers, by_question, doubt FROM report \(key == nil ? "" : "WHERE id = ?1 ")ORDER BY day, unit
        """, arguments: key.map { [$0] } ?? []
    ).map { row in
      StoredReport(
        id: row.text("id") ?? "", unit: row.text("unit") ?? "", day: row.text("day"), form: row.text("form"), edition: row.text("edition"),
        answers: row.text("answers"), byQuestion: row.text("by_question"), doubt: row.text("doubt"))
    }
  }
}
