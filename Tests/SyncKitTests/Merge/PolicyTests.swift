import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Every merge policy from a device's own SQL through the hub to another device, on real files.
@Suite struct PolicyTests {
  static let schema = World.Schema(
    tables: [
      ReplicatedTable(
        "sheet", scopeColumn: "unit",
        policies: [
          "answers": .perKey, "peak": .max, "low": .min, "stage": .ranked(["draft", "submitted", "approved"]), "visits": .counter,
          "finding": .review,
        ])
    ],
    sql: """
      CREATE TABLE sheet (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, answers TEXT, peak, low,
        stage TEXT DEFAULT 'draft', visits INTEGER DEFAULT 0, finding TEXT, plain) WITHOUT ROWID;
      """)

  let world: World
  let a: Replica
  let b: Replica

  init() async throws {
    world = try await World(schema: Self.schema)
    a = try await world.device("a")
    b = try await world.device("b")
  }

  private func both(_ rounds: Int = 2) async throws {
    for _ in 0..<rounds {
      for device in [a, b] { _ = try await device.sync(with: world.transport) }
    }
    for device in [a, b] {
      if case .differs(let tables) = try await device.status().agreement { Issue.record("differs in \(tables)") }
    }
  }

  /// One column of row `s` at the hub and on both devices, which must agree.
  private func value(_ column: String) async throws -> CellValue {
    let atHub = try await world.hub.read { try $0.firstRow("SELECT \(quote(column)) FROM sheet WHERE id = 's'")?[0] ?? .null }
    for device in [a, b] {
      let here = try await device.engineRead { try $0.session.firstRow("SELECT \(quote(column)) FROM sheet WHERE id = 's'")?[0] ?? .null }
      #expect(here == atHub, "\(column)")
    }
    return atHub
  }

  private func openConflicts() async throws -> [String] {
    try await world.hub.read { session in
      try session.rows(
        "SELECT col, member, losing_value, winning_value, rule FROM sync_conflict WHERE state = 'open' ORDER BY col, member, losing_value"
      ).map { $0.map(\.shown).joined(separator: " ") }
    }
  }

  private func born(_ columns: String = "", _ values: String = "") async throws {
    try await a.execute("INSERT INTO sheet (id, unit\(columns)) VALUES ('s', '07201'\(values))")
    try await both()
  }

