import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncKit

/// A courier with a network hands on what it carries, and brings the answers back.
@Suite struct HandingOnTests {
  @Test func whatIsCarriedGoesOverTheNetworkAndItsAnswerComesHome() async throws {
    let world = try await World()
    let (a, courier) = (try await world.device("a"), try await world.device("c", unit: "07202"))
    let newcomer = try world.replica("n")
    try await newcomer.requestEnrolment(code: try await world.hub.makeCode(scope: "07201", readScopes: ["24", "07201"]), label: "n")
    // More than fits into one call.
    for number in 0..<7 {
      try await a.execute(
        "INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)",
        ["\(number)", Data((0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 &* (number + 3) >> 3) })])
      try await a.seal()
    }
    let load = Courier(store: courier.path)
    for replica in [a, newcomer] {
      let name = replica === a ? "a" : "n"
      _ = try load.collect(try await replica.exportBundle(to: world.file(name + ".skb")).paths[0])
    }
    #expect(try load.items().count == 2)
    let done = try await courier.handOn(load, through: world.transport)
    #expect(done.delivered == 2 && done.returns >= 2)
    #expect(try await world.hubNotes().count == 7)
    #expect(try load.items().allSatisfy { $0.to != world.hub.replica })
    #expect(try await courier.handOn(load, through: world.transport) == HandingOn())
    let home = try await courier.exportBundle(to: world.file("home.skb"), courier: load)
    #expect(try await newcomer.importBundles(home.paths).isNewlyEnrolled)
    #expect(try await a.importBundles(home.paths).progress.batchesSent == 7)
    for replica in [a, newcomer] { try await world.journey(replica) }
    try await world.expectConverged([a, newcomer])
  }

  @Test func whatCannotBeDeliveredIsStillCarried() async throws {
    let world = try await World()
    let (a, courier) = (try await world.device("a"), try await world.device("c"))
    try await a.insert("1", "x")
    let bundle = try await a.exportBundle(to: world.file("a.skb"))
    let load = Courier(store: courier.path)
    _ = try load.collect(bundle.paths[0])
    struct Away: Transport {
      let inner: LocalTransport
      func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
        guard request.path != "/v1/bundles" else { throw SyncError(.unreachable, vi: "mất", en: "lost") }
        return try await inner.send(request, timeoutMs: timeoutMs)
      }
    }
    await #expect(throws: SyncError.self) { _ = try await courier.handOn(load, through: Away(inner: world.transport)) }
    #expect(try load.items().count == 1)
    let folder = try FileManager.default.contentsOfDirectory(atPath: load.folder)
    #expect(folder.allSatisfy { $0.hasSuffix(".skb") && $0.count == 36 }, "\(folder)")
  }

  @Test func theCallTakesNothingFromStrangersAndNoOtherFiles() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.insert("1", "x")
    let bundle = try Data(contentsOf: URL(fileURLWithPath: try await a.exportBundle(to: world.file("a.skb")).paths[0]))
    let unsigned = await world.hub.answer(HubRequest("PUT", "/v1/bundles", body: bundle))
    #expect(unsigned.status == 401)
    for body in [Data(), Data("no bundle at all".utf8)] {
      var request = HubRequest("PUT", "/v1/bundles", body: body)
      request.headers["authorization"] = try RequestSignature.header(
        for: request, hubTimeMs: world.clock.nowMs(), key: try a.secrets().signingKey)
      #expect(await world.hub.answer(request).status == 400)
    }
    let large = HubRequest("PUT", "/v1/bundles", body: Data(count: BundleLimits.callBytesMax + 1))
    #expect(try await world.transport.send(large, timeoutMs: 1000).status == 413)
    #expect(try await world.hubNotes().isEmpty)
  }
}
