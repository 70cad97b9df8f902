import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A device without its key, or revoked by mistake, goes on with its store under another identity on an operator's word (ADR 43).
@Suite struct ReplacementTests {
  private static let unit = "07201"

  /// What happened to a key file.
  enum Loss: String, CaseIterable {
    case missing, damaged, empty, cut, foreign, folder, revoked
  }

  private func insert(_ replica: Replica, _ id: String, _ a: Int) async throws {
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", [id, a])
  }

  private func answer(_ replica: Replica, _ ids: String...) async throws {
    for id in ids { try await replica.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", [id]) }
  }

  private func received(_ world: World) async throws -> Int {
    try await world.hub.read { try DropCounts.byScope($0, spooled: SpooledPackets()) }[Self.unit]?.received ?? 0
  }

  private func code(_ world: World, replacing replica: ReplicaID, unit: String = Self.unit) async throws -> String {
    try await world.hub.makeCode(replacing: replica, scope: unit, readScopes: ["24", unit], by: "Lan", reason: "key file lost")
  }

  /// Closes a device's store, does something to its key file and opens it again.
  private func reopened(_ replica: Replica, _ name: String, _ world: World, after loss: Loss) async throws -> Replica {
    let (key, id) = (replica.path + ".key", try replica.identity)
    try replica.close()
    let contents = try Data(contentsOf: URL(fileURLWithPath: key))
    func write(_ data: Data) throws { try data.write(to: URL(fileURLWithPath: key)) }
    switch loss {
    case .missing: try FileManager.default.removeItem(atPath: key)
    case .damaged: try write(Data(contents.reversed()))
    case .empty: try write(Data())
    case .cut: try write(contents.prefix(contents.count / 2))
    case .foreign:
      let other = try await world.device("other", unit: "07204")
      try other.close()
      try write(try Data(contentsOf: URL(fileURLWithPath: other.path + ".key")))
    case .folder:
      try FileManager.default.removeItem(atPath: key)
      try FileManager.default.createDirectory(atPath: key, withIntermediateDirectories: false)
    case .revoked: _ = try await world.hub.revoke(id)
    }
    return try world.replica(name)
  }

  /// Every kind of work: at the hub, sealed, pending, an edit of what the hub has, and packets that wait.
  private func worker(_ world: World) async throws -> Replica {
    let a = try await world.device("a")
    try await insert(a, "at hub", 1)
    try await answer(a, "p1")
    try await world.sync(a)
    try await insert(a, "sealed", 2)
    try await a.seal()
    try await a.execute("UPDATE note SET a = 10 WHERE id = 'at hub'")
    try await a.seal()
    try await insert(a, "pending", 3)
    try await answer(a, "p2", "p3")
    return a
  }

  private static let whole = ["at hub 10 - none", "pending 3 - none", "sealed 2 - none"]

  @Test(.long, arguments: Loss.allCases)
  func aStoreGoesOnUnderAnotherNameWithAllItsWork(loss: Loss) async throws {
    let world = try await World()
    let (first, reader) = (try await worker(world), try await world.device("reader"))
    let old = try first.identity
    let a = try await reopened(first, "a", world, after: loss)
    // It can be read, and says what is wrong; nothing can be sealed but where only the hub turned it away.
    #expect(try await a.notes().count == 3)
    #expect(try await a.keyTrouble()?.code == (loss == .revoked ? nil : .keyUnusable))
    await #expect(throws: SyncError.self) { try await world.sync(a) }
    try await a.enroll(code: try await code(world, replacing: old), label: "", through: world.transport)
    let new = try a.identity
    #expect(new != old)
    #expect(try await a.notices() == [.newIdentity])
    #expect(try await a.keyTrouble() == nil)
    try await world.settle([a, reader])
    #expect(try await world.hubNotes() == Self.whole)
    #expect(try await world.hubConflicts() == [])
    #expect(try await received(world) == 3)
    try await world.expectConverged([a, reader])
    let status = try await a.status()
    #expect(status.addsUp && status.packetsWaiting == 0 && status.agreement == .proved)
    let devices = try await world.hub.devices()
    #expect(devices.first { $0.replica == old }?.revokedMs != nil)
    #expect(devices.first { $0.replica == new }.map { $0.revokedMs == nil && $0.isReplacement && $0.predecessor == old } == true)
    let act = try await world.hub.acts().first
    #expect(act?.kind == "devices replace" && act?.subject == old.description && act?.by == "Lan" && act?.reason == "key file lost")
    // What was there and could not be used is kept.
    let isAside = FileManager.default.fileExists(atPath: a.path + ".key.aside")
    #expect(isAside == ![.missing, .revoked].contains(loss))
    // It goes on like any other device.
    try await insert(a, "later", 4)
    try await answer(a, "p4")
    try await world.settle([a, reader])
    try await world.expectConverged([a, reader])
    #expect(try await received(world) == 4)
    let found = try await SQLiteHubStore.examine(
      at: world.folder.path + "/hub.sqlite", tables: World.tables, keys: try HubKeys.load(from: world.folder.path + "/keys"))
    #expect(found.isSound, "\(found.findings)")
  }

  /// What the phone had sent by a bundle, and that waits for a decision since it was revoked, is taken with the operator's word.
  @Test(.long) func undecidedBatchesAreMergedWithAReplacementOnce() async throws {
    let world = try await World()
    let (first, reader) = (try await worker(world), try await world.device("reader"))
    let old = try first.identity
    _ = try await world.hub.revoke(old)
    let carried = try await first.exportBundle(to: world.file("late.skb"))
    let (report, _) = try await world.hubImports(carried.paths, return: "r.skb")
    #expect(report.devices.reduce(0) { $0 + $1.undecided } == 3)
    #expect(try await world.hub.lateBatches() == [old: 3])
    // Somebody with a copy seals more: the store does not know of that.
    let thief = try await world.copy(first, to: "thief")
    try await insert(thief, "forged", 9)
    _ = try await world.hubImports(try await thief.exportBundle(to: world.file("forged.skb")).paths, return: "f.skb")
    #expect(try await world.hub.lateBatches() == [old: 4])
    try await insert(first, "later", 4)
    let a = try await reopened(first, "a", world, after: .missing)
    try await a.enroll(code: try await code(world, replacing: old), label: "", through: world.transport)
    #expect(try await world.hub.lateBatches() == [old: 1], "the copy's waits on")
    #expect(try await world.hubNotes() == Self.whole)
    try await world.settle([a, reader])
    #expect(try await world.hubNotes() == ["at hub 10 - none", "later 4 - none", "pending 3 - none", "sealed 2 - none"])
    #expect(try await world.hubConflicts() == [])
    #expect(try await received(world) == 3)
    #expect(try await world.hub.latePackets().isEmpty, "the device proved them under the present key")
    try await world.expectConverged([a, reader])
    #expect(try await a.status().addsUp)
  }

  /// The old phone is found: it is turned away, what it sealed waits for a decision, and even that counts once.
  @Test(.long) func theOldPhoneThatComesBackIsNotTrustedAndDoublesNothing() async throws {
    let world = try await World()
    let (old, reader) = (try await worker(world), try await world.device("reader"))
    let id = try old.identity
    let copy = try await world.copy(old, to: "new phone")
    let new = try await reopened(copy, "new phone", world, after: .missing)
    try await new.enroll(code: try await code(world, replacing: id), label: "", through: world.transport)
    try await world.settle([new, reader])
    let (notes, answers) = (try await world.hubNotes(), try await received(world))
    #expect(notes == Self.whole && answers == 3)
    #expect(await #expect(throws: SyncError.self) { try await world.sync(old) }?.code == .revoked)
    try await insert(old, "foreign", 5)
    try await answer(old, "p9")
    let (report, paths) = try await world.hubImports(try await old.exportBundle(to: world.file("old.skb")).paths, return: "old-r.skb")
    #expect(report.devices.reduce(0) { $0 + $1.undecided } == 4 && report.devices.reduce(0) { $0 + $1.packetsLate } == 1)
    _ = try? await old.importBundles(paths)
    #expect(try await world.hubNotes() == notes)
    #expect(try await received(world) == answers, "kept unopened, until somebody decides")
    // It cannot get in by a fork, nor with the code that was used.
    let next = SigningKey()
    let request = try await old.successionRequest(from: try old.secrets().signingKey, to: next, scope: Self.unit, common: 1)
    #expect(await #expect(throws: SyncError.self) { _ = try await world.hub.succeed(request) }?.code == .revoked)
    // Taken after all, the same work is there once.
    let shown = try #require(try await world.hub.lateBatches()[id])
    await #expect(throws: SyncError.self, "another batch came since somebody looked") {
      _ = try await world.hub.decideLate(id, .take, by: "Lan", reason: "it was ours", listed: shown - 1)
    }
    #expect(try await world.hub.lateBatches()[id] == shown)
    _ = try await world.hub.decideLate(id, .take, by: "Lan", reason: "it was ours", listed: shown)
    try await world.settle([new, reader])
    #expect(try await world.hubNotes() == ["at hub 10 - none", "foreign 5 - none", "pending 3 - none", "sealed 2 - none"])
    #expect(try await world.hubConflicts() == [])
    try await world.expectConverged([new, reader])
    await #expect(throws: SyncError.self, "another goes on with its store") {
      _ = try await world.hub.reinstate(id, by: "Lan", reason: "mistake")
    }
  }

  /// Loses the hub's first answer.
  private final class LosesAnswer: Transport {
    let inner: LocalTransport
    private let isLost = Mutex(false)
    init(_ inner: LocalTransport) { self.inner = inner }
    private func hasLost() -> Bool {
      isLost.withLock { isLost in
        defer { isLost = true }
        return isLost
      }
    }
    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      let response = try await inner.send(request, timeoutMs: timeoutMs)
      guard request.path != "/v1/succession" || hasLost() else {
        throw SyncError(.timeout, vi: "mất", en: "lost")
      }
      return response
    }
  }

  @Test(.long) func aCodeIsForOneStoreAndForOneDevice() async throws {
    let world = try await World()
    let first = try await worker(world)
    let old = try first.identity
    let other = try await world.device("b")
    let twin = try await reopened(try await world.copy(first, to: "twin"), "twin", world, after: .missing)
    let a = try await reopened(first, "a", world, after: .missing)
    let replacing = try await code(world, replacing: old)
    func refused(_ replica: Replica, _ code: String) async -> SyncError? {
      await #expect(throws: SyncError.self) { try await replica.enroll(code: code, label: "x", through: world.transport) }
    }
    // An empty device, another device's store, an ordinary code on this store, a wrong one: refused, and no code is spent.
    let (empty, another) = (try world.replica("empty"), try world.replica("another"))
    #expect(await refused(empty, replacing)?.explanation.en.contains(old.short) == true)
    #expect(await refused(other, replacing)?.explanation.en.contains(old.short) == true)
    let ordinary = try await world.hub.makeCode(scope: Self.unit, readScopes: ["24", Self.unit])
    #expect(await refused(a, ordinary)?.explanation.en.contains("--replaces \(old.short)") == true)
    #expect(await refused(a, "AAAAAAAAAA")?.code == .wrongCode)
    #expect(try await world.hub.devices().allSatisfy { $0.revokedMs == nil })
    try await other.execute("INSERT INTO note (id, unit, a) VALUES ('of b', '07201', 1)")
    try await world.sync(other)
    // The answer is lost: the same device asks again and gets the same identity.
    #expect(
      await #expect(throws: SyncError.self) { try await a.enroll(code: replacing, label: "", through: LosesAnswer(world.transport)) } != nil
    )
    try await a.enroll(code: replacing, label: "", through: world.transport)
    #expect(try await world.hub.devices().count == 3)
    #expect(await refused(twin, replacing)?.code == .codeUsed)
    #expect(await refused(a, replacing)?.explanation.en.contains("already") == true)
    try await world.settle([a, other])
    #expect(try await world.hubNotes().count == 4)
    await #expect(throws: SyncError.self) { _ = try await code(world, replacing: try a.identity, unit: "07204") }
    let cancelled = try await code(world, replacing: try a.identity)
    _ = try await world.hub.endCodes(units: [Self.unit], ids: [])
    #expect(await refused(a, cancelled)?.code == .wrongCode)
    #expect(try await world.hub.codes().filter { $0.replaces != nil }.count == 2)
    // The ordinary code was never spent, but it was cancelled with the others.
    #expect(await refused(another, ordinary)?.code == .wrongCode)
  }

  /// Whatever breaks off, wherever, the same command goes on.
  @Test(.long, arguments: [Loss.missing, .revoked]) func aReplacementThatBreaksOffIsGivenAgain(loss: Loss) async throws {
    struct Cut: Error {}
    for step in 1...12 {
      let world = try await World()
      let first = try await worker(world)
      let old = try first.identity
      var a = try await reopened(first, "a", world, after: loss)
      let replacing = try await code(world, replacing: old)
      let left = Mutex(step)
      a.steps.listener = { step in
        guard case .moment = step else { return }
        let isNow = left.withLock { left in
          left -= 1
          return left == 0
        }
        if isNow { throw Cut() }
      }
      var isCut = false
      do { try await a.enroll(code: replacing, label: "", through: world.transport) } catch is Cut { isCut = true }
      a.steps.listener = nil
      try a.close()
      a = try world.replica("a")
      if isCut, try await a.enrolment()?.replica == old { try await a.enroll(code: replacing, label: "", through: world.transport) }
      try await world.settle([a])
      #expect(try await world.hubNotes() == Self.whole, "step \(step)")
      #expect(try await world.hub.devices().count == 2)
      #expect(try await a.status().addsUp)
      #expect(try await received(world) == 3)
      if !isCut { break }
    }
  }

  @Test(.long) func aHubThatWasRestoredTakesTheStoreToo() async throws {
    let world = try await World()
    let (first, reader) = (try await world.device("a"), try await world.device("reader"))
    let old = try first.identity
    try await insert(first, "in backup", 1)
    try await world.sync(first)
    try await world.imageHub("before")
    try await insert(first, "lost 1", 2)
    try await world.sync(first)
    try await insert(first, "lost 2", 3)
    try await world.settle([first, reader])
    try await world.restoreHub("before")
    let a = try await reopened(first, "a", world, after: .missing)
    try await a.enroll(code: try await code(world, replacing: old), label: "", through: world.transport)
    try await world.settle([a, reader, a])
    #expect(try await world.hubNotes() == ["in backup 1 - none", "lost 1 2 - none", "lost 2 3 - none"])
    #expect(try await world.hubConflicts() == [])
    try await world.expectConverged([a, reader])
  }

  /// The hub forgot the device itself, or that it was replaced: certificates say both.
  @Test(.long, arguments: [false, true]) func certificatesTellARestoredHubWhoReplacedWhom(isReplacedFirst: Bool) async throws {
    let world = try await World()
    try await world.imageHub("empty")
    let first = try await worker(world)
    let old = try first.identity
    let oldCertificate = try #require(try await first.certificates().last)
    let a = try await reopened(first, "a", world, after: .missing)
    if isReplacedFirst { try await a.enroll(code: try await code(world, replacing: old), label: "", through: world.transport) }
    try await world.restoreHub("empty")
    if !isReplacedFirst { try await a.enroll(code: try await code(world, replacing: old), label: "", through: world.transport) }
    try await world.settle([a])
    try await world.settle([a])
    #expect(try await world.hubNotes() == Self.whole)
    try await world.expectConverged([a])
    try await world.hub.relearn(oldCertificate)
    let devices = try await world.hub.devices()
    #expect(devices.first { $0.replica == old }?.revokedMs != nil)
    let new = try a.identity
    #expect(devices.first { $0.replica == new }.map { $0.revokedMs == nil } == true)
  }

  /// No network: the request goes by file, encrypted, and the answer comes back so.
  @Test(.long, arguments: [Loss.damaged, .revoked]) func itGoesByBundleToo(loss: Loss) async throws {
    let world = try await World()
    let (first, reader) = (try await worker(world), try await world.device("reader"))
    let old = try first.identity
    let a = try await reopened(first, "a", world, after: loss)
    try await a.requestEnrolment(code: try await code(world, replacing: old), label: "")
    let asked = try await a.exportBundle(to: world.file("ask.skb"))
    #expect(asked.isEnrolment && asked.isEncrypted && asked.batches == 0 && asked.packets == 0)
    let (report, paths) = try await world.hubImports(asked.paths, return: "ask-r.skb")
    #expect(report.devices.contains { $0.isNewlyEnrolled })
    #expect(try await a.importBundles(paths).isNewlyEnrolled)
    #expect(try a.identity != old)
    let (_, back) = try await world.hubImports(try await a.exportBundle(to: world.file("work.skb")).paths, return: "work-r.skb")
    _ = try await a.importBundles(back)
    try await world.settle([reader])
    #expect(try await world.hubNotes() == Self.whole)
    #expect(try await received(world) == 3)
    #expect(try await a.status().addsUp)
    try await world.settle([a, reader])
    try await world.expectConverged([a, reader])
  }

  // MARK: Un-revoke

  @Test(.long) func aRevocationByMistakeIsTakenBack() async throws {
    let world = try await World()
    let (a, reader) = (try await worker(world), try await world.device("reader"))
    let id = try a.identity
    await #expect(throws: SyncError.self, "it is not revoked") { _ = try await world.hub.reinstatement(of: id) }
    _ = try await world.hub.revoke(id)
    let carried = try await a.exportBundle(to: world.file("late.skb"))
    _ = try await world.hubImports(carried.paths, return: "r.skb")
    let key = try a.secrets().unitKey
    let meant = try await world.hub.reinstatement(of: id)
    #expect(meant.late == 3 && meant.others.isEmpty && meant.device.revokedMs != nil)
    #expect(try await world.hub.reinstate(id, by: "Lan", reason: "the other tablet was meant") == 3)
    #expect(try await world.hubNotes() == Self.whole)
    try await world.settle([a, reader])
    #expect(try a.identity == id)
    #expect(try a.secrets().unitKey != key, "the present key came")
    #expect(try await received(world) == 3)
    #expect(try await world.hub.latePackets().isEmpty)
    #expect(try await world.hubConflicts() == [])
    try await world.expectConverged([a, reader])
    #expect(try await a.status().addsUp)
    // The undo: it is out again.
    #expect(try await world.hub.revoke(id) == [id])
    #expect(await #expect(throws: SyncError.self) { try await world.sync(a) }?.code == .revoked)
  }
}
