internal import Foundation
internal import ToolSupport

/// Executables of the tools, run as separate processes.
enum Executables {
  struct Ended {
    var status: Int32
    var output: Data
    var complaint: String
  }

  /// Returns the paths of `hub` and `field` beside this program.
  static func beside() throws -> (hub: String, field: String) {
    (try ProgramBeside.path("hub"), try ProgramBeside.path("field"))
  }

  /// Runs a command to its end.
  @discardableResult
  static func run(_ executable: String, _ arguments: [String], allowed: Set<Int32> = [0]) throws -> Ended {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationReason == .exit, allowed.contains(process.terminationStatus) else {
      throw ToolError(vi: "hub \(arguments[0]) thất bại: \(complaint)", en: "hub \(arguments[0]) failed: \(complaint)")
    }
    return Ended(status: process.terminationStatus, output: said, complaint: complaint)
  }
}
