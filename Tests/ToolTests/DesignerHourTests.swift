import FormWeb
import Foundation
import SurveyKit
import SyncKit
import TestSupport
import Testing

/// A survey designer's first hour: a workbook with mistakes is checked, mended, previewed, added to a running campaign, answered on the page and
/// in the terminal while its second version comes out, and the results of both are read and taken away.
@Suite(
  .serialized, .long, .enabled(if: FileManager.default.isExecutableFile(atPath: WebFormTests.python), "Needs openpyxl: run `make deps`."))
struct DesignerHourTests {
  private static let choices = [
    ["list_name", "name", "label"], ["source", "well", "A <b>well</b>"], ["source", "river", "A river"], ["source", "other", "Another"],
  ]

  private func sheets(version: String, _ more: [[String]] = []) -> [String: [[String]]] {
    [
      "survey": [
        ["type", "name", "label", "relevant", "constraint", "constraint_message"],
        ["note", "intro", "Welcome **dear** reader", "", "", ""],
        ["select_one source", "source", "Where is your water from?", "", "", ""],
        ["text", "which", "Which?", "${source} = 'other'", "", ""],
        ["integer", "minutes", "Minutes to the ${source}?", "", ". >= 0 and . <= 300", "Up to five hours."],
      ] + more,
      "choices": Self.choices, "settings": [["form_title", "form_id", "version"], ["Water", "water", version]],
    ]
  }

  private func write(_ sheets: [String: [[String]]], to path: String) async throws {
    let json = String(decoding: try JSONSerialization.data(withJSONObject: sheets), as: UTF8.self)
    let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/workbook.py").path
    let ended = try await Tool.run(WebFormTests.python, [script, path, json])
    try #require(ended.status == 0, "\(ended.errors)")
    // As LibreOffice opens and saves it, where it is installed.
    guard let office = ToolProcess.find("soffice") else { return }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let saved = try await Tool.run(
      office,
      ["-env:UserInstallation=file://\(folder)/profile", "--headless", "--convert-to", "xlsx", "--outdir", folder + "/saved", path])
    let made = folder + "/saved/" + URL(fileURLWithPath: path).lastPathComponent
    try #require(FileManager.default.fileExists(atPath: made), "\(saved.output)\(saved.errors)")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: made, toPath: path)
  }

