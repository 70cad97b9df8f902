import Foundation
import GRDB
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Every small history of restores: two devices make three batches, a backup after each; any of the three is put back, work goes on or
/// not, everybody drains, is backed up, and any of the three is put back once more.
@Suite struct ExhaustiveRestoreTests {
  /// One history.
  struct Case: Hashable, Sendable, CustomStringConvertible {
    /// Who makes each batch.
    var authors: [Int]
    /// Whether the other device hears of each batch before the backup after it, or of all at the end.
    var isHeard: Bool
    /// Which backup is put back in each round.
    var restored: [Int]
    /// Whether both write between the rounds.
    var worksOn: Bool
    /// Who exchanges first after a restore.
    var first: Int

    var description: String { "authors \(authors), heard \(isHeard), restored \(restored), works on \(worksOn), first \(first)" }

    static let all: [Case] = {
      var cases: [Case] = []
      for bits in 0..<16 {
        for (one, two) in (0..<3).flatMap({ one in (0..<3).map { (one, $0) } }) {
          for (worksOn, first) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
            cases.append(
              Case(
                authors: (0..<3).map { bits >> $0 & 1 }, isHeard: bits >> 3 == 1, restored: [one, two],
                worksOn: worksOn, first: first))
          }
        }
      }
      return cases
    }()
  }

  /// `SIM_RESTORES=all`: every case, some minutes; without it one in thirty-four, and in the fast run two.
  private static let chosen: [Case] = {
    if ProcessInfo.processInfo.environment["SIM_RESTORES"] == "all" { return Case.all }
    let step = SimulationTests.isFast ? 289 : 34
    return Case.all.enumerated().filter { $0.offset % step == 0 }.map(\.element)
  }()

  @Test func everySmallHistoryOfRestoresDrains() async throws {
    #expect(Case.all.count == 576)
    let failures = await withTaskGroup(of: String?.self) { group in
      var next = Self.chosen.makeIterator()
      var failures: [String] = []
      func begin() {
        guard let one = next.next() else { return }
        group.addTask {
          do {
            try await RestoreWorld(one).run()
            return nil
          } catch {
            return "\(one): \(error)"
          }
        }
      }
      for _ in 0..<max(1, ProcessInfo.processInfo.activeProcessorCount) { begin() }
      while let failure = await group.next() {
        if let failure { failures.append(failure) }
        begin()
      }
      return failures
    }
    print("restores: \(Self.chosen.count) of \(Case.all.count) histories, \(failures.count) failed")
    for failure in failures.prefix(5) { Issue.record("\(failure)") }
    #expect(failures.isEmpty)
  }
}

/// A hub and two devices that live through one case.
private final class RestoreWorld {
  let one: ExhaustiveRestoreTests.Case
  let simulation: Simulation
  private var backups: [Backup] = []

  private struct Backup {
    var path: String
    var epoch: Int
    var positions: [String: UInt64]
  }
  private var made = 0

  init(_ one: ExhaustiveRestoreTests.Case) throws {
    self.one = one
    var options = Scenario.Options()
    (options.faults, options.deviceCount, options.stepCount) = ([.hubRestored, .oldBackup], 2, 0)
    simulation = try Simulation(Scenario(seed: 1, options: options))
  }

  func run() async throws {
    let both = [simulation.devices[0], try Device.beside(simulation.devices[0], in: simulation)]
    (simulation.devices, simulation.isObserved) = (both, false)
    try await simulation.begin()
    for number in 0..<3 {
      let author = both[one.authors[number]]
      // Each batch brings a row and edits the one before, whoever made it.
      try await write(author, row: number)
      if number > 0 { try await write(author, row: number - 1) }
      try await exchange(author)
      if one.isHeard { try await exchange(both[1 - one.authors[number]]) }
      backups.append(try await backUp())
      try await exchange(author)
    }
    for device in both { try await exchange(device) }
    for (round, index) in one.restored.enumerated() {
      try await restore(backups[index])
      if one.worksOn { for (number, device) in both.enumerated() { try await write(device, row: 10 * (round + 1) + number) } }
      simulation.devices = one.first == 0 ? both : both.reversed()
      try await simulation.drain()
      simulation.devices = both
      try await check(round)
      for _ in 0..<2 { _ = try await backUp() }
      for device in both { try await exchange(device) }
    }
    for device in both { try device.close() }
    try simulation.hub.close()
  }

  private var expectedRows: Set<String> = []

  private func write(_ device: Device, row: Int) async throws {
    made += 1
    simulation.time.advance(1000)
    let (key, value) = ("k\(row)", "w\(made)")
    // An edit of a row that this device has not heard of is a birth of its own.
    let isHere = try await device.open().engineRead { try $0.session.firstRow("SELECT 1 FROM note WHERE id = ?1", [.text(key)]) != nil }
    let sql =
      isHere
      ? "UPDATE note SET a = '\(value)' WHERE id = '\(key)'"
      : "INSERT INTO note (id, unit, a) VALUES ('\(key)', '\(device.scope)', '\(value)')"
    try await device.open().database.write { try $0.execute(sql: sql) }
    device.known.captured += 1
    expectedRows.insert(key)
  }

  private func exchange(_ device: Device) async throws {
    var dice = Dice(seed: 1)
    try await simulation.exchange(device, actionsMax: Simulation.actionsMax, &dice)
  }

  private func backUp() async throws -> Backup {
    made += 1
    let path = simulation.folder + "/backup\(made).sqlite"
    let open = try await simulation.hub.open()
    _ = try await open.backUp(to: path)
    let positions = try await open.read { session in
      Dictionary(
        uniqueKeysWithValues: try session.rows("SELECT scope, position FROM hub_scope").map {
          ($0[0].text ?? "", UInt64(clamping: $0[1].integer ?? 0))
        })
    }
    return Backup(path: path, epoch: simulation.hub.port.epoch, positions: positions)
  }

  private func restore(_ backup: Backup) async throws {
    try simulation.hub.close()
    try Disk.copy(backup.path, to: simulation.hub.disk.path)
    for part in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: simulation.hub.disk.path + part) }
    simulation.history.putBack(to: backup.epoch, positions: backup.positions)
    simulation.hub.port.epoch += 1
    simulation.history.received = []
    _ = try await simulation.hub.open()
  }

  private static func notes(_ session: any SQLSession) throws -> [String] {
    try session.rows("SELECT id, a FROM note ORDER BY id").map { "\($0[0].text ?? "")=\($0[1].text ?? "")" }
  }

  /// Every row is on both devices and at the hub, the same.
  private func check(_ round: Int) async throws {
    let atHub = try await simulation.hub.open().read { try Self.notes($0) }
    let keys = Set(atHub.compactMap { $0.split(separator: "=").first.map(String.init) })
    guard keys == expectedRows else {
      throw Violation(check: "lost", message: "round \(round + 1): the hub has \(atHub), of \(expectedRows.sorted())")
    }
    for device in simulation.devices {
      let here = try await device.open().engineRead { try Self.notes($0.session) }
      guard here == atHub else {
        throw Violation(check: "converge", message: "round \(round + 1): \(device.name) has \(here), the hub \(atHub)")
      }
    }
  }
}

extension Device {
  /// Another device of the same unit.
  fileprivate static func beside(_ one: Device, in simulation: Simulation) throws -> Device {
    let device = Device(
      index: 50, folder: simulation.folder, clock: SimClock(simulation.time), scope: one.scope, readScopes: one.readScopes,
      version: one.version, link: simulation.link(), seed: 50, program: one.program)
    var dice = Dice(seed: 51)
    try device.makeKey(&dice)
    return device
  }
}
