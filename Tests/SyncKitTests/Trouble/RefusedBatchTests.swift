import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What can never be taken is refused with the hub's signature: the author makes it anew, and the chain goes on behind.
@Suite struct RefusedBatchTests {
  private func batches(_ replica: Replica) async throws -> [SealedBatch] {
    try await replica.engineRead { try $0.session.rows("SELECT bytes FROM sync_outbox ORDER BY scope, number") }
      .compactMap { $0[0].blob.map { SealedBatch(bytes: $0) } }
  }

  private func receipt(_ bytes: Data) throws -> WireReceipt {
    try WireReceipt(serializedBytes: try WireSigned(serializedBytes: bytes).body)
  }

  private func wire(_ batch: SealedBatch) throws -> WireBatch {
    try WireBatch(serializedBytes: try WireSigned(serializedBytes: batch.bytes).body)
  }

  /// Seals a note in a batch of its own, as often as there are ids.
  private func seal(_ ids: [String], on replica: Replica) async throws {
    for id in ids {
      try await replica.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", [id])
      try await replica.seal()
    }
  }

  /// Puts other bytes in the place of a batch, and chains the later ones to them, as a program with a fault would have sealed them.
  private func spoil(_ number: Int, of replica: Replica, _ change: (inout WireBatch) -> Void) async throws -> [SealedBatch] {
    let key = try replica.secrets().signingKey
    var all = try await batches(replica)
    for index in (number - 1)..<all.count {
      var content = try wire(all[index])
      if index == number - 1 { change(&content) }
      if index > 0 { content.previous = all[index - 1].hash }
      all[index] = SealedBatch(bytes: try key.sealed(try content.serializedData(), as: .batch))
    }
    let spoiled = all
    try await replica.engineWrite { transaction in
      for (index, batch) in spoiled.enumerated() {
        try transaction.session.execute(
          "UPDATE sync_outbox SET hash = ?2, bytes = ?3 WHERE number = ?1",
          [.integer(Int64(index + 1)), .blob(batch.hash), .blob(batch.bytes)])
      }
    }
    return spoiled
  }

