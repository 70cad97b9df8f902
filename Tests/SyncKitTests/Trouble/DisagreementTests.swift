import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A device that holds other data than its hub says so, and is asked for what stands there (docs/adr/0028).
@Suite struct DisagreementTests {
  let world: World
  let a: Replica
  let b: Replica

  init() async throws {
    world = try await World()
    (a, b) = (try await world.device("a"), try await world.device("b"))
  }

  private func backUp() async throws { _ = try await world.hub.backUp(to: world.folder.path + "/backup-\(UUID().uuidString)") }

  /// A colleague writes, devices let go of it, an old copy is put back, and the colleague is gone.
  private func loseTheAuthor() async throws {
    try await b.execute("INSERT INTO note (id, unit, a) VALUES ('own', '07201', 1)")
    try await world.settle([a, b])
    try await world.imageHub("first")
    world.clock.advance(1000)
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('post', '07201', 'rain')")
    try await a.execute("UPDATE note SET b = 'seen' WHERE id = 'own'")
    try await world.settle([a, b])
    for _ in 0..<2 { try await backUp() }
    try await world.settle([a, b])
    try await world.restoreHub("first")
    try await world.settle([b])
  }

  @Test(.long) func aColleaguesRowsComeBackByFilesAlone() async throws {
    try await loseTheAuthor()
    let before = try await b.notes()
    #expect(try await b.status().agreement == .differs(tables: ["note"]))
    // A stick that was written earlier and comes later says nothing of how things stand.
    let old = try await b.exportBundle(to: world.file("old.skb"))
    #expect(try await world.hub.disagreements().map(\.replica) == [b.identity.description])
    try await world.hub.store.write { try $0.execute("DELETE FROM hub_different") }
    world.clock.advance(1000)
    _ = try await world.journey(b)
    #expect(try await world.hub.disagreements().map(\.scope) == ["07201"])
    try await world.hub.store.write { try $0.execute("DELETE FROM hub_different") }
    _ = try await world.hubImports(old.paths, return: "old-return.skb")
    #expect(try await world.hub.disagreements().isEmpty)
    _ = try await world.journey(b)
    #expect(try await world.hub.askForRecovery().count == 1)
    // One journey brings the request, one what was asked for, one the feed that proves it, and one the word that all is equal.
    for _ in 0..<4 { _ = try await world.journey(b) }
    #expect(try await world.hubNotes() == before)
    #expect(try await b.status().agreement == .proved)
    #expect(try await world.hub.disagreements().isEmpty)
  }

  @Test(.long) func aColleaguesRowsComeBackAtOneCommand() async throws {
    try await loseTheAuthor()
    let before = try await b.notes()
    #expect(try await world.hubNotes() == ["own 1 - none"])
    #expect(try await b.status().agreement == .differs(tables: ["note"]))
    let said = try #require(try await world.hub.disagreements().first)
    #expect(try said.replica == b.identity.description && said.scope == "07201" && said.tables == ["note"] && !said.isAsked)
    #expect(said.explanation.en.contains("DIFFERENT") && said.explanation.vi.contains("KHÁC NHAU"))
    let asked = try await world.hub.askForRecovery()
    #expect(asked.map(\.replica) == [said.replica])
    #expect(try await world.hub.disagreements().map(\.isAsked) == [true])
    let c = try await world.device("c")
    try await world.settle([b, c])
    #expect(try await world.hubNotes() == before)
    #expect(try await c.notes() == before)
    try await world.expectConverged([b, c])
    for device in [b, c] {
      let status = try await device.status()
      #expect(status.agreement == .proved && status.addsUp)
    }
    #expect(try await world.hub.disagreements().isEmpty)
    #expect(try await world.hubConflicts() == [])
    await #expect(throws: SyncError.self, "nothing to mend") { _ = try await world.hub.askForRecovery() }
  }

  /// What was written since stands; what the author still had to send comes.
  @Test(.long) func anAuthorWhoReturnsLaterChangesNothing() async throws {
    try await loseTheAuthor()
    _ = try await world.hub.askForRecovery(of: try b.identity)
    try await world.settle([b])
    try await b.execute("UPDATE note SET a = 'sun' WHERE id = 'post'")
    try await world.settle([b])
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('late', '07201', 2)")
    for _ in 0..<2 { try await world.settle([a, b]) }
    #expect(try await world.hubNotes() == ["late 2 - none", "own 1 seen none", "post sun - none"])
    try await world.expectConverged([a, b])
    // The hub cannot know that whoever wrote later had seen it, and in doubt keeps what does not stand.
    #expect(try await world.hubConflicts() == ["post a rain sun"])
  }

