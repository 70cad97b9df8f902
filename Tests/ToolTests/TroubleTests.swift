import Foundation
import TestSupport
import Testing

/// What goes wrong in the field, end to end: each side says in one sentence what it noticed and did.
@Suite(.serialized, .sumsAddUp) struct TroubleTests {
  @Test(.long) func aCopiedDeviceGoesOnUnderANewIdentity() async throws {
    let world = try await TroubleWorld()
    let a = try await world.device("a")
    try await a.report(guided: 10)
    _ = try await a.sync()
    let copy = try world.copy(a, to: "copy")
    try await a.report(guided: 11)
    _ = try await a.sync()
    try await copy.report(guided: 12)
    let noticed = try await copy.sync()
    #expect(noticed.sentences.count { $0.contains("copied, or restored from an old copy") && $0.contains("nothing is lost") } == 1)
    #expect(noticed.output.hasPrefix("Sent 2 (0 answers, 2 changes)"))
    #expect(try await copy.sync().errors.isEmpty)
    _ = try await a.sync()
    #expect(try await [a.guided(), copy.guided()] == [12, 12])
    // Both wrote, neither saw the other: the value that lost is kept.
    for device in [a, copy] { #expect(try await device.run("status").output.contains("Open conflicts: 1")) }
    #expect(try await copy.run("status").output.contains("took the new identity"))
    #expect(try await !a.run("status").output.contains("took the new identity"))
    let listed = try await world.hub("devices", "list").output
    #expect(listed.contains("succeeded by") && listed.contains("succeeds"))
    #expect(try await world.hub("status").status == 0)
  }

  @Test(.long) func aDeviceRestoredFromAnOldCopyLearnsAgainWhatItForgot() async throws {
    let world = try await TroubleWorld()
    let a = try await world.device("a")
    try await a.report(guided: 10)
    _ = try await a.sync()
    let old = try world.copy(a, to: "old")
    try await a.report(guided: 20)
    _ = try await a.sync()
    // The machine is gone; its backup of yesterday is put on another.
    #expect(try await old.guided() == 10)
    let noticed = try await old.run("sync", "--lang", "vi")
    #expect(noticed.status == 0 && noticed.errors.contains("khôi phục từ bản cũ"))
    #expect(try await old.guided() == 20)
    try await old.report(guided: 30)
    #expect(try await old.sync().errors.isEmpty)
    #expect(try await old.run("status").output.contains("Open conflicts: 0"))
  }

  /// The empty decision of an operator let a revoked phone's later bundles in for good; and it went on voting.
  @Test(.long) func aRevokedPhonesLaterWorkAndAnswersWait() async throws {
    let world = try await TroubleWorld()
    let (a, thief) = (try await world.device("a"), try await world.device("thief"))
    try await thief.report(guided: 1)
    for device in [thief, a] { _ = try await device.sync() }
    let listed = try await world.hub("devices", "list", "--json").output
    let devices = try #require(try JSONSerialization.jsonObject(with: Data(listed.utf8)) as? [[String: Any]])
    let id = try #require(devices.first { $0["label"] as? String == "thief" }?["replica"] as? String)
    #expect(try await world.hub("devices", "revoke", id, "--reason", "lost").status == 0)
    #expect(try await world.hub("devices", "decide", id, "take", "--by", "", "--reason", "").status != 0)
    let early = try await world.hub("devices", "decide", id, "take", "--by", "province", "--reason", "known")
    #expect(early.status == 1 && early.errors.contains("waits for a decision"), "\(early.errors)")
    try await thief.report(guided: 9)
    let sheet = world.folder.path + "/answers.csv"
    try FieldToolWorld.answersCSV(6).write(toFile: sheet, atomically: true, encoding: .utf8)
    #expect(try await thief.run("import", sheet).status == 0)
    let bundle = world.folder.path + "/x.skb"
    #expect(try await thief.run("export", bundle).status == 0)
    let imported = try await world.hub("import", bundle)
    #expect(imported.output.contains("6 answers bear an earlier key"), "\(imported.output)\(imported.errors)")
    _ = try await a.sync()
    #expect(try await a.guided() == 1)
    var status = try await world.hub("status")
    #expect(status.output.contains("6 under an earlier key + 0 declined") && status.output.contains("the sums agree"), "\(status.output)")
    #expect(try await world.hub("held", "list").output.contains("hub held decide 07201"))
    #expect(try await world.hub("held", "packets", "--json").output.contains("\"undecided\" : 6"))
    #expect(try await world.hub("held", "decide", "07201", "take", "--by", " ", "--reason", "x").status != 0)
    let declined = try await world.hub("held", "decide", "07201", "decline", "--by", "province", "--reason", "stolen")
    #expect(declined.status == 0 && declined.output.contains("Declined 6"), "\(declined.errors)")
    status = try await world.hub("status")
    #expect(status.output.contains("0 under an earlier key + 6 declined") && status.output.contains("the sums agree"), "\(status.output)")
    // A colleague's answers arrive under the new key.
    #expect(try await a.run("import", sheet).status == 0)
    #expect(try await a.sync().output.contains("6 answers"))
  }

  @Test(.long) func aHubRestoredFromYesterdaysBackupIsRefilled() async throws {
    let world = try await TroubleWorld()
    let a = try await world.device("a")
    try await a.report(guided: 10)
    _ = try await a.sync()
    // While it serves.
    let backup = world.folder.path + "/yesterday.sqlite"
    let made = try await world.hub("backup", backup, "--lang", "vi")
    #expect(made.status == 0 && made.output.contains("không nằm trong đó"), "\(made.errors)")
    #expect(try await world.hub("backup", backup).status == 1)
    let b = try await world.device("b")
    _ = try await b.sync()
    #expect(try await b.guided() == 10)
    try await b.report(guided: 20)
    _ = try await b.sync()
    _ = try await a.sync()
    await world.kill()

    let new = world.folder.path + "/new"
    #expect(try await HubTool.run(["restore", backup, "--dir", world.dir, "--reason", "trial"]).status == 1)
    let restored = try await HubTool.run(["restore", backup, "--dir", new, "--reason", "trial"])
    #expect(restored.status == 0 && restored.output.contains("keys are missing"), "\(restored.errors)")
    #expect(try await HubTool.run(["status", "--dir", new]).status == 1)
    try FileManager.default.copyItem(atPath: world.dir + "/keys", toPath: new + "/keys")
    try await world.serve(from: new)
    for device in [a, b] {
      let noticed = try await device.sync()
      #expect(noticed.sentences.count { $0.contains("restored to an older copy") && $0.contains("nothing is lost") } == 1)
      #expect(try await device.sync().errors.isEmpty)
    }
    #expect(try await [a.guided(), b.guided()] == [20, 20])
    for device in [a, b] {
      let status = try await device.run("status").output
      #expect(status.contains("proved equal") && status.contains("Open conflicts: 0"))
    }
    let status = try await world.hub("status")
    #expect(status.status == 0)
    #expect(
      status.output.contains("restored from a backup") && status.output.contains(" 0 are still missing, 1 devices were learned again"))
    #expect(try await world.hub("devices", "list").output.contains("to be confirmed"))
    #expect(try await world.hub("devices", "confirm").status == 0)
    #expect(try await !world.hub("devices", "list").output.contains("to be confirmed"))
    #expect(try await world.hub("status").output.contains("revocations were checked"))
  }

  @Test func onlyAWholeBackupIsRestored() async throws {
    let world = try await TroubleWorld()
    let folder = world.folder.path
    let made = try await world.hub("backup", folder, "--json")
    let object = try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any]
    let path = try #require(object?["path"] as? String)
    #expect(path.hasPrefix(folder + "/hub-2") && object?["isDeclared"] as? Bool == true)
    try Data((FileManager.default.contents(atPath: path) ?? Data()).prefix(20_000)).write(to: URL(fileURLWithPath: folder + "/cut"))
    for file in ["cut", "none"] {
      let refused = try await HubTool.run(["restore", folder + "/" + file, "--dir", folder + "/new", "--reason", "trial"])
      #expect(refused.status == 1 && refused.sentences.count == 1, "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/new/hub.sqlite"))
    }
  }
}
