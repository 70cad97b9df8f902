import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit

/// A report is read on its page, sent back with a comment, corrected on a device by the real `field`, and looked at again.
@Suite(.serialized) struct ReturnedReportTests {
  /// 2024-04-01 14:00 in Vietnam.
  private static let nowMs: UInt64 = 1_711_954_800_000
  private static let page = "/report/07201/2024-04-01"

  @Test(.long) func sentBackCorrectedAndSettled() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let duty = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act")
    let looker = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read")

    let made = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir] + clock).output
    let code = try #require(made.firstMatch(of: /"code" ?: ?"([^"]+)"/)).output.1
    try FileManager.default.createDirectory(atPath: folder.path + "/device", withIntermediateDirectories: true)
    let field = ToolProcess(name: "field", folder: folder.path + "/device")
    func run(_ arguments: String...) async throws -> ToolProcess.Ended {
      let ended = try await field.run(arguments + clock)
      #expect(ended.code == 0, "\(arguments) \(ended.err)")
      return ended
    }
    _ = try await run("enroll", String(code), "--hub", "http://127.0.0.1:\(hub.hubPort)", "--label", "văn thư")
    let example = try await run("report", "--example", "--day", "2024-04-01").out
    try Data(example.utf8).write(to: URL(fileURLWithPath: field.folder + "/report.json"))
    _ = try await run("report", "--from", "report.json")
    _ = try await run("sync")
    #expect(try await run("inbox").out.contains("There are no messages"))

    // Only who may act has the form, and only a page that is still true is heeded.
    #expect(try duty.get(Self.page).text.contains("name=\"words\"") && !looker.get(Self.page).text.contains("name=\"words\""))
    let drawn = try duty.mark(Self.page)
    #expect(try looker.post(Self.page, ["do": "return", "mark": drawn, "words": "x"]).status == 403)
    #expect(try duty.post(Self.page, ["do": "return", "mark": drawn, "words": " \n"]).status == 422)
    #expect(try duty.post(Self.page, ["do": "return", "mark": drawn, "words": String(repeating: "ồ", count: 700)]).status == 422)
    #expect(try duty.post("/report/07201/2024-03-29", ["do": "return", "mark": drawn, "words": "x"]).status == 404, "no such report")
    let evil = "Số người trả lời lớn hơn số cán bộ?\n<script>alert(1)</script>\u{202E}\u{1B}[31m"
    #expect(try duty.post(Self.page, ["do": "return", "mark": drawn, "words": evil]).status == 303)
    #expect(try duty.post(Self.page, ["do": "return", "mark": drawn, "words": "x"]).status == 422, "two operators")
    let waiting = try duty.get("/decide").text
    #expect(waiting.contains("chờ xã: chưa xem") && !waiting.contains("<script>alert") && !waiting.contains("\u{1B}"))

    // The group hears of it by sync, in every place it looks at.
    #expect(try await run("sync").out.contains("1 messages have not been seen: field inbox"))
    let inbox = try await run("inbox")
    #expect(inbox.out.contains("The report of 2024-04-01 is sent back") && inbox.out.contains("Số người trả lời"))
    #expect(!inbox.out.contains("\u{1B}") && !inbox.out.contains("\u{202E}"))
    #expect(try await run("inbox", "--lang", "vi").out.contains("Báo cáo ngày 01/04/2024 bị trả lại"))
    #expect(try await run("status").out.contains("is sent back to be corrected: see field inbox"))
    #expect(try await run("list").out.contains("Sent back, 2024-04-01"))
    #expect(try await run("--lang", "vi").out.contains("bị trả lại, cần sửa: xem field inbox"))
    #expect(try await field.run(["inbox", "abc"] + clock).code == 64)
    #expect(try await field.run(["inbox", "--read", "no-such"] + clock).code == 1)
    #expect(try await run("inbox", "--read").out.contains("Acknowledged 1"))
    #expect(try await run("inbox", "--read").out.contains("Acknowledged 0"), "once is enough")
    _ = try await run("sync")
    #expect(try duty.get("/decide").text.contains("chờ xã: đã xem"))

    // Corrected with a reason: that tells the hub by itself.
    let changed = try #require(example.firstMatch(of: /"answered" *: *(\d+)/).flatMap { Int($0.output.1) })
    #expect(
      try await field.run(["report", "--day", "2024-04-01", "--set", "answered=\(changed - 1)"] + clock).code == 1, "without a reason")
    _ = try await run("report", "--day", "2024-04-01", "--set", "answered=\(changed - 1)", "--reason", "đếm lại")
    #expect(try await run("inbox").out.contains("văn thư corrected it: “đếm lại”"))
    #expect(try await run("list").out.contains("Sent back") == false)
    _ = try await run("sync")
    let decide = try duty.get("/decide").text
    #expect(decide.contains("chờ mình: xã đã sửa, xem lại") && decide.contains("đếm lại"))
    #expect(try duty.get("/unit/07201").text.contains("Xem lại báo cáo 01/04 đã trả lại"))

    // Settled; the group sees by whom.
    let notice = try #require(try duty.get(Self.page).text.firstMatch(of: /name="notice" value="([^"]+)"/)).output.1.description
    let mark = try duty.mark(Self.page)
    #expect(try duty.post(Self.page, ["do": "settle", "mark": drawn, "notice": notice, "reason": "đúng rồi"]).status == 422, "an old page")
    #expect(try duty.post(Self.page, ["do": "settle", "mark": mark, "notice": notice, "reason": " "]).status == 422)
    #expect(try duty.post(Self.page, ["do": "settle", "mark": mark, "notice": notice, "reason": "đúng rồi"]).status == 303)
    #expect(try duty.get("/decide").text.contains("Trả lại") == false)
    _ = try await run("sync")
    #expect(try await run("inbox").out.contains("Settled, Trực ban read,act: đúng rồi"))

    // One that is right as it is gets an answer in words.
    try FileClock.set(Self.nowMs + 60_000, at: file)
    #expect(try duty.post(Self.page, ["do": "return", "mark": duty.mark(Self.page), "words": "Lại lần nữa"]).status == 303)
    _ = try await run("sync")
    let id = try #require(try await run("inbox").out.firstMatch(of: /^([0-9a-f]{8})/)).output.1
    _ = try await run("inbox", "--read", String(id), "--say", "Số đúng, đã đối chiếu")
    _ = try await run("sync")
    #expect(try duty.get(Self.page).text.contains("chờ mình: xã đã trả lời, xem lại"))
    #expect(try duty.get(Self.page).text.contains("Số đúng, đã đối chiếu"))
    let acts = try await HubTool.run(["acts", "--json", "--dir", dir]).output
    #expect(acts.contains("\"report return\"") && acts.contains("\"report settle\""))
    #expect(await hub.stop() == 0)
  }
}
