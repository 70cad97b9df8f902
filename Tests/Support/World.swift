internal import Foundation
public import GRDB
public import SyncHub
public import SyncKit
internal import Synchronization

/// A clock moved by hand.
public final class TestClock: WallClock {
  private let ms: Mutex<UInt64>

  public init(_ ms: UInt64 = 1_711_929_600_000) { self.ms = Mutex(ms) }

  public func nowMs() -> UInt64 { ms.withLock { $0 } }
  public func advance(_ by: UInt64) { ms.withLock { $0 += by } }
  public func set(_ to: UInt64) { ms.withLock { $0 = to } }
}

/// A fresh directory that goes away with the value.
public final class TemporaryFolder: Sendable {
  public let path: String

  /// The folders a test makes, kept until whoever looks into them at its end has done so.
  public final class Kept: Sendable {
    private let folders = Mutex<[TemporaryFolder]>([])
    public init() {}
    public var all: [TemporaryFolder] { folders.withLock { $0 } }
    fileprivate func keep(_ folder: TemporaryFolder) { folders.withLock { $0.append(folder) } }
  }

  @TaskLocal public static var kept: Kept?

  /// Least room for the stores of a whole run.
  private static let memoryBytesMin = 2 << 30

  private static let base: String = {
    let memory = "/dev/shm"
    let room = (try? FileManager.default.attributesOfFileSystem(forPath: memory)[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
    return FileManager.default.isWritableFile(atPath: memory) && room >= memoryBytesMin ? memory : NSTemporaryDirectory()
  }()

  /// Makes the folder on the file system in memory where the machine has one with room, since most tests ask nothing of a disk.
  public init() throws {
    path = Self.base + "/synckit-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    Self.kept?.keep(self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A hub and its devices in one process, on real SQLite files, talking the whole protocol.
public final class World: Sendable {
  public let folder: TemporaryFolder
  private let open: Mutex<(hub: Hub, store: SQLiteHubStore)>
  private let options: Hub.Options
  public let clock: TestClock

  /// A note has free columns, so that merging shows; an answer is anonymous.
  public static let tables = [
    ReplicatedTable("note", scopeColumn: "unit"),
    ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous),
  ]

  public static let notes = Schema(
    tables: tables,
    sql: """
      CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a, b, c TEXT COLLATE NOCASE DEFAULT 'none') WITHOUT ROWID;
      CREATE TABLE answer (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, day TEXT, words TEXT NOT NULL) WITHOUT ROWID;
      """)
  public static var migrator: DatabaseMigrator { notes.migrator }

  /// What this world's stores hold.
  public let schema: Schema

  public struct Schema: Sendable {
    public var tables: [ReplicatedTable]
    public var sql: String

    public init(tables: [ReplicatedTable], sql: String) {
      self.tables = tables
      self.sql = sql
    }

    public var migrator: DatabaseMigrator {
      var migrator = DatabaseMigrator()
      migrator.registerMigration("1") { [sql] db in try db.execute(sql: sql) }
      return migrator
    }
  }

  public init(
    options: Hub.Options = Hub.Options(), schema: Schema = World.notes, folder: TemporaryFolder? = nil
  ) async throws {
    self.schema = schema
    self.folder = try folder ?? TemporaryFolder()
    clock = TestClock()
    self.options = options
    let store = try SQLiteHubStore.open(
      at: self.folder.path + "/hub.sqlite", tables: schema.tables, migrator: schema.migrator, clock: clock)
    let hub = try await Hub.open(store: store, keys: try HubKeys.create(in: self.folder.path + "/keys"), clock: clock, options: options)
    open = Mutex((hub, store))
  }

  /// A world somebody left in a folder: `hub.sqlite` and `keys`.
  public init(leftIn folder: TemporaryFolder, schema: Schema, nowMs: UInt64) async throws {
    (self.folder, self.schema, options, clock) = (folder, schema, Hub.Options(), TestClock(nowMs))
    let store = try SQLiteHubStore.open(
      at: folder.path + "/hub.sqlite", tables: schema.tables, migrator: schema.migrator, clock: clock, create: false)
    let hub = try await Hub.open(store: store, keys: try HubKeys.load(from: folder.path + "/keys"), clock: clock)
    open = Mutex((hub, store))
  }

  public var hub: Hub { open.withLock { $0.hub } }
  public var hubStore: SQLiteHubStore { open.withLock { $0.store } }

  /// Stops the hub, lets `body` do what it likes with the file, and opens it again.
  public func reopenHub(options: Hub.Options? = nil, _ body: (_ store: String) throws -> Void = { _ in }) async throws {
    let path = folder.path + "/hub.sqlite"
    try hub.close()
    try body(path)
    let store = try SQLiteHubStore.open(at: path, tables: schema.tables, migrator: schema.migrator, clock: clock)
    let hub = try await Hub.open(
      store: store, keys: try HubKeys.load(from: folder.path + "/keys"), clock: clock, options: options ?? self.options)
    open.withLock { $0 = (hub, store) }
  }

  public var transport: LocalTransport { LocalTransport(hub: hub) }

  /// A store that is not enrolled.
  public func replica(_ name: String, clock: (any WallClock)? = nil) throws -> Replica {
    try Replica.open(at: folder.path + "/\(name).sqlite", tables: schema.tables, migrator: schema.migrator, clock: clock ?? self.clock)
  }

  /// An enrolled device that writes `unit` and reads `province`.
  public func device(_ name: String, unit: String = "07201", clock: (any WallClock)? = nil) async throws -> Replica {
    let replica = try replica(name, clock: clock)
    let code = try await hub.makeCode(scope: unit, readScopes: ["24", unit])
    try await replica.enroll(code: code, label: name, through: transport)
    return replica
  }

  /// The notes a hub holds, as `id a b c`.
  public func hubNotes() async throws -> [String] {
    try await hub.read { session in
      try session.rows("SELECT id, a, b, c FROM note ORDER BY id").map { $0.map(\.shown).joined(separator: " ") }
    }
  }

  public func hubConflicts(state: String = "open") async throws -> [String] {
    try await hub.read { session in
      try session.rows(
        "SELECT row_key, col, losing_value, winning_value FROM sync_conflict WHERE state = ?1 ORDER BY row_key, col, losing_value",
        [.text(state)]
      ).map { $0.map(\.shown).joined(separator: " ") }
    }
  }
}

extension CellValue {
  public var shown: String {
    switch self {
    case .null: "-"
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let text): text
    case .blob(let bytes): bytes.hex
    }
  }
}

extension Replica {
  public func execute(_ sql: String, _ arguments: StatementArguments = []) async throws {
    try await database.write { db in try db.execute(sql: sql, arguments: arguments) }
  }

  /// Moves the write-ahead log into the database: PASSIVE, FULL, RESTART or TRUNCATE.
  public func checkpoint(_ mode: String) async throws {
    try await database.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA wal_checkpoint(\(mode))") }
  }

  /// The notes this device holds, as `id a b c`.
  public func notes() async throws -> [String] {
    try await database.read { db in
      try Row.fetchAll(db, sql: "SELECT id, a, b, c FROM note ORDER BY id").map { row in
        row.databaseValues.map { value in
          switch value.storage {
          case .null: "-"
          case .int64(let number): String(number)
          case .double(let number): String(number)
          case .string(let text): text
          case .blob(let bytes): bytes.hex
          }
        }.joined(separator: " ")
      }
    }
  }
}
