import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A device that was copied, or restored from an old copy, takes a new identity by itself and loses nothing (L8).
@Suite struct SuccessionTests {
  private func insert(_ replica: Replica, _ id: String, _ a: Int) async throws {
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", [id, a])
  }

  @Test(.long) func theCopyThatPushesSecondGoesOnUnderANewIdentity() async throws {
    let world = try await World()
    let (a, reader) = (try await world.device("a"), try await world.device("reader"))
    try await insert(a, "common", 1)
    try await world.sync(a)
    let q = try await world.copy(a, to: "q")
    let old = try a.identity
    try await insert(a, "mine", 2)
    try await insert(q, "its", 3)
    try await q.execute("UPDATE note SET a = 10 WHERE id = 'common'")
    try await world.sync(a)
    let summary = try await world.sync(q)
    #expect(summary.notices.map(\.kind) == [.newIdentity])
    #expect(try q.identity != old)
    #expect(try a.identity == old)
    try await world.settle([a, q, reader])
    #expect(try await world.hubNotes() == ["common 10 - none", "its 3 - none", "mine 2 - none"])
    // What the predecessor wrote before the copy is the copy's own: overwriting it is no conflict.
    #expect(try await world.hubConflicts() == [])
    try await world.expectConverged([a, q, reader])
    let devices = try await world.hub.devices()
    #expect(devices.first { $0.replica != old && $0.predecessor == old } != nil)
  }

  @Test(.long) func concurrentEditsOfTwoCopiesConflictInEitherOrder() async throws {
    for first in ["original", "copy"] {
      let world = try await World()
      let (a, reader) = (try await world.device("a"), try await world.device("reader"))
      try await insert(a, "n", 1)
      try await world.sync(a)
      let q = try await world.copy(a, to: "q")
      try await a.execute("UPDATE note SET a = 2")
      world.clock.advance(1000)
      try await q.execute("UPDATE note SET a = 3")
      for replica in first == "original" ? [a, q] : [q, a] { try await world.sync(replica) }
      try await world.settle([a, q, reader])
      #expect(try await world.hubNotes() == ["n 3 - none"], "\(first) first")
      #expect(try await world.hubConflicts() == ["n a 2 3"], "\(first) first")
      try await world.expectConverged([a, q, reader], "\(first) first")
      let changes = try await [a.notices(), q.notices()]
      #expect(changes == (first == "original" ? [[], [.newIdentity]] : [[.newIdentity], []]), "\(first) first")
    }
  }

