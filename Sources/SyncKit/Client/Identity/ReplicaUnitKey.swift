internal import Crypto
internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

extension Replica {
  /// Saves the unit's present key, which the hub sent because this device held another, and authenticates the waiting packets with
  /// it.
  ///
  /// The key file is written first. If the process dies before the packets are rewritten, the next sender rewrites them.
  func take(_ sealed: WireSealedUnitKey, hub: ReplicaID) async throws {
    var secrets = try secrets()
    guard let scope = try await enrolment()?.writeScope, let id = UnitKeyID(sealed.id), id.replaces(secrets.unitKeyID) else { return }
    secrets.unitKey = try UnitKeySeal.open(sealed, hub: hub, scope: scope, with: secrets.signingKey).key
    secrets.unitKeyID = id
    try keyStore.save(secrets)
    try steps.reached(.secretsSaved)
    try loadDropKeys()
    try await renewPackets()
  }

  /// Authenticates waiting packets with the unit's present key, where they bear another: the device did not know the present key
  /// yet, or another process still used the earlier one. Names and contents of packets stay the same. All packets are rewritten in
  /// the order of their keys, in one transaction, after which the log is truncated.
  func renewPackets() async throws {
    guard let key = try loadedSecrets()?.unitKey else { return }
    let isDue = try await engineRead { transaction in
      try transaction.session.rows("SELECT scope, bytes FROM sync_packet WHERE kept = 0").contains { row in
        guard let scope = row[0].text, let bytes = row[1].blob else { return false }
        return Packets.isStale(bytes, scope: scope, unitKey: key)
      }
    }
    guard isDue else { return }
    try await engineWrite { [order = dropBox.order] transaction in
      order.packetMade()
      try PacketOrder.rewrite(transaction.session) { bytes, scope in try Packets.renewed(bytes, scope: scope, unitKey: key) }
    }
  }
}
