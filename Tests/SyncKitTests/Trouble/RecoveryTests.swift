import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Work that a restored hub lost and of which its author has no batch any more: what stands is sealed once more (docs/adr/0027).
@Suite struct RecoveryTests {
  let world: World
  let a: Replica
  let b: Replica

  init() async throws {
    world = try await World()
    (a, b) = (try await world.device("a"), try await world.device("b"))
  }

  /// Backups until devices let go of what is older.
  private func backUp(_ times: Int = 2) async throws {
    for _ in 0..<times { _ = try await world.hub.backUp(to: world.folder.path + "/backup-\(UUID().uuidString)") }
  }

  private func write(_ replica: Replica, _ id: String, _ a: Int) async throws {
    try await replica.execute(
      "INSERT INTO note (id, unit, a) VALUES (?1, '07201', ?2) ON CONFLICT (id) DO UPDATE SET a = excluded.a", [id, a])
    world.clock.advance(1000)
  }

  private func standings(_ replica: Replica) async throws -> [String] {
    try await replica.engineRead { try $0.outbox.standings(isAtHead: true).map { "\($0.entry.number) \($0.standing)" } }
  }

  /// Exchanges until nothing is left to send; each must move something.
  ///
  /// - Returns: How many exchanges that took.
  @discardableResult
  private func drain(_ replica: Replica) async throws -> Int {
    let bound = 3 * Int(try await replica.engineRead { try $0.session.integer("SELECT count(*) FROM sync_outbox") } ?? 0) + 10
    for count in 1...bound {
      try await world.sync(replica)
      let status = try await replica.status()
      #expect(status.addsUp, "\(status)")
      if status.pendingChanges + status.sealedChanges + status.waitingChanges == 0 && status.agreement == .proved { return count }
    }
    Issue.record("not drained in \(bound) exchanges: \(try await standings(replica)) \(try await replica.status())")
    return bound
  }

  @Test func batchesLetGoForTheirSizeAreToldOnceWithTheirNumber() async throws {
    for id in ["n", "m", "o"] {
      try await write(a, id, 1)
      try await world.sync(a)
    }
    func trim() async throws -> SyncNotice? { try await a.engineWrite { try $0.outbox.trim(bytesMax: 0, hubTimeMs: 7) } }
    let first = try #require(try await trim())
    #expect(first.kind == .batchesLetGo && first.atMs == 7 && first.explanation.en.contains("the 2 oldest"))
    #expect(try await trim() == nil)
    try await write(a, "p", 1)
    try await world.sync(a)
    // Tells the new number in the same place, so that other notices stay.
    #expect(try await trim() == nil)
    let status = try await a.status()
    #expect(status.notices.map(\.kind) == [.batchesLetGo])
    #expect(status.notices.last?.explanation.en.contains("the 3 oldest") == true)
    #expect(status.addsUp && status.mergedChanges == 4)
  }

  /// Batches 1 and 2 are in backups and let go of; the hub is put back to before them; 3 and 4 wait for them there.
  @Test(.long) func batchesThatWaitForLostOnesAreMergedAfterARecovery() async throws {
    try await world.imageHub("empty")
    try await write(a, "n", 1)
    try await world.sync(a)
    try await write(a, "m", 2)
    try await world.settle([a, b])
    try await backUp()
    try await write(a, "n", 3)
    try await world.settle([a, b])
    #expect(try await a.engineRead { try $0.session.integer("SELECT count(*) FROM sync_outbox WHERE length(bytes) = 0") } == 2)
    try await write(a, "o", 4)
    let before = try await a.notes()
    try await world.restoreHub("empty")
    #expect(try await drain(a) <= 2)
    #expect(try await world.hubNotes() == before)
    #expect(try await a.notices().contains(.workRecovered))
    // The same device under the same name, and nobody had to decide anything.
    #expect(try await a.notices().contains(.newIdentity) == false)
    #expect(try await world.hubConflicts() == [])
    try await drain(b)
    try await world.expectConverged([a, b])
    let status = try await world.hub.read { try HubRestore.all(in: $0) }
    #expect(status.last?.unitsMissing == 0)
  }

  /// Nothing waits for them: only the comparison at the head shows that the hub does not have them.
  @Test(.long) func lossesThatOnlyDigestsShowAreRecovered() async throws {
    try await world.imageHub("empty")
    try await write(a, "n", 1)
    try await world.sync(a)
    try await write(a, "m", 2)
    try await world.settle([a])
    try await backUp()
    try await world.settle([a])
    let before = try await a.notes()
    // The newest batch keeps its bytes; it is the first one that is gone.
    try await a.engineWrite { try $0.session.execute("UPDATE sync_outbox SET bytes = x'' WHERE number = 2") }
    try await world.restoreHub("empty")
    try await drain(a)
    #expect(try await world.hubNotes() == before)
    try await drain(b)
    try await world.expectConverged([a, b])
  }

