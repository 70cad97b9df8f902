public import Foundation
internal import SyncKit

/// Runs the real `hub` and `field` executables as processes.
public enum Tool {
  public struct Ended: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
    /// Lines on standard error.
    public var sentences: [String] { errors.split(separator: "\n").map(String.init) }
  }

  /// The test's environment in English, without what names a store of the person who runs the tests.
  public static func environment(_ adding: [String: String] = [:]) -> [String: String] {
    var all = ProcessInfo.processInfo.environment
    for name in ["LC_ALL", "LC_MESSAGES", "SYNCKIT_FIELD", "SYNCKIT_HUB"] { all[name] = nil }
    all["LANG"] = "en_US.UTF-8"
    return all.merging(adding) { $1 }
  }

  public static let packageRoot = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()

  public static func path(_ name: String) -> String {
    let folder = ProcessInfo.processInfo.environment["SYNCKIT_BIN"] ?? packageRoot.appendingPathComponent(".build/debug").path
    return folder + "/" + name
  }

  public static func hub(_ arguments: [String], environment: [String: String] = [:]) async throws -> Ended {
    try await run(path("hub"), arguments, environment: environment)
  }

  public static func field(_ arguments: [String], environment: [String: String] = [:]) async throws -> Ended {
    try await run(path("field"), arguments, environment: environment)
  }

  /// Runs a program to its end; its output is read as it comes, however much there is.
  public static func run(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> Ended {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        do {
          let process = Process()
          process.executableURL = URL(fileURLWithPath: executable)
          process.arguments = arguments
          process.environment = Self.environment(environment)
          let folder = try TemporaryFolder()
          let (output, errors) = (folder.path + "/out", folder.path + "/err")
          for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
          process.standardOutput = FileHandle(forWritingAtPath: output)
          process.standardError = FileHandle(forWritingAtPath: errors)
          process.standardInput = FileHandle.nullDevice
          try process.run()
          process.waitUntilExit()
          func text(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }
          let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
          continuation.resume(returning: Ended(status: status, output: text(output), errors: text(errors)))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }
}
