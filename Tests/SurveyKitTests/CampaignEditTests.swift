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

  @Test func aCampaignThatIsClosedIsOverForEverybody() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    let late = try await world.device("late", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<3)
    _ = try await world.survey.closeForms(of: "bac-giang-2024")
    let stored = try #require(try await world.survey.plan()).campaign
    #expect(stored.phase(atMs: Int64(HubWorld.morningMs)) == .closed && stored.reportDays.last?.description == "2024-04-01")
    let later = try #require(LocalTime("2024-05-20 22:00"))
    await #expect(throws: DataProblems.self) { try await world.survey.change(window: CampaignWindow(closes: later)) }
    // Keys go, and an answer that was encrypted before comes after: it does not wait for ever.
    for _ in 0..<2 {
      _ = try await world.survey.hub.backUp(to: world.folder.path + "/\(UInt64.random(in: 0 ... .max)).sqlite", withBlobs: false) { _, _ in
      }
    }
    #expect(try await world.survey.destroyKeys(of: "bac-giang-2024", acceptsLoss: true).destroyed.count == 1)
    // The folder of the keys remembers it for a store that is restored from before.
    try await world.survey.hub.write { try $0.execute("DELETE FROM hub_drop_key") }
    try await world.answer(late, unit: "07201", seeds: 7..<8)
    #expect(try await world.survey.status().packetsHeld == 0)
    _ = try await world.survey.closeForms(of: "bac-giang-2024")
    let status = try await world.survey.status()
    #expect(status.packetsWaiting == 0 && status.packetsWithheld == 3, "\(status)")
    try await world.sync(field)
    #expect(try await field.campaign()?.phase(atMs: Int64(HubWorld.morningMs)) == .closed)
  }

  @Test func aVersionOrAReportThatIsAMistakeIsRefused() async throws {
    let world = try await HubWorld()
    let (questions, report) = (try Samples.form("pks01"), try Samples.form("report01"))
    func edition(of form: Form, id: String, version: String) throws -> Form {
      try Form(
        id: id, version: version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
        choiceLists: form.choiceLists, items: form.items)
    }
    let typing = try edition(of: questions, id: "pks01", version: "99999999999999999999999")
    #expect(await UnitsFixture.asyncProblems { _ = try await world.survey.publish(typing) }.map { $0.contains("digits") } == [true])
    let foreign = try edition(of: questions, id: "report01", version: report.version + "9")
    #expect(await UnitsFixture.asyncProblems { _ = try await world.survey.publish(foreign) }.map { $0.contains("form_id") } == [true])
    #expect(try await world.rows("SELECT count(*) FROM form") == ["2"])
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
