package import Crypto
package import Foundation
internal import SwiftProtobuf

/// Anonymous packets: one row, padded, encrypted to the hub's drop key, and authenticated by the key that all devices of the unit
/// share. Pure but for the randomness of encryption. See L12 and docs/protocol.md.
package enum Packets {
  /// Sizes to which a packet's content is padded, in bytes: the length of a packet tells only its class.
  static let sizeClassesBytes = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]

  /// Returns the bytes associated with every packet, so that no packet passes for one of another scope or drop key.
  static func context(scope: String, dropKey: String) -> Data { Data("synckit/packet/1\0\(dropKey)\0\(scope)".utf8) }

  /// Suites that a hub decrypts beside the first, which every hub does.
  package static let suitesAdded: [WirePacketSuite] = [.aes256Gcm]

  package static func make(
    table: String, cells: [(column: String, value: CellValue)], scope: String, dropKey: WireDropKey, unitKey: Data,
    suite: WirePacketSuite = .chacha20Poly1305
  ) throws -> WirePacket {
    var content = WirePacketContent()
    content.table = table
    content.columns = cells.map(\.column)
    content.values = try ColumnCoder.encode(name: "", cells: cells.map(\.value))
    let key = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: dropKey.publicKey)
    let info = context(scope: scope, dropKey: dropKey.id)
    guard let ciphers = ciphers(of: suite) else { throw ByteReader.short }
    var sender = try HPKE.Sender(recipientKey: key, ciphersuite: ciphers, info: info)
    var packet = WirePacket()
    packet.suite = suite
    packet.dropKey = dropKey.id
    packet.ciphertext = try sender.seal(padded(try content.serializedData()))
    packet.encapsulated = sender.encapsulatedKey
    packet.mac = Data(mac(of: packet, scope: scope, unitKey: unitKey))
    return packet
  }

  /// Returns whether a device of the unit made a packet. Its content is not checked.
  static func isAuthentic(_ packet: WirePacket, scope: String, unitKey: Data) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(
      packet.mac, authenticating: authenticated(packet, scope: scope), using: SymmetricKey(data: unitKey))
  }

  /// Key of a unit with which a packet was authenticated.
  package enum Proof: Sendable, Hashable {
    case present
    /// An earlier key, which a revocation ended: the packet's maker may be the revoked device.
    case earlier
    case none
  }

  /// Returns which of a unit's keys authenticated a packet.
  ///
  /// - Parameter unitKeys: Keys, oldest first; the last is the present one.
  package static func proof(of packet: WirePacket, scope: String, unitKeys: [Data]) -> Proof {
    guard let last = unitKeys.last else { return .none }
    if isAuthentic(packet, scope: scope, unitKey: last) { return .present }
    return unitKeys.dropLast().contains { isAuthentic(packet, scope: scope, unitKey: $0) } ? .earlier : .none
  }

  /// Refuses packets whose device does not hold the unit's present key, or whose size is of no class.
  ///
  /// - Throws: `SyncError` `.badSignature`, `.damaged`.
  package static func check(_ packets: [WirePacket], scope: String, unitKeys: [Data]) throws {
    for packet in packets {
      switch proof(of: packet, scope: scope, unitKeys: unitKeys) {
      case .present: break
      case .earlier: throw earlierKey(scope)
      case .none:
        throw SyncError(
          .badSignature, vi: "Phiếu kín không phải do thiết bị của đơn vị \(scope) làm ra, hoặc đã hỏng.",
          en: "The packet was not made by a device of unit \(scope), or it is damaged.")
      }
      guard hasKnownSize(packet) else { throw ByteReader.short }
    }
  }

  package static func hasKnownSize(_ packet: WirePacket) -> Bool {
    sizeClassesBytes.contains(packet.ciphertext.count - 16) && packet.encapsulated.count == 32
  }

  /// Returns the error for a packet under an earlier key. A device treats it as any `badSignature`: its next feed page brings the
  /// present key.
  package static func earlierKey(_ scope: String) -> SyncError {
    SyncError(
      .badSignature,
      vi: "Phiếu mang khóa cũ của đơn vị \(scope): đã có thiết bị ở đó bị thu hồi. Phiếu còn nguyên; đồng bộ lại để nhận khóa mới.",
      en:
        "The answers carry an earlier key of unit \(scope): a device there was revoked since. They are intact; sync again to get the present key."
    )
  }

  /// Returns whether a packet is authenticated by another key than `unitKey`. Unreadable bytes count as not.
  package static func isStale(_ bytes: Data, scope: String, unitKey: Data) -> Bool {
    guard let packet = try? WirePacket(serializedBytes: bytes) else { return false }
    return !isAuthentic(packet, scope: scope, unitKey: unitKey)
  }

  /// Returns the same packet, authenticated by `unitKey`. The packet's name at the hub and its content do not change.
  package static func renewed(_ bytes: Data, scope: String, unitKey: Data) throws -> Data {
    guard var packet = try? WirePacket(serializedBytes: bytes), !isAuthentic(packet, scope: scope, unitKey: unitKey) else { return bytes }
    packet.mac = Data(mac(of: packet, scope: scope, unitKey: unitKey))
    return try packet.serializedData()
  }

  /// Decrypts a packet; nil when it cannot be read: it is spoiled.
  package static func open(_ packet: WirePacket, scope: String, key: Curve25519.KeyAgreement.PrivateKey) -> (
    table: String, cells: [CellChange]
  )? {
    let info = context(scope: scope, dropKey: packet.dropKey)
    guard
      let ciphers = ciphers(of: packet.suite),
      var recipient = try? HPKE.Recipient(privateKey: key, ciphersuite: ciphers, info: info, encapsulatedKey: packet.encapsulated),
      let plain = try? recipient.open(packet.ciphertext), let message = unpadded(plain),
      let content = try? WirePacketContent.parse(message, named: LocalizedText(vi: "gói phiếu", en: "packet")),
      content.columns.count <= WireLimits.columnsPerTableMax + 1, Set(content.columns).count == content.columns.count
    else { return nil }
    var inflated = WireLimits.inflatedBytesMax - (sizeClassesBytes.last ?? 0) * 16
    // Treats a packet with a value that stores change as spoiled: such a value would fail the release of the whole lot.
    guard let values = try? ColumnCoder.decode(content.values, rows: content.columns.count, inflatedBytes: &inflated),
      content.columns.allSatisfy(TableCoder.isName), values.allSatisfy({ $0.map(TableCoder.isValue) ?? true })
    else { return nil }
    return (content.table, zip(content.columns, values).compactMap { name, value in value.map { CellChange(name, $0) } })
  }

  private static func ciphers(of suite: WirePacketSuite) -> HPKE.Ciphersuite? {
    switch suite {
    case .chacha20Poly1305: .Curve25519_SHA256_ChachaPoly
    case .aes256Gcm: HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256)
    case .UNRECOGNIZED: nil
    }
  }

  private static func mac(of packet: WirePacket, scope: String, unitKey: Data) -> HMAC<SHA256>.MAC {
    HMAC<SHA256>.authenticationCode(for: authenticated(packet, scope: scope), using: SymmetricKey(data: unitKey))
  }

  private static func authenticated(_ packet: WirePacket, scope: String) -> Data {
    // Leaves the suite out for the first one: such a packet reads as before there were others.
    context(scope: scope, dropKey: packet.dropKey) + [UInt8(clamping: packet.suite.rawValue)] + packet.encapsulated + packet.ciphertext
  }

  /// Returns the padded message: a length of four bytes, little endian, the message, then zeros up to the size class.
  private static func padded(_ message: Data) throws -> Data {
    guard let size = sizeClassesBytes.first(where: { $0 >= message.count + 4 }) else {
      throw SyncError(.tooLarge, vi: "Phiếu dài quá 64 KiB.", en: "The answer is longer than 64 KiB.", expected: 65_532)
    }
    var data = Data(capacity: size)
    withUnsafeBytes(of: UInt32(message.count).littleEndian) { data.append(contentsOf: $0) }
    data.append(message)
    data.append(Data(count: size - data.count))
    return data
  }

  private static func unpadded(_ data: Data) -> Data? {
    guard data.count >= 4 else { return nil }
    let length = data.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    return length <= data.count - 4 ? Data(data.dropFirst(4).prefix(length)) : nil
  }
}
