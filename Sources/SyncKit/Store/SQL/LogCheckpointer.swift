internal import Foundation
package import GRDB
internal import GRDBSQLite
internal import Synchronization

/// Copies the log of a store into its database beside those who write, on a connection of its own.
///
/// Left to SQLite, whoever commits at the wrong moment copies thousands of pages, and everybody else who writes waits for it. Here
/// nearly all of them are copied while others write on; only the last few, without which the log cannot begin anew, take a turn among
/// the writers.
package final class LogCheckpointer: Sendable {
  /// Pages that a turn among the writers may have to copy: a few milliseconds.
  static let turnPagesMax = 500
  /// Copies beside the writers before the turn is taken all the same.
  static let passesMax = 8
  /// A log of so many pages is copied by whoever commits, as SQLite would: nobody else did. 256 MiB.
  static let pagesMax: Int32 = 64 << 10

  private struct State {
    /// Pages of the log, by the last commit.
    var pages = 0
    /// Pages of the log that are in the database, by the last copy.
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
      // The log has begun anew.
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
      // One that fails, as when another process is at it or the disk is full, leaves everything in the log, and the next one tries.
      try? copy(beside: writer)
    }
  }

  /// Returns when nothing is being copied, and nothing will be: before the writer's connection is closed.
  package func stop() {
    state.withLock { $0.isStopped = true }
    queue.sync {}
  }

  /// Has everything copied into the database, and the log removed, if nobody else has the store open: to be called after it was closed.
  ///
  /// SQLite does so when the last connection closes, but only when that one may write, and those of a pool's readers may not.
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
    // Nobody writes meanwhile, so that all is copied, and the next one who writes begins the log anew.
    try writer.writeWithoutTransaction { db in
      let copied = try db.checkpoint(.passive).checkpointedFrameCount
      state.withLock { $0.copied = copied }
    }
  }
}
