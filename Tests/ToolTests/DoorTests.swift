import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer

/// Strangers at a real `hub serve`: what they hold open or send takes neither its memory nor its places.
@Suite(.serialized) struct DoorTests {
  private func head(_ method: String, _ target: String, bytes: Int) -> Data {
    Data("\(method) \(target) HTTP/1.1\r\nHost: h\r\nContent-Length: \(bytes)\r\n\r\n".utf8)
  }

  @Test func strangersBodiesTakeNoMemory() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder)
    _ = try RawCall.request("GET", "/v1/hub", port: hub.hubPort)
    let before = hub.residentMiB
    let junk = Data(repeating: 0xAA, count: 3 << 20)
    var sockets: [OpenSocket] = []
    // Pages are signed calls, and these are not; packets carry their proof inside.
    for (target, declared) in [("/v1/pages", WireLimits.pageBytesMax), ("/v1/drop/07201", WireLimits.dropBytesMax)] {
      for _ in 0..<30 {
        let socket = try OpenSocket(port: hub.hubPort)
        _ = socket.send(head("PUT", target, bytes: declared) + junk)
        sockets.append(socket)
      }
    }
    let grown = hub.residentMiB - before
    #expect(before > 0 && grown < 80, "\(before) MiB, then \(grown) more")
    // A device is heard meanwhile.
    #expect(try RawCall.request("GET", "/v1/hub", port: hub.hubPort).status == 200)
    sockets = []
    #expect(await hub.stop() == 0)
  }

  @Test func whoeverCannotBeKnownIsRefusedBeforeTheBody() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder)
    let stranger = "SyncKit \(String(repeating: "ab", count: 16)) 1 \(Data(count: 64).base64EncodedString())"
    let hash = String(repeating: "ab", count: 32)
    for (target, header) in [
      ("/v1/pages", ""), ("/v1/batches/\(hash)", ""), ("/v1/blobs/\(hash)?size=9", ""), ("/v1/bundles/\(hash)?size=9", ""),
      ("/v1/pages", "Authorization: \(stranger)\r\n"), ("/v1/nothing", ""), ("/v1/agreement", ""),
    ] {
      // Not a byte of the body comes.
      let call = "PUT \(target) HTTP/1.1\r\nHost: h\r\n\(header)Content-Length: 60000\r\n\r\n"
      let answer = try #require(try RawCall.send(Data(call.utf8), port: hub.hubPort))
      #expect(
        [400, 401].contains(answer.status) && answer.headers["content-type"] == HubResponse.contentType, "\(target) \(answer.status)")
      #expect(answer.headers["connection"] == "close")
    }
    #expect(await hub.stop() == 0)
  }

  /// Also what the framework refuses by itself is an `ErrorBody`.
  @Test func everyErrorIsAHubs() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder)
    let long = String(repeating: "a", count: 100_000)
    for call in [
      "garbage\r\n\r\n", "GET /v1/hub HTTP/9.9\r\nHost: h\r\n\r\n", "DELETE /v1/hub HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /v1 HTTP/1.1\r\nHost: h\r\n\r\n", "POST /v1/feed HTTP/1.1\r\nHost: h\r\n\r\n", "PUT /v1/drop HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /v1/enroll HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "GET /v1/hub HTTP/1.1\r\nHost: h\r\nA: \(long)\r\n\r\n",
      "POST /v1/enroll HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n",
      "PUT /v1/drop/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
    ] {
      let answer = try #require(try RawCall.send(Data(call.utf8), port: hub.hubPort, seconds: 5))
      #expect((400..<600).contains(answer.status), "\(call.prefix(60)) \(answer.status)")
      #expect(answer.headers["content-type"] == HubResponse.contentType, "\(call.prefix(60)) \(answer.headers)")
      #expect(
        ["badRequest", "tooLarge", "damaged"].contains { answer.text.contains($0) },
        "\(call.prefix(60)) \(answer.status) \(answer.text.prefix(200))")
    }
    let json = try RawCall.request("GET", "/v1/nothing", port: hub.hubPort, headers: ["Accept: application/json"])
    #expect(json.status == 400 && json.headers["content-type"] == "application/json")
    #expect(try RawCall.request("GET", "/health", port: hub.hubPort).status == 200)
    #expect(await hub.stop() == 0)
  }

  /// Where few files may be open, hundreds of silent connections leave a device its place.
  @Test func silentConnectionsLeaveRoomForADevice() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder, descriptors: "-n 200")
    var sockets = try (0..<400).map { _ in try OpenSocket(port: hub.hubPort) }
    for socket in sockets.suffix(200) { _ = socket.send(Data("GET /v1/hub HTTP/1.1\r\nX: ".utf8)) }
    let made = try await HubTool.run(["enroll", "07201", "--dir", dir, "--json"])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let device = FieldDevice(store: folder.path + "/f.sqlite")
    let enrolled = try await device.run("enroll", try #require(codes.first?["code"] as? String), "--hub", "http://127.0.0.1:\(hub.hubPort)")
    #expect(enrolled.status == 0, "\(enrolled.errors)")
    let synced = try await device.run("sync")
    #expect(synced.status == 0, "\(synced.errors)")
    let health = try RawCall.request("GET", "/health", port: hub.hubPort)
    #expect(health.status == 200, "\(health.text)")
    sockets = []
    #expect(await hub.stop() == 0)
  }

  /// Two addresses have all the room for bodies that nobody proved, and send no more: a third one gets it.
  @Test(.long) func bodiesThatHardlyMoveGiveTheirRoomToANewcomer() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder)
    let part = min(WireLimits.dropBytesMax, BodyBudget.addressBytesMax / 2) - 1_024
    let junk = Data(repeating: 0xAA, count: part)
    func head(_ bytes: Int, from address: String) -> Data {
      let lines = ["PUT /v1/drop/07201 HTTP/1.1", "Host: h", "X-Forwarded-For: \(address)", "Content-Length: \(bytes)", "", ""]
      return Data(lines.joined(separator: "\r\n").utf8)
    }
    var sockets: [OpenSocket] = []
    for address in ["198.51.100.1", "198.51.100.2"] {
      for _ in 0..<BodyBudget.addressBytesMax / part {
        let socket = try OpenSocket(port: hub.hubPort)
        #expect(socket.send(head(part + 512, from: address) + junk) > part)
        sockets.append(socket)
      }
    }
    // More than what is left, so that the newcomer needs another's room.
    let newcomer = head(part, from: "198.51.100.3") + junk
    try await Task.sleep(for: .seconds(Connections.Limits.bodyLateSeconds + 2))
    let answer = try #require(try RawCall.send(newcomer, port: hub.hubPort))
    #expect(answer.status != 503 && answer.status != 0, "\(answer.status) \(answer.text)")
    sockets = []
    #expect(await hub.stop() == 0)
  }

  @Test func aBodysPaceIsThatOfItsLastSeconds() {
    var arrivals = Arrivals()
    arrivals.add(1 << 20, at: .seconds(1))
    #expect(arrivals.bytes(inLast: 30, at: .seconds(29)) == 1 << 20 && arrivals.bytes(inLast: 10, at: .seconds(12)) == 0)
    // A quick beginning does not pay for what follows.
    for second in 2..<60 { arrivals.add(10, at: .seconds(second)) }
    #expect((250...300).contains(arrivals.bytes(inLast: 30, at: .seconds(60))))
    #expect(arrivals.bytes(inLast: 30, at: .seconds(600)) == 0)
    arrivals.add(7, at: .seconds(600))
    #expect(arrivals.bytes(inLast: 30, at: .seconds(600)) == 7)
  }

  /// Answers that a device does not read are bounded together, and give their room back however they end.
  @Test func unreadAnswersTakeNoMoreThanTheirRoom() async throws {
    let budget = AnswerBudget()
    let device = BodyBudget.Account.device("d")
    let snapshot = 8 << 20
    var rooms = (0..<300).compactMap { _ in budget.room(for: snapshot, of: device) }
    #expect(rooms.count == AnswerBudget.deviceBytesMax / snapshot && budget.bytesTaken == AnswerBudget.deviceBytesMax)
    // Others are served meanwhile, and small answers go out always.
    #expect(budget.room(for: snapshot, of: .device("e")) != nil && budget.room(for: 1_000, of: device) != nil)
    for number in 0..<100 { rooms += [budget.room(for: snapshot, of: .device("\(number)"))].compactMap { $0 } }
    #expect(budget.bytesTaken <= AnswerBudget.bytesMax && budget.room(for: snapshot, of: .device("f")) == nil)
    rooms = []
    #expect(budget.bytesTaken == 0)
  }

  @Test func theLimitOfOpenFilesIsRaised() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder, descriptors: "-Sn 150")
    let limits = try String(contentsOfFile: "/proc/\(hub.process.processIdentifier)/limits", encoding: .utf8)
    let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
    let numbers = line.split(separator: " ").compactMap { Int($0) }
    #expect(numbers.count == 2 && numbers[0] == numbers[1] && numbers[0] > 150, "\(line)")
    #expect(await hub.stop() == 0)
  }

  /// A body of which nothing comes is cut off after `Connections.Limits.bodyStallSecondsMax`, with an answer.
  @Test(.long) func aBodyThatStopsIsCutOff() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder)
    let bytes = head("PUT", "/v1/drop/07201", bytes: 100_000) + Data("abc".utf8)
    let answer = try #require(try RawCall.send(bytes, port: hub.hubPort, seconds: 60))
    #expect(answer.status == 503 && answer.headers["content-type"] == HubResponse.contentType, "\(answer)")
    #expect(answer.headers["retry-after"] == "1" && answer.headers["connection"] == "close")
    #expect(await hub.stop() == 0)
  }

  /// A call that broke off is in the log like any other, with its cause, and in the counts.
  @Test(.long) func callsThatBreakOffAreNoted() async throws {
    let folder = try TemporaryFolder()
    let hub = try await ServedHub(try await HubTool.made(in: folder), folder, arguments: ["--verbose", "--log-format", "json"])
    var socket: OpenSocket? = try OpenSocket(port: hub.hubPort)
    _ = socket?.send(head("POST", "/v1/enroll", bytes: 1_000) + Data("abc".utf8))
    try await Task.sleep(for: .milliseconds(500))
    socket = nil
    var isNoted = false
    for _ in 0..<100 where !isNoted {
      try await Task.sleep(for: .milliseconds(50))
      isNoted = hub.errors.split(separator: "\n").contains { $0.contains("broken") && $0.contains("enroll") }
    }
    #expect(isNoted, "\(hub.errors)")
    let metrics = try RawCall.request("GET", "/metrics", port: hub.boardPort)
    #expect(metrics.text.contains("synckit_calls{call=\"enroll\",status=\"400\"} 1"), "\(metrics.text)")
    #expect(await hub.stop() == 0)
  }

  @Test func onlyAProxyOnThisMachineSaysForWhomItCalls() {
    func source(_ peer: String?, _ forwarded: String?) -> String { CallContext.source(peer: peer, forwarded: forwarded) }
    #expect(source("203.0.113.5", "198.51.100.1") == "203.0.113.5")
    #expect(source("127.0.0.1", nil) == "127.0.0.1")
    // What a caller wrote itself stands before what the proxy added.
    #expect(source("127.0.0.1", "10.0.0.1, 198.51.100.1") == "198.51.100.1")
    #expect(source("::1", "198.51.100.1") == "198.51.100.1")
    #expect(source("127.0.0.1", "nonsense") == "127.0.0.1")
    #expect(source("127.0.0.1", "") == "127.0.0.1")
    #expect(source("127.0.0.1", "2001:db8:1:2:3::4") == source("127.0.0.1", "2001:db8:1:2:ffff::1"))
    #expect(source("127.0.0.1", "2001:db8:1:2::1") != source("127.0.0.1", "2001:db8:1:3::1"))
    #expect(source("::ffff:203.0.113.5", nil) == "203.0.113.5")
  }
}
