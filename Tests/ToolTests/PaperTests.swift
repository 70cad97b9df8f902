import FormWeb
import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// What leaves the console on paper or for another program: printed codes, and the reports of a day that are typed elsewhere.
@Suite struct PaperTests {
  private static let absent: Comment = "Needs zbarimg and rsvg-convert: run `make deps`."
  private static var hasReader: Bool { ToolProcess.find("zbarimg") != nil && ToolProcess.find("rsvg-convert") != nil }

  private func serve(_ folder: TemporaryFolder) async throws -> (dir: String, clock: [String], hub: ServedHub) {
    let (dir, _, _) = try await ConsoleWorld.make(folder)
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    return (dir, clock, try await ServedHub(dir, folder, arguments: clock + ["--public-url", "https://khaosat.example.org"]))
  }

  @Test(.long, .enabled(if: hasReader, absent)) func everyUnitsCodeIsPrintedAndLeadsToItsForm() async throws {
    let folder = try TemporaryFolder()
    let (dir, clock, hub) = try await serve(folder)
    let duty = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act")
    let looker = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read")
    #expect(try looker.get("/codes").status == 403 && looker.get("/codes/print").status == 403)
    #expect(try duty.get("/codes").text.contains("value=\"https://khaosat.example.org\""))
    let posters = try duty.get("/codes/print?paper=poster").text
    // By group, then by unit.
    let units = posters.matches(of: /<p class="code">(\d{5}) <b>([A-Z0-9]{4}-[A-Z0-9]{4})<\/b>/).map { String($0.output.1) }
    let json = try JSONSerialization.jsonObject(with: try duty.get("/units.json?sort=unit").body) as? [String: Any]
    let all = try #require((json?["tables"] as? [String: [[String: Any]]])?["units"])
    let groups = Dictionary(uniqueKeysWithValues: all.map { ($0["code"] as? String ?? "", $0["group"] as? String ?? "") })
    #expect(units.count == 209 && Set(units) == Set(groups.keys))
    let order = units.map { groups[$0] ?? "" }
    #expect(zip(order, order.dropFirst()).count { $0 != $1 } == Set(order).count - 1, "each group in one piece")
    #expect(zip(units, units.dropFirst()).allSatisfy { groups[$0] != groups[$1] || $0 < $1 })
    // One alone, drawn as a code that a camera reads, and which answers.
    let card = try duty.get("/codes/print?paper=card&unit=07201").text
    #expect(card.contains("print-card.css") && card.matches(of: /<section>/).count == 1 && card.contains("Phường Thọ Xương"))
    let link = try #require(card.firstMatch(of: /<p class="link">(https:[^<]+)</)).output.1
    #expect(posters.contains(">\(link)</p>"), "printed again it is the same code")
    let svg = try #require(card.firstMatch(of: /(?s)<svg.*?<\/svg>/)).output
    try Data(String(svg).utf8).write(to: URL(fileURLWithPath: folder.path + "/code.svg"))
    _ = try await Tool.run(try #require(ToolProcess.find("rsvg-convert")), ["-o", folder.path + "/code.png", folder.path + "/code.svg"])
    let read = try await Tool.run(try #require(ToolProcess.find("zbarimg")), ["--raw", "-q", folder.path + "/code.png"])
    #expect(read.output.trimmingCharacters(in: .whitespacesAndNewlines) == link)
    let target = link.dropFirst("https://khaosat.example.org".count)
    #expect(try RawCall.request("GET", String(target), port: hub.hubPort).status == 200)
    let short = try #require(card.firstMatch(of: /<b>([A-Z0-9]{4})-([A-Z0-9]{4})<\/b>/)).output
    #expect(link.uppercased().hasSuffix(short.1 + short.2))
    for evil in ["javascript:alert(1)", "https://a/b", "http://x?y", String(repeating: "a", count: 300), "%22%3E%3Cscript%3E"] {
      #expect(try duty.get("/codes/print?base=\(ConsoleQuery.part(evil))").status == 404, "\(evil)")
    }
    #expect(try duty.get("/codes/print?unit=nothing").text.contains("<section>") == false)
    #expect(await hub.stop() == 0)
  }

  @Test(.long) func reportsEnteredElsewhereAreMarkedUntilTheyAreCorrected() async throws {
    let folder = try TemporaryFolder()
    let (dir, clock, hub) = try await serve(folder)
    let duty = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act")
    let looker = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read")
    let path = "/reports?day=\(ConsoleWorld.day)"
    let page = try duty.get(path).text
    #expect(page.contains("Số người đã trả lời phiếu") && !page.contains("<script>alert") && page.contains("07201"))
    #expect(try !looker.get(path).text.contains("<form method=\"post\""))
    let row = try #require(page.firstMatch(of: /name="row" value="(07201:[0-9a-f]{16})"/)).output.1
    #expect(try looker.post(path, ["do": "mark", "row": String(row)]).status == 403)
    #expect(try duty.post(path, ["do": "mark"]).status == 422, "no row")
    #expect(try duty.post(path, ["do": "mark", "row": "07201:0000000000000000"]).status == 422, "corrected since the page was drawn")
    #expect(try duty.post(path, ["do": "mark", "row": "07879:\(row.suffix(16))"]).status == 422, "no report")
    #expect(try duty.post("/reports?day=2020-01-01", ["do": "mark", "row": String(row)]).status == 404)
    func entered() throws -> [[String: Any]] {
      let json = try JSONSerialization.jsonObject(with: try looker.get("/reports.json?day=\(ConsoleWorld.day)").body) as? [String: Any]
      return try #require((json?["tables"] as? [String: [[String: Any]]])?["reports"])
    }
    #expect(try entered().count == 1 && entered()[0]["entered"] as? Bool == false)
    #expect(try duty.post(path, ["do": "mark", "row": String(row)]).status == 303)
    #expect(try entered()[0]["entered"] as? Bool == true && entered()[0]["enteredBy"] as? String == "Trực ban read,act")
    #expect(try entered()[0]["answer_officials_total"] as? Int == 20)
    // A conflict that is settled the other way changes what stands.
    let survey = try await SurveyHub.open(at: dir, clock: TestClock(ConsoleWorld.nowMs))
    let conflict = try #require(try await survey.hub.openConflicts(scope: "07201").first { $0.member == "answered" })
    _ = try await survey.decide(conflict.id, .take, by: "x", because: "y")
    try survey.close()
    #expect(try entered()[0]["correctedSince"] as? Bool == true && entered()[0]["entered"] as? Bool == false)
    #expect(try duty.get(path).text.contains("đã sửa sau khi nhập"))
    #expect(try duty.post(path, ["do": "mark", "row": String(row)]).status == 422)
    #expect(try duty.post(path, ["do": "unmark", "row": String(row)]).status == 303)
    #expect(try entered()[0]["enteredBy"] is NSNull)
    let acts = try await HubTool.run(["acts", "--dir", dir]).output
    #expect(acts.contains("reports entered \(ConsoleWorld.day)") && acts.contains("reports not entered"))
    // The page and its file have the same figures.
    let file = try CSVReader(try duty.get("/reports.csv?day=\(ConsoleWorld.day)").body).map { try $0.get() }
    let answered = "\(try entered()[0]["answer_answered"] ?? "")"
    #expect(file.count == 1 && file[0]["Mã"] == "07201" && file[0]["Số người đã trả lời phiếu"] == answered)
    #expect(await hub.stop() == 0)
  }
}
