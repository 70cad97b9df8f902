package import GRDB

/// Settings of a store's connections.
package enum StoreSettings {
  /// Settings of every connection. Committed data survives a power cut (L10): speed does not justify the risk. Deleted data is
  /// overwritten.
  private static let sql = "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON"

  /// Settings of the connection that writes. A transaction that touches more pages than the cache holds writes some of them twice.
  package struct Writer {
    /// Size of the page cache in KiB.
    var cacheKiB: Int
    /// New pages in the log at which they are copied into the database: a page that several transactions wrote is copied once. See
    /// `LogCheckpointer`.
    package var checkpointPages: Int

    package static let field = Writer(cacheKiB: 8 << 10, checkpointPages: 4000)
    /// Settings of a hub: a batch's rows are spread over the indexes of all rows, so nearly each touches a page of its own.
    package static let hub = Writer(cacheKiB: 32 << 10, checkpointPages: 8000)
  }

  /// Milliseconds that a connection waits for another's lock.
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
