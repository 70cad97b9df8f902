internal import Foundation
internal import SurveyKit
public import SyncHub
internal import Synchronization

/// The clock of a hub's machine, watched: where it jumped, the time goes on as if it had not, until somebody says that it is right
/// now, or it goes right again. A machine that was switched off has not jumped.
public final class HubClock: WallClock {
  private let base: any WallClock
  private let believed: Mutex<ClockReading?>

  /// - Parameter believed: What the clocks showed when the wall clock was believed last; nil when nobody noted that.
  public init(_ base: any WallClock, believed: ClockReading? = nil) {
    self.base = base
    self.believed = Mutex(believed)
  }

  public func nowMs() -> UInt64 {
    guard let now = ClockReading(base), let believed = believed.withLock({ $0 }), believed.jumpMs(to: now) != nil else {
      return base.nowMs()
    }
    return believed.continued(to: now.uptime)
  }

  public func uptime() -> Uptime? { base.uptime() }

  /// By how much the machine's clock jumped since it was believed; nil when it did not.
  public var jumpMs: Int64? {
    guard let now = ClockReading(base) else { return nil }
    return believed.withLock { $0 }?.jumpMs(to: now)
  }

  /// Says that the wall clock is right now.
  ///
  /// - Returns: What the clocks show; nil where the machine does not tell how long it has been running.
  func believe() -> ClockReading? {
    let now = ClockReading(base)
    believed.withLock { $0 = now }
    return now
  }
}

extension SurveyHub {
  /// By how much the clock of the hub's machine jumped since it was believed; nil when it did not.
  public var clockJumpMs: Int64? { clock.jumpMs }

  /// Notes what the clocks show, if nothing speaks against them. To be called now and then while the hub serves.
  public func noteClock() throws {
    if clock.jumpMs == nil { try confirmClock() }
  }

  /// Says that the clock of the hub's machine is right now.
  public func confirmClock() throws {
    guard let reading = clock.believe() else { return }
    try PrivateFile.write(Data("\(reading.wallMs) \(reading.uptime.ms) \(reading.uptime.boot)\n".utf8), to: Self.clockPath(in: folder))
  }

  /// A file beside the store, and in no backup: what it says is of this machine.
  static func clockPath(in folder: String) -> String { folder + "/clock" }

  /// What the clocks showed when the wall clock was believed last; nil when nobody noted that, or it cannot be read.
  static func believedClock(in folder: String) -> ClockReading? {
    guard let data = FileManager.default.contents(atPath: clockPath(in: folder)) else { return nil }
    let parts = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
    guard parts.count == 3, let wall = UInt64(parts[0]), let up = UInt64(parts[1]), wall <= 1 << 48, up <= 1 << 48 else { return nil }
    return ClockReading(wallMs: wall, uptime: Uptime(boot: parts[2], ms: up))
  }
}
