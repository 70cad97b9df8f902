import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

/// Whatever `field` is given or meets: one clear sentence, the right exit code, nothing lost.
@Suite(.serialized, .sumsAddUp) struct FieldBadInputTests {
  private func folder() throws -> (folder: TemporaryFolder, field: ToolProcess) {
    let folder = try TemporaryFolder()
    return (folder, ToolProcess(name: "field", folder: folder.path))
  }

  /// One sentence on standard error, none of it a stack or a type's name.
  private func expectOneSentence(_ ended: ToolProcess.Ended, code: Int32, _ words: String) {
    #expect(ended.code == code, "\(ended.code): \(ended.out)\(ended.err)")
    #expect(ended.err.split(separator: "\n").count == 1, "\(ended.err)")
    #expect(ended.err.contains(words), "\(ended.err)")
    for word in ["Error(", "SyncError", "Optional", "Fatal"] { #expect(!ended.err.contains(word), "\(ended.err)") }
  }

  @Test func nothingEnrolledYetInBothLanguages() async throws {
    var (folder, field) = try folder()
    let english = try await field.run()
    #expect(english.code == 0)
    #expect(english.out.hasPrefix("This device is not enrolled") && english.out.split(separator: "\n").count == 3)
    for command in ["forms", "list", "status", "sync"] {
      expectOneSentence(try await field.run(command), code: 1, "There is no database at field.sqlite; enrol first")
    }
    expectOneSentence(try await field.run("show", "2024-04-01"), code: 1, "enrol first")
    expectOneSentence(try await field.run("report", "--example"), code: 1, "enrol first")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    field.environment = ["LANG": "vi_VN.UTF-8"]
    #expect(try await field.run().out.hasPrefix("Thiết bị chưa ghi danh"))
    expectOneSentence(try await field.run("status"), code: 1, "Không có cơ sở dữ liệu")
    field.environment = ["LANG": "vi_VN.UTF-8", "LC_ALL": "en_US.UTF-8"]
    #expect(try await field.run().out.hasPrefix("This device"))
  }

  @Test func storeIsNamedByOptionOrEnvironment() async throws {
    var (folder, field) = try folder()
    field.environment = ["SYNCKIT_FIELD": "other.sqlite"]
    expectOneSentence(try await field.run("status"), code: 1, "other.sqlite")
    expectOneSentence(try await field.run("status", "--store", "third.sqlite"), code: 1, "third.sqlite")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func enrolledWithoutAStoreThatIsThere() async throws {
    let (folder, field) = try folder()
    _ = try await field.run("enroll", "K7MP3QXD9R", "--hub", "http://127.0.0.1:1")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/field.sqlite"))
    expectOneSentence(try await field.run("status"), code: 1, "not enrolled")
    expectOneSentence(try await field.run("import", "x.csv"), code: 1, "not enrolled")
    expectOneSentence(try await field.run("sync"), code: 1, "not enrolled")
  }

  @Test(.long) func refusedPortIsUnreachableAndMayBeTriedAgain() async throws {
    let world = try await FieldToolWorld()
    let code = try await world.code()
    expectOneSentence(try await world.field.run("enroll", code, "--hub", "http://127.0.0.1:1"), code: 75, "Cannot reach the hub")
    let enrolled = try await world.field.run("enroll", code, "--hub", world.server.address)
    #expect(enrolled.code == 0, "\(enrolled.err)")
    let synced = try await world.field.run("sync", "--hub", "http://127.0.0.1:1", "--deadline", "3")
    #expect(synced.code == 75, "\(synced.err)")
    #expect(synced.err.contains("Cannot reach"), "\(synced.err)")
    #expect(try await world.field.run("sync").code == 0)
  }

  /// What answers instead of the hub, or in front of it, is told for what it is, also once the time is over.
  @Test(.long) func theCauseIsNamedWhateverAnswers() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    for (status, says, code) in [
      (413, "even the smallest piece", 1), (503, "status 503", 75), (401, "does not let calls in (status 401)", 1),
      (403, "does not let calls in (status 403)", 1), (407, "wants a login", 1),
    ] {
      let proxy = try TinyServer { _ in HubResponse(status: status, headers: ["content-type": "text/html"]) }
      let synced = try await field.run("sync", "--hub", proxy.address, "--deadline", "3")
      #expect(synced.code == Int32(code) && synced.err.contains(says), "\(status): \(synced.code) \(synced.err)")
      proxy.stop()
    }
    expectOneSentence(try await field.run("sync", "--hub", world.server.address + "/v1"), code: 1, "without /v1")
  }

  @Test func badJSONIsNamedWithItsFileAndLine() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write("{\"guided\": 1,\n \"answered\" 3}", to: "bad.json")
    expectOneSentence(try await field.run("report", "--from", "bad.json"), code: 1, "bad.json, line 2: this is not valid JSON")
  }

