internal import Foundation
internal import GRDB
internal import SyncHub
public import SyncKit

/// What a person says is right about a conflict.
public enum Decision: Sendable, Hashable {
  /// What stands.
  case keep
  /// What was overridden.
  case take
  /// Something else, as it is typed.
  case value(String)
  /// The decision made before was wrong.
  case undo

  /// - Parameter read: Reads and judges what was typed.
  func resolution(_ read: (String) async throws -> CellValue) async throws -> Resolution {
    switch self {
    case .keep: .keepWinner
    case .take: .takeLoser
    case .undo: .undo
    case .value(let text): .write(try await read(text))
    }
  }

  /// - Throws: `SurveyFieldError.noReason`.
  static func checked(reason: String) throws -> String {
    let line = ReportChange.cleaned(reason)
    guard !line.isEmpty else { throw SurveyFieldError.noReason }
    guard line.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
    return line
  }
}

/// What a decision did.
public struct Decided: Sendable {
  /// The conflict, and what was declined together with it.
  public var conflicts: [Conflict]
  /// The report it is about, where that contradicts its form now.
  public var invalid: InvalidReport?
}

extension SurveyField {
  /// Decides about a conflict, also offline. What is typed is judged like an answer: `ReportJudge`, `TypedCell`. What an operator
  /// declined as one thing is kept or taken as one.
  ///
  /// - Throws: `AnswerFaults` with the form's messages, `SyncError` `.badRequest`, `SurveyFieldError`; nothing is written then.
  public func decide(_ id: String, _ decision: Decision, by who: String, because reason: String) async throws -> Decided {
    let reason = try Decision.checked(reason: reason)
    let conflict = try await replica.conflict(id: id)
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

extension SurveyHub {
  /// Decides about a conflict in the hub's own name; see `SurveyField.decide`.
  public func decide(_ id: String, _ decision: Decision, by who: String, because reason: String) async throws -> Decided {
    let reason = try Decision.checked(reason: reason)
    let conflict = try await hub.conflict(id: id)
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

  /// The report, where it contradicts its form.
  func invalidReport(_ key: String) async throws -> InvalidReport? {
    let shelf = shelf
    return try await hub.read { session in try HubReport(key, shelf: shelf, in: session)?.invalid() }
  }
}

/// A report at the hub with what judges it.
struct HubReport {
  var stored: StoredReport
  /// Nil when the hub does not have the edition it was filed by.
  var judge: ReportJudge?
  /// The hub has another definition under the name that it was filed by.
  private var isOfOtherDefinition = false
  private var campaign: Campaign?

  static let columns = "id, unit, day, form, edition, answers, by_question, doubt"

  init?(_ key: String, shelf: FormShelf, in session: any HubSession) throws {
    guard let row = try session.firstRow("SELECT \(Self.columns) FROM report WHERE id = ?1", [.text(key)]),
      let stored = StoredReport(row)
    else { return nil }
    self.stored = stored
    let day = stored.day.flatMap { CalendarDay($0) }
    campaign = try HubPlan.campaign(session)?.orOther(of: try HubPlan.campaigns(session), having: day)
    guard let form = stored.form else { return }
    guard let edition = try shelf.edition(form, digest: stored.edition, in: session) else {
      isOfOtherDefinition = try stored.edition != nil && shelf.edition(form, in: session) != nil
      return
    }
    judge = ReportJudge(
      edition.validator, unit: stored.unit, day: day,
      staff: try Headcount.staff(of: stored.unit, in: session))
  }

  /// What it contradicts; nil when nothing.
  func invalid() throws -> InvalidReport? {
    InvalidReport(stored, try stored.standing(), judge, isOfOtherDefinition: isOfOtherDefinition, in: campaign)
  }
}

extension Headcount {
  /// A commune's staff at the hub; nil when it is not known.
  static func staff(of unit: String, in session: any HubSession) throws -> Staff? {
    let row = try session.firstRow("SELECT officials, civil_servants, part_time, eligible FROM headcount WHERE code = ?1", [.text(unit)])
    return row.flatMap { row in
      let people = row.map { $0.integer.map { Int(clamping: $0) } }
      guard people.count == 4, let eligible = people[3] else { return nil }
      return Staff(officials: people[0] ?? 0, civilServants: people[1] ?? 0, partTime: people[2] ?? 0, eligible: eligible)
    }
  }
}

extension Conflict {
  /// The report it is about.
  fileprivate var reportKey: String? { table == "report" ? key.text : nil }

  /// The conflicts that one decision is about: what was declined as one thing is decided about as one, unless a value is typed.
  fileprivate func together(in all: [Conflict], for decision: Decision) -> [Conflict] {
    guard let declinedUnit else { return [self] }
    switch decision {
    case .value: return [self]
    case .keep, .take: return [self] + all.filter { $0.declinedUnit == declinedUnit && $0.id != id && $0.isOpen }
    case .undo: return [self] + all.filter { $0.declinedUnit == declinedUnit && $0.id != id && !$0.isOpen && $0.resolution == resolution }
    }
  }
}
