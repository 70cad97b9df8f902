import Foundation
import GRDB
import TestSupport
import Testing

/// Promise 2, at the end of every test of a suite: the counts of each store that the test leaves behind add up, as `field status`
/// and `hub status` print them.
struct SumsAddUp: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let folders = TemporaryFolder.Kept()
    try await TemporaryFolder.$kept.withValue(folders) { try await function() }
    for folder in folders.all {
      for finding in try await Self.findings(in: folder.path) { Issue.record("\(finding)") }
    }
  }

  /// What does not add up in the stores of a folder, and in what lies below it.
  static func findings(in folder: String) async throws -> [String] {
    var findings: [String] = []
    for store in stores(in: folder) {
      let arguments = ["status", "--json"] + (store.isHub ? ["--dir", store.folder] : ["--store", store.path])
      let ended = try await Tool.run(Tool.path(store.isHub ? "hub" : "field"), arguments)
      if ended.status != 0 { findings.append("\(store.path): \(ended.output)\(ended.errors)") }
    }
    return findings
  }

  private struct Store {
    var path: String
    var isHub: Bool
    var folder: String { (path as NSString).deletingLastPathComponent }
    /// A copy lies anywhere, a hub's store beside its keys.
    var isAtWork: Bool { !isHub || path.hasSuffix("/hub.sqlite") && FileManager.default.fileExists(atPath: folder + "/keys") }
  }

  /// Stores that somebody works with: an enrolled device's, and a hub's beside its keys. Copies and what is no store are not.
  private static func stores(in folder: String) -> [Store] {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".sqlite") }.sorted().compactMap { name in
      var configuration = Configuration()
      configuration.readonly = true
      guard let queue = try? DatabaseQueue(path: folder + "/" + name, configuration: configuration) else { return nil }
      let isHub = try? queue.read { db -> Bool? in
        if try db.tableExists("hub_batch") { return true }
        return try db.tableExists("sync_scope") && Int.fetchOne(db, sql: "SELECT count(*) FROM sync_scope") ?? 0 > 0 ? false : nil
      }
      guard let isHub else { return nil }
      let store = Store(path: folder + "/" + name, isHub: isHub)
      return store.isAtWork ? store : nil
    }
  }
}

extension Trait where Self == SumsAddUp {
  /// The counts of every store that a test leaves behind add up.
  static var sumsAddUp: Self { Self() }
}

@Suite struct SumsAddUpTests {
  /// A check that finds nothing proves nothing: a write that went around the engine shows.
  @Test func aLostWriteIsFound() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(2), to: "answers.csv")
    _ = try await field.run("import", "answers.csv")
    #expect(try await SumsAddUp.findings(in: world.folder.path) == [])
    let store = try DatabaseQueue(path: world.path + "/field.sqlite")
    try await store.write { try $0.execute(sql: "DELETE FROM sync_packet WHERE id = (SELECT min(id) FROM sync_packet)") }
    try store.close()
    let findings = try await SumsAddUp.findings(in: world.folder.path)
    #expect(findings.count == 1 && findings[0].contains("field.sqlite"), "\(findings)")
  }
}
