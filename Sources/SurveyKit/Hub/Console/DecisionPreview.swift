public import SurveyKit
public import SyncHub

/// Preview of a report as a decision would leave it: computed, not written.
public struct DecisionPreview: Sendable {
  /// Calculated values that a decision would change, before and after it.
  public var calculated: [(question: String, before: AnswerValue?, after: AnswerValue?)]
  /// Contradictions of the report with its form, now and after the decision.
  public var before: [InvalidReport.Fault]
  public var after: [InvalidReport.Fault]
  /// Reason why a typed value is refused; nil when all are accepted.
  public var refusal: LocalizedText?
}

extension SurveyHub {
  /// Computes a report after decisions about its questions; nil when the conflicts are not about a report's questions.
  ///
  /// - Parameter decisions: Decisions by the conflict's id. A conflict without one stays open, as does one that is not about `key`.
  public func preview(_ decisions: [String: Decision], about conflicts: [Conflict]) async throws -> DecisionPreview? {
    guard let first = conflicts.first, first.table == "report", let key = first.key.text else { return nil }
    var changes: [String: AnswerValue?] = [:]
    var refusal: LocalizedText?
    for conflict in conflicts where conflict.key == first.key {
      guard let member = conflict.member, let decision = decisions[conflict.id] else { continue }
      switch decision {
      case .keep, .undo: break
      case .take: changes.updateValue(conflict.losing.value.text.flatMap { ReportDetail.answer($0, to: member) }, forKey: member)
      case .value(let text):
        do {
          let cell = try await typedCell(table: "report", key: key, column: conflict.column, member: member).value(typed: text)
          changes.updateValue(cell.text.flatMap { ReportDetail.answer($0, to: member) }, forKey: member)
        } catch let error as AnswerFaults { refusal = error.explanation } catch let error as SyncError { refusal = error.explanation }
      }
    }
    return try await hub.read { [shelf, changes, refusal] session -> DecisionPreview? in
      guard let report = try HubReport(key, shelf: shelf, in: session) else { return nil }
      let standing = try report.stored.standing()
      var decided = standing
      for (question, answer) in changes { decided[question] = answer }
      let (before, after) = (report.judge?.settled(standing) ?? standing, report.judge?.settled(decided) ?? decided)
      let calculated = (report.judge?.form.calculated ?? []).sorted().filter { before[$0]?.json != after[$0]?.json }
      return DecisionPreview(
        calculated: calculated.map { ($0, before[$0], after[$0]) }, before: try report.invalid(standing)?.faults ?? [],
        after: try report.invalid(decided)?.faults ?? [], refusal: refusal)
    }
  }
}

/// Open conflict about a question, with what either side would leave.
public struct AlikeConflict: Sendable {
  public var conflict: Conflict
  public var keep: DecisionPreview?
  public var take: DecisionPreview?
}

extension SurveyHub {
  /// Returns open conflicts like one of them, that one included: about the same question, by the same rule, in the reading's part
  /// of the tree. Empty when the conflict is settled, or about no question of a report.
  public func openConflicts(like id: String, in day: OperatorDay) async throws -> [Conflict] {
    let asked = try await hub.conflict(id: id)
    guard asked.table == "report", let member = asked.member, asked.isOpen else { return [] }
    var found: [Conflict] = []
    for line in day.units where line.counts.conflicts > 0 && found.count < PendingDecisions.listedMax {
      found += try await hub.openConflicts(scope: line.unit.rawValue).filter {
        $0.table == "report" && $0.member == member && $0.column == asked.column && $0.rule == asked.rule && $0.declinedUnit == nil
      }
    }
    return found.contains { $0.id == id } ? Array(found.prefix(PendingDecisions.listedMax)) : []
  }

  /// Returns the conflicts like one of them, each with what either side would leave.
  public func alike(_ id: String, in day: OperatorDay) async throws -> [AlikeConflict] {
    var alike: [AlikeConflict] = []
    for conflict in try await openConflicts(like: id, in: day) {
      alike.append(
        AlikeConflict(
          conflict: conflict, keep: try await preview([conflict.id: .keep], about: [conflict]),
          take: try await preview([conflict.id: .take], about: [conflict])))
    }
    return alike
  }
}
