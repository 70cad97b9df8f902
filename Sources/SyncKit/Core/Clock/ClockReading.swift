internal import Foundation

/// Time since a machine was started, in milliseconds, sleep included.
public struct Uptime: Sendable, Hashable {
  /// Identifier of this start of the machine.
  public var boot: String
  public var ms: UInt64

  public init(boot: String, ms: UInt64) {
    self.boot = boot
    self.ms = ms
  }

  #if os(Linux)
    /// Reading of this machine; nil when the kernel provides none.
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

/// Readings of a machine's wall clock and uptime at a moment when the wall clock was trusted.
public struct ClockReading: Sendable, Hashable {
  public var wallMs: UInt64
  public var uptime: Uptime

  /// Milliseconds by which the two clocks may differ within one start of the machine.
  public static let driftMsMax: UInt64 = 86_400_000
  /// Milliseconds by which the wall clock may have been set back across a restart.
  public static let backwardsMsMax: UInt64 = 3_600_000
  /// Longest plausible time across a restart, in milliseconds: a machine is off over a weekend, or for weeks.
  public static let offMsMax: UInt64 = 30 * 86_400_000

  public init(wallMs: UInt64, uptime: Uptime) {
    self.wallMs = wallMs
    self.uptime = uptime
  }

  /// Reads a clock.
  ///
  /// - Returns: Nil when the clock's machine provides no uptime.
  public init?(_ clock: any WallClock) {
    guard let uptime = clock.uptime() else { return nil }
    self.init(wallMs: clock.nowMs(), uptime: uptime)
  }

  /// Returns by how many milliseconds the wall clock jumped between this reading and a later one; nil when it did not.
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

  /// Returns what the wall clock must show at least, had it gone on since this reading.
  public func continued(to now: Uptime) -> UInt64 {
    let passed = now.boot == uptime.boot ? now.ms - min(now.ms, uptime.ms) : now.ms
    return wallMs + min(passed, HybridTimestamp.wallMsMax)
  }
}
