internal import SyncCore
internal import Synchronization

/// Bounds the text that one device may bring in a while; attachments have `BlobLimits`.
public struct TextLimits: Sendable {
  /// Row changes after a quiet while: more than a device writes in a campaign.
  public var changesAtOnce = 5_000
  /// Row changes a second from then on.
  public var changesPerSecond = 50
  /// Text of one device that the hub keeps, in bytes of sealed batches: a thousand times what a device writes in a campaign.
  public var bytesPerReplicaMax = 256 << 20

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
  /// Devices over their quota that are told of.
  static let fullMax = 20

  private let limits: TextLimits
  private let records = Mutex<[ReplicaID: Record]>([:])
  /// Bytes of batches that the hub keeps, of devices that sent some since it started.
  private let kept = Mutex<[ReplicaID: Int]>([:])
  private let full = Mutex<[ReplicaID]>([])

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

  // MARK: Quota

  /// Devices whose batch was turned away for want of room, the newest first.
  var overQuota: [ReplicaID] { full.withLock { $0 } }

  /// Bytes kept of a device's batches; nil where `note(_:keeps:)` was not told since the start.
  func keptBytes(_ device: ReplicaID) -> Int? { kept.withLock { $0[device] } }

  func note(_ device: ReplicaID, keeps bytes: Int) {
    kept.withLock { kept in
      if kept.count >= Self.devicesMax { kept = [:] }
      kept[device] = bytes
    }
  }

  /// - Parameter kept: Bytes of the device's batches that the hub keeps.
  /// - Throws: `SyncError` `.noRoom` when one more batch would be more than a device may have.
  func check(_ batch: SealedBatch, of device: ReplicaID, keeping kept: Int) throws {
    guard kept + batch.bytes.count > limits.bytesPerReplicaMax else { return }
    full.withLock { $0 = [device] + $0.filter { $0 != device }.prefix(Self.fullMax - 1) }
    let mebibytes = limits.bytesPerReplicaMax >> 20
    throw SyncError(
      .noRoom,
      vi: "Thiết bị này đã gửi \(mebibytes) MiB chữ, tối đa cho một thiết bị; phần còn lại ở trên máy. Báo người vận hành.",
      en: "This device has sent \(mebibytes) MiB of text, the most for one device; the rest stays on it. Tell the hub's operator.")
  }

  private func allowance(in records: [ReplicaID: Record], _ device: ReplicaID, at now: ContinuousClock.Instant) -> Double {
    guard let record = records[device] else { return Double(limits.changesAtOnce) }
    return min(Double(limits.changesAtOnce), record.left + Double(limits.changesPerSecond) * max(0, (now - record.seen) / .seconds(1)))
  }
}
