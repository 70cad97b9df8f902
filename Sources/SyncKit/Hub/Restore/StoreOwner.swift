internal import Foundation
internal import GRDB
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Names the hub whose store it is, so that another hub's keys never work on it.
enum StoreOwner {
  private static let stateName = "storeOwner"

  /// Reads the owner that a store notes, or that its devices' certificates name.
  ///
  /// - Returns: Nil of a store of an earlier program with which no device was enrolled.
  static func read(_ session: any SQLSession) throws -> ReplicaID? {
    if let bytes = try StateStore(session: session).value(stateName).blob { return ReplicaID(bytes: bytes) }
    let certificate = try session.firstRow("SELECT certificate FROM hub_device LIMIT 1")?[0].blob
    return try certificate.flatMap { try ReplicaID(bytes: WireCertificate(serializedBytes: WireSigned(serializedBytes: $0).body).hub) }
  }

  /// Notes the owner of a store that has none yet.
  ///
  /// - Throws: `SyncError` `.keyUnusable` when the store is another hub's.
  static func claim(for hub: ReplicaID, in session: any SQLSession) throws {
    let state = StateStore(session: session)
    if try state.value(stateName).blob == hub.bytes { return }
    if let owner = try read(session), owner != hub { throw foreign(owner: owner, keys: hub) }
    try state.set(stateName, .blob(hub.bytes))
  }

  /// Reads the owner of a store's file. Changes nothing.
  ///
  /// - Returns: Nil also of a file that is missing or cannot be read: whoever opens it says so.
  static func of(storeAt path: String) -> ReplicaID? {
    guard StoreFile.size(path) > 0 else { return nil }
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(Double(StoreSettings.busyTimeoutMs) / 1000)
    guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else { return nil }
    defer { try? queue.close() }
    return try? queue.read { try read(SQLiteSession(db: $0)) }
  }

  static func foreign(owner: ReplicaID, keys: ReplicaID) -> SyncError {
    SyncError(
      .keyUnusable,
      vi:
        "Kho dữ liệu là của máy chủ \(owner.short), còn các khóa là của máy chủ \(keys.short): đặt lại đúng thư mục `keys`, hoặc `hub keys recover` từ đúng tờ khôi phục. Chưa đổi gì.",
      en:
        "The store is of hub \(owner.short), and the keys are of hub \(keys.short): put the right folder `keys` back, or run `hub keys recover` with the right sheet. Nothing was changed."
    )
  }
}

extension Hub {
  /// Refuses keys of another hub than the store's. Changes nothing.
  ///
  /// - Parameters:
  ///   - hub: Whose keys they are.
  ///   - path: The store; one that is missing, or names no owner, takes any keys.
  public static func refuseForeignKeys(of hub: ReplicaID, storeAt path: String) throws {
    if let owner = StoreOwner.of(storeAt: path), owner != hub { throw StoreOwner.foreign(owner: owner, keys: hub) }
  }
}
