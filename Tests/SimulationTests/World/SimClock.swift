import SyncKit
import Synchronization

/// Time in a simulation, in milliseconds since 1970-01-01 UTC: it moves when a step says so.
final class SimTime: Sendable {
  private let ms = Mutex<UInt64>(1_711_929_600_000)
  var nowMs: UInt64 { ms.withLock { $0 } }
  func advance(_ by: UInt64) { ms.withLock { $0 += by } }
}

/// One machine's clock: simulated time and an error that may be years.
final class SimClock: WallClock {
  private let time: SimTime
  private let errorMs: Mutex<Int64>

  init(_ time: SimTime, errorMs: Int64 = 0) {
    self.time = time
    self.errorMs = Mutex(errorMs)
  }

  func set(errorMs: Int64) { self.errorMs.withLock { $0 = errorMs } }

  func nowMs() -> UInt64 { UInt64(clamping: Int64(clamping: time.nowMs) + errorMs.withLock { $0 }) }
}
