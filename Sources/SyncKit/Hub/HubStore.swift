internal import Foundation
public import GRDB
internal import GRDBSQLite
internal import SyncCore
internal import SyncStore
internal import Synchronization

/// Transaction of a hub's store. Its writes to replicated tables are captured as the hub's own changes, except inside
/// `withoutCapture`.
public protocol HubSession: SQLSession {
  /// Runs `body` with capture off, for writes that apply changes of others.
  func withoutCapture<T>(_ body: () throws -> T) rethrows -> T
  /// Begins another unit: later captured writes need not be merged together with earlier ones.
  func beginAnotherUnit()
}

/// Storage of a hub. Two kinds are meant to exist, passing one conformance suite: SQLite here, PostgreSQL later.
public protocol HubStore: Sendable {
  /// Declared tables as this store has them.
  var tables: HubTables { get }
  /// Runs one durable transaction: when it returns, a power cut cannot undo it.
  func write<T: Sendable>(_ body: @Sendable @escaping (any HubSession) throws -> T) async throws -> T
  /// Runs one consistent snapshot.
  func read<T: Sendable>(_ body: @Sendable @escaping (any HubSession) throws -> T) async throws -> T
  /// Writes the whole store into the empty file at `path`, as it is at one moment, while others read and write.
  func copy(to path: String) async throws
  func close() throws
  /// Truncates the write-ahead log, so that it holds no earlier state of a page. Does nothing while others read; a later call does.
  func truncateLog() async throws
  /// Rewrites the store's files, so that no deleted data is left in any of them. Other writers wait meanwhile.
  func rewrite() async throws
  /// Folder of packets that wait for the next flush, shared by the processes of one hub.
  var spoolFolder: String { get }
  /// Folder of blobs, shared by the processes of one hub.
  var blobFolder: String { get }
  /// Duration of this process's longest transaction, its commit included, without the wait for its turn. Nobody else could write
  /// meanwhile.
  var longestWrite: Duration { get }
  /// Reason why this process's last transaction could not be written, because of the store or its disk; nil when it could.
  var writeFailure: LocalizedText? { get }
  /// Bytes free on the store's disk; nil when unknown.
  var freeBytes: Int? { get }
}

extension HubStore {
  public var writeFailure: LocalizedText? { nil }
  public var freeBytes: Int? { nil }
}

/// Shapes of the declared tables, by name and by number.
public struct HubTables: Sendable {
  let byName: [String: TableShape]
  let byNumber: [Int: TableShape]

  init(_ shapes: [TableShape]) {
    byName = Dictionary(uniqueKeysWithValues: shapes.map { ($0.name, $0) })
    byNumber = Dictionary(uniqueKeysWithValues: shapes.map { ($0.id, $0) })
  }

  /// Hash of the tables and columns: equal for two programs that know the same ones.
  var signature: Data {
    let names = byName.values.flatMap { shape in shape.columns.map { "\(shape.name).\($0.name)" } + [shape.name] }
    return Data(names.sorted().joined(separator: "\n").utf8).sha256
  }
}

/// Store of a hub in one SQLite file: no server is needed.
public final class SQLiteHubStore: HubStore {
  public let tables: HubTables
  public let path: String
  private let database: DatabasePool
  private let capture: CaptureContext
  let steps = FaultPoints()
  private let longest = Mutex(Duration.zero)
  private let failure = Mutex<LocalizedText?>(nil)
  private let checkpointer: LogCheckpointer

  private struct Session: HubSession {
    let base: SQLiteSession
    let capture: CaptureContext

