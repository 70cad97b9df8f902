import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncHub
@testable import SyncKit

final class Counter: Sendable {
  private let left: Mutex<Int>

  init(_ count: Int) { left = Mutex(count) }

  func take() -> Bool {
    left.withLock { left in
      guard left > 0 else { return false }
      left -= 1
      return true
    }
  }
}

struct Dice: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// A random history of one unit: edits, exchanges, copies, wrong clocks, lost answers, hubs put back.
final class Storm {
  /// What may go wrong besides.
  struct Weather: Sendable {
    var copies = true
    var restores = false
  }

  private let seed: UInt64
  private let world: World
  private var dice: Dice
  private var devices: [(replica: Replica, clock: TestClock)] = []
  private let weather: Weather
  private var copies = 0
  private var images = 0
  private var value = 0
  /// Values somebody saw and overwrote.
  private var displaced: Set<String> = []
  private var written: [String: String] = [:]
  private(set) var history: [String] = []

  init(seed: UInt64, world: World, weather: Weather = Weather()) {
    self.seed = seed
    self.weather = weather
    self.world = world
    dice = Dice(seed)
  }

  func run(steps: Int) async throws {
    for index in 0..<2 {
      let clock = TestClock(world.clock.nowMs())
      devices.append((try await world.device("d\(index)", clock: clock), clock))
    }
    for _ in 0..<steps { try await step() }
    let replicas = devices.map(\.replica)
    for _ in 0..<2 { try await world.settle(replicas) }
    let comment: Comment = "seed \(seed): \(history.joined(separator: "; "))"
    try await world.expectConverged(replicas, comment)
    let cells = try await world.hub.read { try $0.rows("SELECT id, 'a', a FROM note UNION ALL SELECT id, 'b', b FROM note") }
    let standing = Set(cells.map { "\($0[0].shown).\($0[1].shown)=\($0[2].shown)" })
    let kept = try await world.hub.read { session in
      Set(try session.rows("SELECT row_key, col, losing_value FROM sync_conflict").map { "\($0[0].shown).\($0[1].shown)=\($0[2].shown)" })
    }
    for (value, by) in written where !standing.contains(value) && !displaced.contains(value) {
      #expect(kept.contains(value), "\(value) by \(by) is lost; \(comment)")
    }
  }

  private func step() async throws {
    world.clock.advance(UInt64.random(in: 0...3000, using: &dice))
    let index = Int.random(in: 0..<devices.count, using: &dice)
    let (replica, clock) = devices[index]
    clock.set(world.clock.nowMs())
    switch Int.random(in: 0..<100, using: &dice) {
    case 0..<55: try await write(replica, index)
    case 55..<60:
      history.append("seal \(index)")
      try await replica.seal()
    case 60..<66:
      clock.advance(UInt64.random(in: 0...100_000_000, using: &dice))
      try await write(replica, index)
    case 66..<70 where weather.restores:
      images += 1
      history.append("image \(images)")
      try await world.imageHub("image\(images)")
    case 70..<75 where weather.restores && images > 0:
      let image = Int.random(in: 1...images, using: &dice)
      let isKnown = Bool.random(using: &dice)
      history.append("\(isKnown ? "restore" : "put back") \(image)")
      try await isKnown ? world.restoreHub("image\(image)") : world.putBackHub("image\(image)")
    case 75..<79 where weather.copies && devices.count < 5, 66..<72 where weather.copies && devices.count < 5:
      copies += 1
      history.append("copy \(index) to \(devices.count)")
      let copied = TestClock(clock.nowMs())
      devices.append((try await world.copy(replica, to: "c\(copies)", clock: copied), copied))
    case 66..<80:
      history.append("sync \(index), losing an answer")
      let path =
        ["/v1/batches/", "/v1/feed", "/v1/succession", "/v1/life", "/v1/pages", "/v1/hub"].randomElement(using: &dice) ?? ""
      var options = SyncOptions()
      options.retry.attemptsMax = 1
      _ = try? await replica.sync(with: LosingAnswers(base: world.transport, path: path, times: 1), options: options)
    default:
      history.append("sync \(index)")
      try await world.sync(replica)
    }
  }

  private func write(_ replica: Replica, _ index: Int) async throws {
    value += 1
    let id = "n\(Int.random(in: 0..<3, using: &dice))"
    let column = Bool.random(using: &dice) ? "a" : "b"
    let old = try await replica.rows("SELECT \(column) FROM note WHERE id = '\(id)'").first
    if let old, old != "-" { displaced.insert("\(id).\(column)=\(old)") }
    written["\(id).\(column)=\(value)"] = "device \(index)"
    history.append("write \(index) \(id).\(column)=\(value) over \(old ?? "nothing")")
    try await replica.execute(
      "INSERT INTO note (id, unit, \(column)) VALUES (?1, '07201', ?2) ON CONFLICT (id) DO UPDATE SET \(column) = ?2", [id, value])
  }
}