  /// Also what only the hub writes, and in a scope that the device does not write.
  @Test(.long) func rowsAndConflictsOfTheHubComeBack() async throws {
    try await world.settle([a, b])
    try await world.imageHub("first")
    try await world.hub.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('notice', '24', 'all')") }
    try await a.execute("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 1)")
    try await world.settle([a, b])
    try await a.execute("UPDATE note SET a = 2 WHERE id = 'n'")
    world.clock.advance(1000)
    try await b.execute("UPDATE note SET a = 3 WHERE id = 'n'")
    try await world.settle([a, b])
    #expect(try await world.hubConflicts() == ["n a 2 3"])
    for _ in 0..<2 { try await backUp() }
    try await world.settle([a, b])
    try await world.restoreHub("first")
    try await world.settle([b])
    // The unit's own work is there, and its conflicts, for which the hub asks by itself.
    #expect(try await world.hub.disagreements().map(\.scope) == ["24"])
    #expect(try await world.hubConflicts() == ["n a 2 3"])
    _ = try await world.hub.askForRecovery()
    let c = try await world.device("c")
    try await world.settle([b, c])
    let (notes, held) = (try await world.hubNotes(), try await world.hub.heldUnits().map { "\($0.reason) \($0.detail)" })
    #expect(held == [])
    #expect(notes == ["n 3 - none", "notice all - none"])
    #expect(try await world.hubConflicts() == ["n a 2 3"])
    try await world.expectConverged([b, c])
    #expect(try await c.status().agreement == .proved)
  }

  /// Nobody but this hub asks: without its word a device writes its own unit and nothing else.
  @Test(.long, arguments: ["none", "stranger", "other device", "other table"]) func onlyASignedRequestMakesItAcceptable(_ word: String)
    async throws
  {
    try await world.settle([a, b])
    let hub = try HubKeys.load(from: world.folder.path + "/keys").signing
    var ask = WireRecoveryAsk()
    (ask.hub, ask.replica, ask.scope, ask.tables) = (hub.replica.bytes, try a.identity.bytes, "24", ["note"])
    if word == "other device" { ask.replica = try b.identity.bytes }
    if word == "other table" { ask.tables = ["answer"] }
    let signer = word == "stranger" ? SigningKey() : hub
    var content = BatchContent(
      replica: try a.identity, scope: "24", number: 1, previous: Data(), cursor: Data(),
      units: [
        ChangeUnit(
          stamp: HybridTimestamp(rawValue: world.clock.nowMs() << 16),
          changes: [
            RowChange(table: "note", key: .text("x"), life: 1, cells: [CellChange("unit", .text("24")), CellChange("a", .integer(1))])
          ])
      ])
    content.recovery = BatchRecovery(asked: word == "none" ? nil : try signer.sealed(try ask.serializedData(), as: .recovery))
    let batch = try BatchCodec.seal(content, with: try a.secrets().signingKey)
    let error = await #expect(throws: SyncError.self) { _ = try await world.hub.ingest(batch) }
    #expect(error?.code == .wrongScope)
    #expect(try await world.hubNotes().isEmpty)
  }

  /// What is said is bounded, and of scopes that the device reads.
  @Test func aReportIsBoundedAndOfOnesOwnScopes() async throws {
    try await world.settle([a])
    let device = try #require(try await world.hub.devices().first { $0.label == "a" })
    var report = WireAgreementReport()
    var digest = WireDigest()
    (digest.scope, digest.table, digest.sum) = ("07202", "note", Data(count: 16))
    report.different = [digest]
    await #expect(throws: SyncError.self) { _ = try await world.hub.takeAgreement(try report.serializedData(), from: device) }
    digest.scope = "07201"
    report.different = Array(repeating: digest, count: WireLimits.digestsMax + 1)
    await #expect(throws: SyncError.self) { _ = try await world.hub.takeAgreement(try report.serializedData(), from: device) }
    report.different = [digest]
    _ = try await world.hub.takeAgreement(try report.serializedData(), from: device)
    #expect(try await world.hub.disagreements().count == 1)
    _ = try await world.hub.takeAgreement(Data(), from: device)
    #expect(try await world.hub.disagreements().isEmpty)
  }
}
