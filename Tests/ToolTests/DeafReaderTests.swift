import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer

/// Connections that ask on and read nothing. Run alone (`scripts/tests.py`): what they ask takes the processors that other tests keep time by.
@Suite struct DeafReaderTests {
  /// Asks on and on without reading what it is told.
  private func askWithoutReading(port: Int) throws -> [OpenSocket] {
    // The style sheet is the largest answer that anybody gets for little work.
    let calls = Data(String(repeating: "GET /s/style.css HTTP/1.1\r\nHost: h\r\n\r\n", count: 600).utf8)
    let sockets = try (0..<250).map { _ in try OpenSocket(port: port, receiveBytes: 1_024) }
    var sent = sockets.map { _ in 0 }
    for _ in 0..<3 {
      for (index, socket) in sockets.enumerated() { sent[index] += socket.sendAtOnce(calls.dropFirst(sent[index])) }
    }
    return sockets
  }

  @Test(.long) func connectionsThatReadNothingLeaveRoomForADevice() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder, descriptors: "-n 200")
    let sockets = try askWithoutReading(port: hub.hubPort)
    // Answers pile up, and nothing moves for longer than whoever proved nothing keeps a place.
    try await Task.sleep(for: .seconds(Connections.Limits.unreadSecondsKept + 10))
    let made = try await HubTool.run(["enroll", "07201", "--dir", dir, "--json"])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let device = FieldDevice(store: folder.path + "/f.sqlite")
    let enrolled = try await device.run("enroll", try #require(codes.first?["code"] as? String), "--hub", "http://127.0.0.1:\(hub.hubPort)")
    #expect(enrolled.status == 0, "\(enrolled.errors)")
    let synced = try await device.run("sync")
    #expect(synced.status == 0, "\(synced.errors)")
    // Nobody wants their places any more, and yet they end.
    try await Task.sleep(for: .seconds(Connections.Limits.unreadSecondsMax + 5))
    let health = try RawCall.request("GET", "/health", port: hub.hubPort)
    let open = try #require((try JSONSerialization.jsonObject(with: health.body) as? [String: Any])?["openConnections"] as? Int)
    #expect(health.status == 200 && open < 10, "\(health.text)")
    withExtendedLifetime(sockets) {}
    #expect(await hub.stop() == 0)
  }
}
