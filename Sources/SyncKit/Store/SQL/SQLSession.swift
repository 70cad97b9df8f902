internal import Foundation
public import GRDB
public import SyncCore

/// Open transaction of a store, as SQL: all that merging needs of a database.
///
/// Placeholders are `?1`, `?2` …; the statements keep to what SQLite and PostgreSQL share.
public protocol SQLSession {
  /// Runs one statement that returns no rows.
  func execute(_ sql: String, _ arguments: [CellValue]) throws
  /// Returns all rows of a query, each with its values in column order.
  func rows(_ sql: String, _ arguments: [CellValue]) throws -> [[CellValue]]
  func execute(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws
  func rows(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws -> [[CellValue]]
}

/// Statement that one transaction runs many times: the store need not look it up by its text each time.
public final class RepeatedSQL {
  public let text: String
  /// Prepared statement of the store, valid in the transaction in which `RepeatedSQL` was made.
  var found: AnyObject?

  public init(_ text: String) { self.text = text }
}

extension SQLSession {
  public func execute(_ sql: String) throws { try execute(sql, []) }
  public func rows(_ sql: String) throws -> [[CellValue]] { try rows(sql, []) }

  public func execute(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws { try execute(sql.text, arguments) }
  public func rows(_ sql: RepeatedSQL, _ arguments: [CellValue]) throws -> [[CellValue]] { try rows(sql.text, arguments) }
  public func firstRow(_ sql: RepeatedSQL, _ arguments: [CellValue] = []) throws -> [CellValue]? { try rows(sql, arguments).first }

  public func firstRow(_ sql: String, _ arguments: [CellValue] = []) throws -> [CellValue]? {
    try rows(sql, arguments).first
  }

  /// Returns the first value of the first row, if it is an integer.
  public func integer(_ sql: String, _ arguments: [CellValue] = []) throws -> Int64? {
    try firstRow(sql, arguments)?.first?.integer
  }
}

extension SyncError {
  /// Explains a failure of the local database to people, also one of an app's own write that capture or the disk refused.
  public init(_ error: DatabaseError, store: String) {
    let message = error.message ?? ""
    if let own = Self.captureRefusal(message) {
      self = own
      return
    }
    switch error.resultCode {
    case .SQLITE_FULL:
      self.init(
        .diskFull, vi: "Hết chỗ trên đĩa khi ghi \(store). Việc đã lưu trước đó còn nguyên; giải phóng chỗ rồi làm lại.",
        en: "The disk is full while writing \(store). Earlier work is intact; free some space and try again.")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      self.init(
        .storeDamaged, vi: "Cơ sở dữ liệu \(store) bị hỏng hoặc không phải của chương trình này. Giữ nguyên tệp và khôi phục từ bản sao.",
        en: "The database \(store) is damaged or not this program's. Keep the file and restore from a copy.")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(
        .storeBusy, vi: "\(store) đang được chương trình khác dùng; thử lại sau.", en: "\(store) is in use by another program; try again.")
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
      self.init(
        .storeMissing, vi: "Không mở được \(store) để ghi: kiểm tra đường dẫn và quyền.",
        en: "Cannot open \(store) for writing: check the path and permissions.")
    case .SQLITE_IOERR:
      self.init(
        .diskFull, vi: "Đĩa báo lỗi khi ghi \(store); kiểm tra chỗ trống và thiết bị. Việc đã lưu trước đó còn nguyên.",
        en: "The disk failed while writing \(store); check free space and the device. Earlier work is intact.")
    default:
      self.init(.internalFault, vi: "Lỗi cơ sở dữ liệu \(store): \(message).", en: "Database error in \(store): \(message).")
    }
  }

  /// Runs `body`, and turns errors of the database or disk into a `SyncError`.
  package static func explaining<T>(_ store: String, _ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch let error as DatabaseError {
      throw SyncError(error, store: store)
    }
  }

  package static func explainingSync<T>(_ store: String, _ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch let error as DatabaseError {
      throw SyncError(error, store: store)
    }
  }

  /// Throws for an empty file where a store should be: SQLite would take it for a new database, though everything in it is lost.
  package static func refuseEmptyStore(_ path: String) throws {
    guard try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == 0 else { return }
    throw SyncError(
      .storeDamaged, vi: "Cơ sở dữ liệu \(path) rỗng, không còn gì bên trong. Giữ nguyên tệp và khôi phục từ bản sao.",
      en: "The database \(path) is empty: what it held is gone. Keep the file and restore from a copy.")
  }

  /// Returns the error for a code that capture triggers raise.
  private static func captureRefusal(_ message: String) -> SyncError? {
    if message.contains("synckit:wrongScope") {
      return SyncError(
        .wrongScope, vi: "Dòng này thuộc đơn vị mà thiết bị không được ghi.", en: "This row belongs to a unit the device may not write.")
    }
    if let mark = message.range(of: "synckit:undone ") {
      let place = message[mark.upperBound...].prefix { !$0.isWhitespace }
      return SyncError(
        .undone,
        vi: "Cột \(place) không nhận giá trị lùi lại: quy tắc của cột sẽ đổi nó về như cũ. Nếu giá trị đang có là sai, dùng resolve.",
        en: "Column \(place) does not go back: its rule would undo this. If what stands there is wrong, use resolve.")
    }
    if message.contains("synckit:scopeChange") {
      return SyncError(
        .wrongScope, vi: "Không đổi đơn vị của một dòng; hãy xóa rồi thêm dòng mới với khóa mới.",
        en: "A row cannot move to another unit; delete it and insert one with a new key.")
    }
    if message.contains("synckit:badValue") {
      return SyncError(
        .tooLarge,
        vi:
          "Có ô chứa ký tự số 0 hoặc dài hơn \(WireLimits.valueBytesMax >> 10) KiB, hay khóa không phải chữ hoặc quá \(WireLimits.keyBytesMax) byte.",
        en:
          "A cell holds a zero character or over \(WireLimits.valueBytesMax >> 10) KiB, or the key is no text or over \(WireLimits.keyBytesMax) bytes."
      )
    }
    if message.contains("synckit:tooManyRows") {
      return SyncError(
        .transactionTooLarge, vi: "Một lần ghi sửa quá \(WireLimits.rowsPerTransactionMax) dòng; chia nhỏ ra.",
        en: "One transaction changes over \(WireLimits.rowsPerTransactionMax) rows; split it.")
    }
    if message.contains("synckit:noDropKey") {
      return SyncError(
        .badDropKey, vi: "Thiết bị chưa có khóa nhận phiếu; ghi danh trước khi thu phiếu ẩn danh.",
        en: "The device has no drop key yet; enrol before collecting anonymous answers.")
    }
    if message.contains("synckit:anonymousReadOnly") {
      return SyncError(
        .badRequest, vi: "Phiếu ẩn danh chỉ thêm được, không sửa hay xóa.",
        en: "Anonymous rows can only be inserted, never changed or deleted.")
    }
    return nil
  }
}
