package import GRDB

/// How a store's connections are set.
package enum StoreSettings {
  /// What is committed survives a power cut (L10): what a person entered is not risked for speed. What was deleted is overwritten.
  private static let sql = "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON"

  /// Memory for pages of the connection that writes. A transaction that touches more pages than fit writes some of them twice.
  package struct Writer {
    /// In KiB.
    var cacheKiB: Int
    /// New pages in the log at which they are copied into the database: a page that several transactions wrote is copied once. See
    /// `LogCheckpointer`.
    package var checkpointPages: Int

    package static let field = Writer(cacheKiB: 8 << 10, checkpointPages: 4000)
    /// A batch's rows lie anywhere in the indexes of all rows: nearly each touches a page of its own.
    package static let hub = Writer(cacheKiB: 32 << 10, checkpointPages: 8000)
  }

  /// How long a connection waits for another's lock, in milliseconds.
  package static let busyTimeoutMs: Int32 = 10_000

  package static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.prepareDatabase { db in try db.execute(sql: sql) }
    StatementWatch.current?.install(in: &configuration)
    configuration.busyMode = .timeout(Double(busyTimeoutMs) / 1000)
    configuration.foreignKeysEnabled = false
    return configuration
  }

  package static func set(_ db: Database, for writer: Writer) throws {
    try db.execute(sql: "PRAGMA cache_size = -\(writer.cacheKiB); PRAGMA wal_autocheckpoint = \(writer.checkpointPages)")
  }
}
