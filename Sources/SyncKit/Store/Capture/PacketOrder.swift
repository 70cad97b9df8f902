package import Foundation
package import GRDB
internal import GRDBSQLite
internal import SyncCore
internal import Synchronization

/// Removes from a device's files the order in which people answered.
///
/// A random key does not hide the order: rows of one page lie in the order in which they were written, and the write-ahead log has
/// every page as it was after each commit. So every insert rewrites all packets in the order of their keys, in its transaction.
/// After the commit the log is truncated.
package final class PacketOrder: TransactionObserver, Sendable {
  /// Milliseconds that `cutLog` waits for a reader who keeps the log.
  package static let waitMs: Int32 = 2_000

  private struct State {
    var hasNew = false
    var isLogDue = false
    var isPutOff = false
  }

  private let state = Mutex(State())

  /// True while rewriting waits for the end of a transaction with many inserts.
  var isPutOff: Bool { state.withLock { $0.isPutOff } }
  /// True when the log may still have pages that tell the order, because a reader kept it.
  package var isLogDue: Bool { state.withLock { $0.isLogDue } }

  /// Runs `body`, and rewrites all packets once after it instead of after each insert, in the same transaction.
  package func together<T>(in db: Database, _ body: () throws -> T) throws -> T {
    state.withLock { $0.isPutOff = true }
    defer { state.withLock { $0.isPutOff = false } }
    let result = try body()
    try Self.rewrite(SQLiteSession(db: db))
    return result
  }

  /// Rewrites all packets in the order of their keys.
  ///
  /// - Parameter renewed: Returns the new bytes of a packet, for a scope.
  package static func rewrite(_ session: any SQLSession, renewed: (Data, String) throws -> Data = { bytes, _ in bytes }) throws {
    let rows = try session.rows("SELECT id, scope, bytes, kept FROM sync_packet ORDER BY id").map { row in
      guard let scope = row[1].text, let bytes = row[2].blob else { return row }
      return [row[0], row[1], .blob(try renewed(bytes, scope)), row[3]]
    }
    try session.execute("DELETE FROM sync_packet")
    let insert = RepeatedSQL("INSERT INTO sync_packet (id, scope, bytes, kept) VALUES (?1, ?2, ?3, ?4)")
    for row in rows { try session.execute(insert, row) }
  }

  /// Truncates the write-ahead log, so that it holds no earlier state of a page.
  ///
  /// - Parameter waitMs: Milliseconds to wait for a reader.
  /// - Returns: Whether the log is empty.
  @discardableResult
  package func cutLog(_ db: Database, waitMs: Int32) -> Bool {
    sqlite3_busy_timeout(db.sqliteConnection, waitMs)
    defer { sqlite3_busy_timeout(db.sqliteConnection, StoreSettings.busyTimeoutMs) }
    let isCut = sqlite3_wal_checkpoint_v2(db.sqliteConnection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil) == SQLITE_OK
    state.withLock { $0.isLogDue = !isCut }
    return isCut
  }

  // MARK: Transactions

  /// Records that the transaction makes a packet: SQLite reports no changes to tables without row ids.
  package func packetMade() { state.withLock { $0.hasNew = true } }

  package func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
  package func databaseDidChange(with event: DatabaseEvent) {}
  package func databaseDidRollback(_ db: Database) { state.withLock { $0.hasNew = false } }

  package func databaseDidCommit(_ db: Database) {
    let hasNew = state.withLock { state in
      defer { state.hasNew = false }
      return state.hasNew
    }
    if hasNew { cutLog(db, waitMs: 0) }
  }
}
