internal import Foundation
internal import SyncKit
internal import Synchronization

/// Process `hub serve` of a rehearsal: started, watched through its log, killed and started again on the same port.
///
/// Its input is a pipe of this process: it stops by itself when this process is gone, by whatever end.
final class HubProcess: Sendable {
  let executable: String
  let folder: String
  let clockFile: String
  let logPath: String
  private let extra: [String]
  private let state = Mutex(State())

  private struct State {
    var process: Process?
    var input: Pipe?
    /// True when nothing is started any more.
    var isStopped = false
    var hubPort = 0
    var boardPort = 0
    var peakMemoryKiB = 0
  }

  /// Seconds that a hub may take to answer after it was started.
  static let startSecondsMax = 30
  /// Seconds that a hub may take to stop before it is killed.
  static let stopSecondsMax = 20

  init(executable: String, folder: String, clockFile: String, logPath: String, extra: [String] = []) {
    self.executable = executable
    self.folder = folder
    self.clockFile = clockFile
    self.logPath = logPath
    self.extra = extra
  }

  var port: Int { state.withLock { $0.hubPort } }
  var boardPort: Int { state.withLock { $0.boardPort } }
  var address: String { "http://127.0.0.1:\(port)" }
  /// Largest resident memory seen, in KiB.
  var peakMemoryKiB: Int { state.withLock { $0.peakMemoryKiB } }

  /// Starts the process and waits until it prints its address.
  func start(boardPort wanted: Int = 0) async throws {
    let (port, board) = state.withLock { ($0.hubPort, $0.boardPort == 0 ? wanted : $0.boardPort) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments =
      [
        "serve", "--dir", folder, "--port", "\(port)", "--board-port", "\(board)", "--clock", "@\(clockFile)", "--log-merges",
        "--until-input-ends",
      ]
      + extra
    let output = Pipe()
    process.standardOutput = output
    process.standardError = try log()
    let input = Pipe()
    process.standardInput = input
    try state.withLock { state in
      guard !state.isStopped else { throw CancellationError() }
      try process.run()
      (state.process, state.input) = (process, input)
    }
    let lines = try await Self.lines(2, from: output.fileHandleForReading)
    let ports = lines.compactMap { line in
      line.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) }
    }
    guard ports.count == 2 else {
      throw SyncError(
        .hubFailed, vi: "Máy chủ không khởi động được; xem \(logPath).", en: "The hub did not start; see \(logPath).")
    }
    state.withLock { ($0.hubPort, $0.boardPort) = (ports[0], ports[1]) }
  }

  private func log() throws -> FileHandle {
    if !FileManager.default.fileExists(atPath: logPath) { _ = FileManager.default.createFile(atPath: logPath, contents: nil) }
    guard let handle = FileHandle(forWritingAtPath: logPath) else {
      throw SyncError(.diskFull, vi: "Không ghi được \(logPath).", en: "Cannot write \(logPath).")
    }
    try handle.seekToEnd()
    return handle
  }

  /// Returns the first lines that a process prints; fewer when it ends or takes too long.
  private static func lines(_ count: Int, from handle: FileHandle) async throws -> [String] {
    let collected = Mutex(Data())
    handle.readabilityHandler = { source in
      let data = source.availableData
      if data.isEmpty { source.readabilityHandler = nil } else { collected.withLock { $0.append(data) } }
    }
    defer { handle.readabilityHandler = nil }
    for _ in 0..<(startSecondsMax * 50) {
      let text = String(decoding: collected.withLock { $0 }, as: UTF8.self)
      let lines = text.split(separator: "\n")
      if lines.count >= count && text.hasSuffix("\n") { return lines.prefix(count).map(String.init) }
      try await Task.sleep(for: .milliseconds(20))
    }
    return []
  }

  var isRunning: Bool { state.withLock { $0.process?.isRunning ?? false } }

  /// Bytes of its log now.
  var logSize: UInt64 {
    let attributes = try? FileManager.default.attributesOfItem(atPath: logPath)
    return (attributes?[.size] as? UInt64) ?? 0
  }

  /// Returns the log after `offset`.
  func log(after offset: UInt64) -> String {
    guard let handle = FileHandle(forReadingAtPath: logPath) else { return "" }
    defer { try? handle.close() }
    guard (try? handle.seek(toOffset: offset)) != nil, let data = try? handle.readToEnd() else { return "" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Kills it at once, as a power cut would: with no signal that it could handle.
  func kill() {
    state.withLock { state in
      guard let process = state.process, process.isRunning else { return }
      sampleMemory(&state)
      _ = sendSignal(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  /// Stops it, and waits; it is not started again.
  func stop() {
    let process = state.withLock { state in
      state.isStopped = true
      sampleMemory(&state)
      return state.process
    }
    guard let process, process.isRunning else { return }
    process.terminate()
    for _ in 0..<(Self.stopSecondsMax * 50) where process.isRunning { usleep(20_000) }
    if process.isRunning { _ = sendSignal(process.processIdentifier, SIGKILL) }
  }

  /// Measures its memory.
  func sampleMemory() { state.withLock { sampleMemory(&$0) } }

  private func sampleMemory(_ state: inout State) {
    guard let process = state.process, let data = FileManager.default.contents(atPath: "/proc/\(process.processIdentifier)/status") else {
      return
    }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmHWM:") {
      state.peakMemoryKiB = max(state.peakMemoryKiB, Int(line.filter(\.isNumber)) ?? 0)
    }
  }
}

/// Calls `kill(2)`, whose name a method here has too.
private func sendSignal(_ process: Int32, _ signal: Int32) -> Int32 { kill(process, signal) }
