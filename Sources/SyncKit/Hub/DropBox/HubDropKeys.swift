internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Key of the drop box, and the packets encrypted to it.
public struct DropKeyStatus: Sendable, Hashable, Codable {
  public var id: String
  /// Form whose answers alone are encrypted to the key. Nil for a general key: for forms without a key of their own, and for
  /// devices of earlier programs.
  public var form: String?
  /// Hub time in milliseconds.
  public var madeMs: UInt64
  /// True when new packets of the key's form, or of forms without a key of their own, are encrypted to it.
  public var isCurrent: Bool
  /// Packets under the key at the hub that are not released yet.
  public var waiting: Int
}

/// Result of destroying a drop key.
public struct DropKeyDestruction: Sendable, Hashable, Codable {
  public var id: String
  /// Key that took its place, when the destroyed key was the current one.
  public var next: String?
  /// Packets that devices reported as still to be sent. Those encrypted to the key can never be read.
  public var packetsOnDevices: Int
}

/// A drop key that is not in the key folder, and that answers need: it was lost, not destroyed.
public struct MissingDropKey: Sendable, Hashable, Codable {
  public var id: String
  /// Answers at the hub that nothing else opens.
  public var answers: Int

  public var explanation: LocalizedText {
    LocalizedText(
      vi:
        "Thiếu khóa phiếu \(id): \(answers) phiếu cần nó. Dưới các dòng của tờ khôi phục có ghi chữ nào là khóa \(id): gõ các dòng bắt đầu bằng chữ đó, cùng các dòng H, rồi chạy hub keys recover TỆP.",
      en:
        "The drop key \(id) is missing: \(answers) answers need it. The list below the sheet's rows says which letter \(id) has: type in the rows that begin with it, with the H rows, and run hub keys recover FILE."
    )
  }
}

extension Hub {
  /// Returns the drop keys that answers are encrypted to and that the key folder lacks, by name.
  public func missingDropKeys() async throws -> [MissingDropKey] {
    let (keys, spooled) = (keys, spool.all())
    return try await read { session in
      let book = DropKeyTable(session: session)
      return try book.waiting(spooled).sorted { $0.key < $1.key }.compactMap { id, count in
        guard !id.isEmpty, keys.dropKey(named: id) == nil, !keys.destroyed.contains(id), try !book.isDestroyed(id) else { return nil }
        return MissingDropKey(id: id, answers: count)
      }
    }
  }

  /// Returns the keys of the drop box, oldest first.
  public func dropKeys() async throws -> [DropKeyStatus] {
    let keys = keys
    let spooled = spool.all()
    let waiting = try await read { try DropKeyTable(session: $0).waiting(spooled) }
    return keys.dropKeys.map { drop in
      DropKeyStatus(
        id: drop.id, form: drop.owner?.form, madeMs: drop.madeMs, isCurrent: keys.isCurrent(drop), waiting: waiting[drop.id] ?? 0)
    }
  }

  /// Makes a key to which devices encrypt from their next exchange on.
  ///
  /// - Parameters:
  ///   - folder: Folder of the keys.
  ///   - owner: Form whose answers alone are encrypted to the key; nil for a general key.
  /// - Returns: The key's name.
  public func addDropKey(in folder: String, owner: DropKeyOwner? = nil) throws -> String {
    // Makes the key newer than every other, even when the clock went back.
    let newest = keys.dropKeys.last?.madeMs ?? 0
    return try HubKeys.addDropKey(in: folder, nowMs: max(clock.nowMs(), newest + 1), owner: owner)
  }

  /// Gives each form without a key one of its own. Each key is on the disk before a device receives it. After an interruption,
  /// another call adds what is missing.
  ///
  /// - Returns: The forms that got a key.
  public func addDropKeys(for owners: [DropKeyOwner], in folder: String) throws -> [String] {
    let known = Set(try HubKeys.load(from: folder).dropKeys.compactMap(\.owner))
    let missing = owners.filter { !known.contains($0) }
    for owner in missing { _ = try addDropKey(in: folder, owner: owner) }
    return missing.map(\.form)
  }

  /// Destroys a drop key, so that nobody who gets hold of old packets can ever read them. A key in use is replaced first.
  ///
  /// - Parameters:
  ///   - folder: Folder of the keys.
  ///   - isFormOver: True when the key's form has ended, so that no other key is needed.
  ///   - acceptsLoss: True to go on although packets that devices still have to send may become unreadable.
  /// - Throws: `SyncError` `.badDropKey` when there is no such key, packets of it wait to be released, answers released from it are
  ///   in no finished backup, or devices still have packets; nothing is destroyed then.
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
    let onDevices = try await read { try DropKeyTable(session: $0).mayDestroy(id, spooled: spool.all(), acceptsLoss: acceptsLoss) }
    let next = isReplaced ? try addDropKey(in: folder, owner: drop.owner) : nil
    let now = clock.nowMs()
    // Checks again and ends the key in one transaction: a packet that came in between stops the destruction, and from then on
    // every process refuses packets for the key.
    try await store.write { session in
      let book = DropKeyTable(session: session)
      _ = try book.mayDestroy(id, spooled: spool.all(), acceptsLoss: acceptsLoss)
      try book.noteDestroyed(id, nowMs: now)
    }
    try HubKeys.destroyDropKey(id, in: folder)
    return DropKeyDestruction(id: id, next: next, packetsOnDevices: onDevices)
  }
}

/// Table of drop keys in the store. Belongs to one transaction.
struct DropKeyTable {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_drop_key (id TEXT PRIMARY KEY NOT NULL, destroyed_ms INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Returns the name of a key's file, which messages about a missing key show.
  static func fileName(of key: String) -> String { "drop-\(key).key" }

  /// Returns how many packets are not released yet, by the key to which they are encrypted.
  ///
  /// - Parameter spooled: Packets that are not in the store yet.
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

  /// Checks that a key may be destroyed.
  ///
  /// - Returns: How many packets devices reported as still to be sent.
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
    guard try BackupLog(session: session).holdsReleases() else {
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
