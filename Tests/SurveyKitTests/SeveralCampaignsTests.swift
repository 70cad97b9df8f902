import FormWeb
import Foundation
import GRDB
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncHub
@testable import SyncKit

/// Two campaigns of one hub, both open: each counts by itself, whichever is shown.
@Suite struct SeveralCampaignsTests {
  private static let unit = "07201"

  private func world() async throws -> HubWorld {
    let world = try await HubWorld()
    _ = try await world.survey.load(try await world.survey.proposal(try HubWorld.secondCampaign(reportDays: ["2024-04-02"])))
    return world
  }

  /// Answers of the commune's line on the board, in the sums of results and in all, by campaign.
  private func received(_ world: HubWorld) async throws -> [[Int]] {
    var received: [[Int]] = []
    for (campaign, form) in [("bac-giang-2024", "pks01"), ("second", "q2")] {
      let results = try await world.survey.results(form: form)
      received.append([
        try await world.row(Self.unit, of: campaign).counts.received,
        results.participation.first { $0.unit == UnitCode(Self.unit) }?.answers ?? -1,
        try await world.survey.about(campaign: campaign).board()?.total.counts.received ?? -1,
      ])
    }
    return received
  }

  @Test func eachCountsByItselfWhicheverIsShown() async throws {
    let world = try await world()
    let (both, other) = (try await world.device("both", unit: Self.unit), try await world.device("other", unit: "07204"))
    try await world.answer(both, unit: Self.unit, seeds: 1..<4)
    try await world.answer(both, unit: Self.unit, seeds: 1..<3, form: "q2")
    try await world.answer(other, unit: "07204", seeds: 1..<8, form: "q2")
    #expect(try await received(world) == [[3, 3, 3], [2, 2, 9]])
    for campaign in ["second", "bac-giang-2024"] {
      #expect(try await world.survey.choose(campaign: campaign))
      #expect(try await received(world) == [[3, 3, 3], [2, 2, 9]])
      #expect(try await world.survey.requirePlan().campaign.id == campaign)
    }
    // Repeated answers are none, also of the campaign that is not shown; what is released counts on.
    let form = try #require(try await both.form(id: "q2"))
    for _ in 0..<2 {
      for seed in UInt64(20)..<26 {
        let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: seed)
        try await both.submit(
          answers, unit: UnitCode(Self.unit), day: CalendarDay("2024-04-01"), language: "vi",
          id: String(repeating: "\(seed % 10)", count: 32))
      }
      try await world.sync(both)
    }
    #expect(try await received(world) == [[3, 3, 3], [8, 8, 15]])
    let status = try await world.survey.status()
    #expect(status.packetsRepeated == 6 && status.packetsReleased == 15 && status.addsUp)
  }

  @Test func whatIsNotInTheStoreYetCountsForItsCampaign() async throws {
    let world = try await world()
    let field = try await world.device("a", unit: Self.unit)
    let form = try #require(try await field.form(id: "q2"))
    try world.survey.close()
    var options = Hub.Options()
    options.spoolsPackets = true
    let survey = try await SurveyHub.open(at: world.folder.path + "/hub", clock: world.clock, options: options)
    for seed in UInt64(1)..<4 {
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: seed)
      try await survey.submit(
        AnswerSubmission(answers, unit: UnitCode(Self.unit), day: CalendarDay("2024-04-01"), language: "vi"))
    }
    func received(_ campaign: String) async throws -> Int? { try await survey.about(campaign: campaign).board()?.total.counts.received }
    for _ in 0..<2 {
      let counts = (try await received("second"), try await received("bac-giang-2024"))
      #expect(counts == (3, 0))
      try await survey.hub.flushPackets()
    }
    try survey.close()
  }

  @Test func answersUnderTheGeneralKeyCountForTheCampaignThatIsShownWhenTheyCome() async throws {
    let world = try await world()
    let field = try await world.device("earlier", unit: Self.unit)
    // As a device of an earlier program, which knows no key of a form.
    try await field.write { db in try db.execute(sql: "UPDATE sync_state SET value = x'' WHERE name = 'formKeys'") }
    try field.replica.loadDropKeys()
    func send(_ seeds: Range<UInt64>) async throws {
      let form = try #require(try await field.form(id: "pks01"))
      for seed in seeds {
        try await field.submit(
          try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: seed), unit: UnitCode(Self.unit),
          day: CalendarDay("2024-04-01"), language: "vi")
      }
      try await world.sync(field)
      try await field.write { db in try db.execute(sql: "UPDATE sync_state SET value = x'' WHERE name = 'formKeys'") }
      try field.replica.loadDropKeys()
    }
    try await send(1..<3)
    #expect(try await world.survey.hub.dropKeys().map(\.waiting) == [2, 0, 0])
    #expect(try await received(world) == [[2, 2, 2], [0, 0, 0]])
    #expect(try await world.survey.choose(campaign: "second"))
    #expect(try await received(world) == [[2, 2, 2], [0, 0, 0]])
    try await send(3..<4)
    #expect(try await received(world) == [[2, 2, 2], [1, 1, 1]])
    // Those that name their form are counted beside them.
    let newer = try await world.device("newer", unit: Self.unit)
    try await world.answer(newer, unit: Self.unit, seeds: 30..<31)
    #expect(try await received(world) == [[3, 3, 3], [1, 1, 1]])
    #expect(try await world.survey.choose(campaign: "bac-giang-2024"))
    #expect(try await received(world) == [[3, 3, 3], [1, 1, 1]])
  }

  @Test func closingOneLeavesTheOthersAnswersComing() async throws {
    let world = try await world()
    let field = try await world.device("a", unit: Self.unit)
    try await world.answer(field, unit: Self.unit, seeds: 1..<4)
    try await world.answer(field, unit: Self.unit, seeds: 1..<3, form: "q2")
    // The one that is not shown ends for good; what waits of the other stays.
    let closed = try await world.survey.closeForms(of: "second")
    #expect(closed.map(\.form) == ["q2"] && closed[0].withheldNow == 2)
    #expect(try await received(world) == [[3, 3, 3], [2, 2, 2]])
    try await world.answer(field, unit: Self.unit, seeds: 4..<7)
    let status = try await world.survey.status()
    #expect(status.packetsReleased == 6 && status.packetsWithheld == 2 && status.addsUp)
    #expect(try await received(world) == [[6, 6, 6], [2, 2, 2]])
    #expect(try await world.survey.closeForms(of: "bac-giang-2024").map(\.form) == ["pks01"])
    await #expect(throws: DataProblems.self) { try await world.survey.closeForms(of: "third") }
  }

  @Test func theDaysOfOneAreChangedAndKOfBothHolds() async throws {
    let world = try await world()
    let second = try await world.survey.about(campaign: "second")
    let later = try #require(LocalTime("2024-05-20 22:00"))
    #expect(try await second.change(window: CampaignWindow(closes: later)).count == 1)
    #expect(try await second.requirePlan().campaign.closes == later)
    #expect(try await world.survey.requirePlan().campaign.closes.description == "2024-04-01 22:00")
    let taken = await UnitsFixture.asyncProblems {
      _ = try await second.change(window: CampaignWindow(reportDaysAdded: [try #require(CalendarDay("2024-03-30"))]))
    }
    #expect(taken.count == 1 && taken[0].contains("bac-giang-2024"), "\(taken)")
    var folder = try HubWorld.secondCampaign(reportDays: ["2024-04-02"])
    folder.campaign.thresholds = Thresholds(kAnswersMin: 9)
    _ = try await world.survey.load(try await world.survey.proposal(folder))
    let field = try await world.device("a", unit: Self.unit)
    try await world.answer(field, unit: Self.unit, seeds: 1..<9)
    #expect(try await world.survey.status().packetsReleased == 0)
    try await world.answer(field, unit: Self.unit, seeds: 9..<10)
    #expect(try await world.survey.status().packetsReleased == 9)
  }

  @Test func reportsAndAlertsAreTheirCampaigns() async throws {
    let world = try await world()
    let field = try await world.device("a", unit: Self.unit)
    try await world.report(field, unit: Self.unit, day: "2024-04-01")
    try await world.answer(field, unit: Self.unit, seeds: 1..<23, form: "q2")
    let (first, second) = (
      try #require(try await world.survey.board()), try #require(try await world.survey.about(campaign: "second").board())
    )
    #expect(first.reportDay?.description == "2024-04-01" && first.total[.onTime] == 1)
    #expect(second.reportDay?.description == "2024-04-02" && second.total[.onTime] == 0)
    #expect(first.aboveHeadcount.map(\.campaign) == ["second"] && first.aboveHeadcount[0].explanation.en.contains("of “second”"))
    #expect(second.aboveHeadcount.map(\.campaign) == [nil])
    #expect(try await world.survey.status().aboveHeadcount == first.aboveHeadcount)
    // A report of the other campaign's day that contradicts its form names that campaign.
    let form = try #require(try await field.form(id: "r2"))
    _ = try await field.saveReport(
      day: try #require(CalendarDay("2024-04-02")), answers: try FieldWorld.answers(form, day: "2024-04-02", unit: Self.unit, seed: 1),
      doubt: .jumped)
    try await world.sync(field)
    #expect(try await world.survey.board()?.invalidReports.map(\.campaign) == ["second"])
    #expect(try await world.survey.about(campaign: "second").board()?.invalidReports.map(\.campaign) == [nil])
  }

  @Test func aCodeFollowsItsCampaignsDaysWhicheverIsShown() async throws {
    let world = try await world()
    let unit = UnitCode(Self.unit)
    let link = FormLink(campaign: "second", unit: unit, expires: try #require(CalendarDay("2024-04-01")))
    for _ in 0..<2 {
      let visit = try #require(try await world.survey.visit(to: unit) { link.belongs(to: $0) })
      #expect(visit.campaign.id == "second" && visit.editions.map(\.form) == ["q2"])
      _ = try await world.survey.choose(campaign: "second")
    }
    #expect(try await world.survey.visit(to: unit)?.campaign.id == "second")
    let other = try #require(try await world.survey.visit(to: unit) { $0 == "bac-giang-2024" })
    #expect(other.editions.map(\.form) == ["pks01"])
  }

  @Test func aDeviceWorksForBothAndOneOfAnEarlierProgramForTheOneThatIsShown() async throws {
    let world = try await world()
    let field = try await world.device("a", unit: Self.unit)
    #expect(try await field.campaign()?.id == "bac-giang-2024")
    #expect(try await field.campaign(asking: "r2@7")?.id == "second")
    #expect(try await field.openCampaigns().map(\.id) == ["bac-giang-2024", "second"])
    #expect(try await field.about(campaign: nil, form: "q2").campaign()?.id == "second")
    #expect(try await field.about(reportOf: try #require(CalendarDay("2024-04-02"))).campaign()?.id == "second")
    #expect(try await field.about(campaign: "second").about(reportOf: try #require(CalendarDay("2024-04-01"))).campaign()?.id == "second")
    await #expect(throws: SurveyFieldError.unknownCampaign("third", known: ["bac-giang-2024", "second"])) {
      _ = try await field.about(campaign: "third")
    }
    try await world.report(field, unit: Self.unit, day: "2024-04-02", form: "r2")
    try await world.report(field, unit: Self.unit, day: "2024-04-01")
    #expect(try await world.rows("SELECT campaign FROM report ORDER BY day") == ["bac-giang-2024", "second"])
    #expect(try await field.reports().allSatisfy { $0.invalid == nil })
    // Two days later the first one's late answers are still awaited, and after a month nothing is.
    world.clock.advance(48 * HubWorld.hourMs)
    #expect(try await field.openCampaigns().count == 2)
    world.clock.advance(30 * 24 * HubWorld.hourMs)
    #expect(try await field.openCampaigns().map(\.id) == ["bac-giang-2024"])
  }

  // MARK: A store of the program before

  /// A hub by the program that had one open campaign, and one of its devices: 3 answers to the first campaign wait in one commune and 8
  /// were released in another, then the second was chosen and 8 answers came that lie in the spool. One more is on the device.
  @Test func aHubOfTheProgramBeforeCountsOn() async throws {
    let folder = try TemporaryFolder()
    let archive = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Samples/two-campaigns.tar.gz")
    let tar = try Process.run(URL(fileURLWithPath: "/usr/bin/env"), arguments: ["tar", "-xzf", archive.path, "-C", folder.path])
    tar.waitUntilExit()
    try #require(tar.terminationStatus == 0)
    let clock = TestClock(HubWorld.morningMs + HubWorld.hourMs)
    let survey = try await SurveyHub.open(at: folder.path + "/hub", clock: clock)
    func received(_ campaign: String) async throws -> [Int?] {
      let board = try await survey.about(campaign: campaign).board()
      return ["07201", "07204"].map { unit in board?.rows.first { $0.unit == UnitCode(unit) }?.counts.received }
    }
    for _ in 0..<2 {
      #expect(try await received("bac-giang-2024") == [3, 8])
      #expect(try await received("second") == [2, 6])
      try await survey.hub.flushPackets()
    }
    let field = try SurveyField.open(at: folder.path + "/a.sqlite", clock: clock)
    _ = try await field.replica.sync(with: LocalTransport(hub: survey.hub))
    #expect(try await received("second") == [3, 6])
    // Also when the other is shown again, and the first one's rests are erased.
    #expect(try await survey.choose(campaign: "bac-giang-2024"))
    _ = try await survey.closeForms(of: "bac-giang-2024")
    #expect(try await received("bac-giang-2024") == [3, 8])
    #expect(try await received("second") == [3, 6])
    #expect(try await survey.status().addsUp)
    try survey.close()
  }
}