  /// A colleague's later edit stays above what is said again under its old stamp.
  @Test(.long) func anOldWriteDoesNotOverwriteALaterOne() async throws {
    try await world.imageHub("empty")
    try await write(a, "n", 1)
    try await world.settle([a, b])
    try await write(a, "m", 1)
    try await world.settle([a, b])
    try await backUp()
    try await world.settle([a, b])
    try await write(b, "n", 2)
    try await b.seal()
    try await world.restoreHub("empty")
    try await drain(a)
    try await drain(b)
    try await drain(a)
    #expect(try await world.hubNotes() == ["m 1 - none", "n 2 - none"])
    try await world.expectConverged([a, b])
  }

  /// Deaths, births after deaths and increments come back; a counter counts once.
  @Test(.long) func deletionsAndBirthsAreRecovered() async throws {
    try await world.imageHub("empty")
    try await write(a, "n", 1)
    try await write(a, "m", 1)
    try await world.settle([a, b])
    try await a.execute("DELETE FROM note WHERE id = 'n'")
    try await world.settle([a, b])
    try await write(a, "n", 5)
    try await a.execute("DELETE FROM note WHERE id = 'm'")
    try await world.settle([a, b])
    try await write(a, "z", 1)
    try await world.settle([a, b])
    try await backUp()
    try await world.settle([a, b])
    let states = try await world.hubStates()
    try await world.restoreHub("empty")
    try await drain(a)
    try await drain(b)
    #expect(try await world.hubStates() == states)
    try await world.expectConverged([a, b])
  }

  /// Again and again, also to before the recovery batch, whose own bytes may be gone by then.
  @Test(.long) func aRecoveryBatchThatIsGoneIsRecovered() async throws {
    try await world.imageHub("empty")
    try await write(a, "n", 1)
    try await world.settle([a, b])
    for round in 0..<3 {
      try await write(a, "r\(round)", round)
      try await world.settle([a, b])
      try await backUp()
      try await write(a, "s\(round)", round)
      try await world.settle([a, b])
      let before = try await a.notes()
      try await world.restoreHub("empty")
      for device in [a, b, a] { try await drain(device) }
      #expect(try await world.hubNotes() == before)
      try await world.expectConverged([a, b])
    }
  }

  /// A copy of a device that lost the same batches.
  @Test(.long) func bothCopiesOfADeviceRecover() async throws {
    try await world.imageHub("empty")
    try await write(a, "n", 1)
    try await world.settle([a, b])
    try await write(a, "m", 2)
    try await world.settle([a, b])
    try await backUp()
    try await world.settle([a, b])
    let q = try await world.copy(a, to: "q")
    try await write(a, "x", 1)
    try await write(q, "y", 2)
    try await world.restoreHub("empty")
    for _ in 0..<3 { try await world.settle([q, a, b]) }
    #expect(try await world.hubNotes() == ["m 2 - none", "n 1 - none", "x 1 - none", "y 2 - none"])
    try await world.expectConverged([a, b, q])
  }

  /// An exchange that ends with something to send has moved something, or says so.
  @Test func anExchangeThatMovesNothingSaysSo() async throws {
    for number in 1...2 {
      try await write(a, "n\(number)", number)
      try await a.seal()
    }
    let stubborn = StubbornHub(base: world.transport, number: 2, key: try HubKeys.load(from: world.folder.path + "/keys").signing)
    _ = try await a.sync(with: stubborn)
    #expect(try await standings(a) == ["1 doubt", "2 waiting"])
    for _ in 0..<2 {
      let error = await #expect(throws: SyncError.self) { try await a.sync(with: stubborn) }
      #expect(error?.code == .chainBroken && error?.expected == 1 && error?.isRetryable == false)
      #expect(error?.explanation.en.contains("Batch 2 of this device waits at the hub for batch 1") == true)
    }
    // With the hub as it is, all is well at once.
    try await drain(a)
  }
}

/// A hub that goes on saying that one batch waits for the one before it, which it has.
private struct StubbornHub: Transport {
  let base: LocalTransport
  let number: UInt64
  let key: SigningKey

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    var response = try await base.send(request, timeoutMs: timeoutMs)
    guard request.method == "PUT", request.path.hasPrefix("/v1/batches/"), response.status == 200 else { return response }
    var receipt = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: response.body).body)
    guard receipt.number == number else { return response }
    (receipt.state, receipt.expected) = (.waiting, number - 1)
    response.body = try key.sealed(try receipt.serializedData(), as: .receipt)
    return response
  }
}
