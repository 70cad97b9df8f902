import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport

/// A hub that has loaded the Bắc Giang campaign, and devices of its communes, in one process.
final class FieldWorld: Sendable {
  let folder: TemporaryFolder
  let hub: Hub
  let clock: TestClock

  /// 2024-04-01 08:00 in Vietnam: the first day of the survey.
  static let morningMs: UInt64 = 1_711_933_200_000

  init() async throws {
    folder = try TemporaryFolder()
    clock = TestClock(Self.morningMs)
    let store = try SQLiteHubStore.open(
      at: folder.path + "/hub.sqlite", tables: SurveySchema.tables, migrator: SurveySchema.hubMigrator, clock: clock)
    hub = try await Hub.open(store: store, keys: try HubKeys.create(in: folder.path + "/keys"), clock: clock)
    try await load()
  }

  var transport: LocalTransport { LocalTransport(hub: hub) }

  private func load() async throws {
    let campaign = try Campaign(json: UnitsFixture.data("campaign.json"))
    let units = try UnitsFixture.bacGiang().units
    let forms = try ["pks01", "report01"].map { try Samples.form($0) }
    let definition = String(decoding: try UnitsFixture.data("campaign.json"), as: UTF8.self)
    try await hub.write { session in
      for unit in units {
        try session.execute(
          "INSERT INTO unit (code, scope, name, kind, level, parent) VALUES (?1, '24', ?2, ?3, ?4, ?5)",
          [
            .text(unit.code.rawValue), .text(unit.name), .text(unit.kind), .text(unit.level.rawValue),
            unit.parentCode.map { .text($0.rawValue) } ?? .null,
          ])
      }
      try session.execute(
        "INSERT INTO campaign (id, scope, definition) VALUES (?1, '24', ?2)", [.text(campaign.id), .text(definition)])
      for form in forms {
        try session.execute(
          "INSERT INTO form (id, scope, form, version, campaign, definition) VALUES (?1, '24', ?2, ?3, ?4, ?5)",
          [
            .text(SurveySchema.formKey(id: form.id, version: form.version)), .text(form.id), .text(form.version), .text(campaign.id),
            .text(String(decoding: form.canonicalJSON, as: UTF8.self)),
          ])
      }
    }
  }

  /// A device that is enrolled and has fetched the campaign.
  func device(_ name: String, unit: String, clock: (any WallClock)? = nil) async throws -> SurveyField {
    let field = try SurveyField.open(at: folder.path + "/\(name).sqlite", clock: clock ?? self.clock, create: true)
    try await field.enroll(code: try await hub.makeCode(scope: unit, readScopes: ["24", unit]), label: name, through: transport)
    _ = try await field.replica.sync(with: transport)
    return field
  }

  func hubRows(_ sql: String, _ arguments: [CellValue] = []) async throws -> [String] {
    try await hub.read { session in try session.rows(sql, arguments).map { $0.map(\.shown).joined(separator: " ") } }
  }

  /// Answers to `form` that it accepts, with one free text if given.
  static func answers(_ form: Form, day: String, unit: String, seed: UInt64, fixed: [String: AnswerValue] = [:]) throws -> ValidatedAnswers
  {
    var fixed = fixed
    for question in form.questions where question.kind == .hidden { fixed[question.name] = .text(unit) }
    return try AnswerGenerator(form: form, day: day).answers(seed: seed, fixed: fixed)
  }
}
