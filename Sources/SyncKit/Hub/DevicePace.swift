internal import Synchronization

/// Bounds the text that one device may bring in a while; attachments have `BlobLimits`.
public struct TextLimits: Sendable {
  /// Row changes after a quiet while: more than a device writes in a campaign.
  public var changesAtOnce = 5_000
  /// Row changes a second from then on.
  public var changesPerSecond = 50

  public init() {}
}

/// Keeps one device's flood from everyone else's turn: beyond its limits it is told when to come back. A batch of any size is taken
/// once something is left, and what it is over is waited for afterwards.
final class DevicePace: Sendable {
  private struct Record {
    var left: Double
    var seen: ContinuousClock.Instant
  }

  /// Devices remembered; of others enough time has passed.
  static let devicesMax = 4_096

  private let limits: TextLimits
  private let records = Mutex<[ReplicaID: Record]>([:])

  init(_ limits: TextLimits) { self.limits = limits }

  var deviceCount: Int { records.withLock { $0.count } }

  /// - Throws: `SyncError` `.busy` while the device is over its limits.
  func check(_ device: ReplicaID, at now: ContinuousClock.Instant = .now) throws {
    let left = records.withLock { allowance(in: $0, device, at: now) }
    guard left <= 0 else { return }
    let seconds = min(Int((1 - left) / Double(max(1, limits.changesPerSecond))) + 1, Self.retrySecondsMax)
    throw SyncError(
      .busy, vi: "Thiết bị này gửi quá nhiều trong thời gian ngắn; phần còn lại chờ và sẽ gửi tiếp.",
      en: "This device sends too much in a short time; the rest waits and goes on.", retryAfterSeconds: seconds)
  }

  /// A longer wait is not asked for at once, in seconds.
  private static let retrySecondsMax = 600

  func charge(_ device: ReplicaID, changes: Int, at now: ContinuousClock.Instant = .now) {
    records.withLock { records in
      records[device] = Record(left: allowance(in: records, device, at: now) - Double(max(1, changes)), seen: now)
      guard records.count > Self.devicesMax else { return }
      // Forgets whoever is back at its full allowance.
      records = records.filter { allowance(in: records, $0.key, at: now) < Double(limits.changesAtOnce) }
      if records.count > Self.devicesMax, let oldest = records.min(by: { $0.value.seen < $1.value.seen }) { records[oldest.key] = nil }
    }
  }

  private func allowance(in records: [ReplicaID: Record], _ device: ReplicaID, at now: ContinuousClock.Instant) -> Double {
    guard let record = records[device] else { return Double(limits.changesAtOnce) }
    return min(Double(limits.changesAtOnce), record.left + Double(limits.changesPerSecond) * max(0, (now - record.seen) / .seconds(1)))
  }
}
