internal import Foundation
public import SyncCore
internal import SyncStore

/// Effect of taking a revocation back: see `Hub.reinstatement`.
public struct Reinstatement: Sendable, Hashable {
  public var device: HubDevice
  /// Batches that arrived while the device was revoked: they will be merged.
  public var late: Int
  /// Other identities of the device, or of its copies, that stay revoked.
  public var others: [ReplicaID]
}

extension Hub {
  /// Returns what taking back a device's revocation would do. Changes nothing.
  ///
  /// - Throws: `SyncError` `.badRequest` when the device is not revoked, or an operator let another identity take its place.
  public func reinstatement(of replica: ReplicaID) async throws -> Reinstatement {
    try await read { try Self.reinstatement(of: replica, in: $0) }
  }

  private static func reinstatement(of replica: ReplicaID, in session: any HubSession) throws -> Reinstatement {
    guard let device = try HubDevice.all(in: session, where: "replica = ?1", [.blob(replica.bytes)]).first, device.revokedMs != nil else {
      throw SyncError(
        .badRequest, vi: "Thiết bị \(replica.short) không bị thu hồi; không có gì phải lấy lại.",
        en: "Device \(replica.short) is not revoked; there is nothing to take back.")
    }
    let family = try HubIdentityHistory(session: session).family(of: replica).filter { $0 != replica }
    let others = try family.compactMap { try HubDevice.all(in: session, where: "replica = ?1", [.blob($0.bytes)]).first }
    // Refuses when a successor took the device's place: both would continue the same batch under different identities.
    if let heir = others.first(where: { $0.predecessor == replica && $0.isReplacement }) {
      throw SyncError(
        .badRequest,
        vi:
          "Kho của thiết bị \(replica.short) đã đi tiếp dưới tên \(heir.replica.short); máy còn lại phải ghi danh mới, còn \(heir.replica.short) thì lấy lại quyền được.",
        en:
          "The store of device \(replica.short) went on as \(heir.replica.short); what is left of it has to be enrolled anew, and \(heir.replica.short) can get its rights back."
      )
    }
    let late = try session.integer(
      "SELECT count(*) FROM hub_batch WHERE replica = ?1 AND state = \(BatchState.undecided)", [.blob(replica.bytes)])
    return Reinstatement(device: device, late: Int(late ?? 0), others: others.filter { $0.revokedMs != nil }.map(\.replica))
  }

  /// Gives a device that was revoked by mistake its rights back, and merges what arrived from it meanwhile. Its unit keeps the key
  /// that the revocation began. The device gets that key with its next exchange, and proves its packets again under it.
  ///
  /// - Parameters:
  ///   - person: Name of the person who decides; kept with the late batches, and the reason.
  ///   - listed: How many late batches the person was shown; nil takes all that are there.
  /// - Returns: How many batches were merged.
  /// - Throws: As `reinstatement`, and `.badRequest` when others than `listed` wait; nothing is changed then.
  public func reinstate(_ replica: ReplicaID, by person: String, reason: String, listed: Int? = nil) async throws -> Int {
    let (signing, tables, now) = (keys.signing, store.tables, clock.nowMs())
    let newest = try await store.write { session in
      let found = try Self.reinstatement(of: replica, in: session)
      if let listed, found.late != listed { throw RevokedBatches.othersWait(replica, found.late, listed: listed) }
      try session.execute("UPDATE hub_device SET revoked_ms = NULL WHERE replica = ?1", [.blob(replica.bytes)])
      guard found.late > 0 else { return Int64(0) }
      let late = RevokedBatches(ingest: Ingest(session: session, tables: tables, key: signing, wallMs: now))
      try late.decide(replica, .take, by: person, reason: reason)
      return try late.newest(of: replica)
    }
    return try await mergeLate(of: replica, newest: newest)
  }
}
