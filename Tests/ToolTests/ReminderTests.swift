import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit

/// Units are reminded with their own figures: on the page, on the device by the real `field`, in the chat group and by telephone.
@Suite(.serialized) struct ReminderTests {
  /// 2024-04-01 14:00 in Vietnam.
  private static let nowMs: UInt64 = 1_711_954_800_000

  @Test(.long) func remindedOnceAnHourAndAcknowledged() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let duty = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act")
    let chief = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let looker = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read")
    let elsewhere = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act", part: "215")
    let contacts = "unit,role,name,phone,joined\n07201,tổ trưởng,Lan,0912 345 678,1"
    #expect(try chief.post("/contacts", ["csv": contacts, "mark": chief.mark("/contacts")]).status == 303)

    let made = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir] + clock).output
    let code = try #require(made.firstMatch(of: /"code" ?: ?"([^"]+)"/)).output.1
    try FileManager.default.createDirectory(atPath: folder.path + "/device", withIntermediateDirectories: true)
    let field = ToolProcess(name: "field", folder: folder.path + "/device")
    func run(_ arguments: String...) async throws -> String {
      let ended = try await field.run(arguments + clock)
      #expect(ended.code == 0, "\(arguments) \(ended.err)")
      return ended.out
    }
    _ = try await run("enroll", String(code), "--hub", "http://127.0.0.1:\(hub.hubPort)", "--label", "văn thư")

    // Each unit's text has its own figures; only who may act reminds, and only units of their own part.
    #expect(try looker.get("/remind?units=07201").status == 403)
    let page = try duty.get("/remind?units=07201,07204").text
    #expect(page.contains("Gửi tổ công tác Phường Thọ Xương (07201): tính đến 14:00, đã nhận 0/"), "\(page)")
    #expect(page.contains("thiếu báo cáo đã quá hạn các ngày 29/03, 30/03, 31/03") && page.contains("chưa có máy nào liên lạc"))
    func fields(_ texts: [String: String], _ page: String) throws -> [String: String] {
      var fields: [String: String] = [:]
      for (unit, text) in texts {
        let mark = try #require(page.firstMatch(of: try Regex("name=\"mark-\(unit)\" value=\"([0-9a-f]+)\"")))
        fields["mark-\(unit)"] = String(mark.output[1].substring ?? "")
        (fields["text-\(unit)"], fields["unit"]) = (text, unit)
      }
      return fields
    }
    let evil = "Đề nghị gửi báo cáo.\n<script>alert(1)</script>\u{202E}\u{1B}[31m"
    let form = try fields(["07201": evil], page)
    #expect(try elsewhere.get("/remind?units=07201").text.contains("Lúc này không đơn vị nào cần nhắc"))
    #expect(try elsewhere.post("/remind", form).status == 404)
    #expect(try looker.post("/remind", form).status == 403)
    #expect(try duty.post("/remind", form.merging(["unit": ""]) { $1 }).status == 404)
    #expect(try duty.post("/remind", form.merging(["text-07201": " "]) { $1 }).status == 422)
    #expect(try duty.post("/remind", form.merging(["text-07201": String(repeating: "ồ", count: 700)]) { $1 }).status == 422)
    let stale = try duty.post("/remind", form.merging(["mark-07201": "0"]) { $1 })
    #expect(stale.status == 409 && stale.text.contains("vừa đổi"), "drawn from another state")
    let sent = try duty.post("/remind", form.merging(["added": "Gọi 0204 3 854 xxx."]) { $1 })
    let place = try #require(sent.headers["location"])
    #expect(sent.status == 303 && place.hasPrefix("/reminder/"))
    let list = try duty.get(place).text
    #expect(list.contains("href=\"tel:0912345678\"") && list.contains("Gọi 0204 3 854 xxx.") && list.contains("chưa</b>"))
    #expect(!list.contains("<script>alert") && !list.contains("\u{202E}"))
    #expect(try elsewhere.get(place).status == 404)
    #expect(try duty.get("/now").text.contains("đã nhắc 14:00: 1 xã, 0 đã xem"))

    // The same again within the hour asks first, also another operator; then it goes.
    let again = try chief.post("/remind", form)
    #expect(again.status == 409 && again.text.contains("Chưa gửi gì: 1 xã đã được nhắc trong giờ vừa qua: 07201 14:00"))
    #expect(try duty.get("/unit/07201").text.components(separatedBy: "Đề nghị gửi báo cáo.").count == 2, "nothing was sent")
    let known = try #require(again.text.firstMatch(of: /name="known" value="([^"]+)"/)).output.1.description
    #expect(try chief.post("/remind", form.merging(["known": known]) { $1 }).status == 303)
    #expect(try chief.post("/remind", form.merging(["known": known]) { $1 }).status == 409, "the one just sent is not known")

    // The device has both, and the group says that it has seen them.
    #expect(try await run("sync").contains("2 messages have not been seen"))
    #expect(try await run("--lang", "vi").contains("Có 2 lời nhắc chưa xem: field inbox"))
    let inbox = try await run("inbox", "--lang", "vi")
    #expect(inbox.contains("Lời nhắc, Trực ban read,act") && inbox.contains("Gọi 0204 3 854 xxx.") && !inbox.contains("\u{1B}"))
    #expect(try await run("inbox", "--read").contains("Acknowledged 2"))
    _ = try await run("sync")
    #expect(try duty.get(place).text.contains("✓ 14:00"))
    #expect(try duty.get("/unit/07201").text.contains("xã đã xem"))

    // An hour later nobody is asked.
    try FileClock.set(Self.nowMs + 3_700_000, at: file)
    let later = try duty.get("/remind?units=07201").text
    #expect(try duty.post("/remind", try fields(["07201": "Lần ba"], later)).status == 303)
    #expect(try await HubTool.run(["acts", "--json", "--dir", dir]).output.contains("\"remind\""))
    #expect(await hub.stop() == 0)
  }
}
