internal import Foundation
internal import GRDB
internal import SyncCore
internal import Synchronization

/// A copy of a store that cannot be written where it lies, for reading and for carrying its work away.
///
/// A store with a log cannot even be read without writing: SQLite keeps an index of the log in a file beside it.
package final class ReadingCopy: Sendable {
  /// Place of the copied database.
  package let path: String
  private let folder: ScratchFolder

  /// Bytes the copy may grow by, for what is sealed in it.
  private static let growthBytes = 4 << 20

  /// - Parameter elsewhere: See `ScratchFolder`.
  /// - Throws: `SyncError` when the store cannot be read, or no disk has room.
  package init(of store: String, elsewhere: [String] = []) throws {
    let bytes = Self.files(of: store).reduce(Self.growthBytes) { $0 + StoreFile.size($1) }
    folder = try ScratchFolder(room: bytes, elsewhere: elsewhere)
    path = folder.path + "/" + (store as NSString).lastPathComponent
    try Self.copy(store, to: path)
  }

  /// A copy of a store that cannot be read in place; nil for one that can.
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

  /// Copies a database, with what its log holds.
  package static func copy(_ store: String, to target: String) throws {
    try SyncError.explainingSync(store) {
      do {
        // By SQLite where it can read the store in place: another program may be writing it.
        let source = try DatabaseQueue(path: store, configuration: readOnly)
        defer { try? source.close() }
        let copy = try DatabaseQueue(path: target)
        defer { try? copy.close() }
        try source.backup(to: copy)
      } catch let error as DatabaseError where isOfPlace(error) {
        // Copies the files: nobody is writing them, since the file that SQLite could not make is shared by all who do.
        for file in files(of: target) { unlink(file) }
        for (from, to) in zip(files(of: store), files(of: target)) where FileManager.default.fileExists(atPath: from) {
          try copyFile(from, to: to)
        }
      }
    }
  }

  /// Copies a file as one that its owner reads and writes.
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
  /// Tells if a store could not be written because of its place: the disk is full, or it is read-only.
  package var isOfUnwritablePlace: Bool { code == .diskFull || code == .storeMissing }
}
