internal import Foundation

/// How long a machine has been running since it was switched on, in milliseconds, sleep included.
public struct Uptime: Sendable, Hashable {
  /// Tells one start of the machine from another.
  public var boot: String
  public var ms: UInt64

  public init(boot: String, ms: UInt64) {
    self.boot = boot
    self.ms = ms
  }

  #if os(Linux)
    /// This machine's; nil where the kernel does not tell.
    static var ofSystem: Uptime? {
      func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map {
          String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
      }
      guard let boot = text("/proc/sys/kernel/random/boot_id"), !boot.isEmpty,
        let seconds = text("/proc/uptime")?.split(separator: " ").first.flatMap({ Double($0) }), seconds >= 0, seconds < 1e12
      else { return nil }
      return Uptime(boot: boot, ms: UInt64(seconds * 1000))
    }
  #else
    static var ofSystem: Uptime? { nil }
  #endif
}

/// What a machine's two clocks showed at a moment at which its wall clock was believed.
public struct ClockReading: Sendable, Hashable {
  public var wallMs: UInt64
  public var uptime: Uptime

  /// Within one start of the machine the two clocks may part by this much.
  public static let driftMsMax: UInt64 = 86_400_000
  /// Across a restart the wall clock may have been put back by this much.
  public static let backwardsMsMax: UInt64 = 3_600_000
  /// Across a restart, a longer time than this has hardly passed: a machine is off over a weekend, or for weeks.
  public static let offMsMax: UInt64 = 30 * 86_400_000

  public init(wallMs: UInt64, uptime: Uptime) {
    self.wallMs = wallMs
    self.uptime = uptime
  }

  /// - Returns: Nil for a clock whose machine does not tell how long it has been running.
  public init?(_ clock: any WallClock) {
    guard let uptime = clock.uptime() else { return nil }
    self.init(wallMs: clock.nowMs(), uptime: uptime)
  }

  /// By how much the wall clock jumped between this reading and a later one, in milliseconds; nil when it went on as clocks do.
  ///
  /// Being switched off is no jump.
  public func jumpMs(to now: ClockReading) -> Int64? {
    let passed = Int64(clamping: now.wallMs) - Int64(clamping: wallMs)
    if now.uptime.boot == uptime.boot {
      let jump = passed - (Int64(clamping: now.uptime.ms) - Int64(clamping: uptime.ms))
      return jump.magnitude > Self.driftMsMax ? jump : nil
    }
    return passed < 0 ? (passed.magnitude > Self.backwardsMsMax ? passed : nil) : (passed.magnitude > Self.offMsMax ? passed : nil)
  }

  /// What the wall clock must show at least, had it gone on since this reading.
  public func continued(to now: Uptime) -> UInt64 {
    let passed = now.boot == uptime.boot ? now.ms - min(now.ms, uptime.ms) : now.ms
    return wallMs + min(passed, HybridTimestamp.wallMsMax)
  }
}