  @Test func theDeviceKeepsWhatIsRefusedAndTheChainGoesOn() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await seal(["n1", "n2", "n3", "n4"], on: a)
    let all = try await spoil(2, of: a) { $0.tables[0].rows = 7 }
    // The later ones came by courier, and wait.
    for batch in all[2...] { #expect(try receipt(try await world.hub.ingest(batch)).state == .waiting) }
    let summary = try await a.sync(with: world.transport)
    #expect(try await world.hubNotes() == ["n1 1 - none", "n3 1 - none", "n4 1 - none"])
    #expect(summary.notices.map(\.kind) == [.batchRefused] && summary.progress.batchesSent == 3)
    let status = try await a.status()
    #expect(status.refusedChanges == 1 && status.mergedChanges == 3 && status.sealedChanges == 0 && status.waitingChanges == 0)
    #expect(status.addsUp && status.notices.map(\.kind) == [.batchRefused] && status.agreement == .outstanding)
    // The bytes, and the hub's signed word, are kept at both ends.
    let kept = try #require(try await a.engineRead { try $0.session.firstRow("SELECT bytes, receipt, reason FROM sync_refused") })
    #expect(kept[0].blob == all[1].bytes && kept[2].text == "form")
    let signed = try WireReceipt(serializedBytes: try await a.hubKey().open(try #require(kept[1].blob), as: .receipt))
    #expect(signed.state == .refused && signed.batch == all[1].hash && signed.number == 2)
    let stopped = try await world.hub.stoppedBatches()
    #expect(stopped.map { "\($0.number) \($0.reason ?? "")" } == ["2 form", "3 behind", "4 behind"] && stopped.allSatisfy(\.isKept))
    #expect(stopped.allSatisfy { !$0.remedy.vi.isEmpty && $0.remedy.en.contains("sync") })
    // What was refused stays refused, whoever brings it.
    for batch in all[1...] { #expect(try receipt(try await world.hub.ingest(batch)).state == .refused) }
    #expect(try await a.sync(with: world.transport).progress.batchesSent == 0)
    try await seal(["n5"], on: a)
    _ = try await a.sync(with: world.transport)
    #expect(try await a.status().mergedChanges == 4)
    let b = try await world.device("b")
    _ = try await b.sync(with: world.transport)
    #expect(try await b.status().agreement == .proved)
  }

  @Test func theFirstBatchCanBeRefusedToo() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await seal(["n1", "n2"], on: a)
    _ = try await spoil(1, of: a) { $0.unitStamps = [] }
    _ = try await a.sync(with: world.transport)
    #expect(try await world.hubNotes() == ["n2 1 - none"])
    #expect(try await a.status().addsUp)
  }

  /// A hub may be stricter than this program: halves are tried, until what stays refused is one unit.
  @Test func aRefusedBatchOfSeveralUnitsIsDividedInTwo() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await seal(["n0"], on: a)
    for id in ["n1", "n2", "n3"] { try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", [id]) }
    try await a.seal()
    try await seal(["n4"], on: a)
    func refuse(_ number: UInt64) async throws -> RefusedOutbox.Outcome? {
      var said = WireReceipt()
      (said.scope, said.number, said.reason) = ("07201", number, "size")
      said.batch = try await batches(a)[Int(number) - 1].hash
      let key = try a.secrets().signingKey
      return try await a.engineWrite { [said] in try RefusedOutbox(session: $0.session).refuse(said, bytes: Data(), key: key) }
    }
    #expect(try await refuse(2) == RefusedOutbox.Outcome(resealed: 3, kept: 0))
    #expect(try await batches(a).map { try wire($0).unitStamps.count } == [1, 1, 2, 1])
    #expect(try await refuse(3) == RefusedOutbox.Outcome(resealed: 2, kept: 0))
    #expect(try await refuse(3) == RefusedOutbox.Outcome(resealed: 0, kept: 1))
    let left = try await batches(a)
    #expect(try left.map { try wire($0).number } == [1, 2, 3, 4])
    #expect(try left.dropFirst().map { try wire($0).previous } == left.dropLast().map(\.hash))
    #expect(try await a.status().addsUp)
    _ = try await a.sync(with: world.transport)
    #expect(try await world.hubNotes().map { $0.prefix(2) } == ["n0", "n1", "n3", "n4"])
    #expect(try await a.status().refusedChanges == 1)
  }

  /// What the hub has merged already is not made anew, whatever it says later.
  @Test func batchesThatTheHubHasAreNotSealedAgain() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await seal(["n1", "n2"], on: a)
    let before = try await batches(a)
    _ = try await a.sync(with: world.transport)
    var said = WireReceipt()
    (said.scope, said.number, said.batch, said.reason) = ("07201", 1, before[0].hash, "form")
    let key = try a.secrets().signingKey
    let outcome = try await a.engineWrite { [said] in try RefusedOutbox(session: $0.session).refuse(said, bytes: Data(), key: key) }
    #expect(outcome == nil)
    #expect(try await batches(a) == before)
  }

  // MARK: A wrong predecessor

  private func forged(_ replica: Replica, _ number: UInt64, _ previous: Data, _ id: String) throws -> SealedBatch {
    let key = try replica.secrets().signingKey
    let change = RowChange(table: "note", key: .text(id), life: 1, cells: [CellChange("unit", .text("07201"))])
    return try BatchCodec.seal(
      BatchContent(
        replica: key.replica, scope: "07201", number: number, previous: previous, cursor: Data(),
        units: [ChangeUnit(stamp: HybridTimestamp(wallMs: number), changes: [change])]), with: key)
  }

  @Test func aWaitingBatchWithAWrongPreviousIsRefusedAndSealedAgain() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let first = try forged(a, 1, Data(), "n1")
    let wrong = try forged(a, 2, Data(repeating: 7, count: 32), "n2")
    let third = try forged(a, 3, wrong.hash, "n3")
    for batch in [third, wrong] { #expect(try receipt(try await world.hub.ingest(batch)).state == .waiting) }
    let waiting = try await world.hub.stoppedBatches()
    #expect(waiting.map { "\($0.number) \($0.detail)" } == ["2 1", "3 1"] && waiting.allSatisfy { $0.reason == nil })
    #expect(try receipt(try await world.hub.ingest(first)).state == .merged)
    #expect(try await world.hub.stoppedBatches().map(\.reason) == ["previous", "behind"])
    let said = try receipt(try await world.hub.ingest(wrong))
    #expect(said.state == .refused && said.reason == "previous" && said.number == 2)
    #expect(try receipt(try await world.hub.ingest(third)).reason == "behind")
    let right = try forged(a, 2, first.hash, "n2")
    #expect(try receipt(try await world.hub.ingest(right)).state == .merged)
    #expect(try receipt(try await world.hub.ingest(try forged(a, 3, right.hash, "n3"))).state == .merged)
    #expect(try await world.hubNotes().map { $0.prefix(2) } == ["n1", "n2", "n3"])
  }

  @Test func aBatchWithAWrongPreviousIsRefusedAtOnce() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let first = try forged(a, 1, Data(), "n1")
    _ = try await world.hub.ingest(first)
    let wrong = try forged(a, 2, Data(repeating: 7, count: 32), "n2")
    #expect(try receipt(try await world.hub.ingest(wrong)).reason == "previous")
    #expect(try receipt(try await world.hub.ingest(try forged(a, 2, first.hash, "n2"))).state == .merged)
    // Another of a number that the hub has is a fork, as ever.
    let twin = try forged(a, 2, Data(repeating: 8, count: 32), "n2")
    await #expect { _ = try await world.hub.ingest(twin) } throws: { ($0 as? SyncError)?.code == .fork }
  }