  private func link(of unit: String, _ arguments: [String], in folder: TemporaryFolder) async throws -> String {
    let made = try await HubTool.run(["qr", "--out", folder.path + "/qr-\(arguments.count)", "--json"] + arguments)
    let object = try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any]
    let codes = try #require(object?["codes"] as? [[String: Any]], "\(made.errors)")
    let link = try #require(codes.first { $0["unit"] as? String == unit }?["link"] as? String)
    return String(link.dropFirst("http://127.0.0.1:8080".count))
  }

  private func respondent(_ target: String, port: Int) -> WebRespondent {
    WebRespondent(target: target) { call in
      let headers = call.headers.map { "\($0): \($1)" }
      let answer = try RawCall.request(call.method, call.target, port: port, headers: headers, body: call.body)
      return HubResponse(status: answer.status, headers: answer.headers, body: answer.body)
    }
  }

  // swift-format-ignore
  @Test func aFormIsMadeAskedAndReadInAnHour() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/water.xlsx"
    // Three kinds of mistakes: a type, a name in a rule, a code twice.
    var wrong = sheets(version: "1")
    wrong["survey"]?[2][0] = "selct_one source"
    wrong["survey"]?[3][3] = "${sorce} = 'other'"
    wrong["choices"]?[3][1] = "well"
    try await write(wrong, to: file)
    let refused = try await HubTool.run(["forms", "check", file, "--lang", "en"])
    #expect(refused.status == 1)
    for said in ["survey, row 3, column type", "survey, row 4, column relevant", "choices, row 4, column name", "3 to mend"] {
      #expect((refused.errors + refused.output).contains(said), "\(said) is not in \(refused.errors)\(refused.output)")
    }
    try await write(sheets(version: "1"), to: file)
    let checked = try await HubTool.run(["forms", "check", file, "--lang", "en"])
    #expect(checked.status == 0 && checked.output.contains("water version 1 is in order: 3 questions"), "\(checked.output)\(checked.errors)")

    // Seen before it is published.
    let preview = ToolProcess(name: "hub", folder: folder.path)
    let shown = try preview.start(["forms", "preview", file, "--port", "0", "--lang", "en"])
    var link: Substring?
    for _ in 0..<400 where link == nil && shown.process.isRunning {
      try await Task.sleep(for: .milliseconds(50))
      link = shown.out.split(separator: " ").first { $0.hasPrefix("http://127.0.0.1:") }
    }
    let place = try #require(link.flatMap { URL(string: String($0.dropLast())) }, "\(shown.out)")
    let port = try #require(place.port)
    let notice = try RawCall.request("GET", place.path + "?lang=en", port: port)
    #expect(notice.status == 200 && notice.text.contains("Welcome <strong>dear</strong> reader") && notice.text.contains("nothing is kept"))
    _ = try await respondent(place.path, port: port).answer(["source": .choice("well"), "minutes": .integer(5)])
    shown.process.terminate()
    _ = await shown.end()

    // Added to a campaign that runs, with a link of its own.
    let dir = try await HubTool.made(in: folder)
    let clock = "@\(folder.path)/clock"
    try FileClock.set(1_711_936_800_000, at: folder.path + "/clock")
    let unknown = try await HubTool.run(["forms", "publish", file, "--dir", dir, "--lang", "en"])
    #expect(unknown.status == 1 && unknown.errors.contains("--add"), "\(unknown.errors)")
    let published = try await HubTool.run(["forms", "publish", file, "--add", "--dir", dir, "--lang", "en", "--clock", clock])
    #expect(published.status == 0 && published.output.contains("hub qr --form water"), "\(published.output)\(published.errors)")
    let hub = try await ServedHub(dir, folder, arguments: ["--clock", clock])
    let target = try await self.link(of: "07201", ["--dir", dir, "--form", "water"], in: folder)
    let other = try await self.link(of: "07204", ["--dir", dir, "--form", "water"], in: folder)
    let first = try await self.link(of: "07201", ["--dir", dir], in: folder)
    #expect(try RawCall.request("GET", target, port: hub.hubPort).text.contains("Welcome"))
    #expect(try !RawCall.request("GET", first, port: hub.hubPort).text.contains("Welcome <strong>"))

    // Answered on the page and in the terminal; the second version comes out meanwhile.
    let device = folder.path + "/device"
    try FileManager.default.createDirectory(atPath: device, withIntermediateDirectories: true)
    let codes = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir])
    let json = try JSONSerialization.jsonObject(with: Data(codes.output.utf8))
    let code = try #require(((json as? [[String: Any]])?.first ?? json as? [String: Any])?["code"] as? String, "\(codes.output)")
    let field = ToolProcess(name: "field", folder: device)
    try #require(try await field.run("enroll", code, "--hub", "http://127.0.0.1:\(hub.hubPort)", "--clock", clock).code == 0)
    for (place, source) in ["well", "river", "well", "river", "well", "river", "well", "river"].enumerated() {
      let page = respondent(place < 4 ? target : other, port: hub.hubPort)
      _ = try await page.answer(["source": .choice(source), "minutes": .integer(place)])
    }
    let second = sheets(version: "2", [["select_multiple source", "second", "Where else from?", "", "", ""]])
    try await write(second, to: file)
    let next = try await HubTool.run(["forms", "publish", file, "--dir", dir, "--lang", "en", "--clock", clock])
    #expect(next.status == 0 && next.output.contains("Older versions are closing: 1"), "\(next.output)\(next.errors)")
    func collect(_ lines: [String]) async throws -> String {
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: device + "/lines.txt"))
      let tool = Tool.path("field")
      let ended = try await Tool.run("/bin/sh", ["-c", "cd '\(device)' && exec '\(tool)' collect water --lang en --clock '\(clock)' < lines.txt"])
      #expect(ended.status == 0, "\(ended.output)\n\(ended.errors)")
      return ended.output
    }
    // What the device has heard of is asked: the first version, begun before the second came.
    let old = try await collect(["", "", "1", "7", "s", "q"])
    #expect(old.contains("Where is your water from?") && old.contains("A well") && !old.contains("Where else from?"), "\(old)")
    #expect(try await field.run("sync", "--clock", clock).code == 0)
    let new = try await collect(["", "", "1", "7", "2", "s", "q"])
    #expect(new.contains("Where else from?"), "\(new)")
    #expect(try await field.run("sync", "--clock", clock).code == 0)
    for (place, source) in ["well", "river", "well", "river", "well", "river", "well", "river"].enumerated() {
      let page = respondent(place < 4 ? target : other, port: hub.hubPort)
      _ = try await page.answer(["source": .choice(source), "minutes": .integer(place), "second": .choices(["other"])])
    }
    #expect(await hub.stop() == 0)

    // Read and taken away: both versions are counted together.
    let closed = try await HubTool.run(["close", "water", "--dir", dir, "--lang", "en", "--clock", clock])
    #expect(closed.status == 0, "\(closed.errors)")
    let read = try await HubTool.run(["results", "water", "--dir", dir, "--lang", "en"])
    #expect(read.status == 0 && read.output.contains("Where is your water from?") && !read.output.contains("<b>"), "\(read.output)")
    let all = try JSONSerialization.jsonObject(with: Data(try await HubTool.run(["results", "water", "--dir", dir, "--json"]).output.utf8))
    let results = try #require(all as? [String: Any])
    #expect(results["release"] as? Int == 1, "\(read.output)")
    let taken = try await HubTool.run(["export", "water", "--dir", dir, "--out", folder.path + "/out", "--lang", "en"])
    #expect(taken.status == 0, "\(taken.errors)")
    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(folder.path)/out/\(name).csv", encoding: .utf8) }
    let codebook = try text("water.codebook")
    #expect(codebook.contains("\"Where else from?\"") && codebook.contains("\"well\"") && codebook.contains("\"A well\""), "\(codebook)")
    #expect(try text("water").contains("\"source\"") && !text("water").contains("notReleased"))
    #expect(try text("water.participation").contains("\"07201\""))
    // Another program finds the same tables in the workbook.
    let reader = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/sheets.py").path
    let book = try await Tool.run(WebFormTests.python, [reader, folder.path + "/out/water.xlsx"])
    let sheets = try #require(try JSONSerialization.jsonObject(with: Data(book.output.utf8)) as? [String: Any], "\(book.errors)")
    #expect(Set(sheets.keys).isSuperset(of: ["water", "water.codebook", "water.participation"]), "\(sheets.keys)")
  }
}
