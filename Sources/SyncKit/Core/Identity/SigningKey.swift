internal import Crypto
public import Foundation
internal import SwiftProtobuf

/// Purpose of a signature. The label is signed in front of the bytes, so that a signature over one kind of message never passes for
/// another.
public enum SignedKind: String, Sendable, CaseIterable {
  case batch = "synckit/batch/1"
  case receipt = "synckit/receipt/1"
  case page = "synckit/page/1"
  case snapshot = "synckit/snapshot/1"
  case certificate = "synckit/certificate/1"
  case hubInfo = "synckit/hub/1"
  case drop = "synckit/drop/1"
  case request = "synckit/request/1"
  case enrol = "synckit/enrol/1"
  case succession = "synckit/succession/1"
  case life = "synckit/life/1"
  case pageReturn = "synckit/return/1"
  case device = "synckit/device/1"
  case delivery = "synckit/delivery/1"
  case blobStates = "synckit/blobs/1"
  case agreement = "synckit/agreement/1"
  case comparison = "synckit/comparison/1"
  case recovery = "synckit/recovery/1"
  case seal = "synckit/seal/1"

  /// Returns the bytes to sign: the label, a zero byte, the body.
  func message(_ body: Data) -> Data { Data(rawValue.utf8) + [0] + body }
}

/// Ed25519 private key of a replica.
public struct SigningKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// Makes a new random key.
  public init() { key = Curve25519.Signing.PrivateKey() }

  /// Makes a key from its bytes; nil unless they are a private key of 32 bytes.
  public init?(rawRepresentation: Data) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: rawRepresentation) else { return nil }
    self.key = key
  }

  public var rawRepresentation: Data { key.rawRepresentation }
  public var publicKey: Data { key.publicKey.rawRepresentation }
  public var replica: ReplicaID { ReplicaID(publicKey: publicKey) }

  public func sign(_ body: Data, as kind: SignedKind) throws -> Data {
    try key.signature(for: kind.message(body))
  }

  /// Returns the body with its signature, as they travel.
  package func sealed(_ body: Data, as kind: SignedKind) throws -> Data {
    var signed = WireSigned()
    signed.body = body
    signed.signature = try sign(body, as: kind)
    return try signed.serializedData()
  }
}

/// Ed25519 public key, which checks signatures.
public struct VerifyingKey: Sendable, Hashable {
  /// Bytes of the key: 32, raw.
  public let rawRepresentation: Data

  /// Makes a key from its bytes; nil unless they are a public key of 32 bytes.
  public init?(rawRepresentation: Data) {
    guard (try? Curve25519.Signing.PublicKey(rawRepresentation: rawRepresentation)) != nil else { return nil }
    self.rawRepresentation = Data(rawRepresentation)
  }

  public var replica: ReplicaID { ReplicaID(publicKey: rawRepresentation) }

  public func verifies(_ signature: Data, over body: Data, as kind: SignedKind) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: rawRepresentation) else { return false }
    return key.isValidSignature(signature, for: kind.message(body))
  }

  /// Checks the signature of `signed`, and returns the body.
  ///
  /// - Throws: `SyncError` `.damaged` when the bytes are no envelope in its one permitted form, `.badSignature` when the signature
  ///   is not this key's.
  package func open(_ signed: Data, as kind: SignedKind) throws -> Data {
    let envelope = try WireSigned.parse(signed, named: LocalizedText(vi: "gói đã ký", en: "signed message"))
    // Accepts one spelling of the envelope only. A batch is named by the envelope's hash, which the signature does not cover. A
    // courier could otherwise turn a batch into a fork of its author.
    guard envelope.unknownFields.data.isEmpty, try envelope.serializedData() == signed else {
      throw SyncError(
        .damaged, vi: "Gói đã ký có dạng khác quy định: đã bị thêm bớt trên đường.",
        en: "The signed message has another form than prescribed: something was added on the way.")
    }
    guard verifies(envelope.signature, over: envelope.body, as: kind) else {
      throw SyncError(
        .badSignature, vi: "Chữ ký không khớp: dữ liệu đã bị sửa hoặc không phải của bên gửi này.",
        en: "The signature does not match: the data was altered or is not this sender's.")
    }
    return envelope.body
  }
}
