import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncKit

/// What one enrolled device can do to the others of its unit, and to the hub.
@Suite struct HostileDeviceTests {
  @Test func aCursorTheHubNeverIssuedHidesNoLoser() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'mine')")
    _ = try await a.sync(with: world.transport)
    var cursor = WireCursor()
    cursor.incarnation = world.hub.incarnation
    var place = WireScopePosition()
    place.scope = Stage.unit
    place.position = .max
    place.feedHash = Data(count: 16)
    cursor.scopes = [place]
    let now = world.clock.nowMs() + 1000
    _ = try await world.hub.ingest(
      try b.forge(cursor: try cursor.serializedData(), [unit(now, note("n", [CellChange("a", .text("yours"))]))]))
    #expect(try await world.hubConflicts() == ["n a mine yours"])
  }
}
