import Foundation
import TestSupport

/// One of our tools as a process: what a person at a terminal gets.
struct ToolProcess: Sendable {
  let name: String
  /// Runs in here; relative names are its.
  let folder: String
  var environment: [String: String] = [:]
  /// Put before the tool, such as `faketime 2009-01-01`.
  var prefix: [String] = []

  struct Ended: Sendable {
    var code: Int32
    var out: String
    var err: String

    /// Standard output as JSON; nil when it is none.
    var json: Any? { try? JSONSerialization.jsonObject(with: Data(out.utf8), options: [.fragmentsAllowed]) }
    var object: [String: Any] { json as? [String: Any] ?? [:] }
  }

  static func find(_ program: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  func run(_ arguments: String...) async throws -> Ended { try await run(arguments) }

  func run(_ arguments: [String]) async throws -> Ended { try await start(arguments).end() }

  /// Starts the tool and comes back at once.
  func start(_ arguments: [String]) throws -> Running {
    let command = prefix + [Tool.path(name)] + arguments
    return try Running(command, folder: folder, environment: environment)
  }

  final class Running: @unchecked Sendable {
    let process = Process()
    private let outPath: String
    private let errPath: String
    private let ended: AsyncStream<Int32>

    init(_ command: [String], folder: String, environment: [String: String]) throws {
      outPath = NSTemporaryDirectory() + "/out-" + UUID().uuidString
      errPath = NSTemporaryDirectory() + "/err-" + UUID().uuidString
      let program = command[0].contains("/") ? command[0] : ToolProcess.find(command[0]) ?? command[0]
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = Array(command.dropFirst())
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      process.environment = Tool.environment(environment)
      for path in [outPath, errPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
      process.standardOutput = FileHandle(forWritingAtPath: outPath)
      process.standardError = FileHandle(forWritingAtPath: errPath)
      process.standardInput = FileHandle.nullDevice
      let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
      ended = stream
      process.terminationHandler = { process in
        continuation.yield(process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
        continuation.finish()
      }
      try process.run()
    }

    /// What it has printed so far.
    var out: String { text(outPath) }

    func end() async -> Ended {
      var code: Int32 = -1000
      for await status in ended { code = status }
      defer { for path in [outPath, errPath] { try? FileManager.default.removeItem(atPath: path) } }
      return Ended(code: code, out: text(outPath), err: text(errPath))
    }

    /// Waits until either stream holds `text`; false once the process has ended, or after a minute, without it.
    func says(_ sought: String) async -> Bool {
      for _ in 0..<600 {
        if (text(outPath) + text(errPath)).contains(sought) { return true }
        if !process.isRunning { return false }
        try? await Task.sleep(for: .milliseconds(100))
      }
      return false
    }

    private func text(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }
  }
}