  @Test func anEnrolmentThatCannotBeSaysWhy() async throws {
    let (folder, field) = try folder()
    let long = try await field.run("enroll", "K7MP3QXD9R", "--hub", "http://127.0.0.1:1", "--label", String(repeating: "ễ", count: 43))
    #expect(long.code == 64 && long.err.contains("--label is longer than 128 bytes"), "\(long.err)")
    let asked = try await field.run("enroll", "K7MP3QXD9R", "--request", "request.skb")
    #expect(asked.code == 0, "\(asked.err)")
    for command in [["status"], ["sync"], ["report", "--example"], ["import", "x.csv"]] {
      expectOneSentence(try await field.run(command), code: 1, "import it with field import-bundle")
    }
    #expect(try await field.run().out.contains("field import-bundle"))
    let wrong = try await field.run("enroll", "--file", "request.skb", "--store", "other.sqlite")
    expectOneSentence(wrong, code: 1, "request.skb is a bundle, no enrolment file")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/other.sqlite"))
  }

  @Test(arguments: ["nonsense", "ftp://10.0.0.5", "http://", "file:///etc/passwd"])
  func addressThatIsNone(_ address: String) async throws {
    let (folder, field) = try folder()
    expectOneSentence(try await field.run("enroll", "K7MP3QXD9R", "--hub", address), code: 1, "is not a hub address")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test(.long) func captivePortalIsNamedAsTheCause() async throws {
    let world = try await FieldToolWorld()
    let portal = try TinyServer.captivePortal()
    defer { portal.stop() }
    expectOneSentence(
      try await world.field.run("enroll", "K7MP3QXD9R", "--hub", portal.address), code: 75, "A web page answered instead of the hub")
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(5), to: "answers.csv")
    _ = try await field.run("import", "answers.csv")
    var ended = try await field.run("sync", "--hub", portal.address)
    // Begins with how far the exchange is where the machine is slow.
    ended.err.replace(/^Sync: .*\n/.anchorsMatchLineEndings(), with: "")
    expectOneSentence(ended, code: 75, "the Wi-Fi may want a login")
    #expect(try await field.run("status").out.contains("5 collected = 5 waiting"))
    #expect(try await field.run("sync").code == 0)
  }

  @Test(.long) func wrongOrUsedCodeIsRefusedAndTheRightOneStillWorks() async throws {
    let world = try await FieldToolWorld()
    expectOneSentence(try await world.field.run("enroll", "AAAAAAAAAA", "--hub", world.server.address), code: 1, "code")
    let code = try await world.code()
    #expect(try await world.field.run("enroll", code, "--hub", world.server.address).code == 0)
    expectOneSentence(try await world.field.run("enroll", code, "--hub", world.server.address), code: 1, "already enrolled")
    expectOneSentence(
      try await world.field.run("enroll", code, "--hub", world.server.address, "--store", "b.sqlite"), code: 1, "used")
  }

