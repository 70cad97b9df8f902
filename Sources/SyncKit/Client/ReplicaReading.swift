internal import Foundation
package import GRDB
package import SyncCore
package import SyncStore
internal import Synchronization

extension Replica {
  /// Opens a store for reading it and for carrying its changes away, also when it cannot be written. In that case a temporary copy
  /// is opened, which is deleted with the value; what is written to the copy is lost.
  ///
  /// - Parameters:
  ///   - always: True to copy even if the store opens: a full disk shows only when something is written.
  ///   - elsewhere: Folders on other disks for the copy, when the system's temporary folder has no room.
  package static func openForReading(
    at path: String, tables: [ReplicatedTable], migrator: DatabaseMigrator? = nil, keyStore: (any KeyStore)? = nil,
    clock: any WallClock = SystemClock(), asCopy always: Bool = false, elsewhere: [String] = []
  ) throws -> Replica {
    if !always {
      do {
        return try open(at: path, tables: tables, migrator: migrator, keyStore: keyStore, clock: clock, create: false)
      } catch let error as SyncError where error.isOfUnwritablePlace && FileManager.default.fileExists(atPath: path) {}
    }
    let copy = try ReadingCopy(of: path, elsewhere: elsewhere)
    let blobs = URL(fileURLWithPath: path).path + BlobStore.deviceSuffix
    if FileManager.default.fileExists(atPath: blobs) { symlink(blobs, copy.path + BlobStore.deviceSuffix) }
    let keys = UnchangedKeyStore(keyStore ?? FileKeyStore(path: path + ".key"))
    try refuseBlankStore(copy.path, keys)
    return try SyncError.explainingSync(path) {
      try Replica(path: copy.path, tables: tables, migrator: migrator, keyStore: keys, clock: clock, copy: copy)
    }
  }

  /// True when this is a copy of a store that cannot be written: changes to it are lost.
  package var isCopy: Bool { copy != nil }

  /// Prepares what a bundle needs. Call this before `exportBundle` when the store may not be writable.
  package func prepareBundle() async throws {
    guard try await enrolment() != nil, try await engineRead({ try $0.state.value(Self.replaceCode).text }) == nil else { return }
    try await seal()
    try await renewPackets()
  }
}

/// Keys of a device beside a copy of its store: read from their file, and changed in memory only.
private final class UnchangedKeyStore: KeyStore {
  private let original: any KeyStore
  private let changed = Mutex<ReplicaSecrets?>(nil)

  init(_ original: any KeyStore) { self.original = original }

  func load() throws -> ReplicaSecrets? { try changed.withLock { $0 } ?? original.load() }
  func save(_ secrets: ReplicaSecrets) { changed.withLock { $0 = secrets } }
  func makeKey() -> SigningKey { original.makeKey() }
}
