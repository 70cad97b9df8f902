internal import SyncCore
internal import Synchronization

/// Bounds the text that one device may send in a while. `BlobLimits` bounds attachments.
public struct TextLimits: Sendable {
  /// Row changes that a device may send at once after a pause: more than a device writes in a campaign.
  public var changesAtOnce = 5_000
  /// Row changes a second after that.
  public var changesPerSecond = 50
  /// Bytes of text that a device may send at once after a pause, in whatever call: as many as the pages that it keeps for a restored
  /// hub.
  public var bytesAtOnce = 64 << 20
  /// Bytes of text a second after that.
  public var bytesPerSecond = 512 << 10
  /// Bytes of sealed batches that the hub keeps of one device, with all identities that it had: a thousand times what a device
  /// writes in a campaign.
  public var bytesPerReplicaMax = 256 << 20

  public init() {}
}

/// Rate limit per device, so that one device's flood does not delay the others. A device over its limit is told when to come back.
///
/// A device with any allowance left may send a batch of any size. The excess counts against its later calls.
final class DevicePace: Sendable {
  private struct Record {
    var changes: Double
    var bytes: Double
    var seen: ContinuousClock.Instant
  }

  /// Allowance that a call needs.
  enum Need {
    /// Of bytes alone: what is given back to a restored hub, and reports, wait for no merging.
    case bytes
    /// Of bytes and of changes.
    case bytesAndChanges
  }

  /// Devices with a remembered allowance; the oldest are forgotten first.
  static let devicesMax = 4_096
  /// Devices over their quota that are listed.
  static let fullMax = 20
  /// Bytes that a call is charged at least, because a durable transaction costs as much. A device that sends single changes reaches
  /// its limit of changes first.
  static let callBytesMin = 8 << 10
  /// Time between two counts of the batches of a device over its quota. Another process may have trimmed the journal meanwhile.
  static let recountAfter = Duration.seconds(60)

  private let limits: TextLimits
  private let records = Mutex<[ReplicaID: Record]>([:])
  private let accounts = Mutex<[ReplicaID: Account]>([:])
  private let full = Mutex<[ReplicaID]>([])

  init(_ limits: TextLimits) { self.limits = limits }

  var deviceCount: Int { records.withLock { $0.count } }

  /// - Throws: `SyncError` `.busy` while the device is over its limits.
  func check(_ device: ReplicaID, for need: Need = .bytesAndChanges, at now: ContinuousClock.Instant = .now) throws {
    let left = records.withLock { allowance(in: $0, device, at: now) }
    func seconds(_ left: Double, perSecond: Int) -> Int {
      guard left <= 0 else { return 0 }
      return Int(min((1 - left) / Double(max(1, perSecond)), Double(Self.retrySecondsMax))) + 1
    }
    let ofChanges = need == .bytes ? 0 : seconds(left.changes, perSecond: limits.changesPerSecond)
    let wait = max(ofChanges, seconds(left.bytes, perSecond: limits.bytesPerSecond))
    guard wait > 0 else { return }
    throw SyncError(
      .busy, vi: "Thiết bị này gửi quá nhiều trong thời gian ngắn; phần còn lại chờ và sẽ gửi tiếp.",
      en: "This device sends too much in a short time; the rest waits and goes on.", retryAfterSeconds: min(wait, Self.retrySecondsMax))
  }

  /// Longest wait that a device is asked for, in seconds.
  private static let retrySecondsMax = 600

  /// Charges a device for a call.
  func charge(_ device: ReplicaID, changes: Int = 0, bytes: Int = 0, at now: ContinuousClock.Instant = .now) {
    records.withLock { records in
      var record = allowance(in: records, device, at: now)
      record.changes -= Double(max(0, changes))
      record.bytes -= Double(max(0, bytes))
      records[device] = record
      trim(&records, at: now)
    }
  }

  /// Gives a successor the allowance of its predecessor: a new identity is no new device.
  func inherit(_ successor: ReplicaID, from predecessor: ReplicaID, at now: ContinuousClock.Instant = .now) {
    records.withLock { records in
      guard records[predecessor] != nil else { return }
      var record = allowance(in: records, predecessor, at: now)
      // Gives no more than the successor has: a succession may be asked for again.
      let own = allowance(in: records, successor, at: now)
      (record.changes, record.bytes) = (min(record.changes, own.changes), min(record.bytes, own.bytes))
      records[successor] = record
      trim(&records, at: now)
    }
  }

