import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// The operators' pages in a real Chromium: axe, console errors, widths, and what they do while the hub changes.
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
    let (dir, conflict, device) = try await ConsoleWorld.make(folder)
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let chief = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act,configure,answers")
    let paths = [
      "/now", "/", "/units", "/units?q=khongco", "/decide", "/posts", "/results", "/contacts", "/people", "/account", "/reports", "/codes",
      "/unit/07201", "/unit/07204", "/device/\(device)", "/report/07201/\(ConsoleWorld.day)", "/conflict/\(conflict)",
      "/codes/print?paper=card&unit=07201&base=https://khaosat.example.org",
    ]
    return (hub, chief, paths)
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

  @Test(.enabled(if: hasBrowser, absent)) func aPageFollowsTheHubAndNothingMovesUnderWhoeverReads() async throws {
    let folder = try TemporaryFolder()
    let (hub, chief, _) = try await serve(folder)
    let seen = try await run("live", hub, chief, ["\(hub.process.processIdentifier)"])
    for (what, holds) in seen { #expect(holds as? Bool == true, "\(what)") }
    #expect(seen.count >= 16)
    #expect(await hub.stop() == 0)
  }
}
