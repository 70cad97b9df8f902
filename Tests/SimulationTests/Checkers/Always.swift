import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What holds at every moment.
enum Always {
  /// The counts of promise 2 add up, and count what people really did.
  static func check(_ device: Device) async throws {
    guard let replica = device.replica else { return }
    let status = try await replica.status()
    guard status.addsUp else { throw Violation(check: "sum", message: "the counts of \(device.name) do not add up: \(status)") }
    guard status.captured - status.recovered == device.known.captured || !device.isCounted else {
      throw Violation(
        check: "sum",
        message: "\(device.name) counts \(status.captured) writes, \(status.recovered) made again, people made \(device.known.captured)")
    }
    guard status.packetsMade == device.known.packetsMade else {
      throw Violation(check: "sum", message: "\(device.name) counts \(status.packetsMade) packets, people made \(device.known.packetsMade)")
    }
  }

  static func checkIntegrity(_ device: Device) async throws {
    let found = try await device.open().database.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
    if found != "ok" { throw Violation(check: "integrity", message: "\(device.name): \(found ?? "-")") }
    try await check(device)
  }

  /// Every batch that a hub ever gave a receipt for is still there, among its batches or, with its reason, among those that it refused since:
  /// a batch may have waited for one of which a twin's came first. And what the hub counts is what it has.
  static func checkHub(_ simulation: Simulation) async throws {
    let received = simulation.history.received
    let (integrity, hashes, sums) = try await simulation.hub.open().read { session in
      (
        try session.firstRow("PRAGMA integrity_check")?.first?.text,
        Set(try session.rows("SELECT hash FROM hub_batch UNION SELECT hash FROM hub_refused").compactMap { $0[0].blob }),
        try session.rows(
          """
          SELECT (SELECT coalesce(sum(changes), 0) FROM hub_held), (SELECT coalesce(sum(held_changes), 0) FROM hub_batch),
            (SELECT coalesce(sum(units), 0) FROM hub_feed), (SELECT coalesce(sum(position), 0) FROM hub_scope)
          """)[0].map { $0.integer ?? 0 }
      )
    }
    guard integrity == "ok" else { throw Violation(check: "integrity", message: "hub: \(integrity ?? "-")") }
    if let lost = received.first(where: { !hashes.contains($0) }) {
      throw Violation(check: "receipts", message: "the hub gave a receipt for \(lost.prefix(4).hex) and does not have it")
    }
    guard sums[0] == sums[1], sums[2] == sums[3] else {
      throw Violation(check: "sum", message: "the hub's held changes or positions do not add up: \(sums)")
    }
    try await checkUnits(of: try await simulation.hub.open())
    try await checkPackets(simulation)
  }

  /// Each packet that was opened is one row, an erased row, a repetition or spoiled.
  private static func checkPackets(_ simulation: Simulation) async throws {
    let anonymous = simulation.program.tables.filter { $0.kind == .anonymous }.map(\.name)
    let (opened, rows) = try await simulation.hub.open().read { session in
      let opened = try session.rows("SELECT kept, released + repeated + spoiled, released FROM hub_drop").map { $0.map { $0.integer ?? 0 } }
      let rows = try anonymous.map { try session.integer("SELECT count(*) FROM \($0)") ?? 0 }.reduce(0, +)
      return (opened, rows + (try session.integer("SELECT coalesce(sum(count), 0) FROM hub_erased") ?? 0))
    }
    guard opened.allSatisfy({ $0[0] == $0[1] }), opened.map({ $0[2] }).reduce(0, +) == rows else {
      throw Violation(check: "sum", message: "of packets \(opened) were kept, used and released, and \(rows) rows are there")
    }
  }

  /// Each unit of a batch that the hub took in is in the feed or held, and never both or twice.
  private static func checkUnits(of hub: Hub) async throws {
    try await hub.read { session in
      var places: [Int64: [Int: Int]] = [:]
      for row in try session.rows("SELECT batch, first_unit, units FROM hub_feed UNION ALL SELECT batch, unit, 1 FROM hub_held") {
        let first = Int(row[1].integer ?? 0)
        for unit in first..<first + Int(row[2].integer ?? 0) { places[row[0].integer ?? 0, default: [:]][unit, default: 0] += 1 }
      }
      // A restored hub may have units of a batch from pages before the batch comes again.
      let batches = try session.rows(
        """
        SELECT id, bytes, state, number, replica IN (SELECT replica FROM hub_returned_author) FROM hub_batch
        WHERE hash NOT IN (SELECT hash FROM hub_returned)
        """)
      for row in batches {
        // Cleared away: the log still has its places, and nothing says how many there were.
        guard let bytes = row[1].blob, !bytes.isEmpty else { continue }
        let units = try BatchCodec.reopen(SealedBatch(bytes: bytes)).units.count
        let expected = row[2].integer == BatchState.merged ? Dictionary(uniqueKeysWithValues: (0..<units).map { ($0, 1) }) : [:]
        var found = places[row[0].integer ?? 0] ?? [:]
        // Placed once more, above an earlier unit of its author that came back.
        if row[4].integer == 1 { found = found.mapValues { min($0, 1) } }
        guard found == expected else {
          throw Violation(check: "sum", message: "units of batch \(row[3].short) are not each in the feed or held, once")
        }
      }
    }
  }
}
