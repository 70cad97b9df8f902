import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

@Suite(.sumsAddUp) struct HubServeTests {
  @Test func aRunningHubAnswersDevicesAndShowsItsBoard() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder, arguments: ["--verbose", "--log-format", "json"])

    let ready = try RawCall.request("GET", "/readyz", port: hub.hubPort)
    let health = try RawCall.request("GET", "/health", port: hub.hubPort)
    #expect(health.status == 200 && health.headers["content-type"] == "application/json")
    #expect(ready.status == 200 && ready.text.contains("\"ok\":true"))
    let said = try #require(try JSONSerialization.jsonObject(with: health.body) as? [String: Any])
    #expect(said["ok"] as? Bool == true && (said["incarnation"] as? String)?.count == 32)

    // What is no call of the protocol never looks like an answer of a hub, as a captive portal's page does not.
    let page = try RawCall.request("GET", "/", port: hub.hubPort)
    #expect(page.status == 404 && page.headers["content-type"] == "text/plain; charset=utf-8")
    let unknown = try RawCall.request("GET", "/v1/nothing", port: hub.hubPort)
    #expect(unknown.status == 400 && unknown.headers["content-type"] == HubResponse.contentType)
    let info = try RawCall.request("GET", "/v1/hub", port: hub.hubPort)
    #expect(info.status == 200 && info.headers["content-type"] == HubResponse.contentType)
    let shown = try RawCall.request("GET", "/v1/hub", port: hub.hubPort, headers: ["Accept: application/json"])
    let fields = try #require(try JSONSerialization.jsonObject(with: shown.body) as? [String: Any])
    #expect(shown.headers["content-type"] == "application/json" && fields["protocolMax"] as? Int == 1 && fields["hubTimeMs"] is String)

    // A device over real HTTP, while another process makes its code.
    let made = try await HubTool.run(["enroll", "07201", "--dir", dir, "--json"])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let code = try #require(codes.first?["code"] as? String)
    #expect(codes.first?["district"] as? String == "Thành phố Bắc Giang")
    #expect(code.count == 10 && code.allSatisfy { !"0O1I".contains($0) })
    let field = try SurveyField.open(at: folder.path + "/f.sqlite", create: true)
    let transport = try HTTPTransport(hub: "http://127.0.0.1:\(hub.hubPort)")
    try await field.enroll(code: code, label: "one", through: transport)
    _ = try await field.replica.sync(with: transport)
    #expect(try await field.forms().map(\.id) == ["pks01", "report01"])
    let listed = try await HubTool.run(["devices", "list", "--dir", dir])
    #expect(listed.output.contains("Phường Thọ Xương, Thành phố Bắc Giang") && listed.output.contains("active"))

    // Enrolment and the exchange wrote: a monitor sees for how long at most others had to wait.
    let after = try RawCall.request("GET", "/health", port: hub.hubPort)
    let measured = try #require(try JSONSerialization.jsonObject(with: after.body) as? [String: Any])
    #expect((measured["longestWriteMs"] as? Int).map { $0 >= 0 } == true)

    try await board(hub)
    try metrics(hub)
    #expect(await hub.stop() == 0)
    #expect(hub.errors.contains("stopped"))
    try log(hub, device: "\(try #require(try await field.replica.enrolment()).replica)")
  }

  private func metrics(_ hub: ServedHub) throws {
    let metrics = try RawCall.request("GET", "/metrics", port: hub.boardPort)
    #expect(metrics.status == 200 && metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    let lines = Set(metrics.text.split(separator: "\n").map(String.init))
    for line in [
      "# TYPE synckit_calls counter", "synckit_calls{call=\"enroll\",status=\"200\"} 1", "synckit_devices{state=\"active\"} 1",
      "synckit_calls{call=\"unknown\",status=\"400\"} 1", "synckit_last_write_failed 0", "synckit_sums_disagree 0",
      "# TYPE synckit_call_seconds summary", "synckit_call_seconds_count{call=\"enroll\"} 1",
    ] {
      #expect(lines.contains(line), "\(line)")
    }
    // Each line is a comment, or a name, labels and a number.
    let form = try Regex("^(# TYPE [a-z_]+ (counter|gauge|summary)|[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})? -?[0-9.e+-]+)$")
    for line in lines { #expect(line.contains(form), "\(line)") }
    #expect(try RawCall.request("GET", "/metrics", port: hub.hubPort).status == 404)
  }

  private func log(_ hub: ServedHub, device: String) throws {
    let entries = try hub.errors.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
    }
    #expect(entries.allSatisfy { $0["time"]?.hasSuffix("Z") == true && $0["level"] != nil && $0["message"] != nil })
    let fetched = try #require(entries.first { $0["call"] == "feed" })
    #expect(fetched["device"] == device && fetched["unit"] == "07201" && fetched["ms"].flatMap { Int($0) } != nil)
    #expect(entries.contains { $0["call"] == "unknown" && $0["cause"] == "badRequest" && $0["device"] == nil })
  }

  private func board(_ hub: ServedHub) async throws {
    let board = try await hub.page("/")
    #expect(board.status == 200 && board.headers["content-type"] == "text/html; charset=utf-8")
    #expect(board.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
    #expect(board.text.contains("<html lang=\"vi\">") && board.text.contains("07201 Phường Thọ Xương: "))
    #expect(board.text.components(separatedBy: "<a class=\"sq ").count == 210)
    #expect(
      board.text.components(separatedBy: "<script").count == 3 && board.text.contains("<script src=\"/live.js\" defer></script>")
        && board.text.contains("<script src=\"/keys.js\" defer></script>")
        && !board.text.contains("style="))
    let links = board.text.components(separatedBy: "http").count
    #expect(links == board.text.components(separatedBy: "http-equiv").count, "nothing from elsewhere")
    let english = try await hub.page("/?lang=en")
    #expect(english.text.contains("<html lang=\"en\">") && english.text.contains("never in contact"))
    let results = try await hub.page("/results?level=district")
    #expect(results.status == 200 && results.text.contains("công bố khi đóng biểu mẫu"))
    #expect(try await hub.page("/results?form=%3Cscript%3E").text.contains("&lt;script&gt;"))
    #expect(try RawCall.request("GET", "/style.css", port: hub.boardPort).headers["content-type"] == "text/css; charset=utf-8")
    #expect(try await hub.page("/nothing").status == 404)
    #expect(try RawCall.request("POST", "/", port: hub.boardPort).status == 404)
    #expect(try RawCall.request("PUT", "/", port: hub.boardPort).status == 405)
    // Nobody sees anything before signing in, and no sums by a name that merely points here.
    let stranger = try RawCall.request("GET", "/units?page=2", port: hub.boardPort)
    #expect(stranger.status == 303 && stranger.headers["location"] == "/sign-in?to=%2Funits%3Fpage%3D2" && stranger.body.isEmpty)
    #expect(try RawCall.request("GET", "/metrics", port: hub.boardPort, host: "board.example").status == 303)
    // The board is not on the devices' port, nor the protocol on the board's.
    #expect(try RawCall.request("GET", "/v1/hub", port: hub.boardPort).status == 404)
  }

  @Test func aBodyThatIsTooLargeIsRefusedBeforeItIsRead() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder)
    let declared = "PUT /v1/batches/00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 900000000\r\n\r\n"
    let refused = try #require(try RawCall.send(Data(declared.utf8), port: hub.hubPort))
    #expect(refused.status == 413 && refused.headers["content-type"] == HubResponse.contentType)
    var chunked = Data("POST /v1/enroll HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    for _ in 0..<10 { chunked += Data("10000\r\n".utf8) + Data(repeating: 0x41, count: 65_536) + Data("\r\n".utf8) }
    chunked += Data("0\r\n\r\n".utf8)
    #expect(try #require(try RawCall.send(chunked, port: hub.hubPort)).status == 413)
    #expect(try RawCall.request("GET", "/health", port: hub.hubPort).status == 200)
    #expect(await hub.stop(with: SIGINT) == 0)
  }

  @Test func nonsenseIsRefusedAndTheHubGoesOn() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder, arguments: ["--verbose"])
    for target in ["/v1/enroll", "/v1/drop/07201", "/v1/batches/" + String(repeating: "ab", count: 32)] {
      let method = target == "/v1/enroll" ? "POST" : "PUT"
      let answer = try RawCall.request(method, target, port: hub.hubPort, body: Data(repeating: 0xFF, count: 500))
      #expect((400..<500).contains(answer.status), "\(target) \(answer.status)")
    }
    _ = try RawCall.send(Data("garbage\r\n\r\n".utf8), port: hub.hubPort, seconds: 5)
    #expect(try RawCall.request("GET", "/health", port: hub.hubPort).status == 200)
    #expect(await hub.stop() == 0)
    // Calls that carry answers leave no line, and so no time, in the log.
    #expect(hub.errors.contains("call=enroll") && hub.errors.contains("dropCalls=1"))
    #expect(!hub.errors.contains("v1/drop") && !hub.errors.contains("127.0.0.1"))
  }

  @Test func anOccupiedPortIsOneSentence() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let ports = [["--port", "\(hub.hubPort)", "--board-port", "0"], ["--port", "0", "--board-port", "\(hub.boardPort)"]]
    for (arguments, option) in zip(ports, ["--port", "--board-port"]) {
      let ended = try await HubTool.run(["serve", "--dir", dir] + arguments)
      #expect(ended.status == 1 && ended.output.isEmpty)
      #expect(ended.sentences.count == 1 && ended.errors.contains("in use") && ended.errors.contains("with \(option)."), "\(ended.errors)")
    }
    let elsewhere = try await HubTool.run(["serve", "--dir", dir, "--host", "203.0.113.7", "--port", "0", "--board-port", "0"])
    #expect(elsewhere.status == 1 && elsewhere.sentences.count == 1, "\(elsewhere.errors)")
    #expect(await hub.stop() == 0)
  }

  @Test(.long) func anUploadThatBreaksOffGoesOnFromThere() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder, arguments: ["--log-merges"])
    let made = try await HubTool.run(["enroll", "07201", "--dir", dir, "--json"])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let field = try SurveyField.open(at: folder.path + "/f.sqlite", create: true)
    let http = try HTTPTransport(hub: "http://127.0.0.1:\(hub.hubPort)")
    try await field.enroll(code: try #require(codes.first?["code"] as? String), label: "one", through: http)
    _ = try await field.replica.sync(with: http)
    let form = try #require(try await field.form(id: "report01"))
    // Enough that cannot be compressed: a hub does not keep small pieces.
    let reports = 40
    let first = try #require(CalendarDay("2024-04-01"))
    for number in 0..<reports {
      let day = try #require(first.adding(days: number))
      let words = (0..<50).map { _ in String(UInt64.random(in: 0 ... .max), radix: 36) }.joined(separator: " ")
      let answers = try AnswerGenerator(form: form, day: "\(day)").answers(
        seed: UInt64(number), fixed: ["difficulties": .choices(["khac"]), "difficulties_text": .text(words)])
      _ = try await field.saveReport(day: day, answers: answers)
    }
    // The line is cut in the middle of the batch; the device asks how far it came, and goes on from there.
    let line = CutOnce(http: http, port: hub.hubPort)
    _ = try await field.replica.sync(with: line)
    #expect(line.whole > 0 && line.sent == line.whole / 2)
    #expect(line.resumedAt == line.sent)
    let store = try await SurveyHub.open(at: dir)
    #expect(try await store.status().reports == reports)
    let left = try await store.hub.read { session in try session.integer("SELECT count(*) FROM hub_upload") }
    #expect(left == 0)
    try store.close()
    #expect(await hub.stop() == 0)
    #expect(hub.errors.contains("merging scope=07201 number=1\n"))
  }
}

