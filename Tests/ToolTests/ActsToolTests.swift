import Foundation
import SurveyKit
import SurveyKitHub
import SyncHub
import TestSupport
import Testing

/// `hub acts` and `hub codes` from outside.
@Suite(.sumsAddUp) struct ActsToolTests {
  private struct Act: Decodable {
    var kind: String
    var subject: String
    var by: String
    var reason: String
    var before: String?
    var after: String?
  }

  @Test(.long) func everyCommandThatChangesAHubIsNoted() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    func run(_ arguments: String...) async throws {
      let ended = try await HubTool.run(arguments + ["--dir", dir])
      #expect(ended.status == 0, "\(arguments): \(ended.errors)")
    }
    func acts(_ more: String...) async throws -> [Act] {
      let ended = try await HubTool.run(["acts", "--json", "--dir", dir] + more)
      return try JSONDecoder().decode([Act].self, from: Data(ended.output.utf8))
    }
    #expect(try await acts().map(\.kind) == ["campaign load", "people invite"])
    let usb = folder.path + "/usb"
    try await run("enroll", "07201", "--files", usb, "--by", "Lan", "--reason", "new phone")
    let list = try await HubTool.run(["devices", "list", "--json", "--dir", dir])
    let devices = try #require(try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]])
    let device = try #require(devices.first?["replica"] as? String)
    try await run("devices", "label", String(device.prefix(8)), "tablet 2", "--owner", "Lan")
    let labelled = try await HubTool.run(["devices", "list", "--dir", dir])
    #expect(labelled.output.contains("tablet 2 (Lan)"), "\(labelled.output)")
    try await run("devices", "revoke", String(device.prefix(8)), "--reason", "stolen")
    try await run("devices", "confirm")
    try await run("enroll", "07204")
    try await run("codes", "--expire", "07204", "--after-days", "2", "--reason", "nobody came")
    try await run("codes", "--cancel", "07204", "--reason", "lost")
    try await run("clock", "--confirm")
    try await run("photos", "--quota", "2GB")
    try await run("keys", "new")
    try await run("campaign", "headcount", "07201", "124", "--by", "Lan", "--reason", "counted again")
    try await run("campaign", "window", "--unit", "07201", "--closes", "2024-04-05 22:00", "--reason", "power cut")
    let opens = ["campaign", "window", "--unit", "07201", "--opens", "2024-04-01 06:00", "--reason", "x", "--dir", dir]
    #expect(try await HubTool.run(opens).status == 64)
    try await run("campaign", "window", "--closes", "2024-04-03 22:00", "--reason", "flood")
    try await run("forms", "publish", HubTool.campaign + "/pks01.xlsx")
    try await run("backup", folder.path)
    try await run("close", "pks01")
    try await run("close", "pks01", "--final")
    // Nothing changed, nothing is noted: the second confirmation, the same form, the final close of a form without answers.
    let all = try await acts()
    #expect(
      all.map(\.kind) == [
        "close", "backup", "campaign window", "campaign window", "campaign headcount", "keys new", "photos --quota", "clock --confirm",
        "codes cancel",
        "codes expire", "enroll", "devices revoke",
        "devices label", "enroll", "campaign load", "people invite",
      ], "\(all.map(\.kind))")
    #expect(all.allSatisfy { !$0.by.isEmpty })
    let enrolled = try #require(all.first { $0.reason == "new phone" })
    #expect(enrolled.by == "Lan" && enrolled.subject == "07201")
    let counted = try #require(all.first { $0.kind == "campaign headcount" })
    #expect(counted.by == "Lan" && counted.subject == "07201" && counted.reason == "counted again", "\(counted)")
    #expect(counted.after?.contains("124") == true && counted.before?.contains("124") == false, "\(counted)")
    let moved = try #require(all.first { $0.kind == "campaign window" })
    #expect(moved.reason == "flood" && moved.after?.contains("2024-04-03 22:00") == true && moved.before != moved.after, "\(moved)")
    let extended = try #require(all.first { $0.reason == "power cut" })
    #expect(extended.subject == "07201" && extended.before?.contains("2024-04-01 22:00") == true)
    #expect(extended.after?.contains("2024-04-05 22:00") == true, "\(extended)")
    let revoked = try await acts("--about", device)
    #expect(revoked.count == 2 && revoked[0].reason == "stolen" && revoked[0].before != revoked[0].after)
    #expect(try await acts("--limit", "3").count == 3)
    let shown = try await HubTool.run(["acts", "--dir", dir])
    #expect(shown.output.split(separator: "\n").count == 17 && shown.output.contains("revoked: 0 → 1"), "\(shown.output)")
    for limit in ["0", "1001", "-1", "many"] {
      #expect(try await HubTool.run(["acts", "--dir", dir, "--limit", limit]).status == 64)
    }
  }

  @Test(.long) func aCampaignIsClosedStepByStep() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let archive = folder.path + "/archive"
    let close = ["campaign", "close", "bac-giang-2024", "--archive", archive, "--dir", dir]
    // Nothing is changed where the archive is missing, the campaign is unknown, or nobody agreed.
    #expect(try await HubTool.run(close + ["--yes"]).status == 1)
    try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: false)
    #expect(try await HubTool.run(["campaign", "close", "nobody", "--archive", archive, "--dir", dir, "--yes"]).status == 1)
    let moved = ["campaign", "load", HubTool.campaign, "--move-to", "2100-01-01", "--yes", "--dir", dir]
    #expect(try await HubTool.run(moved).status == 0)
    let asked = try await HubTool.run(close)
    #expect(asked.status == 1 && asked.errors.contains("add --yes"), "\(asked.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: archive).isEmpty)
    struct Closing: Decodable {
      struct Key: Decodable { var id: String }
      var keysDestroyed: [String]
      var keysLeft: [Key]
    }
    func run() async throws -> Closing {
      let ended = try await HubTool.run(close + ["--yes", "--json"])
      #expect(ended.status == 0, "\(ended.errors)")
      return try JSONDecoder().decode(Closing.self, from: Data(ended.output.utf8))
    }
    let first = try await run()
    let names = try FileManager.default.contentsOfDirectory(atPath: archive)
    #expect(names.contains("bac-giang-2024-results-pks01.json") && names.contains("bac-giang-2024-status.json"))
    #expect(names.count { $0.hasSuffix(".sqlite") } == 1)
    // Nothing was ever released: no backup can hold it, and the keys go at once. Run again, nothing is left to do.
    let again = try await run()
    #expect(!first.keysDestroyed.isEmpty && first.keysLeft.isEmpty && again.keysDestroyed.isEmpty && again.keysLeft.isEmpty)
    #expect(try await HubTool.run(["acts", "--dir", dir]).output.contains("campaign close"))
    #expect(try await HubTool.run(close + ["--yes", "--reason", "over", "--erase-after", "-1"]).status == 64)
    let early = try await HubTool.run(close + ["--yes", "--reason", "over", "--erase-after", "30"])
    // Closing ended the days: they are counted from then, and not from the end that was planned.
    let isFromThen = early.output.contains("kept until 20") && !early.output.contains("2100-")
    #expect(early.status == 0 && isFromThen, "\(early.output)")
    let past = ["campaign", "load", HubTool.campaign, "--move-to", "2020-01-01", "--yes", "--dir", dir]
    #expect(try await HubTool.run(past).status == 0)
    let due = try await HubTool.run(close + ["--reason", "over", "--erase-after", "30"])
    #expect(due.status == 1 && due.errors.contains("add --yes to erase"), "\(due.errors)")
    let erased = try await HubTool.run(close + ["--yes", "--reason", "over", "--erase-after", "30"])
    #expect(erased.status == 0 && erased.output.contains("Erased 0 single answers"), "\(erased.output)")
    let lines = erased.output.split(separator: "\n")
    #expect(lines.prefix(2).allSatisfy { $0.hasPrefix("This cannot be undone:") }, "\(erased.output)")
    #expect(try await HubTool.run(["acts", "--dir", dir]).output.contains("campaign erase"))
  }

  @Test func whatCannotBeUndoneSaysSoFirst() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let closed = try await HubTool.run(["close", "pks01", "--dir", dir])
    #expect(closed.output.split(separator: "\n").first?.hasPrefix("This cannot be undone:") == true, "\(closed.output)")
  }

  /// Refuses acts that judge other people's work without a reason, by commands as by pages.
  @Test(.long) func actsThatNeedAReasonAreRefusedWithoutOne() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    #expect(try await HubTool.run(["enroll", "07204", "--dir", dir]).status == 0)
    let before = try await HubTool.run(["acts", "--dir", dir]).output
    let commands = [
      "devices restore": ["devices", "restore", "3fa20c11"], "enroll --replaces": ["enroll", "07204", "--replaces", "3fa20c11"],
      "posts --hide": ["posts", "--hide", "3fa1"], "held decline": ["held", "decline", "1-0", "--by", "x"],
    ]
    for (kind, arguments) in commands {
      #expect(ActReasons.isRequired(for: kind))
      let refused = try await HubTool.run(arguments + ["--dir", dir])
      #expect(refused.status == 64 && refused.errors.contains("--reason"), "\(arguments): \(refused.status) \(refused.errors)")
    }
    #expect(try await HubTool.run(["acts", "--dir", dir]).output == before)
    for kind in ActReasons.required {
      #expect(throws: SurveyFieldError.self, "\(kind)") { try IntendedAct(stated: kind, by: "Lan", reason: " ") }
    }
    #expect(throws: Never.self) { try IntendedAct(stated: "backup", by: "Lan", reason: "") }
  }

  /// Whatever takes answers or keys out of a hub, or brings something in, says who did it.
  @Test(.long) func filesThatLeaveOrComeAreActs() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let out = folder.path + "/out"
    for arguments in [["export", "report01", "--out", out], ["keys", "sheet", folder.path + "/keys.html"]] {
      let ended = try await HubTool.run(arguments + ["--by", "Lan", "--reason", "asked for", "--dir", dir])
      #expect(ended.status == 0, "\(ended.errors)")
    }
    let list = try await HubTool.run(["acts", "--json", "--dir", dir])
    let acts = try JSONDecoder().decode([Act].self, from: Data(list.output.utf8))
    #expect(acts.prefix(2).map(\.kind) == ["keys sheet", "export"], "\(list.output)")
    #expect(acts.prefix(2).allSatisfy { $0.by == "Lan" && $0.reason == "asked for" }, "\(list.output)")
    #expect(acts.dropFirst().first?.subject.hasPrefix("report01") == true, "\(list.output)")
  }

  @Test(.long) func tagsAreReadAsSpreadsheetsWriteThem() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let text = "unit;tag\r\n07201;đoàn\r\n07204;đoàn\r\n"
    let file = folder.path + "/tags.csv"
    let wide = try #require(text.data(using: .utf16LittleEndian))
    try (Data([0xFF, 0xFE]) + wide).write(to: URL(fileURLWithPath: file))
    let read = try await HubTool.run(["people", "tags", file, "--dir", dir])
    #expect(read.status == 0 && read.output.contains("đoàn: 2 units"), "\(read.output) \(read.errors)")
    let missing = try await HubTool.run(["people", "tags", folder.path + "/none.csv", "--dir", dir])
    #expect(missing.status == 1 && missing.errors.contains("none.csv"), "\(missing.errors)")
  }

  @Test(.long) func codesAreListedAndEnd() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    #expect(try await HubTool.run(["codes", "--dir", dir]).output.contains("There are no codes"))
    #expect(try await HubTool.run(["enroll", "07201", "--count", "2", "--dir", dir]).status == 0)
    #expect(try await HubTool.run(["enroll", "07204", "--dir", dir]).status == 0)
    let listed = try await HubTool.run(["codes", "--dir", dir, "--json"])
    let codes = try JSONDecoder().decode([EnrolmentCode].self, from: Data(listed.output.utf8))
    #expect(codes.map(\.unit) == ["07201", "07201", "07204"] && codes.allSatisfy(\.isOpen))
    let why = ["--reason", "lost", "--dir", dir]
    #expect(try await HubTool.run(["codes", "--cancel", codes[0].id] + why).output.contains("Cancelled 1 codes"))
    #expect(try await HubTool.run(["codes", "--expire", "07204", "--after-days", "3"] + why).output.contains("expire in 3 days"))
    let shown = try await HubTool.run(["codes", "--dir", dir])
    #expect(shown.output.contains("cancelled") && shown.output.contains("expires in") && shown.output.contains("unused"), "\(shown.output)")
    #expect(try await HubTool.run(["codes", "--unused", "--dir", dir]).output.split(separator: "\n").count == 3)
    #expect(try await HubTool.run(["--dir", dir]).output.contains("2 codes unused"))
    let wrong = try await HubTool.run(["codes", "--cancel", codes[0].id, "--reason", "lost", "--dir", dir])
    #expect(wrong.status == 1 && wrong.sentences.count == 1 && wrong.errors.contains("hub codes"), "\(wrong.errors)")
    #expect(try await HubTool.run(["codes", "--cancel", "07201", "--expire", "07204", "--reason", "x", "--dir", dir]).status == 64)
  }
}
