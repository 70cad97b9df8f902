internal import Foundation

/// Source of the time for a replica or hub; SyncKit has no other.
public protocol WallClock: Sendable {
  /// Returns milliseconds since 1970-01-01 UTC; the value may be years off, and may jump.
  func nowMs() -> UInt64
  /// Returns how long the machine has been running, by a clock that nobody sets; nil when there is none, or the time is simulated.
  func uptime() -> Uptime?
}

extension WallClock {
  public func uptime() -> Uptime? { nil }
}

/// Clock of the system.
public struct SystemClock: WallClock {
  public init() {}

  public func nowMs() -> UInt64 {
    let ms = Date().timeIntervalSince1970 * 1000
    return ms > 0 ? UInt64(min(ms, Double(HybridTimestamp.wallMsMax))) : 0
  }

  public func uptime() -> Uptime? { Uptime.ofSystem }
}

/// Clock that starts at a chosen moment and runs at a chosen speed: a rehearsal lives a whole day in a minute.
///
/// Several processes with the same three numbers agree, also after one is restarted.
public struct ScaledClock: WallClock {
  /// Time that this clock shows when the system's clock shows `anchorMs`.
  public let startMs: UInt64
  public let anchorMs: UInt64
  /// Milliseconds of this clock for each of the system's.
  public let speed: Double
  private let base: any WallClock

  /// Makes a clock; nil for a speed outside 0.001…1 000 000.
  public init?(startMs: UInt64, anchorMs: UInt64, speed: Double, base: any WallClock = SystemClock()) {
    guard speed >= 0.001, speed <= 1_000_000, startMs <= HybridTimestamp.wallMsMax, anchorMs <= HybridTimestamp.wallMsMax else {
      return nil
    }
    self.startMs = startMs
    self.anchorMs = anchorMs
    self.speed = speed
    self.base = base
  }

  /// Parses the form `START_MS,ANCHOR_MS,SPEED` that `argument` writes.
  public init?(argument: String) {
    let parts = argument.split(separator: ",")
    guard parts.count == 3, let start = UInt64(parts[0]), let anchor = UInt64(parts[1]), let speed = Double(parts[2]) else { return nil }
    self.init(startMs: start, anchorMs: anchor, speed: speed)
  }

  public var argument: String { "\(startMs),\(anchorMs),\(speed)" }

  public func nowMs() -> UInt64 {
    let passed = (Double(base.nowMs()) - Double(anchorMs)) * speed
    return UInt64(min(max(Double(startMs) + passed, 0), Double(HybridTimestamp.wallMsMax)))
  }
}
