import Foundation
import GRDB

@testable import SyncKit

/// What holds once everything was given time to heal.
enum Finally {
  static func check(_ simulation: Simulation) async throws {
    try await Always.checkHub(simulation)
    let auditor = try await audit(simulation)
    for device in simulation.devices + [auditor] {
      try await Always.checkIntegrity(device)
      if !device.isRevoked { try await checkNothingWaits(device) }
    }
    let oracle = Oracle(simulation.history)
    try await checkOnce(simulation)
    try await Convergence.check(simulation, auditor, oracle)
    try await ConflictCheck.check(simulation, auditor, oracle)
    try await Losses.check(simulation)
    try await Packets.check(simulation)
    try auditor.close()
  }

  /// A reader who never wrote fetches every scope's whole feed: what it is told is the record the checks go by.
  private static func audit(_ simulation: Simulation) async throws -> Device {
    let link = simulation.link()
    let auditor = Device(
      index: 99, folder: simulation.folder, clock: SimClock(simulation.time), scope: "99",
      readScopes: [Tables.province] + Tables.units + ["99"],
      version: Tables.newest, link: link)
    var dice = Dice(seed: derive(simulation.scenario.seed, 5))
    try auditor.makeKey(&dice)
    let code = try await simulation.hub.open().makeCode(scope: auditor.scope, readScopes: auditor.readScopes)
    try await auditor.open().enroll(code: code, label: "auditor", through: link)
    _ = link.takeAnswers()
    try await simulation.exchange(auditor, actionsMax: Simulation.actionsMax, &dice)
    return auditor
  }

  private static func checkNothingWaits(_ device: Device) async throws {
    let status = try await device.open().status()
    let waiting = status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting
    guard waiting == 0, status.isAtHead else {
      throw Violation(check: "healing", message: "\(device.name) still has work to send, or is not at the head: \(status)")
    }
    guard status.heldChanges == 0 else { throw Violation(check: "held", message: "\(device.name) has held work nobody explains") }
    guard try await device.open().engineRead({ try $0.outbox.isAcknowledged() }) else {
      throw Violation(check: "healing", message: "\(device.name) has units the feed did not acknowledge")
    }
  }

  /// Each unit that devices sealed is in its scope's feed exactly once.
  private static func checkOnce(_ simulation: Simulation) async throws {
    let history = simulation.history
    var count: [Int: Int] = [:]
    for places in history.feed.values { for place in places.values { count[place.unit, default: 0] += 1 } }
    if let twice = count.first(where: { $0.value > 1 }) {
      throw Violation(check: "once", message: "\(history.units[twice.key].name) is in the feed \(twice.value) times")
    }
    var mayLack: Set<ReplicaID> = []
    for device in simulation.devices where device.isRevoked { mayLack.insert(try device.open().secrets().signingKey.replica) }
    for (number, unit) in history.units.enumerated() where count[number] == nil && !mayLack.contains(unit.name.author) {
      throw Violation(check: "lost", message: "\(unit.name) was sealed and is not in the feed")
    }
    for (scope, places) in history.feed {
      guard places.count == Int(places.keys.max() ?? 0) else {
        throw Violation(check: "feed", message: "the feed of \(scope) has gaps: \(places.count) units up to \(places.keys.max() ?? 0)")
      }
    }
  }
}

/// Every store shows what the oracle says, values and versions.
enum Convergence {
  static func check(_ simulation: Simulation, _ auditor: Device, _ oracle: Oracle) async throws {
    let atHub = try await simulation.hub.open().read { session in
      (try Simulation.rows(in: session, version: Tables.newest), try versions(in: session))
    }
    let all = Tables.units + [Tables.province]
    try compare(atHub.0, expected(oracle, scopes: all), "the hub")
    for device in simulation.devices + [auditor] where !device.isRevoked {
      let shown = try await simulation.rows(of: device)
      try compare(shown, expected(oracle, scopes: device.readScopes), device.name)
      let kept = try await device.open().engineRead { try versions(in: $0.session) }
      let read = atHub.1.filter { line in device.readScopes.contains { line.hasPrefix($0 + " ") } }
      guard kept == read else {
        let different = kept.symmetricDifference(read).sorted().prefix(6).joined(separator: "\n  ")
        throw Violation(check: "versions", message: "\(device.name) and the hub keep different versions:\n  \(different)")
      }
    }
  }

  private static func expected(_ oracle: Oracle, scopes: [String]) -> [RowName: [String: CellValue]] {
    var all: [RowName: [String: CellValue]] = [:]
    for scope in scopes {
      for (name, row) in oracle.rows[scope] ?? [:] where row.isAlive {
        var shown: [String: CellValue] = [:]
        for column in Tables.columns[name.table] ?? [] { shown[column.name] = column.shown(row.cells) }
        all[name] = shown
      }
    }
    return all
  }

