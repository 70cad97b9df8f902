import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// The operators' pages in a real Chromium: axe, console errors, widths, a whole day of an operator, and what pages do while the hub changes.
@Suite(.long, .serialized) struct ConsoleBrowserTests {
  private static let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/console.py").path
  private static let absent: Comment = "Needs Chromium and .build/python: run `make deps`."
  private static var hasBrowser: Bool {
    let packages = Tool.packageRoot.appendingPathComponent(".build/python/lib")
    let found = FileManager.default.enumerator(atPath: packages.path)?.contains {
      ($0 as? String)?.hasSuffix("/axe_playwright_python/__init__.py") == true
    }
    return WebFormTests.hasBrowser && found == true
  }

  private func serve(_ folder: TemporaryFolder) async throws -> (hub: ServedHub, chief: ConsoleWorld.Operator, paths: [String]) {
    let world = try await ConsoleWorld.full(folder)
    let chief = try await ConsoleWorld.Operator(world.hub, dir: world.dir, clock: world.clock, may: "read,act,configure,answers")
    // Every page of the console, as its table names them, and some with other contents.
    let silent: Set<String> = ["/live", "/metrics", "/photo/FILE", "/report/UNIT/DAY/photo/FILE", "/codes/print"]
    let pages = ConsoleRoute.all.filter { !$0.isPost && $0.door != .open && !silent.contains($0.path) }.map { world.path($0.path) }
    let more = [
      "/units?q=khongco", "/unit/07204", "/remind?units=07201", "/codes/print?paper=card&unit=07201&base=https://khaosat.example.org",
    ]
    return (world.hub, chief, pages + more)
  }

  private func run(_ mode: String, _ hub: ServedHub, _ chief: ConsoleWorld.Operator, _ rest: [String]) async throws -> [String: Any] {
    let cookie = chief.cookie.split(separator: "=", maxSplits: 1).last.map(String.init) ?? ""
    let ended = try await Tool.run(WebFormTests.python, [Self.script, mode, "http://127.0.0.1:\(hub.boardPort)", cookie] + rest)
    let read = try? JSONSerialization.jsonObject(with: Data(ended.output.utf8))
    return try #require(read as? [String: Any], "\(ended.errors)")
  }

  @Test(.enabled(if: hasBrowser, absent)) func everyPageIsWithoutFindingsInBothLanguages() async throws {
    let folder = try TemporaryFolder()
    let (hub, chief, paths) = try await serve(folder)
    let found = try await run("pages", hub, chief, paths)
    let faults = try #require(found["faults"] as? [String])
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    #expect(found["looked"] as? Int == paths.count * 8)
    let rows = try #require(found["rows"] as? [String: Int])
    #expect(rows["1280"] ?? 0 >= 12 && rows["360"] ?? 0 >= 3, "units of Now without scrolling: \(rows)")
    #expect(await hub.stop() == 0)
  }

  /// A whole day: on a phone in Vietnamese, by keys alone in English.
  @Test(
    .enabled(if: hasBrowser && FileManager.default.isExecutableFile(atPath: "/usr/bin/soffice"), absent),
    arguments: [(language: "vi", width: 360, byKeys: false), (language: "en", width: 1280, byKeys: true)])
  func anOperatorSpendsTheDay(_ way: (language: String, width: Int, byKeys: Bool)) async throws {
    let folder = try TemporaryFolder()
    let (dir, _, _) = try await ConsoleWorld.make(folder, units: ["07201", "07260"])
    let file = folder.path + "/clock"
    let clock = ["--clock", "@\(file)"]
    let dayMs: UInt64 = 86_400_000
    try FileClock.set(ConsoleWorld.nowMs - dayMs, at: file)
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let base = "http://127.0.0.1:\(hub.boardPort)"
    // The code that was printed yesterday.
    let yesterday = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act")
    let address = ConsoleQuery.part("http://127.0.0.1:\(hub.hubPort)")
    let card = try yesterday.get("/codes/print?paper=card&unit=07201&base=\(address)").text
    let link = try #require(card.firstMatch(of: /<p class="link">(http:[^<]+)</)).output.1
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let chief = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act,configure")
    let plan: [String: Any] = [
      "base": base, "cookie": chief.cookie.split(separator: "=", maxSplits: 1).last.map(String.init) ?? "",
      "name": "Trực ban read,act,configure", "password": ConsoleWorld.Operator.password, "language": way.language, "width": way.width,
      "keys": way.byKeys, "link": String(link), "clock": file, "later": "\(ConsoleWorld.nowMs + 4 * dayMs)", "day": ConsoleWorld.day,
      "folder": folder.path,
    ]
    let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/day.py").path
    let json = String(decoding: try JSONSerialization.data(withJSONObject: plan), as: UTF8.self)
    let ended = try await Tool.run(WebFormTests.python, [script, json])
    let found = try #require(try? JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any], "\(ended.errors)")
    let (seen, faults) = (try #require(found["seen"] as? [String: Bool]), try #require(found["faults"] as? [String]))
    #expect(seen.filter { !$0.value }.keys.sorted() == [])
    #expect(seen.count == 21, "\(seen.keys.sorted())")
    #expect(faults == [])
    let acts = try await HubTool.run(["acts", "--json", "--dir", dir]).output
    for kind in ["report return", "call promised", "remind", "resolve", "devices revoke", "devices restore", "campaign window"] {
      #expect(acts.contains("\"\(kind)\""), "\(kind)")
    }
    #expect(await hub.stop() == 0)
  }

  @Test(.enabled(if: hasBrowser, absent)) func aPageFollowsTheHubAndNothingMovesUnderWhoeverReads() async throws {
    let folder = try TemporaryFolder()
    let (hub, chief, _) = try await serve(folder)
    let seen = try await run("live", hub, chief, ["\(hub.process.processIdentifier)"])
    for (what, holds) in seen { #expect(holds as? Bool == true, "\(what)") }
    #expect(seen.count >= 16)
    #expect(await hub.stop() == 0)
  }
}
