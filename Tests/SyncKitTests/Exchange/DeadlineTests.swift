import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncKit

/// What is left of an exchange bounds each of its calls.
@Suite struct DeadlineTests {
  /// Notes how long each call may take, on its way to a hub.
  final class Watched: Transport {
    let inner: any Transport
    let calls = Mutex<[(path: String, timeoutMs: Int)]>([])

    init(_ inner: any Transport) { self.inner = inner }

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      calls.withLock { $0.append((request.path, timeoutMs)) }
      return try await inner.send(request, timeoutMs: timeoutMs)
    }
  }

  @Test func noCallMayOutlastTheExchange() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.execute(
      "INSERT INTO note (id, unit) VALUES ('n', '07201'); INSERT INTO answer (id, unit, words) VALUES ('x', '07201', 'y')")
    let watched = Watched(world.transport)
    var options = SyncOptions()
    options.deadlineMs = 20_000
    // Beside hundreds of other tests an exchange may run out of time; the next goes on.
    var isDone = false
    for _ in 0..<50 where !isDone {
      do {
        _ = try await a.sync(with: watched, options: options)
        isDone = true
      } catch let error as SyncError where error.code == .timeout {
      }
    }
    #expect(isDone)
    let calls = watched.calls.withLock { $0 }
    #expect(calls.contains { $0.path.hasPrefix("/v1/batches/") } && calls.contains { $0.path.hasPrefix("/v1/drop/") })
    for call in calls { #expect((1...20_000).contains(call.timeoutMs), "\(call)") }
  }

  /// A new identity is asked for by a call of its own, and an attachment may take longer than others.
  @Test func aCallWithMoreTimeGetsNoMoreThanIsLeft() async throws {
    let world = try await World()
    let watched = Watched(world.transport)
    let bounded = DeadlineTransport(watched, deadlineMs: 3_600_000)
    _ = try await bounded.send(HubRequest("GET", "/v1/hub"), timeoutMs: 7_200_000)
    _ = try await bounded.send(HubRequest("GET", "/v1/hub"), timeoutMs: 10)
    #expect(
      watched.calls.withLock { $0.map(\.timeoutMs) }.allSatisfy { $0 <= 3_600_000 } && watched.calls.withLock { $0[1].timeoutMs } == 10)
    let over = DeadlineTransport(watched, deadlineMs: 0)
    await #expect { _ = try await over.send(HubRequest("GET", "/v1/hub"), timeoutMs: 10) } throws: { ($0 as? SyncError)?.code == .timeout }
    #expect(watched.calls.withLock { $0.count } == 2, "nothing is asked when nothing is left")
  }
}
