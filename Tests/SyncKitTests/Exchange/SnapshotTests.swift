import Foundation
import GRDB
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Scopes fetched in bulk: a first sync, and a device that was away for longer than the log reaches back.
@Suite struct SnapshotTests {
  private static func options(rows: Int = 2, first: Int = FeedReader.firstUnitsMax) -> Hub.Options {
    var options = Hub.Options()
    options.snapshotRowsMax = rows
    options.firstUnitsMax = first
    return options
  }

  /// Counts the calls for pages of snapshots, and fails those it is told to.
  private final class Watched: Transport {
    let inner: any Transport
    let asked = Mutex<[HubRequest]>([])
    let failing = Mutex<Int?>(nil)
    /// Done before the snapshot call of that number is answered.
    let between = Mutex<(call: Int, work: @Sendable () async throws -> Void)?>(nil)

    init(_ inner: any Transport) { self.inner = inner }

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      guard request.path == "/v1/snapshot" else { return try await inner.send(request, timeoutMs: timeoutMs) }
      let number = asked.withLock {
        $0.append(request)
        return $0.count
      }
      if failing.withLock({ $0 }) == number { throw SyncError(.badRequest, vi: "cắt", en: "cut") }
      if let (call, work) = between.withLock({ $0 }), call == number { try await work() }
      return try await inner.send(request, timeoutMs: timeoutMs)
    }

