internal import SurveyKit
internal import SyncHub

/// Report at the hub, with its judge.
struct HubReport {
  var stored: StoredReport
  /// Judge; nil when the hub does not have the edition by which it was filed.
  var judge: ReportJudge?
  /// True when the hub has another definition under the name by which it was filed.
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
    campaign = try campaign.map { try UnitWindow.campaign($0, of: UnitCode(stored.unit), in: session) }
    guard let form = stored.form else { return }
    guard let edition = try shelf.edition(form, digest: stored.edition, in: session) else {
      isOfOtherDefinition = try stored.edition != nil && shelf.edition(form, in: session) != nil
      return
    }
    judge = ReportJudge(
      edition.validator, unit: stored.unit, day: day,
      staff: try Headcount.staff(of: stored.unit, in: session))
  }

  /// Returns its contradictions; nil when there are none.
  func invalid() throws -> InvalidReport? { try invalid(try stored.standing()) }

  /// Returns the rules of its form that it would contradict with other answers.
  func invalid(_ answers: [String: AnswerValue]) throws -> InvalidReport? {
    InvalidReport(stored, answers, judge, isOfOtherDefinition: isOfOtherDefinition, in: campaign)
  }
}

extension Headcount {
  /// Returns a commune's staff at the hub; nil when unknown.
  static func staff(of unit: String, in session: any HubSession) throws -> Staff? {
    let row = try session.firstRow("SELECT officials, civil_servants, part_time, eligible FROM headcount WHERE code = ?1", [.text(unit)])
    return row.flatMap { row in
      let people = row.map { $0.integer.map { Int(clamping: $0) } }
      guard people.count == 4, let eligible = people[3] else { return nil }
      return Staff(officials: people[0] ?? 0, civilServants: people[1] ?? 0, partTime: people[2] ?? 0, eligible: eligible)
    }
  }
}
