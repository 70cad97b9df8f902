internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// A key of the drop box, and what is encrypted to it.
public struct DropKeyStatus: Sendable, Hashable, Codable {
  public var id: String
  /// Whose answers alone are encrypted to it; nil for a general one, to which those of forms without a key of their own are, and those
  /// of devices of earlier programs.
  public var form: String?
  /// Hub time in milliseconds.
  public var madeMs: UInt64
  /// Whether new packets of its form, or of those without a key of their own, are encrypted to it.
  public var isCurrent: Bool
  /// Packets of it at the hub that are not released yet.
  public var waiting: Int
}

/// What a drop key's destruction left behind.
public struct DropKeyDestruction: Sendable, Hashable, Codable {
  public var id: String
  /// The key that took its place, when it was the current one.
  public var next: String?
  /// Packets that devices said they still had to send. Those encrypted to the key can never be read.
  public var packetsOnDevices: Int
}

extension Hub {
  /// The keys of the drop box, oldest first.
  public func dropKeys() async throws -> [DropKeyStatus] {
    let keys = keys
    let spooled = spool.all()
    let waiting = try await read { try DropKeyBook(session: $0).waiting(spooled) }
    return keys.dropKeys.map { drop in
      DropKeyStatus(
        id: drop.id, form: drop.owner?.form, madeMs: drop.madeMs, isCurrent: keys.isCurrent(drop), waiting: waiting[drop.id] ?? 0)
    }
  }

  /// Makes a key that devices encrypt to from their next exchange on.
  ///
  /// - Parameters:
  ///   - folder: That of the keys.
  ///   - owner: The form whose answers alone are encrypted to it; nil for a general one.
  /// - Returns: Its name.
  public func addDropKey(in folder: String, owner: DropKeyOwner? = nil) throws -> String {
    // Never older than what stands, should the clock have gone back.
    let newest = keys.dropKeys.last?.madeMs ?? 0
    return try HubKeys.addDropKey(in: folder, nowMs: max(clock.nowMs(), newest + 1), owner: owner)
  }

  /// Gives each form that has none a key of its own. One by one, each on the disk before a device hears of it: whatever interrupts this,
  /// calling it again adds what is missing.
  ///
  /// - Returns: The forms that got one.
  public func addDropKeys(for owners: [DropKeyOwner], in folder: String) throws -> [String] {
    let known = Set(try HubKeys.load(from: folder).dropKeys.compactMap(\.owner))
    let missing = owners.filter { !known.contains($0) }
    for owner in missing { _ = try addDropKey(in: folder, owner: owner) }
    return missing.map(\.form)
  }

  /// Destroys a drop key, so that nobody who gets hold of old packets can ever read them. One that is in use is replaced first.
  ///
  /// - Parameters:
  ///   - folder: That of the keys.
  ///   - isFormOver: Nothing is awaited of the key's form, so that it needs no other.
  ///   - acceptsLoss: Whether packets that devices still have to send may become unreadable.
  /// - Throws: `SyncError` `.badDropKey` when there is no such key, packets of it wait to be released, answers released from it
  ///   are in no finished backup, or devices still have packets; nothing is destroyed then.
  public func destroyDropKey(
    _ id: String, in folder: String, acceptsLoss: Bool, isFormOver: Bool = false
  ) async throws -> DropKeyDestruction {
    guard let drop = keys.dropKey(named: id) else {
      throw SyncError(
        .badDropKey, vi: "Không có khóa phiếu \(id); xem `hub keys`.", en: "There is no drop key \(id); see `hub keys`.")
    }
    try await flushPackets()
    let isReplaced = keys.isCurrent(drop) && (drop.owner == nil || !isFormOver)
    let spool = spool
    let onDevices = try await read { try DropKeyBook(session: $0).mayDestroy(id, spooled: spool.all(), acceptsLoss: acceptsLoss) }
    let next = isReplaced ? try addDropKey(in: folder, owner: drop.owner) : nil
    let now = clock.nowMs()
    // Refused from here on, also by a process that has not noticed yet; a packet that came in between is not.
    try await store.write { session in
      let book = DropKeyBook(session: session)
      _ = try book.mayDestroy(id, spooled: spool.all(), acceptsLoss: acceptsLoss)
      try book.noteDestroyed(id, nowMs: now)
    }
    try HubKeys.destroyDropKey(id, in: folder)
    return DropKeyDestruction(id: id, next: next, packetsOnDevices: onDevices)
  }
}

