import Foundation
import GRDB
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A revocation in a unit ends the key by which its devices authenticate anonymous packets.
@Suite struct UnitKeyTests {
  private static let scope = "07201"

  private func answer(_ replica: Replica, _ ids: String...) async throws {
    for id in ids { try await replica.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", [id]) }
  }

  private func packets(_ replica: Replica) async throws -> [WirePacket] {
    try await replica.engineRead { try $0.session.rows("SELECT bytes FROM sync_packet ORDER BY id").compactMap { $0[0].blob } }
      .map { try WirePacket(serializedBytes: $0) }
  }

  /// What a device would send, sent by hand.
  private func drop(_ packets: [WirePacket], in world: World) async throws {
    _ = try await world.hub.keep(try WireDropRequest.with { $0.packets = packets }.serializedData(), scope: Self.scope)
  }

  private func received(_ world: World) async throws -> Int {
    try await world.hub.read { try DropCounts.byScope($0, spooled: SpooledPackets()) }[Self.scope]?.received ?? 0
  }

  private func presentID(_ world: World) async throws -> UnitKeyID {
    let keys = world.hub.keys
    return try await world.hub.read { try UnitKeyTable(session: $0, keys: keys).present(Self.scope) }
  }

  /// Keeps every answer of the hub.
  private final class Listening: Transport {
    let inner: LocalTransport
    let heard = Mutex<[Data]>([])
    init(_ inner: LocalTransport) { self.inner = inner }
    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      let response = try await inner.send(request, timeoutMs: timeoutMs)
      heard.withLock { $0.append(response.body) }
      return response
    }
    func hears(_ bytes: Data) -> Bool { heard.withLock { $0.contains { $0.range(of: bytes) != nil } } }
  }

  @Test(.long) func aRevokedDeviceGetsNoAnswerByAnyWay() async throws {
    let world = try await World()
    let thief = try world.replica("thief")
    let code = try await world.hub.makeCode(scope: Self.scope, readScopes: ["24", Self.scope])
    try await thief.enroll(code: code, label: "thief", through: world.transport)
    try await answer(thief, "1", "2")
    try await drop(try await packets(thief), in: world)
    #expect(try await received(world) == 2, "what came before stays")
    let old = try #require(try thief.secrets().unitKey)
    _ = try await world.hub.revoke(try thief.identity)
    try await answer(thief, "3", "4", "5")
    let error = await #expect(throws: SyncError.self) { try await drop(try await packets(thief), in: world) }
    #expect(error?.code == .badSignature)
    #expect(try await received(world) == 2)
    // It asks again for what it was once given: its enrolment, by its own code and key.
    let key = try thief.secrets().signingKey
    let again = try Replica.enrolRequest(code: code, label: "thief", key: key)
    #expect(await #expect(throws: SyncError.self) { _ = try await world.hub.enroll(again) }?.code == .revoked)
    #expect(await #expect(throws: SyncError.self) { try await world.sync(thief) }?.code == .revoked)
    // And by bundle.
    let (report, _) = try await world.hubImports(try await thief.exportBundle(to: world.file("x.skb")).paths, return: "back.skb")
    #expect(report.devices.reduce(0) { $0 + $1.packets } == 2 && report.devices.reduce(0) { $0 + $1.packetsLate } == 3)
    _ = try? await thief.importBundles([world.file("back.skb")])
    #expect(try thief.secrets().unitKey == old, "nothing brings it the new one")
    #expect(try await received(world) == 2)
    // What a colleague enters at the hub itself goes on.
    try await world.hub.drop(["id": .text("web"), "unit": .text(Self.scope), "words": .text("w")], into: "answer", scope: Self.scope)
    #expect(try await received(world) == 3)
  }

