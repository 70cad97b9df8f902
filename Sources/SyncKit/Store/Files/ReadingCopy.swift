internal import Foundation
internal import GRDB
internal import SyncCore
internal import Synchronization

/// Copy of a store that cannot be written in place, for reading it and for carrying its changes away.
///
/// A store with a write-ahead log cannot even be read without writing: SQLite keeps an index of the log in a file beside it.
package final class ReadingCopy: Sendable {
  /// Path of the copied database.
  package let path: String
  private let folder: ScratchFolder

  /// Bytes by which the copy may grow, for what is sealed in it.
  private static let growthBytes = 4 << 20

  /// Copies a store.
  ///
  /// - Parameter elsewhere: See `ScratchFolder`.
  /// - Throws: `SyncError` when the store cannot be read, or no disk has room.
  package init(of store: String, elsewhere: [String] = []) throws {
    let bytes = Self.files(of: store).reduce(Self.growthBytes) { $0 + StoreFile.size($1) }
    folder = try ScratchFolder(room: bytes, elsewhere: elsewhere)
    path = folder.path + "/" + (store as NSString).lastPathComponent
    try Self.copy(store, to: path)
  }

  /// Returns a copy of a store that cannot be read in place; nil for a store that can.
  static func ifNeeded(_ store: String) throws -> ReadingCopy? {
    do {
      let queue = try DatabaseQueue(path: store, configuration: readOnly)
      defer { try? queue.close() }
      _ = try queue.read { try $0.tableExists("sync_state") }
      return nil
    } catch let error as DatabaseError where isOfPlace(error) {
      return try ReadingCopy(of: store)
    }
  }

  /// Copies a database, with the content of its log.
  package static func copy(_ store: String, to target: String) throws {
    try SyncError.explainingSync(store) {
      do {
        // Copies by SQLite when it can read the store in place: another program may be writing to it.
        let source = try DatabaseQueue(path: store, configuration: readOnly)
        defer { try? source.close() }
        let copy = try DatabaseQueue(path: target)
        defer { try? copy.close() }
        try source.backup(to: copy)
      } catch let error as DatabaseError where isOfPlace(error) {
        // Copies the files otherwise. Nobody is writing them, because all writers need the file that SQLite could not make.
        for file in files(of: target) { unlink(file) }
        for (from, to) in zip(files(of: store), files(of: target)) where FileManager.default.fileExists(atPath: from) {
          try copyFile(from, to: to)
        }
      }
    }
  }

  /// Copies a file, readable and writable by its owner only.
  package static func copyFile(_ from: String, to target: String) throws {
    guard access(from, R_OK) == 0 else {
      throw SyncError(
        .storeMissing, vi: "Không đọc được \(from); kiểm tra quyền và chủ của tệp.",
        en: "\(from) cannot be read; check its permissions and its owner.")
    }
    try StoreFile.makeEmpty(target)
    try StoreFile.copy(from, to: target)
  }

  private static func files(of store: String) -> [String] { [store, store + "-wal"] }

  private static var readOnly: Configuration {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(Double(StoreSettings.busyTimeoutMs) / 1000)
    return configuration
  }

  private static func isOfPlace(_ error: DatabaseError) -> Bool {
    [.SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_FULL, .SQLITE_PERM].contains(error.resultCode)
  }
}

extension SyncError {
  /// True when a store could not be written because of its disk: full or read-only.
  package var isOfUnwritablePlace: Bool { code == .diskFull || code == .storeMissing }
}
