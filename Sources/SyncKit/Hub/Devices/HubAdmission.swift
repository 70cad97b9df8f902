internal import Foundation
public import SyncCore

/// Judgement of a call by its headers, before its body is read.
public enum CallAdmission: Sendable {
  /// The device's key proved that the device makes this call.
  case proved(HubDevice)
  /// The call carries its proof in its body, or its signature can be checked only with the body.
  case open
  /// The call cannot succeed, whatever its body says.
  case refused(HubResponse)
}

extension Hub {
  /// Judges a call by its headers. A call that is refused here needs no body, and no memory for one.
  ///
  /// A signature covers the body's hash. With the header `content-digest`, the signature is checked over the stated hash, and the
  /// body later against that hash; the signature of a batch covers no body. Without the header, the device must be known and not
  /// revoked, and its hub time recent.
  public func admission(to request: HubRequest) async -> CallAdmission {
    do {
      guard let call = Self.call(of: request) else { throw Self.noSuchCall }
      guard call.isSigned else { return .open }
      let digest = RequestSignature.statedDigest(of: request)
      let device = try await sender(of: request, digest: digest)
      return digest == nil ? .open : .proved(device)
    } catch {
      return .refused(Self.answer(error, to: request))
    }
  }

  /// Returns the enrolled device that makes a call, proved by its signature over recent hub time.
  func authenticate(_ request: HubRequest) async throws -> HubDevice {
    try await sender(of: request, digest: RequestSignature.digest(of: request))
  }

  /// Returns the device that makes a call.
  ///
  /// - Parameter digest: The signed hash of the body; nil when it is not known yet, and then the signature is not checked.
  private func sender(of request: HubRequest, digest: String?) async throws -> HubDevice {
    guard let claim = RequestSignature.claim(in: request) else {
      throw SyncError(.unauthorized, vi: "Lời gọi không có chữ ký thiết bị.", en: "The call carries no device signature.")
    }
    guard let device = try await device(claim.replica) else { throw HubDevice.unknownError }
    if let digest {
      guard RequestSignature.verifies(claim, for: request, digest: digest, key: device.key) else {
        throw SyncError(.badSignature, vi: "Chữ ký của lời gọi không đúng.", en: "The call's signature is wrong.")
      }
    }
    let now = clock.nowMs()
    let age = now > claim.hubTimeMs ? now - claim.hubTimeMs : claim.hubTimeMs - now
    guard age <= options.requestAgeMsMax else {
      throw SyncError(
        .unauthorized, vi: "Lời gọi đã quá cũ; hỏi giờ máy chủ rồi gọi lại.", en: "The call is too old; ask for hub time and call again.")
    }
    guard device.revokedMs == nil else { throw HubDevice.revokedError }
    return device
  }
}

extension RequestSignature {
  /// Returns the hash of the body as the call's headers state it, in the form that is signed. The form is `-` for a batch, which
  /// proves itself, and the hash of no bytes for a call without a body. Nil when only the body tells.
  static func statedDigest(of request: HubRequest) -> String? {
    if request.path.hasPrefix("/v1/batches/") { return "-" }
    if request.method == "GET" { return Data().sha256.hex }
    guard let field = request.headers["content-digest"], field.hasPrefix("sha-256=:"), field.hasSuffix(":"),
      let hash = Data(base64Encoded: String(field.dropFirst(9).dropLast())), hash.count == 32
    else { return nil }
    return hash.hex
  }
}