/// Sends the first batch by half and hangs up; what comes after goes through.
private final class CutOnce: Transport, @unchecked Sendable {
  let http: HTTPTransport
  let port: Int
  private(set) var sent = 0
  private(set) var whole = 0
  private(set) var resumedAt: Int?

  init(http: HTTPTransport, port: Int) {
    self.http = http
    self.port = port
  }

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let isBatch = request.method == "PUT" && request.path.hasPrefix("/v1/batches/")
    guard isBatch, whole == 0 else {
      if isBatch { resumedAt = request.headers["upload-offset"].flatMap { Int($0) } }
      // Time for the hub to notice that the connection is gone.
      if request.path.hasSuffix("/offset") { try await Task.sleep(for: .milliseconds(500)) }
      return try await http.send(request, timeoutMs: timeoutMs)
    }
    let half = request.body.prefix(request.body.count / 2)
    (sent, whole) = (half.count, request.body.count)
    var head = "PUT \(request.target) HTTP/1.1\r\nHost: h\r\nContent-Length: \(request.body.count)\r\n"
    for (name, value) in request.headers { head += "\(name): \(value)\r\n" }
    _ = try RawCall.send(Data((head + "\r\n").utf8) + half, port: port, readsAnswer: false)
    throw SyncError(.unreachable, vi: "đứt", en: "cut")
  }
}
