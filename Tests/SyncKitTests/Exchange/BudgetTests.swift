import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Exchanges that may send and receive only so much.
@Suite struct BudgetTests {
  private static let schema = World.Schema(
    tables: [
      ReplicatedTable("note", scopeColumn: "unit"), ReplicatedTable("picture", scopeColumn: "unit", blobs: ["blob"]),
      ReplicatedTable("alarm", scopeColumn: "unit", isUrgent: true),
    ],
    sql: Pictures.schema.sql + "CREATE TABLE alarm (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID;")

  /// Counts what goes both ways.
  private final class Meter: Transport {
    private let inner: LocalTransport
    private let bytes = Mutex(0)

    init(_ hub: Hub) { inner = LocalTransport(hub: hub) }

    func take() -> Int {
      bytes.withLock { count in
        defer { count = 0 }
        return count
      }
    }

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      let response = try await inner.send(request, timeoutMs: timeoutMs)
      bytes.withLock { $0 += request.wireBytes + response.wireBytes }
      return response
    }
  }

  private func options(_ bytes: Int) -> SyncOptions {
    var options = SyncOptions()
    options.bytesMax = bytes
    return options
  }

  private func tables(of batch: SealedBatch) throws -> Set<String> {
    Set(try BatchCodec.reopen(batch).units.flatMap(\.changes).map(\.table))
  }

  @Test func urgentUnitsAreSealedFirstWithTheUnitsTheyBuildOn() async throws {
    let world = try await World(schema: Self.schema)
    let a = try await world.device("a")
    for number in 0..<20 {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(number)", noise(4000, seed: UInt64(number))])
    }
    // One transaction changes a note and raises an alarm: the note's birth must come before.
    try await a.database.write { db in
      try db.execute(sql: "UPDATE note SET b = 'seen' WHERE id = 'n3'")
      try db.execute(sql: "INSERT INTO alarm (id, unit, a) VALUES ('x', '07201', 1)")
    }
    try await a.execute("INSERT INTO alarm (id, unit, a) VALUES ('y', '07201', 2)")
    try await a.seal()
    let batches = try await a.outboxBatches()
    try #require(batches.count == 2)
    let first = try BatchCodec.reopen(batches[0]).units.flatMap(\.changes).map { $0.key.text ?? "" }
    #expect(Set(first) == ["n3", "x", "y"])
    #expect(try tables(of: batches[1]) == ["note"])
    _ = try await a.sync(with: world.transport)
    let counts = try await world.hub.read { session in
      try ["note", "alarm", "hub_held", "sync_conflict"].map { try session.integer("SELECT count(*) FROM \($0)") }
    }
    #expect(counts == [20, 2, 0, 0])
    #expect(try await world.hub.read { try $0.firstRow("SELECT b FROM note WHERE id = 'n3'")?[0].text } == "seen")
    #expect(try await a.status().agreement == .proved)
    // A little of both is not worth two batches.
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('small', '07201', 1)")
    try await a.execute("INSERT INTO alarm (id, unit, a) VALUES ('z', '07201', 3)")
    try await a.seal()
    #expect(try await a.outboxBatches().count == 3)
  }

  @Test(.long) func aBudgetIsKeptAndTheNextExchangeContinuesExactlyThere() async throws {
    let world = try await World(schema: Self.schema)
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    _ = try await a.sync(with: world.transport)
    // News for a: several batches, so that it comes in runs.
    for number in 0..<6 {
      try await b.execute(
        "INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["b\(number)", noise(20_000, seed: UInt64(900 + number))])
      _ = try await b.sync(with: world.transport)
    }
    for number in 0..<5 {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["a\(number)", noise(50_000, seed: UInt64(number))])
    }
    try await a.execute("INSERT INTO alarm (id, unit, a) VALUES ('x', '07201', 1)")
    var pictures: [BlobID] = []
    for number in 0..<3 { pictures.append(try await a.addPicture("p\(number)", noise(70_000, seed: UInt64(100 + number)))) }
    let meter = Meter(world.hub)
    var (total, rounds) = (0, 0)
    var isSpent = true
    while isSpent, rounds < 40 {
      let summary = try await a.sync(with: meter, options: options(60_000))
      let used = meter.take()
      #expect(used <= 60_000, "round \(rounds): \(used)")
      (total, rounds, isSpent) = (total + used, rounds + 1, summary.isBudgetSpent)
      let alarms = try await world.hub.read { try $0.integer("SELECT count(*) FROM alarm") }
      #expect(alarms == 1, "the urgent row goes in the first exchange")
      let text = try await world.hub.read { try $0.integer("SELECT count(*) FROM note WHERE id LIKE 'a%'") ?? 0 }
      let notes = try await a.notes().count
      if text < 5 { #expect(notes == 5, "news wait for the text") }
      if notes < 11 { #expect(world.hub.blobs.ids().isEmpty, "photos wait for text and news") }
    }
    #expect(!isSpent && rounds > 8)
    #expect(Set(world.hub.blobs.ids()) == Set(pictures))
    #expect(try await a.notes().count == 11)
    #expect(try await a.status().agreement == .proved)
    // Text 250 kB, news 120 kB, photos 210 kB: nothing was sent twice; the rest is questions, receipts and headers.
    #expect(total < 580_000 + rounds * 9_000, "\(total) bytes in \(rounds) rounds")
  }

  @Test(.long) func aStepThatCannotBeDividedIsNamedWithItsSize() async throws {
    let world = try await World(schema: Self.schema)
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    _ = try await a.sync(with: world.transport)
    try await b.execute("INSERT INTO note (id, unit, a) VALUES ('big', '07201', ?)", [noise(200_000, seed: 1)])
    _ = try await b.sync(with: world.transport)
    let meter = Meter(world.hub)
    let summary = try await a.sync(with: meter, options: options(50_000))
    #expect(summary.isBudgetSpent && meter.take() < 10_000)
    let needed = try #require(summary.bytesNeeded)
    #expect((200_000...215_000).contains(needed))
    #expect(try await a.sync(with: meter, options: options(needed)).isBudgetSpent == false)
    #expect(try await a.notes().count == 1)
  }

  /// A device that dies in the middle of a large batch asks how much arrived before it goes on.
  @Test func aLargeBatchThatWasBegunIsAskedAbout() async throws {
    let world = try await World(schema: Self.schema)
    let a = try await world.device("a")
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', ?)", [noise(300_000, seed: 1)])
    let link = CuttingTransport(world.hub)
    link.cut(after: 200_000)
    var once = SyncOptions()
    once.retry = RetryPolicy(attemptsMax: 1)
    await #expect(throws: SyncError.self) { try await a.sync(with: link, options: once) }
    #expect(try await a.status().addsUp)
    _ = try await a.sync(with: link)
    #expect((300_000..<310_000).contains(link.sent), "\(link.sent)")
    #expect(try await a.status().mergedChanges == 1)
  }
}
