import Foundation
import GRDB
import SyncKit
import TestSupport
import Testing

/// The whole thing at once: a hub process, devices over HTTP, separate field processes, kills, cuts, and the proof.
@Suite(.serialized, .long) struct RehearsalTests {
  struct Summary: Decodable {
    struct Proof: Decodable {
      var expectedAnswers: Int
      var foundAnswers: Int
      /// Sealed at the hub to protect people: a proof that holds has no others.
      var missing: [String]
    }
    var communes: Int
    var late: Int
    var silent: Int
    var answers: Int
    var webAnswers: Int
    var conflicts: Int
    var held: Int
    var hubKills: Int
    var hubKillsInMerge: Int
    var fieldKills: Int
    var linkCuts: Int
    var proof: Proof
  }

  static let campaign = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Examples/bac-giang-2024").path

  private func rehearse(_ folder: TemporaryFolder, _ arguments: [String]) async throws -> Summary {
    let ended = try await Tool.hub(["rehearse", Self.campaign, "--out", folder.path + "/r", "--json", "--speed", "1000000"] + arguments)
    try #require(ended.status == 0, "\(ended.errors)\n\(ended.output)")
    return try JSONDecoder().decode(Summary.self, from: Data(ended.output.utf8))
  }

  @Test func theHubKilledAtTwentyMomentsAndFieldProcessesTooLoseNothing() async throws {
    let folder = try TemporaryFolder()
    let summary = try await rehearse(folder, ["--communes", "30", "--kill-hub", "20", "--kill-field", "6", "--seed", "3"])
    #expect(summary.hubKills == 20)
    #expect(summary.hubKillsInMerge >= 5)
    #expect(summary.fieldKills >= 1)
    #expect(summary.answers + summary.proof.missing.count == summary.proof.expectedAnswers && summary.answers > 300)
    #expect(summary.webAnswers * 20 > summary.answers)
    #expect(summary.held == 0)
    print("kill -9: hub \(summary.hubKills), in a merge \(summary.hubKillsInMerge), field \(summary.fieldKills)")
  }

  @Test func aPoorLinkLateAndSilentCommunesAndAConflict() async throws {
    let folder = try TemporaryFolder()
    let summary = try await rehearse(folder, ["--communes", "12", "--link", "poor", "--seed", "5"])
    #expect(summary.linkCuts > 0)
    #expect(summary.silent >= 1 && summary.late >= 1)
    #expect(summary.conflicts >= 1)
    #expect(summary.webAnswers >= 5)
    try await proofFailsWhenTheStoreIsTamperedWith(folder.path + "/r")
    try nothingReadableWhereItShouldNotBe(folder.path + "/r")
  }