  @Test func membersOfAnObjectMergeOneByOne() async throws {
    try await born(", answers", #", '{"guided": 1, "note":"dry"}'"#)
    #expect(try await value("answers") == .text(#"{"guided":1,"note":"dry"}"#))
    try await a.execute(#"UPDATE sheet SET answers = json_set(answers, '$.guided', 12)"#)
    try await b.execute(#"UPDATE sheet SET answers = json_set(answers, '$.note', 'rain', '$.roads', json('[1, 2]'))"#)
    try await both()
    #expect(try await value("answers") == .text(#"{"guided":12,"note":"rain","roads":[1,2]}"#))
    #expect(try await openConflicts().isEmpty)
  }

  @Test(.long) func twoWritesOfOneMemberConflictByThatMember() async throws {
    try await born(", answers", #", '{"guided":1,"note":"dry"}'"#)
    try await a.execute(#"UPDATE sheet SET answers = json_set(answers, '$.guided', 10)"#)
    world.clock.advance(5)
    try await b.execute(#"UPDATE sheet SET answers = json_set(answers, '$.guided', 12, '$.note', 'rain')"#)
    try await both(3)
    #expect(try await value("answers") == .text(#"{"guided":12,"note":"rain"}"#))
    #expect(try await openConflicts() == ["answers guided 10 12 lww"])
    // Writing it anew, having seen both, settles it.
    try await a.execute(#"UPDATE sheet SET answers = json_set(answers, '$.guided', 11)"#)
    try await both()
    #expect(try await openConflicts().isEmpty)
  }

  @Test(.long) func removingAMemberIsAWriteThatTravels() async throws {
    try await born(", answers", #", '{"a":1,"b":2,"c":3}'"#)
    try await a.execute(#"UPDATE sheet SET answers = json_remove(answers, '$.a')"#)
    try await b.execute(#"UPDATE sheet SET answers = json_set(answers, '$.b', null)"#)
    try await both()
    #expect(try await value("answers") == .text(#"{"c":3}"#))
    try await b.execute(#"UPDATE sheet SET answers = NULL"#)
    try await both()
    #expect(try await value("answers") == .text("{}"))
    // An older edit of a removed member, unseen, loses to the removal and is kept.
    try await a.execute(#"UPDATE sheet SET answers = '{"c": 4}'"#)
    try await both()
    #expect(try await value("answers") == .text(#"{"c":4}"#))
  }

  @Test func largestSmallestAndRankedStandWithoutConflicts() async throws {
    try await born(", peak, low", ", 5, 5")
    try await a.execute("UPDATE sheet SET peak = 9, low = 4, stage = 'approved'")
    world.clock.advance(5)
    try await b.execute("UPDATE sheet SET peak = 7, low = 2, stage = 'submitted'")
    try await both()
    #expect(try await value("peak") == .integer(9))
    #expect(try await value("low") == .integer(2))
    #expect(try await value("stage") == .text("approved"))
    #expect(try await openConflicts().isEmpty)
  }

  @Test(.long, arguments: ["peak = 4", "peak = NULL", "low = 6", "stage = NULL"])
  func aWriteTheRuleWouldUndoIsRefusedAtOnce(write: String) async throws {
    try await born(", peak, low, stage", ", 5, 5, 'submitted'")
    await #expect(throws: DatabaseError.self) { try await a.execute("UPDATE sheet SET \(write)") }
    do {
      try await a.execute("UPDATE sheet SET \(write)")
    } catch let error as DatabaseError {
      #expect(SyncError(error, store: "").code == .undone)
    }
    await #expect(throws: DatabaseError.self) {
      try await a.execute("REPLACE INTO sheet (id, unit, \(write.prefix(while: { $0 != " " }))) VALUES ('s', '07201', NULL)")
    }
  }

  @Test(.long, arguments: ["answers = '[1]'", "answers = 'x'", "stage = 'lost'", "visits = 'many'", "visits = NULL", "visits = 1e300"])
  func aValueThatNeverFitsIsRefused(write: String) async throws {
    try await born()
    await #expect(throws: DatabaseError.self) { try await a.execute("UPDATE sheet SET \(write)") }
    #expect(try await value("visits") == .integer(0))
  }

  @Test func incrementsAddUpAlsoThroughReplaceAndUpsert() async throws {
    try await born(", visits", ", 3")
    try await a.execute("UPDATE sheet SET visits = visits + 2")
    try await a.execute("UPDATE sheet SET visits = visits - 1")
    try await b.execute("REPLACE INTO sheet (id, unit, visits) VALUES ('s', '07201', 13)")
    try await b.execute(
      "INSERT INTO sheet (id, unit, visits) VALUES ('s', '07201', 1) ON CONFLICT (id) DO UPDATE SET visits = visits + 100")
    try await both()
    #expect(try await value("visits") == .integer(3 + 2 - 1 + 10 + 100))
    #expect(try await openConflicts().isEmpty)
  }

  @Test func aDeletionKeepsUnseenIncrementsAndMembersInConflicts() async throws {
    try await born(", visits, answers", #", 3, '{"q":1}'"#)
    try await a.execute("UPDATE sheet SET visits = visits + 2, answers = '{\"q\":7}', peak = 4")
    try await b.execute("DELETE FROM sheet")
    try await both()
    #expect(try await value("visits") == .null)
    let open = try await openConflicts()
    #expect(open.count == 3)
    #expect(open.contains("answers q 7 - life"))
    #expect(open.contains("peak - 4 - life"))
    #expect(open.contains { $0.hasPrefix("visits +") && $0.hasSuffix(" 2 - life") })
  }

  @Test func reviewIsLastWriterWithAConflictThatAsksForAPerson() async throws {
    try await born(", finding", ", 'none'")
    try await a.execute("UPDATE sheet SET finding = 'dry'")
    world.clock.advance(5)
    try await b.execute("UPDATE sheet SET finding = 'wet'")
    try await both(3)
    #expect(try await value("finding") == .text("wet"))
    #expect(try await openConflicts() == ["finding - dry wet review"])
  }

  @Test func aRowFromBeforeReplicationBringsItsCountOnce() async throws {
    for device in [a, b] {
      try await device.engineWrite { transaction in
        try device.capture.suspended {
          try transaction.session.execute("INSERT INTO sheet (id, unit, visits) VALUES ('s', '07201', 40)")
        }
      }
      try await device.execute("UPDATE sheet SET visits = visits + 1")
    }
    try await both(3)
    #expect(try await value("visits") == .integer(42))
  }

  @Test func everyMistakeOfAPolicyIsToldAtOnce() throws {
    let tables = [
      ReplicatedTable(
        "t", scopeColumn: "unit",
        policies: [
          "missing": .max, "unit": .max, "text": .counter, "real": .perKey, "state": .ranked(["b", "b"]), "made": .min,
        ], softKeys: ["real"], references: ["text": "elsewhere", "gone": "t"])
    ]
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, text TEXT, real REAL, state TEXT DEFAULT 'c',
            made TEXT DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID;
          """)
    }
    let path = world.folder.path + "/wrong.sqlite"
    do {
      _ = try Replica.open(at: path, tables: tables, migrator: migrator)
      Issue.record("opened")
    } catch let error as SyncError {
      #expect(error.code == .badSchema)
      for word in ["missing", "unit", "column text", "column real", "column state", "column made", "soft key real", "elsewhere", "gone"] {
        #expect(error.explanation.en.contains(word), "\(word)")
      }
    }
  }
}
