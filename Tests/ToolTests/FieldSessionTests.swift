import Foundation
import GRDB
import SyncHub
import SyncKit
import TestSupport
import Testing

/// A device's day with the real `field` over real HTTP.
@Suite(.serialized, .sumsAddUp) struct FieldSessionTests {
  @Test func aDayFromEnrolmentToStatus() async throws {
    let world = try await FieldToolWorld()
    let field = world.field
    let enrolled = try await field.run(
      "enroll", try await world.code().lowercased(), "--hub", world.server.address, "--label", "front desk")
    #expect(enrolled.code == 0, "\(enrolled.err)")
    #expect(enrolled.out.contains("07201 Phường Thọ Xương, Thành phố Bắc Giang"))
    let forms = try await field.run("forms")
    #expect(forms.out.contains("pks01") && forms.out.contains("daily report"))

    try world.write(try FieldToolWorld.answersCSV(12), to: "answers.csv")
    let imported = try await field.run("import", "answers.csv")
    #expect(imported.code == 0, "\(imported.err)")
    #expect(imported.out.contains("Took 12 answers of 12 rows; refused 0."))
    #expect(!FileManager.default.fileExists(atPath: world.path + "/answers.rejects.csv"))

    let example = try await field.run("report", "--example", "--day", "2024-04-01")
    #expect(example.code == 0, "\(example.err)")
    try world.write(example.out, to: "report.json")
    let filed = try await field.run("report", "--from", "report.json")
    #expect(filed.code == 0, "\(filed.err)")
    #expect(filed.out.contains("Filed the report of 2024-04-01"))
    let again = try await field.run("report", "--from", "report.json")
    #expect(again.out.contains("says so already"))
    let changed = try await field.run("report", "--day", "2024-04-01", "--set", "reporter_role=can_bo")
    #expect(changed.code == 0 || changed.err.contains("reporter_role"))

    let list = try await field.run("list")
    #expect(list.out.contains("2024-04-01") && list.out.contains("12 collected, 12 waiting, 0 kept"))
    #expect(list.out.contains("Not reported: 2024-03-29, 2024-03-30, 2024-03-31"))
    let shown = try await field.run("show", "2024-04-01")
    #expect(shown.out.contains("Which") || shown.out.contains("Number guided"))

    let synced = try await field.run("sync")
    #expect(synced.code == 0, "\(synced.err)")
    #expect(synced.out.contains("(12 answers, 1 changes)"))
    #expect(synced.err.contains("ahead of the hub"), "the hub lives in 2024")
    let status = try await field.run("status")
    #expect(status.code == 0, "\(status.err)")
    #expect(status.out.contains("12 collected = 0 waiting + 12 kept at the hub"))
    #expect(status.out.contains("Last contact: 2024-04-08 08:00 (Asia/Ho_Chi_Minh)"))
    for zone in ["Pacific/Auckland", "America/Los_Angeles"] {
      var elsewhere = field
      elsewhere.environment = ["TZ": zone]
      #expect(try await elsewhere.run("status").out == status.out, "the host's zone shows")
    }
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["12"])
    #expect(try await world.hubRows("SELECT id FROM report") == ["07201/2024-04-01"])
    let next = try await field.run()
    #expect(next.out.split(separator: "\n").count == 3 && next.out.contains("Nothing waits"))
  }

  @Test func numbersThatDoNotAddUpAreSaidLoudly() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    #expect(try await field.run("status").code == 0)
    let queue = try DatabaseQueue(path: world.path + "/field.sqlite")
    func tamper(by difference: Int) async throws {
      try await queue.write {
        try $0.execute(sql: "UPDATE sync_state SET value = value + ? WHERE name = 'packetsMade'", arguments: [difference])
      }
    }
    try await tamper(by: 1)
    let status = try await field.run("status")
    #expect(status.code == 1)
    #expect(status.err.contains("DO NOT ADD UP"))
    #expect(try await field.run("status", "--json").object["addsUp"] as? Bool == false)
    try await tamper(by: -1)
  }

  @Test(.long) func interruptedImportKeepsWhatItTook() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(20_000), to: "answers.csv")
    let running = try field.start(["import", "answers.csv", "--json"])
    // Interrupted once the store says that something was taken, however slow the machine.
    let queue = try DatabaseQueue(path: world.path + "/field.sqlite")
    while running.process.isRunning,
      try await queue.read({ try Int.fetchOne($0, sql: "SELECT value FROM sync_state WHERE name = 'packetsMade'") ?? 0 }) == 0
    {
      try await Task.sleep(for: .milliseconds(20))
    }
    running.process.interrupt()
    let ended = await running.end()
    #expect(ended.code == 75, "\(ended.code) \(ended.err)")
    let counts = ended.object["counts"] as? [String: Any]
    #expect(counts?["isInterrupted"] as? Bool == true)
    let status = try await field.run("status", "--json")
    #expect((status.object["status"] as? [String: Any])?["packetsMade"] as? Int == counts?["accepted"] as? Int)
  }

  @Test(.long) func everyCommandSpeaksJSON() async throws {
    let world = try await FieldToolWorld()
    let field = world.field
    let enrolled = try await field.run("enroll", try await world.code(), "--hub", world.server.address, "--json")
    #expect(enrolled.object["unit"] as? String == "07201", "\(enrolled.err)")
    try world.write(try FieldToolWorld.answersCSV(3) + "broken\n", to: "answers.csv")
    let imported = try await field.run("import", "answers.csv", "--json")
    #expect(imported.code == 2)
    #expect((imported.object["counts"] as? [String: Any])?["accepted"] as? Int == 3)
    #expect((imported.object["refused"] as? [[String: Any]])?.first?["line"] as? Int == 5)
    try world.write(try await field.run("report", "--example", "--json").out, to: "report.json")
    #expect(try await field.run("report", "--from", "report.json", "--json").object["saving"] as? String == "created")
    #expect(try await field.run("forms", "--json").json is [Any])
    #expect((try await field.run("list", "--json").object["reports"] as? [Any])?.count == 1)
    #expect(try await field.run("show", "2024-04-08", "--json").object["answers"] is [String: Any])
    let synced = try await field.run("sync", "--json")
    #expect(synced.object["sentAnswers"] as? Int == 3, "\(synced.err)")
    let status = try await field.run("status", "--json")
    #expect(status.object["addsUp"] as? Bool == true)
    #expect(status.object["today"] as? String == "2024-04-08")
    #expect(try await field.run("--json").object["isEnrolled"] as? Bool == true)
  }

  @Test(.long) func refusedRowsAreKeptAndImportingAgainDoublesNothing() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let good = try FieldToolWorld.answersCSV(10)
    let duplicate = try #require(good.split(separator: "\n").last)
    let unknown = try #require(try FieldToolWorld.answersCSV(1, unit: "99999", from: 50).split(separator: "\n").last)
    try world.write(good + duplicate + "\n" + unknown + "\n" + "\"no end\n", to: "answers.csv")
    for _ in 1...2 {
      let imported = try await field.run("import", "answers.csv")
      #expect(imported.code == 2)
      #expect(imported.out.contains("Took 10 answers of 13 rows; refused 3."))
      #expect(imported.err.contains("Line 12, column response_id") && imported.err.contains("Line 13, column commune_code"))
      #expect(imported.err.contains("Line 14: a quote opens"))
      let synced = try await field.run("sync")
      #expect(synced.code == 0, "\(synced.err)")
      #expect(try await world.hubRows("SELECT count(*), count(DISTINCT id) FROM answer") == ["10 10"])
    }
    #expect(!FileManager.default.fileExists(atPath: world.path + "/answers.rejects-2.csv"))
    let rejects = world.contents("answers.rejects.csv")
    #expect(rejects.split(separator: "\n").count == 4)
    // Corrected in place, it imports as it is; what remains refused goes to a file of its own.
    try world.write(rejects.replacingOccurrences(of: "99999", with: "07201"), to: "answers.rejects.csv")
    let corrected = try await field.run("import", "answers.rejects.csv", "--json")
    #expect((corrected.object["counts"] as? [String: Any])?["accepted"] as? Int == 2, "\(corrected.err)")
    _ = try await field.run("sync")
    // Two are fewer than a lot: they come out when the form closes.
    try await world.hub.releaseEverything()
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["11"])
    let more = try await field.run("import", "answers.csv")
    #expect(more.err.contains("answers.rejects-2.csv"), "a corrected file is never overwritten")
  }

  @Test func manyRefusedRowsAreListedUpToABound() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(60, unit: "07204"), to: "answers.csv")
    let imported = try await field.run("import", "answers.csv")
    #expect(imported.code == 2)
    #expect(imported.err.contains("There are 59 more like it: lines 3, 4, 5, 6, …."))
    #expect(imported.err.split(separator: "\n").count < 5)
    #expect(world.contents("answers.rejects.csv").split(separator: "\n").count == 61)
  }

  @Test func enrolmentFileWorksWithoutANetwork() async throws {
    let world = try await FieldToolWorld()
    let bytes = try await world.hub.makeEnrolmentFile(
      scope: "07201", readScopes: ["24", "07201"], label: "x", hubAddress: world.server.address)
    try bytes.write(to: URL(fileURLWithPath: world.path + "/07201.enrolment"))
    let before = world.server.requestCount
    let enrolled = try await world.field.run("enroll", "--file", "07201.enrolment")
    #expect(enrolled.code == 0, "\(enrolled.err)")
    try world.write(try FieldToolWorld.answersCSV(5), to: "answers.csv")
    let imported = try await world.field.run("import", "answers.csv")
    #expect(imported.out.contains("Took 5"), "\(imported.err)")
    #expect(world.server.requestCount == before)
    #expect(try await world.field.run("sync").code == 0)
    try Data(bytes.dropLast(40)).write(to: URL(fileURLWithPath: world.path + "/cut.enrolment"))
    let cut = try await world.field.run("enroll", "--file", "cut.enrolment", "--store", "other.sqlite")
    #expect(cut.code == 1 && cut.err.split(separator: "\n").count == 1 && cut.err.contains("cut.enrolment is cut short"), "\(cut.err)")
  }

  @Test(.long) func twoDevicesOfOneCommuneSeeTheirConflict() async throws {
    let world = try await FieldToolWorld()
    for store in ["a.sqlite", "b.sqlite"] {
      _ = try await world.field.run("enroll", try await world.code(), "--hub", world.server.address, "--store", store)
      try world.write(try await world.field.run("report", "--example", "--store", store).out, to: "report.json")
      let number = store == "a.sqlite" ? "1" : "0"
      let filed = try await world.field.run("report", "--from", "report.json", "--set", "guided=\(number)", "--store", store)
      #expect(filed.code == 0, "\(filed.err)")
    }
    for store in ["a.sqlite", "b.sqlite", "a.sqlite"] { #expect(try await world.field.run("sync", "--store", store).code == 0) }
    let list = try await world.field.run("list", "--json", "--store", "a.sqlite")
    let id = try #require((list.object["conflicts"] as? [[String: Any]])?.first?["id"] as? String, "\(list.out)")
    let shown = try await world.field.run("show", String(id.prefix(8)), "--store", "a.sqlite")
    #expect(shown.code == 0 && shown.out.contains("Number guided") && shown.out.contains("Overridden"), "\(shown.out)\(shown.err)")
    let vietnamese = try await world.field.run("show", id, "--store", "a.sqlite", "--lang", "vi")
    #expect(vietnamese.out.contains("Số người đã được hướng dẫn"))
    #expect((try await world.field.run("show", id, "--json", "--store", "a.sqlite").object["differences"] as? [Any])?.count ?? 0 > 0)
    #expect(try await world.field.run("show", "zzzz", "--store", "a.sqlite").code == 1)
    let why = try await world.field.run("why", "report", "07201/2024-04-08", "by_question.guided", "--store", "a.sqlite")
    let apart = try await world.field.run("why", "report", "07201/2024-04-08", "by_question", "guided", "--store", "a.sqlite")
    #expect(why.code == 0 && why.out == apart.out && why.out.contains("Written by"), "\(why.out)\(why.err)")
  }

  @Test(.long) func interruptedSyncEndsCleanlyAndGoesOnLater() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(150), to: "answers.csv")
    _ = try await field.run("import", "answers.csv")
    let slow = try TinyServer.bridge(to: world.hub, delayMs: 1500)
    defer { slow.stop() }
    let running = try field.start(["sync", "--hub", slow.address])
    while slow.requestCount < 2 { try await Task.sleep(for: .milliseconds(20)) }
    running.process.interrupt()
    let ended = await running.end()
    #expect(ended.code == 75, "\(ended.code) \(ended.out) \(ended.err)")
    #expect(ended.err.contains("Stopped on request"))
    #expect(try await field.run("status").code == 0)
    let synced = try await field.run("sync")
    #expect(synced.code == 0, "\(synced.err)")
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["150"])
  }
}
