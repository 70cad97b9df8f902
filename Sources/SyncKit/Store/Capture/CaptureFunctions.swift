internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import SyncCore

/// SQL functions that the capture triggers call for every row an app writes, one call each and without copying a value. The same
/// checks in SQL, column by column, would cost more than the write itself.
enum CaptureFunctions {
  /// Adds `synckit_txn`, `synckit_bad` and `synckit_mask` to a connection.
  static func install(_ context: CaptureContext, in db: Database) throws {
    try add("synckit_txn", 0, to: db, context) { call, _, _ in
      guard let capture = CaptureFunctions.capture(of: call) else { return sqlite3_result_null(call) }
      do {
        if let tag = try capture.tag() { sqlite3_result_int64(call, tag) } else { sqlite3_result_null(call) }
      } catch {
        sqlite3_result_error(call, (error as? DatabaseError)?.message ?? "synckit", -1)
      }
    }
    // Adds synckit_bad(key, value, …): true when the row could never be sent.
    try add("synckit_bad", -1, to: db, context) { call, count, values in
      var isBad = false
      for index in 0..<Int(count) {
        guard let value = values?[index] else { continue }
        isBad = isBad || CaptureFunctions.isBad(value, isKey: index == 0)
      }
      sqlite3_result_int(call, isBad ? 1 : 0)
    }
    // Adds synckit_mask(key, old, new, old, new, …): bit n is set when pair n differs, byte for byte or in kind. Fails for a row
    // that could never be sent, because a separate call of synckit_bad would add a tenth to an update.
    try add("synckit_mask", -1, to: db, context) { call, count, values in
      var mask: Int64 = 0
      guard count > 0, let key = values?[0] else { return sqlite3_result_int(call, 0) }
      var isBad = CaptureFunctions.isBad(key, isKey: true)
      for pair in 0..<Int(count - 1) / 2 {
        guard let old = values?[2 * pair + 1], let new = values?[2 * pair + 2] else { continue }
        isBad = isBad || CaptureFunctions.isBad(new, isKey: false)
        if CaptureFunctions.differ(old, new) { mask |= 1 << Int64(pair) }
      }
      if isBad { return sqlite3_result_error(call, "synckit:badValue", -1) }
      sqlite3_result_int64(call, mask)
    }
  }

  private typealias Function = @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void

  private static func add(_ name: String, _ count: Int32, to db: Database, _ context: CaptureContext, _ function: Function) throws {
    // Retains the context for as long as the connection may call it.
    let held = Unmanaged.passRetained(context).toOpaque()
    let code = sqlite3_create_function_v2(
      db.sqliteConnection, name, count, SQLITE_UTF8, held, function, nil, nil,
      { held in if let held { Unmanaged<CaptureContext>.fromOpaque(held).release() } })
    guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code), message: name) }
  }

  private static func capture(of call: OpaquePointer?) -> CaptureContext? {
    sqlite3_user_data(call).map { Unmanaged<CaptureContext>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Returns whether a value could never be sent: too long, a text with a zero byte, or a key that is neither text nor bytes nor a
  /// number.
  private static func isBad(_ value: OpaquePointer, isKey: Bool) -> Bool {
    let bytesMax = isKey ? WireLimits.keyBytesMax : WireLimits.valueBytesMax
    switch sqlite3_value_type(value) {
    case SQLITE_TEXT:
      guard let text = sqlite3_value_text(value) else { return true }
      let count = Int(sqlite3_value_bytes(value))
      return count > bytesMax || memchr(text, 0, count) != nil
    case SQLITE_BLOB: return Int(sqlite3_value_bytes(value)) > bytesMax
    case SQLITE_INTEGER: return false
    default: return isKey
    }
  }

  private static func differ(_ old: OpaquePointer, _ new: OpaquePointer) -> Bool {
    let type = sqlite3_value_type(old)
    guard type == sqlite3_value_type(new) else { return true }
    switch type {
    case SQLITE_INTEGER: return sqlite3_value_int64(old) != sqlite3_value_int64(new)
    case SQLITE_FLOAT: return sqlite3_value_double(old) != sqlite3_value_double(new)
    case SQLITE_TEXT: return differ(UnsafeRawPointer(sqlite3_value_text(old)), UnsafeRawPointer(sqlite3_value_text(new)), old, new)
    case SQLITE_BLOB: return differ(sqlite3_value_blob(old), sqlite3_value_blob(new), old, new)
    default: return false
    }
  }

  private static func differ(_ a: UnsafeRawPointer?, _ b: UnsafeRawPointer?, _ old: OpaquePointer, _ new: OpaquePointer) -> Bool {
    let count = sqlite3_value_bytes(old)
    guard count == sqlite3_value_bytes(new) else { return true }
    guard let a, let b else { return false }
    return memcmp(a, b, Int(count)) != 0
  }
}
