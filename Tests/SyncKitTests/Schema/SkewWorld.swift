import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// A hub and devices whose programs are of several ages, each upgraded by opening its store with the next.
final class SkewWorld {
  /// Columns and tables by the version of the program that first has them.
  static let versions: [String] = [
    "CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID",
    """
    ALTER TABLE note ADD COLUMN b;
    ALTER TABLE note ADD COLUMN peak INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE note ADD COLUMN stage TEXT DEFAULT 'draft';
    ALTER TABLE note ADD COLUMN tags TEXT;
    ALTER TABLE note ADD COLUMN visits INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE note ADD COLUMN place TEXT;
    CREATE TABLE visit (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, note TEXT, words TEXT DEFAULT '-') WITHOUT ROWID;
    """,
  ]
  static let newest = versions.count
  static let stages = MergePolicy.ranked(["draft", "sent", "done"])

  static func tables(_ version: Int, deletion: DeletionPolicy) -> [ReplicatedTable] {
    let policies: MergePolicies = version < 2 ? [:] : ["peak": .max, "stage": stages, "tags": .perKey, "visits": .counter]
    let note = ReplicatedTable(
      "note", scopeColumn: "unit", policies: policies, deletion: deletion, softKeys: version < 3 ? [] : ["place"])
    return [note] + (version < 3 ? [] : [ReplicatedTable("visit", scopeColumn: "unit", references: ["note": "note"])])
  }

  static func migrator(_ version: Int) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for (number, sql) in versions.prefix(version).enumerated() {
      migrator.registerMigration("\(number)") { db in try db.execute(sql: sql) }
    }
    return migrator
  }

  let folder: TemporaryFolder
  let clock = TestClock()
  let deletion: DeletionPolicy
  private let keys: HubKeys
  private(set) var hub: Hub
  private(set) var devices: [String: Replica] = [:]

  init(hub version: Int, deletion: DeletionPolicy = .deleteWins) async throws {
    folder = try TemporaryFolder()
    self.deletion = deletion
    keys = try HubKeys.create(in: folder.path + "/keys")
    hub = try await Self.open(version, folder, keys, clock, deletion)
  }

  private static func open(
    _ version: Int, _ folder: TemporaryFolder, _ keys: HubKeys, _ clock: TestClock, _ deletion: DeletionPolicy
  ) async throws -> Hub {
    let store = try SQLiteHubStore.open(
      at: folder.path + "/hub.sqlite", tables: tables(version, deletion: deletion), migrator: migrator(version), clock: clock)
    return try await Hub.open(store: store, keys: keys, clock: clock)
  }

  func upgradeHub(to version: Int) async throws {
    try hub.close()
    hub = try await Self.open(version, folder, keys, clock, deletion)
  }

  private var hubPath: String { folder.path + "/hub.sqlite" }

  /// Copies the hub's store, as it is now.
  func copyHub() async throws { try await hub.store.copy(to: hubPath + ".copy") }

  /// Puts the copy in the place of the hub's store, under a program of some version.
  func putBackHub(to version: Int) async throws {
    try hub.close()
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: hubPath + suffix) }
    try FileManager.default.copyItem(atPath: hubPath + ".copy", toPath: hubPath)
    hub = try await Self.open(version, folder, keys, clock, deletion)
  }

  @discardableResult
  func device(_ name: String, _ version: Int) async throws -> Replica {
    let replica = try open(name, version)
    let code = try await hub.makeCode(scope: "07201", readScopes: ["24", "07201"])
    try await replica.enroll(code: code, label: name, through: LocalTransport(hub: hub))
    return replica
  }

  @discardableResult
  func upgrade(_ name: String, to version: Int) throws -> Replica {
    try devices[name]?.close()
    return try open(name, version)
  }

  private func open(_ name: String, _ version: Int) throws -> Replica {
    let replica = try Replica.open(
      at: "\(folder.path)/\(name).sqlite", tables: Self.tables(version, deletion: deletion), migrator: Self.migrator(version), clock: clock)
    devices[name] = replica
    return replica
  }

  subscript(name: String) -> Replica { get throws { try #require(devices[name]) } }

  /// Writes on a device, a second after whatever was before.
  func write(_ name: String, _ sql: String) async throws {
    clock.advance(1000)
    try await self[name].execute(sql)
  }

  func sync(_ names: String...) async throws {
    for name in names {
      clock.advance(10)
      _ = try await self[name].sync(with: LocalTransport(hub: hub))
    }
  }

  /// Everybody exchanges until nothing is left to say.
  func settle() async throws {
    for _ in 0..<3 {
      for name in devices.keys.sorted() { try await sync(name) }
    }
  }

  func agreement(_ name: String) async throws -> Agreement { try await self[name].status().agreement }

  func hubRows(_ sql: String) async throws -> [String] {
    try await hub.read { try $0.rows(sql).map { $0.map(\.shown).joined(separator: " ") } }
  }

  func rows(_ name: String, _ sql: String) async throws -> [String] {
    try await self[name].engineRead { try $0.session.rows(sql).map { $0.map(\.shown).joined(separator: " ") } }
  }

  /// What everybody shows: the same, and proved.
  func common(_ sql: String) async throws -> [String] {
    let here = try await hubRows(sql)
    for name in devices.keys.sorted() {
      #expect(try await rows(name, sql) == here, "\(name)")
      #expect(try await agreement(name) == .proved, "\(name)")
    }
    return here
  }

  func asideCount(_ name: String) async throws -> Int { try await self[name].engineRead { try UnknownColumns.count(in: $0.session) } }
  func hubAsideCount() async throws -> Int { try await hub.read { try UnknownColumns.count(in: $0) } }

  func conflicts() async throws -> [String] {
    // The numbers of increments are random.
    try await hubRows(
      """
      SELECT row_key, col, CASE WHEN member LIKE '+%' THEN '+' ELSE member END, losing_value, winning_value, state FROM sync_conflict
      ORDER BY 1, 2, 3, 4, 5
      """)
  }
}
