package import Foundation
package import GRDB
internal import GRDBSQLite
internal import SyncCore
internal import Synchronization

/// Keeps the order in which people answered out of a device's files.
///
/// A random key does not hide it: rows of one page lie in the order in which they were written, and the log has every page as it was after
/// each commit. So all packets are written anew in the order of their keys with every insert, in its transaction, and the log is cut after
/// the commit.
package final class PacketOrder: TransactionObserver, Sendable {
  /// How long whoever waits for `cutLog` lets a reader keep the log, in milliseconds.
  package static let waitMs: Int32 = 2_000

  private struct State {
    var hasNew = false
    var isLogDue = false
    var isPutOff = false
  }

  private let state = Mutex(State())

  /// Whether the rewriting waits for the end of a transaction with many inserts.
  var isPutOff: Bool { state.withLock { $0.isPutOff } }
  /// Whether the log may still have pages that tell the order: a reader kept it.
  package var isLogDue: Bool { state.withLock { $0.isLogDue } }

  /// Writes all packets once after `body` instead of after each of its inserts, in the same transaction.
  package func together<T>(in db: Database, _ body: () throws -> T) throws -> T {
    state.withLock { $0.isPutOff = true }
    defer { state.withLock { $0.isPutOff = false } }
    let result = try body()
    try Self.rewrite(SQLiteSession(db: db))
    return result
  }

  /// - Parameter renewed: Gives the bytes of a packet anew, for a scope.
  package static func rewrite(_ session: any SQLSession, renewed: (Data, String) throws -> Data = { bytes, _ in bytes }) throws {
    let rows = try session.rows("SELECT id, scope, bytes, kept FROM sync_packet ORDER BY id").map { row in
      guard let scope = row[1].text, let bytes = row[2].blob else { return row }
      return [row[0], row[1], .blob(try renewed(bytes, scope)), row[3]]
    }
    try session.execute("DELETE FROM sync_packet")
    let insert = RepeatedSQL("INSERT INTO sync_packet (id, scope, bytes, kept) VALUES (?1, ?2, ?3, ?4)")
    for row in rows { try session.execute(insert, row) }
  }

  /// Empties the log, so that it holds no earlier state of a page.
  ///
  /// - Parameter waitMs: How long a reader may keep it.
  /// - Returns: Whether it is empty.
  @discardableResult
  package func cutLog(_ db: Database, waitMs: Int32) -> Bool {
    sqlite3_busy_timeout(db.sqliteConnection, waitMs)
    defer { sqlite3_busy_timeout(db.sqliteConnection, StoreSettings.busyTimeoutMs) }
    let isCut = sqlite3_wal_checkpoint_v2(db.sqliteConnection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil) == SQLITE_OK
    state.withLock { $0.isLogDue = !isCut }
    return isCut
  }

  // MARK: Transactions

  /// Notes that the transaction makes a packet: SQLite tells nobody of changes to tables without row ids.
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
