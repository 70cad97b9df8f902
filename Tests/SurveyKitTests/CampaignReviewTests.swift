import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// Loading a campaign's folder into a hub that people may be at work with.
@Suite struct CampaignReviewTests {
  private static func day(_ text: String) throws -> CalendarDay { try #require(CalendarDay(text)) }

  /// A hub whose example campaign was moved so that the survey is on 2024-05-01, and whose clock shows that morning.
  private func movedWorld() async throws -> HubWorld {
    let world = try await HubWorld(loaded: false)
    let proposal = try await world.survey.proposal(try HubWorld.campaignFolder(), movedTo: try Self.day("2024-04-28"))
    #expect(proposal.changes.isEmpty && !proposal.needsConsent && proposal.replaced == nil)
    _ = try await world.survey.load(proposal)
    world.clock.set(HubWorld.morningMs + 30 * 24 * HubWorld.hourMs)
    return world
  }

  @Test func loadingAgainKeepsTheDaysWhereTheyWereMoved() async throws {
    let world = try await movedWorld()
    let before = try await world.rows("SELECT count(*), max(id) FROM hub_batch")
    let proposal = try await world.survey.proposal(try HubWorld.campaignFolder())
    #expect(proposal.changes.isEmpty && !proposal.needsConsent)
    #expect(proposal.folderFirstDay?.description == "2024-03-29")
    #expect(try await world.survey.load(proposal).isUnchanged)
    #expect(try await world.survey.requirePlan().campaign.firstDay.description == "2024-04-28")
    #expect(try await world.rows("SELECT count(*), max(id) FROM hub_batch") == before)
  }

  @Test func aCampaignOfAnEarlierProgramKeepsItsDaysToo() async throws {
    let world = try await HubWorld(loaded: false)
    _ = try await world.survey.load(try HubWorld.campaignFolder(movedTo: try Self.day("2024-04-28")))
    let proposal = try await world.survey.proposal(try HubWorld.campaignFolder())
    #expect(proposal.changes.isEmpty && proposal.content.campaign.firstDay.description == "2024-04-28")
  }

  @Test func anOpenCampaignIsChangedWithConsentOnlyAndTheDifferenceIsSaid() async throws {
    let world = try await movedWorld()
    var edited = try HubWorld.campaignFolder()
    edited.campaign.closes.day = try Self.day("2024-04-03")
    edited.campaign.title.en = "Another title"
    edited.headcount.staff["07201"]?.officials = 12
    edited.headcount.staff["07201"]?.eligible = 21
    var units = edited.tree.units
    let index = try #require(units.firstIndex { $0.code == "07204" })
    units[index].name = "Phường Khác"
    edited.tree = try UnitTree(units: units)
    let proposal = try await world.survey.proposal(edited)
    #expect(proposal.needsConsent)
    let said = proposal.changes.map(\.en)
    #expect(said.count == 4, "\(said)")
    #expect(said.contains("Closes: 2024-05-01 22:00 → 2024-05-03 22:00."))
    #expect(said.contains { $0.hasPrefix("Title: “Survey of") && $0.hasSuffix("“Another title”.") })
    #expect(said.contains { $0.hasPrefix("Units changed (1): 07204 “Phường Trần Nguyên Hãn” → “Phường Khác”") })
    #expect(said.contains("Headcounts changed (1): 07201 20 → 21."))
    // Nothing is written by looking.
    #expect(try await world.survey.requirePlan().campaign.closes.description == "2024-05-01 22:00")
    // What was agreed to is what is written: somebody else's change in between ends it.
    var other = try HubWorld.campaignFolder()
    other.campaign.graceMinutes = 60
    _ = try await world.survey.load(try await world.survey.proposal(other))
    await #expect(throws: DataProblems.self) { try await world.survey.load(proposal) }
    _ = try await world.survey.load(try await world.survey.proposal(edited))
    #expect(try await world.survey.requirePlan().campaign.closes.description == "2024-05-03 22:00")
  }

  @Test func beforeItOpensAndWithoutWorkNobodyIsAsked() async throws {
    let world = try await movedWorld()
    world.clock.set(HubWorld.morningMs)
    var edited = try HubWorld.campaignFolder()
    edited.campaign.graceMinutes = 60
    #expect(try await !world.survey.proposal(edited).needsConsent)
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<2)
    #expect(try await world.survey.proposal(edited).needsConsent, "somebody has answered")
    #expect(try await world.survey.proposal(try HubWorld.campaignFolder(), movedTo: try Self.day("2024-06-01")).needsConsent)
  }

