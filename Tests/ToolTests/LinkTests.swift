import Foundation
import SyncKit
import TestSupport
import Testing

/// The real `field` against real sockets at which something other than its hub answers.
@Suite struct LinkTests {
  private static let html = ["content-type": "text/html"]

  private func redirecting(_ status: Int, to base: String) throws -> TinyServer {
    try TinyServer { HubResponse(status: status, headers: ["content-type": "text/html", "location": base + $0.target]) }
  }

  @Test func aHubThatMovedIsFollowed() async throws {
    let world = try await FieldToolWorld()
    let old = try redirecting(301, to: world.server.address)
    // A code goes to another address of the same host only, and this is one.
    let enrolled = try await world.field.run("enroll", try await world.code(), "--hub", old.address, "--label", "x")
    #expect(enrolled.code == 0, "\(enrolled.err)")
    let field = world.field
    // The address that was typed in led elsewhere; that one is known since.
    old.stop()
    let synced = try await field.run("sync")
    #expect(synced.code == 0, "\(synced.err)")
  }

  @Test func anAddressIsSetOnceTheHubProvedItself() async throws {
    let (world, other) = (try await FieldToolWorld(), try await FieldToolWorld())
    let field = try await world.enrolled()
    let second = try TinyServer.bridge(to: world.hub)
    defer { second.stop() }
    let refused = try await field.run("hub", "set", other.server.address)
    #expect(refused.code == 1 && refused.err.contains("another hub"), "\(refused.err)")
    #expect(try await field.run("hub", "set", "http://127.0.0.1:1").code == 75)
    #expect(try await field.run("sync").code == 0)
    let set = try await field.run("hub", "set", second.address)
    #expect(set.code == 0 && set.out.contains(second.address), "\(set.err)")
    let before = (world.server.requestCount, second.requestCount)
    let synced = try await field.run("sync")
    #expect(synced.code == 0, "\(synced.err)")
    #expect(world.server.requestCount == before.0 && second.requestCount > before.1)
  }

  @Test(.long) func eachCauseHasItsWordsAndItsCode() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    for (status, code, words) in [
      (502, Int32(75), "cannot pass the call on (status 502)"), (404, 1, "is not a hub (status 404)"),
      (511, 75, "the Wi-Fi may want a login"),
      (413, 1, "refuses even the smallest piece"),
    ] {
      let server = try TinyServer { _ in HubResponse(status: status, headers: Self.html, body: Data("<html>".utf8)) }
      defer { server.stop() }
      let synced = try await field.run("sync", "--hub", server.address)
      #expect(synced.code == code && synced.err.contains(words), "\(status): \(synced.code) \(synced.err)")
    }
    let moved = try redirecting(301, to: "http://127.0.0.1:1")
    defer { moved.stop() }
    let synced = try await field.run("sync", "--hub", moved.address, "--deadline", "20")
    #expect(synced.code == 75 && synced.err.contains("127.0.0.1:1"), "\(synced.err)")
    #expect(try await field.run("sync").code == 0)
  }
}
