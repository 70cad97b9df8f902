internal import Foundation
internal import SurveyKit
public import SyncHub
internal import Synchronization

/// Clock of a hub's machine, which is watched. After a jump the time goes on as if there was none, until a person confirms the
/// clock, or it is right again. Being switched off is no jump.
public final class HubClock: WallClock {
  private let base: any WallClock
  private let believed: Mutex<ClockReading?>

  /// Watches a clock.
  ///
  /// - Parameter believed: Readings when the wall clock was trusted last; nil when there are none.
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

  /// Milliseconds by which the machine's clock jumped since it was trusted; nil when it did not.
  public var jumpMs: Int64? {
    guard let now = ClockReading(base) else { return nil }
    return believed.withLock { $0 }?.jumpMs(to: now)
  }

  /// Confirms that the wall clock is right now.
  ///
  /// - Returns: Present readings; nil when the machine provides no uptime.
  func believe() -> ClockReading? {
    let now = ClockReading(base)
    believed.withLock { $0 = now }
    return now
  }
}

extension SurveyHub {
  /// Milliseconds by which the clock of the hub's machine jumped since it was trusted; nil when it did not.
  public var clockJumpMs: Int64? { clock.jumpMs }

  /// Records the clocks' readings, if they do not contradict each other. Call this now and then while the hub serves.
  public func noteClock() throws {
    if clock.jumpMs == nil { try confirmClock() }
  }

  /// Confirms that the clock of the hub's machine is right now.
  public func confirmClock() throws {
    guard let reading = clock.believe() else { return }
    try PrivateFile.write(Data("\(reading.wallMs) \(reading.uptime.ms) \(reading.uptime.boot)\n".utf8), to: Self.clockPath(in: folder))
  }

  /// Returns the path of a file beside the store, in no backup, because it is about this machine.
  static func clockPath(in folder: String) -> String { folder + "/clock" }

  /// Returns the readings when the wall clock was trusted last; nil when nobody recorded them, or they cannot be read.
  static func believedClock(in folder: String) -> ClockReading? {
    guard let data = FileManager.default.contents(atPath: clockPath(in: folder)) else { return nil }
    let parts = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
    guard parts.count == 3, let wall = UInt64(parts[0]), let up = UInt64(parts[1]), wall <= 1 << 48, up <= 1 << 48 else { return nil }
    return ClockReading(wallMs: wall, uptime: Uptime(boot: parts[2], ms: up))
  }
}