  @Test(.long) func aColleagueGetsTheNewKeyInItsExchangeAndNothingIsLost() async throws {
    let world = try await World()
    let (a, thief) = (try await world.device("a"), try await world.device("thief"))
    try await answer(a, "1", "2", "3")
    let before = try await packets(a)
    _ = try await world.hub.revoke(try thief.identity)
    let listening = Listening(world.transport)
    let summary = try await a.sync(with: listening)
    #expect(summary.progress.packetsSent == 3)
    #expect(try await received(world) == 3)
    let status = try await a.status()
    #expect(status.addsUp && status.packetsWaiting == 0 && status.packetsKept == 3)
    let after = try await packets(a)
    #expect(after.map(\.id) == before.map(\.id) && after.map(\.ciphertext) == before.map(\.ciphertext))
    #expect(zip(after, before).allSatisfy { $0.mac != $1.mac })
    let secrets = try a.secrets()
    let key = try #require(secrets.unitKey)
    #expect(key == world.hub.keys.unitKey(scope: Self.scope, id: try await presentID(world)) && secrets.unitKeyID.epoch == 1)
    #expect(!listening.hears(key), "it travels encrypted")
    // The next ones need no detour.
    try await answer(a, "4")
    let calls = Listening(world.transport)
    _ = try await a.sync(with: calls)
    #expect(calls.heard.withLock { $0.count } <= 5)
    #expect(try await received(world) == 4)
  }

