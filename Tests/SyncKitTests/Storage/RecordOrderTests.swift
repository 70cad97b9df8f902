import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// At a hub records lie by scope and key: a key is still one scope's alone, and no row is looked for by reading others.
@Suite struct RecordOrderTests {
  enum Standing: CaseIterable {
    case lives, ended, endedUnsealed
  }

  @Test(.long, arguments: Standing.allCases) func aKeyOfAnotherScopesRowCannotBeTaken(standing: Standing) async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('p', '07201', 'ours')")
    try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('p', '24', 'theirs')") }
    if standing == .ended { try await world.hub.write { try $0.execute("DELETE FROM note") } }
    for word in ["INSERT OR REPLACE", "INSERT"] {
      await #expect(throws: (any Error).self) {
        try await world.hub.write { session in
          if standing == .endedUnsealed { try session.execute("DELETE FROM note") }
          try session.execute("\(word) INTO note (id, unit, a) VALUES ('p', '07201', 'the hub''s')")
        }
      }
    }
    _ = try await a.sync(with: world.transport)
    #expect(try await world.hub.heldUnits().map { "\($0.reason) \($0.detail)" } == ["scope note"])
    let rows = try await world.hub.read { session in
      (try session.rows("SELECT scope FROM sync_meta_note"), try session.rows("SELECT a FROM note"))
    }
    #expect(rows.0 == [[.text("24")]])
    #expect(rows.1 == (standing == .ended ? [] : [[.text("theirs")]]))
    let keys = try HubKeys.load(from: world.folder.path + "/keys")
    let found = try await SQLiteHubStore.examine(at: world.hubStore.path, tables: world.schema.tables, keys: keys).findings
    #expect(found == [])
  }

  /// A migration of the app deletes a row outside of any write of the hub: it is sealed when the hub opens.
  @Test func writesOfAMigrationAreSealedAtOpen() async throws {
    let world = try await World()
    try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('p', '24', 'theirs')") }
    try await world.hubStore.write { try $0.execute("DELETE FROM note", []) }
    #expect(try await world.hub.read { try $0.rows("SELECT life FROM sync_meta_note") } == [[.integer(1)]])
    try await world.reopenHub { _ in }
    #expect(try await world.hub.read { try $0.rows("SELECT life FROM sync_meta_note") } == [[.integer(2)]])
  }

  @Test func eachStatementOfARowFindsItByAnIndex() async throws {
    let world = try await World()
    let shape = try #require(world.hubStore.tables.byName["note"])
    #expect(shape.order == .byScope)
    let statements = RowStatements(shape)
    let trigger = try #require(CaptureTriggers.statements(shape).first { $0.name.hasSuffix("_insert") }?.sql)
    let asked = try #require(trigger.firstMatch(of: #/EXISTS \((SELECT 1 FROM hub_scope.*)\);/#)).output.1
    let all: [String] =
      [statements.load, statements.digest, statements.standing].map(\.text) + [
        try #require(statements.scopes).text, String(asked).replacing("NEW.\"id\"", with: "?1").replacing("NEW.\"unit\"", with: "?2"),
      ]
    for sql in all {
      let plan = try await world.hub.read { session -> [String] in
        try session.rows("EXPLAIN QUERY PLAN " + sql, sql.contains("?2") ? [.text("p"), .text("24")] : [.text("p")]).map { $0[3].shown }
      }
      // Scopes are few; rows are not.
      #expect(plan.filter { $0.hasPrefix("SCAN") && !$0.contains("SCAN s") } == [], "\(sql)")
    }
  }
}
