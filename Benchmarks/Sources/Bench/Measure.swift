import Foundation

/// CPU seconds of this process, all threads.
func cpuSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// What a piece of work took.
struct Cost {
  var cpu: Double
  var wall: Double
  /// Bytes handed to the system to be read and written: pages of stores and logs, whether they come from the disk or from memory.
  /// The same in every run.
  var read: Double, written: Double

  /// - Parameter name: Where instructions are counted, the work of this name ends the process: see `Instructions`.
  static func of(_ name: String = "", _ body: () async throws -> Void) async rethrows -> Cost {
    let isCounted = !name.isEmpty && name == Instructions.name
    if isCounted { Instructions.begin() }
    let (io, cpu, clock) = (Self.io(), cpuSeconds(), ContinuousClock.now)
    try await body()
    if isCounted { exit(0) }
    let wall = ContinuousClock.now - clock
    let after = Self.io()
    return Cost(
      cpu: cpuSeconds() - cpu, wall: Double(wall.components.seconds) + Double(wall.components.attoseconds) / 1e18,
      read: after.read - io.read, written: after.written - io.written)
  }

  /// What the system has counted so far; 0 where it does not.
  private static func io() -> (read: Double, written: Double) {
    guard let text = try? String(contentsOfFile: "/proc/self/io", encoding: .utf8) else { return (0, 0) }
    func number(_ name: String) -> Double {
      text.split(separator: "\n").first { $0.hasPrefix(name + ":") }?.split(separator: " ").last.flatMap { Double($0) } ?? 0
    }
    return (number("rchar"), number("wchar"))
  }
}

/// The most memory a process held, since it began or was told to forget. 0 where the system does not tell.
enum PeakMemory {
  static func forget() { try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs")) }

  /// - Parameter process: Its number; without one this process is meant.
  static func mib(of process: String = "self") -> Double {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return 0 }
    return (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
  }
}

/// One number of a workload, measured several times.
struct Figure: Codable {
  var name: String
  var unit: String
  /// The median, and how far the quarters lie apart.
  var value: Double
  var spread: Double
  var runs: [Double]

  init(_ name: String, _ unit: String, _ runs: [Double]) {
    let sorted = runs.sorted()
    (self.name, self.unit, self.runs) = (name, unit, runs)
    value = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    spread = sorted.isEmpty ? 0 : sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]
  }
}

/// A folder that goes with its owner.
final class Scratch {
  let path: String

  init(_ folder: String) throws {
    path = folder + "/bench-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Bytes of a database with its log.
  static func bytes(_ path: String) -> Int {
    ["", "-wal"].reduce(0) { sum, suffix in
      sum + ((try? FileManager.default.attributesOfItem(atPath: path + suffix)[.size] as? Int) ?? 0)
    }
  }
}

struct Machine: Codable {
  var cpu: String
  var cores: Int
  var memoryGiB: Int
  var system: String
  var sqlite: String
}
