import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Conflicts met and settled, on devices and at the hub.
@Suite struct ResolutionTests {
  static let schema = World.Schema(
    tables: [
      ReplicatedTable(
        "sheet", scopeColumn: "unit",
        policies: ["answers": .perKey, "peak": .max, "stage": .ranked(["draft", "approved"]), "finding": .review], softKeys: ["name"]),
      ReplicatedTable("wins", scopeColumn: "unit", policies: ["answers": .perKey], deletion: .editWins),
      ReplicatedTable("photo", scopeColumn: "unit", references: ["sheet": "sheet"]),
    ],
    sql: """
      CREATE TABLE sheet (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, answers TEXT, peak, stage TEXT, finding TEXT, name TEXT, plain,
        must TEXT NOT NULL DEFAULT 'nothing') WITHOUT ROWID;
      CREATE TABLE wins (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, answers TEXT, a, b) WITHOUT ROWID;
      CREATE TABLE photo (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, sheet TEXT, note TEXT) WITHOUT ROWID;
      """)

  let world: World
  let a: Replica
  let b: Replica

  init() async throws {
    world = try await World(schema: Self.schema)
    a = try await world.device("a")
    b = try await world.device("b")
  }

  private func both(_ rounds: Int = 3) async throws {
    for _ in 0..<rounds {
      for device in [a, b] { _ = try await device.sync(with: world.transport) }
    }
    for device in [a, b] {
      if case .differs(let tables) = try await device.status().agreement { Issue.record("differs in \(tables)") }
    }
  }

  private func value(_ column: String, of table: String = "sheet", id: String = "s") async throws -> CellValue {
    let sql = "SELECT \(quote(column)) FROM \(table) WHERE id = ?1"
    let atHub = try await world.hub.read { try $0.firstRow(sql, [.text(id)])?[0] ?? .null }
    for device in [a, b] {
      #expect(try await device.engineRead { try $0.session.firstRow(sql, [.text(id)])?[0] ?? .null } == atHub)
    }
    return atHub
  }

  /// `a` wrote "dry", `b` later "wet", neither seeing the other; both know of the conflict.
  private func collide(_ column: String = "finding") async throws -> Conflict {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await both()
    try await a.execute("UPDATE sheet SET \(column) = 'dry'")
    world.clock.advance(1000)
    try await b.execute("UPDATE sheet SET \(column) = 'wet'")
    try await both()
    return try #require(try await world.hub.conflicts().first)
  }

  // MARK: Opening and closing by writes

  @Test(.long) func whoeverHadSeenTheLoserClosesTheConflictByWriting() async throws {
    let conflict = try await collide("plain")
    try await b.execute("UPDATE sheet SET plain = 'soaked'")
    try await both()
    #expect(try await value("plain") == .text("soaked"))
    #expect(try await !world.hub.conflict(id: conflict.id).isOpen)
  }

  /// Every losing write has a conflict of its own: the value that lost before may be what is lost now.
  @Test(.long) func oneValueThatLosesTwiceIsKeptTwice() async throws {
    let first = try await collide("plain")
    world.clock.advance(1000)
    try await a.execute("UPDATE sheet SET plain = 'dry'")
    world.clock.advance(1000)
    try await b.execute("UPDATE sheet SET plain = 'damp'")
    try await both()
    let open = try await world.hub.conflicts()
    #expect(open.map(\.losing.value) == [.text("dry")] && open.first?.id != first.id)
    #expect(try await !world.hub.conflict(id: first.id).isOpen)
  }

  // MARK: Deciding

  @Test(.long) func aDeviceDecidesOfflineAndEverybodyLearnsWhoAndWhy() async throws {
    let conflict = try await collide()
    #expect(conflict.rule == .review && conflict.losing.value == .text("dry"))
    let decided = try await a.resolve(String(conflict.id.prefix(6)), as: .takeLoser, by: "tổ trưởng", because: "đã kiểm tra tại chỗ")
    #expect(!decided.isOpen && decided.resolvedBy == "tổ trưởng")
    #expect(try await a.status().openConflicts == 0)
    #expect(try await world.hub.conflicts().count == 1, "nobody has told the hub yet")
    try await both()
    #expect(try await value("finding") == .text("dry"))
    #expect(try await world.hub.conflicts().isEmpty)
    for known in [try await world.hub.conflict(id: conflict.id), try await b.conflict(id: conflict.id)] {
      #expect(!known.isOpen && known.resolution == "take" && known.reason == "đã kiểm tra tại chỗ")
    }
  }

