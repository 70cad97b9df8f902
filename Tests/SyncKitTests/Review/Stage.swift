import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A hub and devices over tables of the test's own choosing, and batches that say whatever a test wants.
struct Stage {
  static let unit = "07201"

  let folder: TemporaryFolder
  let clock = TestClock()
  let hub: Hub
  let store: SQLiteHubStore
  let tables: [ReplicatedTable]
  let migrator: DatabaseMigrator

  init(_ sql: String, tables: [ReplicatedTable]) async throws {
    folder = try TemporaryFolder()
    self.tables = tables
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in try db.execute(sql: sql) }
    self.migrator = migrator
    store = try SQLiteHubStore.open(at: folder.path + "/hub.sqlite", tables: tables, migrator: migrator, clock: clock)
    hub = try await Hub.open(store: store, keys: try HubKeys.create(in: folder.path + "/keys"), clock: clock)
  }

  func device(_ name: String, unit: String = Stage.unit, clock: (any WallClock)? = nil) async throws -> Replica {
    let replica = try Replica.open(at: folder.path + "/\(name).sqlite", tables: tables, migrator: migrator, clock: clock ?? self.clock)
    try await replica.enroll(
      code: try await hub.makeCode(scope: unit, readScopes: ["24", unit]), label: name, through: LocalTransport(hub: hub))
    return replica
  }

  func sync(_ replica: Replica) async throws { _ = try await replica.sync(with: LocalTransport(hub: hub)) }

  /// All of `sql` as one line a row.
  func rows(_ sql: String) async throws -> [String] {
    try await hub.read { session in try session.rows(sql).map { $0.map(\.shown).joined(separator: " ") } }
  }
}

extension Replica {
  func rows(_ sql: String) async throws -> [String] {
    try await engineRead { try $0.session.rows(sql).map { $0.map(\.shown).joined(separator: " ") } }
  }

  /// A batch signed by this device's own key.
  func forge(number: UInt64 = 1, previous: Data = Data(), cursor: Data = Data(), scope: String = Stage.unit, _ units: [ChangeUnit])
    throws -> SealedBatch
  {
    let key = try #require(try keyStore.load()).signingKey
    return try BatchCodec.seal(
      BatchContent(replica: key.replica, scope: scope, number: number, previous: previous, cursor: cursor, units: units), with: key)
  }

  func outboxBatches() async throws -> [SealedBatch] {
    try await engineRead { try $0.session.rows("SELECT bytes FROM sync_outbox ORDER BY seq") }
      .compactMap { $0[0].blob.map { SealedBatch(bytes: $0) } }
  }
}

func receipt(_ bytes: Data) throws -> WireReceipt {
  try WireReceipt.parse(WireSigned.parse(bytes, named: LocalizedText("x")).body, named: LocalizedText("x"))
}

func note(_ id: String, _ cells: [CellChange] = [], life: UInt32 = 1, unit: String = Stage.unit) -> RowChange {
  RowChange(table: "note", key: .text(id), life: life, cells: life % 2 == 1 ? [CellChange("unit", .text(unit))] + cells : [])
}

func unit(_ ms: UInt64, _ changes: RowChange...) -> ChangeUnit { ChangeUnit(stamp: HybridTimestamp(wallMs: ms), changes: changes) }
