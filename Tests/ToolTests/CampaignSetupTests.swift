import FormWeb
import Foundation
import Spreadsheet
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// The campaign's definition, its forms and the tags of units are changed in the browser: shown first, with a reason, never from an old page.
@Suite(.serialized) struct CampaignSetupTests {
  /// 2024-04-01 14:00 in Vietnam.
  private static let nowMs: UInt64 = 1_711_954_800_000

  /// The campaign's form as a workbook, with other settings and other rows of its survey.
  private static func workbook(version: String, survey change: ([String], [String]) -> [String] = { $1 }) throws -> Data {
    let sheets = try ["survey", "choices", "settings"].map { name in
      let table = try CSVTable(try Data(contentsOf: URL(fileURLWithPath: "\(HubTool.campaign)/pks01.xlsform/\(name).csv")))
      let rows = table.records.filter { !$0.isBlank }.map { record -> [SheetCell] in
        var fields = record.fields + Array(repeating: "", count: max(0, table.header.count - record.fields.count))
        if name == "settings", let index = table.header.firstIndex(of: "version") { fields[index] = version }
        if name == "survey" { fields = change(table.header, fields) }
        return fields.map { $0.isEmpty ? .empty : .text($0) }
      }
      return Sheet(name: name, heading: table.header, rows: rows)
    }
    return try XLSXWriter.data(sheets, title: "", nowMs: 0)
  }