  @Test(.long) func keepingWritesTheCellAnewSoThatALaterUnknowingWriteOfTheLoserConflictsAgain() async throws {
    let conflict = try await collide()
    _ = try await a.resolve(conflict.id, as: .keepWinner, by: "a", because: "")
    world.clock.advance(1000)
    _ = try await b.resolve(conflict.id, as: .takeLoser, by: "b", because: "")
    try await both()
    #expect(try await value("finding") == .text("dry"))
    let open = try await world.hub.conflicts()
    #expect(open.map(\.losing.value) == [.text("wet")], "the other decision is a conflict of its own")
    let decisions = try await world.hub.read { try $0.rows("SELECT decided_by FROM sync_decision ORDER BY decided_by") }
    #expect(decisions == [[.text("a")], [.text("b")]])
  }

  @Test(.long) func aDecisionIsUndoneAndTheConflictIsOpenAgain() async throws {
    let conflict = try await collide()
    _ = try await world.hub.resolve(conflict.id, as: .takeLoser, by: "hub", because: "x")
    try await both()
    #expect(try await value("finding") == .text("dry"))
    await #expect(throws: SyncError.self) { try await b.resolve(conflict.id, as: .takeLoser, by: "b", because: "") }
    world.clock.set(5)
    _ = try await b.resolve(conflict.id, as: .undo, by: "b", because: "nhầm")
    #expect(try await b.conflict(id: conflict.id).isOpen)
    world.clock.set(1_711_930_000_000)
    try await both()
    #expect(try await value("finding") == .text("wet"))
    #expect(try await world.hub.conflicts().map(\.id) == [conflict.id])
    #expect(try await a.conflicts().map(\.id) == [conflict.id])
    _ = try await a.resolve(conflict.id, as: .write(.text("damp")), by: "a", because: "")
    try await both()
    #expect(try await value("finding") == .text("damp"))
    #expect(try await world.hub.conflicts().isEmpty)
  }

  /// The decision brought a deleted row back; before it there was no value, and the column must have one.
  @Test(.long) func bringingARowBackIsUndoneWhereAColumnMustHaveAValue() async throws {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await both()
    try await a.execute("DELETE FROM sheet")
    try await b.execute("UPDATE sheet SET must = 'x'")
    try await both()
    let conflict = try #require(try await world.hub.conflicts().first)
    _ = try await a.resolve(conflict.id, as: .takeLoser, by: "a", because: "")
    try await both()
    #expect(try await value("must") == .text("x"))
    _ = try await a.resolve(conflict.id, as: .undo, by: "a", because: "")
    try await both()
    #expect(try await value("must") == .text("nothing"))
    #expect(try await world.hub.conflicts().map(\.id) == [conflict.id])
  }

