import Foundation
import Spreadsheet
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// Tables taken away: what other programs read of them is what the pages show.
@Suite struct TakeAwayTests {
  private static let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/sheets.py").path
  private static let hasPython = FileManager.default.isExecutableFile(atPath: WebFormTests.python)
  private static let hasOffice = FileManager.default.isExecutableFile(atPath: "/usr/bin/soffice")

  private static func sheets(_ data: Data, _ folder: TemporaryFolder) async throws -> [String: [String: Any]] {
    let file = folder.path + "/read.xlsx"
    try data.write(to: URL(fileURLWithPath: file))
    let ended = try await Tool.run(WebFormTests.python, [script, file])
    let read = try JSONSerialization.jsonObject(with: Data(ended.output.utf8))
    return try #require(read as? [String: [String: Any]], "\(ended.errors)")
  }

  private static func rows(_ sheet: [String: Any]?) throws -> [[String]] {
    try #require(sheet?["rows"] as? [[Any]]).map { $0.map { $0 is NSNull ? "" : "\($0)" } }
  }

  private static let hostile = [
    "=1+1", "+84 912", "@x", "-2", "07201", "1e5", "a\"b,c", "dòng một\ndòng hai", "_x0041_", "\u{202E}ngược\u{1B}[31m", "http://x.vn",
    " a ",
    "\u{FFFE}", "💧", "",
  ]

