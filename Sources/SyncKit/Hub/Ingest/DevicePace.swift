internal import SyncCore
internal import Synchronization

/// Bounds the changes that one device may send in a while. `BlobLimits` bounds attachments.
public struct TextLimits: Sendable {
  /// Row changes that a device may send at once after a pause: more than a device writes in a campaign.
  public var changesAtOnce = 5_000
  /// Row changes a second after that.
  public var changesPerSecond = 50
  /// Bytes of sealed batches that the hub keeps of one device: a thousand times what a device writes in a campaign.
  public var bytesPerReplicaMax = 256 << 20

  public init() {}
}

/// Rate limit per device, so that one device's flood does not delay the others. A device over its limit is told when to come back.
///
/// A device with any allowance left may send a batch of any size. The excess counts against its later batches.
final class DevicePace: Sendable {
  private struct Record {
    var left: Double
    var seen: ContinuousClock.Instant
  }

  /// Devices with a remembered allowance; the oldest are forgotten first.
  static let devicesMax = 4_096
  /// Devices over their quota that are listed.
  static let fullMax = 20

  private let limits: TextLimits
  private let records = Mutex<[ReplicaID: Record]>([:])
  /// Bytes of kept batches, of devices that sent some since the hub started.
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

  /// Longest wait that a device is asked for, in seconds.
  private static let retrySecondsMax = 600

  func charge(_ device: ReplicaID, changes: Int, at now: ContinuousClock.Instant = .now) {
    records.withLock { records in
      records[device] = Record(left: allowance(in: records, device, at: now) - Double(max(1, changes)), seen: now)
      guard records.count > Self.devicesMax else { return }
      // Forgets devices that are back at their full allowance.
      records = records.filter { allowance(in: records, $0.key, at: now) < Double(limits.changesAtOnce) }
      if records.count > Self.devicesMax, let oldest = records.min(by: { $0.value.seen < $1.value.seen }) { records[oldest.key] = nil }
    }
  }

  // MARK: Quota

  /// Devices whose batch was refused because their quota is full, the newest first.
  var overQuota: [ReplicaID] { full.withLock { $0 } }

  /// Returns the bytes kept of a device's batches; nil when `note(_:keeps:)` was not called for the device since the start.
  func keptBytes(_ device: ReplicaID) -> Int? { kept.withLock { $0[device] } }

  func note(_ device: ReplicaID, keeps bytes: Int) {
    kept.withLock { kept in
      if kept.count >= Self.devicesMax { kept = [:] }
      kept[device] = bytes
    }
  }

  /// - Parameter kept: Bytes of the device's batches that the hub keeps.
  /// - Throws: `SyncError` `.noRoom` when one more batch would exceed the device's quota.
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
