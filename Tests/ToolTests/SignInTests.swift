import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// Invitations, passwords, sessions and forms of signing in.
@Suite struct SignInTests {
  @Test(.long) func anInvitationIsUsedOnceAndAPasswordOpensASession() async throws {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/hub"
    let made = try await HubTool.run(["init", dir, "--json"])
    let path = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any])["invitation"] as? String ?? ""
    #expect(try await HubTool.run(["campaign", "load", HubTool.campaign, "--dir", dir]).status == 0)
    let hub = try await ServedHub(dir, folder)
    func post(_ path: String, _ form: String, _ headers: [String] = []) throws -> RawCall.Answer {
      try RawCall.request(
        "POST", path, port: hub.boardPort, headers: ["Content-Type: application/x-www-form-urlencoded"] + headers, body: Data(form.utf8))
    }
    #expect(try RawCall.request("GET", path, port: hub.boardPort).text.contains("action=\"\(path)\""))
    #expect(try post(path, "password=short&again=short").status == 422)
    #expect(try post(path, "password=long+enough+1&again=long+enough+2").status == 422)
    #expect(
      try post(path, "password=long+enough+1&again=long+enough+1", ["Sec-Fetch-Site: cross-site"]).status == 422, "another site's form")
    let accepted = try post(path, "password=long+enough+1&again=long+enough+1")
    let cookie = try #require(accepted.headers["set-cookie"])
    #expect(accepted.status == 303 && accepted.headers["location"] == "/now")
    #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
    #expect(try RawCall.request("GET", path, port: hub.boardPort).status == 404, "used")
    let session = "Cookie: " + (cookie.split(separator: ";").first.map(String.init) ?? "")
    func get(_ path: String, _ cookie: String) throws -> RawCall.Answer {
      try RawCall.request("GET", path, port: hub.boardPort, headers: [cookie])
    }
    for path in ["/now", "/", "/units", "/decide", "/results", "/posts", "/people", "/account", "/unit/07201"] {
      #expect(try get(path, session).status == 200, "\(path)")
    }
    let user = ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
    // The first administrator lets another in, who sees a part and may neither see answers nor let people in.
    let token = try #require(try get("/people", session).text.firstMatch(of: /name="form" value="([0-9a-f]+)"/)).output.1
    #expect(try post("/people", "do=invite&name=Trực+ban&may=read&scope=213", [session]).status == 422, "without the page's token")
    let invited = try post("/people", "form=\(token)&do=invite&name=Tr%E1%BB%B1c+ban&may=read&scope=213", [session])
    let link = try #require(invited.text.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+(\/invitation\/[0-9a-f]+)</)).output.1
    let second = try post(String(link), "password=another+one&again=another+one")
    let other = "Cookie: " + (second.headers["set-cookie"]?.split(separator: ";").first.map(String.init) ?? "")
    let units = try get("/units", other).text
    #expect(units.contains("07201") && !units.contains("07879"), "a person sees the rows of their part only")
    #expect(try get("/unit/07879", other).status == 404 && get("/units?scope=225", other).status == 404)
    #expect(try get("/results", other).status == 403 && get("/people", other).status == 403)
    #expect(!units.contains("href=\"/results\""), "no link leads where one may not go")
    // Somebody who configures a part gives rights in that part alone, and only their own; a program's token posts no form.
    let deputy = try post("/people", "form=\(token)&do=invite&name=deputy&may=read&may=configure&scope=213", [session])
    let deputyLink = try #require(deputy.text.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+(\/invitation\/[0-9a-f]+)</)).output.1
    let joined = try post(String(deputyLink), "password=a+third+one&again=a+third+one")
    let third = "Cookie: " + (joined.headers["set-cookie"]?.split(separator: ";").first.map(String.init) ?? "")
    let page = try get("/people", third).text
    #expect(page.contains("Trực ban") && !page.contains(user), "people beyond the part are not shown")
    let form = try #require(page.firstMatch(of: /name="form" value="([0-9a-f]+)"/)).output.1
    for beyond in [
      "do=invite&name=x&may=read", "do=invite&name=x&may=read&scope=225", "do=invite&name=x&may=act&scope=213",
      "do=invite&name=\(user)&may=read&scope=213", "do=remove&name=\(user)",
    ] { #expect(try post("/people", "form=\(form)&\(beyond)", [third]).status == 422, "\(beyond)") }
    #expect(try post("/people", "form=\(form)&do=invite&name=x&may=read&scope=07201", [third]).status == 200)
    let bearer = try await HubTool.run(["people", "token", user, "--dir", dir]).output.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(try post("/people", "do=invite&name=y&may=read", ["Authorization: Bearer \(bearer)"]).status == 422)
    // Names are found without accents and case; a wrong password and a name that nobody has look alike.
    let wrong = try post("/sign-in", "name=truc+ban&password=wrong")
    #expect(wrong.status == 403 && wrong.text.contains("Tên hoặc mật khẩu không đúng."))
    #expect(try post("/sign-in", "name=nobody&password=wrong").text.contains("Tên hoặc mật khẩu không đúng."))
    let right = try post("/sign-in", "name=TRUC+ban&password=another+one&to=%2Funits")
    #expect(right.status == 303 && right.headers["location"] == "/units")
    #expect(try post("/sign-in", "name=truc+ban&password=another+one&to=https%3A%2F%2Fevil.example").headers["location"] == "/now")
    // Sign-out everywhere, and removal, end sessions.
    let account = try #require(try get("/account", other).text.firstMatch(of: /name="form" value="([0-9a-f]+)"/)).output.1
    #expect(try post("/sign-out", "form=\(account)&everywhere=1", [other]).status == 303)
    #expect(try get("/now", other).status == 303)
    let again = try post("/sign-in", "name=truc+ban&password=another+one")
    let fourth = "Cookie: " + (again.headers["set-cookie"]?.split(separator: ";").first.map(String.init) ?? "")
    #expect(try get("/now", fourth).status == 200)
    #expect(try post("/people", "form=\(token)&do=remove&name=truc+ban", [session]).status == 200)
    #expect(try get("/now", fourth).status == 303, "a removed user's session")
    #expect(try post("/sign-in", "name=truc+ban&password=another+one").status == 403)
    // The last who may let people in stays.
    #expect(try post("/people", "form=\(token)&do=remove&name=\(user)", [session]).status == 422)
    // Guessing slows down.
    var status = 0
    for _ in 0..<8 { status = try post("/sign-in", "name=x&password=guess").status }
    #expect(status == 429)
    // All of it is noted, and the store keeps no secret as it is.
    let acts = try await HubTool.run(["acts", "--dir", dir]).output
    #expect(acts.contains("people invite Trực ban") && acts.contains("people remove truc ban"))
    let secret = session.split(separator: "=").last.map(String.init) ?? ""
    for file in ["hub.sqlite", "hub.sqlite-wal"] {
      let data = FileManager.default.contents(atPath: dir + "/" + file) ?? Data()
      #expect(data.range(of: Data(secret.utf8)) == nil && data.range(of: Data("long enough 1".utf8)) == nil)
    }
    #expect(await hub.stop() == 0)
  }

  @Test func aStrangerSlowsDownNobodyElse() async throws {
    let (desk, kept) = (PasswordDesk(), try PasswordHash.encode("right password"))
    for _ in 0..<PasswordDesk.freeMax { #expect(try await desk.judge("guess", name: "owner", source: "10.0.0.9", kept: kept) == .wrong) }
    let stranger = try await desk.judge("guess", name: "owner", source: "10.0.0.9", kept: kept)
    #expect(stranger != .wrong && stranger != .right, "who guesses waits")
    #expect(try await desk.judge("right password", name: "owner", source: "10.0.0.1", kept: kept) == .right)
    #expect(try await desk.judge("right password", name: "colleague", source: "10.0.0.9", kept: kept) == .right, "behind one address")
    for number in PasswordDesk.freeMax..<PasswordDesk.addressFreeMax {
      _ = try await desk.judge("guess", name: "n\(number)", source: "10.0.0.9", kept: nil)
    }
    let spread = try await desk.judge("guess", name: "another", source: "10.0.0.9", kept: nil)
    #expect(spread != .wrong && spread != .right, "guessing at many names waits, too")
  }

  @Test func addressesToGoOnToAreOfThisConsole() {
    #expect(SignInDesk.local("/units?page=2") == "/units?page=2")
    for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "", "/sign-out", "/a\r\nSet-Cookie: x"] {
      #expect(SignInDesk.local(evil) == "/now", "\(evil)")
    }
    #expect(SignInDesk.local(nil) == "/now")
  }

  @Test func aPasswordIsKeptAsItsScryptKey() throws {
    let kept = try PasswordHash.encode("mật khẩu dài")
    #expect(kept.hasPrefix("scrypt$32768$8$") && !kept.contains("mật"))
    #expect(try PasswordHash.matches("mật khẩu dài", kept))
    #expect(try PasswordHash.matches("mật khẩu dài".decomposedStringWithCanonicalMapping, kept), "typed in another spelling")
    #expect(try !PasswordHash.matches("mật khẩu dại", kept))
    for broken in [nil, "", "scrypt$1$8$$", "scrypt$99999999999$8$AA==$AA==", "x$32768$8$AA==$AA=="] {
      #expect(try !PasswordHash.matches("", broken))
    }
    #expect(try PasswordHash.encode("a") != PasswordHash.encode("a"), "each has its own salt")
  }
}