  private func upload(_ who: ConsoleOperator, _ fields: [(String, String)], file: (name: String, data: Data)) throws -> RawCall.Answer {
    let mark = "----boundary7391"
    var body = Data()
    for (name, value) in [("form", who.formToken)] + fields {
      body += Data("--\(mark)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
    }
    body += Data("--\(mark)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(file.name)\"\r\n".utf8)
    body += Data("Content-Type: application/octet-stream\r\n\r\n".utf8) + file.data + Data("\r\n--\(mark)--\r\n".utf8)
    return try RawCall.request(
      "POST", "/forms", port: who.hub.boardPort, headers: [who.cookie, "Content-Type: multipart/form-data; boundary=\(mark)"], body: body)
  }

  private func serve(_ folder: TemporaryFolder) async throws -> (dir: String, clock: [String], hub: ServedHub) {
    let dir = try await HubTool.made(in: folder)
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    return (dir, clock, try await ServedHub(dir, folder, arguments: clock))
  }

  @Test(.long) func aDefinitionIsChangedAfterALook() async throws {
    let folder = try TemporaryFolder()
    let (dir, clock, hub) = try await serve(folder)
    let chief = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let duty = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act")
    let part = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,configure", part: "215")
    let survey = try await SurveyHub.open(at: dir, clock: TestClock(Self.nowMs))
    let standing = try await survey.requirePlan().campaign.definition()
    try survey.close()
    #expect(try duty.get("/campaign").text.contains("<pre") && !duty.get("/campaign").text.contains("<textarea"))
    let typed = standing.replacing("\"reportGraceMinutes\" : 480", with: "\"reportGraceMinutes\" : 600")
    #expect(typed != standing)
    let change = ["mark": try chief.mark("/campaign"), "definition": typed, "reason": "mưa lớn", "do": "change"]
    #expect(try duty.post("/campaign", change).status == 403 && part.post("/campaign", change).status == 422)
    let look = try chief.post("/campaign", change.merging(["do": "preview", "reason": ""]) { $1 })
    #expect(look.status == 200 && look.text.contains("Số phút nộp báo cáo sau nửa đêm: 480 → 600."), "\(look.text.prefix(3000))")
    #expect(try chief.post("/campaign", change.merging(["reason": " "]) { $1 }).status == 422)
    for (wrong, said) in [
      ("{", "JSON"), (typed.replacing("bac-giang-2024", with: "other"), "province.code"), (typed.replacing("pks01", with: "none"), "none"),
      (typed.replacing("2024-04-01 22:00", with: "2020-01-01 00:00"), "closes"), ("<script>alert(1)</script>", "JSON"),
    ] {
      let refused = try chief.post("/campaign", change.merging(["definition": wrong]) { $1 })
      #expect(refused.status == 422 && refused.text.contains(said) && !refused.text.contains("<script>alert"), "\(said)")
      #expect(refused.text.contains("role=\"alert\"") && refused.text.contains("name=\"definition\""), "what was typed stays")
    }
    #expect(try chief.post("/campaign", change).status == 303)
    #expect(try chief.get("/campaign").text.contains("&quot;reportGraceMinutes&quot; : 600"))
    let old = try chief.post("/campaign", change.merging(["definition": standing]) { $1 })
    #expect(old.status == 422, "drawn before")
    // Headcounts as a whole file.
    let csv = try String(contentsOfFile: HubTool.campaign + "/headcount.csv", encoding: .utf8)
    let more = csv.replacing("07201,II,11,9,12,20,32", with: "07201,II,11,10,12,21,33")
    let people = ["mark": try chief.mark("/campaign"), "definition": typed, "headcount": more, "reason": "thêm người", "do": "change"]
    #expect(try chief.post("/campaign", people.merging(["headcount": "code,eligible\n07201,5"]) { $1 }).status == 422)
    let counted = try chief.post("/campaign", people.merging(["do": "preview"]) { $1 })
    #expect(counted.text.contains("Đổi số người của 1 đơn vị: 07201 20 → 21."), "\(counted.text.prefix(3000))")
    #expect(try chief.post("/campaign", people).status == 303)
    let acts = try await HubTool.run(["acts", "--json", "--dir", dir]).output
    #expect(acts.components(separatedBy: "\"campaign change\"").count == 3)
    // The folder that is loaded again is taken as before.
    let loaded = try await HubTool.run(["campaign", "load", HubTool.campaign, "--dir", dir, "--yes"] + clock)
    #expect(loaded.status == 0, "\(loaded.errors)")
    #expect(await hub.stop() == 0)
  }

  @Test(.long) func aFormIsPublishedAndClosedAfterALook() async throws {
    let folder = try TemporaryFolder()
    let (dir, clock, hub) = try await serve(folder)
    let chief = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let duty = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act")
    let part = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,configure", part: "215")
    #expect(try duty.get("/forms").text.contains("2024032601") && !duty.get("/forms").text.contains("<form method=\"post\""))
    let same = try Data(contentsOf: URL(fileURLWithPath: HubTool.campaign + "/pks01.xlsx"))
    let unchanged = try upload(chief, [("do", "look")], file: ("pks01.xlsx", same))
    #expect(unchanged.status == 200 && unchanged.text.contains("Đã đúng như vậy"), "\(unchanged.text.prefix(3000))")
    let other = try Self.workbook(version: "2024032699") { header, fields in
      guard fields[0] == "text", fields[1] == "g6_suggestion" else { return fields }
      return zip(header, fields).map { $0.hasPrefix("label") ? $1 + " (mới)" : $1 }
    }
    #expect(try upload(duty, [("do", "look")], file: ("a.xlsx", other)).status == 403)
    #expect(try upload(part, [("do", "look")], file: ("a.xlsx", other)).status == 422)
    let evil = "<script>alert(1)</script>.xlsx"
    let look = try upload(chief, [("do", "look")], file: (evil, other))
    #expect(look.status == 200 && !look.text.contains("<script>alert"), "\(look.text.prefix(3000))")
    for said in ["pks01 phiên bản 2024032699", "Bản cũ bắt đầu đóng: 2024032601", "Đổi lời của câu (1): g6_suggestion"] {
      #expect(look.text.contains(said), "\(said): \(look.text.prefix(4000))")
    }
    #expect(try !chief.get("/forms").text.contains("2024032699"), "looking changes nothing")
    let mark = try #require(look.text.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/)).output.1.description
    let base64 = try #require(look.text.firstMatch(of: /name="file" value="([A-Za-z0-9+\/=]+)"/)).output.1.description
    #expect(Data(base64Encoded: base64) == other)
    let publish = ["do": "publish", "mark": mark, "file": base64, "file-name": "a.xlsx", "reason": "sửa lời"]
    #expect(try chief.post("/forms", publish.merging(["reason": ""]) { $1 }).status == 422)
    let published = try chief.post("/forms", publish)
    #expect(published.status == 200 && published.text.contains("Đã xuất bản pks01 phiên bản 2024032699"), "\(published.text.prefix(3000))")
    #expect(try chief.post("/forms", publish).status == 422, "drawn before")
    // What cannot be published says why, all at once.
    let broken = try Self.workbook(version: "2024040101") { _, fields in
      fields[1] == "g6_suggestion" ? ["integer"] + fields.dropFirst() : fields
    }
    let refused = try upload(chief, [("do", "look")], file: ("a.xlsx", broken))
    #expect(refused.status == 422 && refused.text.contains("g6_suggestion") && refused.text.contains("Cần sửa"))
    let older = try upload(chief, [("do", "look")], file: ("a.xlsx", Self.workbook(version: "1")))
    #expect(older.status == 422 && older.text.contains("bản mới hơn"))
    for junk in [Data("PK\u{3}\u{4}junk".utf8), Data("<xml".utf8), Data(), Data(repeating: 0, count: 4 << 20)] {
      #expect(try upload(chief, [("do", "look")], file: ("a.xlsx", junk)).status == 422, "\(junk.count)")
    }

    // Closed step by step; each says first what it does.
    let ask = try chief.post("/forms", ["do": "look-closing", "id": "pks01"])
    #expect(ask.status == 200 && ask.text.contains("Không ai được hỏi pks01 nữa"))
    #expect(try chief.post("/forms", ["do": "look-closed", "id": "nothing"]).status == 404)
    let states = try #require(ask.text.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/)).output.1.description
    let closing = ["do": "closing", "id": "pks01", "mark": states, "reason": "hết đợt"]
    #expect(try duty.post("/forms", closing).status == 403 && part.post("/forms", closing).status == 422)
    #expect(try chief.post("/forms", closing.merging(["reason": " "]) { $1 }).status == 422)
    #expect(try chief.post("/forms", closing).status == 200)
    #expect(try chief.post("/forms", closing).status == 422, "drawn before")
    let last = try chief.post("/forms", ["do": "look-closed", "id": "pks01"])
    #expect(last.text.contains("0 phiếu đang niêm phong"))
    let closedMark = try #require(last.text.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/)).output.1.description
    let closed = try chief.post("/forms", ["do": "closed", "id": "pks01", "mark": closedMark, "reason": "hết đợt"])
    #expect(closed.status == 200 && closed.text.contains("Đã đóng pks01"), "\(closed.text.prefix(3000))")
    #expect(try !chief.get("/forms").text.contains("Đóng pks01…"))
    let acts = try await HubTool.run(["acts", "--json", "--dir", dir]).output
    for kind in ["forms publish", "forms state", "close"] { #expect(acts.contains("\"\(kind)\""), "\(kind)") }
    #expect(await hub.stop() == 0)
  }

  @Test(.long) func tagsAreReplacedByAList() async throws {
    let folder = try TemporaryFolder()
    let (dir, clock, hub) = try await serve(folder)
    let chief = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let part = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,configure", part: "215")
    let list = ["mark": try chief.mark("/tags"), "csv": "unit,tag\n07201,union\n07879,union", "reason": "ngành dọc"]
    #expect(try part.post("/tags", list).status == 422)
    for wrong in ["unit,tag\n99999,union", "unit,tag\n07201,<b>", "x"] {
      #expect(try chief.post("/tags", list.merging(["csv": wrong]) { $1 }).status == 422, "\(wrong)")
    }
    #expect(try chief.post("/tags", list.merging(["reason": ""]) { $1 }).status == 422)
    #expect(try chief.post("/tags", list).status == 303)
    #expect(try chief.post("/tags", list).status == 422, "drawn before")
    #expect(try chief.get("/tags").text.contains("#union</a> 2 đơn vị") && chief.get("/unit/07201").text.contains("#union"))
    #expect(try chief.get("/units?tag=union").text.contains("<span id=\"found\"><b>2</b></span>"))
    #expect(try part.get("/tags").text.contains("Chưa đơn vị nào có nhãn"), "tags of foreign units are not told")
    let union = ["do": "invite", "name": "Công đoàn", "may": "read", "tag": "union"]
    let invited = try chief.post("/people", union)
    #expect(invited.status == 200 && invited.text.contains("phạm vi #union"), "\(invited.text.prefix(3000))")
    #expect(try chief.post("/people", union.merging(["tag": "nothing"]) { $1 }).status == 422)
    let empty = ["mark": try chief.mark("/tags"), "csv": "", "reason": "bỏ"]
    #expect(try chief.post("/tags", empty).status == 422, "somebody's part")
    #expect(try await HubTool.run(["people", "tags", "--dir", dir]).output.contains("union: 2 units"))
    #expect(try await HubTool.run(["acts", "--json", "--dir", dir]).output.contains("\"people tags\""))
    #expect(await hub.stop() == 0)
  }

  // MARK: Bodies with files

  @Test func aBodyThatIsNoFormIsNone() {
    let type = "multipart/form-data; boundary=x"
    func fields(_ body: String, _ header: String = type) -> FieldsBody? { UploadBody.fields(Data(body.utf8), contentType: header) }
    let whole =
      "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--x\r\ncontent-disposition: form-data; name=\"f\"; filename=\"é.xlsx\"\r\n\r\n\u{0}\r\n--x--\r\n"
    let read = fields(whole)
    #expect(read?["a"] == "1\r\n2" && read?["f-name"] == "é.xlsx" && read?["f"] == Data([0]).base64EncodedString())
    #expect(fields(whole, "multipart/form-data; boundary=\"x\"")?["a"] == "1\r\n2")
    for (body, header) in [
      (whole, "multipart/form-data"), (whole, "text/plain; boundary=x"), (whole, "multipart/form-data; boundary="),
      (whole, "multipart/form-data; boundary=" + String(repeating: "x", count: 71)), (whole, "multipart/form-data; boundary=y"),
      ("", type), ("--x", type), ("--x\r\n", type), (String(whole.dropLast(8)), type), ("--x\r\n\r\n\r\n1\r\n--x--", type),
      ("--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--x--", type),
      ("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\u{0}\r\n--x--", type),
      (String(repeating: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", count: 200) + "--x--", type),
    ] { #expect(fields(body, header) == nil, "\(header) \(body.prefix(60).debugDescription)") }
    #expect(fields("--x--\r\n")?.fields.isEmpty == true)
  }
}
