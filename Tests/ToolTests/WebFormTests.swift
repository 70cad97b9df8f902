import FormWeb
import Foundation
import SurveyKit
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// The web form of a running `hub serve`, over real sockets and in a real browser.
@Suite(.sumsAddUp) struct WebFormTests {
  static let python = Tool.packageRoot.appendingPathComponent(".build/python/bin/python").path
  private static let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/webform.py").path
  static var hasBrowser: Bool {
    let playwright = Tool.packageRoot.appendingPathComponent(".build/python/lib")
    let found = FileManager.default.enumerator(atPath: playwright.path)?.contains {
      ($0 as? String)?.hasSuffix("/playwright/__init__.py") == true
    }
    return FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium") && found == true
  }

  /// A hub at nine in the morning of the survey's day, and the address of one commune's pages.
  private func serve(_ folder: TemporaryFolder) async throws -> (dir: String, hub: ServedHub, target: String) {
    let dir = try await HubTool.made(in: folder)
    try FileClock.set(1_711_936_800_000, at: folder.path + "/clock")
    let hub = try await ServedHub(dir, folder, arguments: ["--verbose", "--clock", "@\(folder.path)/clock"])
    let made = try await HubTool.run(["qr", "--out", folder.path + "/qr", "--dir", dir, "--json"])
    let codes = try #require(
      (try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any])?["codes"] as? [[String: Any]])
    let link = try #require(codes.first { $0["unit"] as? String == "07201" }?["link"] as? String)
    return (dir, hub, String(link.dropFirst("http://127.0.0.1:8080".count)))
  }

  @Test(.long) func answersComeInOverHTTPAndTheLogSaysNothingOfThem() async throws {
    let folder = try TemporaryFolder()
    let (dir, hub, target) = try await serve(folder)
    let port = hub.hubPort
    let respondent = WebRespondent(target: target) { call in
      let headers = call.headers.map { "\($0): \($1)" }
      let answer = try RawCall.request(call.method, call.target, port: port, headers: headers, body: call.body)
      return HubResponse(status: answer.status, headers: answer.headers, body: answer.body)
    }
    let form = try XLSFormImport.form(folder: URL(fileURLWithPath: HubTool.campaign + "/pks01.xlsform"))
    for seed in UInt64(1)...5 {
      _ = try await respondent.answer(try AnswerGenerator(form: form, day: "2024-04-01").answers(seed: seed).values)
    }
    let store = try await SurveyHub.open(at: dir)
    #expect(try await store.status().packetsWaiting == 5)
    try await store.hub.flushPackets()
    #expect(try await store.status().packetsReleased == 5)
    try store.close()
    let head = try RawCall.request("HEAD", target, port: port)
    #expect(head.status == 200 && head.body.isEmpty)
    #expect(try RawCall.request("GET", "/s/style.css", port: port).headers["content-type"] == "text/css; charset=utf-8")
    // The board's port has no questionnaire.
    #expect(try RawCall.request("GET", target, port: hub.boardPort).status == 404)
    #expect(await hub.stop() == 0)
    #expect(!hub.errors.contains("/s/") && !hub.errors.contains(String(target.dropFirst(3))) && !hub.errors.contains("127.0.0.1"))
    #expect(!hub.errors.contains("dropCalls=0"), "\(hub.errors)")
  }

  @Test(.long) func hugeBodiesAreRefusedBeforeTheyAreReadAndTheHubGoesOn() async throws {
    let folder = try TemporaryFolder()
    let (_, hub, target) = try await serve(folder)
    let type = "Content-Type: application/x-www-form-urlencoded"
    let declared = "POST \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(type)\r\nContent-Length: 10485760\r\n\r\n"
    let refused = try #require(try RawCall.send(Data(declared.utf8), port: hub.hubPort))
    #expect(refused.status == 413 && refused.text.contains("Nội dung quá dài"))
    var chunked = Data("POST \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(type)\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    for _ in 0..<10 { chunked += Data("10000\r\n".utf8) + Data(repeating: 0x61, count: 65_536) + Data("\r\n".utf8) }
    chunked += Data("0\r\n\r\n".utf8)
    #expect(try #require(try RawCall.send(chunked, port: hub.hubPort)).status == 413)
    for path in ["/s", "/s/", "/s/x", "/s/../health", target + "/../..", target + "%00", "/s/%2e%2e/"] {
      #expect(try RawCall.request("GET", path, port: hub.hubPort).status == 404, "\(path)")
    }
    #expect(try RawCall.request("GET", target, port: hub.hubPort).status == 200)
    #expect(await hub.stop() == 0)
  }

  @Test(.long, .enabled(if: hasBrowser, "Needs chromium and playwright: run `make deps`."))
  func aBrowserAnswersByKeyboardWithoutScriptsAndKeepsNothing() async throws {
    let folder = try TemporaryFolder()
    let (_, hub, target) = try await serve(folder)
    for options in [["--width", "360", "--lang", "vi"], ["--width", "1280", "--lang", "en", "--scheme", "dark"]] {
      let ended = try await Tool.run(Self.python, [Self.script, "http://127.0.0.1:\(hub.hubPort)\(target)"] + options)
      #expect(ended.status == 0, "\(ended.errors)")
    }
    #expect(await hub.stop() == 0)
  }

  @Test(.long, .enabled(if: hasBrowser, "Needs chromium and playwright: run `make deps`."))
  func backReloadASecondPressALostNetworkAndAKilledHubLoseNothing() async throws {
    let folder = try TemporaryFolder()
    let (dir, hub, target) = try await serve(folder)
    #expect(await hub.stop() == 0)
    let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/webback.py").path
    let ended = try await Tool.run(Self.python, [script, Tool.path("hub"), dir, folder.path + "/clock", target])
    #expect(ended.status == 0, "\(ended.errors)")
    let store = try await SurveyHub.open(at: dir)
    #expect(try await store.status().packetsWaiting == 2)
    try store.close()
  }
}

