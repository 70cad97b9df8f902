package import Foundation

/// Signature that proves which replica makes a call: `SyncKit REPLICA HUBTIME SIGNATURE` in the Authorization header.
package enum RequestSignature {
  package struct Claim {
    package var replica: ReplicaID
    /// Hub time in milliseconds, as the caller was last told.
    package var hubTimeMs: UInt64
    var signature: Data
  }

  package static func header(for request: HubRequest, hubTimeMs: UInt64, key: SigningKey) throws -> String {
    let signature = try key.sign(message(request, hubTimeMs: hubTimeMs, digest: digest(of: request)), as: .request)
    return "SyncKit \(key.replica) \(hubTimeMs) \(signature.base64EncodedString())"
  }

  /// Parses the header; nil when it is missing or has another form.
  package static func claim(in request: HubRequest) -> Claim? {
    guard let parts = request.headers["authorization"]?.split(separator: " "), parts.count == 4, parts[0] == "SyncKit",
      let bytes = Data(hex: parts[1]), let replica = ReplicaID(bytes: bytes), let time = UInt64(parts[2]),
      let signature = Data(base64Encoded: String(parts[3]))
    else { return nil }
    return Claim(replica: replica, hubTimeMs: time, signature: signature)
  }

  static func verifies(_ claim: Claim, for request: HubRequest, key: VerifyingKey) -> Bool {
    verifies(claim, for: request, digest: digest(of: request), key: key)
  }

  /// Returns whether the signature is the key's.
  ///
  /// - Parameter digest: Digest of the body, as it is signed.
  package static func verifies(_ claim: Claim, for request: HubRequest, digest: String, key: VerifyingKey) -> Bool {
    key.verifies(claim.signature, over: message(request, hubTimeMs: claim.hubTimeMs, digest: digest), as: .request)
  }

  /// Returns the body's SHA-256. A batch proves itself and may arrive in pieces, so the body of a PUT to `/v1/batches/` is left
  /// out.
  package static func digest(of request: HubRequest) -> String {
    request.path.hasPrefix("/v1/batches/") ? "-" : request.body.sha256.hex
  }

  /// Returns the signed bytes: method, target, hub time and the body's digest, a line each.
  private static func message(_ request: HubRequest, hubTimeMs: UInt64, digest: String) -> Data {
    Data("\(request.method)\n\(request.target)\n\(hubTimeMs)\n\(digest)\n".utf8)
  }
}

extension Data {
  /// Base64 with `-` and `_`, without padding: safe in a query.
  package var base64URL: String {
    base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  package init?(base64URL text: String) {
    let plain = text.replacing("-", with: "+").replacing("_", with: "/")
    self.init(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
  }
}

extension RequestSignature {
  /// Returns the header that states a body's hash (RFC 9530), so that a hub can check the signature before it reads the body.
  package static func contentDigest(of body: Data) -> String { "sha-256=:\(body.sha256.base64EncodedString()):" }
}
