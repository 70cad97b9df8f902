import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// Pages that follow the hub: parts and their changes, one rendering for all, bounded watchers, the stream itself.
@Suite struct LiveTests {
  private static func page(_ rows: [(String, String)], _ count: String = "1") -> String {
    let page: HTML = """
      <h1>\(.live(inline: "count", "\(count)"))</h1><ol id="list">\(.liveList("list", rows.map { ($0.0, "<li id=\"\($0.0)\">\($0.1)</li>") }))</ol>
      """
    return page.text
  }

  @Test func onlyPartsThatChangedAreSent() {
    let first = LiveParts(page: Self.page([("a", "1"), ("b", "2")]))
    #expect(first.lists == ["list": ["a", "b"]] && first.parts.count == 3)
    #expect(first.parts["a"] == "<li id=\"a\">1</li>" && first.parts["count"] == "<span id=\"count\">1</span>")
    #expect(first.change(since: first) == nil)
    let moved = LiveParts(page: Self.page([("b", "2"), ("a", "1")]))
    #expect(moved.change(since: first) == LiveParts.Change(parts: [:], lists: ["list": ["b", "a"]]))
    let changed = LiveParts(page: Self.page([("a", "9"), ("b", "2"), ("c", "3")], "2"))
    #expect(changed.change(since: first)?.parts.keys.sorted() == ["a", "c", "count"])
    #expect(changed.change(since: first)?.lists == ["list": ["a", "b", "c"]])
    #expect(first.change(since: nil)?.parts.count == 3)
    // A text from a device cannot mark a part.
    let evil = LiveParts(page: Self.page([("a", "<!--[]--><!--[count]-->x")]))
    #expect(evil.parts.count == 2 && evil.parts["count"] == "<span id=\"count\">1</span>")
    #expect(LiveParts(page: "<!--[a]-->").parts.isEmpty && LiveParts(page: "<!--").lists.isEmpty)
  }

  @Test func oneRenderingServesAllWhoLookAtTheSame() async throws {
    let desk = LiveDesk()
    func view(_ address: String) -> LiveView {
      LiveView(campaign: nil, address: address, language: .vietnamese, part: .all, capabilities: [.read], hasForms: true)
    }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 0..<50 {
        tasks.addTask { _ = try await desk.parts(view("/now")) { Self.page([("a", "1")]) } }
      }
      try await tasks.waitForAll()
    }
    #expect(await desk.renderings == 1)
    _ = try await desk.parts(view("/units")) { Self.page([]) }
    #expect(await desk.renderings == 2)
    await desk.forget()
    _ = try await desk.parts(view("/now")) { Self.page([]) }
    #expect(await desk.renderings == 3, "after an act everybody sees it")
  }

  @Test func watchersAreBounded() async {
    let desk = LiveDesk()
    for _ in 0..<LiveDesk.watchersOfOneMax { #expect(await desk.enter("a")) }
    #expect(await !desk.enter("a"))
    await desk.leave("a")
    #expect(await desk.enter("a"))
    var others = 0
    while await desk.enter("b\(others / LiveDesk.watchersOfOneMax)") { others += 1 }
    #expect(others + LiveDesk.watchersOfOneMax == LiveDesk.watchersMax)
  }

  @Test(.long) func theStreamAsksTheSameRightsAndEndsWithThem() async throws {
    let folder = try TemporaryFolder()
    let (dir, _, _) = try await ConsoleWorld.make(folder)
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let duty = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read,act")
    #expect(try duty.get("/live?page=/people").status == 403 && duty.get("/live?page=/results").status == 403)
    for path in ["/live", "/live?page=/live", "/live?page=/now.json", "/live?page=//evil", "/live?page=/nothing"] {
      #expect(try duty.get(path).status == 404, "\(path)")
    }
    #expect(try RawCall.request("GET", "/live?page=/now", port: hub.boardPort).status == 303)
    let (cookie, base) = (duty.cookie, "http://127.0.0.1:\(hub.boardPort)/live?page=")
    func stream(_ seconds: Double, _ cookie: String, _ meanwhile: () async -> Void = {}) async throws -> String {
      let file = folder.path + "/\(cookie.suffix(8))"
      try? FileManager.default.removeItem(atPath: file)
      async let ended = Tool.run("/usr/bin/curl", ["-sN", "--max-time", "\(seconds)", "-o", file, "-H", cookie, base + "/now"])
      await meanwhile()
      _ = try await ended
      return try String(contentsOfFile: file, encoding: .utf8)
    }
    /// Waits until a stream has begun.
    func isHeard(_ cookie: String) async {
      let file = folder.path + "/\(cookie.suffix(8))"
      for _ in 0..<400 where FileManager.default.contents(atPath: file)?.isEmpty ?? true { try? await Task.sleep(for: .milliseconds(50)) }
    }
    let heard = try await stream(3, cookie)
    #expect(heard.hasPrefix("event: beat\ndata: {\"clock\":\"14:00:"), "\(heard.prefix(100))")
    let token = Visitor.formToken(duty.cookie.split(separator: "=").last.map(String.init) ?? "")
    #expect(heard.contains("event: page\n") && heard.contains("u-07204") && heard.contains(token), "forms carry the watcher's own token")
    #expect(!heard.contains("<script") && !heard.contains("\u{202E}"))
    // Whoever is removed is told, and hears nothing more.
    let last = try await stream(30, cookie) {
      await isHeard(cookie)
      _ = try? await HubTool.run(["people", "remove", "truc ban read,act", "--dir", dir] + clock)
    }
    #expect(last.hasSuffix("event: end\ndata: {}\n\n"), "\(last.suffix(200))")
    // A hub that is asked to stop does not wait for watchers.
    let other = try await ConsoleWorld.Operator(hub, dir: dir, clock: clock, may: "read").cookie
    let begun = ContinuousClock.now
    let rest = try await stream(30, other) {
      await isHeard(other)
      #expect(await hub.stop() == 0)
    }
    #expect(rest.contains("event: beat") && ContinuousClock.now - begun < .seconds(25))
  }
}
