internal import Foundation
package import GRDB
internal import GRDBSQLite
internal import Synchronization

/// Copies a store's write-ahead log into its database while others write, on a connection of its own.
///
/// SQLite's own checkpoints run in whichever commit comes at the wrong moment, copy thousands of pages, and delay every other
/// writer. Here nearly all pages are copied while others write on. Only the last few, without which the log cannot restart, take a
/// turn among the writers.
package final class LogCheckpointer: Sendable {
  /// Pages that a turn among the writers may have to copy: a few milliseconds.
  static let turnPagesMax = 500
  /// Copies beside the writers before the turn is taken anyway.
  static let passesMax = 8
  /// Pages of a log that the committing writer copies, as SQLite would, because no checkpoint succeeded. 256 MiB.
  static let pagesMax: Int32 = 64 << 10

  private struct State {
    /// Pages of the log at the last commit.
    var pages = 0
    /// Pages of the log that were in the database after the last copy.
    var copied = 0
    var isCopying = false
    var isStopped = false
  }

  private let path: String
  /// New pages in the log at which copying begins.
  private let pages: Int
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "synckit.checkpoint")

  package init(path: String, pages: Int) {
    self.path = path
    self.pages = pages
  }

  /// Counts the pages that `db` commits, in place of SQLite's own checkpoints. Must outlive that connection.
  package func watch(_ db: Database) {
    _ = sqlite3_wal_hook(
      db.sqliteConnection,
      { context, connection, name, pages in
        if pages >= LogCheckpointer.pagesMax { sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, nil, nil) }
        if let context { Unmanaged<LogCheckpointer>.fromOpaque(context).takeUnretainedValue().committed(Int(pages)) }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func committed(_ pages: Int) {
    state.withLock { state in
      // Resets the count: the log has restarted.
      if pages < state.pages { state.copied = 0 }
      state.pages = pages
    }
  }

  /// Begins to copy when enough has been written. Returns at once.
  package func copyIfDue(beside writer: DatabasePool) {
    let isDue = state.withLock { state in
      guard !state.isCopying, !state.isStopped, state.pages - state.copied >= pages else { return false }
      state.isCopying = true
      return true
    }
    guard isDue else { return }
    queue.async { [self] in
      defer { state.withLock { $0.isCopying = false } }
      // Ignores a failure, such as another process's checkpoint or a full disk: everything stays in the log, and the next call
      // tries again.
      try? copy(beside: writer)
    }
  }

  /// Waits for a running copy and prevents further ones. Call this before the writer's connection is closed.
  package func stop() {
    state.withLock { $0.isStopped = true }
    queue.sync {}
  }

  /// Copies the whole log into the database and deletes it, if nobody else has the store open. Call this after closing the store.
  ///
  /// SQLite does so itself only when the last connection to close may write; a pool's reading connections may not.
  package static func leave(_ path: String) {
    guard FileManager.default.fileExists(atPath: path + "-wal") else { return }
    // Leaves in the log what cannot be copied, as on a full disk.
    guard let last = try? DatabaseQueue(path: path, configuration: StoreSettings.configuration()) else { return }
    _ = try? last.read { try $0.execute(sql: "SELECT 1 FROM sqlite_master LIMIT 1") }
    try? last.close()
  }

  private func copy(beside writer: DatabasePool) throws {
    let own = try DatabaseQueue(path: path, configuration: StoreSettings.configuration())
    defer { try? own.close() }
    for _ in 0..<Self.passesMax {
      let copied = try own.writeWithoutTransaction { try $0.checkpoint(.passive).checkpointedFrameCount }
      let left = state.withLock { state in
        state.copied = copied
        return state.pages - copied
      }
      if left <= Self.turnPagesMax { break }
    }
    // Copies the rest while nobody writes, so that the next writer restarts the log.
    try writer.writeWithoutTransaction { db in
      let copied = try db.checkpoint(.passive).checkpointedFrameCount
      state.withLock { $0.copied = copied }
    }
  }
}
