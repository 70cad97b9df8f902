internal import Foundation
public import SurveyKit
public import SyncHub

/// Shown results of one form, and how many took part.
public struct FormResults: Sendable, Codable {
  /// Form's id, for all of its editions.
  public var form: String
  public var title: LocalizedText
  /// View of the newest release, or without numbers before the first. Never below the groups under the root.
  public var view: ResultsView
  /// Participation, exact at every moment, in the tree's order.
  public var participation: [Participation]
  /// Number of the release; nil before the first.
  public var release: Int?
  /// Day of the release.
  public var releaseDay: String?
  /// True when the form was open at the release, so that counts are shown as ranges only.
  public var isInterim: Bool?
  /// Least number of people behind anything shown.
  public var kAnswersMin: Int
  /// Editions of the form whose single answers were erased; their sums stand.
  public var erased: [ErasedAnswers] = []
}

/// Reads releases of results, and the tallies from which they are made.
public enum ResultsService {
  /// Returns the newest release of a form's results, over all of its editions.
  ///
  /// - Parameters:
  ///   - campaign: Campaign; nil for the one that asks `form`, or the shown one.
  ///   - form: Form; nil for the campaign's first.
  ///   - spooled: Packets that are not in the store yet.
  /// - Throws: `SyncError` when there is no campaign or no such form.
  public static func results(
    _ session: any HubSession, of campaign: String? = nil, form: String? = nil, spooled: SpooledPackets
  ) throws -> FormResults {
    guard let plan = try HubPlan.read(session, campaign, asking: form) else { throw SurveyHub.noCampaign }
    let asked = form ?? plan.campaign.forms.first ?? ""
    // Replaces an edition by its form: every release covers all editions together.
    let name = plan.forms.first { $0.key == asked }?.form ?? asked
    guard plan.campaign.forms.contains(name), let record = plan.latest(form: name),
      let definition = try session.firstRow("SELECT definition FROM form WHERE id = ?1", [.text(record.key)])?[0].text
    else {
      let known = plan.campaign.forms.joined(separator: ", ")
      throw SyncError(
        .badRequest, vi: "Không có biểu mẫu \(name) để tổng hợp; có: \(known).",
        en: "There is no form \(name) with results; there is: \(known).")
    }
    let edition = try Form(canonicalJSON: Data(definition.utf8))
    let release = try ReleaseTable(session: session).newest(form: name)
    return FormResults(
      form: name, title: edition.title.localized, view: try release?.view ?? nothing(session, plan: plan, form: name),
      participation: Participation.table(
        tree: plan.tree, answers: try received(session, spooled, of: plan.campaign), headcount: plan.headcount),
      release: release?.number, releaseDay: release?.day, isInterim: release?.isInterim,
      kAnswersMin: plan.campaign.thresholds.kAnswersMin,
      erased: try ErasedAnswers.all(in: session).filter { $0.edition.prefix { $0 != "@" } == name })
  }

  /// Returns the questions without any released numbers.
  private static func nothing(_ session: any HubSession, plan: HubPlan, form: String) throws -> ResultsView {
    guard let units = ShownUnits(plan.tree) else { return ResultsView(units: [], questions: []) }
    let questions = try FormEditionList(session: session, plan: plan, form: form).questions
    return ReleasedView(units: units, tree: plan.tree, thresholds: plan.campaign.thresholds)
      .view(of: questions.map { ($0.question, nil) }, answers: [:], number: 0)
  }

  /// Returns what steps released of an edition, by commune, or by the code under which a remainder was stored. Never shown as it
  /// is.
  ///
  /// - Parameter form: Edition as `form@version`.
  static func tallies(_ session: any HubSession, form: String) throws -> [UnitCode: UnitTally] {
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

  /// Returns the answers at the hub by commune, including encrypted ones.
  static func received(_ session: any HubSession, _ spooled: SpooledPackets, of campaign: Campaign) throws -> [UnitCode: Int] {
    let received = try CampaignCounts(session, spooled).received(of: campaign.id).map { (UnitCode($0.key), $0.value) }
    return Dictionary(uniqueKeysWithValues: received)
  }
}

extension QuestionTally {
  /// Groups the values of a number question, which are stored like choices.
  fileprivate mutating func becomeHistogram() {
    for (choice, count) in choices {
      if let value = Int(choice) { histogram[value] = count }
    }
    choices = [:]
  }
}

extension SurveyHub {
  /// Releases today's state of every open form, in ranges, for campaigns that ask for results each day; at most once a day.
  ///
  /// - Returns: The forms that have a new release.
  public func releaseDaily() async throws -> [String] {
    let nowMs = nowMs
    return try await hub.write { session in
      let book = ReleaseTable(session: session)
      return try HubPlan.campaigns(session).filter(\.hasDailyResults).flatMap { campaign -> [String] in
        guard let plan = try HubPlan.read(session, campaign.id) else { return [] }
        let today = campaign.today(atMs: nowMs)
        return try campaign.forms.filter { form in
          guard let latest = plan.latest(form: form), latest.state != FormState.closed.rawValue,
            try book.newest(form: form)?.day != today.description
          else { return false }
          return try book.release(form: form, plan: plan, day: today, isInterim: true) != nil
        }
      }
    }
  }

  public func results(form: String? = nil) async throws -> FormResults {
    let spooled = hub.spooledPackets()
    return try await hub.read { [campaign] session in
      try ResultsService.results(session, of: campaign, form: form, spooled: spooled)
    }
  }
}
