import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// `field` and `hub` alone say in three lines what to do next, whatever the state.
@Suite(.sumsAddUp) struct NextTests {
  /// Three lines in both languages, short enough for a terminal, that say `words`.
  private func expectThreeLines(
    _ tool: ToolProcess, _ arguments: [String] = [], _ words: String..., at place: SourceLocation = #_sourceLocation
  )
    async throws
  {
    let english = try await tool.run(arguments)
    let vietnamese = try await tool.run(arguments + ["--lang", "vi"])
    for ended in [english, vietnamese] {
      let lines = ended.out.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(ended.code == 0 && ended.err.isEmpty && lines.count == 3, "\(ended.out)\(ended.err)", sourceLocation: place)
      #expect(lines.allSatisfy { !$0.isEmpty && $0.count <= 140 }, "\(ended.out)", sourceLocation: place)
    }
    #expect(english.out != vietnamese.out && HelpTests.isVietnamese(vietnamese.out), "\(vietnamese.out)", sourceLocation: place)
    for word in words { #expect(english.out.contains(word), "\(english.out)", sourceLocation: place) }
    for command in words where command.contains("field ") || command.contains("hub ") {
      #expect(vietnamese.out.contains(command), "\(vietnamese.out)", sourceLocation: place)
    }
  }

  /// A clock that stands at a time of the campaign's zone.
  private func clock(_ text: String) throws -> [String] {
    let zone = try #require(TimeZone(identifier: "Asia/Ho_Chi_Minh"))
    let ms = try #require(LocalTime(text)).ms(in: zone)
    return ["--clock", "\(ms),\(UInt64(Date.now.timeIntervalSince1970 * 1000)),1"]
  }

  @Test(.long) func fieldInEveryState() async throws {
    let world = try await FieldToolWorld(clockMs: 1_711_638_000_000)
    let field = world.field
    try await expectThreeLines(field, [], "not enrolled", "field enroll --file")
    _ = try SurveyField.open(at: world.path + "/field.sqlite", create: true).close()
    try await expectThreeLines(field, [], "not enrolled")
    try FileManager.default.removeItem(atPath: world.path + "/field.sqlite")

    // Enrolled by a file that carries nothing: the campaign comes later.
    let file = try await world.hub.makeEnrolmentFile(scope: "07204", readScopes: ["07204"], label: "", hubAddress: "")
    try file.write(to: URL(fileURLWithPath: world.path + "/bare.enrol"))
    #expect(try await field.run("enroll", "--file", "bare.enrol", "--store", "bare.sqlite").code == 0)
    try await expectThreeLines(field, ["--store", "bare.sqlite"], "07204", "has not arrived", "field sync")

    #expect(try await field.run(["enroll", try await world.code(), "--hub", world.server.address] + clock("2024-03-28 22:00")).code == 0)
    let place = "Phường Thọ Xương, Thành phố Bắc Giang"
    try await expectThreeLines(field, clock("2024-03-28 23:00"), place, "opens 2024-04-01", "field forms", "Nothing waits")
    try await expectThreeLines(field, clock("2024-04-01 09:00"), "open until", "No report of 2024-04-01", "--day 2024-04-01")
    try world.write(try FieldToolWorld.answersCSV(1200), to: "answers.csv")
    #expect(try await field.run(["import", "answers.csv"] + clock("2024-04-01 09:30")).code == 0)
    try await expectThreeLines(field, clock("2024-04-01 09:40"), "1,200 wait to be sent", "field sync")
    #expect(try await field.run(["--lang", "vi"] + clock("2024-04-01 09:40")).out.contains("Có 1.200 mục chờ gửi"))
    for day in ["2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01"] {
      try world.write(try await field.run(["report", "--example", "--day", day] + clock("2024-04-01 10:00")).out, to: "report.json")
      let filed = try await field.run(["report", "--from", "report.json"] + clock("2024-04-01 10:00"))
      #expect(filed.code == 0, "\(filed.err)")
    }
    try await expectThreeLines(field, clock("2024-04-01 10:10"), "open until", "field import", "field list")
    try await expectThreeLines(field, clock("2026-01-01 10:00"), "closed since", "field list", "field sync")
    let json = try await field.run(["--json"] + clock("2026-01-01 10:00"))
    #expect(json.object["phase"] as? String == "closed" && (json.object["next"] as? [String])?.count == 2, "\(json.out)")
  }

  @Test(.long) func hubInEveryState() async throws {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/hub"
    let hub = ToolProcess(name: "hub", folder: folder.path, environment: ["SYNCKIT_HUB": dir])
    try await expectThreeLines(hub, [], "There is no hub", "hub init")
    #expect(try await hub.run("init").code == 0)
    try await expectThreeLines(hub, [], "has no campaign", "hub campaign load")
    #expect(try await hub.run("campaign", "load", HubTool.campaign).code == 0)
    try await expectThreeLines(hub, clock("2024-03-01 08:00"), "bac-giang-2024: opens 2024-04-01", "209 communes", "hub enroll --all")
    #expect(try await hub.run("enroll", "--all", "--file", "codes.csv").code == 0)
    try await expectThreeLines(hub, clock("2024-03-01 08:00"), "209 codes unused", "is not running", "hub serve", "hub devices list")
    let served = try await ServedHub(dir, folder)
    let board = "http://127.0.0.1:\(served.boardPort)/"
    try await expectThreeLines(hub, clock("2024-04-01 09:00"), "running at http://127.0.0.1:\(served.hubPort)", board, "hub results")
    try await expectThreeLines(hub, clock("2024-06-01 09:00"), "closed since", "hub close pks01")
    #expect(try await hub.run("--json").object["state"] as? String == "serving")
    // Killed, it cannot tidy up, and is not running all the same.
    #expect(await served.stop(with: SIGKILL) == SIGKILL)
    try await expectThreeLines(hub, clock("2024-04-01 09:00"), "is not running", "hub serve")
    #expect(try await hub.run("close", "pks01").code == 0)
    try await expectThreeLines(hub, clock("2024-06-01 09:00"), "All forms are closed", "hub results")
    try await expectThreeLines(ToolProcess(name: "hub", folder: folder.path), ["--dir", "hub"], "hub serve --dir hub")
  }
}
