internal import Foundation
internal import SurveyKit
internal import SyncHub

extension SurveyHub {
  /// Runs `body` on a copy of this hub as it is now, with its keys, and deletes the copy: shows what would happen without doing it.
  ///
  /// The copy lies in the hub's folder, readable by its owner only, and takes as much room as the store.
  public func trial<T: Sendable>(_ body: (SurveyHub) async throws -> T) async throws -> T {
    let copy = folder + "/trial-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: copy) }
    let store = Self.storePath(in: copy)
    guard FileManager.default.createFile(atPath: store, contents: nil, attributes: [.posixPermissions: 0o600]) else {
      throw SyncError(.diskFull, vi: "Không ghi được vào \(folder).", en: "Cannot write to \(folder).")
    }
    try await hub.store.copy(to: store)
    try hub.blobs.copy(to: BlobStore(folder: store + ".blobs"))
    let trial = try await Self.open(copyAt: copy, keysOf: self)
    do {
      let result = try await body(trial)
      try trial.close()
      return result
    } catch {
      try? trial.close()
      throw error
    }
  }
}
