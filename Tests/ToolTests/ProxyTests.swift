import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

/// A real hub behind the real proxies of docs/operations.md, and behind nginx as it comes.
@Suite(.serialized, .long) struct ProxyTests {
  fileprivate static func find(_ name: String) -> String {
    ["/usr/sbin/", "/usr/bin/", "/usr/local/bin/"].map { $0 + name }.first { FileManager.default.isExecutableFile(atPath: $0) } ?? ""
  }

  /// A proxy that runs while the value lives.
  private final class Proxy {
    let port: Int
    private let process = Process()

    init(_ program: String, _ arguments: [String], port: Int, folder: String) async throws {
      self.port = port
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = arguments
      process.environment = Tool.environment(["HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder])
      process.standardInput = FileHandle.nullDevice
      let log = folder + "/proxy.log"
      _ = FileManager.default.createFile(atPath: log, contents: nil)
      process.standardOutput = FileHandle(forWritingAtPath: log)
      process.standardError = FileHandle(forWritingAtPath: log)
      try process.run()
      let through = try HTTPTransport(hub: "http://127.0.0.1:\(port)")
      for _ in 0..<400 where process.isRunning {
        if (try? await through.send(HubRequest("GET", "/health"), timeoutMs: 1_000))?.status == 200 { return }
        try await Task.sleep(for: .milliseconds(50))
      }
      Issue.record("\(program) does not answer: \(String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self))")
    }

    deinit {
      process.terminate()
      process.waitUntilExit()
    }
  }

  /// What stands between the fences of that kind in docs/operations.md.
  private static func recipe(_ kind: String) throws -> String {
    let text = try String(contentsOf: Tool.packageRoot.appendingPathComponent("docs/operations.md"), encoding: .utf8)
    let start = try #require(text.range(of: "```\(kind)\n"))
    let end = try #require(text.range(of: "\n```", range: start.upperBound..<text.endIndex))
    return String(text[start.upperBound..<end.lowerBound])
  }

  /// - Parameter server: The server blocks, with the hub at 127.0.0.1:8080.
  private func nginx(_ server: String, _ folder: TemporaryFolder, hubPort: Int) async throws -> Proxy {
    let port = try TinyServer.freePort()
    let plain = server.replacing("listen 443 ssl;", with: "listen 127.0.0.1:\(port);")
      .split(separator: "\n").filter { !$0.contains("ssl_certificate") }.joined(separator: "\n")
      .replacing("127.0.0.1:8080", with: "127.0.0.1:\(hubPort)")
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder.path)/\($0);" }.joined(
      separator: " ")
    let configuration = """
      daemon off; worker_processes 1; pid \(folder.path)/pid; error_log \(folder.path)/error.log; \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 256; }
      http { access_log \(folder.path)/access.log; \(temporary)
      \(plain)
      }
      """
    let path = folder.path + "/nginx.conf"
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: path))
    return try await Proxy(Self.find("nginx"), ["-p", folder.path, "-c", path], port: port, folder: folder.path)
  }

  /// A device through the proxy, with a photo and a report; and a page of the web form, posted as browsers post.
  private func works(_ proxy: Proxy, _ dir: String, _ folder: TemporaryFolder, _ target: String) async throws {
    let made = try await HubTool.run(["enroll", "07201", "--dir", dir, "--json"])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let device = FieldDevice(store: folder.path + "/\(UUID().uuidString).sqlite")
    let address = "http://127.0.0.1:\(proxy.port)"
    let enrolled = try await device.run("enroll", try #require(codes.first?["code"] as? String), "--hub", address)
    #expect(enrolled.status == 0, "\(enrolled.errors)")
    let sheet = folder.path + "/answers.csv"
    try FieldToolWorld.answersCSV(120).write(toFile: sheet, atomically: true, encoding: .utf8)
    #expect(try await device.run("import", sheet).status == 0)
    let synced = try await device.run("sync")
    #expect(synced.status == 0 && synced.output.contains("120 answers"), "\(synced.output)\(synced.errors)")
    let page = try RawCall.request("GET", target, port: proxy.port)
    try #require(page.status == 200)
    for site in ["Sec-Fetch-Site: same-origin", "Accept: text/html"] {
      let posted = try RawCall.request(
        "POST", target, port: proxy.port, headers: ["Origin: \(address)", site, "Content-Type: application/x-www-form-urlencoded"],
        body: Data((Self.hidden(page.text) + "go=start").utf8))
      #expect([200, 303].contains(posted.status), "\(site): \(posted.status)")
    }
    let stranger = try RawCall.request(
      "POST", target, port: proxy.port, headers: ["Sec-Fetch-Site: cross-site", "Content-Type: application/x-www-form-urlencoded"],
      body: Data((Self.hidden(page.text) + "go=start").utf8))
    #expect(stranger.status == 403)
  }

  /// The hidden fields of a page, as a form posts them.
  private static func hidden(_ page: String) -> String {
    page.components(separatedBy: "<input").dropFirst().compactMap { input -> String? in
      let tag = input.prefix { $0 != ">" }
      guard tag.contains("hidden") else { return nil }
      func attribute(_ name: String) -> String? {
        tag.range(of: name + "=\"").map { String(tag[$0.upperBound...].prefix { $0 != "\"" }) }
      }
      guard let name = attribute("name"), let value = attribute("value") else { return nil }
      return name + "=" + (value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? value) + "&"
    }.joined()
  }

  private func served() async throws -> (folder: TemporaryFolder, dir: String, hub: ServedHub, target: String) {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    // Nine in the morning of the survey's day.
    try FileClock.set(1_711_936_800_000, at: folder.path + "/clock")
    let hub = try await ServedHub(dir, folder, arguments: ["--clock", "@\(folder.path)/clock"])
    let made = try await HubTool.run(["qr", "--out", folder.path + "/qr", "--dir", dir, "--json"])
    let codes = try #require(
      (try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any])?["codes"] as? [[String: Any]])
    let link = try #require(codes.first { $0["unit"] as? String == "07201" }?["link"] as? String)
    return (folder, dir, hub, String(link.dropFirst("http://127.0.0.1:8080".count)))
  }

  @Test(.enabled(if: !ProxyTests.find("nginx").isEmpty, "Needs nginx: run `make deps`.")) func theRecipeForNginxWorks() async throws {
    let (folder, dir, hub, target) = try await served()
    let proxy = try await nginx(try Self.recipe("nginx"), folder, hubPort: hub.hubPort)
    try await works(proxy, dir, folder, target)
    let log = try String(contentsOfFile: folder.path + "/access.log", encoding: .utf8)
    #expect(log.contains("/v1/hub") && !log.contains("/s/"))
    #expect(await hub.stop() == 0)
  }

  /// Its own `Host`, a bound of 64 KB for bodies, and the list of headers that many put on top.
  @Test(.enabled(if: !ProxyTests.find("nginx").isEmpty, "Needs nginx: run `make deps`.")) func nginxAsItComesWorks() async throws {
    let (folder, dir, hub, target) = try await served()
    let server = """
      server {
        listen 443 ssl;
        client_max_body_size 64k;
        location / {
          proxy_pass http://127.0.0.1:8080;
          add_header Referrer-Policy "strict-origin-when-cross-origin" always;
          add_header X-Frame-Options SAMEORIGIN always;
        }
      }
      """
    let proxy = try await nginx(server, folder, hubPort: hub.hubPort)
    try await works(proxy, dir, folder, target)
    #expect(await hub.stop() == 0)
    // The hub is away: that is said as what it is.
    let device = FieldDevice(store: folder.path + "/late.sqlite")
    let late = try await device.run("enroll", "AAAAAAAAAA", "--hub", "http://127.0.0.1:\(proxy.port)")
    #expect(late.status == 75 && late.errors.contains("502"), "\(late.errors)")
  }

  @Test(.enabled(if: !ProxyTests.find("caddy").isEmpty, "Needs caddy: run `make deps`.")) func theRecipeForCaddyWorks() async throws {
    let (folder, dir, hub, target) = try await served()
    let port = try TinyServer.freePort()
    let recipe = try Self.recipe("caddyfile").replacing("hub.example", with: "http://127.0.0.1:\(port)")
      .replacing("127.0.0.1:8080", with: "127.0.0.1:\(hub.hubPort)")
    let path = folder.path + "/Caddyfile"
    try Data(("{\n  admin off\n}\n" + recipe + "\n").utf8).write(to: URL(fileURLWithPath: path))
    let proxy = try await Proxy(
      Self.find("caddy"), ["run", "--config", path, "--adapter", "caddyfile"], port: port, folder: folder.path)
    try await works(proxy, dir, folder, target)
    #expect(await hub.stop() == 0)
  }
}