  /// No cursor covers it yet: what the predecessor wrote before the copy is still the successor's own, and what it wrote after
  /// is not.
  @Test func overwritingACommonWriteIsNoConflictAndOverwritingACopysIs() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await insert(a, "n", 1)
    try await a.seal()
    for batch in try await a.outboxBatches() { _ = try await world.hub.ingest(batch) }
    let q = try await world.copy(a, to: "q")
    try await a.execute("UPDATE note SET b = 1")
    try await a.seal()
    for batch in try await a.outboxBatches() { _ = try await world.hub.ingest(batch) }
    world.clock.advance(1000)
    try await q.execute("UPDATE note SET a = 2, b = 2")
    try await world.settle([q, a])
    #expect(try await world.hubConflicts() == ["n b 1 2"])
    try await world.expectConverged([a, q])
  }

  /// With a clock that stands, both twins issue the very same stamps.
  @Test(.long) func twoCopiesWithOneClockNeverShareAVersion() async throws {
    let world = try await World()
    let (a, reader) = (try await world.device("a"), try await world.device("reader"))
    try await insert(a, "n", 1)
    try await world.sync(a)
    let q = try await world.copy(a, to: "q")
    try await a.execute("UPDATE note SET a = 2")
    try await q.execute("UPDATE note SET a = 3")
    try await a.seal()
    try await q.seal()
    try await world.settle([a, q, reader])
    #expect(try await world.hubConflicts().count == 1)
    try await world.expectConverged([a, q, reader])
  }

  /// Both seal the row that was pending when the device was copied, and the hub forgets the first.
  @Test(.long, arguments: [-1000, 1000]) func aBirthThatTwoCopiesShareIsTheEarlierOnes(aheadMs: Int) async throws {
    let world = try await World()
    let (a, reader) = (try await world.device("a"), try await world.device("reader"))
    try await insert(a, "n", 1)
    let q = try await world.copy(a, to: "q", clock: TestClock(UInt64(Int(world.clock.nowMs()) + aheadMs)))
    try await world.imageHub("before")
    try await world.sync(a)
    try await world.restoreHub("before")
    try await world.settle([a, reader, q])
    try await world.expectConverged([a, q, reader])
  }

  @Test func aDeviceRestoredFromAnOldCopyGetsItsLaterChangesBack() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await insert(a, "n", 1)
    try await world.sync(a)
    let restored = try await world.copy(a, to: "old")
    try await a.execute("UPDATE note SET a = 2")
    try await insert(a, "later", 5)
    try await world.sync(a)
    let last = try await a.states()
    // The device is put back to its old copy, and goes on from there.
    try await restored.execute("UPDATE note SET b = 7 WHERE id = 'n'")
    try await world.settle([restored])
    #expect(try await restored.notes() == ["later 5 - none", "n 2 7 none"])
    #expect(try await world.hubConflicts() == [])
    #expect(last.count == 2)
    try await world.expectConverged([restored])
  }

  @Test func aDeviceRestoredFromAnOldCopyWithoutNewChangesGetsThemToo() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await insert(a, "n", 1)
    let empty = try await world.copy(a, to: "old")
    try await world.sync(a)
    try await a.execute("UPDATE note SET a = 2")
    try await world.sync(a)
    // It still had the insert pending: seals it as another batch 1.
    let summary = try await world.sync(empty)
    #expect(summary.notices.map(\.kind) == [.newIdentity])
    try await world.settle([empty])
    try await world.expectConverged([empty])
    let untouched = try await world.copy(a, to: "untouched")
    #expect(try await world.sync(untouched).notices == [])
    try await insert(a, "more", 1)
    try await world.sync(a)
    #expect(try await world.sync(untouched).notices.map(\.kind) == [.newIdentity])
    try await world.expectConverged([untouched])
  }

  @Test(.long) func aCopyOfACopyAndACopyWithEverythingInFlight() async throws {
    let world = try await World()
    let (a, reader) = (try await world.device("a"), try await world.device("reader"))
    try await insert(a, "acked", 1)
    try await world.sync(a)
    try await insert(a, "sealed", 1)
    try await a.seal()
    try await insert(a, "pending", 1)
    let b = try await world.copy(a, to: "b")
    try await b.execute("UPDATE note SET a = 2 WHERE id = 'sealed'")
    let c = try await world.copy(b, to: "c")
    try await c.execute("UPDATE note SET a = 3 WHERE id = 'acked'")
    try await insert(a, "more", 9)
    for replica in [c, a, b] { try await world.sync(replica) }
    let d = try await world.copy(b, to: "d")
    try await b.execute("UPDATE note SET b = 1 WHERE id = 'more'")
    try await d.execute("UPDATE note SET c = 'd' WHERE id = 'more'")
    for replica in [b, d, c] { try await world.sync(replica) }
    let everyone = [a, b, c, d, reader]
    try await world.settle(everyone)
    try await world.expectConverged(everyone)
    #expect(Set(try everyone.map { try $0.identity }).count == 5)
    #expect(try await world.hubNotes() == ["acked 3 - none", "more 9 1 d", "pending 1 - none", "sealed 2 - none"])
  }

  /// The hub gave the predecessor's common work another stamp; the acknowledgement comes after the change of identity.
  @Test(.long) func lateAcknowledgementsOfThePredecessorStillApply() async throws {
    let world = try await World()
    let fast = TestClock(world.clock.nowMs() + 86_400_000)
    let (a, reader) = (try await world.device("a", clock: fast), try await world.device("reader"))
    try await insert(a, "n", 1)
    try await a.seal()
    let q = try await world.copy(a, to: "q", clock: fast)
    // Sent, and not heard of again.
    for batch in try await a.outboxBatches() { _ = try await world.hub.ingest(batch) }
    try await a.execute("UPDATE note SET b = 1")
    try await q.execute("UPDATE note SET b = 2")
    try await world.settle([a, q, reader])
    try await world.expectConverged([a, q, reader])
    #expect(try await world.hubConflicts().count == 1)
  }

  @Test(.long) func aCourierBringsThePredecessorsBatchesLate() async throws {
    let world = try await World()
    let (a, reader) = (try await world.device("a"), try await world.device("reader"))
    for number in 1...3 {
      try await insert(a, "n\(number)", number)
      try await a.seal()
    }
    let q = try await world.copy(a, to: "q")
    try await insert(q, "q", 1)
    try await insert(a, "a", 1)
    try await a.seal()
    let batches = try await a.outboxBatches()
    // The fourth comes by courier before the first three: the hub keeps it waiting.
    _ = try await world.hub.ingest(batches[3])
    try await world.sync(q)
    #expect(try await q.notices() == [.newIdentity])
    try await world.settle([a, q, reader])
    try await world.expectConverged([a, q, reader])
    #expect(try await world.hubNotes().count == 5)
  }

  @Test func anEnrolmentFileUsedOnTwoMachines() async throws {
    let world = try await World()
    let file = try await world.hub.makeEnrolmentFile(scope: "07201", readScopes: ["24", "07201"], label: "x", hubAddress: "")
    let (a, b) = (try world.replica("a"), try world.replica("b"))
    for replica in [a, b] { try await replica.enroll(file: file) }
    try await insert(a, "n", 1)
    try await insert(b, "n", 2)
    try await world.settle([a, b])
    #expect(try await world.hubConflicts().count == 1)
    try await world.expectConverged([a, b])
  }

  @Test func aRevokedIdentityHasNoSuccessor() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await insert(a, "n", 1)
    try await world.sync(a)
    let thief = try await world.copy(a, to: "thief")
    try await insert(a, "m", 1)
    try await insert(thief, "t", 1)
    try await world.sync(a)
    _ = try await world.hub.revoke(try a.identity)
    let error = await #expect(throws: SyncError.self) { try await world.sync(thief) }
    #expect(error?.code == .revoked)
    #expect(try await thief.notes().count == 2)
  }

  /// The answer is lost, the process dies between the steps: the next exchange takes it up, with the same identity.
  @Test(.long, arguments: ["answer lost", "switched, key file behind", "database put back"])
  func aChangeOfIdentityThatBrokeOff(_ at: String) async throws {
    let world = try await World()
    let (a, reader) = (try await world.device("a"), try await world.device("reader"))
    try await insert(a, "n", 1)
    try await world.sync(a)
    let q = try await world.copy(a, to: "q")
    try await insert(a, "a", 1)
    try await insert(q, "q", 1)
    try await world.sync(a)
    switch at {
    case "answer lost":
      let deaf = LosingAnswers(base: world.transport, path: "/v1/succession", times: 1)
      var options = SyncOptions()
      options.retry.attemptsMax = 1
      await #expect(throws: SyncError.self) { _ = try await q.sync(with: deaf, options: options) }
      #expect(try q.identity == a.identity)
    case "switched, key file behind":
      let next = SigningKey()
      var secrets = try #require(try q.keyStore.load())
      secrets.nextKey = next
      try q.keyStore.save(secrets)
      let behind = try #require(FileManager.default.contents(atPath: q.path + ".key"))
      try await world.sync(q)
      #expect(try q.identity == next.replica)
      try behind.write(to: URL(fileURLWithPath: q.path + ".key"))
      #expect(try q.identity == next.replica)
    default:
      try await world.sync(q)
      let old = try await world.copy(a, to: "r")
      // Only the database is put back; the key file is the newer one.
      try FileManager.default.removeItem(atPath: old.path + ".key")
      try FileManager.default.copyItem(atPath: q.path + ".key", toPath: old.path + ".key")
      try await insert(old, "r", 1)
      try await world.settle([old])
      try await world.expectConverged([old])
    }
    try await world.settle([a, q, reader])
    try await world.expectConverged([a, q, reader])
    #expect(try await world.hub.devices().count == (at == "database put back" ? 4 : 3))
  }

  /// An error is not signed: whoever sits in between may say "fork" as often as he likes.
  @Test func aForgedForkChangesNothing() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await insert(a, "n", 1)
    let before = try a.identity
    let liar = Liar(base: world.transport)
    await #expect(throws: SyncError.self) { _ = try await a.sync(with: liar) }
    #expect(try a.identity == before)
    try await world.settle([a])
    #expect(try a.identity == before)
    try await world.expectConverged([a])
  }

  /// Random copies, edits and exchanges: everything converges, versions included, and each value stands, was overwritten by
  /// someone who saw it, or is in a conflict.
  @Test(.long, arguments: Pace.seeds(UInt64(1)...30, fast: 1)) func storm(_ seed: UInt64) async throws {
    try await Storm(seed: seed, world: World()).run(steps: 60)
  }
}

/// Loses the hub's answers to one kind of call.
struct LosingAnswers: Transport {
  let base: LocalTransport
  let path: String
  let left: Counter

  init(base: LocalTransport, path: String, times: Int) {
    self.base = base
    self.path = path
    left = Counter(times)
  }

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let response = try await base.send(request, timeoutMs: timeoutMs)
    if request.path.hasPrefix(path), left.take() { throw SyncError(.timeout, vi: "mất", en: "lost") }
    return response
  }
}

/// Answers every upload with an error of its own making.
private struct Liar: Transport {
  let base: LocalTransport

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    if request.path.hasPrefix("/v1/batches/") { return SyncError.fork(1).response }
    return try await base.send(request, timeoutMs: timeoutMs)
  }
}