  /// The device was copied before it sent its decision.
  @Test(.long) func aDecisionThatADeviceAndItsCopySendCountsOnce() async throws {
    let conflict = try await collide()
    _ = try await a.resolve(conflict.id, as: .takeLoser, by: "a", because: "")
    let copy = try await world.copy(a, to: "copy")
    try await copy.execute("UPDATE sheet SET plain = 'more'")
    try await world.settle([a, b, copy, a, b])
    for device in [a, b, copy] { #expect(try await device.status().heldChanges == 0) }
    #expect(try await value("finding") == .text("dry"))
    #expect(try await world.hub.conflicts().isEmpty)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM sync_decision") } == 1)
    // Nobody changes one that was made.
    try await a.execute("UPDATE sync_decision SET reason = 'another'")
    try await world.sync(a)
    #expect(try await world.hub.heldUnits().map(\.reason) == ["readOnly"])
  }

  @Test func onlyTheHubWritesConflicts() async throws {
    let conflict = try await collide()
    try await a.execute("UPDATE sync_conflict SET state = 'closed', losing_value = 'nothing'")
    _ = try await a.sync(with: world.transport)
    #expect(try await world.hub.conflict(id: conflict.id).isOpen)
    #expect(try await a.status().heldChanges == 1)
  }

  @Test(.long, arguments: ["", "zz", "x'; DROP TABLE sheet; --", "1234567890"])
  func aConflictThatIsNotThereIsSaidSo(id: String) async throws {
    await #expect(throws: SyncError.self) { try await a.resolve(id, as: .keepWinner, by: "a", because: "") }
  }

  @Test func aMemberIsDecidedWithoutTouchingTheOthers() async throws {
    try await a.execute(#"INSERT INTO sheet (id, unit, answers) VALUES ('s', '07201', '{"q":1,"r":1}')"#)
    try await both()
    try await a.execute(#"UPDATE sheet SET answers = '{"q":10,"r":1}'"#)
    world.clock.advance(9)
    try await b.execute(#"UPDATE sheet SET answers = '{"q":12,"r":2}'"#)
    try await both()
    let conflict = try #require(try await a.conflicts().first)
    #expect(conflict.member == "q")
    await #expect(throws: SyncError.self) { try await a.resolve(conflict.id, as: .write(.text("not json")), by: "a", because: "") }
    _ = try await a.resolve(conflict.id, as: .write(.text("11")), by: "a", because: "")
    try await both()
    #expect(try await value("answers") == .text(#"{"q":11,"r":2}"#))
    #expect(try await world.hub.conflicts().isEmpty)
  }

  @Test(.long) func aTypingErrorInAMaximumIsCorrectedAgainstItsRule() async throws {
    try await a.execute("INSERT INTO sheet (id, unit, peak, stage) VALUES ('s', '07201', 1000, 'approved')")
    try await both()
    try await a.correct(table: "sheet", key: .text("s"), column: "peak", to: .integer(10), by: "a", because: "gõ nhầm")
    try await a.correct(table: "sheet", key: .text("s"), column: "stage", to: .text("draft"), by: "a", because: "")
    // Somebody who has not heard of it raises what he knows; the decision stands all the same.
    try await b.execute("UPDATE sheet SET peak = 1001")
    try await both()
    #expect(try await value("peak") == .integer(10))
    #expect(try await value("stage") == .text("draft"))
    // After it, the rule goes on from there.
    try await b.execute("UPDATE sheet SET peak = 12")
    try await both()
    #expect(try await value("peak") == .integer(12))
    #expect(
      try await world.hub.read { try $0.rows("SELECT before_value, after_value, reason FROM sync_decision WHERE col = 'peak'") } == [
        [.integer(1000), .integer(10), .text("gõ nhầm")]
      ])
  }

  // MARK: Deleted rows

  @Test(.long) func anEditOfARowDeletedUnseenIsKeptAndTheRowComesBackWhole() async throws {
    try await a.execute(#"INSERT INTO sheet (id, unit, answers, plain, name) VALUES ('s', '07201', '{"q":1}', 1.0, 'x')"#)
    try await both()
    try await a.execute(#"UPDATE sheet SET plain = 7, answers = '{"q":1,"r":5}'"#)
    try await b.execute("DELETE FROM sheet")
    _ = try await b.sync(with: world.transport)
    try await both()
    #expect(try await value("plain") == .null)
    let open = try await a.conflicts()
    #expect(open.count == 2 && open.allSatisfy { $0.rule == .life })
    _ = try await a.resolve(open[0].id, as: .takeLoser, by: "a", because: "")
    try await both()
    #expect(try await value("plain") == .integer(7))
    #expect(try await value("answers") == .text(#"{"q":1,"r":5}"#))
    #expect(try await value("name") == .text("x"))
  }

  @Test(.long) func keepingADeletionClosesItsConflict() async throws {
    try await a.execute("INSERT INTO sheet (id, unit, plain) VALUES ('s', '07201', 1)")
    try await both()
    try await a.execute("UPDATE sheet SET plain = 7")
    try await b.execute("DELETE FROM sheet")
    try await both()
    let conflict = try #require(try await b.conflicts().first)
    _ = try await b.resolve(conflict.id, as: .keepWinner, by: "b", because: "")
    try await both()
    #expect(try await world.hub.conflicts().isEmpty)
    #expect(try await value("plain") == .null)
  }

  @Test(.long) func theHubBringsADeletedRowBackInOneStep() async throws {
    try await a.execute(#"INSERT INTO sheet (id, unit, answers, plain) VALUES ('s', '07201', '{"q":1}', 1.0)"#)
    try await both()
    try await b.execute("DELETE FROM sheet")
    try await both()
    try await world.hub.restoreRow(table: "sheet", key: .text("s"))
    try await both()
    #expect(try await value("plain") == .real(1))
    #expect(try await value("answers") == .text(#"{"q":1}"#))
    await #expect(throws: SyncError.self) { try await world.hub.restoreRow(table: "sheet", key: .text("s")) }
    await #expect(throws: SyncError.self) { try await world.hub.restoreRow(table: "sheet", key: .text("never")) }
  }

  @Test(.long, arguments: [true, false])
  func underEditWinsTheRowIsBackAtOnce(editFirst: Bool) async throws {
    try await a.execute(#"INSERT INTO wins (id, unit, a, b, answers) VALUES ('s', '07201', 1, 2, '{"q":1}')"#)
    try await both()
    try await a.execute(#"UPDATE wins SET a = 7, answers = '{"q":1,"r":2}'"#)
    try await b.execute("DELETE FROM wins")
    for device in editFirst ? [a, b] : [b, a] { _ = try await device.sync(with: world.transport) }
    try await both()
    #expect(try await value("a", of: "wins") == .integer(7))
    #expect(try await value("b", of: "wins") == .integer(2))
    #expect(try await value("answers", of: "wins") == .text(#"{"q":1,"r":2}"#))
    #expect(try await world.hub.conflicts().isEmpty)
    // A deletion that had seen the edit deletes.
    try await b.execute("DELETE FROM wins")
    try await both()
    #expect(try await value("a", of: "wins") == .null)
  }

  // MARK: Several rows

  @Test(.long) func rowsThatShareASoftKeyAreNamedInOneConflictAndTheSmallestKeySurvives() async throws {
    // The same name, composed and decomposed.
    try await a.execute("INSERT INTO sheet (id, unit, name) VALUES ('b', '07201', 'Hòa')")
    try await b.execute("INSERT INTO sheet (id, unit, name) VALUES ('a', '07201', 'Ho\u{0300}a')")
    try await both()
    try await a.execute("INSERT INTO sheet (id, unit, name) VALUES ('c', '07201', 'Hòa')")
    try await both()
    let open = try await world.hub.conflicts()
    #expect(open.map(\.rule) == [.duplicate])
    #expect(open.first.map { DuplicateKeys.keys(in: $0.losing.value) } == [.text("a"), .text("b"), .text("c")])
    // Both merge them offline: one row is left.
    _ = try await a.resolve(open[0].id, as: .takeLoser, by: "a", because: "")
    _ = try await b.resolve(open[0].id, as: .takeLoser, by: "b", because: "")
    try await both()
    #expect(try await world.hub.read { try $0.rows("SELECT id FROM sheet") } == [[.text("a")]])
    #expect(try await world.hub.conflicts().isEmpty)
  }

  @Test func renamingADuplicateClosesItsConflict() async throws {
    try await a.execute(
      "INSERT INTO sheet (id, unit, name) VALUES ('a', '07201', 'x'), ('b', '07201', 'x'), ('n', '07201', NULL), ('m', '07201', NULL)")
    try await both()
    #expect(try await world.hub.conflicts().count == 1)
    try await b.execute("UPDATE sheet SET name = 'y' WHERE id = 'b'")
    try await both()
    #expect(try await world.hub.conflicts().isEmpty)
  }

  @Test func aChildWaitsForItsParentAndADeletedParentLeavesAConflict() async throws {
    try await a.execute("INSERT INTO sheet (id, unit) VALUES ('s', '07201')")
    try await both()
    try await a.execute("INSERT INTO photo (id, unit, sheet) VALUES ('p', '07201', 's')")
    try await b.execute("DELETE FROM sheet")
    try await both()
    let open = try await world.hub.conflicts()
    #expect(open.map(\.rule) == [.orphan] && open[0].table == "photo" && open[0].losing.value == .text("s"))
    try await world.hub.restoreRow(table: "sheet", key: .text("s"))
    #expect(try await world.hub.conflicts().isEmpty)
    // Known on the device as never there: its hub holds the child.
    try await a.execute("INSERT INTO photo (id, unit, sheet) VALUES ('q', '07201', 'nowhere')")
    _ = try await a.sync(with: world.transport)
    #expect(try await a.status().heldChanges == 1)
  }

  // MARK: Clashing and why

  @Test func anOverriddenWriteClashesUntilTheHubHasTakenIt() async throws {
    try await a.execute("INSERT INTO sheet (id, unit, plain) VALUES ('s', '07201', 0)")
    try await both()
    try await a.execute("UPDATE sheet SET plain = 1")
    world.clock.advance(5)
    try await b.execute("UPDATE sheet SET plain = 2")
    _ = try await b.sync(with: world.transport)
    // Fetched, but not sent: the link carries nothing upwards.
    let cursor = try await a.engineRead { try $0.state.value("cursor").blob ?? Data() }
    let device = try #require(try await world.hub.device(try a.secrets().signingKey.replica))
    let page = try await world.hub.page(for: device, cursor: cursor)
    _ = try await a.apply(try PageCodec.open(page, hub: try await a.hubKey()), bytes: page, after: cursor)
    let clashes = try await a.clashes()
    #expect(clashes.map(\.own) == [.integer(1)] && clashes.map(\.standing) == [.integer(2)])
    try await both()
    #expect(try await a.clashes().isEmpty)
    #expect(try await a.conflicts().map(\.losing.value) == [.integer(1)])
  }

  @Test func whyNamesTheWriterAndWhatWasOverridden() async throws {
    let conflict = try await collide("plain")
    let history = try await a.why(table: "sheet", key: .text("s"), column: "plain")
    #expect(history.value == .text("wet") && history.conflicts.map(\.id) == [conflict.id])
    #expect(history.writtenBy == (try b.secrets().signingKey.replica))
    #expect(try await world.hub.why(table: "sheet", key: .text("s"), column: "plain").writtenMs == history.writtenMs)
    await #expect(throws: SyncError.self) { try await a.why(table: "sheet", key: .text("s"), column: "nothing") }
  }
}
