import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub

/// A drop key for each form of a campaign.
@Suite struct FormKeyTests {
  /// The sample campaign with a second form of the same questions.
  private static func twoForms() throws -> CampaignFolder {
    var folder = try HubWorld.campaignFolder()
    let form = try #require(folder.forms.first)
    folder.campaign.forms.append("pks02")
    folder.forms.append(
      try Form(
        id: "pks02", version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
        choiceLists: form.choiceLists, items: form.items))
    return folder
  }

  private func answer(_ world: HubWorld, _ field: SurveyField, _ form: String, _ seeds: Range<UInt64>) async throws {
    let form = try #require(try await field.form(id: form))
    for seed in seeds {
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: seed)
      try await field.submit(answers, unit: "07201", day: CalendarDay("2024-04-01"), language: "vi")
    }
    try await world.sync(field)
  }

  /// Keys as `form waiting`.
  private func keys(_ world: HubWorld) async throws -> [String] {
    try await world.survey.hub.dropKeys().map { "\($0.form ?? "general") \($0.waiting)" }
  }

  @Test func loadingGivesEachFormThatPeopleAnswerAKeyOnce() async throws {
    let world = try await HubWorld(loaded: false)
    #expect(try await world.survey.load(try HubWorld.campaignFolder()).newKeys == ["pks01"])
    let first = try await world.survey.hub.dropKeys()
    #expect(first.map(\.form) == [nil, "pks01"])
    #expect(try await world.survey.load(try HubWorld.campaignFolder()).newKeys.isEmpty)
    // What is refused makes no key.
    var changed = try Self.twoForms()
    let form = changed.forms[0]
    changed.forms[0] = try Form(
      id: form.id, version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
      choiceLists: form.choiceLists, items: Array(form.items.dropLast()))
    let refused = changed
    await #expect(throws: DataProblems.self) { try await world.survey.load(refused) }
    #expect(try await world.survey.hub.dropKeys() == first)
    #expect(try await world.survey.load(try Self.twoForms()).newKeys == ["pks02"])
    #expect(try await keys(world) == ["general 0", "pks01 0", "pks02 0"])
    #expect(try await world.survey.hub.dropKeys().prefix(2) == first[...])
  }

  @Test func aFormAddedWhileTheCampaignRunsStaysWhenTheFolderIsLoadedAgain() async throws {
    let world = try await HubWorld()
    let added = try #require(try Self.twoForms().forms.last)
    #expect(try await world.survey.publish(added, isAdded: true).isAdded)
    let proposal = try await world.survey.proposal(try HubWorld.campaignFolder())
    #expect(proposal.keptForms == ["pks02"] && proposal.changes.isEmpty && !proposal.needsConsent)
    #expect(try await world.survey.load(proposal).isUnchanged)
    #expect(try await world.survey.load(try HubWorld.campaignFolder()).isUnchanged)
    #expect(try await world.survey.requirePlan().campaign.forms == ["pks01", "pks02"])
    // Other changes of the folder are taken, and the form goes on.
    var edited = try HubWorld.campaignFolder()
    edited.campaign.title.en = "Another title"
    _ = try await world.survey.load(try await world.survey.proposal(edited))
    let campaign = try await world.survey.requirePlan().campaign
    #expect(campaign.title.en == "Another title" && campaign.forms == ["pks01", "pks02"])
  }

  @Test func aFormEndsWithItsKeyAndTheOtherGoesOn() async throws {
    let world = try await HubWorld(loaded: false)
    _ = try await world.survey.load(try Self.twoForms())
    let field = try await world.device("a", unit: "07201")
    try await answer(world, field, "pks01", 1..<3)
    try await answer(world, field, "pks02", 1..<4)
    // By the web form, which asks the same function.
    let form = try #require(try await field.form(id: "pks02"))
    try await world.survey.submit(
      AnswerSubmission(
        try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: 9), unit: "07201", day: CalendarDay("2024-04-01"),
        language: "vi"))
    #expect(try await keys(world) == ["general 0", "pks01 2", "pks02 4"])
    // One answer of the first form's key that no edition fits: it would keep the key alive.
    let cells: [String: CellValue] = [
      "id": .text("x"), "unit": .text("07201"), "campaign": .text("c"), "form": .text("pks01@7"), "day": .null, "language": .text("vi"),
      "answers": .text("{}"),
    ]
    try await world.survey.hub.drop(cells, into: "answer", scope: "07201")
    let closed = try await world.survey.move(form: "pks01", to: .closed)
    #expect(closed.waiting + closed.held == 7 && closed.releasedNow == 0)
    let ended = try await world.survey.move(form: "pks01", to: .closed, isFinal: true)
    #expect(ended.withheldNow == 3 && ended.dropKeys.count == 1)
    #expect(try await keys(world) == ["general 0", "pks01 0", "pks02 4"])
    #expect(try await world.survey.status().addsUp)
    for name in ["one", "two"] { _ = try await world.survey.hub.backUp(to: world.folder.path + "/" + name) }
    let done = try await world.survey.destroyDropKey(try #require(ended.dropKeys.first), acceptsLoss: false)
    #expect(done.next == nil, "nothing is awaited of it")
    try await answer(world, field, "pks02", 4..<5)
    let status = try await world.survey.status()
    #expect(status.packetsReleased == 5 && status.packetsWithheld == 3 && status.packetsSpoiled == 0 && status.addsUp)
    #expect(try await keys(world) == ["general 0", "pks02 0"])
    // The folder loaded again: a form that is over needs none.
    #expect(try await world.survey.load(try Self.twoForms()).newKeys.isEmpty)
    // In the middle of a form its key is replaced.
    for name in ["three", "four"] { _ = try await world.survey.hub.backUp(to: world.folder.path + "/" + name) }
    let middle = try #require(try await world.survey.hub.dropKeys().last)
    let replaced = try await world.survey.destroyDropKey(middle.id, acceptsLoss: false)
    #expect(try await world.survey.hub.dropKeys().last?.id == replaced.next && replaced.next != nil)
    #expect(try await keys(world) == ["general 0", "pks02 0"])
    await #expect(throws: DataProblems.self) { try await world.survey.addDropKey(form: "report01") }
  }
}
