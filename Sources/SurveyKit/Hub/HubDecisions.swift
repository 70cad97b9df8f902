public import SurveyKit
internal import SyncHub

extension SurveyHub {
  /// Decides a conflict in the hub's own name; see `SurveyField.decide`.
  public func decide(_ id: String, _ decision: Decision, by who: String, because reason: String) async throws -> Decided {
    let reason = try Decision.checked(reason: reason)
    let conflict = try await hub.conflict(id: id)
    if decision == .take, conflict.isOpen {
      let standing = try await hub.why(
        table: conflict.table, key: conflict.key, column: conflict.column, member: conflict.member, hasConflicts: false)
      try conflict.refuseOverwriting(standing.life % 2 == 1 ? standing.value : nil, by: decision)
    }
    let resolution = try await decision.resolution { text in
      let cell = try await typedCell(table: conflict.table, key: conflict.key.text ?? "", column: conflict.column, member: conflict.member)
      return try cell.value(typed: text)
    }
    var settled: [Conflict] = []
    for one in conflict.together(in: try await hub.conflicts(includingClosed: true), for: decision) {
      settled.append(try await hub.resolve(one.id, as: resolution, by: who, because: reason))
    }
    return Decided(conflicts: settled, invalid: try await conflict.reportKey.asyncMap { try await invalidReport($0) } ?? nil)
  }

  func typedCell(table: String, key: String, column: String, member: String?) async throws -> TypedCell {
    let shelf = shelf
    return try await hub.read { session in
      var facts = TypedCell.Facts()
      if table == "report", let report = try HubReport(key, shelf: shelf, in: session) {
        facts.report = report.stored
        facts.standing = try report.stored.standing()
        facts.judge = report.judge
      }
      facts.editions = Set(try session.rows("SELECT id FROM form").compactMap { $0[0].text })
      facts.campaigns = Set(try session.rows("SELECT id FROM campaign").compactMap { $0[0].text })
      return TypedCell(table: table, key: key, column: column, member: member, facts: facts)
    }
  }

  /// Returns a report that contradicts its form; nil when it does not.
  func invalidReport(_ key: String) async throws -> InvalidReport? {
    let shelf = shelf
    return try await hub.read { session in try HubReport(key, shelf: shelf, in: session)?.invalid() }
  }
}
