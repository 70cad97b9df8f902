internal import Foundation
internal import SurveyKit
public import SyncHub

extension SurveyHub {
  /// Converts a typed text into a value of a held unit's column, judged like an entered answer.
  ///
  /// - Throws: `AnswerFaults` with the form's messages, `SyncError` `.badRequest`, `SurveyFieldError`.
  public func value(typed text: String, forColumn column: String, ofHeld id: String) async throws -> CellValue {
    let plain = try await hub.value(typed: text, forColumn: column, ofHeld: id)
    guard let held = try await hub.heldUnit(id) else { return plain }
    for row in held.rows where row.isAlive && row.cells.contains(where: { $0.column == column }) {
      func said(_ column: String) -> String? { row.cells.first { $0.column == column }?.value.text }
      var cell = try await typedCell(table: row.table, key: row.key.text ?? "", column: column, member: nil)
      guard cell.isJudged else { continue }
      if row.table == "report", cell.facts.judge == nil, let form = said("form") {
        cell.facts.judge = try await judge(form, digest: said("edition"), unit: held.scope, day: said("day"))
      }
      return column == "by_question" ? try cell.object(typed: text) : try cell.value(typed: text)
    }
    return plain
  }

  /// Returns the judge of a report by an edition of a form; nil when the hub does not have the edition.
  private func judge(_ form: String, digest: String?, unit: String, day: String?) async throws -> ReportJudge? {
    let shelf = shelf
    return try await hub.read { session in
      guard let edition = try shelf.edition(form, digest: digest, in: session) else { return nil }
      let staff = try Headcount.staff(of: unit, in: session)
      return ReportJudge(edition.validator, unit: unit, day: day.flatMap { CalendarDay($0) }, staff: staff)
    }
  }
}
