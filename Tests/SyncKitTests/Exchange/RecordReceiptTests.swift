import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A record's receipts say when the hub had it, and prove it without a network.
@Suite struct RecordReceiptTests {
  private func receipts(_ replica: Replica, _ key: String) async throws -> RecordReceipts {
    try await replica.receipts(table: "note", key: .text(key))
  }

  @Test func aRecordIsFollowedFromPendingToMerged() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1), ('other', '07201', 1)")
    #expect(try await receipts(a, "n").pending == 1)
    try await a.seal()
    var found = try await receipts(a, "n")
    #expect(found.pending == 0 && found.receipts.map(\.state) == [.unsent] && found.receipts[0].hubTimeMs == nil)
    world.clock.advance(5000)
    try await world.sync(a)
    found = try await receipts(a, "n")
    #expect(found.receipts.map(\.state) == [.merged] && found.receipts[0].hubTimeMs == world.clock.nowMs())
    try await a.execute("UPDATE note SET a = 2 WHERE id = 'n'")
    try await world.sync(a)
    #expect(try await receipts(a, "n").receipts.map(\.batch) == [1, 2])
    #expect(try await receipts(a, "other").receipts.map(\.batch) == [1])
    #expect(try await receipts(a, "nobody").receipts.isEmpty)
  }

  @Test func aReceiptOutlivesItsBatch() async throws {
    let world = try await World()
    let a = try await world.device("a")
    for number in 0..<3 {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", ["\(number)"])
      try await world.sync(a)
    }
    for name in ["/first", "/second"] { _ = try await world.hub.backUp(to: world.folder.path + name) }
    try await world.sync(a)
    let found = try await receipts(a, "0").receipts
    #expect(found.map(\.hasBatch) == [false] && found.map(\.state) == [.merged] && found[0].batch == 1)
    #expect(try await receipts(a, "2").receipts.map(\.hasBatch) == [true])
  }

  @Test func aHeldRecordSaysWhy() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let content = BatchContent(
      replica: try a.identity, scope: "07201", number: 1, previous: Data(), cursor: Data(),
      units: [
        ChangeUnit(
          stamp: HybridTimestamp(rawValue: world.clock.nowMs() << 16),
          changes: [
            RowChange(table: "unknown", key: .text("n"), life: 1, cells: [CellChange("x", .integer(1))])
          ])
      ])
    let batch = try BatchCodec.seal(content, with: try a.secrets().signingKey)
    let receipt = try await world.hub.ingest(batch)
    let wire = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: receipt).body)
    try #require(wire.held.map(\.reason) == ["schema"])
    try await a.engineWrite { transaction in
      try transaction.session.execute(
        "INSERT INTO sync_outbox (scope, number, hash, bytes, units, changes) VALUES ('07201', 1, ?1, ?2, 1, 1)",
        [.blob(batch.hash), .blob(batch.bytes)])
      try transaction.outbox.store(wire, bytes: receipt)
    }
    let held = try await a.engineRead { transaction in
      try transaction.session.rows("SELECT held FROM sync_outbox WHERE number = 1").map { $0[0] }
    }
    #expect(held == [.integer(1)])
  }

  @Test func forgedReceiptsAndAnonymousRowsAreRefused() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    try await world.sync(a)
    await #expect { _ = try await a.receipts(table: "answer", key: .text("n")) } throws: {
      ($0 as? SyncError)?.explanation.en == "An anonymous answer has no receipt of its own: one would tell who gave it."
    }
    await #expect(throws: SyncError.self) { _ = try await a.receipts(table: "none", key: .text("n")) }
    let good = try #require(try await a.engineRead { try $0.session.rows("SELECT receipt FROM sync_outbox").first?[0].blob })
    let forged = try SigningKey().sealed(try WireSigned(serializedBytes: good).body, as: .receipt)
    try await a.engineWrite { try $0.session.execute("UPDATE sync_outbox SET receipt = ?1", [.blob(forged)]) }
    await #expect { _ = try await receipts(a, "n") } throws: { ($0 as? SyncError)?.code == .badSignature }
    try await a.engineWrite { try $0.session.execute("UPDATE sync_outbox SET receipt = ?1, number = 7", [.blob(good)]) }
    await #expect { _ = try await receipts(a, "n") } throws: { ($0 as? SyncError)?.code == .badSignature }
  }
}