  /// All of them are written anew together, and the log is cut: nothing tells which came first, or that some were renewed.
  @Test(.long) func renewedPacketsLieInTheOrderOfTheirKeys() async throws {
    let world = try await World()
    let (a, thief) = (try await world.device("a"), try await world.device("thief"))
    try await answer(a, "1", "2", "3", "4")
    let before = try await packets(a)
    _ = try await world.hub.revoke(try thief.identity)
    let device = try #require(try await world.hub.device(a.identity))
    let sealTo = try BundleKey.devicePublic(try a.secrets().signingKey)
    let sealed = try #require(try await world.hub.unitKey(for: device, holding: Data(), sealedTo: sealTo))
    try await a.take(sealed, hub: world.hub.replica)
    let after = try await packets(a)
    #expect(FileManager.default.contents(atPath: a.path + "-wal")?.isEmpty ?? true, "the log is cut")
    let file = try #require(FileManager.default.contents(atPath: a.path))
    for packet in before { #expect(file.range(of: packet.mac) == nil) }
    let places = try after.map { try #require(file.range(of: $0.mac)).lowerBound }
    for packet in after { #expect(file.ranges(of: packet.encapsulated).count == 1) }
    #expect(places == places.sorted() || places == places.sorted(by: >))
    // An older return brings the first key: it stays what it is.
    let first = try UnitKeySeal.seal(
      world.hub.keys.unitKey(scope: Self.scope), id: .first, hub: world.hub.replica, device: a.identity, scope: Self.scope, to: sealTo)
    try await a.take(first, hub: world.hub.replica)
    #expect(try a.secrets().unitKeyID.epoch == 1)
  }

  @Test(.long) func twoRevocationsWhileAColleagueWasAway() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await answer(a, "1", "2")
    for name in ["x", "y"] { _ = try await world.hub.revoke(try await world.device(name).identity) }
    #expect(try await presentID(world).epoch == 2)
    _ = try await world.sync(a)
    #expect(try await received(world) == 2)
    #expect(try await a.secrets().unitKeyID == presentID(world))
  }

  /// A form filled in one process while another exchanges, and a key file that is newer than the database put back.
  @Test(.long) func packetsUnderAnEarlierKeyAreRenewedWhoeverMadeThem() async throws {
    let world = try await World()
    let (a, x) = (try await world.device("a"), try await world.device("x"))
    try await answer(a, "1")
    let old = try await world.copy(a, to: "old")
    let other = try world.replica("a")
    _ = try await world.hub.revoke(try x.identity)
    _ = try await world.sync(a)
    try await answer(other, "2")
    let key = try #require(try a.secrets().unitKey)
    #expect(try await packets(a).count { !Packets.isAuthentic($0, scope: Self.scope, unitKey: key) } == 1)
    _ = try await world.sync(a)
    #expect(try await received(world) == 2)
    // The copy has the old key, and what it had answered then; the hub knows that answer.
    try await answer(old, "3")
    _ = try await world.sync(old)
    let counts = try await world.hub.read { try DropCounts.byScope($0, spooled: SpooledPackets()) }[Self.scope]
    #expect(counts?.kept == 3)
    #expect(try await old.status().packetsWaiting == 0)
  }

  @Test(.long) func theNewKeyComesByBundleToo() async throws {
    let world = try await World()
    let (a, x) = (try await world.deviceByFile("a"), try await world.device("x"))
    try await answer(a, "1", "2")
    _ = try await world.hub.revoke(try x.identity)
    try await world.journey(a)
    #expect(try await a.status().packetsWaiting == 2, "they were not proved, and stay")
    #expect(try await a.secrets().unitKeyID == presentID(world))
    try await world.journey(a)
    #expect(try await a.status().packetsWaiting == 0)
    #expect(try await received(world) == 2)
  }

  @Test(.long, arguments: ["the identity it had", "the one it took"]) func aSuccessorIsRevokedWithItsPredecessor(_ which: String)
    async throws
  {
    let world = try await World()
    let a = try await world.device("a")
    let first = try a.identity
    try await a.insert("n", "1")
    try await world.sync(a)
    let twin = try await world.copy(a, to: "twin")
    try await a.insert("m", "1")
    try await twin.insert("t", "1")
    try await world.sync(a)
    try await world.sync(twin)
    let second = try twin.identity
    #expect(second != first)
    #expect(Set(try await world.hub.revoke(which == "the one it took" ? second : first)) == [first, second])
    for replica in [a, twin] {
      try await answer(replica, "1")
      #expect(await #expect(throws: SyncError.self) { try await world.sync(replica) }?.code == .revoked)
      await #expect(throws: SyncError.self) { try await drop(try await packets(replica), in: world) }
    }
    // Its key file still has the earlier identity's key.
    let earlier = try #require(try twin.secrets().earlierKeys.first)
    var request = HubRequest("GET", "/v1/feed?cursor=&sealTo=\(try BundleKey.devicePublic(earlier).base64URL)")
    request.headers["authorization"] = try RequestSignature.header(for: request, hubTimeMs: world.clock.nowMs(), key: earlier)
    #expect(await world.hub.answer(request).status == SyncError(.revoked, vi: "", en: "").httpStatus)
  }

  /// The revocation is lost with the store; that there was one is not.
  @Test(.long) func aRestoredHubLearnsOfALostRevocationFromAnotherDevice() async throws {
    let world = try await World()
    let (a, thief) = (try await world.device("a"), try await world.device("thief"))
    _ = try await world.sync(a)
    let backup = try await world.hub.backUp(to: world.file("backup"))
    _ = try await world.hub.revoke(try thief.identity)
    _ = try await world.sync(a)
    let lost = try await presentID(world)
    try await answer(thief, "t")
    try await world.reopenHub { path in
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
      try Hub.restore(backup.path, to: path, keys: try HubKeys.load(from: world.folder.path + "/keys"))
    }
    #expect(try await presentID(world) == .first)
    try await answer(a, "1")
    _ = try await world.sync(a)
    #expect(try await received(world) == 1)
    #expect(try await presentID(world) == lost, "the hub does not fall back")
    await #expect(throws: SyncError.self) { try await drop(try await packets(thief), in: world) }
    let restore = try #require(try await world.hub.read { try HubRestore.all(in: $0) }.last)
    #expect(restore.unitsRevoked == [Self.scope] && restore.explanation.en.contains(Self.scope))
    // Revoked once more, it gets no key that it might have been told meanwhile.
    _ = try await world.hub.revoke(try thief.identity)
    #expect(try await presentID(world).epoch == 2)
    try await answer(a, "2")
    _ = try await world.sync(a)
    #expect(try await received(world) == 2)
  }

  /// The operator revokes at once, before anybody told of the lost key: both keys have one number, and the newer counts.
  @Test(.long) func aKeyLostWithTheStoreDoesNotTakeTheNewOnesPlace() async throws {
    let world = try await World()
    let (a, thief) = (try await world.device("a"), try await world.device("thief"))
    _ = try await world.sync(a)
    let backup = try await world.hub.backUp(to: world.file("backup"))
    _ = try await world.hub.revoke(try thief.identity)
    _ = try await world.sync(a)
    try await world.reopenHub { path in
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
      try Hub.restore(backup.path, to: path, keys: try HubKeys.load(from: world.folder.path + "/keys"))
    }
    _ = try await world.hub.revoke(try thief.identity)
    let own = try await presentID(world)
    try await answer(a, "1")
    _ = try await world.sync(a)
    #expect(try await presentID(world) == own)
    #expect(try a.secrets().unitKeyID == own)
    #expect(try await received(world) == 1)
  }

  /// Its successor shows a certificate to a hub that was restored to before the succession, and where the old identity is revoked.
  @Test(.long) func aForgottenSuccessorOfARevokedIdentityIsRevoked() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let first = try a.identity
    try await a.insert("n", "1")
    try await world.sync(a)
    let twin = try await world.copy(a, to: "twin")
    let backup = try await world.hub.backUp(to: world.file("backup"))
    try await a.insert("m", "1")
    try await twin.insert("t", "1")
    try await world.sync(a)
    try await world.sync(twin)
    try await world.reopenHub { path in
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
      try Hub.restore(backup.path, to: path, keys: try HubKeys.load(from: world.folder.path + "/keys"))
    }
    #expect(try await world.hub.revoke(first) == [first])
    #expect(await #expect(throws: SyncError.self) { try await world.sync(twin) }?.code == .revoked)
    #expect(try twin.secrets().unitKeyID == .first)
  }

  @Test func atEnrolmentTheKeyIsEncryptedToTheDevice() async throws {
    let world = try await World()
    let listening = Listening(world.transport)
    let a = try world.replica("a")
    try await a.enroll(
      code: try await world.hub.makeCode(scope: Self.scope, readScopes: ["24", Self.scope]), label: "a", through: listening)
    let key = try #require(try a.secrets().unitKey)
    #expect(key == world.hub.keys.unitKey(scope: Self.scope) && !listening.hears(key))
    // A program that does not know how gets it as before.
    let code = try await world.hub.makeCode(scope: Self.scope, readScopes: ["24", Self.scope])
    let old = SigningKey()
    var request = WireEnrolRequest()
    (request.code, request.publicKey, request.proof) = (code, old.publicKey, try old.sign(Data(code.utf8), as: .enrol))
    let response = try WireEnrolResponse(serializedBytes: try await world.hub.enroll(try request.serializedData()))
    #expect(response.unitKey == key && !response.hasSealedUnitKey)
    // Somebody on the way puts his own key in the device's place.
    request.sealKey = try BundleKey.devicePublic(SigningKey())
    request.sealProof = try SigningKey().sign(request.sealKey, as: .seal)
    let swapped = try request.serializedData()
    await #expect(throws: SyncError.self) { _ = try await world.hub.enroll(swapped) }
  }

  @Test func namesThatThisHubDidNotMakeChangeNothing() async throws {
    let world = try await World()
    let keys = world.hub.keys
    let a = try await world.device("a")
    let device = try #require(try await world.hub.device(a.identity))
    let sealTo = try BundleKey.devicePublic(try a.secrets().signingKey)
    let other = keys.makeUnitKeyID(scope: "07204", epoch: 9)
    var forged = keys.makeUnitKeyID(scope: Self.scope, epoch: 1).bytes
    forged[3] = 9
    for name in [other.bytes, forged] {
      let sealed = try #require(try await world.hub.unitKey(for: device, holding: name, sealedTo: sealTo))
      #expect(sealed.id.isEmpty)
      #expect(try await presentID(world) == .first)
    }
    await #expect(throws: SyncError.self) { _ = try await world.hub.unitKey(for: device, holding: Data(count: 5), sealedTo: sealTo) }
    await #expect(throws: SyncError.self) {
      _ = try await world.hub.unitKey(for: device, holding: Data(count: 28), sealedTo: Data(count: 3))
    }
  }

  @Test(.long) func aStoreInWhichAnEarlierProgramRevokedBeginsAKeyWhenItIsOpened() async throws {
    let world = try await World()
    let (a, thief) = (try await world.device("a"), try await world.device("thief"))
    _ = try await world.hub.revoke(try thief.identity)
    try await world.hub.store.write { try $0.execute("DROP TABLE hub_unit_key") }
    try await world.reopenHub { _ in }
    let id = try await presentID(world)
    #expect(id.epoch == 1)
    try await world.reopenHub { _ in }
    #expect(try await presentID(world) == id, "once")
    try await answer(thief, "t")
    await #expect(throws: SyncError.self) { try await drop(try await packets(thief), in: world) }
    try await answer(a, "1")
    _ = try await world.sync(a)
    #expect(try await received(world) == 1)
  }
}
