import Foundation
import GRDB
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// Codes, names of devices, headcounts, days, held work and posts are changed in the browser: with a reason, by those who may, and never from an old page.
@Suite(.serialized) struct SetupTests {
  /// 2024-04-01 14:00 in Vietnam.
  private static let nowMs: UInt64 = 1_711_954_800_000

  /// A hub with one device of 07201, whose post says no day and is held, and one post that is in.
  private func world(_ folder: TemporaryFolder) async throws -> (dir: String, device: String, post: String, held: String) {
    let dir = folder.path + "/hub"
    let clock = TestClock(Self.nowMs)
    let survey = try await SurveyHub.create(at: dir, clock: clock)
    _ = try await survey.load(try CampaignFolder(URL(fileURLWithPath: HubTool.campaign)))
    let transport = LocalTransport(hub: survey.hub)
    let field = try SurveyField.open(at: folder.path + "/device.sqlite", clock: clock, create: true)
    let scopes = try await survey.requirePlan().readScopes(of: "07201")
    try await field.enroll(code: try await survey.hub.makeCode(scope: "07201", readScopes: scopes), label: "máy 1", through: transport)
    _ = try await field.replica.sync(with: transport)
    let post = try await field.post("Loa phường")
    _ = try await field.replica.sync(with: transport)
    let campaign = try await survey.requirePlan().campaign.id
    try await field.replica.database.write { db in
      try db.execute(
        sql: "INSERT INTO post (id, unit, campaign, day, words) VALUES ('hand', '07201', ?, 'hôm nay', 'viết tay')", arguments: [campaign])
    }
    _ = try await field.replica.sync(with: transport)
    let held = try #require(try await survey.hub.heldUnits().first).id
    let device = try #require(try await survey.hub.devices().first).replica.description
    try survey.close()
    return (dir, device, post, held)
  }

