import Foundation

/// I1 to I5: instructions of the same work in place of CPU seconds, beside plain SQLite's, counted by Valgrind: they do not depend on what
/// else the machine does. For each figure this program runs itself again under `callgrind`, once for each side.
///
/// Valgrind has no instructions for SHA-256, so that hashing counts for more than it takes.
enum Instructions {
  /// The work that is counted in this process, `--count NAME`; nil in one that counts nothing.
  static let name: String? = CommandLine.arguments.firstIndex(of: "--count").flatMap { CommandLine.arguments.dropFirst($0 + 1).first }

  private static let works = ["W1.insert.txn100", "W1.insert.onetxn", "W2.update.txn100", "W3.seal", "W4.merge", "W5.late"]
  private static let seconds = 300

  /// `callgrind` forgets what it has counted when this is called; the end of the process ends the counting.
  @inline(never) @_optimize(none) static func begin() {}

  static func work(_ name: String, _ folder: String) async throws {
    let settings = Bench.Settings(
      isQuick: true, runs: 1, localRows: 1000, communes: 10, rowsEach: 100, lateCommunes: 2, firstSyncRows: 0, answersEach: 0)
    _ = try await Bench.run(settings, String(name.prefix(2)), folder)
    throw SQLiteFailure(description: "there is no work named \(name)")
  }

  static func figures(_ settings: Bench.Settings, _ folder: String) throws -> [Figure] {
    guard (try? counted(["/bin/true"])) != nil else {
      Bench.say("Without valgrind no instructions are counted.")
      return []
    }
    // Valgrind gives up on what Swift says for debuggers, and needs names only.
    let scratch = try Scratch(folder)
    let program = scratch.path + "/bench"
    let ours = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().path
    guard try WholeProcess("strip", ["--strip-debug", "-o", program, ours], scratch: scratch).output.isEmpty else { return [] }
    return try works.map { work in
      Bench.say("instructions of \(work)")
      let (ours, plain) = (
        try counted([program, "--count", work, "--folder", folder]), try counted([program, "--count", work + ".plain", "--folder", folder])
      )
      return Figure("I" + work.dropFirst(), "× instructions", [Double(ours) / Double(plain)])
    }
  }

  private static func counted(_ command: [String]) throws -> UInt64 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["timeout", "\(seconds)", "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--zero-before=*Instructions*begin*"]
      + command
    let said = Pipe()
    process.standardError = said
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: said.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let line = text.split(separator: "\n").last { $0.contains("Collected : ") }
    guard process.terminationStatus == 0, let number = line?.split(separator: " ").last.flatMap({ UInt64($0) }) else {
      throw SQLiteFailure(description: "nothing was counted: \(text.suffix(500))")
    }
    return number
  }
}
