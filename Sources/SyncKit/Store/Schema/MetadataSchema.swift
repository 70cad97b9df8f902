package import GRDB
package import SyncCore

/// Tables that SyncKit keeps beside the app's, on field and hub alike.
package enum MetadataSchema {
  /// Order in which a table's records lie in the file.
  package enum RecordOrder: Sendable {
    /// By key alone: on devices, which have a scope or two.
    case byKey
    /// By scope and key: at a hub. A batch's records are then neighbours, though their keys are random (ADR 26).
    case byScope

    /// Version of the store's format, raised when an older program could no longer read the store.
    /// `Tests/SyncKitTests/Examination/Samples` has a store of each version (ADR 22).
    var storeVersion: Int {
      switch self {
      case .byKey: 2
      case .byScope: 3
      }
    }
  }

  /// Version since which every store opens.
  private static let firstVersion = 2

  /// Refuses a store that this program cannot open, before anything is written to it.
  package static func check(_ db: Database, records: RecordOrder) throws {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let known =
      try db.tableExists("sync_state")
      ? try Int.fetchOne(db, sql: "SELECT value FROM sync_state WHERE name = 'storeVersion'") ?? version : 0
    if known > 0 { try checkKind(records, db) }
    guard known <= records.storeVersion else {
      throw SyncError(
        .storeNewer, vi: "Cơ sở dữ liệu do bản mới hơn tạo ra; hãy nâng cấp chương trình.",
        en: "The database was made by a newer version; upgrade this program.")
    }
    // Refuses stores from before the format was settled: no upgrade leads from them.
    guard known == 0 || known >= firstVersion else {
      throw SyncError(
        .storeNewer, vi: "Cơ sở dữ liệu do bản thử nghiệm cũ tạo ra; mở bằng bản đó để gửi nốt dữ liệu, rồi ghi danh lại.",
        en: "The database was made by an earlier trial version; open it with that one to send what is left, then enrol anew.")
    }
  }

  package static func migrate(_ db: Database, metadataFor tables: [ReplicatedTable], records: RecordOrder) throws {
    try db.execute(sql: core)
    try db.execute(sql: conflicts)
    try db.execute(sql: DigestTable.schema)
    try db.execute(sql: SchemaRecord.schema)
    try db.execute(sql: UnknownColumns.schema)
    for table in tables where table.kind == .replicated { try keepRecords(of: table.name, in: records, db) }
    try db.execute(
      sql: """
        INSERT INTO sync_state (name, value) VALUES ('storeVersion', \(records.storeVersion))
        ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value < excluded.value
        """)
  }

  private static func checkKind(_ records: RecordOrder, _ db: Database) throws {
    switch (try db.tableExists("hub_incarnation"), records) {
    case (true, .byKey):
      throw SyncError(
        .badRequest, vi: "Cơ sở dữ liệu này là của máy chủ, không phải của thiết bị; mở bằng `hub`.",
        en: "The database is a hub's, not a device's; open it with `hub`.")
    case (false, .byScope):
      throw SyncError(
        .badRequest, vi: "Cơ sở dữ liệu này là của thiết bị, không phải của máy chủ; mở bằng `field`.",
        en: "The database is a device's, not a hub's; open it with `field`.")
    default: break
    }
  }

  /// Table of conflicts, which are ordinary replicated rows (L6).
  package static let conflictTable = ReplicatedTable("sync_conflict", scopeColumn: "scope")
  /// Table of decisions, with who and why. Rows are only added, so that two people who decide at once keep both decisions.
  package static let decisionTable = ReplicatedTable(
    "sync_decision", scopeColumn: "scope", references: ["conflict": "sync_conflict", "row_key": .rowNamed(by: "tbl")])
  package static let ownTables = [conflictTable, decisionTable]

  private static let core = """
    CREATE TABLE IF NOT EXISTS sync_state (name TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_table (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS sync_column (tbl INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tbl, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_replica (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS sync_scope (code TEXT PRIMARY KEY NOT NULL, writable INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_pending (
      seq INTEGER PRIMARY KEY, txn INTEGER NOT NULL, tbl INTEGER NOT NULL, op INTEGER NOT NULL,
      key NOT NULL, scope TEXT NOT NULL, mask INTEGER NOT NULL, extra BLOB);
    """

  private static let conflicts = """
    CREATE TABLE IF NOT EXISTS sync_conflict (
      id TEXT PRIMARY KEY NOT NULL, scope TEXT NOT NULL, tbl TEXT, row_key, life INTEGER, col TEXT, member TEXT, rule TEXT,
      losing_value, losing_stamp INTEGER, losing_replica BLOB, losing_position INTEGER,
      winning_value, winning_stamp INTEGER, winning_replica BLOB, state TEXT NOT NULL DEFAULT 'open', image TEXT) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_decision (
      id TEXT PRIMARY KEY NOT NULL, scope TEXT NOT NULL, conflict TEXT, tbl TEXT, row_key, col TEXT, member TEXT, choice TEXT,
      before_value, after_value, decided_by TEXT, reason TEXT, decided_ms INTEGER) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS sync_decision_conflict ON sync_decision (conflict, decided_ms);
    CREATE INDEX IF NOT EXISTS sync_conflict_open ON sync_conflict (scope, state);
    CREATE INDEX IF NOT EXISTS sync_conflict_row ON sync_conflict (scope, tbl, row_key) WHERE state = 'open';
    """

  /// Returns SQL for a table's records, one a row: life, the version (and at the hub position) that most of its cells have, the
  /// mask of those cells, and the other cells' versions in `cells`.
  static func metadata(of table: String, _ order: RecordOrder = .byKey) -> String {
    """
    CREATE TABLE IF NOT EXISTS \(quote("sync_meta_" + table)) (
      key \(order == .byKey ? "PRIMARY KEY " : "")NOT NULL, scope TEXT NOT NULL, life INTEGER NOT NULL, stamp INTEGER NOT NULL, replica INTEGER NOT NULL,
      position INTEGER NOT NULL, mask INTEGER NOT NULL, cells BLOB, digest BLOB\(order == .byScope ? ", PRIMARY KEY (scope, key)" : "")) WITHOUT ROWID;
    """
  }

  /// Returns the order of a table's records; nil when there are none yet.
  static func order(of table: String, in db: Database) throws -> RecordOrder? {
    let first = try String.fetchOne(db, sql: "SELECT name FROM pragma_table_info(?) WHERE pk = 1", arguments: ["sync_meta_" + table])
    return first.map { $0 == "scope" ? .byScope : .byKey }
  }

  /// Makes a table's records, or reorders those of an earlier version of this store: ten seconds for a million.
  private static func keepRecords(of table: String, in order: RecordOrder, _ db: Database) throws {
    let records = quote("sync_meta_" + table)
    let isOther = try self.order(of: table, in: db).map { $0 != order } ?? false
    let old = quote("sync_old_" + table)
    // Copies instead of renaming: triggers name the table, and would follow a renamed one.
    if isOther { try db.execute(sql: "CREATE TABLE \(old) AS SELECT * FROM \(records) ORDER BY scope, key; DROP TABLE \(records)") }
    try db.execute(sql: metadata(of: table, order))
    if isOther { try db.execute(sql: "INSERT INTO \(records) SELECT * FROM \(old); DROP TABLE \(old)") }
    // Indexes deleted rows by key: a living row tells its scope itself, of a deleted one only the record does.
    if order == .byScope {
      try db.execute(sql: "CREATE INDEX IF NOT EXISTS \(quote(goneIndex + table)) ON \(records) (key) WHERE digest IS NULL")
    }
  }

  /// Beginning of the names of the indexes over records of deleted rows.
  static let goneIndex = "sync_gone_"
}

/// Table of single values by name, such as the clock and the cursor.
package struct StateStore {
  package let session: any SQLSession

  package init(session: any SQLSession) {
    self.session = session
  }

  package func value(_ name: String) throws -> CellValue {
    try session.firstRow("SELECT value FROM sync_state WHERE name = ?1", [.text(name)])?.first ?? .null
  }

  package func integer(_ name: String) throws -> Int64 { try value(name).integer ?? 0 }

  package func set(_ name: String, _ value: CellValue) throws {
    try session.execute(
      "INSERT INTO sync_state (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [.text(name), value])
  }

  package func add(_ name: String, _ amount: Int) throws {
    if amount != 0 { try set(name, .integer(try integer(name) + Int64(amount))) }
  }

  package var clock: HybridClock {
    get throws { HybridClock(last: HybridTimestamp(rawValue: UInt64(bitPattern: try integer("clock")))) }
  }

  package func save(_ clock: HybridClock) throws {
    try set("clock", .integer(Int64(bitPattern: clock.last.rawValue)))
  }
}
