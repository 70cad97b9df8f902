import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncHub

/// Days and headcounts are changed at the hub by acts of their own.
@Suite struct CampaignEditTests {
  @Test func daysMoveForEverybodyAndBack() async throws {
    let world = try await HubWorld()
    let chair = try await world.device("chair", unit: "07201")
    try await world.sync(chair)
    func stored() async throws -> Campaign { try #require(try await world.survey.plan()).campaign }
    let old = try await stored()
    let later = try #require(LocalTime("2024-05-20 22:00"))
    let day = try #require(CalendarDay("2024-05-18"))
    #expect(!old.reportDays.contains(day) && old.closes < later)
    let act = try IntendedAct("campaign window", by: "Lan", reason: "flood", look: ActLook.campaigns)
    let changes = try await world.survey.hub.acting(act) {
      try await world.survey.change(window: CampaignWindow(closes: later, reportDaysAdded: [day]))
    }
    #expect(changes.count == 2 && changes[0].en == "Closes: \(old.closes) → 2024-05-20 22:00.")
    var new = old
    (new.closes, new.reportDays) = (later, old.reportDays + [day])
    #expect(try await stored() == new)
    try await world.sync(chair)
    #expect(try await chair.campaign() == new)
    // What stands so already is no change, and no act.
    #expect(try await world.survey.change(window: CampaignWindow(closes: later, reportDaysAdded: [day])).isEmpty)
    let noted = try #require(try await world.survey.hub.acts(limit: 5).first)
    #expect(noted.reason == "flood" && noted.before != noted.after)
    // A campaign does not close before it opens.
    await #expect(throws: DataProblems.self) { try await world.survey.change(window: CampaignWindow(closes: old.opens)) }
    #expect(try await stored() == new)
    #expect(try await world.survey.change(window: CampaignWindow(closes: old.closes)).count == 1)
    #expect(try await stored().closes == old.closes)
  }

  @Test func aHeadcountIsWhatTheBoardExpects() async throws {
    let world = try await HubWorld()
    func expected() async throws -> Int? { try await world.survey.board()?.rows.first { $0.unit == "07201" }?.counts.expected }
    let before = try #require(try await expected())
    #expect(try await world.survey.change(headcount: before + 7, of: "07201") == before)
    #expect(try await expected() == before + 7)
    for (unit, people) in [("07201", -1), ("07201", Int.max), ("24", 5), ("99999", 5), ("'", 5)] {
      await #expect(throws: DataProblems.self) { try await world.survey.change(headcount: people, of: UnitCode(unit)) }
    }
    #expect(try await expected() == before + 7)
  }
}
