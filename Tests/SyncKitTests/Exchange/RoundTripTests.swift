import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Each call costs a round trip of a link that may take a second for it.
@Suite struct RoundTripTests {
  /// Notes the calls it carries.
  private final class Noting: Transport {
    private let inner: LocalTransport
    private let noted = Mutex<[String]>([])

    init(_ inner: LocalTransport) { self.inner = inner }

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      noted.withLock { $0.append(Hub.kind(of: request)) }
      return try await inner.send(request, timeoutMs: timeoutMs)
    }

    /// The calls since the last time.
    func take() -> [String] {
      noted.withLock { noted in
        defer { noted = [] }
        return noted
      }
    }
  }

  @Test func anIdleExchangeIsTwoCallsAndWorkIsOneMore() async throws {
    let world = try await World()
    let device = try await world.device("a")
    let link = Noting(world.transport)
    _ = try await device.sync(with: link)
    _ = link.take()
    _ = try await device.sync(with: link)
    #expect(link.take() == ["hub", "feed"])
    try await device.database.write { try $0.execute(sql: "INSERT INTO note (id, unit, a) VALUES ('1', '07201', 1)") }
    _ = try await device.sync(with: link)
    #expect(link.take() == ["hub", "batches", "feed"])
    // What others did comes with the same question.
    let other = try await world.device("b")
    try await other.database.write { try $0.execute(sql: "INSERT INTO note (id, unit, a) VALUES ('2', '07201', 1)") }
    _ = try await other.sync(with: world.transport)
    #expect(try await device.sync(with: link).progress.unitsApplied == 1)
    #expect(link.take() == ["hub", "feed"])
  }
}
