import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// No file of a device holds a submitted answer, or the id by which the hub will know it.
@Suite struct FieldPrivacyTests {
  private static let secret = "Khong-ai-duoc-doc-cau-nay-tren-may"
  private static let id = "0123456789abcdef0123456789abcdef"

  /// Every file of the device now, hidden and temporary ones too, by name.
  private func files(_ world: FieldWorld) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: world.folder.path) where name.hasPrefix("device") {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: world.folder.path + "/" + name))
    }
    return files
  }

  private func mode(_ path: String) throws -> Int {
    (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue ?? 0
  }

  @Test func filesOfADeviceAreItsOwnersAlone() async throws {
    let world = try await FieldWorld()
    var device = try await world.device("device", unit: "07201")
    let path = world.folder.path + "/device.sqlite"
    for name in [path, path + "-wal", path + "-shm", path + ".key"] { #expect(try mode(name) == 0o600, "\(name)") }
    let bundle = world.folder.path + "/work.skb"
    _ = try await device.post("tin")
    _ = try await device.replica.exportBundle(to: bundle)
    #expect(try mode(bundle) == 0o600)
    try device.close()
    // One that an earlier program left to everybody.
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    device = try SurveyField.open(at: path, clock: world.clock)
    #expect(try mode(path) == 0o600)
    try device.close()
    let backup = world.folder.path + "/backup.sqlite"
    _ = try await world.hub.backUp(to: backup)
    #expect(try mode(backup) == 0o600)
  }

  private func expectNothingReadable(_ world: FieldWorld, _ moment: String) throws {
    let needles =
      [Self.secret, Self.id, "g6_suggestion\":"].map { Data($0.utf8) } + [Data(hex: Self.id) ?? Data()]
    let files = try files(world)
    #expect(files.keys.contains("device.sqlite") && files.keys.contains("device.sqlite.key"))
    for (name, bytes) in files {
      for (number, needle) in needles.enumerated() where bytes.range(of: needle) != nil {
        Issue.record("\(name) holds needle \(number) \(moment)")
      }
    }
  }

  @Test(.long) func noFileOfTheDeviceHoldsASubmittedAnswerOrItsId() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("device", unit: "07201")
    let form = try Samples.form("pks01")
    let text = try #require(form.questions.first { $0.name == "g6_suggestion" && $0.kind == .text }?.name)
    let day = try await field.today()
    let replica = field.replica
    for seed in 1...30 as ClosedRange<UInt64> {
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: seed, fixed: [text: .text(Self.secret)])
      #expect(answers.values[text] == .text(Self.secret))
      try await field.submit(answers, unit: "07201", day: day, language: "vi", id: seed == 1 ? Self.id : nil)
    }
    #expect(try files(world).keys.contains("device.sqlite-wal"))
    try expectNothingReadable(world, "after submit")
    for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
      try await replica.checkpoint(mode)
      try expectNothingReadable(world, "after a \(mode) checkpoint")
    }
    _ = try await replica.sync(with: world.transport)
    try expectNothingReadable(world, "after sync")
    try await replica.checkpoint("TRUNCATE")
    try field.close()
    try expectNothingReadable(world, "after closing")
    #expect(try await world.hubRows("SELECT count(*) FROM answer WHERE id = ?1", [.text(Self.id)]) == ["1"])
  }

  @Test func aRefusedTransactionLeavesNothingReadableEither() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("device", unit: "07201")
    let form = try Samples.form("pks01")
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: "07201", seed: 1, fixed: ["g6_suggestion": .text(Self.secret)])
    let day = try await field.today()
    await #expect(throws: SyncError.self) {
      try await field.submitAll([
        AnswerSubmission(answers, unit: "07201", day: day, language: "vi", id: Self.id),
        AnswerSubmission(answers, unit: "07204", day: day, language: "vi"),
      ])
    }
    try await field.replica.checkpoint("TRUNCATE")
    try expectNothingReadable(world, "after a rollback")
  }

  @Test(.long) func importLeavesNothingReadable() async throws {
    let world = try await FieldWorld()
    world.clock.advance(7 * 86_400_000)
    let field = try await world.device("device", unit: "07327")
    let csv = try Data(contentsOf: Samples.dirty)
    let outcome = try await field.importAnswers(csv: csv, form: try Samples.form("pks01"))
    #expect(outcome.counts.accepted > 0)
    try await field.replica.checkpoint("TRUNCATE")
    let files = try files(world)
    for record in try CSVTable(csv).records where record["commune_code"] == "07327" {
      for needle in [record["response_id"], record["g6_suggestion"], record["g5_reason"]] {
        guard let needle, needle.count > 8 else { continue }
        for (name, bytes) in files where bytes.range(of: Data(needle.utf8)) != nil { Issue.record("\(name) holds line \(record.line)") }
      }
    }
  }
}
