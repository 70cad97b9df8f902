import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// What operators did is kept with what it changed.
@Suite struct OperatorActTests {
  private static func act(_ kind: String, _ subject: String = "", look: ActLook.Look? = nil) throws -> IntendedAct {
    try IntendedAct(kind, subject: subject, by: "province", reason: "because", look: look)
  }

  @Test func anActIsNotedWithWhatStoodBeforeAndAfter() async throws {
    let world = try await HubWorld()
    _ = try await world.device("a", unit: "07201")
    let replica = try #require(try await world.survey.hub.devices().first?.replica)
    let hub = world.survey.hub
    let act = try Self.act("devices revoke", replica.description, look: ActLook.devices)
    _ = try await hub.acting(act) { try await hub.revoke(replica) }
    let noted = try #require(try await hub.acts().first)
    #expect(noted.kind == "devices revoke" && noted.by == "province" && noted.reason == "because" && noted.subject == replica.description)
    #expect(noted.atMs >= HubWorld.morningMs)
    #expect(noted.before?.contains(#""in use":"1""#) == true && noted.after?.contains(#""in use":"0""#) == true)
    // Nothing happened, nothing is noted.
    _ = try await hub.acting(act) { try await hub.revoke(replica) }
    #expect(try await hub.acts().count == 1)
    #expect(try await hub.acts(about: "someone else").isEmpty)
    #expect(try await hub.acts(about: replica.description).count == 1)
  }

  @Test func anActThatFailsLeavesNoNote() async throws {
    let world = try await HubWorld()
    let hub = world.survey.hub
    let stranger = SigningKey().replica
    for look in [nil, ActLook.decisions] {
      await #expect(throws: SyncError.self) {
        try await hub.acting(try Self.act("devices decide take", look: look)) {
          try await hub.decideLate(stranger, .take, by: "province", reason: "because")
        }
      }
    }
    await #expect(throws: SyncError.self) {
      try await hub.acting(try Self.act("held decide take", "07201", look: ActLook.decisions)) {
        try await hub.decideLatePackets(of: "07201", .take, by: "province", reason: "because")
      }
    }
    #expect(try await hub.acts().isEmpty)
    // What others write meanwhile is not the operator's.
    _ = try await world.device("a", unit: "07201")
    #expect(try await hub.acts().isEmpty)
  }

  @Test func anActOfSeveralTransactionsIsListedOnce() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 0..<18)
    let hub = world.survey.hub
    _ = try await hub.acting(try Self.act("close", "pks01", look: ActLook.forms)) {
      try await world.survey.move(form: "pks01", to: .closed)
    }
    let acts = try await hub.acts()
    #expect(acts.count == 1)
    #expect(acts[0].before?.contains(#""pks01@2024032601":"open""#) == true)
    #expect(acts[0].after?.contains(#""pks01@2024032601":"closed""#) == true && acts[0].after?.contains(#""results of pks01":"1""#) == true)
    #expect(Int(try await world.rows("SELECT count(*) FROM operator_act")[0]) ?? 0 > 1)
  }

  @Test func loadingACampaignIsAnActWhateverItChanges() async throws {
    let world = try await HubWorld()
    let hub = world.survey.hub
    var edited = try HubWorld.campaignFolder()
    var units = edited.tree.units
    units[units.count - 1].name += " mới"
    edited.tree = try UnitTree(units: units)
    let folder = edited
    for _ in 0..<2 {
      _ = try await hub.acting(try Self.act("campaign load", look: ActLook.campaigns)) { try await world.survey.load(folder) }
    }
    #expect(try await hub.acts().count == 1)
  }

  @Test func notesAreOnlyAddedAndTravelInBackups() async throws {
    let world = try await HubWorld()
    let hub = world.survey.hub
    try await hub.note(try Self.act("clock --confirm"))
    for sql in ["UPDATE operator_act SET who = 'nobody'", "DELETE FROM operator_act"] {
      await #expect(throws: (any Error).self) { try await hub.store.write { try $0.execute(sql, []) } }
    }
    let backup = world.folder.path + "/b.sqlite"
    _ = try await hub.acting(try Self.act("backup")) { try await hub.backUp(to: backup) }
    #expect(try await hub.acts().map(\.kind) == ["backup", "clock --confirm"])
    let restored = world.folder.path + "/restored"
    try FileManager.default.createDirectory(atPath: restored, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: world.folder.path + "/hub/keys", toPath: restored + "/keys")
    #expect(try SurveyHub.restore(backup, at: restored, act: try Self.act("restore", backup)))
    let again = try await SurveyHub.open(at: restored, clock: world.clock)
    // A backup is noted once it is whole, so that it does not hold its own note.
    #expect(try await again.hub.acts().map(\.kind) == ["restore", "clock --confirm"])
    try again.close()
    #expect(throws: SyncError.self) { try IntendedAct("x", by: " ") }
  }

  // MARK: Codes

  @Test func codesAreListedExpireAndAreCancelled() async throws {
    let world = try await HubWorld()
    let hub = world.survey.hub
    let scopes = try await world.survey.requirePlan().readScopes(of: "07201")
    let codes = try await hub.makeCodes([("07201", scopes), ("07204", scopes), ("07201", scopes)])
    let listed = try await hub.codes()
    #expect(listed.map(\.unit) == ["07201", "07201", "07204"] && listed.allSatisfy { $0.isOpen && $0.id.count == 8 })
    let field = try SurveyField.open(at: world.folder.path + "/a.sqlite", clock: world.clock, create: true)
    try await field.enroll(code: codes[0], label: "a", through: world.transport)
    #expect(try await hub.unusedCodes() == 2)
    #expect(try await hub.codes(onlyOpen: true).count == 2)
    func refused(_ code: String) async throws -> String? {
      let field = try SurveyField.open(at: world.folder.path + "/\(UUID().uuidString).sqlite", clock: world.clock, create: true)
      do { try await field.enroll(code: code, label: "b", through: world.transport) } catch let error as SyncError {
        return error.explanation.en
      }
      return nil
    }
    let second = try #require(try await hub.codes(unit: "07204").first)
    #expect(try await hub.endCodes(units: [], ids: [second.id]) == 1)
    #expect(try await refused(codes[1])?.contains("cancelled") == true)
    #expect(try await hub.endCodes(units: ["07201"], ids: [], endsMs: world.clock.nowMs() + 1000) == 1)
    #expect(try await hub.unusedCodes() == 1)
    world.clock.advance(1000)
    #expect(try await refused(codes[2])?.contains("expired") == true)
    #expect(try await hub.unusedCodes() == 0)
    await #expect(throws: SyncError.self) { try await hub.endCodes(units: ["07201"], ids: []) }
    await #expect(throws: SyncError.self) { try await hub.endCodes(units: [], ids: ["00000000"]) }
    // The device that used a code asks again, as when the answer was lost: it keeps its enrolment.
    #expect(try await hub.codes().count { $0.replica != nil } == 1)
  }
}
