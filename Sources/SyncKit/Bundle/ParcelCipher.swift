package import Crypto
package import Foundation
internal import SwiftProtobuf
package import SyncCore

/// Addressed part of a bundle: who wrote it to whom, and how its sections are encrypted.
package struct Parcel: Sendable {
  package let wire: WireBundleParcel
  /// Body of its parcel section.
  let bytes: Data
  package let tag: Data
  /// Key of the sections; nil when they are not encrypted.
  private let key: SymmetricKey?

  private static let context = "synckit/bundle/1"

  /// Begins a parcel.
  ///
  /// - Parameters:
  ///   - recipient: X25519 public key, 32 bytes; nil leaves the parcel unencrypted.
  package static func begin(
    hub: Data, from: Data, to: Data, recipient: Data?, writtenMs: UInt64
  ) throws -> Parcel {
    var wire = WireBundleParcel()
    wire.format = 1
    wire.id = Data((0..<16).map { _ in UInt8.random(in: 0 ... .max) })
    (wire.hub, wire.from, wire.to, wire.writtenMs) = (hub, from, to, writtenMs)
    var key: SymmetricKey?
    if let recipient {
      guard let publicKey = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: recipient) else { throw ByteReader.short }
      let sender = try HPKE.Sender(recipientKey: publicKey, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: info(wire))
      wire.encapsulated = sender.encapsulatedKey
      key = try sender.exportSecret(context: Data(context.utf8), outputByteCount: 32)
    }
    return Parcel(wire: wire, bytes: try wire.serializedData(), key: key)
  }

  /// Reads the body of a parcel section.
  ///
  /// - Throws: `SyncError` when the body is no parcel's, or of a newer version.
  static func read(_ bytes: Data) throws -> Parcel {
    guard bytes.count <= BundleLimits.parcelBytesMax else { throw ByteReader.short }
    let wire = try WireBundleParcel.parse(bytes, named: LocalizedText(vi: "phần của bọc dữ liệu", en: "parcel of a bundle"))
    guard wire.format == 1 else {
      throw SyncError(
        .badRequest, vi: "Bọc dữ liệu do phiên bản mới hơn tạo ra; hãy nâng cấp chương trình này.",
        en: "The bundle was made by a newer version; upgrade this program.")
    }
    guard wire.id.count == 16, [0, 16].contains(wire.hub.count), [0, 16].contains(wire.to.count), wire.from.count == 16,
      [0, 32].contains(wire.encapsulated.count)
    else { throw ByteReader.short }
    return Parcel(wire: wire, bytes: bytes, key: nil)
  }

  /// Returns the same parcel with readable sections.
  ///
  /// - Throws: `SyncError` `.badSignature` when it is encrypted to another key.
  package func opened(with key: Curve25519.KeyAgreement.PrivateKey?) throws -> Parcel {
    guard isEncrypted else { return self }
    guard let key,
      let recipient = try? HPKE.Recipient(
        privateKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: Self.info(wire), encapsulatedKey: wire.encapsulated),
      let secret = try? recipient.exportSecret(context: Data(Self.context.utf8), outputByteCount: 32)
    else { throw Self.otherKey }
    return Parcel(wire: wire, bytes: bytes, key: secret)
  }

  private init(wire: WireBundleParcel, bytes: Data, key: SymmetricKey?) {
    self.wire = wire
    self.bytes = bytes
    self.key = key
    tag = bytes.sha256.prefix(SectionHead.tagBytes)
  }

  var isEncrypted: Bool { !wire.encapsulated.isEmpty }

  /// Returns a section's body as it is in the file.
  func seal(_ body: Data, kind: SectionKind, index: UInt32) throws -> Data {
    guard let key else { return body }
    let box = try ChaChaPoly.seal(body, using: key, nonce: try Self.nonce(index), authenticating: authenticated(kind.rawValue))
    return box.ciphertext + box.tag
  }

  /// Decrypts a section's body.
  ///
  /// - Throws: `SyncError` `.badSignature` when the section was altered, or is encrypted to another key.
  package func open(_ body: Data, kind: UInt8, index: UInt32) throws -> Data {
    guard isEncrypted else { return body }
    guard let key, body.count >= 16,
      let box = try? ChaChaPoly.SealedBox(nonce: try Self.nonce(index), ciphertext: body.dropLast(16), tag: body.suffix(16)),
      let plain = try? ChaChaPoly.open(box, using: key, authenticating: authenticated(kind))
    else { throw Self.otherKey }
    return plain
  }

  /// Returns the bytes that tie a section to its parcel and kind.
  private func authenticated(_ kind: UInt8) -> Data { bytes.sha256 + [kind] }

  /// Returns the nonce of a section: each index of a parcel is used for one content only.
  private static func nonce(_ index: UInt32) throws -> ChaChaPoly.Nonce {
    var data = Data(count: 8)
    data.append(fixed32: index)
    return try ChaChaPoly.Nonce(data: data)
  }

  private static func info(_ wire: WireBundleParcel) -> Data { Data(context.utf8) + [0] + wire.hub + wire.to }

  private static var otherKey: SyncError {
    SyncError(
      .badSignature, vi: "Không mở được: mã hóa cho khóa khác, hoặc đã bị sửa trên đường.",
      en: "It cannot be opened: encrypted to another key, or altered on the way.")
  }
}
