internal import Crypto
package import Foundation
internal import SwiftProtobuf

/// Name of one of the keys that a unit's devices share in turn to authenticate packets: a revocation in the unit begins another.
///
/// The hub makes the name of three parts. The number of the revocation keeps a stale answer from bringing an older key back. 16
/// random bytes keep a restored hub from making a lost key again. A proof shows that this hub made the name. No part is secret.
package struct UnitKeyID: Hashable, Sendable {
  static let byteCount = 28
  /// Name of the first key: of a unit without a revocation, and of enrolments by earlier programs.
  package static let first = UnitKeyID(unchecked: Data())

  package let bytes: Data

  /// Parses a name; nil unless `bytes` has its form. Only the hub knows whether it made the name: see `HubKeys.hasMade`.
  package init?(_ bytes: Data) {
    guard bytes.isEmpty || bytes.count == Self.byteCount else { return nil }
    self.bytes = Data(bytes)
  }

  package init(unchecked bytes: Data) { self.bytes = bytes }

  /// Number of the unit's earlier keys, as far as the hub knew when it made this one.
  package var epoch: UInt32 { bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }

  /// Returns whether a device that holds `other` accepts this key when its hub sends it.
  package func replaces(_ other: UnitKeyID) -> Bool { self != other && epoch >= other.epoch }
}

/// Encryption of a unit key for one device, so that nobody reads the key on a connection without TLS.
package enum UnitKeySeal {
  /// Encrypts a key.
  ///
  /// - Parameters:
  ///   - recipient: X25519 public key, 32 bytes, from the device's signed call.
  /// - Throws: `SyncError` `.damaged` when `recipient` is no key.
  package static func seal(
    _ key: Data, id: UnitKeyID, hub: ReplicaID, device: ReplicaID, scope: String, to recipient: Data
  ) throws -> WireSealedUnitKey {
    guard let publicKey = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: recipient),
      var sender = try? HPKE.Sender(
        recipientKey: publicKey, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: info(id, hub: hub, device: device, scope: scope)),
      let ciphertext = try? sender.seal(key)
    else { throw ByteReader.short }
    var sealed = WireSealedUnitKey()
    (sealed.id, sealed.encapsulated, sealed.ciphertext) = (id.bytes, sender.encapsulatedKey, ciphertext)
    return sealed
  }

  /// Decrypts a key.
  ///
  /// - Parameter key: The device's own signing key.
  /// - Throws: `SyncError` `.damaged` when `sealed` is no key for this device.
  package static func open(
    _ sealed: WireSealedUnitKey, hub: ReplicaID, scope: String, with key: SigningKey
  ) throws -> (id: UnitKeyID, key: Data) {
    guard let id = UnitKeyID(sealed.id), sealed.encapsulated.count == 32, sealed.ciphertext.count == 48,
      var recipient = try? HPKE.Recipient(
        privateKey: try BundleKey.device(key), ciphersuite: .Curve25519_SHA256_ChachaPoly,
        info: info(id, hub: hub, device: key.replica, scope: scope), encapsulatedKey: sealed.encapsulated),
      let opened = try? recipient.open(sealed.ciphertext), opened.count == 32
    else {
      throw SyncError(
        .damaged, vi: "Không mở được khóa đơn vị mà máy chủ gửi: không phải cho máy này, hoặc đã bị sửa trên đường. Đồng bộ lại.",
        en: "The unit key that the hub sent cannot be opened: it is not for this device, or was altered on the way. Sync again.")
    }
    return (id, opened)
  }

  private static func info(_ id: UnitKeyID, hub: ReplicaID, device: ReplicaID, scope: String) -> Data {
    Data("synckit/unit-key/1\0".utf8) + hub.bytes + device.bytes + Data(scope.utf8) + [0] + id.bytes
  }
}
