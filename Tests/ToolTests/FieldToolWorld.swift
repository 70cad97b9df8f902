import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import TestSupport

/// A hub with the Bắc Giang campaign behind real HTTP, and the `field` tool in a folder of its own.
final class FieldToolWorld: Sendable {
  let folder: TemporaryFolder
  private let survey: SurveyHub
  var hub: Hub { survey.hub }
  let server: TinyServer

  static let package = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// - Parameter clockMs: The hub's time; it runs from there.
  init(clockMs: UInt64 = 1_712_538_000_000, delayMs: UInt64 = 0) async throws {
    folder = try TemporaryFolder()
    let clock = TestClock(clockMs)
    survey = try await SurveyHub.create(at: folder.path + "/hub", clock: clock)
    server = try TinyServer.bridge(to: survey.hub, delayMs: delayMs)
    try FileManager.default.createDirectory(atPath: folder.path + "/device", withIntermediateDirectories: true)
    try await load()
  }

  deinit { server.stop() }

  var path: String { folder.path + "/device" }
  var field: ToolProcess { ToolProcess(name: "field", folder: path) }

  func code(_ unit: String = "07201") async throws -> String { try await hub.makeCode(scope: unit, readScopes: ["24", unit]) }

  /// The tool, enrolled over HTTP.
  func enrolled(_ unit: String = "07201") async throws -> ToolProcess {
    _ = try await field.run("enroll", try await code(unit), "--hub", server.address, "--label", "front desk")
    return field
  }

  /// Rows of a CSV file of answers for one commune: as many as asked, valid, with ids of their own.
  static func answersCSV(_ count: Int, unit: String = "07201", from first: Int = 1) throws -> String {
    let table = try CSVTable(Data(contentsOf: package.appendingPathComponent("Tests/SurveyKitTests/Fixtures/dirty.csv")))
    var lines = CSVWriter.line(table.header)
    let good = table.records.filter { $0["fault"] == "" && !$0.fields.contains { $0.contains("\n") } }
    for number in 0..<count {
      var fields = good[number % good.count].fields
      for (index, name) in table.header.enumerated() {
        if name == "response_id" { fields[index] = "r\(first + number)" }
        if name == "commune_code" { fields[index] = unit }
      }
      lines += CSVWriter.line(fields)
    }
    return lines
  }

  func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name)) }
  func contents(_ name: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path + "/" + name) ?? Data(), as: UTF8.self)
  }

  func hubRows(_ sql: String) async throws -> [String] {
    try await hub.read { session in try session.rows(sql).map { $0.map(\.shown).joined(separator: " ") } }
  }

  /// Loads another campaign's folder beside the first.
  func load(_ folder: String) async throws {
    _ = try await survey.load(try await survey.proposal(try CampaignFolder(URL(fileURLWithPath: folder))))
  }

  /// Answers that came of a campaign, by its board.
  func received(_ campaign: String) async throws -> Int? { try await survey.about(campaign: campaign).board()?.total.counts.received }

  private func load() async throws {
    let example = Self.package.appendingPathComponent("Examples/bac-giang-2024")
    let definition = try String(contentsOf: example.appendingPathComponent("campaign.json"), encoding: .utf8)
    let campaign = try Campaign(json: Data(definition.utf8))
    let communes = try CSVTable(Data(contentsOf: example.appendingPathComponent("communes.csv")))
    let districts = try CSVTable(Data(contentsOf: example.appendingPathComponent("districts.csv")))
    func rows(_ table: CSVTable) -> [SourceRow] {
      table.records.map { SourceRow(line: $0.line, fields: Dictionary(uniqueKeysWithValues: zip(table.header, $0.fields))) }
    }
    let units = try UnitLoader.load(communes: rows(communes), districts: rows(districts), province: campaign.province).units
    let forms = try ["pks01", "report01"].map { try XLSFormImport.form(folder: example.appendingPathComponent($0 + ".xlsform")) }
    try await hub.write { session in
      for unit in units {
        try session.execute(
          "INSERT INTO unit (code, scope, name, kind, level, parent) VALUES (?1, '24', ?2, ?3, ?4, ?5)",
          [
            .text(unit.code.rawValue), .text(unit.name), .text(unit.kind), .text(unit.level.rawValue),
            unit.parentCode.map { .text($0.rawValue) } ?? .null,
          ])
      }
      try session.execute("INSERT INTO campaign (id, scope, definition) VALUES (?1, '24', ?2)", [.text(campaign.id), .text(definition)])
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
}