  @Test(.long) func whatIsSetUpInTheBrowser() async throws {
    let folder = try TemporaryFolder()
    let (dir, device, post, held) = try await world(folder)
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let duty = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act")
    let chief = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let part = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,configure", part: "215")
    let unit = "/unit/07201"
    /// The mark that the form of one address carries.
    func mark(_ page: String, _ action: String) throws -> String {
      let text = try chief.get(page).text
      let form = try #require(text.components(separatedBy: "action=\"\(action)\"").dropFirst().first, "\(action)")
      return String(try #require(form.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/)).output.1)
    }

    // A code: shown once, enrols one device, and the page it came from is old then.
    #expect(!(try duty.get(unit).text.contains("Cấp một mã ghi danh")))
    let drawn = try mark(unit, unit + "/code")
    #expect(try duty.post(unit + "/code", ["mark": drawn, "reason": "x"]).status == 403)
    #expect(try part.post(unit + "/code", ["mark": drawn, "reason": "x"]).status == 404, "another part of the tree")
    #expect(try chief.post(unit + "/code", ["mark": drawn, "reason": " "]).status == 422)
    let made = try chief.post(unit + "/code", ["mark": drawn, "reason": "máy hỏng"])
    let code = try #require(made.text.firstMatch(of: /<code>([0-9A-Z]+-[0-9A-Z]+)<\/code>/), "\(made.text)").output.1
    #expect(made.status == 200)
    #expect(try chief.post(unit + "/code", ["mark": drawn, "reason": "máy hỏng"]).status == 422, "a reload makes no second one")
    try FileManager.default.createDirectory(atPath: folder.path + "/second", withIntermediateDirectories: true)
    let field = ToolProcess(name: "field", folder: folder.path + "/second")
    let enrolled = try await field.run(["enroll", String(code), "--hub", "http://127.0.0.1:\(hub.hubPort)"] + clock)
    #expect(enrolled.code == 0, "\(enrolled.err)")
    // Another one is cancelled before anybody uses it.
    #expect(try chief.post(unit + "/code", ["mark": mark(unit, unit + "/code"), "reason": "dự phòng"]).status == 200)
    let id = String(try #require(try chief.get(unit).text.firstMatch(of: /name="code" value="([0-9a-f]+)"/)).output.1)
    let cancel = ["mark": try mark(unit, unit + "/codes"), "code": id, "reason": "không cần"]
    #expect(try chief.post(unit + "/codes", cancel.merging(["code": "ffff"]) { $1 }).status == 422)
    #expect(try chief.post(unit + "/codes", cancel).status == 303)
    #expect(try chief.post(unit + "/codes", cancel).status == 422, "drawn before")
    #expect(!(try chief.get(unit).text.contains("name=\"code\"")))

    // A headcount: two operators, the second from an old page.
    let people = ["mark": try mark(unit, unit + "/headcount"), "people": "31", "reason": "thêm hai người"]
    #expect(try duty.post(unit + "/headcount", people).status == 403)
    for wrong in ["-1", "x", "99999999999999999999", ""] {
      #expect(try chief.post(unit + "/headcount", people.merging(["people": wrong]) { $1 }).status == 422, "\(wrong)")
    }
    #expect(try chief.post(unit + "/headcount", people).status == 303)
    #expect(try chief.post(unit + "/headcount", people.merging(["people": "5"]) { $1 }).status == 422)
    #expect(try chief.get(unit).text.contains("value=\"31\""))

    // More time for this unit alone, and back.
    let more = ["mark": try mark(unit, unit + "/window"), "closes": "2024-04-03 22:00", "reason": "mất điện"]
    #expect(try duty.post(unit + "/window", more).status == 403 && part.post(unit + "/window", more).status == 404)
    for wrong in ["soon", "", "2026-04-03 22:00"] {
      #expect(try chief.post(unit + "/window", more.merging(["closes": wrong]) { $1 }).status == 422, "\(wrong)")
    }
    #expect(try chief.post(unit + "/window", more.merging(["reason": " "]) { $1 }).status == 422)
    #expect(try chief.post(unit + "/window", more).status == 303)
    #expect(try chief.post(unit + "/window", more).status == 422, "drawn before")
    #expect(try duty.get(unit).text.contains("Gia hạn riêng") && duty.get("/setup").text.contains("Đơn vị được gia hạn riêng"))
    let back = ["mark": try mark(unit, unit + "/window"), "closes": "2024-04-01 22:00", "reason": "có điện lại"]
    #expect(try chief.post(unit + "/window", back).status == 303)
    #expect(try !duty.get("/setup").text.contains("Đơn vị được gia hạn riêng"))

    // The name and the owner of a device, and taken away again.
    let page = "/device/\(device)"
    let name = ["do": "label", "mark": try mark(page, page), "label": "điện thoại 2", "owner": "<b>Lan</b>", "reason": "dán nhãn"]
    #expect(try chief.post(page, name.merging(["label": " "]) { $1 }).status == 422)
    #expect(try chief.post(page, name).status == 303)
    #expect(try chief.get(page).text.contains("điện thoại 2") && chief.get(page).text.contains("&lt;b&gt;Lan"))
    #expect(try chief.post(page, name).status == 422, "drawn before")
    #expect(try chief.post(page, name.merging(["mark": mark(page, page), "owner": ""]) { $1 }).status == 303)
    #expect(!(try chief.get(page).text.contains("Lan")))

    // The days: said before, then changed.
    let days = [
      "mark": try mark("/setup", "/setup"), "opens": "2024-04-01 06:00", "closes": "2024-04-02 22:00", "grace": "60", "added": "2024-04-02",
      "reason": "mất điện",
    ]
    #expect(try duty.get("/setup").status == 200 && !duty.get("/setup").text.contains("name=\"closes\""))
    #expect(try duty.post("/setup", days).status == 403 && part.post("/setup", days).status == 422)
    let before = try chief.get("/setup").text
    let look = try chief.post("/setup", days.merging(["do": "preview", "reason": ""]) { $1 })
    #expect(look.status == 200 && look.text.contains("Sẽ đổi:") && look.text.contains("2024-04-02 22:00"))
    #expect(try chief.get("/setup").text == before, "looking changes nothing")
    for (field, wrong) in [("closes", "2024-03-01 00:00"), ("closes", "soon"), ("grace", "-1"), ("added", "31/04")] {
      #expect(try chief.post("/setup", days.merging(["do": "preview", field: wrong]) { $1 }).status == 422, "\(field) \(wrong)")
    }
    #expect(try chief.post("/setup", days.merging(["do": "change", "reason": ""]) { $1 }).status == 422)
    #expect(try chief.post("/setup", days.merging(["do": "change"]) { $1 }).status == 303)
    #expect(try chief.post("/setup", days.merging(["do": "change"]) { $1 }).status == 422, "drawn before")
    #expect(try chief.get("/setup").text.contains("02/04"))
    let synced = try await field.run(["sync"] + clock)
    #expect(synced.code == 0, "\(synced.err)")
    #expect(try await field.run(clock).out.contains("open until 2024-04-02"), "a device hears of it")

    // Held work is repaired.
    let there = "/held/\(held)"
    #expect(try duty.get(there).text.contains("name=\"set-day\" value=\"hôm nay\""))
    let repair = ["do": "repair", "set-day": "2024-04-01", "was-day": "hôm nay", "reason": "ghi nhầm"]
    #expect(try duty.post(there, repair.merging(["reason": ""]) { $1 }).status == 422)
    #expect(try duty.post(there, repair.merging(["set-day": "hôm nay"]) { $1 }).status == 422, "nothing is changed")
    #expect(try duty.post(there, repair.merging(["set-day": "ngày mai"]) { $1 }).status == 422, "no day either")
    #expect(try duty.post(there, repair).status == 303)
    #expect(try duty.post(there, repair).status == 422, "held no more")
    #expect(try duty.get("/posts").text.contains("viết tay"))

    // A post is hidden, and shown again.
    let own = "/post/\(post)"
    #expect(try duty.get("/posts").text.contains("href=\"\(own)\""))
    let hide = ["do": "hide", "mark": try duty.mark(own), "reason": "<i>trùng</i>"]
    #expect(try duty.post(own, hide.merging(["reason": ""]) { $1 }).status == 422)
    #expect(try duty.post(own, hide).status == 303)
    #expect(try duty.post(own, hide).status == 422, "drawn before")
    #expect(try duty.get(own).text.contains("Đã ẩn: &lt;i&gt;trùng") && !part.get("/posts").text.contains("Loa phường"))
    #expect(try duty.post(own, ["do": "show", "mark": duty.mark(own), "reason": "không trùng"]).status == 303)
    #expect(!(try duty.get(own).text.contains("Đã ẩn")))
    #expect(try part.get(own).status == 404)

    let acts = try await HubTool.run(["acts", "--json", "--dir", dir]).output
    for kind in [
      "enroll", "codes cancel", "campaign headcount", "devices label", "campaign window", "held repair", "posts --hide", "posts --unhide",
    ] { #expect(acts.contains("\"\(kind)\""), "\(kind)") }
    #expect(await hub.stop() == 0)
  }
}