  private func trim(_ records: inout [ReplicaID: Record], at now: ContinuousClock.Instant) {
    guard records.count > Self.devicesMax else { return }
    // Forgets devices that are back at their full allowance.
    let known = records
    records = known.filter { entry in
      let left = allowance(in: known, entry.key, at: now)
      return left.changes < Double(limits.changesAtOnce) || left.bytes < Double(limits.bytesAtOnce)
    }
    if records.count > Self.devicesMax, let oldest = records.min(by: { $0.value.seen < $1.value.seen }) { records[oldest.key] = nil }
  }

  private func allowance(in records: [ReplicaID: Record], _ device: ReplicaID, at now: ContinuousClock.Instant) -> Record {
    let (changesMax, bytesMax) = (Double(limits.changesAtOnce), Double(limits.bytesAtOnce))
    guard let record = records[device] else { return Record(changes: changesMax, bytes: bytesMax, seen: now) }
    let passed = max(0, (now - record.seen) / .seconds(1))
    return Record(
      changes: min(changesMax, record.changes + Double(limits.changesPerSecond) * passed),
      bytes: min(bytesMax, record.bytes + Double(limits.bytesPerSecond) * passed), seen: now)
  }

  // MARK: Quota

  /// Quota of a family: a device, with the identities that it succeeded and that succeeded it.
  private struct Account {
    /// Bytes of the family's batches in the journal.
    var kept: Int
    /// Bytes of batches that are on their way into it.
    var coming = 0
    /// Identities of the family when it was counted.
    var members: Int
    var counted: ContinuousClock.Instant
  }

  /// Devices whose batch was refused because their quota is full, the newest first.
  var overQuota: [ReplicaID] { full.withLock { $0 } }

  /// Returns whether the journal must be asked what it keeps of a family, before another batch is reserved.
  func isToBeCounted(
    _ family: ReplicaID, members: Int, adding bytes: Int, at now: ContinuousClock.Instant = .now
  ) -> Bool {
    accounts.withLock { accounts in
      guard let account = accounts[family], account.members == members else { return true }
      return account.kept + account.coming + bytes > limits.bytesPerReplicaMax && now - account.counted >= Self.recountAfter
    }
  }

  func note(_ family: ReplicaID, members: Int, keeps bytes: Int, at now: ContinuousClock.Instant = .now) {
    accounts.withLock { accounts in
      if accounts.count >= Self.devicesMax { accounts = accounts.filter { $0.value.coming > 0 } }
      let coming = accounts[family]?.coming ?? 0
      accounts[family] = Account(kept: bytes, coming: coming, members: members, counted: now)
    }
  }

  /// Has every family counted again before its next batch.
  func forgetKept() { accounts.withLock { accounts in for family in accounts.keys { accounts[family]?.members = 0 } } }

  /// Reserves room for a batch, until `settle(_:of:isKept:)`.
  ///
  /// - Throws: `SyncError` `.noRoom` when the batch would exceed its family's quota.
  func reserve(_ bytes: Int, of family: ReplicaID, for device: ReplicaID) throws {
    let hasRoom = accounts.withLock { accounts -> Bool in
      guard let account = accounts[family], account.kept + account.coming + bytes <= limits.bytesPerReplicaMax else { return false }
      accounts[family]?.coming += bytes
      return true
    }
    guard !hasRoom else { return }
    full.withLock { $0 = [device] + $0.filter { $0 != device }.prefix(Self.fullMax - 1) }
    let mebibytes = limits.bytesPerReplicaMax >> 20
    throw SyncError(
      .noRoom,
      vi: "Thiết bị này đã gửi \(mebibytes) MiB chữ, tối đa cho một thiết bị; phần còn lại ở trên máy. Báo người vận hành.",
      en: "This device has sent \(mebibytes) MiB of text, the most for one device; the rest stays on it. Tell the hub's operator.")
  }

  /// Ends a reservation.
  func settle(_ bytes: Int, of family: ReplicaID, isKept: Bool) {
    accounts.withLock { accounts in
      accounts[family]?.coming -= bytes
      if isKept { accounts[family]?.kept += bytes }
    }
  }
}
