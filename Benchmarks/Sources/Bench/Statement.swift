import CSQLite
import Foundation

/// SQLite said no: a benchmark that goes on would measure nothing.
struct SQLiteFailure: Error, CustomStringConvertible {
  var description: String
}

private let transient = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)

/// A prepared statement on any connection: plain SQLite's and SyncKit's writes go through the very same calls.
final class Statement {
  private let handle: OpaquePointer
  private let connection: OpaquePointer

  init(_ connection: OpaquePointer, _ sql: String) throws {
    var made: OpaquePointer?
    guard sqlite3_prepare_v2(connection, sql, -1, &made, nil) == SQLITE_OK, let made else {
      throw SQLiteFailure(description: "\(sql): \(String(cString: sqlite3_errmsg(connection)))")
    }
    (handle, self.connection) = (made, connection)
  }

  deinit { sqlite3_finalize(handle) }

  func bind(_ index: Int32, _ text: String) { sqlite3_bind_text(handle, index, text, -1, transient) }
  func bind(_ index: Int32, _ number: Int64) { sqlite3_bind_int64(handle, index, number) }
  func bind(_ index: Int32, _ bytes: [UInt8]) { sqlite3_bind_blob(handle, index, bytes, Int32(bytes.count), transient) }

  func bind(_ row: SurveyRow) {
    bind(1, row.id)
    bind(2, row.commune)
    bind(3, "pks01")
    for (offset, rating) in row.ratings.enumerated() { bind(Int32(4 + offset), rating) }
    for (offset, word) in row.words.enumerated() { bind(Int32(16 + offset), word) }
    bind(24, row.comment)
    bind(25, row.submittedAt)
  }

  /// Runs to the end.
  func run() throws {
    defer { sqlite3_reset(handle) }
    let code = sqlite3_step(handle)
    guard code == SQLITE_DONE || code == SQLITE_ROW else {
      throw SQLiteFailure(description: String(cString: sqlite3_errmsg(connection)))
    }
  }

  /// Appends every column of every row to `dump`, as text with a separator.
  func dump(into dump: inout [UInt8]) throws {
    defer { sqlite3_reset(handle) }
    while true {
      let code = sqlite3_step(handle)
      if code == SQLITE_DONE { return }
      guard code == SQLITE_ROW else { throw SQLiteFailure(description: String(cString: sqlite3_errmsg(connection))) }
      for column in 0..<sqlite3_column_count(handle) {
        if let bytes = sqlite3_column_blob(handle, column) {
          dump.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
        }
        dump.append(0x1F)
      }
      dump.append(0x0A)
    }
  }
}

/// Statements of one connection, prepared once, as an app does that writes more than once.
final class Prepared: @unchecked Sendable {
  private var statements: [String: Statement] = [:]

  /// To be called where the connection is.
  func statement(_ connection: OpaquePointer, _ sql: String) throws -> Statement {
    if let known = statements[sql] { return known }
    let new = try Statement(connection, sql)
    statements[sql] = new
    return new
  }

  /// Before the connection goes.
  func finalize() { statements = [:] }
}

/// SQLite with nothing of ours.
final class Plain {
  let connection: OpaquePointer
  let path: String
  private let prepared = Prepared()

  init(_ path: String) throws {
    var made: OpaquePointer?
    guard sqlite3_open(path, &made) == SQLITE_OK, let made else { throw SQLiteFailure(description: "cannot open \(path)") }
    (connection, self.path) = (made, path)
    try execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
  }

  deinit {
    prepared.finalize()
    sqlite3_close(connection)
  }

  func statement(_ sql: String) throws -> Statement { try prepared.statement(connection, sql) }

  func execute(_ sql: String) throws {
    guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else {
      throw SQLiteFailure(description: "\(sql): \(String(cString: sqlite3_errmsg(connection)))")
    }
  }

  func transaction(_ body: () throws -> Void) throws {
    try execute("BEGIN IMMEDIATE")
    try body()
    try execute("COMMIT")
  }
}

/// The session extension watching one connection, until `end`.
final class Session {
  private var handle: OpaquePointer?
  /// A connection that closes first takes the session's memory with it.
  private let plain: Plain

  init(_ plain: Plain) throws {
    self.plain = plain
    guard sqlite3session_create(plain.connection, "main", &handle) == SQLITE_OK, sqlite3session_attach(handle, nil) == SQLITE_OK else {
      throw SQLiteFailure(description: "this SQLite has no session extension")
    }
  }

  deinit { end() }

  func end() {
    if let handle { sqlite3session_delete(handle) }
    handle = nil
  }

  func changeset() throws -> Data {
    var size: Int32 = 0
    var bytes: UnsafeMutableRawPointer?
    guard sqlite3session_changeset(handle, &size, &bytes) == SQLITE_OK, let bytes else {
      throw SQLiteFailure(description: "no changeset")
    }
    defer { sqlite3_free(bytes) }
    return Data(bytes: bytes, count: Int(size))
  }

  /// Applies a changeset; of two values the one that comes stands.
  static func apply(_ changeset: Data, to plain: Plain) throws {
    var bytes = [UInt8](changeset)
    let code = sqlite3changeset_apply(
      plain.connection, Int32(bytes.count), &bytes, nil,
      { _, kind, _ in kind == SQLITE_CHANGESET_DATA ? SQLITE_CHANGESET_REPLACE : SQLITE_CHANGESET_OMIT }, nil)
    guard code == SQLITE_OK else { throw SQLiteFailure(description: "the changeset was not applied: \(code)") }
  }
}