/// `hub qr`: what it draws is read again by an ordinary reader of codes.
@Suite(.sumsAddUp) struct QRCommandTests {
  private struct Made: Decodable {
    struct Code: Decodable {
      var unit: String
      var link: String
      var file: String
    }
    var expires: String
    var written: Int
    var codes: [Code]
  }

  private static let absent: Comment = "Needs zbarimg and rsvg-convert: run `make deps`."
  private static var hasReader: Bool { ToolProcess.find("zbarimg") != nil && ToolProcess.find("rsvg-convert") != nil }

  @Test(.long, .enabled(if: hasReader, absent)) func everyCommunesCodeIsReadFromPNGAndSVGAndLeadsToItsOwnForm() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let (out, base) = (folder.path + "/qr", "https://khaosat.bacgiang.example")
    func draw(_ more: [String] = []) async throws -> Made {
      let ended = try await HubTool.run(["qr", "--out", out, "--base-url", base + "/", "--dir", dir, "--json"] + more)
      try #require(ended.status == 0, "\(ended.errors)")
      return try JSONDecoder().decode(Made.self, from: Data(ended.output.utf8))
    }
    let made = try await draw()
    #expect(made.codes.count == 209 && made.written == 2 * 209 + 1 && made.expires == "2024-04-04")
    #expect(try await draw().written == 0)
    let survey = try await SurveyHub.open(at: dir)
    let key = FormLinkKey(secret: survey.hub.secret(for: "form-links"))
    try survey.close()
    let convert = try #require(ToolProcess.find("rsvg-convert"))
    for kind in ["png", "svg"] {
      var files = made.codes.map { "\(out)/\($0.file).\(kind)" }
      // A reader of codes reads pixels; how its own library draws an SVG depends on what else is installed.
      if kind == "svg" {
        let drawn = files.map { folder.path + "/" + (($0 as NSString).lastPathComponent) + ".png" }
        for (file, image) in zip(files, drawn) { #expect(try await Tool.run(convert, ["-o", image, file]).status == 0) }
        files = drawn
      }
      // Only QR codes: in a random pattern the reader now and then also sees a bar code.
      let reading = ["--nodbus", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]
      let read = try await Tool.run(try #require(ToolProcess.find("zbarimg")), reading + files)
      let links = read.output.split(separator: "\n").map(String.init)
      #expect(read.status == 0 && links == made.codes.map(\.link), "\(kind): \(read.errors)")
      for (code, link) in zip(made.codes, links) {
        let opened = try key.open(link.dropFirst(base.count + WebForm.path.count))
        #expect(opened.unit.rawValue == code.unit && code.file.hasPrefix(code.unit + "-") && opened.belongs(to: "bac-giang-2024"))
      }
    }
    #expect(Set(made.codes.map(\.unit)).count == 209 && made.codes.contains { $0.file == "07201-phuong-tho-xuong-thanh-pho-bac-giang" })
    let page = String(decoding: try #require(FileManager.default.contents(atPath: out + "/index.html")), as: UTF8.self)
    #expect(page.components(separatedBy: "<section>").count == 210 && page.contains("Phường Thọ Xương<small>Thành phố Bắc Giang"))
    // Another day is another token, and so other files.
    #expect(try await draw(["--expires", "2024-04-30"]).written == 2 * 209 + 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: out).count == 2 * 209 + 1)
  }

  @Test(.long) func badOptionsAreOneSentenceAndDrawNothing() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let out = folder.path + "/qr"
    for options in [
      ["--base-url", "ftp://x"], ["--base-url", "https://x/path"], ["--base-url", "https://" + String(repeating: "x", count: 300)],
      ["--expires", "soon"], ["--expires", "2020-01-01"], ["--expires", "9999-01-01"],
    ] {
      let ended = try await HubTool.run(["qr", "--out", out, "--dir", dir] + options)
      #expect(ended.status == 1 && ended.sentences.count == 1, "\(options): \(ended.errors)")
      #expect(!FileManager.default.fileExists(atPath: out))
    }
    _ = FileManager.default.createFile(atPath: out, contents: nil)
    let blocked = try await HubTool.run(["qr", "--out", out, "--dir", dir])
    #expect(blocked.status == 1 && blocked.sentences.count == 1)
  }
}