  private static func compare(_ shown: [RowName: [String: CellValue]], _ expected: [RowName: [String: CellValue]], _ who: String) throws {
    for row in Set(shown.keys).union(expected.keys).sorted() where shown[row] != expected[row] {
      func text(_ cells: [String: CellValue]?) -> String {
        cells.map { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.short)" }.joined(separator: " ") } ?? "no row"
      }
      throw Violation(check: "converge", message: "\(who) shows \(row) as \(text(shown[row])); the feed says \(text(expected[row]))")
    }
  }

  /// Life and version of every row and cell, a line each, as one store may compare them with another's.
  private static func versions(in session: any SQLSession) throws -> Set<String> {
    var lines: Set<String> = []
    for table in Tables.columns.keys {
      var columns: [Int64: String] = [:]
      for row in try session.rows(
        "SELECT c.id, c.name FROM sync_column c JOIN sync_table t ON t.id = c.tbl WHERE t.name = ?1", [.text(table)])
      {
        columns[row[0].integer ?? 0] = row[1].text
      }
      var replicas: [Int64: String] = [:]
      for row in try session.rows("SELECT id, bytes FROM sync_replica") { replicas[row[0].integer ?? 0] = row[1].blob?.prefix(4).hex }
      for row in try session.rows("SELECT key, scope, life, stamp, replica, mask, cells FROM sync_meta_\(table)") {
        let start = "\(row[1].short) \(table)/\(row[0].short) life \(row[2].short)"
        let main = "\(row[3].short)@\(replicas[row[4].integer ?? 0] ?? "?")"
        var giver = main
        for (id, column) in columns where (row[5].integer ?? 0) >> id & 1 == 1 { lines.insert("\(start) \(column) \(main)") }
        if let split = row[6].blob {
          var reader = ByteReader(split)
          while !reader.isAtEnd {
            let id = Int64(try reader.byte())
            let version = "\(Int64(bitPattern: try reader.varint()))@\(replicas[Int64(try reader.varint())] ?? "?")"
            _ = try reader.varint()
            if id == 255 { giver = version } else { lines.insert("\(start) \(columns[id] ?? "?") \(version)") }
          }
        }
        lines.insert("\(start) given \(giver)")
      }
    }
    return lines
  }
}

extension Column {
  /// What an app sees of the column.
  func shown(_ cells: [Oracle.Place: Oracle.Write]) -> CellValue {
    cells[Oracle.Place(column: name)]?.value ?? defaultValue
  }
}

/// Conflicts are exactly the oracle's, the same rows on every replica.
enum ConflictCheck {
  private struct Stored: Hashable {
    var scope: String
    var text: String
  }

  static func check(_ simulation: Simulation, _ auditor: Device, _ oracle: Oracle) async throws {
    let atHub = try await simulation.hub.open().read { try stored(in: $0) }
    var expected: Set<String> = []
    for conflict in oracle.conflicts.values { expected.insert(line(conflict)) }
    let found = Set(atHub.map(\.text))
    if let missing = expected.subtracting(found).sorted().first {
      throw Violation(
        check: "conflicts", message: "missing, or different: \(missing)\n  the hub has \(found.subtracting(expected).sorted().prefix(4))")
    }
    if let extra = found.subtracting(expected).sorted().first { throw Violation(check: "conflicts", message: "needless: \(extra)") }
    for device in simulation.devices + [auditor] where !device.isRevoked {
      let here = try await device.open().engineRead { try stored(in: $0.session) }
      guard here == atHub.filter({ device.readScopes.contains($0.scope) }) else {
        throw Violation(check: "conflicts", message: "\(device.name) does not have the hub's conflicts")
      }
    }
  }

  private static func line(_ conflict: Oracle.Conflict) -> String {
    let (loser, winner) = (conflict.subject.loser, conflict.winner)
    return [
      conflict.subject.row.description, String(conflict.subject.life), conflict.subject.place.column, loser.value.short,
      String(loser.stamp), loser.author.short, winner.value.short, String(winner.stamp), winner.author.short,
      conflict.isAcrossLives ? "life" : "lww", conflict.isOpen ? "open" : "closed",
    ].joined(separator: " ")
  }

  private static func stored(in session: any SQLSession) throws -> Set<Stored> {
    let rows = try session.rows(
      """
      SELECT scope, tbl, row_key, life, col, losing_value, losing_stamp, losing_replica, winning_value, winning_stamp, winning_replica, rule, state
      FROM sync_conflict
      """)
    return Set(
      rows.map { row in
        func replica(_ value: CellValue) -> String { value.blob?.prefix(4).hex ?? "-" }
        func stamp(_ value: CellValue) -> String { String(UInt64(bitPattern: value.integer ?? 0)) }
        let text = [
          "\(row[1].short)/\(row[2].short)", row[3].short, row[4].short, row[5].short, stamp(row[6]), replica(row[7]), row[8].short,
          stamp(row[9]),
          replica(row[10]), row[11].short, row[12].short,
        ].joined(separator: " ")
        return Stored(scope: row[0].text ?? "", text: text)
      })
  }
}
