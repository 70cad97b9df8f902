internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Calls to the hub: signed, counted against the budget, and followed to a new address.
extension SyncDriver {
  /// Sends a call that the device's key signs over hub time: the device's own clock does not matter. Shows the device's
  /// certificates to a hub that was restored to before its enrolment, which registers the device again.
  func exchangeSigned(_ request: HubRequest) async throws -> HubResponse {
    do {
      return try await exchangeProved(request)
    } catch let error as SyncError where error.code == .unknownReplica && !isIntroduced {
      isIntroduced = true
      for certificate in try await replica.certificates() {
        _ = try await exchange(HubRequest("PUT", "/v1/certificate", body: certificate))
      }
      return try await exchangeProved(request)
    }
  }

  /// Signs a call over present hub time, and sends it. When the hub finds the time too old, because its clock was set or this
  /// device slept, asks for the time once more.
  private func exchangeProved(_ request: HubRequest) async throws -> HubResponse {
    do { return try await exchange(try signed(request)) } catch let error as SyncError where error.code == .unauthorized {
      hubTimeMs = try Self.greeting(try await exchange(HubRequest("GET", "/v1/hub")), of: try await replica.hubKey()).hubTimeMs
      do { return try await exchange(try signed(request)) } catch let error as SyncError where error.code == .unauthorized {
        throw SyncError(
          .unauthorized,
          vi:
            "Máy chủ không thấy chữ ký của máy này hoặc coi là quá cũ: máy đứng trước máy chủ có thể bỏ mất tiêu đề Authorization. Báo cho tỉnh.",
          en:
            "The hub does not see this device's signature, or finds it too old: a proxy in front of it may take the header Authorization away. Tell its operator."
        )
      }
    }
  }

  private func signed(_ request: HubRequest) throws -> HubRequest {
    var request = request
    if !request.body.isEmpty, !request.path.hasPrefix("/v1/batches/") {
      request.headers["content-digest"] = RequestSignature.contentDigest(of: request.body)
    }
    let passedMs = UInt64(max(0, (ContinuousClock.now - hubTimeAt) / .milliseconds(1)))
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: hubTimeMs &+ passedMs, key: try replica.secrets().signingKey)
    return request
  }

  func exchange(_ request: HubRequest) async throws -> HubResponse {
    summary.progress.bytesSent += request.body.count
    spent += request.wireBytes
    let response: HubResponse
    do {
      response = try await transport.exchange(request)
    } catch let error as SyncError where error.code == .moved {
      try await follow(error, from: request)
      return try await exchange(request)
    } catch let error as SyncError {
      // Shrinks the next pieces; for a question, the next answer.
      if error.code == .timeout { piece.stalled(carrying: request.method == "GET" ? nil : request.body.count) }
      if error.code == .cutSmaller {
        guard request.body.count > PieceSize.bytesMin else { throw ForeignAnswer.takesNothing }
        piece.wasTooLarge(request.body.count)
      }
      throw error
    }
    piece.passed(max(request.body.count, response.body.count))
    spent += response.wireBytes
    summary.progress.bytesReceived += response.body.count
    return response
  }

  /// Follows to another address, after the answer there proved to be of this device's hub. The address is stored when the hub moved
  /// for good and the device knew it by the address that says so.
  private func follow(_ error: SyncError, from request: HubRequest) async throws {
    let hub = try await replica.hubKey()
    let known = try await replica.enrolment()?.hubAddress ?? ""
    let before = transport.address
    // Keeps the old address until the new one is proved: a repeated call must not reach a stranger.
    var (place, move, asked) = (transport, error.moved, request)
    var isForGood = true
    while let step = move {
      moves += 1
      guard moves <= TransportLimits.movesMax, let next = place.following(step.location, of: asked) else { throw ForeignAnswer.loginPage }
      isForGood = isForGood && step.isForGood
      (place, move) = (next, nil)
      asked = HubRequest("GET", "/v1/hub")
      do {
        hubTimeMs = try Self.greeting(try await next.exchange(asked), of: hub).hubTimeMs
      } catch let error as SyncError where error.code == .moved {
        move = error.moved
      }
    }
    transport = place
    guard isForGood, HTTPTransport.isSame(known, before) else { return }
    try await replica.setHubAddress(transport.address)
    summary.movedTo = transport.address
  }

  /// Reads the hub's information, after its signature proved that this device is enrolled there.
  static func greeting(_ response: HubResponse, of hub: VerifyingKey) throws -> WireHubInfo {
    let signed = try WireSigned.parse(response.body, named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    let info = try WireHubInfo.parse(signed.body, named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    guard info.hub == hub.replica.bytes else {
      throw SyncError(
        .wrongHub, vi: "Đây là một máy chủ khác với máy chủ đã ghi danh; kiểm tra địa chỉ.",
        en: "This is another hub than the one this device is enrolled with; check the address.")
    }
    _ = try hub.open(response.body, as: .hubInfo)
    return info
  }
}
