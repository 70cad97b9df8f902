public import Foundation
internal import SyncCore

/// Files that only their owner may read, written whole or not at all.
public enum PrivateFile {
  /// Writes a file beside `path`, syncs it, then renames it to `path`.
  public static func write(_ data: Data, to path: String) throws {
    let temporary = path + ".new"
    func failed() -> SyncError {
      let reason = String(cString: strerror(errno))
      return SyncError(
        errno == ENOSPC ? .diskFull : .keyUnusable, vi: "Không ghi được \(path): \(reason).", en: "Cannot write \(path): \(reason).")
    }
    // Refuses an existing path that is no ordinary file: renaming would replace a device, such as a terminal.
    var there = stat()
    if stat(path, &there) == 0, there.st_mode & S_IFMT != S_IFREG {
      throw SyncError(
        .keyUnusable, vi: "\(path) có sẵn và không phải là tệp; hãy chọn tên khác.",
        en: "\(path) is there and is not a file; choose another name.")
    }
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw failed() }
    var left = data[...]
    while !left.isEmpty {
      let written = left.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      guard written > 0 else {
        let error = failed()
        close(file)
        unlink(temporary)
        throw error
      }
      left = left.dropFirst(written)
    }
    let synced = fsync(file) == 0
    let closed = close(file) == 0
    guard synced, closed, rename(temporary, path) == 0 else {
      let error = failed()
      unlink(temporary)
      throw error
    }
    // Syncs the folder: the new name is on the disk only then.
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY)
    guard folder >= 0 else { throw failed() }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw failed() }
  }

  /// Waits until every name in a folder is on the disk, where the file system supports it.
  package static func sync(folder: String) throws {
    let file = open(folder, O_RDONLY | O_CLOEXEC)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, fsync(file) == 0 || [EINVAL, EROFS, ENOTSUP].contains(errno) else {
      let reason = String(cString: strerror(errno))
      throw SyncError(
        .keyUnusable, vi: "Không đọc được thư mục khóa \(folder): \(reason).", en: "Cannot read the key folder \(folder): \(reason).")
    }
  }

  /// Makes an empty file that only its owner reads. A file system without modes ignores the mode.
  ///
  /// - Returns: False when the file cannot be made, or exists.
  static func makeEmpty(_ path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    return file >= 0 && close(file) == 0
  }

  /// Makes a store's files readable by their owner only, where they are ours and the file system has modes. A file that cannot be
  /// changed stays as it is.
  ///
  /// - Parameter creating: True to make the file first if it is missing: SQLite gives its other files the same mode.
  package static func protectStore(_ path: String, creating: Bool) {
    if creating { _ = makeEmpty(path) }
    for name in [path, path + "-wal", path + "-shm"] {
      var there = stat()
      guard stat(name, &there) == 0, there.st_mode & S_IFMT == S_IFREG, there.st_mode & 0o077 != 0, there.st_uid == geteuid() else {
        continue
      }
      _ = chmod(name, there.st_mode & 0o700)
    }
  }

  private static func write(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(file, bytes, count)
    #else
      Foundation.write(file, bytes, count)
    #endif
  }
}
