import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

@Suite struct FormsCSVImportTests {
  private func importer(_ data: Data, knownUnits: Set<String>, ownUnits: Set<String>? = nil, today: String = "2024-04-08") throws
    -> AnswersCSVImporter
  {
    try AnswersCSVImporter(
      data, form: Samples.form("pks01"), knownUnits: knownUnits, ownUnits: ownUnits, zoneOffsetMinutes: 420, today: today)
  }

  /// The generator's `fault` column is the oracle: a row is refused exactly when it is not empty.
  private func expectOracle(_ data: Data) throws {
    let table = try CSVTable(data)
    let units = Set(table.records.compactMap { $0["commune_code"] }).subtracting(["99999"])
    let faults = Dictionary(uniqueKeysWithValues: table.records.map { ($0.line, $0["fault"] ?? "") })
    var rows = 0
    var wrong: [String] = []
    for row in try importer(data, knownUnits: units) {
      rows += 1
      switch row {
      case .accepted(let row):
        if faults[row.line] != "" { wrong.append("line \(row.line) accepted in spite of \(faults[row.line] ?? "?")") }
        if row.day != "2024-04-01" { wrong.append("line \(row.line) on \(row.day)") }
      case .rejected(let row):
        let fault = faults[row.line] ?? ""
        if fault.isEmpty { wrong.append("line \(row.line) refused: \(row.explanation.en)") }
        let expected = fault == "exclusive" ? "constraint" : fault
        if row.reason.code != expected { wrong.append("line \(row.line): \(row.reason.code) instead of \(fault)") }
      }
    }
    #expect(wrong.isEmpty)
    #expect(rows == table.records.count)
    #expect(Set(faults.values).count > 4, "the sample has too few kinds of fault")
  }

  @Test func exactlyTheSpoiledRowsOfTheStoredSampleAreRefused() throws {
    try expectOracle(Data(contentsOf: Samples.dirty))
  }

  private static let generator: URL = {
    let named = ProcessInfo.processInfo.environment["SYNCKIT_DATA"].map { URL(fileURLWithPath: $0) }
    return (named ?? Samples.package.deletingLastPathComponent().appendingPathComponent("shared/data")).appendingPathComponent(
      "generate.py")
  }()

