import SurveyKit
import SurveyKitHub
import Testing

/// Finds one state a unit, the first that fits, from facts alone.
@Suite struct UnitStateTests {
  private static let hour: Int64 = 3_600_000
  private static let opens: Int64 = 1_000 * hour

  /// Facts of a unit in the middle of an open window that is in order: 12 of 24 answers where 11 are expected, contact an hour ago.
  private static func facts(
    _ phase: CampaignPhase = .open, hoursSinceOpening: Int64 = 7, _ change: (inout UnitFacts) -> Void = { _ in }
  ) -> UnitFacts {
    var facts = UnitFacts(phase: phase, nowMs: opens + hoursSinceOpening * hour, opensMs: opens)
    facts.contactMs = facts.nowMs - hour
    (facts.received, facts.target, facts.expected) = (12, 24, 11)
    change(&facts)
    return facts
  }

  private static let cases: [(why: String, facts: UnitFacts, state: UnitState)] = [
    ("in order", facts(), .onTheWay),
    ("no contact and no answer", facts { ($0.contactMs, $0.received) = (nil, 0) }, .neverInContact),
    ("the same goes before device trouble", facts { ($0.contactMs, $0.received, $0.troubles) = (nil, 0, [.stuck]) }, .neverInContact),
    (
      "the same 25 h before the opening",
      facts(.notYetOpen, hoursSinceOpening: -25) { ($0.contactMs, $0.received, $0.expected) = (nil, 0, 0) }, .nothingDue
    ),
    (
      "the same 23 h before the opening",
      facts(.notYetOpen, hoursSinceOpening: -23) { ($0.contactMs, $0.received, $0.expected) = (nil, 0, 0) }, .neverInContact
    ),
    (
      "before the opening all else is quiet",
      facts(.notYetOpen, hoursSinceOpening: -2) {
        ($0.received, $0.expected, $0.reportDueMs, $0.troubles) = (0, 0, opens - hour, [.stuck])
      },
      .nothingDue
    ),
    ("behind, contact 3 h ago", facts { ($0.received, $0.contactMs) = (10, $0.nowMs - 3 * hour) }, .onTheWay),
    ("behind, contact longer ago", facts { ($0.received, $0.contactMs) = (10, $0.nowMs - 3 * hour - 1) }, .silent),
    ("not behind, no contact for long", facts { $0.contactMs = $0.nowMs - 9 * hour }, .onTheWay),
    ("web answers only, half of those expected", facts { ($0.contactMs, $0.received) = (nil, 6) }, .onTheWay),
    ("web answers only, under half", facts { ($0.contactMs, $0.received) = (nil, 5) }, .silent),
    (
      "silence goes before device trouble", facts { ($0.received, $0.contactMs, $0.troubles) = (10, $0.nowMs - 4 * hour, [.stuck]) },
      .silent
    ),
    ("device trouble", facts { $0.troubles = [.clock(ms: 700_000)] }, .deviceTrouble),
    ("device trouble goes before being late", facts { ($0.troubles, $0.reportDueMs) = ([.differs], $0.nowMs - hour) }, .deviceTrouble),
    ("a report is overdue", facts { $0.reportDueMs = $0.nowMs - hour }, .late),
    ("photos are missing for a day", facts { $0.photosOverdue = 1 }, .late),
    ("under half of what is expected, in contact", facts { $0.received = 5 }, .late),
    ("all people answered, today's report is open", facts { ($0.received, $0.isReportOpen) = (24, true) }, .onTheWay),
    ("all people answered", facts { $0.received = 24 }, .complete),
    ("more answers than people", facts { $0.received = 30 }, .complete),
    ("no headcount, some answers", facts { ($0.target, $0.expected) = (nil, 0) }, .complete),
    ("nobody to ask", facts { ($0.target, $0.expected, $0.received, $0.isReportOpen) = (0, 0, 0, true) }, .nothingDue),
    (
      "in grace nobody is silent", facts(.grace, hoursSinceOpening: 20) { ($0.received, $0.contactMs) = (10, $0.nowMs - 9 * hour) },
      .onTheWay
    ),
    ("closed, reports in", facts(.closed, hoursSinceOpening: 200), .complete),
    ("closed, a report missing", facts(.closed, hoursSinceOpening: 200) { $0.reportDueMs = $0.nowMs - hour }, .late),
    ("closed, never there, nothing due", facts(.closed, hoursSinceOpening: 200) { ($0.contactMs, $0.received) = (nil, 0) }, .nothingDue),
  ]

  @Test(arguments: cases.indices) func theFirstStateThatFitsIsTheOne(_ index: Int) {
    let (why, facts, state) = Self.cases[index]
    #expect(facts.standing.state == state, "\(why)")
  }

  @Test func everyStateIsReachedAndOrderedByUrgency() {
    #expect(Set(Self.cases.map(\.state)) == Set(UnitState.allCases))
    #expect(UnitState.allCases.sorted() == UnitState.allCases)
    #expect(UnitState.allCases.filter(\.needsCall) == [.neverInContact, .silent, .deviceTrouble])
    #expect(UnitState.allCases.filter(\.needsAct) == [.neverInContact, .silent, .deviceTrouble, .late])
  }

  @Test func aStateSaysSinceWhen() {
    let silent = Self.facts { ($0.received, $0.contactMs) = (0, $0.nowMs - 8 * Self.hour) }
    #expect(silent.standing.sinceMs == silent.contactMs)
    let late = Self.facts { $0.reportDueMs = $0.nowMs - Self.hour }
    #expect(late.standing.sinceMs == late.reportDueMs)
    #expect(Self.facts { ($0.contactMs, $0.received) = (nil, 0) }.standing.sinceMs == nil)
  }

  // MARK: What is expected

  private static func expectation(_ counts: [(received: Int, target: Int)], hours: Int64) -> DayExpectation {
    DayExpectation(counts, opensMs: opens, closesMs: opens + 15 * hour, nowMs: opens + hours * hour)
  }

  @Test func theLargerOfMedianAndHalfOfWhatHasPassedIsExpected() {
    // A third of the window: half of it is a sixth.
    let slow = Self.expectation([(0, 20), (1, 20), (1, 20)], hours: 5)
    #expect(slow.medianPermille == 50 && slow.passedPermille == 333 && slow.sharePermille == 166)
    #expect(slow.answers(of: 24) == 3 && slow.answers(of: nil) == 0 && slow.answers(of: 0) == 0)
    let fast = Self.expectation([(2, 20), (12, 20), (20, 20), (40, 20), (5, 0)], hours: 5)
    #expect(fast.medianPermille == 600 && fast.answers(of: 20) == 12)
  }

  @Test func nothingIsExpectedBeforeTheOpeningAndAllCountsAtTheEnd() {
    #expect(Self.expectation([(9, 10)], hours: -1).sharePermille == 0)
    #expect(Self.expectation([(0, 10)], hours: 0).sharePermille == 0)
    #expect(Self.expectation([(0, 10)], hours: 90).sharePermille == 500)
    #expect(Self.expectation([], hours: 90).answers(of: 10) == 5)
    // No count that a hub can hold overflows.
    #expect(Self.expectation([(.max, .max), (-5, 7)], hours: 7).sharePermille <= 1000)
    #expect(Self.expectation([(9, 10)], hours: 15).answers(of: .max) == .max)
  }
}
