import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// An operator's day by posted forms: call and note, contacts, decide, revoke and restore, take the tables away.
@Suite struct ConsoleActTests {
  @Test(.long) func anOperatorsDayByForms() async throws {
    let folder = try TemporaryFolder()
    let (dir, conflict, device) = try await ConsoleWorld.make(folder, units: ["07201", "07260"])
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let duty = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act")
    let chief = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let looker = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read")

    // Hostile text of a device is shown and does nothing, on every page that has it.
    for path in [
      "/unit/07201", "/report/07201/\(ConsoleWorld.day)", "/conflict/\(conflict)", "/device/\(device)", "/decide", "/now", "/units",
    ] {
      let page = try duty.get(path)
      #expect(
        page.status == 200 && !page.text.contains("<script>") && !page.text.contains("\u{202E}") && !page.text.contains("\u{1B}"), "\(path)"
      )
    }
    #expect(try duty.get("/unit/07201").text.contains("&lt;script&gt;alert(1)"))

    // Calls, and notes the outcome.
    let list = "unit,role,name,phone,joined\n07204,tổ trưởng,\"Lan, Hoa\",0912 345 678,1"
    #expect(try duty.post("/contacts", ["csv": list]).status == 403)
    func mark(_ page: String) throws -> String {
      try #require(page.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/)).output.1.description
    }
    let empty = try mark(chief.get("/contacts").text)
    #expect(try chief.post("/contacts", ["csv": list, "mark": empty]).status == 303)
    let filled = try mark(chief.get("/contacts").text)
    #expect(try chief.post("/contacts", ["csv": "unit,phone\nnowhere,1", "mark": filled]).status == 422)
    #expect(try chief.post("/contacts", ["csv": "a text that is no list", "mark": filled]).status == 422)
    // A list that was opened before, or of a part of the tree, does not take the place of the whole.
    #expect(try chief.post("/contacts", ["csv": "unit,phone", "mark": empty]).status == 422)
    #expect(try !chief.get("/contacts?scope=213").text.contains("name=\"csv\"") && chief.get("/contacts?scope=213").status == 200)
    #expect(try chief.post("/contacts?scope=213", ["csv": "unit,phone", "mark": filled]).status == 404)
    #expect(try chief.get("/contacts").text.contains("name=\"mark\" value=\"\(filled)\""))
    #expect(try duty.get("/now").text.contains("href=\"tel:0912345678\""))
    #expect(try looker.post("/unit/07204/call", ["outcome": "solved"]).status == 403)
    #expect(try duty.post("/unit/07204/call", ["outcome": "promised", "until": "9 o'clock"]).status == 422)
    let noted = try duty.post(
      "/unit/07204/call", ["outcome": "promised", "until": "13:30", "note": ConsoleWorld.evil, "to": "/now?page=1"])
    #expect(noted.status == 303 && noted.headers["location"] == "/now?page=1")
    #expect(try duty.post("/unit/07207/call", ["outcome": "promised", "until": "16:00"]).status == 303)
    let now = try duty.get("/now").text
    let order = ["07204", "07210", "07207"].map { code in now.range(of: "<small>\(code)</small>")?.lowerBound ?? now.endIndex }
    #expect(order == order.sorted(), "a promise that is due comes first, one for later last")
    #expect(now.contains("đã quá hẹn") && now.contains("Trực ban read,act") && !now.contains("<script>"))
    #expect(!(try looker.get("/now").text).contains("<form method=\"post\""), "who may only read gets no forms")

    // What each way of deciding would leave stands on the page before anybody decides.
    let first = try duty.get("/conflict/\(conflict)").text
    #expect(first.contains("Sau khi quyết, báo cáo sẽ") && first.contains("giữ cả cột phải") && first.contains("✓ không"))
    #expect(first.contains("/2</span>") && first.contains("sau ›") != first.contains("‹ trước"), "the conflicts stand in a row")
    #expect(first.contains("Từ 0 đến tổng số cán bộ, công chức."), "what the form takes")
    let look = ["do": "preview", "choice-\(conflict)": "value", "value-\(conflict)": "7", "reason": "gọi lại"]
    let shown = try duty.post("/conflict/\(conflict)", look)
    #expect(shown.status == 200 && shown.text.contains("quyết như đang chọn") && shown.text.contains("value=\"gọi lại\""))
    #expect(shown.text.contains("→ <b>35"), "computed anew")
    #expect(shown.text.firstMatch(of: /value="value" checked/) != nil && shown.text.contains("value=\"7\""), "what was chosen stays")
    let refused = try duty.post("/conflict/\(conflict)", look.merging(["value-\(conflict)": "999"]) { $1 })
    #expect(refused.status == 200 && refused.text.contains("✗"), "why a value is not taken is said before")
    #expect(try duty.get("/conflict/\(conflict)").text == first, "looking changes nothing")
    #expect(try looker.post("/conflict/\(conflict)", look).status == 403)