  @Test func revokedDeviceIsToldAndKeepsItsWork() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try await field.run("report", "--example").out, to: "report.json")
    #expect(try await field.run("report", "--from", "report.json").code == 0)
    for device in try await world.hub.devices() { _ = try await world.hub.revoke(device.replica) }
    let synced = try await field.run("sync")
    #expect(synced.code == 1 && synced.err.contains("revoked"), "\(synced.err)")
    let status = try await field.run("status", "--json")
    #expect(status.object["isRevoked"] as? Bool == true && status.err.contains("hub enroll 07201 --replaces"), "\(status.err)")
    #expect(try await field.run().out.contains("has revoked this device"))
    #expect(try await field.run("list").out.contains("2024-04-08"))
  }

  @Test func anotherHubIsNamed() async throws {
    let (world, other) = (try await FieldToolWorld(), try await FieldToolWorld())
    let field = try await world.enrolled()
    expectOneSentence(try await field.run("sync", "--hub", other.server.address), code: 1, "another hub")
  }

  @Test(arguments: ["garbage", ""])
  func damagedDatabaseIsNamedAndLeftAlone(_ kind: String) async throws {
    let (folder, field) = try folder()
    let bytes = kind == "garbage" ? Data((0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }) : Data()
    let path = folder.path + "/field.sqlite"
    try bytes.write(to: URL(fileURLWithPath: path))
    let status = try await field.run("status")
    #expect(status.code == 1, "\(status.err)")
    if kind == "garbage" {
      expectOneSentence(status, code: 1, "damaged")
      #expect(FileManager.default.contents(atPath: path) == bytes)
    }
  }

  @Test func databaseDamagedInTheMiddleIsNamed() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let path = world.path + "/field.sqlite"
    var bytes = try #require(FileManager.default.contents(atPath: path))
    for index in stride(from: 4096, to: bytes.count, by: 3) { bytes[index] = UInt8(truncatingIfNeeded: index) }
    try bytes.write(to: URL(fileURLWithPath: path))
    expectOneSentence(try await field.run("status"), code: 1, "damaged")
  }

  @Test func lostOrSpoiledKeyFileIsNamed() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let key = world.contents("field.sqlite.key")
    try world.write("{}", to: "field.sqlite.key")
    expectOneSentence(try await field.run("sync"), code: 1, "key file")
    for bytes in ["", "garbage"] {
      try world.write(bytes, to: "field.sqlite.key")
      try world.write("no bundle", to: "return.skb")
      for command in [["sync"], ["export", "work.skb"], ["import-bundle", "return.skb"]] {
        expectOneSentence(try await field.run(command), code: 1, "hub enroll … --replaces")
      }
    }
    try world.write(key, to: "field.sqlite.key")
    #expect(try await field.run("sync").code == 0)
  }

  @Test(.long) func csvThatIsNone() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    expectOneSentence(try await field.run("import", "missing.csv"), code: 1, "Cannot read the file")
    for (name, text) in [("empty.csv", ""), ("page.csv", "<html>\n<p>\n"), ("bytes.csv", "\u{0}\u{1}\n\u{2}")] {
      try world.write(text, to: name)
      let imported = try await field.run("import", name)
      #expect(imported.code == 1 && !imported.err.isEmpty && imported.err.split(separator: "\n").count < 12, "\(name): \(imported.err)")
      #expect(!FileManager.default.fileExists(atPath: world.path + "/" + name.replacingOccurrences(of: ".csv", with: ".rejects.csv")))
    }
    try FileManager.default.createDirectory(atPath: world.path + "/folder.csv", withIntermediateDirectories: true)
    expectOneSentence(try await field.run("import", "folder.csv"), code: 1, "folder.csv")
    try world.write(try FieldToolWorld.answersCSV(1), to: "answers.csv")
    expectOneSentence(try await field.run("import", "answers.csv", "--form", "nosuch"), code: 1, "no form nosuch")
  }

  @Test(.long) func reportIsRefusedWithTheFormsOwnMessages() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let refused = try await field.run("report", "--set", "officials_total=900", "--set", "nosuch=1")
    #expect(refused.code == 1)
    #expect(refused.err.contains("Enter a number from 1 to 200.") && refused.err.contains("nosuch"), "\(refused.err)")
    let vietnamese = try await field.run("report", "--set", "officials_total=900", "--lang", "vi")
    #expect(vietnamese.err.contains("Nhập số từ 1 đến 200."))
    #expect(try await field.run("list").out.contains("There are no reports yet."))
    for text in ["{", "[]", "{\"a\":{\"b\":{}}}", String(repeating: "[", count: 100_000)] {
      try world.write(text, to: "report.json")
      #expect(try await field.run("report", "--from", "report.json").code == 1)
    }
    expectOneSentence(try await field.run("report", "--set", "a=1", "--day", "1/4/2024"), code: 1, "is not a day")
    #expect(try await field.run("report").code == 64)
    #expect(try await field.run("report", "--set", "x").code == 64)
    #expect(try await field.run("nosuch").code == 64)
  }

  @Test(.long, arguments: ["2009-01-01", "2099-01-01"])
  func offlineWorkGoesOnWhateverTheClockSays(_ date: String) async throws {
    guard ToolProcess.find("faketime") != nil else { return }
    let world = try await FieldToolWorld()
    _ = try await world.enrolled()
    // The file makes the device know the campaign; its clock is years off from then on.
    var field = world.field
    field.prefix = ["faketime", date + " 08:00:00"]
    #expect(try await field.run("sync").code == 0)
    try world.write(try FieldToolWorld.answersCSV(6), to: "answers.csv")
    let imported = try await field.run("import", "answers.csv")
    #expect(imported.code == 0, "\(imported.err)")
    try world.write(try await field.run("report", "--example").out, to: "report.json")
    let filed = try await field.run("report", "--from", "report.json")
    #expect(filed.out.contains("2024-04-08"), "\(filed.out)\(filed.err)")
    #expect(try await field.run("status", "--json").object["today"] as? String == "2024-04-08")
    for command in ["forms", "list"] { #expect(try await field.run(command).code == 0) }
    #expect(try await field.run("sync").code == 0)
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == ["6"])
  }

  @Test func whatAnImportTookIsToldWhereTheRefusedRowsCannotBeWrittenBesideIt() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(4).replacing("r4,07201", with: "r4,99999"), to: "answers.csv")
    // The name under which the file would begin is taken by a folder.
    try FileManager.default.createDirectory(atPath: world.path + "/answers.rejects.csv.new", withIntermediateDirectories: false)
    let ended = try await field.run("import", "answers.csv")
    #expect(ended.code == 2 && ended.out.contains("Took 3 answers of 4 rows; refused 1."), "\(ended.out)")
    #expect(ended.err.contains("Cannot write answers.rejects.csv") && ended.err.contains("The good answers were taken"), "\(ended.err)")
    let status = try await field.run("status", "--json").object["status"] as? [String: Any]
    #expect(status?["packetsMade"] as? Int == 3)
  }

  @Test(.long, .enabled(if: SmallDisk.canMount, SmallDisk.needs))
  func fullDiskIsNamedAndEarlierWorkIsIntact() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try FieldToolWorld.answersCSV(20), to: "few.csv")
    try world.write(try FieldToolWorld.answersCSV(3000, from: 1000), to: "many.csv")
    let size = (try FileManager.default.attributesOfItem(atPath: world.path + "/field.sqlite")[.size] as? Int ?? 0) + 1_200_000
    let script = """
      mkdir small && mount -t tmpfs -o size=\(size) none small && cp field.sqlite* small/ || exit 90
      export SYNCKIT_FIELD=small/field.sqlite
      "$1" import few.csv >few.out 2>few.err; echo $? >few.code
      "$1" import many.csv >many.out 2>many.err; echo $? >many.code
      "$1" status --json >full.json 2>full.err; echo $? >full.code
      mount -o remount,size=64m small
      "$1" status --json >status.json 2>status.err; echo $? >status.code
      "$1" sync >sync.out 2>sync.err; echo $? >sync.code
      """
    let run = try ToolProcess.Running(
      ["unshare", "-m", "sh", "-c", script, "sh", Tool.path("field")], folder: world.path, environment: field.environment)
    let ended = await run.end()
    #expect(ended.code == 0, "\(ended.err)")
    func code(_ name: String) -> String { world.contents(name + ".code").trimmingCharacters(in: .newlines) }
    #expect(code("few") == "0", "\(world.contents("few.err"))")
    #expect(code("many") == "1")
    #expect(world.contents("many.err").contains("The disk is full"), "\(world.contents("many.err"))")
    #expect(code("status") == "0", "\(world.contents("status.err"))")
    let status = try JSONSerialization.jsonObject(with: Data(world.contents("status.json").utf8)) as? [String: Any]
    let made = (status?["status"] as? [String: Any])?["packetsMade"] as? Int ?? 0
    #expect(made >= 20 && made < 3020 && made % 200 == 20)
    #expect(code("sync") == "0", "\(world.contents("sync.err"))")
    #expect(try await world.hubRows("SELECT count(*) FROM answer") == [String(made)])
  }
}
