import Foundation
import SurveyKit
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

  /// The example with other names for what a second campaign may not share, in the next month.
  private static func second() throws -> CampaignFolder {
    var folder = try HubWorld.campaignFolder(movedTo: try day("2024-06-01"))
    folder.campaign.id = "second"
    folder.campaign.forms = ["q2"]
    folder.campaign.reportForm = "r2"
    folder.forms = try zip(folder.forms, ["q2", "r2"]).map { form, id in
      try Form(
        id: id, version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
        choiceLists: form.choiceLists, items: form.items)
    }
    return folder
  }

  @Test func aSecondCampaignChangesNothingUnasked() async throws {
    let world = try await HubWorld()
    let before = try await world.rows("SELECT count(*), max(id) FROM hub_batch")
    var copy = try HubWorld.campaignFolder(movedTo: try Self.day("2030-01-01"))
    copy.campaign.id = "copy"
    let second = try Self.second()
    for folder in [copy, second] {
      let problems = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(folder) }
      #expect(problems.count == 1 && problems[0].contains("bac-giang-2024") && problems[0].contains("--use"), "\(problems)")
      await #expect(throws: DataProblems.self) { try await world.survey.load(folder) }
    }
    // Chosen, it may not take what is another's: forms, report days, another province.
    let forms = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(copy, isChosen: true) }
    #expect(forms.count == 1 && forms[0].contains("pks01, report01"), "\(forms)")
    var days = second
    days.campaign.reportDays = [try Self.day("2024-03-30")]
    var province = second
    province.campaign.province.code = "25"
    for (folder, word) in [(days, "2024-03-30"), (province, "hub init DIR")] {
      let problems = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(folder, isChosen: true) }
      #expect(problems.count == 1 && problems[0].contains(word), "\(problems)")
    }
    #expect(try await world.rows("SELECT count(*), max(id) FROM hub_batch") == before)
    #expect(try await world.survey.requirePlan().campaign.id == "bac-giang-2024")
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

  @Test func aSecondCampaignIsShownOnceTheFirstIsOverAndCountsByItself() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<7)
    try await world.report(field, unit: "07201", day: "2024-04-01")
    let second = try Self.second()
    let refused = await UnitsFixture.asyncProblems { _ = try await world.survey.proposal(second, isChosen: true) }
    #expect(refused.count == 1 && refused[0].contains("hub close pks01"), "\(refused)")
    _ = try await world.survey.move(form: "pks01", to: .closed)
    let proposal = try await world.survey.proposal(second, isChosen: true)
    #expect(proposal.replaced == "bac-giang-2024" && proposal.needsConsent)
    _ = try await world.survey.load(proposal)
    #expect(try await world.survey.requirePlan().campaign.id == "second")
    #expect(try await world.row("07201").counts.received == 0)
    #expect(try await world.survey.board()?.invalidReports == [], "a report of the first campaign's day contradicts nothing")
    try await world.sync(field)
    #expect(try await field.campaign()?.id == "second")
    #expect(try await field.reports().allSatisfy { $0.invalid == nil })
    world.clock.set(HubWorld.morningMs + 64 * 24 * HubWorld.hourMs)
    let form = try #require(try await field.form(id: "q2"))
    try await field.submit(
      try FieldWorld.answers(form, day: "2024-06-04", unit: "07201", seed: 9), unit: "07201", day: try Self.day("2024-06-04"),
      language: "vi")
    try await world.sync(field)
    #expect(try await world.row("07201").counts.received == 1)
    // Back, and forth again.
    await #expect(throws: DataProblems.self) { try await world.survey.choose(campaign: "bac-giang-2024") }
    _ = try await world.survey.move(form: "q2", to: .closed)
    #expect(try await world.survey.choose(campaign: "bac-giang-2024"))
    #expect(try await !world.survey.choose(campaign: "bac-giang-2024"))
    #expect(try await world.row("07201").counts.received == 6)
    #expect(try await world.survey.choose(campaign: "second"))
    #expect(try await world.row("07201").counts.received == 1)
    #expect(try await world.survey.campaigns().map(\.isShown) == [false, true])
    await #expect(throws: DataProblems.self) { try await world.survey.choose(campaign: "third") }
    #expect(try await world.survey.status().addsUp)
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