    // Those about the same question elsewhere, together, after a look at each.
    #expect(first.contains("Giống thế này: 2"))
    let alike = try duty.get("/alike/\(conflict)").text
    let picks = alike.matches(of: /name="pick" value="([^"]+)"/).map { String($0.output.1) }
    let theirs = try #require(picks.first { $0 != conflict })
    #expect(picks.count == 2 && alike.contains("07260"))
    let many = ["mark": try duty.mark("/alike/\(conflict)"), "pick": theirs, "all": "take", "reason": "hỏi lại cả hai"]
    #expect(try looker.post("/alike/\(conflict)", many).status == 403)
    #expect(try duty.post("/alike/\(conflict)", many.merging(["reason": " "]) { $1 }).status == 422)
    #expect(try duty.post("/alike/\(conflict)", many.merging(["pick": "x"]) { $1 }).status == 404)
    #expect(try duty.post("/alike/\(conflict)", many.merging(["mark": "1"]) { $1 }).status == 422)
    #expect(try duty.post("/alike/\(conflict)", many).status == 303)
    #expect(try duty.get("/conflict/\(theirs)").text.contains("đã quyết: Trực ban read,act — hỏi lại cả hai"))
    #expect(try duty.post("/alike/\(conflict)", many).status == 422, "drawn before")

    // A conflict, from a page that is no longer true, without a reason, and as it should be.
    let page = try duty.get("/conflict/\(conflict)").text
    #expect(page.contains("Số người đã trả lời phiếu") && page.contains("một"))
    let mark = String(try #require(page.firstMatch(of: /name="mark" value="([0-9a-f]+)"/)).output.1)
    #expect(try duty.post("/conflict/\(conflict)", ["mark": "1", "choice-\(conflict)": "take", "reason": "x"]).status == 422)
    #expect(try duty.post("/conflict/\(conflict)", ["mark": mark, "choice-\(conflict)": "take"]).status == 422)
    let wrong = try duty.post(
      "/conflict/\(conflict)", ["mark": mark, "choice-\(conflict)": "value", "value-\(conflict)": "999", "reason": "x"])
    #expect(wrong.status == 422, "a value that the form does not take")
    let settled = try duty.post("/conflict/\(conflict)", ["mark": mark, "choice-\(conflict)": "take", "reason": "hỏi lại xã"])
    #expect(settled.status == 303, "\(settled.text)")
    #expect(
      try duty.post("/conflict/\(conflict)", ["mark": mark, "choice-\(conflict)": "keep", "reason": "x"]).status == 422, "two operators")
    #expect(try duty.get("/conflict/\(conflict)").text.contains("đã quyết: Trực ban read,act — hỏi lại xã"))

    // A device.
    #expect(try duty.post("/device/\(device)", ["do": "revoke", "reason": "mất máy"]).status == 403)
    #expect(try chief.post("/device/\(device)", ["do": "revoke", "reason": " "]).status == 422)
    #expect(try chief.post("/device/\(device)", ["do": "revoke", "reason": "mất máy"]).status == 303)
    let log = try duty.get("/device/\(device)").text
    #expect(log.contains("thu hồi quyền của máy: máy đang dùng 4 → 3; máy đã thu hồi 0 → 1 — “mất máy”") && !log.contains("devices revoke"))
    let found = try duty.get("/devices?q=mot").text
    #expect(found.contains("<h1>Máy <b>2</b></h1>") && found.contains("/device/\(device)") && found.contains("1 máy đã thu hồi."))
    #expect(try duty.get("/devices?q=khongco").text.contains("Không tìm thấy máy nào như “khongco”."))
    #expect(try duty.get("/devices.csv?scope=223").text.split(separator: "\r\n").count == 1, "those of their part alone")
    #expect(try chief.post("/device/\(device)", ["do": "restore", "reason": "tìm thấy"]).status == 303)
    #expect(try chief.post("/held/1-1", ["do": "decline", "reason": "x"]).status == 422, "held no more")

    // The same figures as a file, without formulas.
    let table = try duty.get("/units.csv?sort=unit")
    let reader = try CSVReader(table.body)
    let rows = try reader.map { try $0.get() }
    #expect(
      table.headers["content-disposition"] == "attachment; filename=\"units-203104011400.csv\""
        && table.body.prefix(3) == Data([0xEF, 0xBB, 0xBF]))
    #expect(rows.count == 209 && rows[0]["Mã"] == "07201" && rows.allSatisfy { $0["Người được hỏi"] != "" })
    #expect(try CSVReader(try duty.get("/now.csv").body).map { try $0.get() }.first?["Mã"] == "07204")

    let acts = try await HubTool.run(["acts", "--json", "--dir", dir]).output
    for kind in ["call promised", "contacts", "resolve", "devices revoke", "devices restore"] {
      #expect(acts.contains("\"\(kind)\""), "\(kind)")
    }
    #expect(await hub.stop() == 0)
  }
}
