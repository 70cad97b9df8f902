import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Random work on three devices of one unit over a lossy link, judged by an oracle that knows what each author had seen from
/// the bytes that reached it, and shares nothing with `Merge`.
@Suite struct ConvergenceTests {
  @Test(.long, arguments: Pace.seeds(UInt64(1)...40, fast: 2))
  func replicasConvergeAndNoUnseenValueIsLost(seed: UInt64) async throws {
    let run = try await Run(seed: seed)
    for _ in 0..<110 { try await run.step() }
    try await run.settle()
    try await run.judge()
  }
}

/// What the bytes on the wire say each device was told.
private final class Wire: Transport {
  private let inner: LocalTransport
  private let chance: @Sendable () -> Double
  let told = Mutex<Set<String>>([])
  let isLossy = Mutex(true)

  init(_ inner: LocalTransport, chance: @escaping @Sendable () -> Double) {
    self.inner = inner
    self.chance = chance
  }

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let lossy = isLossy.withLock { $0 }
    let lost = SyncError(.unreachable, vi: "mất", en: "lost")
    if lossy && chance() < 0.06 { throw lost }
    let response = try await inner.send(request, timeoutMs: timeoutMs)
    if lossy && chance() < 0.06 { throw lost }
    if request.path == "/v1/feed", response.status == 200 {
      let signed = try WireSigned.parse(response.body, named: LocalizedText("envelope"))
      let page = try WireFeedPage.parse(signed.body, named: LocalizedText("page"))
      let count = page.runs.reduce(0) { $0 + $1.stamps.count }
      let units = try TableCoder.decode(page.tables, unitCount: count)
      told.withLock { told in
        for case .text(let value) in units.joined().flatMap(\.cells).map(\.value) { told.insert(value) }
      }
    }
    return response
  }
}

private final class Run {
  struct Write {
    var key: String
    var column: String?  // nil: a deletion
    var value: String
    var past: Set<String>
  }

  struct Device {
    var replica: Replica
    var wire: Wire
    var clock: TestClock
    var own: Set<String> = []
  }

  let world: World
  var random: SeededGenerator
  var devices: [Device] = []
  var writes: [Write] = []

  init(seed: UInt64) async throws {
    world = try await World()
    random = SeededGenerator(seed: seed)
    let dice = Mutex(SeededGenerator(seed: seed &* 7919))
    for name in ["a", "b", "c"] {
      let clock = TestClock(world.clock.nowMs())
      let replica = try await world.device(name, clock: clock)
      let wire = Wire(world.transport) { dice.withLock { Double.random(in: 0..<1, using: &$0) } }
      devices.append(Device(replica: replica, wire: wire, clock: clock))
    }
  }

  func step() async throws {
    world.clock.advance(UInt64.random(in: 1...500, using: &random))
    let index = Int.random(in: 0..<3, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<3: devices[index].clock.set(UInt64.random(in: 0...4_000_000_000_000, using: &random))
    case 3..<6: devices[index].clock.set(world.clock.nowMs())
    case 6..<40: await sync(index)
    default: try await write(index)
    }
  }

  private func sync(_ index: Int) async {
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 2, delayFirstMs: 1, delayMaxMs: 1)
    _ = try? await devices[index].replica.sync(with: devices[index].wire, options: options)
  }

  private func write(_ index: Int) async throws {
    let device = devices[index]
    let key = "k\(Int.random(in: 1...3, using: &random))"
    let past = device.own.union(device.wire.told.withLock { $0 })
    let value = "v\(writes.count)"
    let column = ["a", "b", "c"].randomElement(using: &random) ?? "a"
    device.clock.advance(UInt64.random(in: 0...3, using: &random))
    let exists =
      try await device.replica.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM note WHERE id = ?", arguments: [key]) } == 1
    switch Int.random(in: 0..<10, using: &random) {
    case 0 where exists:
      try await device.replica.execute("DELETE FROM note WHERE id = ?", [key])
      writes.append(Write(key: key, column: nil, value: value, past: past))
    case 1 where exists:
      // REPLACE writes every column; a and b get NULL, c its default.
      try await device.replica.execute("REPLACE INTO note (id, unit, a) VALUES (?, '07201', ?)", [key, value])
      writes.append(Write(key: key, column: "*", value: value, past: past))
    default:
      let sql = exists ? "UPDATE note SET \(column) = ? WHERE id = ?" : "INSERT INTO note (\(column), id, unit) VALUES (?, ?, '07201')"
      try await device.replica.execute(sql, [value, key])
      writes.append(Write(key: key, column: column, value: value, past: past))
    }
    devices[index].own.insert(value)
  }

  /// Everything travels, until nobody learns anything new.
  func settle() async throws {
    for device in devices { device.wire.isLossy.withLock { $0 = false } }
    for _ in 0..<3 {
      for device in devices { _ = try await device.replica.sync(with: device.wire) }
    }
  }

  func judge() async throws {
    let atHub = try await world.hubNotes()
    let metaAtHub = try await meta { sql in try await self.world.hub.read { try $0.rows(sql) } }
    for device in devices {
      #expect(try await device.replica.notes() == atHub)
      let status = try await device.replica.status()
      #expect(status.addsUp && status.pendingChanges + status.sealedChanges == 0)
      #expect(status.agreement == .proved)
      let metaHere = try await meta { sql in try await device.replica.engineRead { try $0.session.rows(sql) } }
      #expect(metaHere == metaAtHub)
    }
    try await judgeLosses()
  }

  private func judgeLosses() async throws {
    let standing = Set(
      try await world.hub.read { try $0.rows("SELECT a, b, c FROM note").flatMap { $0 } }.compactMap(\.text))
    let conflicts = try await world.hub.read { try $0.rows("SELECT losing_value, winning_value FROM sync_conflict") }
    let kept = Set(conflicts.compactMap { $0[0].text })
    for write in writes where write.column != nil && !standing.contains(write.value) && !kept.contains(write.value) {
      let column = write.column == "*" ? "a" : write.column
      let overwritten = writes.contains { later in
        later.key == write.key && (later.column == nil || later.column == "*" || later.column == column) && later.past.contains(write.value)
      }
      #expect(overwritten, "\(write.value) on \(write.key).\(write.column ?? "-") was lost in silence")
    }
    for conflict in conflicts {
      // Defaults that REPLACE wrote are no one's words.
      guard let loser = conflict[0].text, loser.hasPrefix("v"), let winner = conflict[1].text,
        let author = writes.first(where: { $0.value == winner })
      else { continue }
      #expect(!author.past.contains(loser), "needless conflict: the author of \(winner) had seen \(loser)")
    }
  }

  /// Versions by key and column, readable and comparable between stores.
  private func meta(_ rows: (String) async throws -> [[CellValue]]) async throws -> [String] {
    try await rows(
      "SELECT m.key, m.life, m.stamp, r.bytes FROM sync_meta_note m JOIN sync_replica r ON r.id = m.replica WHERE m.cells IS NULL ORDER BY m.key"
    ).map { $0.map(\.shown).joined(separator: " ") }
  }
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
