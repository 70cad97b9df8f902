import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// A hub and devices that have met everything: conflicts decided and open, held and declined work, deleted and restored rows,
/// every policy, packets, a copied device, a wrong clock.
struct RichWorld {
  static let schema = World.Schema(
    tables: [
      ReplicatedTable("team", scopeColumn: "unit", softKeys: ["name"]),
      ReplicatedTable(
        "visit", scopeColumn: "unit",
        policies: ["answers": .perKey, "peak": .max, "stage": .ranked(["draft", "sent"]), "count": .counter], deletion: .editWins,
        references: ["team": "team"]),
      ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous),
    ],
    sql: """
      CREATE TABLE team (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, name TEXT) WITHOUT ROWID;
      CREATE TABLE visit (
        id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, team TEXT, note, answers TEXT, peak INTEGER,
        stage TEXT NOT NULL DEFAULT 'draft', count INTEGER NOT NULL DEFAULT 0);
      CREATE TABLE answer (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
      """)

  let world: World
  let device: Replica
  let other: Replica

  var hubPath: String { world.hubStore.path }
  func examineHub() async throws -> Examination {
    try await SQLiteHubStore.examine(
      at: hubPath, tables: Self.schema.tables, keys: try HubKeys.load(from: world.folder.path + "/keys"))
  }
  func examine(_ replica: Replica) async throws -> Examination {
    try await Replica.examine(at: replica.path, tables: Self.schema.tables)
  }

  init() async throws {
    world = try await World(schema: Self.schema)
    device = try await world.device("device")
    let fast = TestClock(world.clock.nowMs() + 90_000_000)
    other = try await world.device("other", clock: fast)
    try await device.execute("INSERT INTO team (id, unit, name) VALUES ('t1', '07201', 'A'), ('t2', '07201', 'B')")
    try await device.execute(
      """
      INSERT INTO visit (id, unit, team, note, answers, peak) VALUES ('v1', '07201', 't1', 'x', '{"q1":1,"q2":2}', 3),
        ('v2', '07201', 't2', 'y', NULL, NULL), ('v3', '07201', NULL, 'z', NULL, 1)
      """)
    try await world.settle([device, other])
    // Written unknown to one another, one of them a day ahead.
    try await device.execute("UPDATE visit SET note = 'mine', count = count + 2, answers = '{\"q1\":5}' WHERE id = 'v1'")
    try await other.execute("UPDATE visit SET note = 'theirs', count = count + 3, peak = 9, stage = 'sent' WHERE id = 'v1'")
    try await device.execute("DELETE FROM visit WHERE id = 'v3'")
    try await other.execute("UPDATE visit SET note = 'kept' WHERE id = 'v3'")
    try await device.execute("DELETE FROM team WHERE id = 't2'")
    try await other.execute("UPDATE team SET name = 'A' WHERE id = 't2'")
    try await world.settle([device, other])
    if let open = try await device.conflicts().first(where: { $0.column == "note" }) {
      _ = try await device.resolve(open.id, as: .takeLoser, by: "lead", because: "seen")
    }
    try await world.settle([device, other])
    try await holdAndDecline()
    try await copyADevice()
    for number in 0..<7 { try await device.execute("INSERT INTO answer (id, unit, words) VALUES ('a\(number)', '07201', 'w')") }
    _ = try await world.hub.write { try $0.execute("UPDATE visit SET note = 'by the hub' WHERE id = 'v2'") }
    try await world.settle([device, other])
    if try await world.hub.read({ try $0.rows("SELECT 1 FROM team WHERE id = 't2'") }).isEmpty {
      try await world.hub.restoreRow(table: "team", key: .text("t2"))
    }
    try await world.settle([device, other])
    // Pending, sealed, and decided here alone.
    try await device.execute("UPDATE visit SET note = 'sealed' WHERE id = 'v2'")
    try await device.seal()
    try await device.execute("UPDATE visit SET note = 'pending', answers = '{ \"q9\" : 1 }' WHERE id = 'v1'")
    try await device.execute("INSERT INTO answer (id, unit, words) VALUES ('waiting', '07201', 'w')")
    if let open = try await device.conflicts().first {
      _ = try await device.resolve(open.id, as: .keepWinner, by: "lead", because: "right")
    }
  }

  /// A child without its parent stays held; another unit's key is declined.
  private func holdAndDecline() async throws {
    try await other.execute("INSERT INTO visit (id, unit, team) VALUES ('v4', '07201', 'nobody')")
    try await world.hub.write { try $0.execute("INSERT INTO team (id, unit, name) VALUES ('same', '24', 'C')") }
    try await other.execute("INSERT INTO team (id, unit, name) VALUES ('same', '07201', 'D')")
    try await world.sync(other)
    for held in try await world.hub.heldUnits() where held.reason == "scope" {
      try await world.hub.declineHeld(held.id, by: "operator", because: "another unit's key")
    }
    try await world.settle([device, other])
  }

  private func copyADevice() async throws {
    let twin = try await world.copy(device, to: "twin")
    try await twin.execute("INSERT INTO visit (id, unit, note) VALUES ('v5', '07201', 'twin')")
    try await device.execute("INSERT INTO visit (id, unit, note) VALUES ('v6', '07201', 'first')")
    try await world.settle([twin, device])
  }
}

/// Writes to a store as a program without SyncKit would that found a way around the triggers.
func tamper(_ path: String, _ sql: String) throws {
  var configuration = Configuration()
  configuration.foreignKeysEnabled = false
  configuration.prepareDatabase { db in
    db.add(function: DatabaseFunction("synckit_txn", argumentCount: 0) { _ in nil })
    db.add(function: DatabaseFunction("synckit_on", argumentCount: 0) { _ in false })
    db.add(function: DatabaseFunction("synckit_order_put_off", argumentCount: 0) { _ in true })
    for name in ["synckit_before", "synckit_extra", "synckit_packet", "synckit_bad", "synckit_mask"] {
      db.add(function: DatabaseFunction(name) { _ in nil })
    }
  }
  try DatabaseQueue(path: path, configuration: configuration).write { try $0.execute(sql: sql) }
}
