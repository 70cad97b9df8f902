import Foundation
import SyncKit

/// The tools as they are shipped, built beside this program.
struct Tools {
  let hub: String
  let field: String

  init() throws {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent().path
    (hub, field) = (folder + "/hub", folder + "/field")
    for tool in [hub, field] where !FileManager.default.isExecutableFile(atPath: tool) {
      throw SQLiteFailure(description: "there is no \(tool): build the whole package, not only `bench`")
    }
  }
}

/// A running `hub serve`, on loopback and free ports.
final class ServedHub {
  let port: Int
  let boardPort: Int
  private let process = Process()
  private let output = Pipe()

  init(_ tools: Tools, folder: String) throws {
    process.executableURL = URL(fileURLWithPath: tools.hub)
    process.arguments = ["serve", "--dir", folder, "--port", "0", "--board-port", "0"]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    var said = Data()
    while said.count(where: { $0 == UInt8(ascii: "\n") }) < 2 {
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw SQLiteFailure(description: "hub serve ended before it listened") }
      said.append(more)
    }
    let ports = String(decoding: said, as: UTF8.self).split(separator: "\n").compactMap { line in
      line.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) }
    }
    guard ports.count == 2 else { throw SQLiteFailure(description: "hub serve did not say where it listens") }
    (port, boardPort) = (ports[0], ports[1])
  }

  deinit { if process.isRunning { process.terminate() } }

  var address: String { "http://127.0.0.1:\(port)" }
  var boardAddress: String { "http://127.0.0.1:\(boardPort)" }

  /// CPU seconds of the process, all threads.
  func cpu() throws -> Double {
    var (clock, time) = (clockid_t(), timespec())
    guard clock_getcpuclockid(process.processIdentifier, &clock) == 0, clock_gettime(clock, &time) == 0 else {
      throw SQLiteFailure(description: "the hub is gone")
    }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The most memory it held so far, in MiB.
  var peakMemory: Double { PeakMemory.mib(of: "\(process.processIdentifier)") }

  /// How long its longest transaction kept others from writing, in milliseconds.
  func longestWriteMs() async throws -> Double {
    struct Health: Decodable {
      var longestWriteMs: Double
      var failedCalls: Int
    }
    let answer = try await HTTPTransport(hub: address).send(HubRequest("GET", "/health"), timeoutMs: 10_000)
    let health = try JSONDecoder().decode(Health.self, from: answer.body)
    guard health.failedCalls == 0 else { throw SQLiteFailure(description: "\(health.failedCalls) calls failed at the hub") }
    return health.longestWriteMs
  }

  func stop() throws {
    process.terminate()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw SQLiteFailure(description: "hub serve ended with \(process.terminationStatus)")
    }
  }
}