  @Test(.enabled(if: hasPython, "needs .build/python: make deps")) func aWorkbookHoldsTextsAsTextsAndNumbersAsNumbers() async throws {
    let folder = try TemporaryFolder()
    let texts = Sheet(name: "Bảng [1]: a/b", heading: ["Chữ", "Số"], rows: Self.hostile.map { [.text($0), .number($0.count)] })
    let numbers = Sheet(
      name: "bảng -1-- A-B", heading: ["n"], rows: [[.number(.max >> 11)], [.number(-5)], [.decimal(33.3)], [.decimal(.nan)], [.empty]])
    let data = try XLSXWriter.data([texts, numbers, Sheet(name: "", heading: [])], title: "Thử", nowMs: 1_932_793_200_000)
    #expect(try XLSXWriter.data([texts, numbers, Sheet(name: "", heading: [])], title: "Thử", nowMs: 1_932_793_200_000) == data)
    let sheets = try await Self.sheets(data, folder)
    #expect(Set(sheets.keys) == ["Bảng -1-- a-b", "bảng -1-- A-B 2", "3 "])
    let read = try Self.rows(sheets["Bảng -1-- a-b"])
    #expect(read.first == ["Chữ", "Số"])
    #expect(
      read.dropFirst().map { $0[0] } == [
        "=1+1", "+84 912", "@x", "-2", "07201", "1e5", "a\"b,c", "dòng một\ndòng hai", "_x0041_", "ngược[31m", "http://x.vn", " a ",
        "\u{FFFD}", "💧", "",
      ])
    #expect(read.dropFirst().map { $0[1] } == Self.hostile.map { "\($0.count)" })
    #expect(try Self.rows(sheets["bảng -1-- A-B 2"]).map { $0[0] } == ["n", "4503599627370495", "-5", "33.3"])
    #expect(sheets.values.allSatisfy { $0["formulas"] as? Int == 0 && $0["frozen"] as? String == "A2" })
    #expect(sheets["Bảng -1-- a-b"]?["filter"] as? String == "A1:B\(Self.hostile.count + 1)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: NSTemporaryDirectory()).allSatisfy { !$0.hasPrefix("spreadsheet-") })
  }

  @Test func whatAWorkbookCannotHoldIsSaidAndCSVHoldsIt() throws {
    let long = Sheet(name: "a", heading: ["b"], rows: [[.empty], [.empty, .text(String(repeating: "đ", count: 32_768))]])
    #expect(throws: SheetFault.cellTooLong(sheet: "a", row: 3, column: 2, characters: 32_768)) {
      try XLSXWriter.data([long], title: "", nowMs: 0)
    }
    #expect(throws: SheetFault.sheets(0)) { try XLSXWriter.data([], title: "", nowMs: 0) }
    #expect(throws: SheetFault.tooManyColumns(sheet: "c", columns: 16_385)) {
      try XLSXWriter.data([Sheet(name: "c", heading: Array(repeating: "x", count: 16_385))], title: "", nowMs: 0)
    }
    #expect(long.csv.count > 65_536)
    let sheet = Sheet(
      name: "", heading: ["=h"], rows: [[.text("=1+1"), .text(" \t-2"), .text("a\"b"), .text("a\nb"), .number(-2), .empty]])
    #expect(String(decoding: sheet.csv, as: UTF8.self) == "\u{FEFF}\"'=h\"\r\n\"'=1+1\",\"'  -2\",\"a\"\"b\",\"a b\",-2,\r\n")
  }

  /// Pages with tables, of which `report`, `conflict` and `device` stand for one each.
  private static func pages(_ conflict: String, _ device: String) -> [String] {
    [
      "/now", "/overview", "/units", "/reports", "/contacts", "/decide", "/posts", "/results", "/people", "/unit/07201",
      "/device/\(device)",
      "/report/07201/\(ConsoleWorld.day)", "/conflict/\(conflict)",
    ]
  }

  @Test(.long, .enabled(if: hasPython, "needs .build/python: make deps")) func everyPagesTablesAreTheSameInEveryFormat() async throws {
    let folder = try TemporaryFolder()
    let (dir, conflict, device) = try await ConsoleWorld.make(folder)
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let chief = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act,configure,answers")
    for page in Self.pages(conflict, device) {
      let json = try chief.get(page + ".json")
      #expect(json.status == 200 && json.headers["content-type"] == "application/json", "\(page) \(json.text)")
      let document = try #require(try JSONSerialization.jsonObject(with: json.body) as? [String: Any])
      let tables = try #require(document["tables"] as? [String: [[String: Any]]])
      let book = try chief.get(page + ".xlsx")
      let sheets = try await Self.sheets(book.body, folder)
      #expect(sheets.count == tables.count && !tables.isEmpty, "\(page)")
      #expect(sheets.values.allSatisfy { $0["formulas"] as? Int == 0 })
      var counts: [Int] = []
      for (key, rows) in tables {
        let csv = try chief.get("\(page).csv?table=\(key)").body
        let read = try CSVReader(csv).map { try $0.get() }
        #expect(read.count == rows.count, "\(page) \(key)")
        counts.append(rows.count)
      }
      #expect(try sheets.values.map { try Self.rows($0).count - 1 }.sorted() == counts.sorted(), "\(page)")
      #expect(!json.text.contains("\u{202E}") && !json.text.contains("\u{1B}"))
    }
    // The same rows by the same query and scope.
    let found = try chief.get("/units.json?q=hoa&sort=unit&lang=en")
    let units = try #require(
      ((try JSONSerialization.jsonObject(with: found.body) as? [String: Any])?["tables"] as? [String: [[String: Any]]])?["units"])
    let page = try chief.get("/units?q=hoa&sort=unit&lang=en").text
    #expect(!units.isEmpty && units.allSatisfy { page.contains("<small>\($0["code"] as? String ?? "?")</small>") })
    #expect(page.contains("<span id=\"found\"><b>\(units.count)</b></span>"))
    #expect(page.contains("href=\"/units.xlsx?q=hoa&amp;sort=unit&amp;lang=en\"") && page.contains(">XLSX</a>"))
    let part = try #require(try JSONSerialization.jsonObject(with: chief.get("/units.json?scope=213").body) as? [String: Any])
    #expect(part["scope"] as? String == "213" && ((part["tables"] as? [String: [Any]])?["units"]?.count ?? 0) < 209)
    // By a program, with a token.
    let token = try await HubTool.run(["people", "token", "truc ban read,act,configure,answers", "--dir", dir] + clock).output
    let bearer = "Authorization: Bearer " + token.trimmingCharacters(in: .whitespacesAndNewlines)
    func call(_ path: String, _ headers: [String]) throws -> RawCall.Answer {
      try RawCall.request("GET", path, port: hub.boardPort, headers: headers)
    }
    #expect(try call("/now.json", [bearer]).status == 200)
    let unknown = try call("/now.json", [])
    #expect(unknown.status == 401 && unknown.text.contains("\"en\":\"Sign in first.\""))
    #expect(try call("/units.json?table=nothing", [bearer]).status == 404)
    #expect(try call("/unit/99999.json", [bearer]).text.contains("\"error\""))
    #expect(try call("/account.json", [bearer]).status == 404 && call("/units.json/", [bearer]).status == 404)
    // A browser keeps the file under a name that says what it is.
    #expect(
      try chief.get("/unit/07201.csv?table=calls").headers["content-disposition"]
        == "attachment; filename=\"unit-07201-calls-203104011400.csv\"")

    if Self.hasOffice {
      let book = try chief.get("/units.xlsx?sort=unit").body
      let path = folder.path + "/units.xlsx"
      try book.write(to: URL(fileURLWithPath: path))
      let ended = try await Tool.run(WebFormTests.python, [Self.script, path, folder.path])
      let office = try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [[String]], "\(ended.errors)")
      #expect(office == (try Self.rows(try await Self.sheets(book, folder)["Đơn vị"])), "LibreOffice reads the same figures")
      #expect(office.count == 210 && office[1][0] == "07201" && office[1][6] == "0")
    }
    #expect(await hub.stop() == 0)
  }
}
