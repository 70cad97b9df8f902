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
