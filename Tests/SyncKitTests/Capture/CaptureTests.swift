import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncKit

@Suite struct CaptureTests {
  let world: World

  init() async throws { world = try await World() }

  /// Seals what is pending and gives the units of the newest batch.
  private func sealed(_ replica: Replica) async throws -> [ChangeUnit] {
    try await replica.seal()
    let bytes = try await replica.engineRead { try $0.session.rows("SELECT bytes FROM sync_outbox ORDER BY seq DESC LIMIT 1") }
    guard let batch = bytes.first?[0].blob else { return [] }
    return try BatchCodec.reopen(SealedBatch(bytes: batch)).units
  }

  @Test(.long) func anInsertSendsNoDefaults() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    let change = try #require(try await sealed(replica).first?.changes.first)
    #expect(change.life == 1)
    #expect(Set(change.cells) == [CellChange("unit", .text("07201")), CellChange("a", .integer(1))])
  }

  @Test func anUpdateSendsOnlyWhatChanged() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit, a, b) VALUES ('n', '07201', 1, 2)")
    _ = try await sealed(replica)
    try await replica.execute("UPDATE note SET a = 5, b = 2 WHERE id = 'n'")
    #expect(try await sealed(replica).first?.changes.first?.cells == [CellChange("a", .integer(5))])
  }

  @Test func aChangeOfCaseOrTypeIsAChangeWhateverTheCollation() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit, a, c) VALUES ('n', '07201', 1, 'rain')")
    _ = try await sealed(replica)
    try await replica.execute("UPDATE note SET a = 1.0, c = 'RAIN' WHERE id = 'n'")
    let cells = try await sealed(replica).first?.changes.first?.cells ?? []
    #expect(Set(cells) == [CellChange("a", .real(1)), CellChange("c", .text("RAIN"))])
  }

  @Test func aRowBornAndGoneUnsealedIsNotSealed() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    try await replica.execute("DELETE FROM note WHERE id = 'n'")
    #expect(try await sealed(replica).isEmpty)
    let status = try await replica.status()
    #expect(status.captured == 2 && status.superseded == 2 && status.addsUp)
  }

  @Test func replaceIsAnUpdateOfAllColumns() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit, a, b) VALUES ('n', '07201', 1, 2)")
    _ = try await sealed(replica)
    try await replica.execute("REPLACE INTO note (id, unit, a) VALUES ('n', '07201', 9)")
    let change = try #require(try await sealed(replica).first?.changes.first)
    #expect(change.life == 1)
    #expect(Set(change.cells.map(\.column)) == ["unit", "a", "b", "c"])
    #expect(change.cells.contains(CellChange("b", .null)))
  }

  @Test func deletedAndInsertedAgainIsTheNextLife() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    _ = try await sealed(replica)
    try await replica.execute("DELETE FROM note; INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    #expect(try await sealed(replica).first?.changes.first?.life == 3)
  }

  @Test func aKeyChangeIsADeleteAndAnInsertOfOneUnit() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES ('old', '07201', 1)")
    _ = try await sealed(replica)
    try await replica.execute("UPDATE note SET id = 'new'")
    let units = try await sealed(replica)
    #expect(units.count == 1)
    #expect(Set(units[0].changes.map { "\($0.key.shown) \($0.life)" }) == ["old 2", "new 1"])
  }

  @Test func transactionsThatOverwroteOneAnotherBecomeOneUnitOthersStayApart() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    _ = try await sealed(replica)
    try await replica.execute("UPDATE note SET a = 1")
    try await replica.execute("UPDATE note SET b = 1")
    try await replica.execute("UPDATE note SET a = 2")
    let units = try await sealed(replica)
    #expect(units.map { $0.changes.flatMap(\.cells) } == [[CellChange("b", .integer(1))], [CellChange("a", .integer(2))]])
    #expect(units[0].stamp < units[1].stamp)
  }

  @Test func aRolledBackTransactionLeavesNothing() async throws {
    let replica = try await world.device("a")
    struct Stop: Error {}
    await #expect(throws: Stop.self) {
      try await replica.database.write { db in
        try db.execute(sql: "INSERT INTO note (id, unit) VALUES ('n', '07201')")
        throw Stop()
      }
    }
    #expect(try await replica.status().captured == 0)
  }

  @Test func writesThatBypassSyncKitFailLoudly() async throws {
    let replica = try await world.device("a")
    let plain = try DatabaseQueue(path: replica.path)
    await #expect(throws: DatabaseError.self) {
      try await plain.write { db in try db.execute(sql: "INSERT INTO note (id, unit) VALUES ('n', '07201')") }
    }
  }

  @Test(.long) func anotherUnitsRowsAndAMoveAreRefusedAtTheWrite() async throws {
    let replica = try await world.device("a")
    try await replica.execute("INSERT INTO note (id, unit) VALUES ('n', '07201')")
    await #expect(throws: DatabaseError.self) { try await replica.execute("INSERT INTO note (id, unit) VALUES ('m', '07204')") }
    await #expect(throws: DatabaseError.self) { try await replica.execute("UPDATE note SET unit = '07204'") }
    for change in ["c = 'a' || char(0)", "id = 'a' || char(0)", "id = '' || char(0), c = 'b'"] {
      let error = await #expect(throws: DatabaseError.self) { try await replica.execute("UPDATE note SET \(change)") }
      #expect(error?.message?.contains("synckit:badValue") == true, "\(change)")
    }
    #expect(try await replica.status().captured == 1)
  }
}
