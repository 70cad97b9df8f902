import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer

/// Photos from a working group's files to the hub's board, with the real tools.
@Suite(.serialized) struct PhotoToolTests {
  @Test(.long) func whatIsWithdrawnIsGoneFromTheOtherDeviceAndTheHubWithItsReason() async throws {
    let world = try await TroubleWorld()
    let (one, two) = (try await world.device("one"), try await world.device("two"))
    let photo = world.folder.path + "/board.png"
    try Picture.png(400, 300, seed: 9).write(to: URL(fileURLWithPath: photo))
    #expect(try await one.run("sync").status == 0)
    let example = world.folder.path + "/report.json"
    try Data(try await one.run("report", "--example").output.utf8).write(to: URL(fileURLWithPath: example))
    // Before it left: no reason, and nothing of it is left on the device.
    #expect(try await one.run("report", "--from", example, "--photo", photo).status == 0)
    #expect(try await one.run("withdraw", TroubleWorld.today).status == 0)
    #expect(try await one.run("list").output.contains("There are no reports yet"))
    #expect(try await one.run("report", "--from", example, "--photo", photo).status == 0)
    #expect(try await one.run("post", "names somebody").status == 0)
    for device in [one, two] { #expect(try await device.run("sync").status == 0) }
    // After it left: by the name that the list shows, and with a reason.
    let listed = try await two.run("photos", TroubleWorld.today).output
    let name = try #require(listed.split(separator: "\n").last?.split(separator: " ").first.map(String.init), "\(listed)")
    let unsaid = try await two.run("withdraw", name)
    #expect(unsaid.status == 1 && unsaid.errors.contains("say why with --reason"), "\(unsaid.errors)")
    let withdrawn = try await two.run("withdraw", name, "--reason", "blurred")
    #expect(withdrawn.status == 0 && withdrawn.output.contains("The photo \(name) is withdrawn."), "\(withdrawn.errors)")
    let post = try #require(try await two.run("posts").output.split(separator: " ").first.map(String.init))
    #expect(try await two.run("withdraw", post, "--reason", "a name").status == 0)
    for device in [two, one] { #expect(try await device.run("sync").status == 0) }
    #expect(try await one.run("photos", TroubleWorld.today).errors.contains("has no photos"))
    #expect(try await one.run("show", TroubleWorld.today).output.contains("blurred"))
    #expect(try await one.run("posts").output.contains("Hidden: a name"))
    #expect(try await world.hub("posts").output.contains("[hidden]"))
    #expect(try await one.run("withdraw", TroubleWorld.today, "--reason", "filed twice").status == 0)
    for device in [one, two] { #expect(try await device.run("sync").status == 0) }
    let shown = try await two.run("show", TroubleWorld.today)
    #expect(shown.status == 1 && shown.output.contains("filed twice") && shown.errors.contains("was withdrawn or moved"), "\(shown.errors)")
    #expect(try await two.run("status").output.contains("proved equal"))
  }

  @Test(.long) func photosOfTheDailyReportArriveAndAreCounted() async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("desk")
    let folder = world.folder.path
    func write(_ name: String, _ bytes: Data) throws -> String {
      try bytes.write(to: URL(fileURLWithPath: folder + "/" + name))
      return folder + "/" + name
    }
    let phone = Picture.phone(try Photo(Picture.png(900, 600)).jpeg, orientation: 6)
    let (good, other) = (try write("board.jpg", phone), try write("hall=1.png", Picture.png(400, 300, seed: 9)))
    let text = try write("note.jpg", Data("not a photo".utf8))
    let cut = try write("cut.jpg", phone.prefix(phone.count / 2))
    let bomb = try write("bomb.png", Picture.png(4, 4, claimed: (90_000, 90_000)))
    #expect(try await device.run("sync").status == 0)

    // Photos need a report; a refused one keeps all of it out, each with its reason.
    let alone = try await device.run("report", "--photo", good)
    #expect(alone.status == 1 && alone.errors.contains("There is no report of"))
    let example = try await device.run("report", "--example")
    let answers = try write("report.json", Data(example.output.utf8))
    let refused = try await device.run(
      "report", "--from", answers, "--photo", good, "--photo", text, "--photo", cut, "--photo", bomb, "--photo", folder + "/../nothing.jpg")
    #expect(refused.status == 1 && refused.errors.contains("nothing.jpg"))
    let judged = try await device.run("report", "--from", answers, "--photo", good, "--photo", text, "--photo", cut, "--photo", bomb)
    #expect(judged.status == 1)
    #expect(judged.errors.contains("note.jpg: is no JPEG") && judged.errors.contains("cut.jpg: the picture is damaged"))
    #expect(judged.errors.contains("bomb.png: has more than 64 million pixels") && judged.errors.contains("was not saved"))
    let vietnamese = try await device.run("report", "--from", answers, "--photo", text, "--lang", "vi")
    #expect(vietnamese.errors.contains("không phải ảnh JPEG") && vietnamese.errors.contains("chưa được lưu"))
    #expect(try await device.run("list").output.contains("There are no reports yet"))

    let filed = try await device.run("report", "--from", answers, "--photo", good, "--photo", other)
    #expect(filed.status == 0 && filed.output.contains("Added 2 photos"), "\(filed.errors)")
    // Another time the same: nothing new.
    #expect(try await device.run("report", "--photo", good).output.contains("the report has 2"))
    #expect(try await device.run("show", TroubleWorld.today).output.contains("Text not in yet, 0 of 2 photos in."))
    #expect(try await device.run("status").output.contains("0 of 2 photos in"))
    let before = try await world.hub("photos", "--json")
    #expect(before.output.contains("\"named\" : 0"))

    let synced = try await device.run("sync", "--json")
    let report = try #require(try JSONSerialization.jsonObject(with: Data(synced.output.utf8)) as? [String: Any])
    #expect(report["sentPhotos"] as? Int == 2 && report["photosLeft"] as? Int == 0)
    #expect(try await device.run("show", TroubleWorld.today).output.contains("Text in, 2 of 2 photos in."))
    #expect(try await device.run("status").output.contains("photos in") == false)
    let photos = try await world.hub("photos")
    #expect(photos.output.contains("Photos: 2 / 2 in, 0 missing for 24 hours."), "\(photos.output)")
    let page = try await world.server.page("/?lang=en").text
    #expect(page.contains("Photos in") && page.contains("<b>2/2</b>"))

    // A picture of a repeat has other answers beside it.
    let asked = try await device.run("report", "--photo", "photo=" + good, "--reason", "one more")
    #expect(asked.status == 1 && asked.errors.contains("field collect report01"), "\(asked.errors)")

    // At the hub: two files, bare pictures.
    let blobs = BlobStore(folder: world.dir + "/hub.sqlite.blobs")
    #expect(blobs.ids().count == 2)
    for id in blobs.ids() {
      let bytes = try #require(try blobs.read(id))
      #expect(bytes.prefix(2) == Data([0xFF, 0xD8]) && bytes.range(of: Data("SECRET".utf8)) == nil)
    }

    // A colleague's device saves them as files.
    let other2 = try await world.device("colleague")
    #expect(try await other2.run("sync").status == 0)
    let saved = try await other2.run("photos", TroubleWorld.today, "--save", folder + "/out")
    #expect(saved.status == 0 && saved.output.contains("Saved 2 of 2 photos"), "\(saved.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/out").count == 2)
    #expect(try await other2.run("photos", TroubleWorld.today, "--save", folder + "/out").status == 1)

    // Lost at the hub, checked, sent again.
    try FileManager.default.removeItem(atPath: world.dir + "/hub.sqlite.blobs")
    let checked = try await world.hub("photos", "--check", "--missing")
    #expect(checked.output.contains("2 lost or damaged"), "\(checked.output)")
    #expect(try await device.run("sync").output.contains("Photos: 2 sent, 0 left."))
    #expect(blobs.ids().count == 2)

    // Short of room: text goes on.
    #expect(try await world.hub("photos", "--quota", "1B").errors.contains("put off"))
    let third = try write("third.png", Picture.png(500, 300, seed: 77))
    #expect(try await device.run("report", "--photo", third).status == 0)
    let late = try await device.run("sync")
    #expect(late.status == 0 && late.errors.contains("takes no photos for now"))
    #expect(try await device.run("show", TroubleWorld.today).output.contains("Text in, 2 of 3 photos in."))
    #expect(try await world.server.page("/?lang=en").text.contains("Photos are put off"))
    #expect(try await world.hub("photos", "--quota", "1GB").status == 0)
    #expect(try await device.run("sync").output.contains("Photos: 1 sent"))

    let backup = try await world.hub("backup", folder + "/backup.sqlite")
    #expect(backup.output.contains("Photos: 3 ("), "\(backup.output)")
    #expect(BlobStore(folder: folder + "/backup.sqlite.blobs").ids().count == 3)
    await world.stop()
  }

  @Test(.long) func postsAreShownWithTheirPhotosAndHiddenWithAReason() async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("desk")
    #expect(try await device.run("sync").status == 0)
    #expect(try await device.run("posts").output.contains("There are no posts yet."))
    let folder = world.folder.path
    try Picture.phone(try Photo(Picture.png(900, 600)).jpeg, orientation: 6).write(to: URL(fileURLWithPath: folder + "/loa.jpg"))
    try Data("#!/bin/sh".utf8).write(to: URL(fileURLWithPath: folder + "/script.jpg"))
    let refused = try await device.run("post", "x", "--photo", folder + "/loa.jpg", "--photo", folder + "/script.jpg")
    #expect(refused.status == 1 && refused.errors.contains("script.jpg: is no JPEG") && refused.errors.contains("was not saved"))
    #expect(try await device.run("post", "  ", "--lang", "vi").errors.contains("Tin chưa có nội dung"))
    let posted = try await device.run("post", "Loa <phường> phát lịch & mời họp", "--photo", folder + "/loa.jpg", "--json")
    let post = try #require(try JSONSerialization.jsonObject(with: Data(posted.output.utf8)) as? [String: Any], "\(posted.errors)")
    let id = try #require(post["id"] as? String)
    #expect(try await device.run("posts").output.contains("Text not in yet, 0 of 1 photos in."))
    #expect(try await device.run("sync").output.contains("Photos: 1 sent, 0 left."))
    #expect(try await device.run("posts").output.contains("Text in, 1 of 1 photos in."))
    #expect(try await world.hub("posts", "--unit", "213").output.contains("1 / 1"))
    #expect(try await world.hub("posts", "--unit", "nowhere").status == 1)

    let page = try await world.server.page("/posts?lang=en").text
    #expect(page.contains("Loa &lt;phường&gt; phát lịch &amp; mời họp") && page.contains("Phường Thọ Xương"))
    let blob = try #require(page.split(separator: "/photo/").dropFirst().first?.prefix(64))
    let picture = try await world.server.page("/photo/\(blob).jpg")
    #expect(picture.status == 200 && picture.body.prefix(2) == Data([0xFF, 0xD8]))
    #expect(try await world.server.page("/photo/\(String(repeating: "0", count: 64)).jpg").status == 404)
    #expect(try await world.server.page("/photo/..%2f..%2fhub.sqlite.jpg").status == 404)
    #expect(try await world.server.page("/posts?district=222&lang=en").text.contains("There are no posts yet."))

    #expect(try await world.hub("posts", "--hide", id).status == 64)
    let hidden = try await world.hub("posts", "--hide", String(id.prefix(8)), "--reason", "names a respondent")
    #expect(hidden.status == 0 && hidden.output.contains("is hidden"), "\(hidden.errors)")
    #expect(try await world.server.page("/posts?lang=en").text.contains("There are no posts yet."))
    #expect(try await world.server.page("/photo/\(blob).jpg").status == 404)
    #expect(try await device.run("sync").status == 0)
    #expect(try await device.run("posts").output.contains("Hidden: names a respondent"))
    #expect(try await world.hub("posts", "--unhide", id).output.contains("shown again"))
    await world.stop()
  }

  @Test func wrongAmountsAreRefusedAsUsage() async throws {
    let folder = try TemporaryFolder()
    for amount in ["", "12", "KB", "-3KB", "1e9GB", "12XB", "1.2.3MB", "99999999999999TB"] {
      let ended = try await Tool.hub(["photos", "--quota", amount, "--dir", folder.path])
      #expect(ended.status == 64 && ended.errors.contains("--quota"), "\(amount): \(ended.errors)")
    }
    for amount in ["1KB", "a lot"] {
      let ended = try await Tool.field(["sync", "--budget", amount, "--store", folder.path + "/f"])
      #expect(ended.status == 64 && ended.errors.contains("--budget"), "\(amount): \(ended.errors)")
    }
  }

  @Test(.long) func aBudgetIsToldAndKept() async throws {
    let world = try await TroubleWorld()
    let device = try await world.device("desk")
    #expect(try await device.run("sync").status == 0)
    try await device.report(guided: 3)
    let folder = world.folder.path
    for number in 1...2 {
      let bytes = Picture.png(1000, 700 + 100 * number, seed: UInt8(number))
      try bytes.write(to: URL(fileURLWithPath: folder + "/p\(number).png"))
      #expect(try await device.run("report", "--photo", folder + "/p\(number).png").status == 0)
    }
    let first = try await device.run("sync", "--budget", "20KB")
    #expect(first.status == 0 && first.output.contains("The budget is spent; left for next time:"), "\(first.output)\(first.errors)")
    #expect(first.output.contains("2 photos"))
    #expect(try await world.hub("status", "--json").output.contains("\"reports\" : 1"))
    var rounds = 0
    while rounds < 60, try await device.run("show", TroubleWorld.today).output.contains("2 of 2 photos in") == false {
      let ended = try await device.run("sync", "--budget", "20KB", "--json")
      let report = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
      #expect((report["bytesSent"] as? Int ?? 0) + (report["bytesReceived"] as? Int ?? 0) <= 20_000)
      rounds += 1
    }
    #expect(rounds > 1 && rounds < 60)
    await world.stop()
  }

  @Test(.long) func watchingReconnectsByItselfAndSaysWhatChanged() async throws {
    let world = try await TroubleWorld()
    let (device, other) = (try await world.device("desk"), try await world.device("other"))
    for each in [device, other] { #expect(try await each.run("sync").status == 0) }
    let tool = ToolProcess(name: "field", folder: world.folder.path)
    let watching = try tool.start(["sync", "--watch", "--store", device.store])
    #expect(await watching.says("Sent "))
    // The hub goes away; what is written here meanwhile leaves once it is back.
    await world.stop()
    try await device.report(guided: 4)
    // Said once an exchange has tried as often as it does by itself.
    #expect(await watching.says("Cannot reach the hub"))
    try await world.serve()
    var arrived = false
    for _ in 0..<100 where !arrived {
      try await Task.sleep(for: .milliseconds(500))
      arrived = try await world.hub("status", "--json").output.contains("\"reports\" : 1")
    }
    #expect(arrived, "the report did not leave by itself")
    watching.process.interrupt()
    let ended = await watching.end()
    #expect(ended.code == 0, "\(ended.err)")
    #expect(ended.out.contains("Connected again.") && ended.out.contains("Stopped."), "\(ended.out)")
    #expect(ended.err.contains("Cannot reach the hub"))
    #expect(ended.out.contains("1 changes") || ended.out.contains("2 changes"), "\(ended.out)")
    await world.stop()
  }
}
