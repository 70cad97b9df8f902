import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit

/// A unit's lead signs in with the card that enrolled a device; an operator goes through the day by keys.
@Suite(.serialized) struct CardTests {
  /// 2024-04-01 14:00 in Vietnam.
  private static let nowMs: UInt64 = 1_711_954_800_000

  @Test(.long) func aCardOpensOneUnitWhileItsDeviceIsTrusted() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    func code(_ unit: String) async throws -> String {
      let made = try await HubTool.run(["enroll", unit, "--json", "--dir", dir] + clock).output
      return String(try #require(made.firstMatch(of: /"code" ?: ?"([^"]+)"/)).output.1)
    }
    func signIn(_ card: String) throws -> RawCall.Answer {
      try RawCall.request(
        "POST", "/sign-in", port: hub.boardPort, headers: ["Content-Type: application/x-www-form-urlencoded"],
        body: Data("card=\(ConsoleQuery.part(card))".utf8))
    }
    func get(_ path: String, _ cookie: String) throws -> RawCall.Answer {
      try RawCall.request("GET", path, port: hub.boardPort, headers: [cookie])
    }
    let (card, unused) = (try await code("07201"), try await code("07204"))
    #expect(try signIn(card).status == 403, "nobody has enrolled with it yet")
    try FileManager.default.createDirectory(atPath: folder.path + "/device", withIntermediateDirectories: true)
    let field = ToolProcess(name: "field", folder: folder.path + "/device")
    let enrolled = try await field.run(["enroll", card, "--hub", "http://127.0.0.1:\(hub.hubPort)", "--label", "máy 1"] + clock)
    #expect(enrolled.code == 0, "\(enrolled.err)")

    // As people type it, from the card.
    let opened = try signIn(" \(card.prefix(5).lowercased())-\(card.dropFirst(5).lowercased()) ")
    #expect(opened.status == 303 && opened.headers["location"] == "/unit/07201", "\(opened.text)")
    let cookie = "Cookie: " + (opened.headers["set-cookie"]?.split(separator: ";").first.map(String.init) ?? "")
    for path in ["/unit/07201", "/now", "/units", "/posts", "/account", "/decide"] {
      #expect(try get(path, cookie).status == 200, "\(path)")
    }
    // Their own unit, and what a lead may: neither another unit, nor results, nor an act.
    #expect(try get("/unit/07204", cookie).status == 404 && get("/results", cookie).status == 403 && get("/people", cookie).status == 403)
    for path in ["/units", "/now", "/decide"] { #expect(!(try get(path, cookie).text.contains("07204")), "\(path)") }
    #expect(!(try get("/unit/07201", cookie).text.contains("<form method=\"post\"")))
    for wrong in [unused, "AAAAA-AAAAA", "", "'; DROP TABLE hub_code; --", String(repeating: "A", count: 500)] {
      #expect(try signIn(wrong).headers["set-cookie"] == nil, "\(wrong)")
    }
    // The device is revoked: the session ends with it, and the card opens nothing.
    let device = try #require(
      try await HubTool.run(["devices", "list", "--json", "--dir", dir]).output.firstMatch(of: /"replica" ?: ?"([0-9a-f]+)"/))
    let revoked = try await HubTool.run(["devices", "revoke", String(device.output.1), "--reason", "lost", "--dir", dir])
    #expect(revoked.status == 0, "\(revoked.errors)")
    #expect(try get("/unit/07201", cookie).headers["location"]?.hasPrefix("/sign-in") == true)
    #expect(try signIn(card).status == 403)
    #expect(await hub.stop() == 0)
  }

  @Test(.enabled(if: WebFormTests.hasBrowser), .long) func aDayByKeysAlone() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    let duty = try await ConsoleOperator(hub, dir: dir, clock: clock, may: "read,act")
    let now = try duty.get("/now")
    #expect(now.text.contains("<script src=\"/keys.js\" defer></script>"))
    #expect(now.headers["content-security-policy"]?.contains("script-src 'self'") == true)
    let script = Tool.packageRoot.appendingPathComponent("Tests/ToolTests/Browser/keys.py").path
    let cookie = String(duty.cookie.dropFirst("Cookie: ".count))
    let ended = try await Tool.run(WebFormTests.python, [script, "http://127.0.0.1:\(hub.boardPort)", cookie])
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(await hub.stop() == 0)
  }
}
