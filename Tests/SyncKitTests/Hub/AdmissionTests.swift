import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A call is judged by its headers before its body is read.
@Suite struct AdmissionTests {
  private func signed(_ method: String, _ target: String, body: Data, stated: Data?, key: SigningKey, world: World) throws -> HubRequest {
    var request = HubRequest(method, target, body: body)
    request.headers["authorization"] = try RequestSignature.header(for: request, hubTimeMs: world.clock.nowMs(), key: key)
    if let stated { request.headers["content-digest"] = RequestSignature.contentDigest(of: stated) }
    request.body = Data()
    return request
  }

  @Test func headersProveTheCaller() async throws {
    let world = try await World()
    let device = try await world.device("07201")
    let key = try device.secrets().signingKey
    let body = Data("abc".utf8)
    func admission(_ request: HubRequest) async -> String {
      switch await world.hub.admission(to: request) {
      case .proved(let device): device.replica == key.replica ? "proved" : "another"
      case .open: "open"
      case .refused(let answer): "\(answer.status)"
      }
    }
    #expect(await admission(try signed("PUT", "/v1/pages", body: body, stated: body, key: key, world: world)) == "proved")
    #expect(await admission(try signed("PUT", "/v1/pages", body: body, stated: nil, key: key, world: world)) == "open")
    #expect(await admission(try signed("PUT", "/v1/pages", body: body, stated: Data("x".utf8), key: key, world: world)) == "401")
    #expect(await admission(try signed("PUT", "/v1/pages", body: body, stated: body, key: SigningKey(), world: world)) == "401")
    let batch = "/v1/batches/" + String(repeating: "ab", count: 32)
    #expect(await admission(try signed("PUT", batch, body: body, stated: nil, key: key, world: world)) == "proved")
    #expect(await admission(try signed("GET", "/v1/feed?cursor=", body: Data(), stated: nil, key: key, world: world)) == "proved")
    #expect(await admission(HubRequest("PUT", "/v1/pages")) == "401")
    #expect(await admission(HubRequest("PUT", "/v1/drop/07201")) == "open")
    #expect(await admission(HubRequest("POST", "/v1/enroll")) == "open")
    #expect(await admission(HubRequest("DELETE", "/v1/hub")) == "400")
    let early = try signed("PUT", "/v1/pages", body: body, stated: body, key: key, world: world)
    world.clock.advance(16 * 60 * 1000)
    #expect(await admission(early) == "401")
    let now = try signed("PUT", "/v1/pages", body: body, stated: body, key: key, world: world)
    _ = try await world.hub.revoke(key.replica)
    #expect(await admission(now) == "403")
  }

  /// The stated hash admits a call; the body itself is held to the signature.
  @Test func aBodyThatDiffersFromItsStatedHashIsRefused() async throws {
    let world = try await World()
    let device = try await world.device("07201")
    var request = try signed(
      "PUT", "/v1/pages", body: Data("a".utf8), stated: Data("a".utf8), key: try device.secrets().signingKey, world: world)
    request.body = Data("b".utf8)
    let answer = await world.hub.answer(request)
    #expect(answer.status == 401 && SyncError(answer).code == .badSignature)
  }

  /// Each call that `route` answers is one that `call(of:)` knows: what it does not know never gets there.
  @Test func unsignedCallsHaveASmallBound() {
    for (method, target) in [("POST", "/v1/enroll"), ("POST", "/v1/succession"), ("PUT", "/v1/certificate"), ("GET", "/v1/hub")] {
      #expect(Hub.bodyBytesMax(for: HubRequest(method, target)) == WireLimits.openBytesMax)
    }
    #expect(Hub.bodyBytesMax(for: HubRequest("PUT", "/v1/drop/07201")) == WireLimits.dropBytesMax)
    #expect(Hub.bodyBytesMax(for: HubRequest("POST", "/v1/blobs")) == WireLimits.controlBytesMax)
  }
}
