package import Crypto
package import Foundation

/// Keys to which parcels are encrypted. Both are derived from existing secrets, so that no further secret must be kept safe.
package enum BundleKey {
  /// Returns the hub's key, published in `HubInfo.bundle_key`.
  package static func hub(unitSecret: Data) throws -> Curve25519.KeyAgreement.PrivateKey {
    try derived(from: unitSecret, for: "synckit/bundle-key/1")
  }

  /// Returns a device's key, which the device sends to the hub in its signed state.
  package static func device(_ key: SigningKey) throws -> Curve25519.KeyAgreement.PrivateKey {
    try derived(from: key.rawRepresentation, for: "synckit/return-key/1")
  }

  package static func devicePublic(_ key: SigningKey) throws -> Data { try device(key).publicKey.rawRepresentation }

  private static func derived(from secret: Data, for purpose: String) throws -> Curve25519.KeyAgreement.PrivateKey {
    let code = HMAC<SHA256>.authenticationCode(for: Data(purpose.utf8), using: SymmetricKey(data: secret))
    return try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: Data(code))
  }
}