  private static let python: String? = ["/usr/bin/python3", "/usr/local/bin/python3", "/root/.pyenv/shims/python3"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  @Test(
    .long,
    .enabled(
      if: python != nil && FileManager.default.isReadableFile(atPath: generator.path),
      "needs python3 and generate.py: set SYNCKIT_DATA to the folder that holds it"))
  func exactlyTheSpoiledRowsOfTheWholeProvinceAreRefused() throws {
    let output = FileManager.default.temporaryDirectory.appendingPathComponent("dirty-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: output) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Self.python))
    process.arguments = [Self.generator.path, "responses", "--duplicates", "0.02", "--invalid", "0.01", "--out", output.path]
    process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    try expectOracle(Data(contentsOf: output))
  }

  // MARK: The envelope

  private static let header = "response_id,commune_code,form_id,form_version,language,submitted_at,received_at,fault"
  private static let small = "text,a,A?,,. != 'no',,,\nhidden,commune_code,,,,,,\ncalculate,c,,,,${commune_code},,\n"

  private func rows(
    _ lines: String, header: String = header + ",a", ownUnits: Set<String>? = nil, today: String = "2024-04-01"
  ) throws -> [String] {
    let importer = try AnswersCSVImporter(
      Data((header + "\n" + lines).utf8), form: Samples.small(Self.small).get(), knownUnits: ["07201", "07204"], ownUnits: ownUnits,
      zoneOffsetMinutes: 420, today: today)
    return importer.map { row in
      switch row {
      case .accepted(let row):
        "\(row.line) \(row.responseID) \(row.unit) \(row.day) \(row.language) \(String(decoding: row.answers.canonicalJSON, as: UTF8.self))"
      case .rejected(let row): "\(row.line) \(row.reason.code)\(row.column.map { " " + $0 } ?? "")"
      }
    }
  }

  @Test func acceptedRowCarriesItsEnvelope() throws {
    #expect(try rows("r1,07201,small,1,en,2024-03-31T18:30:00Z,,,hi\n") == [#"2 r1 07201 2024-04-01 en {"a":"hi","c":"07201"}"#])
  }

  @Test(arguments: [
    (",07201,small,1,en,2024-04-01T08:00:00+07:00,,,x", "2 bad_identifier response_id"),
    ("r 1,07201,small,1,en,2024-04-01T08:00:00+07:00,,,x", "2 bad_identifier response_id"),
    ("r1,720,small,1,en,2024-04-01T08:00:00+07:00,,,x", "2 unknown_commune commune_code"),
    ("1E+15,07201,small,1,en,2024-04-01T08:00:00+07:00,,,x", "2 bad_identifier response_id"),
    ("r1,07201,other,1,en,2024-04-01T08:00:00+07:00,,,x", "2 other_form form_id"),
    ("r1,07201,small,2,en,2024-04-01T08:00:00+07:00,,,x", "2 other_form form_version"),
    ("r1,07201,small,1,vi,2024-04-01T08:00:00+07:00,,,x", "2 unknown_language language"),
    ("r1,07201,small,1,en,1/4/2024,,,x", "2 bad_time submitted_at"),
    ("r1,07201,small,1,en,2024-04-01 8h,,,x", "2 bad_time submitted_at"),
    ("r1,07201,small,1,en,2024-04-01T25:00:00Z,,,x", "2 bad_time submitted_at"),
    ("r1,07201,small,1,en,2024-04-01T17:00:00Z,,,x", "2 future submitted_at"),
    ("r1,07201,small,1,en,2024-04-01T08:00:00Z,,,no", "2 constraint a"),
    ("r1,07201,small,1,en,2024-04-01T08:00:00Z,,x", "2 unreadable"),
  ])
  func badRowIsRefusedAtItsColumn(_ line: String, _ expected: String) throws {
    #expect(try rows(line + "\n") == [expected])
  }

  @Test func firstGoodRowOfAnIdentifierWins() throws {
    let lines = """
      r1,07201,small,1,en,2024-04-01T08:00:00Z,,,no
      r1,07201,small,1,en,2024-04-01T08:00:00Z,,,yes
      r1,07201,small,1,en,2024-04-01T08:00:00Z,,,yes

      """
    #expect(try rows(lines).map { $0.prefix(7) } == ["2 const", "3 r1 07", "4 dupli"])
  }

  @Test func faultColumnIsNotLookedAt() throws {
    #expect(try rows("r1,07201,small,1,,2024-04-01T08:00:00Z,,constraint,x\n").first?.hasPrefix("2 r1") == true)
  }

  @Test func deviceTakesRowsOfItsOwnUnitsOnly() throws {
    let lines = "r1,07201,small,1,en,2024-04-01T08:00:00Z,,,x\nr2,07204,small,1,en,2024-04-01T08:00:00Z,,,x\n"
    #expect(try rows(lines, ownUnits: ["07204"]).first == "2 foreign_commune commune_code")
    #expect(try rows(lines, ownUnits: ["07204"]).last?.hasPrefix("3 r2") == true)
  }

  @Test func fileThatCannotBeThisFormsIsRefusedAsAWhole() throws {
    let error = #expect(throws: CSVImportError.self) { try rows("", header: "response_id,b") }
    #expect(error?.problems.count == 3)
    #expect(throws: CSVImportError.self) { try rows("", header: "") }
  }

  @Test func dayIsTheCampaignsDay() {
    #expect(SubmissionTime.day(of: "2024-03-31T17:00:00Z", zoneOffsetMinutes: 420) == "2024-04-01")
    #expect(SubmissionTime.day(of: "2024-03-31T16:59:59.999Z", zoneOffsetMinutes: 420) == "2024-03-31")
    #expect(SubmissionTime.day(of: "2024-03-01T00:30:00+07:00", zoneOffsetMinutes: 0) == "2024-02-29")
    #expect(SubmissionTime.day(of: "2024-04-01T08:00:00.Z", zoneOffsetMinutes: 0) == nil)
  }
}
