internal import GRDB
public import SurveyKit
internal import SyncKit

extension SurveyField {
  /// Decides a conflict, also offline. A typed value is judged like an answer: `ReportJudge`, `TypedCell`. The conflicts of one
  /// declined unit are kept or taken together.
  ///
  /// - Throws: `AnswerFaults` with the form's messages, `SyncError` `.badRequest`, `SurveyFieldError`; nothing is written then.
  public func decide(_ id: String, _ decision: Decision, by who: String, because reason: String) async throws -> Decided {
    let reason = try Decision.checked(reason: reason)
    let conflict = try await replica.conflict(id: id)
    if decision == .take, conflict.isOpen {
      let standing = try await replica.why(table: conflict.table, key: conflict.key, column: conflict.column, member: conflict.member)
      try conflict.refuseOverwriting(standing.life % 2 == 1 ? standing.value : nil, by: decision)
    }
    let resolution = try await decision.resolution { try await typedCell(conflict).value(typed: $0) }
    var settled: [Conflict] = []
    for one in conflict.together(in: try await replica.conflicts(includingClosed: true), for: decision) {
      settled.append(try await replica.resolve(one.id, as: resolution, by: who, because: reason))
    }
    return Decided(conflicts: settled, invalid: try await conflict.reportKey.asyncMap { try await invalidReport($0) } ?? nil)
  }

  private func typedCell(_ conflict: Conflict) async throws -> TypedCell {
    let key = conflict.key.text ?? ""
    var facts = TypedCell.Facts()
    if conflict.table == "report", let stored = try await storedReports(key: key).first {
      facts.report = stored
      facts.standing = try await merged(stored).answers
      facts.judge = try await judge(of: stored)
    }
    (facts.editions, facts.campaigns) = try await read { db in
      (
        Set(try Row.fetchAll(db, sql: "SELECT id FROM form").compactMap { $0.text("id") }),
        Set(try Row.fetchAll(db, sql: "SELECT id FROM campaign").compactMap { $0.text("id") })
      )
    }
    return TypedCell(table: conflict.table, key: key, column: conflict.column, member: conflict.member, facts: facts)
  }
}