    var count: Int { asked.withLock { $0.count } }
  }

  private func write(_ count: Int, in world: World, unit: String = "07201", prefix: String = "n") async throws {
    try await world.hub.write { session in
      for index in 0..<count {
        session.beginAnotherUnit()
        try session.execute(
          "INSERT INTO note (id, unit, a, b) VALUES (?1, ?2, ?3, 'x')",
          [.text("\(prefix)\(index)"), .text(unit), .integer(Int64(index))])
      }
    }
  }

  private func expectSame(_ world: World, _ devices: Replica...) async throws {
    let atHub = try await world.hubNotes()
    for device in devices {
      #expect(try await device.notes() == atHub)
      let status = try await device.status()
      #expect(status.agreement == .proved && status.addsUp && status.isAtHead)
    }
  }

  @Test func aNewDeviceFetchesALongFeedAsASnapshot() async throws {
    let world = try await World(options: Self.options(rows: 7, first: 20))
    try await write(30, in: world)
    let device = try await world.device("a")
    let link = Watched(world.transport)
    let summary = try await device.sync(with: link)
    // Tables, then keys: 30 rows, 7 to a page.
    #expect(link.count == 5 && summary.progress.rowsFetched == 30 && summary.progress.unitsApplied == 0)
    #expect(summary.notices.isEmpty, "a first sync is nothing out of the ordinary")
    try await expectSame(world, device)
    // From here on the feed serves it.
    try await write(1, in: world, prefix: "m")
    #expect(try await device.sync(with: link).progress.unitsApplied == 1 && link.count == 5)
    try await expectSame(world, device)
  }

  @Test(.long) func aDeviceAwayTooLongFetchesASnapshotAndKeepsItsChanges() async throws {
    let world = try await World(options: Self.options())
    let (away, other) = (try await world.device("away"), try await world.device("other"))
    for (id, value) in [("k1", "1"), ("k2", "2"), ("k3", "3")] {
      try await away.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", [id, value])
    }
    _ = try await away.sync(with: world.transport)
    _ = try await other.sync(with: world.transport)
    try await other.execute("UPDATE note SET a = 'other' WHERE id = 'k1'")
    try await other.execute("DELETE FROM note WHERE id = 'k2'")
    try await other.execute("INSERT INTO note (id, unit, b) VALUES ('k4', '07201', 'new')")
    _ = try await other.sync(with: world.transport)
    world.clock.advance(1000)
    #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) == 2)
    // Its own unsent work: an edit of what was overwritten, of what was deleted, and a row of its own; one sealed, one pending.
    try await away.execute("UPDATE note SET a = 'mine' WHERE id = 'k1'")
    try await away.seal()
    try await away.execute("UPDATE note SET b = 'late' WHERE id = 'k2'")
    try await away.execute("INSERT INTO note (id, unit, a) VALUES ('k5', '07201', 'own')")
    let summary = try await away.sync(with: world.transport)
    #expect(summary.notices.map(\.kind) == [.rebased])
    #expect(try await away.status().notices.map(\.kind) == [.rebased])
    _ = try await other.sync(with: world.transport)
    try await expectSame(world, away, other)
    #expect(try await world.hubNotes() == ["k1 mine - none", "k3 3 - none", "k4 - new none", "k5 own - none"])
    #expect(try await world.hubConflicts() == ["k1 a other mine", "k2 b late -"])
  }

  @Test func unsentChangesAreMergedOnTopOfASnapshot() async throws {
    let world = try await World(options: Self.options(rows: 1))
    let (away, other) = (try await world.device("away"), try await world.device("other"))
    try await away.execute("INSERT INTO note (id, unit, a, b) VALUES ('k1', '07201', 'old', 'old')")
    _ = try await away.sync(with: world.transport)
    _ = try await other.sync(with: world.transport)
    try await other.execute("UPDATE note SET b = 'theirs' WHERE id = 'k1'")
    _ = try await other.sync(with: world.transport)
    world.clock.advance(1000)
    _ = try await world.hub.clearLog(leaseMs: 0, isBackedUp: false)
    // Written while the snapshot is under way, after everything was pushed.
    let link = Watched(world.transport)
    link.between.withLock { [away] in
      $0 = (
        1,
        {
          try await away.execute("UPDATE note SET a = 'mine' WHERE id = 'k1'")
          try await away.execute("INSERT INTO note (id, unit, a) VALUES ('k0', '07201', 'mine')")
        }
      )
    }
    link.failing.withLock { $0 = 2 }
    await #expect(throws: SyncError.self) { try await away.sync(with: link) }
    #expect(try await away.notes() == ["k0 mine - none", "k1 mine theirs none"])
    #expect(try await away.status().agreement != .proved)
    _ = try await away.sync(with: world.transport)
    try await expectSame(world, away)
  }

  @Test func anInterruptedSnapshotContinues() async throws {
    let world = try await World(options: Self.options(rows: 3, first: 5))
    try await write(12, in: world)
    let device = try await world.device("a")
    let link = Watched(world.transport)
    link.failing.withLock { $0 = 3 }
    await #expect(throws: SyncError.self) { try await device.sync(with: link) }
    #expect(try await device.notes().count == 6)
    _ = try await device.sync(with: link)
    // Two pages before the cut, the one that was cut, and the rest: none twice.
    let places = link.asked.withLock { $0.map { $0.query("next") ?? "" } }
    #expect(places.count == 6 && Set(places).count == 5 && places[2] == places[3])
    try await expectSame(world, device)
  }

  @Test func changesDuringASnapshotComeByTheFeed() async throws {
    let world = try await World(options: Self.options(rows: 3, first: 5))
    try await write(12, in: world)
    let device = try await world.device("a")
    let link = Watched(world.transport)
    link.between.withLock { [hub = world.hub] in
      $0 = (
        3,
        {
          try await hub.write { session in
            try session.execute("DELETE FROM note WHERE id IN ('n0', 'n9')", [])
            try session.execute("UPDATE note SET a = 'torn' WHERE id IN ('n1', 'n8')", [])
            try session.execute("INSERT INTO note (id, unit, a) VALUES ('a', '07201', 'before'), ('z', '07201', 'after')", [])
          }
        }
      )
    }
    _ = try await device.sync(with: link)
    try await expectSame(world, device)
    #expect(try await device.notes().contains("n8 torn x none"))
  }

  @Test func aHubThatWasReplacedMeanwhileBeginsAgain() async throws {
    let world = try await World(options: Self.options(rows: 3, first: 5))
    try await write(12, in: world)
    let device = try await world.device("a")
    let link = Watched(world.transport)
    link.failing.withLock { $0 = 2 }
    await #expect(throws: SyncError.self) { try await device.sync(with: link) }
    // A place of nowhere, as one is after a restore.
    let place = try await device.engineRead { try SnapshotCursor(session: $0.session).next(scope: "07201") }
    var forged = try WireSnapshotPlace.parse(place, named: LocalizedText("place"))
    forged.start.feedHash = Data(repeating: 7, count: 16)
    let bytes = try forged.serializedData()
    try await device.engineWrite { try SnapshotCursor(session: $0.session).set(bytes, scope: "07201") }
    _ = try await device.sync(with: world.transport)
    try await expectSame(world, device)
  }

  /// The device's clock is years ahead, so that the hub gave its units other stamps; it hears of them only with the snapshot.
  @Test func newStampsOfOwnUnitsComeWithTheSnapshot() async throws {
    let world = try await World(options: Self.options())
    let ahead = TestClock(world.clock.nowMs() + 90_000_000_000)
    let (away, other) = (try await world.device("away", clock: ahead), try await world.device("other"))
    _ = try await away.sync(with: world.transport)
    try await away.execute("INSERT INTO note (id, unit, a, b) VALUES ('k1', '07201', 'first', 'first')")
    // Sealed uncorrected by a device that never measured its clock, and brought by somebody else.
    try await away.engineWrite { try $0.state.set("offsetMs", .integer(0)) }
    try await away.seal()
    let batches = try await away.engineRead { try $0.session.rows("SELECT bytes FROM sync_outbox").compactMap { $0[0].blob } }
    for bytes in batches { _ = try await world.hub.ingest(SealedBatch(bytes: bytes)) }
    _ = try await other.sync(with: world.transport)
    try await other.execute("UPDATE note SET a = 'second' WHERE id = 'k1'")
    _ = try await other.sync(with: world.transport)
    world.clock.advance(1000)
    _ = try await world.hub.clearLog(leaseMs: 0, isBackedUp: false)
    _ = try await away.sync(with: world.transport)
    #expect(try await away.notes() == ["k1 second first none"])
    try await expectSame(world, away, other)
  }

  /// What stands on the device and nowhere else, as after damage, goes; and a column the hub never heard of reads as its default.
  @Test func rowsThatTheHubLacksAreDeletedByASnapshot() async throws {
    let world = try await World(options: Self.options())
    let (away, other) = (try await world.device("away"), try await world.device("other"))
    try await other.execute("INSERT INTO note (id, unit, a) VALUES ('k1', '07201', 'x'), ('k3', '07201', 'x')")
    _ = try await other.sync(with: world.transport)
    _ = try await away.sync(with: world.transport)
    let ghost = Version(HybridTimestamp(rawValue: 77 << 16), other.replicaIDForTests())
    try await away.engineWrite { transaction in
      let shape = try #require(transaction.rows.shape("note"))
      for (key, column, life) in [("k0", "a", 1), ("k1", "c", 1), ("k2", "a", 3), ("k9", "b", 1)] as [(String, String, UInt32)] {
        let before = try transaction.rows.load(shape, key: .text(key), in: nil)?.state ?? .unknown
        let change = IncomingChange(
          life: life, cells: [CellChange(column, .text("ghost")), CellChange("unit", .text("07201"))],
          origin: Origin(version: ghost, position: 0), seenThrough: .max)
        let outcome = Merge.join(before, change)
        try away.capture.suspended {
          try transaction.rows.save(outcome, over: before, shape: shape, key: .text(key), scope: "07201")
        }
      }
    }
    #expect(try await away.notes().count == 5)
    try await other.execute("UPDATE note SET b = 'y' WHERE id = 'k3'")
    _ = try await other.sync(with: world.transport)
    world.clock.advance(1000)
    _ = try await world.hub.clearLog(leaseMs: 0, isBackedUp: false)
    _ = try await away.sync(with: world.transport)
    try await expectSame(world, away)
    #expect(try await away.notes() == ["k1 x - none", "k3 x y none"])
  }

  @Test(.long) func aRowLargerThanAPageTravelsInPieces() async throws {
    let columns = (0..<12).map { "c\($0)" }
    let schema = World.Schema(
      tables: [ReplicatedTable("wide", scopeColumn: "unit")],
      sql: "CREATE TABLE wide (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, \(columns.joined(separator: ", "))) WITHOUT ROWID")
    let world = try await World(options: Self.options(rows: 100), schema: schema)
    let (away, other) = (try await world.device("away"), try await world.device("other"))
    _ = try await away.sync(with: world.transport)
    try await other.execute("INSERT INTO wide (id, unit) VALUES ('a', '07201'), ('b', '07201'), ('c', '07201')")
    for (index, column) in columns.enumerated() {
      // Not compressible, so that the page is as large as it looks.
      var generator = SeededGenerator(seed: UInt64(index + 1))
      let value = Data((0..<1_000_000).map { _ in UInt8.random(in: 0 ... .max, using: &generator) })
      try await other.execute("UPDATE wide SET \(column) = ? WHERE id = 'b'", [value])
      _ = try await other.sync(with: world.transport)
    }
    _ = try await away.sync(with: world.transport)
    try await other.execute("UPDATE wide SET c0 = 'small' WHERE id = 'c'")
    _ = try await other.sync(with: world.transport)
    world.clock.advance(1000)
    _ = try await world.hub.clearLog(leaseMs: 0, isBackedUp: false)
    let link = Watched(world.transport)
    _ = try await away.sync(with: link)
    let (first, second) = (try await state(of: away), try await state(of: other))
    #expect(link.count == 3)
    #expect(first == second && first.count == 3)
    #expect(try await away.status().agreement == .proved)
  }

  private func state(of replica: Replica) async throws -> [String: String] {
    try await replica.database.read { db in
      var hashes: [String: String] = [:]
      for row in try Row.fetchAll(db, sql: "SELECT * FROM wide ORDER BY id") {
        hashes[row["id"]] = row.databaseValues.map { "\($0)" }.joined(separator: "|").data(using: .utf8)?.sha256.hex
      }
      return hashes
    }
  }

  /// As only the hub could make them: refused, or content within bounds.
  @Test(.long) func damagedPagesAreRefusedOrKeepTheirBounds() async throws {
    let world = try await World(options: Self.options(rows: 50, first: 0))
    let device = try await world.device("a")
    for index in 0..<5 { try await device.execute("INSERT INTO note (id, unit, a, b) VALUES (?, '07201', ?, 2.5)", ["k\(index)", index]) }
    _ = try await device.sync(with: world.transport)
    try await device.execute("DELETE FROM note WHERE id = 'k1'")
    _ = try await device.sync(with: world.transport)
    let page = try await snapshot(of: "07201", by: device, world)
    let body = try WireSigned(serializedBytes: page.body).body
    let whole = try SnapshotCodec.content(of: body, hub: world.hub.replica)
    #expect(whole.rows.count == 5 && whole.acknowledgements.count > 0 && whole.ranges.count == 3)
    var chance = SeededGenerator(seed: 5)
    var accepted = 0
    for _ in 0..<6000 {
      var bytes = body
      for _ in 0...Int.random(in: 0..<3, using: &chance) {
        let place = Int.random(in: 0..<bytes.count, using: &chance)
        bytes[place] = UInt8.random(in: 0 ... .max, using: &chance)
      }
      if Int.random(in: 0..<4, using: &chance) == 0 { bytes = bytes.prefix(Int.random(in: 0..<bytes.count, using: &chance)) }
      guard let content = try? SnapshotCodec.content(of: Data(bytes), hub: world.hub.replica) else { continue }
      accepted += 1
      #expect(content.rows.count <= WireLimits.rowsMax && content.acknowledgements.count <= WireLimits.unitsMax)
      #expect(content.ranges.count <= WireLimits.tablesMax && content.next.count <= WireLimits.cursorBytesMax)
    }
    #expect(accepted > 100, "some damage is only another content")
  }

  @Test func aSnapshotOfAnotherScopeIsRefused() async throws {
    let world = try await World()
    let device = try await world.device("a")
    let answer = try await snapshot(of: "07204", by: device, world)
    #expect(answer.status == 403 && SyncError(answer).code == .wrongScope)
    #expect(try await SyncError(snapshot(of: "07201", next: "zz", by: device, world)).code == .damaged)
    #expect(try await snapshot(of: "07201", by: device, world).status == 200)
  }

  private func snapshot(of scope: String, next: String = "", by device: Replica, _ world: World) async throws -> HubResponse {
    var request = HubRequest("GET", "/v1/snapshot?scope=\(scope)&cursor=&next=\(next)")
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: world.clock.nowMs(), key: try device.secrets().signingKey)
    return try await world.transport.send(request, timeoutMs: 1000)
  }

  /// A page asked for before somebody else went on must not bring old rows back.
  @Test func aStalePageIsIgnored() async throws {
    let world = try await World(options: Self.options(rows: 100, first: 0))
    try await write(3, in: world)
    let device = try await world.device("a")
    let late = try await snapshot(of: "07201", by: device, world)
    _ = try await device.sync(with: world.transport)
    try await world.hub.write { try $0.execute("UPDATE note SET a = 'newer'", []) }
    _ = try await device.sync(with: world.transport)
    let page = try SnapshotCodec.open(late.body, hub: try await device.hubKey())
    _ = try await device.apply(page, after: Data(), place: Data())
    try await expectSame(world, device)
  }

  @Test func batchesWithHeldUnitsAreNotTrimmed() async throws {
    let world = try await World(
      schema: World.Schema(
        tables: [
          ReplicatedTable("parent", scopeColumn: "unit"),
          ReplicatedTable("child", scopeColumn: "unit", references: ["parent_id": "parent"]),
        ],
        sql: """
          CREATE TABLE parent (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID;
          CREATE TABLE child (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, parent_id TEXT) WITHOUT ROWID;
          """))
    let device = try await world.device("a")
    try await device.execute("INSERT INTO child VALUES ('c', '07201', 'p')")
    _ = try await device.sync(with: world.transport)
    world.clock.advance(1000)
    #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) == 0)
    try await device.execute("INSERT INTO parent VALUES ('p', '07201', 1)")
    _ = try await device.sync(with: world.transport)
    world.clock.advance(1000)
    #expect(try await world.hub.clearLog(leaseMs: 0, isBackedUp: false) == 2)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM child") } == 1)
  }
}

extension Replica {
  fileprivate func replicaIDForTests() -> ReplicaID {
    (try? secrets().signingKey.replica) ?? ReplicaID(publicKey: Data(count: 32))
  }
}