  @Test func aSecondCampaignTakesNothingOfTheFirst() async throws {
    let world = try await HubWorld()
    let before = try await world.rows("SELECT count(*), max(id) FROM hub_batch")
    var copy = try HubWorld.campaignFolder(movedTo: try Self.day("2030-01-01"))
    copy.campaign.id = "copy"
    let second = try HubWorld.secondCampaign(movedTo: try Self.day("2024-06-01"))
    var days = second
    days.campaign.reportDays = [try Self.day("2024-03-30")]
    var province = second
    province.campaign.province.code = "25"
    for (folder, word) in [(copy, "pks01, report01"), (days, "2024-03-30"), (province, "hub init DIR")] {
      for isChosen in [false, true] {
        let problems = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(folder, isChosen: isChosen) }
        #expect(problems.count == 1 && problems[0].contains("bac-giang-2024") && problems[0].contains(word), "\(problems)")
      }
      await #expect(throws: DataProblems.self) { try await world.survey.load(folder) }
    }
    #expect(try await world.rows("SELECT count(*), max(id) FROM hub_batch") == before)
    #expect(try await world.survey.requirePlan().campaign.id == "bac-giang-2024")
  }

  @Test func aSecondCampaignIsTakenBesideAnOpenOneAndChangesNotWhichIsShown() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<3)
    var second = try HubWorld.secondCampaign(reportDays: ["2024-04-02"])
    let proposal = try await world.survey.proposal(second)
    #expect(proposal.changes.isEmpty && !proposal.needsConsent && proposal.shown == "bac-giang-2024" && proposal.replaced == nil)
    #expect(try await world.survey.load(proposal).newKeys == ["q2"])
    #expect(try await world.survey.requirePlan().campaign.id == "bac-giang-2024")
    #expect(try await world.survey.campaigns().map(\.isShown) == [true, false])
    // What a later folder changes of what both share is agreed to.
    second.headcount.staff["07201"]?.eligible = 21
    let changed = try await world.survey.proposal(second)
    #expect(changed.needsConsent && changed.busy == "second" && changed.changes.map(\.en) == ["Headcounts changed (1): 07201 20 → 21."])
    // An open campaign is left alone by the choice of another.
    #expect(try await world.survey.proposal(second, isChosen: true).replaced == "bac-giang-2024")
    #expect(try await world.survey.choose(campaign: "second"))
    #expect(try await !world.survey.choose(campaign: "second"))
    #expect(try await world.survey.requirePlan().campaign.id == "second")
    #expect(try await world.survey.requirePlan(asking: "pks01@7").campaign.id == "bac-giang-2024")
    #expect(try await world.row("07201").counts.received == 0)
    #expect(try await world.row("07201", of: "bac-giang-2024").counts.received == 2)
    try await world.sync(field)
    #expect(try await field.campaign()?.id == "second")
    let unknown = await UnitsFixture.asyncProblems { _ = try await world.survey.choose(campaign: "third") }
    #expect(unknown.count == 1 && unknown[0].contains("bac-giang-2024, second"), "\(unknown)")
    #expect(await UnitsFixture.asyncProblems { _ = try await world.survey.about(campaign: "third") } == unknown)
  }

  @Test func aCampaignThatContradictsItselfIsRefused() async throws {
    let world = try await HubWorld()
    let second = try HubWorld.secondCampaign(movedTo: try Self.day("2024-06-01"))
    for id in ["../../x", "", "khảo sát", "a b", "-x", ".x", String(repeating: "a", count: 65), "Bac-Giang-2024"] {
      var odd = second
      odd.campaign.id = id
      let problems = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(odd) }
      #expect(problems.count == 1 && problems[0].contains("“id”"), "\(id): \(problems)")
      await #expect(throws: DataProblems.self) { try await world.survey.load(odd) }
    }
    var (both, twice) = (second, second)
    both.campaign.forms.append("r2")
    twice.campaign.forms.append("q2")
    for (folder, word) in [(both, "r2"), (twice, "twice")] {
      let problems = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(folder) }
      #expect(problems.count == 1 && problems[0].contains(word), "\(problems)")
    }
    // Nor does what was signed become anonymous, or the other way round.
    var (anonymous, signed) = (try HubWorld.campaignFolder(), try HubWorld.campaignFolder())
    anonymous.campaign.forms.append("report01")
    anonymous.campaign.reportForm = "r3"
    signed.campaign.forms = []
    signed.campaign.reportForm = "pks01"
    for (folder, word) in [(anonymous, "report01"), (signed, "pks01")] {
      let problems = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(folder) }
      #expect(problems.count == 1 && problems[0].contains("form_id") && problems[0].contains(word), "\(problems)")
    }
    #expect(try await world.survey.campaigns().map(\.id) == ["bac-giang-2024"])
  }

  @Test func aHubWhoseBoardAnotherCampaignTookGoesBack() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<3)
    // An earlier program took a copy of the folder under another id, which opens later, for the campaign.
    var copy = try HubWorld.campaignFolder(movedTo: try Self.day("2030-01-01")).campaign
    copy.id = "copy"
    let definition = String(decoding: try JSONEncoder().encode(copy), as: UTF8.self)
    try await world.survey.hub.write { session in
      try session.execute("INSERT INTO campaign (id, scope, definition) VALUES ('copy', '24', ?1)", [.text(definition)])
      try session.execute("UPDATE campaign SET chosen = NULL")
    }
    #expect(try await world.survey.requirePlan().campaign.id == "copy")
    #expect(try await world.survey.proposal(try HubWorld.campaignFolder()).changes.isEmpty, "a known campaign can still be loaded")
    #expect(try await world.survey.choose(campaign: "bac-giang-2024"))
    #expect(try await world.survey.requirePlan().campaign.id == "bac-giang-2024")
    #expect(try await world.row("07201").counts.received == 2)
  }
}

extension UnitsFixture {
  static func asyncProblems(_ body: () async throws -> Void) async -> [String] {
    do {
      try await body()
      return []
    } catch let error as DataProblems {
      return error.problems.map(\.explanation.en)
    } catch {
      return ["\(error)"]
    }
  }
}
