package import Crypto
package import Foundation

/// The keys that parcels are encrypted to. Both follow from secrets there are already, so that nothing more must be kept safe.
package enum BundleKey {
  /// The hub's, published in `HubInfo.bundle_key`.
  package static func hub(unitSecret: Data) throws -> Curve25519.KeyAgreement.PrivateKey {
    try derived(from: unitSecret, for: "synckit/bundle-key/1")
  }

  /// A device's, which it tells the hub in its signed state.
  package static func device(_ key: SigningKey) throws -> Curve25519.KeyAgreement.PrivateKey {
    try derived(from: key.rawRepresentation, for: "synckit/return-key/1")
  }

  package static func devicePublic(_ key: SigningKey) throws -> Data { try device(key).publicKey.rawRepresentation }

  private static func derived(from secret: Data, for purpose: String) throws -> Curve25519.KeyAgreement.PrivateKey {
    let code = HMAC<SHA256>.authenticationCode(for: Data(purpose.utf8), using: SymmetricKey(data: secret))
    return try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Data(code))
  }
}
