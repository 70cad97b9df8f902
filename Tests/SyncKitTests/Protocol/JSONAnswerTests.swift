import Foundation
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What a hub says in JSON is what it says in bytes.
@Suite struct JSONAnswerTests {
  /// Notes every call of an exchange with its answer.
  private final class Recorder: Transport {
    let hub: Hub
    let calls = Mutex<[(request: HubRequest, response: HubResponse)]>([])
    init(_ hub: Hub) { self.hub = hub }

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      let response = await hub.answer(request)
      calls.withLock { $0.append((request, response)) }
      return response
    }
  }

  @Test func theHubTellsOfItselfInJSONWhenAskedTo() async throws {
    let world = try await World()
    var request = HubRequest("GET", "/v1/hub")
    let bytes = await world.hub.answer(request)
    request.headers["accept"] = "text/html, application/json;q=0.9"
    let json = await world.hub.answer(request)
    #expect(bytes.headers["content-type"] == HubResponse.contentType && json.headers["content-type"] == "application/json")
    let info = try WireHubInfo(serializedBytes: WireSigned(serializedBytes: bytes.body).body)
    #expect(try WireHubInfo(jsonUTF8Data: json.body) == info && info.hub.count == 16)
    request.headers["accept"] = "*/*"
    #expect(await world.hub.answer(request).headers["content-type"] == HubResponse.contentType)
  }

  @Test func aRefusalIsReadableToo() async throws {
    let world = try await World()
    var request = HubRequest("GET", "/v1/feed")
    request.headers["accept"] = "application/json"
    let refused = await world.hub.answer(request)
    let said = try #require(try JSONSerialization.jsonObject(with: refused.body) as? [String: String])
    #expect(refused.status == 401 && said["code"] == "unauthorized" && said["vi"]?.isEmpty == false && said["en"]?.isEmpty == false)
  }

  /// Control messages of a whole exchange; rows are always bytes.
  @Test func controlMessagesHaveJSONAndRowsDoNot() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await device.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x')")
    let recorder = Recorder(world.hub)
    _ = try await device.sync(with: recorder)
    var kinds: Set<String> = []
    for (request, response) in recorder.calls.withLock({ $0 }) {
      let json = JSONAnswer.make(response, to: request)
      let kind = String(request.path.split(separator: "/")[1])
      if json.headers["content-type"] == "application/json" { kinds.insert(kind) } else { #expect(json == response) }
      guard kind == "batches" else { continue }
      let receipt = try WireReceipt(jsonUTF8Data: json.body)
      #expect(request.path.hasSuffix(receipt.batch.hex) && receipt.hub == world.hub.replica.bytes)
    }
    #expect(kinds == ["hub", "life", "batches"] || kinds == ["hub", "batches"])
  }
}
