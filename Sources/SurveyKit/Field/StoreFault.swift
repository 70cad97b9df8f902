internal import GRDB
internal import SyncKit

/// What a refused write of the survey's own tables means to a person, in the engine's error codes.
enum StoreFault {
  static func explain(_ error: DatabaseError, store: String) -> SyncError {
    let message = error.message ?? ""
    if message.contains("synckit:noDropKey") {
      return SyncError(
        .badDropKey, vi: "Thiết bị chưa có khóa nhận phiếu; ghi danh trước khi thu phiếu ẩn danh.",
        en: "The device has no drop key yet; enrol before collecting anonymous answers.")
    }
    if message.contains("synckit:wrongScope") {
      return SyncError(
        .wrongScope, vi: "Dòng này thuộc đơn vị mà thiết bị không được ghi.", en: "This row belongs to a unit the device may not write.")
    }
    if message.contains("synckit:badValue") {
      return SyncError(
        .tooLarge, vi: "Phiếu hoặc báo cáo quá dài, hoặc có ký tự số 0; hãy rút ngắn.",
        en: "The answers are too long or hold a zero character; shorten them.")
    }
    switch error.resultCode {
    case .SQLITE_FULL, .SQLITE_IOERR:
      return SyncError(
        .diskFull, vi: "Hết chỗ trên đĩa hoặc đĩa lỗi khi ghi \(store). Việc đã lưu trước đó còn nguyên; giải phóng chỗ rồi làm lại.",
        en: "The disk is full or failed while writing \(store). Earlier work is intact; free some space and try again.")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      return SyncError(
        .storeDamaged, vi: "Cơ sở dữ liệu \(store) bị hỏng. Giữ nguyên tệp và khôi phục từ bản sao.",
        en: "The database \(store) is damaged. Keep the file and restore from a copy.")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return SyncError(
        .storeBusy, vi: "\(store) đang được chương trình khác dùng; thử lại sau.", en: "\(store) is in use by another program; try again.")
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN:
      return SyncError(
        .storeMissing, vi: "Không mở được \(store) để ghi: kiểm tra đường dẫn và quyền.",
        en: "Cannot open \(store) for writing: check the path and permissions.")
    default:
      return SyncError(.internalFault, vi: "Lỗi cơ sở dữ liệu \(store): \(message).", en: "Database error in \(store): \(message).")
    }
  }
}
