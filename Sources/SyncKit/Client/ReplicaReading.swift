internal import Foundation
package import GRDB
package import SyncCore
package import SyncStore
internal import Synchronization

extension Replica {
  /// Opens a store to read it and to carry its work away, also where it cannot be written: then a copy of it is opened, which goes with the
  /// value. What is written to the copy is lost.
  ///
  /// - Parameters:
  ///   - always: Opens a copy even if the store opens: a full disk shows itself only when something is written.
  ///   - elsewhere: Folders on other disks to put the copy into where the system's temporary folder has no room.
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

  /// Tells if this is a copy of a store that cannot be written: nothing that is done to it lasts.
  package var isCopy: Bool { copy != nil }

  /// Makes ready what a bundle is to hold. To be called before `exportBundle` where the store may turn out not to be writable.
  package func prepareBundle() async throws {
    guard try await enrolment() != nil, try await engineRead({ try $0.state.value(Self.replaceCode).text }) == nil else { return }
    try await seal()
    try await renewPackets()
  }
}

/// A device's keys beside a copy of its store: read from where they lie, and changed in memory only.
private final class UnchangedKeyStore: KeyStore {
  private let original: any KeyStore
  private let changed = Mutex<ReplicaSecrets?>(nil)

  init(_ original: any KeyStore) { self.original = original }

  func load() throws -> ReplicaSecrets? { try changed.withLock { $0 } ?? original.load() }
  func save(_ secrets: ReplicaSecrets) { changed.withLock { $0 = secrets } }
  func makeKey() -> SigningKey { original.makeKey() }
}
