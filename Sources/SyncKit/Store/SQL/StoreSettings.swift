internal import GRDB

/// How a store's connections are set.
enum StoreSettings {
  /// What is committed survives a power cut (L10): what a person entered is not risked for speed. What was deleted is overwritten.
  private static let sql = "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON"

  /// Memory for pages of the connection that writes. A transaction that touches more pages than fit writes some of them twice.
  struct Writer {
    /// In KiB.
    var cacheKiB: Int
    /// New pages in the log at which they are copied into the database: a page that several transactions wrote is copied once. See
    /// `LogCheckpointer`.
    var checkpointPages: Int

    static let field = Writer(cacheKiB: 8 << 10, checkpointPages: 4000)
    /// A batch's rows lie anywhere in the indexes of all rows: nearly each touches a page of its own.
    static let hub = Writer(cacheKiB: 32 << 10, checkpointPages: 8000)
  }

  /// How long a connection waits for another's lock, in milliseconds.
  static let busyTimeoutMs: Int32 = 10_000

  static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.prepareDatabase { db in try db.execute(sql: sql) }
    StatementWatch.current?.install(in: &configuration)
    configuration.busyMode = .timeout(Double(busyTimeoutMs) / 1000)
    configuration.foreignKeysEnabled = false
    return configuration
  }

  static func set(_ db: Database, for writer: Writer) throws {
    try db.execute(sql: "PRAGMA cache_size = -\(writer.cacheKiB); PRAGMA wal_autocheckpoint = \(writer.checkpointPages)")
  }
}
