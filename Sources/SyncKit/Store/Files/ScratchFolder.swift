internal import Foundation
internal import SyncCore

/// Folder for the temporary files of a command, on a disk that has room: the disk of a store may be full, or read-only. Only its
/// owner can read it; it is deleted with the value.
package final class ScratchFolder: Sendable {
  package let path: String

  /// Bytes that may be put into memory.
  private static let memoryBytesMax = 64 << 20
  /// Bytes left free beside the requested ones.
  private static let spareBytes = 1 << 20
  private static let prefix = "synckit-scratch-"

  /// Makes a folder.
  ///
  /// - Parameters:
  ///   - bytes: Room that is needed.
  ///   - elsewhere: Folders to try when neither memory nor the system's temporary folder has the room.
  /// - Throws: `SyncError` `.diskFull`.
  package init(room bytes: Int, elsewhere: [String] = []) throws {
    let memory = bytes <= Self.memoryBytesMax ? ["/dev/shm"] : []
    let system = NSTemporaryDirectory()
    for place in memory + [system] + elsewhere {
      guard let free = BlobStore(folder: place).freeBytes, free - Self.spareBytes >= bytes else { continue }
      Self.sweep(place)
      let folder = (place as NSString).appendingPathComponent("\(Self.prefix)\(getpid())-\(UUID().uuidString)")
      guard mkdir(folder, 0o700) == 0 else { continue }
      path = folder
      return
    }
    throw SyncError(
      .diskFull,
      vi: "Cần \(bytes >> 20) MiB chỗ tạm mà \(system) không đủ; đặt biến TMPDIR thành một thư mục trên ổ khác còn chỗ.",
      en: "\(bytes >> 20) MiB of temporary space are needed and \(system) lacks them; set TMPDIR to a folder on another disk with room.")
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Deletes what killed processes left.
  private static func sweep(_ place: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] where name.hasPrefix(prefix) {
      guard let process = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ pid_t($0) }), process > 0,
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      try? FileManager.default.removeItem(atPath: (place as NSString).appendingPathComponent(name))
    }
  }
}
