internal import Foundation
public import SyncKit

/// What may be shown of the answers to one form, and how many took part.
public struct FormResults: Sendable, Codable {
  /// `form@version`
  public var form: String
  public var title: LocalizedText
  public var view: ResultsView
  /// Exact and live, in the tree's order.
  public var participation: [Participation]
}

/// Reads the hub's tallies and lets them out through `ResultsQuery` only.
public enum ResultsService {
  /// The results of a form's newest edition.
  ///
  /// - Parameter form: nil for the campaign's first.
  /// - Throws: `SyncError` when there is no campaign or no such form; `DataProblems` when tallies do not agree: nothing is shown then.
  public static func results(_ session: any HubSession, form: String? = nil) throws -> FormResults {
    guard let plan = try HubPlan.read(session) else { throw SurveyHub.noCampaign }
    let name = form ?? plan.campaign.forms.first ?? ""
    guard plan.campaign.forms.contains(name), let record = plan.latest(form: name),
      let definition = try session.firstRow("SELECT definition FROM form WHERE id = ?1", [.text(record.key)])?[0].text
    else {
      let known = plan.campaign.forms.joined(separator: ", ")
      throw SyncError(
        .badRequest, vi: "Không có biểu mẫu \(name) để tổng hợp; có: \(known).",
        en: "There is no form \(name) with results; there is: \(known).")
    }
    let edition = try Form(canonicalJSON: Data(definition.utf8))
    let tallies = try tallies(session, form: record.key)
    let query = try ResultsQuery(
      tree: plan.tree, tallies: tallies, questions: edition.tallyQuestions, thresholds: plan.campaign.thresholds)
    return FormResults(
      form: record.key, title: edition.title.localized, view: query.view(),
      participation: Participation.table(tree: plan.tree, answers: try received(session), headcount: plan.headcount))
  }

  /// The released answers of an edition, per commune.
  ///
  /// - Parameter form: `form@version`.
  public static func tallies(_ session: any HubSession, form: String) throws -> [UnitCode: UnitTally] {
    var tallies: [UnitCode: UnitTally] = [:]
    for row in try session.rows("SELECT unit, count FROM answer_count WHERE form = ?1", [.text(form)]) {
      if let unit = row[0].text { tallies[UnitCode(unit)] = UnitTally(answers: Int(clamping: row[1].integer ?? 0)) }
    }
    for row in try session.rows("SELECT unit, question, choice, count FROM tally WHERE form = ?1", [.text(form)]) {
      guard let unit = row[0].text, let question = row[1].text, let choice = row[2].text else { continue }
      let count = Int(clamping: row[3].integer ?? 0)
      var tally = tallies[UnitCode(unit)]?.questions[question] ?? QuestionTally(answered: 0)
      if choice == SurveyLotReceiver.answeredChoice {
        tally.answered = count
      } else {
        tally.choices[choice] = count
      }
      tallies[UnitCode(unit), default: UnitTally(answers: 0)].questions[question] = tally
    }
    guard let edition = try FormShelf().edition(form, in: session) else { return tallies }
    for question in edition.questions {
      guard case .number = question.kind else { continue }
      for unit in tallies.keys { tallies[unit]?.questions[question.id]?.becomeHistogram() }
    }
    return tallies
  }

  /// Answers at the hub per commune, those still encrypted included.
  static func received(_ session: any HubSession) throws -> [UnitCode: Int] {
    var received: [UnitCode: Int] = [:]
    let rows = try session.rows(
      "SELECT scope, released FROM hub_drop UNION ALL SELECT scope, count(*) FROM hub_packet GROUP BY scope")
    for row in rows {
      if let unit = row[0].text { received[UnitCode(unit), default: 0] += Int(clamping: row[1].integer ?? 0) }
    }
    return received
  }
}

extension QuestionTally {
  /// The values of a number question are stored like choices.
  fileprivate mutating func becomeHistogram() {
    for (choice, count) in choices {
      if let value = Int(choice) { histogram[value] = count }
    }
    choices = [:]
  }
}

extension SurveyHub {
  public func results(form: String? = nil) async throws -> FormResults {
    try await hub.read { session in try ResultsService.results(session, form: form) }
  }
}
