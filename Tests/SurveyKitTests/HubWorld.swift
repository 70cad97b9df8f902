import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// A hub in its folder with the Bắc Giang campaign loaded by its own loader, and devices that talk the whole protocol to it.
final class HubWorld: Sendable {
  let folder: TemporaryFolder
  let survey: SurveyHub
  let clock: TestClock

  /// 2024-04-01 08:00 in Vietnam: the day of the survey.
  static let morningMs: UInt64 = 1_711_933_200_000
  static let hourMs: UInt64 = 3_600_000

  init(loaded: Bool = true) async throws {
    folder = try TemporaryFolder()
    clock = TestClock(Self.morningMs)
    survey = try await SurveyHub.create(at: folder.path + "/hub", clock: clock)
    if loaded { _ = try await survey.load(try Self.campaignFolder()) }
  }

  static func campaignFolder(movedTo day: CalendarDay? = nil) throws -> CampaignFolder {
    try CampaignFolder(UnitsFixture.example, movedTo: day)
  }

  /// The example with other names for what a second campaign may not share.
  ///
  /// - Parameter reportDays: nil for those of the example, moved.
  static func secondCampaign(movedTo day: CalendarDay? = nil, reportDays: [String]? = nil) throws -> CampaignFolder {
    var folder = try campaignFolder(movedTo: day)
    folder.campaign.id = "second"
    folder.campaign.forms = ["q2"]
    folder.campaign.reportForm = "r2"
    if let reportDays { folder.campaign.reportDays = reportDays.compactMap { CalendarDay($0) } }
    folder.forms = try zip(folder.forms, ["q2", "r2"]).map { form, id in
      try Form(
        id: id, version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
        choiceLists: form.choiceLists, items: form.items)
    }
    return folder
  }

  var transport: LocalTransport { LocalTransport(hub: survey.hub) }

  func device(_ name: String, unit: String, clock: (any WallClock)? = nil) async throws -> SurveyField {
    let scopes = try await survey.requirePlan().readScopes(of: UnitCode(unit))
    let field = try SurveyField.open(at: folder.path + "/\(name).sqlite", clock: clock ?? self.clock, create: true)
    try await field.enroll(code: try await survey.hub.makeCode(scope: unit, readScopes: scopes), label: name, through: transport)
    try await sync(field)
    return field
  }

  func sync(_ field: SurveyField) async throws { _ = try await field.replica.sync(with: transport) }

  /// Collects answers on a device and sends them.
  func answer(_ field: SurveyField, unit: String, seeds: Range<UInt64>, form id: String = "pks01") async throws {
    let form = try #require(try await field.form(id: id))
    let day = try await field.today()
    for seed in seeds {
      let answers = try FieldWorld.answers(form, day: day.description, unit: unit, seed: seed)
      try await field.submit(answers, unit: UnitCode(unit), day: day, language: "vi")
    }
    try await sync(field)
  }

  func report(_ field: SurveyField, unit: String, day: String, seed: UInt64 = 1, form id: String = "report01") async throws {
    let form = try #require(try await field.form(id: id))
    let answers = try FieldWorld.answers(form, day: day, unit: unit, seed: seed)
    _ = try await field.saveReport(day: try #require(CalendarDay(day)), answers: answers, reason: "test")
    try await sync(field)
  }

  func rows(_ sql: String, _ arguments: [CellValue] = []) async throws -> [String] {
    try await survey.hub.read { session in try session.rows(sql, arguments).map { $0.map(\.shown).joined(separator: " ") } }
  }

  func row(_ unit: String, of campaign: String? = nil) async throws -> BoardRow {
    let board = try #require(try await survey.about(campaign: campaign).board())
    return try #require(board.rows.first { $0.unit == UnitCode(unit) })
  }
}
