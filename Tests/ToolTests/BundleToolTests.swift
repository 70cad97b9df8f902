import Foundation
import GRDB
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

/// `field export`, `import-bundle`, `courier`, `receipt` and `hub import` as people and scripts meet them, in both languages.
@Suite struct BundleToolTests {
  /// A hub, and a device that asked for its enrolment by file and has it.
  private func world() async throws -> (folder: TemporaryFolder, dir: String, device: FieldDevice) {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/hub"
    for arguments in [["init", dir], ["campaign", "load", HubTool.campaign, "--dir", dir, "--move-to", TroubleWorld.today]] {
      let ended = try await HubTool.run(arguments)
      try #require(ended.status == 0, "\(ended.errors)")
    }
    let made = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let code = try #require(codes.first?["code"] as? String)
    let device = FieldDevice(store: folder.path + "/a.sqlite")
    let asked = try await device.run("enroll", code, "--request", folder.path + "/request.skb", "--label", "a")
    try #require(asked.status == 0, "\(asked.errors)")
    let answered = try await HubTool.run(["import", folder.path + "/request.skb", "--return", folder.path + "/r.skb", "--dir", dir])
    try #require(answered.status == 0, "\(answered.errors)")
    let enrolled = try await device.run("import-bundle", folder.path + "/r.skb")
    try #require(enrolled.status == 0, "\(enrolled.errors)")
    return (folder, dir, device)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// Another sender's bundle may not have been imported yet.
  @Test(.long) func aBundleOfAnotherSenderIsNotReplaced() async throws {
    let (folder, dir, device) = try await world()
    let (own, others) = (folder.path + "/own.skb", folder.path + "/others.skb")
    let made = try await HubTool.run(["enroll", "07204", "07204", "--json", "--dir", dir])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
      .compactMap { $0["code"] as? String }
    try #require(codes.count == 2)
    let (second, third) = (FieldDevice(store: folder.path + "/b.sqlite"), FieldDevice(store: folder.path + "/c.sqlite"))
    for _ in 1...2 { #expect(try await second.run("enroll", codes[0], "--request", others).status == 0, "one's own is replaced") }
    let request = FileManager.default.contents(atPath: others)
    for ended in [
      try await device.run("export", others), try await HubTool.run(["import", others, "--return", others, "--dir", dir]),
      try await third.run("enroll", codes[1], "--request", others),
    ] {
      #expect(ended.status == 1 && ended.errors.contains("another sender"), "\(ended.errors)")
    }
    #expect(FileManager.default.contents(atPath: others) == request)
    let back = folder.path + "/back.skb"
    for _ in 1...2 {
      #expect(try await device.run("export", own).status == 0)
      #expect(try await HubTool.run(["import", own, "--return", back, "--dir", dir]).status == 0)
    }
    let wrong = try await device.run("export", back)
    #expect(wrong.status == 1 && wrong.errors.contains("another sender"), "\(wrong.errors)")
    #expect(try await device.run("import-bundle", back).status == 0)
  }

  @Test(.long) func scriptsGetObjectsAndExitCodes() async throws {
    let (folder, dir, device) = try await world()
    try await device.report(guided: 3)
    let exported = try await device.run("export", folder.path + "/w.skb", "--split", "1MB", "--json")
    try #require(exported.status == 0, "\(exported.errors)")
    #expect(try object(exported.output)["changes"] as? Int == 1)
    let trial = try await HubTool.run(["import", folder.path + "/w.skb", "--dry-run", "--json", "--dir", dir])
    let again = try await HubTool.run(["import", folder.path + "/w.skb", "--return", folder.path + "/r.skb", "--json", "--dir", dir])
    func new(_ ended: Tool.Ended) throws -> [Int] {
      try #require((try object(ended.output))["devices"] as? [[String: Any]]).compactMap { $0["new"] as? Int }
    }
    let counts = [try new(trial), try new(again)]
    #expect(counts == [[1], [1]], "a trial that told the truth changed nothing")
    #expect(try FileManager.default.contentsOfDirectory(atPath: dir).allSatisfy { !$0.hasPrefix("trial-") })
    let taken = try await device.run("import-bundle", folder.path + "/r.skb", "--json")
    #expect(taken.status == 0 && taken.errors.isEmpty)
    let receipt = try await device.run("receipt", TroubleWorld.today, "--json")
    let found = try #require((try object(receipt.output))["found"] as? [String: Any])
    #expect((found["receipts"] as? [[String: Any]])?.compactMap { $0["state"] as? String } == ["merged"])
    let verified = try await HubTool.run(["verify", "--dir", dir])
    #expect(verified.status == 0, "\(verified.errors)")
  }

  /// An import that is killed anywhere, as often as anybody likes, and begun again: everything is there once.
  @Test(.long) func anImportKilledAnywhereIsBegunAgain() async throws {
    let (folder, dir, device) = try await world()
    let field = try SurveyField.open(at: device.store, create: false)
    let picture = try Photo(Picture.noise(side: 150, seed: 3)).jpeg
    let (reports, photosEach) = (40, 2)
    for number in 0..<reports {
      let blobs = try (0..<photosEach).map { try field.replica.blobs.keep(Picture.variant(of: picture, photosEach * number + $0)) }
      try await field.replica.database.write { db in
        try db.execute(sql: CutLinkTests.insertReport, arguments: [CutLinkTests.reportKey(number), "{}"])
        for blob in blobs {
          try db.execute(
            sql: "INSERT INTO attachment (id, unit, tbl, record, blob) VALUES (?, '07201', 'report', ?, ?)",
            arguments: [blob.hex, CutLinkTests.reportKey(number), blob.hex])
        }
      }
      // A batch each.
      _ = try await field.replica.exportBundle(to: folder.path + "/w.skb")
    }
    try field.replica.close()
    let exported = try await device.run("export", folder.path + "/w.skb", "--split", "1MB", "--json")
    let paths = try #require(try object(exported.output)["paths"] as? [String])
    #expect(paths.count > 1)
    let tool = ToolProcess(name: "hub", folder: folder.path)
    var dice = SeededGenerator(seed: 11)
    var killed = 0
    for _ in 0..<12 {
      let running = try tool.start(["import"] + paths.shuffled(using: &dice) + ["--return", folder.path + "/r.skb", "--dir", dir])
      try await Task.sleep(for: .milliseconds(Int.random(in: 60...900, using: &dice)))
      kill(running.process.processIdentifier, SIGKILL)
      if await running.end().code == -SIGKILL { killed += 1 }
    }
    #expect(killed >= 6, "only \(killed) were killed in the middle")
    let ended = try await tool.run(["import"] + paths + ["--return", folder.path + "/r.skb", "--json", "--dir", dir])
    #expect(ended.code == 0, "\(ended.err)")
    let one = try #require((ended.object["devices"] as? [[String: Any]])?.first)
    func count(_ name: String) -> Int { one[name] as? Int ?? -1 }
    #expect(count("new") + count("duplicate") == reports && count("waiting") == 0 && count("refused") == 0)
    #expect(count("blobs") + count("blobsDuplicate") == reports * photosEach && count("blobsWaiting") == 0)
    let at = BlobStore(folder: dir + "/hub.sqlite.blobs")
    #expect(at.ids().count == reports * photosEach && at.ids().allSatisfy { at.isSound($0) })
    let photos = try await HubTool.run(["photos", "--json", "--dir", dir])
    #expect(try object(photos.output)["isIn"] as? Int == reports * photosEach)
    let status = try await HubTool.run(["status", "--json", "--dir", dir])
    #expect(status.output.contains("\"reports\" : \(reports)") && status.output.contains("\"conflictsOpen\" : 0"), "\(status.output)")
    let verified = try await HubTool.run(["verify", "--dir", dir])
    #expect(verified.status == 0, "\(verified.errors)")
    let taken = try await device.run("import-bundle", folder.path + "/r.skb")
    #expect(taken.status == 0 && taken.output.contains("Photos in: \(reports * photosEach)."), "\(taken.output)\(taken.errors)")
  }

  @Test(.long) func badFilesAreOneSentenceInTheReadersLanguage() async throws {
    let (folder, dir, device) = try await world()
    try Data("not a bundle".utf8).write(to: URL(fileURLWithPath: folder.path + "/text.skb"))
    try Data().write(to: URL(fileURLWithPath: folder.path + "/empty.skb"))
    for (name, vi, en) in [
      ("text.skb", "không phải là bọc dữ liệu", "is not a bundle"), ("empty.skb", "trống", "is empty"),
      ("none.skb", "Không có tệp", "There is no file"),
      ("", "là thư mục", "is a folder"),
    ] {
      let path = folder.path + (name.isEmpty ? "" : "/" + name)
      for (language, words) in [("vi", vi), ("en", en)] {
        let hub = try await HubTool.run(["import", path, "--lang", language, "--dir", dir])
        #expect(hub.status == 1 && hub.sentences.count == 1 && hub.errors.contains(words), "\(hub.errors)")
        let field = try await device.run("import-bundle", path, "--lang", language)
        #expect(field.status == 1 && field.sentences.count == 1 && field.errors.contains(words), "\(field.errors)")
        let courier = try await device.run("courier", "collect", path, "--lang", language)
        #expect(courier.status == 1 && courier.sentences.count == 1 && courier.errors.contains(words), "\(courier.errors)")
      }
    }
    let mine = folder.path + "/notes.txt"
    try Data("mine".utf8).write(to: URL(fileURLWithPath: mine))
    let refused = try await device.run("export", mine)
    #expect(refused.status == 1 && refused.errors.contains("is there and is not a bundle"))
    #expect(FileManager.default.contents(atPath: mine) == Data("mine".utf8))
    let anonymous = try await device.run("receipt", "answer/x")
    #expect(anonymous.status == 1 && anonymous.errors.contains("would tell who gave it"))
    let small = try await device.run("export", folder.path + "/x.skb", "--split", "1KB")
    #expect(small.status == 64 && small.errors.contains("--split must be at least"))
    let both = try await device.run("enroll", "ABCDEFGH23", "--request", "x.skb", "--hub", "http://127.0.0.1:1")
    #expect(both.status == 64)
  }

  /// A courier hands over at the next exchange, over a real socket.
  @Test(.long) func aCourierWithANetworkHandsOn() async throws {
    let world = try await TroubleWorld()
    let courier = try await world.device("courier")
    let path = world.folder.path
    let made = try await world.hub("enroll", "07204", "--json")
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let far = FieldDevice(store: path + "/far.sqlite")
    let asked = try await far.run("enroll", try #require(codes.first?["code"] as? String), "--request", path + "/far.skb", "--label", "far")
    try #require(asked.status == 0, "\(asked.errors)")
    for round in 1...2 {
      let collected = try await courier.run("courier", "collect", path + "/far.skb")
      #expect(collected.status == 0, "\(collected.errors)")
      let synced = try await courier.run("sync")
      #expect(synced.status == 0 && synced.output.contains("Handed 1 carried parcels"), "\(synced.output)\(synced.errors)")
      let home = try await courier.run("export", path + "/home.skb")
      #expect(home.status == 0)
      let taken = try await far.run("import-bundle", path + "/home.skb")
      #expect(taken.status == 0, "\(taken.errors)")
      if round == 1 {
        try await far.report(guided: 5)
        let exported = try await far.run("export", path + "/far.skb")
        #expect(exported.status == 0)
      }
    }
    let receipt = try await far.run("receipt", TroubleWorld.today)
    #expect(receipt.output.contains("merged; the signature is right."), "\(receipt.output)\(receipt.errors)")
  }
}
