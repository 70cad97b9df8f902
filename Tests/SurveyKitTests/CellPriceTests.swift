import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub
@testable import SyncHub

/// What the rule of small cells costs in cells that are shown, on a rehearsal's answers: the table of docs/privacy.md.
///
/// `hub rehearse Examples/bac-giang-2024 --out FOLDER`, then `SYNCKIT_REHEARSAL=FOLDER/hub swift test --filter CellPriceTests`.
@Suite struct CellPriceTests {
  private static let folder = ProcessInfo.processInfo.environment["SYNCKIT_REHEARSAL"]

  @Test(.enabled(if: folder != nil, "Asked for by SYNCKIT_REHEARSAL")) func theCellRulesPrice() async throws {
    let survey = try await SurveyHub.open(at: try #require(Self.folder))
    defer { try? survey.close() }
    let plan = try await survey.requirePlan()
    let units = try #require(ShownUnits(plan.tree))
    let thresholds = plan.campaign.thresholds
    for form in plan.campaign.forms {
      let (questions, tallies) = try await survey.hub.read { session in
        let editions = try FormEditionList(session: session, plan: plan, form: form)
        return (editions.questions, try editions.tallies())
      }
      let planner = ReleasePlanner(units: units, thresholds: thresholds)
      var columns: [String: [Disclosure: Int]] = [:]
      for pooled in questions {
        let (asked, counts) = pooled.counts(in: tallies)
        let leaves = units.leaves(asked: asked, tallies: counts)
        let answered = counts.mapValues(\.answered)
        let moment = Moment(pooled.question, leaves: leaves, answeredByUnit: answered, units: units)
        let before = Suppression(forest: units.forest, participation: moment.asked, thresholds: thresholds).disclosures(of: moment.counts)
        let cells = moment.counts.hasBands ? moment.counts.tables.reduce(0) { $0 + $1.columns.count } : 1
        func add(_ name: String, _ shown: (Int) -> Disclosure) {
          for node in units.forest.codes.indices where units.forest.isShown(node) {
            columns[name, default: [:]][shown(node), default: 0] += cells
          }
        }
        add("without the rule") { before[$0] }
        for (name, isInterim) in [("when a form closes", false), ("each day", true)] {
          let next = planner.next(
            pooled.question, leaves: leaves, answeredByUnit: answered, history: [], number: 1, isInterim: isInterim)
          add(name) { next?.shown[units.forest.codes[$0]] ?? .withheld }
        }
      }
      print("price: \(form), \(tallies.values.flatMap(\.values).reduce(0) { $0 + $1.answers }) answers, \(questions.count) questions")
      for (name, counts) in columns.sorted(by: { $0.key > $1.key }) {
        let all = counts.values.reduce(0, +)
        let shares = [Disclosure.exact, .range, .band, .withheld].map { "\($0) \(counts[$0] ?? 0)" }
        print("price: \(name): \(shares.joined(separator: ", ")) of \(all) cells")
        #expect(all > 0)
      }
    }
  }
}
