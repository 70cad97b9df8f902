import Foundation
import SurveyKit
import TestSupport
import Testing

/// A device that lost its key file, or was revoked by mistake, as its people and the operator meet it.
@Suite struct RescueToolTests {
  private func objects(_ ended: Tool.Ended) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [[String: Any]], "\(ended.errors)")
  }

  private func words(_ world: TroubleWorld) async throws -> [String] {
    try objects(try await world.hub("posts", "--json")).compactMap { $0["words"] as? String }.sorted()
  }

  /// The devices' identities, those in use.
  private func inUse(_ world: TroubleWorld) async throws -> [String] {
    try objects(try await world.hub("devices", "list", "--json")).filter { $0["revokedMs"] == nil }.compactMap { $0["replica"] as? String }
  }

  @Test(.long) func aLostKeyFileIsReplacedByACodeOnTheStoreAsItIs() async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("a")
    #expect(try await device.run("post", "precious").status == 0)
    try FileManager.default.removeItem(atPath: device.store + ".key")
    let status = try await device.run("status")
    #expect(status.status == 0 && status.errors.contains("is missing") && status.errors.contains("hub enroll … --replaces …"))
    let examined = try await device.run("doctor")
    #expect(examined.status == 1 && (examined.output + examined.errors).contains("The key file is missing"))
    for command in ["sync", "export"] {
      let ended = command == "sync" ? try await device.run(command) : try await device.run(command, world.folder.path + "/x.skb")
      #expect(ended.status == 1 && ended.errors.contains("is missing"), "\(command): \(ended.errors)")
    }
    let id = try #require(try await inUse(world).first)
    // A code for a new device is not spent on it, and the answer names what to ask for.
    let plain = try #require(try objects(try await world.hub("enroll", "07201", "--json")).first?["code"] as? String)
    let refused = try await device.run("enroll", plain)
    #expect(refused.status == 1 && refused.errors.contains("hub enroll 07201 --replaces \(id.prefix(8))"), "\(refused.errors)")
    let wrongUnit = try await world.hub("enroll", "07204", "--replaces", String(id.prefix(8)), "--reason", "x")
    #expect(wrongUnit.status == 1 && wrongUnit.errors.contains("of unit 07201"), "\(wrongUnit.errors)")
    #expect(try await world.hub("enroll", "07201", "--replaces", String(id.prefix(8))).status == 64, "a reason is needed")
    let made = try await world.hub("enroll", "07201", "--replaces", String(id.prefix(8)), "--reason", "phone backup", "--json")
    let code = try #require(try objects(made).first?["code"] as? String)
    let foreign = try await FieldDevice(store: world.folder.path + "/new.sqlite").run(
      "enroll", code, "--hub", "http://127.0.0.1:\(world.server.hubPort)")
    #expect(foreign.status == 1 && foreign.errors.contains("use an ordinary code"), "\(foreign.errors)")
    // The store knows where its hub is.
    let enrolled = try await device.run("enroll", code)
    #expect(enrolled.status == 0, "\(enrolled.errors)")
    #expect(try await words(world) == ["precious"])
    #expect(try await inUse(world).count == 1)
    let after = try await device.run("status")
    #expect(after.status == 0 && after.errors.isEmpty && after.output.contains("in place of \(id.prefix(8))"), "\(after.output)")
    #expect(try await world.hub("verify").status == 0)
    let acts = try await world.hub("acts")
    #expect(acts.output.contains("devices replace") && acts.output.contains("phone backup"), "\(acts.output)")
  }

  @Test(.long) func aRevocationByMistakeIsTakenBackAndSaysFirstWhatFollows() async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("a")
    let id = try #require(try await inUse(world).first)
    #expect(try await device.run("post", "precious").status == 0)
    #expect(try await world.hub("devices", "restore", id, "--reason", "x").status == 1, "it is not revoked")
    let revoked = try await world.hub("devices", "revoke", id, "--reason", "stolen")
    #expect(revoked.output.contains("hub devices restore \(id.prefix(8))"), "\(revoked.output)")
    #expect(try await device.run("sync").status == 1)
    let plain = try await device.run("sync", "--hub", "https://127.0.0.1:\(world.server.hubPort)", "--deadline", "3")
    #expect(plain.status == 75 && plain.errors.contains("may not speak https"), "\(plain.errors)")
    #expect(try await device.run("export", world.folder.path + "/late.skb").status == 0)
    #expect(try await world.hub("import", world.folder.path + "/late.skb").status == 0)
    #expect(try await words(world).isEmpty)
    #expect(try await world.hub("devices", "restore", id).status == 64, "a reason is needed")
    let trial = try await world.hub("devices", "restore", id, "--dry-run")
    #expect(trial.status == 0 && trial.output.contains("cannot be undone: 1 batches"), "\(trial.output)")
    #expect(try await inUse(world).isEmpty)
    let restored = try await world.hub("devices", "restore", id, "--reason", "the other tablet was meant")
    #expect(restored.status == 0 && restored.output.contains("merged 1 batches"), "\(restored.output) \(restored.errors)")
    #expect(try await words(world) == ["precious"])
    _ = try await device.sync()
    #expect(try await words(world) == ["precious"])
    #expect(try await inUse(world) == [id])
    #expect(try await world.hub("verify").status == 0)
    let acts = try await world.hub("acts", "--limit", "1")
    #expect(acts.output.contains("devices restore") && acts.output.contains("the other tablet was meant"), "\(acts.output)")
  }
}