/// What the store knows of drop keys. Belongs to one transaction.
struct DropKeyBook {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_drop_key (id TEXT PRIMARY KEY NOT NULL, destroyed_ms INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// The file that a key lies in, by which people are told of one that is missing.
  static func fileName(of key: String) -> String { "drop-\(key).key" }

  /// Packets not released yet, by the key they are encrypted to.
  ///
  /// - Parameter spooled: Those that are not in the store yet.
  func waiting(_ spooled: [PacketSpool.Spooled]) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    var known: Set<Data> = []
    for row in try session.rows("SELECT id, bytes FROM hub_packet") {
      if let id = row[0].blob { known.insert(id) }
      if let bytes = row[1].blob, let packet = try? WirePacket(serializedBytes: bytes) { counts[packet.dropKey, default: 0] += 1 }
    }
    for packet in spooled where !known.contains(packet.id) { counts[packet.packet.dropKey, default: 0] += 1 }
    return counts
  }

  /// - Returns: How many packets devices said they still have.
  func mayDestroy(_ id: String, spooled: [PacketSpool.Spooled], acceptsLoss: Bool) throws -> Int {
    if let count = try waiting(spooled)[id] {
      throw SyncError(
        .badDropKey,
        vi: "Còn \(count) phiếu của khóa \(id) chưa mở; đóng biểu mẫu (`hub close`, cuối cùng là `hub close --final`) rồi chạy lại.",
        en:
          "\(count) answers encrypted to key \(id) are not released yet; close the form (`hub close`, in the end `hub close --final`), then run this again."
      )
    }
    let undecided = try LatePacketTable(session: session).undecided(ofDropKey: id)
    guard undecided == 0 else {
      throw SyncError(
        .badDropKey,
        vi: "Còn \(undecided) phiếu của khóa \(id) tới dưới khóa cũ của đơn vị và chờ quyết định; xem `hub held packets`.",
        en:
          "\(undecided) answers encrypted to key \(id) came under an earlier key of their unit and wait for a decision; see `hub held packets`."
      )
    }
    guard try HubBackups(session: session).holdsReleases() else {
      throw SyncError(
        .badDropKey, vi: "Phiếu đã mở chưa nằm trong hai bản sao lưu mới nhất; chạy `hub backup` cho đến khi đủ hai bản.",
        en: "The answers released are not in the two newest backups yet; run `hub backup` until they are in both.")
    }
    let onDevices = Int(try session.integer("SELECT coalesce(sum(packets), 0) FROM hub_device WHERE revoked_ms IS NULL") ?? 0)
    guard onDevices == 0 || acceptsLoss else {
      throw SyncError(
        .badDropKey,
        vi:
          "Các máy báo còn \(onDevices) phiếu chưa gửi; phiếu mã hóa bằng khóa \(id) sẽ không bao giờ đọc được. Chờ máy gửi, hoặc thêm --accept-loss.",
        en:
          "Devices said they still have \(onDevices) answers to send; those encrypted to key \(id) could never be read. Wait for them, or add --accept-loss."
      )
    }
    return onDevices
  }

  func noteDestroyed(_ id: String, nowMs: UInt64) throws {
    try session.execute(
      "INSERT INTO hub_drop_key (id, destroyed_ms) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
      [.text(id), .integer(Int64(clamping: nowMs))])
  }

  func isDestroyed(_ id: String) throws -> Bool {
    try session.firstRow("SELECT 1 FROM hub_drop_key WHERE id = ?1", [.text(id)]) != nil
  }
}
