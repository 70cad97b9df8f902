internal import Foundation
package import GRDB
internal import GRDBSQLite
package import SyncCore

/// SQLite transaction that GRDB began, with statements prepared once a connection.
///
/// Values pass between SQLite and the engine without GRDB's wrappers, which would take about as long as the rest of a merge. GRDB
/// does not notice the tables written; whoever ends the transaction reports them.
package struct SQLiteSession: SQLSession {
  package let db: Database
  /// Listener that is called for every writing statement; nil outside tests.
  package var listener: FaultPoints.Listener?

  package init(db: Database, listener: FaultPoints.Listener? = nil) {
    self.db = db
    self.listener = listener
  }

  package func execute(_ sql: String, _ arguments: [CellValue]) throws {
    try listener?(.statement(sql))
    // Runs statements without arguments by GRDB: they may change the schema, and GRDB must notice.
    if arguments.isEmpty { return try db.cachedStatement(sql: sql).execute() }
    try run(try db.cachedStatement(sql: sql), arguments) { _ in }
  }

  package func execute(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws {
    try listener?(.statement(sql.text))
    try run(try statement(sql), arguments) { _ in }
  }

  package func rows(_ sql: String, _ arguments: [CellValue]) throws -> [[CellValue]] {
    if let listener, !sql.hasPrefix("SELECT") { try listener(.statement(sql)) }
    return try rows(of: try db.cachedStatement(sql: sql), arguments)
  }

  package func rows(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws -> [[CellValue]] {
    if let listener, !sql.text.hasPrefix("SELECT") { try listener(.statement(sql.text)) }
    return try rows(of: try statement(sql), arguments)
  }

  private func statement(_ sql: RepeatedSQL) throws -> Statement {
    if let known = sql.found as? Statement { return known }
    let statement = try db.cachedStatement(sql: sql.text)
    sql.found = statement
    return statement
  }

  private func rows(of statement: Statement, _ arguments: [CellValue]) throws -> [[CellValue]] {
    var rows: [[CellValue]] = []
    try run(statement, arguments) { statement in
      rows.append((0..<sqlite3_column_count(statement)).map { CellValue(column: $0, of: statement) })
    }
    return rows
  }

  private func run(_ prepared: Statement, _ arguments: [CellValue], row: (OpaquePointer) -> Void) throws {
    let statement = prepared.sqliteStatement
    defer {
      sqlite3_reset(statement)
      // Clears the values, so that nothing that a person wrote stays in memory for the statement's next user.
      sqlite3_clear_bindings(statement)
    }
    for (index, value) in arguments.enumerated() {
      let code = value.bind(to: statement, at: Int32(index + 1))
      guard code == SQLITE_OK else { throw failure(prepared) }
    }
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return }
      guard code == SQLITE_ROW else { throw failure(prepared) }
      row(statement)
    }
  }

  private func failure(_ statement: Statement) -> DatabaseError {
    DatabaseError(
      resultCode: ResultCode(rawValue: sqlite3_extended_errcode(db.sqliteConnection)),
      message: sqlite3_errmsg(db.sqliteConnection).map { String(cString: $0) }, sql: statement.sql)
  }
}

/// Constant that makes SQLite copy a bound value.
private nonisolated(unsafe) let transient = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)

extension CellValue {
  fileprivate func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
    switch self {
    case .null: return sqlite3_bind_null(statement, index)
    case .integer(let number): return sqlite3_bind_int64(statement, index, number)
    case .real(let number): return sqlite3_bind_double(statement, index, number)
    case .text(var text):
      // Passes an address for an empty text: without one SQLite would store NULL.
      if text.isEmpty { return sqlite3_bind_text(statement, index, "", 0, transient) }
      return text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { sqlite3_bind_text(statement, index, $0.baseAddress, Int32($0.count), transient) }
      }
    case .blob(let bytes):
      if bytes.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
      return bytes.withUnsafeBytes { sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), transient) }
    }
  }

  fileprivate init(column: Int32, of statement: OpaquePointer) {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: self = .integer(sqlite3_column_int64(statement, column))
    case SQLITE_FLOAT: self = .real(sqlite3_column_double(statement, column))
    case SQLITE_TEXT:
      let text = sqlite3_column_text(statement, column)
      self = .text(String(decoding: UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(statement, column))), as: UTF8.self))
    case SQLITE_BLOB:
      let bytes = sqlite3_column_blob(statement, column)
      self = .blob(Data(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column)))))
    default: self = .null
    }
  }
}