  /// Every trouble on demand, an operator who acts on each, and a proof before and after.
  @Test func theProofHoldsAfterOperatorsActedOnEveryTrouble() async throws {
    let folder = try TemporaryFolder()
    let place = folder.path + "/r"
    let summary = try await rehearse(folder, ["--communes", "14", "--processes", "1", "--troubles", "all", "--seed", "2"])
    #expect(summary.held >= 1 && summary.silent >= 1 && summary.conflicts >= 1, "\(summary)")
    struct Manifest: Decodable {
      struct Befallen: Decodable {
        var trouble: String
        var unit: String
      }
      struct Post: Decodable {
        var content: String
        var mayWait: Bool?
      }
      struct Report: Decodable { var key: String }
      var troubles: [Befallen]
      var posts: [Post]
      var photos: [String]
      var reports: [Report]
    }
    let manifest = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: URL(fileURLWithPath: place + "/manifest.json")))
    #expect(Set(manifest.troubles.map(\.trouble)) == ["held", "revoked", "clock", "over", "photos", "posts", "days", "silent"])
    #expect(manifest.posts.count >= 2 && manifest.photos.count >= 4)
    #expect(Set(manifest.reports.map { $0.key.suffix(10) }).count == 4, "every report day")
    func hub(_ arguments: String...) async throws -> Tool.Ended {
      try await Tool.hub(arguments + ["--dir", place + "/hub", "--clock", "@\(place)/clock"])
    }
    func objects(_ ended: Tool.Ended) throws -> [[String: Any]] {
      let read = try JSONSerialization.jsonObject(with: Data(ended.output.utf8))
      return try #require(read as? [[String: Any]], "\(ended.errors)")
    }
    func prove() async throws {
      let proof = try await hub("prove", place + "/manifest.json")
      #expect(proof.status == 0, "\(proof.output)\(proof.errors)")
    }
    let who = ["--by", "province", "--reason", "exercise"]
    func act(_ arguments: [String]) async throws {
      let ended = try await Tool.hub(arguments + who + ["--dir", place + "/hub", "--clock", "@\(place)/clock"])
      #expect(ended.status == 0, "\(arguments) \(ended.errors)")
    }
    try await prove()
    let held = try objects(try await hub("held", "list", "--json"))
    #expect(held.count == 1)
    try await act(["held", "decline", try #require(held.first?["id"] as? String)])
    try await prove()
    let revoked = try #require(manifest.troubles.first { $0.trouble == "revoked" }?.unit)
    let devices = try objects(try await hub("devices", "list", "--json"))
    let thief = try #require(devices.first { $0["label"] as? String == revoked + "-1" }?["replica"] as? String)
    try await act(["held", "decide", revoked, "decline"])
    try await prove()
    try await act(["devices", "decide", thief, "take"])
    try await prove()
    for conflict in try objects(try await hub("conflicts", "--json")) {
      guard let id = conflict["id"] as? String, conflict["table"] as? String == "report" else { continue }
      try await act(["resolve", id, "--take"])
    }
    try await prove()
    let store = try DatabaseQueue(path: place + "/hub/hub.sqlite")
    let posted = try await store.read { try String.fetchAll($0, sql: "SELECT id FROM post") }
    _ = try await hub("posts", "--hide", try #require(posted.first), "--reason", "exercise")
    try await prove()
    // The proof looks for posts and photos.
    let file = URL(fileURLWithPath: place + "/manifest.json")
    let kept = try Data(contentsOf: file)
    let content = try #require(manifest.posts.first { $0.mayWait == nil }?.content)
    try Data(String(decoding: kept, as: UTF8.self).replacing(content, with: "of nobody").utf8).write(to: file)
    #expect(try await hub("prove", file.path).status == 1)
    try kept.write(to: file)
    try await prove()
    try await store.write { try $0.execute(sql: "DELETE FROM hub_blob_scope WHERE blob = ?", arguments: [manifest.photos[0]]) }
    #expect(try await hub("prove", place + "/manifest.json").status == 1)
  }

  @Test func unitsTimesTwoHaveCodesOfTheirOwn() async throws {
    let folder = try TemporaryFolder()
    let refused = try await Tool.hub(["rehearse", Self.campaign, "--out", folder.path + "/n", "--troubles", "held,flood"])
    #expect(refused.status == 64 && refused.errors.contains("flood"))
    let summary = try await rehearse(folder, ["--times", "2", "--communes", "3", "--processes", "0"])
    #expect(summary.communes == 3)
    let store = try DatabaseQueue(path: folder.path + "/r/hub/hub.sqlite")
    let counts = try await store.read { db in
      try Int.fetchAll(
        db,
        sql: """
          SELECT count(*) FROM unit UNION ALL SELECT count(*) FROM headcount UNION ALL SELECT count(*) FROM unit WHERE parent = '213-2'
          """)
    }
    #expect(Set(counts) == [439, 418, 16])
  }

  // MARK: Stopping

  /// What still runs for a rehearsal in that folder.
  private func left(in place: String) -> [String] {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { Int32($0) != nil }.compactMap { FileManager.default.contents(atPath: "/proc/\($0)/cmdline") }.map {
      String(decoding: $0, as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
    }.filter { $0.contains(place) }
  }

  /// Waits for what a signal brings about.
  private func until(_ limit: Duration = .seconds(60), _ condition: () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while !condition() {
      guard ContinuousClock.now < end else { return false }
      try await Task.sleep(for: .milliseconds(50))
    }
    return true
  }

  private func begin(_ place: String, _ arguments: [String]) throws -> (process: Process, output: String) {
    let output = place + ".out"
    _ = FileManager.default.createFile(atPath: output, contents: nil)
    let process = HubTool.process(["rehearse", Self.campaign, "--out", place, "--speed", "1000000", "--lang", "en"] + arguments)
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: output)
    try process.run()
    return (process, output)
  }

  private func said(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }

  @Test(arguments: [SIGINT, SIGTERM]) func theBoardThatStaysStopsWithItsChildren(_ number: Int32) async throws {
    let folder = try TemporaryFolder()
    let (process, output) = try begin(folder.path + "/r", ["--communes", "2", "--processes", "1", "--stay"])
    #expect(try await until(.seconds(180)) { said(output).contains("press Ctrl-C") || !process.isRunning }, "\(said(output))")
    #expect(!left(in: folder.path).isEmpty)
    kill(process.processIdentifier, number)
    #expect(try await until { !process.isRunning }, "\(said(output))")
    #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    #expect(try await until(.seconds(30)) { left(in: folder.path).isEmpty }, "\(left(in: folder.path))")
  }

  /// Asked in the middle, and gone without being asked: its hub and devices end either way.
  @Test(arguments: [SIGINT, SIGTERM, SIGKILL]) func aRehearsalStoppedInTheMiddleLeavesNothingRunning(_ number: Int32) async throws {
    let folder = try TemporaryFolder()
    let (process, output) = try begin(folder.path + "/r", ["--communes", "60", "--processes", "20", "--kill-hub", "3"])
    let begun = try await until(.seconds(180)) {
      left(in: folder.path).contains { $0.contains("field") } || !process.isRunning
    }
    #expect(begun && process.isRunning, "\(said(output))")
    kill(process.processIdentifier, number)
    #expect(try await until { !process.isRunning }, "\(said(output))")
    if number != SIGKILL {
      #expect(process.terminationReason == .exit && process.terminationStatus == 1, "\(process.terminationStatus) \(said(output))")
      #expect(said(output).contains("stopped on request"), "\(said(output))")
    }
    #expect(try await until(.seconds(30)) { left(in: folder.path).isEmpty }, "\(left(in: folder.path))")
  }

  private func proofFailsWhenTheStoreIsTamperedWith(_ place: String) async throws {
    func prove() async throws -> Int32 {
      try await Tool.hub(["prove", place + "/manifest.json", "--dir", place + "/hub", "--clock", "@\(place)/clock"]).status
    }
    #expect(try await prove() == 0)
    let store = try DatabaseQueue(path: place + "/hub/hub.sqlite")
    let row = try store.read { try Row.fetchOne($0, sql: "SELECT * FROM answer ORDER BY id LIMIT 1") }
    let saved = try #require(row)
    let id: String = saved["id"]
    try await store.write { try $0.execute(sql: "DELETE FROM answer WHERE id = ?", arguments: [id]) }
    #expect(try await prove() == 1)
    let insert = """
      INSERT INTO answer (id, unit, campaign, form, day, language, answers)
      SELECT ?, unit, campaign, form, day, language, answers FROM answer ORDER BY id LIMIT 1
      """
    try await store.write { try $0.execute(sql: insert, arguments: [id]) }
    // The right number of rows, one of them with another's content.
    #expect(try await prove() == 1)
    let values = StatementArguments(saved.databaseValues)
    let places = saved.columnNames.map { _ in "?" }.joined(separator: ", ")
    try await store.write { try $0.execute(sql: "REPLACE INTO answer VALUES (\(places))", arguments: values) }
    #expect(try await prove() == 0)
    try await store.write { try $0.execute(sql: insert, arguments: ["doubled"]) }
    #expect(try await prove() == 1)
    try await store.write { try $0.execute(sql: "DELETE FROM answer WHERE id = 'doubled'") }
  }

  /// Reads every file of devices and hub: answers are nowhere on devices, and at the hub only where answers live.
  private func nothingReadableWhereItShouldNotBe(_ place: String) throws {
    let store = try DatabaseQueue(path: place + "/hub/hub.sqlite")
    let rows = try store.read { try Row.fetchAll($0, sql: "SELECT id, answers FROM answer") }
    var needles: Set<String> = []
    for row in rows {
      needles.insert(row["id"])
      let answers = try JSONSerialization.jsonObject(with: Data((row["answers"] as String).utf8)) as? [String: Any] ?? [:]
      if let opinion = answers["g6_suggestion"] as? String, opinion.hasPrefix("Ý kiến thử số ") { needles.insert(opinion) }
    }
    #expect(needles.count == 2 * rows.count)
    let files = try #require(FileManager.default.enumerator(atPath: place)).compactMap { $0 as? String }
    for file in files {
      let isAnswerStore = file.hasPrefix("hub/hub.sqlite") || file == "manifest.json"
      guard !isAnswerStore, let data = FileManager.default.contents(atPath: place + "/" + file) else { continue }
      for needle in needles where data.range(of: Data(needle.utf8)) != nil { Issue.record("\(file) holds \(needle)") }
    }
    // In the hub's store: only the answer table names an answer, and nothing in it or beside it says when, whence or in which order.
    let columns = try store.read { try Row.fetchAll($0, sql: "SELECT name FROM pragma_table_info('answer')").map { $0["name"] as String } }
    #expect(columns == ["id", "unit", "campaign", "form", "day", "language", "answers", "edition", "earlier_id"])
    let tables = try store.read { try String.fetchAll($0, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'answer'") }
    for table in tables {
      let contents = try store.read { try Row.fetchAll($0, sql: "SELECT * FROM \"\(table)\"") }
      for row in contents {
        for value in row.databaseValues {
          guard let data = Data.fromDatabaseValue(value) ?? String.fromDatabaseValue(value).map({ Data($0.utf8) }) else { continue }
          for needle in rows.map({ $0["id"] as String }) where data.range(of: Data(needle.utf8)) != nil {
            Issue.record("table \(table) names answer \(needle)")
          }
        }
      }
    }
    let log = String(decoding: FileManager.default.contents(atPath: place + "/hub.log") ?? Data(), as: UTF8.self)
    #expect(!log.contains("/v1/drop"))
  }
}