    func execute(_ sql: String, _ arguments: [CellValue]) throws { try base.execute(sql, arguments) }
    func rows(_ sql: String, _ arguments: [CellValue]) throws -> [[CellValue]] { try base.rows(sql, arguments) }
    func execute(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws { try base.execute(sql, arguments) }
    func rows(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws -> [[CellValue]] { try base.rows(sql, arguments) }
    func withoutCapture<T>(_ body: () throws -> T) rethrows -> T { try capture.suspended(body) }
    func beginAnotherUnit() { capture.endTransaction() }
  }

  /// Opens or creates a store.
  ///
  /// - Throws: `SyncError`; see `Replica.open`.
  public static func open(
    at path: String, tables: [ReplicatedTable], migrator: DatabaseMigrator? = nil, clock: any WallClock = SystemClock(), create: Bool = true
  ) throws -> SQLiteHubStore {
    guard create || FileManager.default.fileExists(atPath: path) else {
      throw SyncError(
        .storeMissing, vi: "Không có kho dữ liệu \(path); tạo bằng `hub init`.",
        en: "There is no store at \(path); make one with `hub init`.")
    }
    if !create { try SyncError.refuseEmptyStore(path) }
    return try SyncError.explainingSync(path) { try SQLiteHubStore(path: path, tables: tables, migrator: migrator, clock: clock) }
  }

  private init(path: String, tables: [ReplicatedTable], migrator: DatabaseMigrator?, clock: any WallClock) throws {
    self.path = path
    capture = CaptureContext(clock: clock)
    checkpointer = LogCheckpointer(path: path, pages: StoreSettings.Writer.hub.checkpointPages)
    var configuration = StoreSettings.configuration()
    configuration.maximumReaderCount = 4
    capture.install(in: &configuration)
    database = try DatabasePool(path: path, configuration: configuration)
    let all = MetadataSchema.ownTables + tables
    try database.read { db in try MetadataSchema.check(db, records: .byScope) }
    if let migrator { try SchemaRehearsal.migrate(database, migrator, tables: all, records: .byScope, capture: capture) }
    self.tables = try database.write { [capture, checkpointer] db in
      try StoreSettings.set(db, for: .hub)
      checkpointer.watch(db)
      capture.observe(db)
      try MetadataSchema.migrate(db, metadataFor: all, records: .byScope)
      for schema in [
        HubSchema.sql, IncarnationTable.schema, CursorTranslator.schema, RestoredUnits.schema, AuthorOrder.schema, GoneBatches.schema,
        BackupLog.schema,
        DropKeyTable.schema, RevokedBatches.schema, HubBlobTable.schema, DisagreementTable.schema, UnfitBlobs.schema,
        RefusedBatches.schema, DropLedger.schema, FormDropLedger.schema, UnitKeyTable.schema, LatePacketTable.schema, SpoiledPackets.schema,
        CodeEnds.schema, ErasureTable.schema,
        DeviceNotes.schema, ReplacingCodes.schema,
      ] {
        try db.execute(sql: schema)
      }
      for statement in ActRecorder.schema { try db.execute(sql: statement) }
      let shapes = try SchemaCheck.shapes(of: all, in: db)
      for shape in shapes where shape.declaration.kind == .replicated {
        try CaptureTriggers.install(shape, in: db)
        capture.declare(shape)
      }
      for index in BlobReferences.indexes(of: shapes) { try db.execute(sql: index) }
      let blobs = HubBlobTable(session: Session(base: SQLiteSession(db: db), capture: capture))
      try blobs.fillScopes(shapes)
      try blobs.fillSums()
      return HubTables(shapes)
    }
  }

  public func write<T: Sendable>(_ body: @Sendable @escaping (any HubSession) throws -> T) async throws -> T {
    let recorder = ActRecorder.current
    return try await SyncError.explaining(path) {
      let result = try await noting {
        try await database.writeWithoutTransaction { [self] db in
          var begun = ContinuousClock.now
          var made: T?
          defer {
            let held = ContinuousClock.now - begun
            longest.withLock { $0 = max($0, held) }
          }
          try db.inTransaction {
            begun = .now
            let session = Session(base: SQLiteSession(db: db, listener: steps.listener), capture: capture)
            made = if let recorder { try recorder.recording(in: session) { try body(session) } } else { try body(session) }
            try steps.reached(.beforeCommit)
            return .commit
          }
          guard let made else { throw CancellationError() }  // What was committed was made.
          return made
        }
      }
      checkpointer.copyIfDue(beside: database)
      try steps.reached(.committed)
      return result
    }
  }

  /// Records whether the store took what was written last.
  private func noting<T>(_ body: () async throws -> T) async throws -> T {
    do {
      let result = try await body()
      failure.withLock { $0 = nil }
      return result
    } catch let error as DatabaseError {
      if Self.faultsOfStore.contains(error.resultCode) { failure.withLock { $0 = SyncError(error, store: path).explanation } }
      throw error
    }
  }

  private static let faultsOfStore: [ResultCode] = [
    .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CORRUPT, .SQLITE_CANTOPEN, .SQLITE_NOTADB,
  ]

  public var writeFailure: LocalizedText? { failure.withLock { $0 } }
  public var freeBytes: Int? { BlobStore(folder: (path as NSString).deletingLastPathComponent).freeBytes }

  public var longestWrite: Duration { longest.withLock { $0 } }

  public func read<T: Sendable>(_ body: @Sendable @escaping (any HubSession) throws -> T) async throws -> T {
    try await SyncError.explaining(path) {
      try await database.read { [capture] db in try body(Session(base: SQLiteSession(db: db), capture: capture)) }
    }
  }

  public func copy(to path: String) async throws { try await SyncError.explaining(path) { try await database.vacuum(into: path) } }

  public func close() throws {
    checkpointer.stop()
    try database.close()
    LogCheckpointer.leave(path)
  }

  public func truncateLog() async throws {
    try await SyncError.explaining(path) {
      // Ignores failure: when the log cannot be truncated, it still holds all that was committed.
      try await database.writeWithoutTransaction { db in
        _ = sqlite3_wal_checkpoint_v2(db.sqliteConnection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
      }
    }
  }

  public func rewrite() async throws {
    try await SyncError.explaining(path) {
      try await database.writeWithoutTransaction { [self] _ in
        var configuration = StoreSettings.configuration()
        capture.install(in: &configuration)
        let own = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? own.close() }
        try own.writeWithoutTransaction { db in
          // Sorts in files, because the rest of the store may be too much for memory.
          try db.execute(sql: "PRAGMA temp_store = FILE; VACUUM")
          try db.checkpoint(.truncate)
        }
      }
      try steps.reached(.rewritten)
    }
  }

  public var blobFolder: String { path + ".blobs" }
  public var spoolFolder: String { path + Self.spoolSuffix }
  static let spoolSuffix = ".spool"
}

/// Tables of the hub. The key of every table that grows starts with the scope.
enum HubSchema {
  static let sql = """
    CREATE TABLE IF NOT EXISTS hub_incarnation (
      seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, started_ms INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS hub_scope (
      scope TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL, clock INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_device (
      replica BLOB PRIMARY KEY NOT NULL, public_key BLOB NOT NULL, label TEXT NOT NULL, scope TEXT NOT NULL, certificate BLOB NOT NULL,
      enrolled_ms INTEGER NOT NULL, revoked_ms INTEGER, contact_ms INTEGER, skew_ms INTEGER, backlog INTEGER, packets INTEGER,
      cursor BLOB) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_device_scope ON hub_device (scope);
    CREATE TABLE IF NOT EXISTS hub_succession (
      replica BLOB NOT NULL, scope TEXT NOT NULL, predecessor BLOB NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
      PRIMARY KEY (replica, scope)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_relearned (
      replica BLOB PRIMARY KEY NOT NULL, at_ms INTEGER NOT NULL, confirmed_ms INTEGER) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_succession_predecessor ON hub_succession (predecessor);
    CREATE TABLE IF NOT EXISTS hub_code (
      hash BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, read_scopes TEXT NOT NULL, made_ms INTEGER NOT NULL, replica BLOB) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_batch (
      id INTEGER PRIMARY KEY, scope TEXT NOT NULL, replica BLOB NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE,
      received_ms INTEGER NOT NULL, state INTEGER NOT NULL, bytes BLOB NOT NULL, changes INTEGER NOT NULL,
      held_changes INTEGER NOT NULL DEFAULT 0, receipt BLOB, UNIQUE (scope, replica, number));
    CREATE INDEX IF NOT EXISTS hub_batch_count ON hub_batch (replica, state, changes, held_changes);
    CREATE INDEX IF NOT EXISTS hub_batch_aside ON hub_batch (state, replica) WHERE state <> 1;
    CREATE TABLE IF NOT EXISTS hub_feed (
      scope TEXT NOT NULL, position INTEGER NOT NULL, units INTEGER NOT NULL, batch INTEGER NOT NULL, first_unit INTEGER NOT NULL,
      stamps BLOB, hash BLOB NOT NULL, declined INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (scope, position)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_feed_batch ON hub_feed (batch);
    CREATE TABLE IF NOT EXISTS hub_held (
      scope TEXT NOT NULL, batch INTEGER NOT NULL, unit INTEGER NOT NULL, replica BLOB NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
      changes INTEGER NOT NULL, PRIMARY KEY (scope, batch, unit)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_held_reason ON hub_held (reason);
    CREATE INDEX IF NOT EXISTS hub_held_detail ON hub_held (reason, detail);
    CREATE TABLE IF NOT EXISTS hub_held_row (
      replica BLOB NOT NULL, tbl TEXT NOT NULL, key NOT NULL, scope TEXT NOT NULL, number INTEGER NOT NULL, unit INTEGER NOT NULL,
      PRIMARY KEY (replica, tbl, key, scope, number, unit)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_deleted_row (
      scope TEXT NOT NULL, tbl TEXT NOT NULL, key NOT NULL, image TEXT NOT NULL, PRIMARY KEY (scope, tbl, key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_soft_key (
      scope TEXT NOT NULL, tbl TEXT NOT NULL, col TEXT NOT NULL, key NOT NULL, value TEXT NOT NULL,
      PRIMARY KEY (scope, tbl, col, key)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_soft_key_value ON hub_soft_key (scope, tbl, col, value);
    CREATE TABLE IF NOT EXISTS hub_upload (
      hash BLOB NOT NULL, start INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (hash, start)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_packet (
      id BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_packet_scope ON hub_packet (scope);
    CREATE TABLE IF NOT EXISTS hub_drop (
      scope TEXT PRIMARY KEY NOT NULL, kept INTEGER NOT NULL, spoiled INTEGER NOT NULL, released INTEGER NOT NULL,
      repeated INTEGER NOT NULL) WITHOUT ROWID;
    """
}