  // MARK: Hostile

  @Test(.long) func aBombIsRefusedBeforeMemoryIsSpentAndNamed() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let key = try a.secrets().signingKey
    let good = try wire(try forged(a, 1, Data(), "n1"))
    let bomb = try Zlib.compress(Data(count: 70 << 20))
    func said(_ change: (inout WireBatch) -> Void, _ tail: Data = Data()) async throws -> String {
      var batch = good
      change(&batch)
      let sealed = SealedBatch(bytes: try key.sealed(try batch.serializedData() + tail, as: .batch))
      let receipt = try receipt(try await world.hub.ingest(sealed))
      return "\(receipt.state) \(receipt.reason)"
    }
    let column = WireColumn.with { ($0.name, $0.encoding, $0.data, $0.inflated) = ("b", .blobs, bomb, 70 << 20) }
    #expect(try await said { $0.tables[0].columns.append(column) } == "refused size")
    #expect(try await said({ _ in }, Data((0..<200_000).map { $0 % 2 == 0 ? 0x42 : 0 })) == "refused size")
    #expect(try await said({ _ in }, Data(repeating: 0x0b, count: 1000)) == "refused form")
    #expect(try await said { $0.number = 0 } == "refused number")
    #expect(try await world.hub.stoppedBatches().count == 4)
    #expect(try await world.hubNotes() == [])
    #expect(try receipt(try await world.hub.ingest(try forged(a, 1, Data(), "n1"))).state == .merged)
  }

  @Test func whatWasDamagedOnTheWayIsNoRefusal() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let batch = try forged(a, 1, Data(), "n1")
    var bytes = batch.bytes
    bytes[bytes.count / 2] ^= 1
    await #expect { _ = try await world.hub.ingest(SealedBatch(bytes: bytes)) } throws: { ($0 as? SyncError)?.code == .badSignature }
    // Nobody refuses in another's name.
    let forged = try b.secrets().signingKey.sealed(try WireSigned(serializedBytes: batch.bytes).body, as: .batch)
    await #expect { _ = try await world.hub.ingest(SealedBatch(bytes: forged)) } throws: { ($0 as? SyncError)?.code == .badSignature }
    #expect(try await world.hub.stoppedBatches().isEmpty)
    #expect(try receipt(try await world.hub.ingest(batch)).state == .merged)
  }

  @Test func batchesBeyondTheListAreCounted() async throws {
    let world = try await World()
    try await world.hub.store.write { session in
      try session.execute(
        """
        INSERT INTO hub_refused (hash, scope, replica, number, reason, detail, received_ms, size, bytes)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= \(HeldUnits.unitsMax))
        SELECT CAST('h' || i AS BLOB), '07201', zeroblob(16), i, 'form', '', 0, 0, x'' FROM n
        """, [])
    }
    #expect(try await world.hub.stoppedBatches().count == HeldUnits.unitsMax)
    #expect(try await world.hub.stoppedBatchCount() == HeldUnits.unitsMax + 1)
  }

  @Test(.long) func refusedBatchesOfOneDeviceAreBounded() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let key = try a.secrets().signingKey
    let good = try wire(try forged(a, 1, Data(), "n1"))
    let batches = try (0..<RefusedBatches.perReplicaMax + 5).map { number in
      var batch = good
      batch.unitStamps = []
      batch.cursor = Data([UInt8(number % 256), UInt8(number / 256)])
      return SealedBatch(bytes: try key.sealed(try batch.serializedData(), as: .batch))
    }
    for batch in batches {
      world.clock.advance(1)
      _ = try await world.hub.ingest(batch)
    }
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_refused") } == Int64(RefusedBatches.perReplicaMax))
    let oldest = try await world.hub.read { try RefusedBatches(session: $0).refusal(batches[0].hash) }
    #expect(oldest == nil)
  }

  @Test func aBundleBringsTheRefusalToTheDevice() async throws {
    let world = try await World(schema: Pictures.schema)
    let a = try await world.device("a")
    try await seal(["n1", "n2"], on: a)
    _ = try await spoil(1, of: a) { $0.tables[0].rows = 7 }
    let (report, outcome) = try await world.journey(a)
    #expect(report.devices[0].problems.contains { $0.en.contains("Batch 1") } && outcome.needsAnother)
    _ = try await world.journey(a)
    #expect(try await world.hubNotes() == ["n2 1 - none"])
    let status = try await a.status()
    #expect(status.refusedChanges == 1 && status.addsUp)
  }
}
