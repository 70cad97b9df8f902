import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncStore

/// A hub's log is copied beside those who write, and begins anew while they write on.
@Suite struct LogCheckpointerTests {
  private static let pages = 200

  private let folder: TemporaryFolder
  private let path: String
  private let pool: DatabasePool
  private let checkpointer: LogCheckpointer

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/store.sqlite"
    pool = try DatabasePool(path: path, configuration: StoreSettings.configuration())
    checkpointer = LogCheckpointer(path: path, pages: Self.pages)
    try pool.writeWithoutTransaction { [checkpointer] db in
      try db.execute(sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB)")
      checkpointer.watch(db)
    }
  }

  /// Ten pages.
  private func write(_ number: Int) async throws {
    try await pool.writeWithoutTransaction { db in
      try db.execute(sql: "INSERT INTO t VALUES (?, randomblob(40000))", arguments: [number])
    }
    checkpointer.copyIfDue(beside: pool)
  }

  @Test func theLogStaysShortWhileWritesGoOn() async throws {
    let log = URL(fileURLWithPath: path + "-wal")
    var longest = 0
    for number in 0..<600 {
      try await write(number)
      longest = max(longest, try log.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
    }
    checkpointer.stop()
    // All of it is 6,000 pages; by SQLite's own rule the log would not have been copied before it had 64 << 10.
    #expect(longest / 4096 < 4 * (Self.pages + LogCheckpointer.turnPagesMax), "\(longest / 4096) pages")
    let size = try URL(fileURLWithPath: path).resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
    #expect(size / 4096 > 5_000)
    #expect(try await pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t WHERE length(bytes) = 40000") } == 600)
    try pool.close()
  }

  /// Someone who reads an old state keeps the log from beginning anew; it is copied up to there, and nobody waits for the reader.
  @Test func aLongReaderDelaysNoWriter() async throws {
    let snapshot = try pool.makeSnapshot()
    #expect(try await snapshot.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t") } == 0)
    for number in 0..<100 { try await write(number) }
    checkpointer.stop()
    #expect(try await snapshot.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t") } == 0)
    #expect(try await pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t") } == 100)
    try pool.close()
  }
}
