import Foundation
import TestSupport
import Testing

/// `hub keys`: on paper and back, and a drop key's end.
@Suite(.sumsAddUp) struct KeysToolTests {
  private func run(_ arguments: [String]) async throws -> String {
    let ended = try await HubTool.run(arguments)
    try #require(ended.status == 0, "\(arguments): \(ended.errors)")
    return ended.output
  }

  private func refusal(_ arguments: [String]) async throws -> String {
    let ended = try await HubTool.run(arguments)
    #expect(ended.status == 1 && ended.sentences.count == 1, "\(arguments): \(ended.errors)")
    return ended.errors
  }

  private struct Key: Decodable {
    var id: String
    var form: String?
    var isCurrent: Bool
    var waiting: Int
  }

  private func keys(_ dir: String) async throws -> [Key] {
    try JSONDecoder().decode([Key].self, from: Data(try await run(["keys", "--json", "--dir", dir]).utf8))
  }

  private static let absent: Comment = "Needs zbarimg and rsvg-convert: run `make deps`."
  private static var hasReader: Bool { ToolProcess.find("zbarimg") != nil && ToolProcess.find("rsvg-convert") != nil }

  @Test(.enabled(if: hasReader, absent)) func theSheetIsReadAgainByAnOrdinaryReaderOfCodes() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let sheet = dir + "/keys/recovery-sheet.html"
    #expect((try FileManager.default.attributesOfItem(atPath: sheet)[.posixPermissions] as? Int) == 0o600)
    let page = String(decoding: try #require(FileManager.default.contents(atPath: sheet)), as: UTF8.self)
    let start = try #require(page.range(of: "<svg")?.lowerBound)
    let end = try #require(page.range(of: "</svg>")?.upperBound)
    try Data(page[start..<end].utf8).write(to: URL(fileURLWithPath: folder.path + "/code.svg"))
    let drawn = try await Tool.run(
      try #require(ToolProcess.find("rsvg-convert")), ["-o", folder.path + "/code.png", folder.path + "/code.svg"])
    #expect(drawn.status == 0, "\(drawn.errors)")
    let read = try await Tool.run(
      try #require(ToolProcess.find("zbarimg")),
      ["--nodbus", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", folder.path + "/code.png"])
    try #require(read.status == 0, "\(read.errors)")
    let rows = folder.path + "/rows.txt"
    try Data(read.output.utf8).write(to: URL(fileURLWithPath: rows))
    // The machine is gone: store from a backup, keys from paper.
    let backup = folder.path + "/backup.sqlite"
    _ = try await run(["backup", backup, "--dir", dir])
    let again = folder.path + "/again"
    _ = try await run(["restore", backup, "--dir", again, "--reason", "trial"])
    _ = try await run(["keys", "recover", rows, "--dir", again])
    #expect(try await keys(again).map(\.id) == keys(dir).map(\.id))
    #expect(try await refusal(["keys", "recover", rows, "--dir", again]).contains("not overwritten"))
    // The page itself, typed in with a slip.
    let slip = page.replacing("\nH2 ", with: "\nH2 A")
    try Data(slip.utf8).write(to: URL(fileURLWithPath: rows))
    #expect(try await refusal(["keys", "recover", rows, "--dir", folder.path + "/third"]).contains("Row H2"))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/third"))
  }

  @Test(.long) func aDropKeyEndsOnlyOnceItsAnswersAreSafe() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    #expect(try await keys(dir).map(\.form) == [nil, "pks01"])
    // Loading the campaign wrote the sheet anew: it holds the form's key.
    let printed = String(decoding: FileManager.default.contents(atPath: dir + "/keys/recovery-sheet.html") ?? Data(), as: UTF8.self)
    #expect(printed.contains("\nB1 ") && printed.contains("pks01"))
    let own = try #require(try await keys(dir).last)
    let first = try #require(try await keys(dir).first)
    #expect(try await run(["keys", "--dir", dir]).contains(first.id))
    #expect(try await refusal(["keys", "destroy", "00000000", "--reason", "over", "--dir", dir]).contains("hub keys"))
    _ = try await run(["keys", "new", "--dir", dir])
    let both = try await keys(dir).filter { $0.form == nil }
    #expect(both.count == 2 && both[0].id == first.id && !both[0].isCurrent && both[1].isCurrent)
    _ = try await run(["keys", "destroy", first.id, "--reason", "over", "--dir", dir])
    #expect(try await keys(dir).map(\.id) == [own.id, both[1].id])
    // The one in use is replaced.
    #expect(try await run(["keys", "destroy", both[1].id, "--reason", "over", "--dir", dir]).contains("in use is now"))
    #expect(try await keys(dir).count == 2)
    _ = try await run(["keys", "new", "--form", "pks01", "--dir", dir])
    #expect(try await keys(dir).filter { $0.form == "pks01" }.map(\.isCurrent) == [false, true])
    #expect(try await refusal(["keys", "new", "--form", "report01", "--dir", dir]).contains("pks01"))
    // A hub of an earlier program has no key of a form.
    for key in try await keys(dir) where key.form != nil { try FileManager.default.removeItem(atPath: "\(dir)/keys/drop-\(key.id).key") }
    let bare = try await HubTool.run(["keys", "--dir", dir])
    #expect(bare.status == 0 && bare.errors.contains("without a key of their own: pks01"))
    let sheet = folder.path + "/keys.html"
    _ = try await run(["keys", "sheet", sheet, "--dir", dir])
    #expect(String(decoding: FileManager.default.contents(atPath: sheet) ?? Data(), as: UTF8.self).contains("H7."))
  }

  /// Keys of another hub beside a restored store: whatever comes first, nothing is adopted.
  @Test(.long) func foreignKeysNeverWorkOnAStore() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let (backup, other, again) = (folder.path + "/backup.sqlite", folder.path + "/other", folder.path + "/again")
    _ = try await run(["backup", backup, "--dir", dir])
    _ = try await run(["init", other])
    _ = try await run(["restore", backup, "--dir", again, "--reason", "trial"])
    let keys = again + "/keys"
    try FileManager.default.copyItem(atPath: other + "/keys", toPath: keys)
    let serve = ["serve", "--until-input-ends", "--port", "0", "--board-port", "0"]
    for command in [serve, ["status"], ["enroll", "--all"], ["close", "pks01"], ["verify"], ["keys", "sheet", folder.path + "/s.html"]] {
      let refused = try await HubTool.run(command + ["--dir", again])
      #expect(refused.status == 1 && refused.errors.contains("the keys are of hub"), "\(command): \(refused.errors)")
    }
    try FileManager.default.removeItem(atPath: keys)
    #expect(try await refusal(["keys", "recover", other + "/keys/recovery-sheet.html", "--dir", again]).contains("the keys are of hub"))
    #expect(!FileManager.default.fileExists(atPath: keys))
    _ = try await run(["keys", "recover", dir + "/keys/recovery-sheet.html", "--dir", again])
    #expect(try await run(["status", "--dir", again]).contains("the sums agree"))
    let third = folder.path + "/third"
    try FileManager.default.createDirectory(atPath: third, withIntermediateDirectories: false)
    try FileManager.default.copyItem(atPath: other + "/keys", toPath: third + "/keys")
    #expect(try await refusal(["restore", backup, "--dir", third, "--reason", "trial"]).contains("of another hub"))
  }

  /// A sheet typed in without one drop key: the answers that need it are told, and the key can be added.
  @Test(.long) func aDropKeyThatWasNotTypedInIsNamedWithItsAnswers() async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("a")
    let csv = world.folder.path + "/answers.csv"
    try Data(try FieldToolWorld.answersCSV(3).utf8).write(to: URL(fileURLWithPath: csv))
    let imported = try await device.run("import", csv)
    try #require(imported.status == 0, "\(imported.errors)")
    _ = try await device.sync()
    await world.stop()
    let (dir, folder) = (world.dir, world.folder.path)
    let own = try #require(try await keys(dir).first { $0.form == "pks01" })
    try #require(own.waiting == 3)
    let sheet = String(decoding: FileManager.default.contents(atPath: dir + "/keys/recovery-sheet.html") ?? Data(), as: UTF8.self)
    let rows = sheet.matches(of: #/(?m)^(?:<pre>)?([A-H]\d+\.? [A-Z2-7-]+)/#).map { String($0.1) }
    try #require(rows.contains { $0.hasPrefix("B") })
    try FileManager.default.removeItem(atPath: dir + "/keys")
    func write(_ rows: [String]) throws {
      try Data(rows.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: folder + "/rows.txt"))
    }
    try write(rows.filter { !$0.hasPrefix("B") })
    let recovered = try await HubTool.run(["keys", "recover", folder + "/rows.txt", "--dir", dir])
    #expect(
      recovered.status == 2 && recovered.errors.contains("\(own.id) is missing: 3 answers"), "\(recovered.status) \(recovered.errors)")
    let status = try await HubTool.run(["status", "--dir", dir])
    #expect(status.errors.contains("\(own.id) is missing: 3 answers") && !status.output.contains("fit no edition"), "\(status.output)")
    // Typed by hand: small letters, and spaces for dashes.
    try write(rows.map { $0.lowercased().replacing("-", with: " ") })
    #expect(try await run(["keys", "recover", folder + "/rows.txt", "--dir", dir]).contains("Recovered"))
    #expect(try await keys(dir).contains { $0.id == own.id && $0.waiting == 3 })
    #expect(try await HubTool.run(["status", "--dir", dir]).errors.contains("missing") == false)
  }

  @Test func badNumbersOfDaysAreOneSentence() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    for days in ["0", "29", "-1", "99999999999"] {
      let ended = try await HubTool.run(["trim", "--older-than=\(days)", "--dir", dir])
      #expect(ended.status != 0 && !ended.errors.isEmpty)
    }
    #expect(try await run(["trim", "--dir", dir]).contains("nothing to clear"))
  }
}
