import GRDB
import SyncHub
import SyncKit
import TestSupport
import Testing

@Suite struct CircuitTests {
  @Test func oneRowTravelsFromDeviceToHubToAnotherDevice() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n1', '07201', 12)")
    let summary = try await a.sync(with: world.transport)
    #expect(summary.progress.changesSent == 1)
    #expect(try await world.hubNotes() == ["n1 12 - none"])
    _ = try await b.sync(with: world.transport)
    #expect(try await b.notes() == ["n1 12 - none"])
    let status = try await a.status()
    #expect(status.addsUp)
    #expect(status.mergedChanges == 1)
    #expect(status.isAtHead)
  }

  @Test(.long) func editsOfDifferentColumnsMergeWithoutConflict() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n1', '07201')")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    world.clock.advance(1000)
    try await a.execute("UPDATE note SET a = 12 WHERE id = 'n1'")
    try await b.execute("UPDATE note SET b = 'rain' WHERE id = 'n1'")
    for device in [a, b, a] { _ = try await device.sync(with: world.transport) }
    #expect(try await a.notes() == ["n1 12 rain none"])
    #expect(try await b.notes() == ["n1 12 rain none"])
    #expect(try await world.hubConflicts() == [])
  }

  @Test func concurrentWritesOfOneCellKeepTheLosingValueInAConflict() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await a.execute("INSERT INTO note (id, unit) VALUES ('n1', '07201')")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    world.clock.advance(1000)
    try await a.execute("UPDATE note SET a = 'rain' WHERE id = 'n1'")
    world.clock.advance(1000)
    try await b.execute("UPDATE note SET a = 'sun' WHERE id = 'n1'")
    for device in [b, a, b] { _ = try await device.sync(with: world.transport) }
    #expect(try await a.notes() == ["n1 sun - none"])
    #expect(try await b.notes() == ["n1 sun - none"])
    #expect(try await world.hubConflicts() == ["n1 a rain sun"])
    #expect(try await a.status().openConflicts == 1)
    #expect(try await b.status().openConflicts == 1)
    // A later change that had seen both closes it.
    try await a.execute("UPDATE note SET a = 'both' WHERE id = 'n1'")
    for device in [a, b] { _ = try await device.sync(with: world.transport) }
    #expect(try await world.hubConflicts() == [])
    #expect(try await b.status().openConflicts == 0)
  }

  @Test func anonymousRowsArriveAndLeaveNothingReadableBehind() async throws {
    let world = try await World()
    let a = try await world.device("a")
    for number in 1...6 {
      try await a.execute("INSERT INTO answer (id, unit, day, words) VALUES (?, '07201', '2024-04-01', 'secret words')", ["r\(number)"])
    }
    #expect(try await a.status().packetsWaiting == 6)
    _ = try await a.sync(with: world.transport)
    let status = try await a.status()
    #expect(status.packetsKept == 6 && status.packetsWaiting == 0 && status.addsUp)
    let ids = try await world.hub.read { try $0.rows("SELECT id FROM answer ORDER BY id").map(\.[0].shown) }
    #expect(ids == (1...6).map { "r\($0)" })
  }
}
