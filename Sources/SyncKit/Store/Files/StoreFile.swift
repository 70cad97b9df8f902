internal import Foundation
internal import SyncCore

/// Files of a store.
package enum StoreFile {
  package static func size(_ path: String) -> Int {
    ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
  }

  /// Makes an empty file that only its owner can read: a backup holds what the hub holds.
  package static func makeEmpty(_ path: String) throws {
    try? FileManager.default.removeItem(atPath: path)
    guard PrivateFile.makeEmpty(path) else {
      throw SyncError(
        .storeMissing, vi: "Không ghi được \(path); kiểm tra thư mục, quyền và chỗ trống.",
        en: "Cannot write \(path); check the folder, permissions and free space.")
    }
  }

  package static func copy(_ from: String, to path: String) throws {
    guard let source = FileHandle(forReadingAtPath: from), let target = FileHandle(forWritingAtPath: path) else { throw unreadable(from) }
    defer {
      try? source.close()
      try? target.close()
    }
    do {
      while let block = try source.read(upToCount: 1 << 20), !block.isEmpty { try target.write(contentsOf: block) }
    } catch {
      throw SyncError(
        .diskFull, vi: "Không chép được \(from) sang \(path): đĩa đầy hoặc hỏng.",
        en: "Cannot copy \(from) to \(path): the disk is full or failing.")
    }
  }

  static func unreadable(_ path: String) -> SyncError {
    SyncError(
      .storeMissing, vi: "Không đọc được \(path); kiểm tra quyền và chủ của tệp.",
      en: "\(path) cannot be read; check its permissions and its owner.")
  }
}
