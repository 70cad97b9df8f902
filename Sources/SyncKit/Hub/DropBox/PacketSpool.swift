internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Folder of packets between their arrival and the next flush: one file each, named by the packet's hash, without a time.
///
/// In a database a packet would be stored beside whatever was written at the same moment, such as the device's contact, and pages
/// and logs keep the order in which rows came. Files of a folder have no order but their names. Any number of processes may use one
/// folder. Calls block on the disk.
struct PacketSpool: Sendable {
  /// Files beyond which the spool is flushed at once, without waiting for the next turn.
  static let filesMax = 10_000
  /// Longest wait for another flush, and the time between two checks whether it has ended, in milliseconds.
  static let lockWaitMsMax = 60_000
  static let lockLookMs = 20
  private static let unfinished = ".part"

  /// Suffix of the folder beside the spool, for packets that wait for a decision.
  static let lateSuffix = "-late"

  let folder: String

  struct Spooled: Sendable {
    /// Identifier, as `WirePacket.id`.
    var id: Data
    var scope: String
    var packet: WirePacket
    fileprivate(set) var path: String
  }

  /// Keeps packets durably: once the call returns, a power cut cannot undo it.
  ///
  /// - Throws: `SyncError` `.diskFull`; some of the packets may have been kept then.
  func keep(_ packets: [WirePacket], scope: String) throws {
    try makeFolder()
    for packet in packets {
      let path = folder + "/" + packet.id.hex
      guard !FileManager.default.fileExists(atPath: path) else { continue }
      // Separates the scope by a zero byte, which no scope holds.
      try write(Data(scope.utf8) + [0] + (try packet.serializedData()), to: path)
    }
    try synced(folder)
  }

  /// Returns every packet in the folder, in the order of their names. A file that is not a packet under its own name is left out.
  func all() -> [Spooled] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { name in
      let path = folder + "/" + name
      guard name.utf8.count == 32, let id = Data(hex: name), let bytes = FileManager.default.contents(atPath: path),
        let end = bytes.firstIndex(of: 0), let scope = String(data: bytes[..<end], encoding: .utf8),
        let packet = try? WirePacket(serializedBytes: Data(bytes[(end + 1)...])), packet.id == id
      else { return nil }
      return Spooled(id: id, scope: scope, packet: packet, path: path)
    }
  }

  func has(_ id: Data) -> Bool { FileManager.default.fileExists(atPath: folder + "/" + id.hex) }

  /// Returns how many files there are, readable or not.
  func count() -> Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).count { $0.utf8.count == 32 }
  }

  /// Deletes packets that are in the store durably, in random order.
  func remove(_ packets: [Spooled]) {
    for packet in packets.shuffled() { unlink(packet.path) }
    forgetTime(folder)
  }

  /// Locks the spool for a flush: two flushes at once would store the same packets twice.
  ///
  /// Never called inside a transaction, because the lock's holder waits for the store's writer.
  ///
  /// - Throws: `SyncError` `.busy` when another flush takes longer than `lockWaitMsMax`; the packets stay where they are.
  func lock() async throws -> Lock {
    try makeFolder()
    let file = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw unwritable }
    let lock = Lock(file: file)
    let deadline = ContinuousClock.now + .milliseconds(Self.lockWaitMsMax)
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw unwritable }
      guard ContinuousClock.now < deadline else {
        throw SyncError(
          .busy, vi: "Máy chủ đang chuyển phiếu vào kho; thử lại sau.", en: "The hub is moving packets into its store; try again later.")
      }
      try await Task.sleep(for: .milliseconds(Self.lockLookMs))
    }
    return lock
  }

  final class Lock: Sendable {
    private let file: Int32
    fileprivate init(file: Int32) { self.file = file }
    deinit { close(file) }
  }

  private func makeFolder() throws {
    guard !FileManager.default.fileExists(atPath: folder) else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try synced((folder as NSString).deletingLastPathComponent)
    } catch is CocoaError { throw unwritable }
  }

  private func write(_ bytes: Data, to path: String) throws {
    let part = path + "." + UUID().uuidString + Self.unfinished
    let file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw unwritable }
    defer {
      close(file)
      unlink(part)
    }
    let written = bytes.withUnsafeBytes { buffer -> Bool in
      var rest = UnsafeRawBufferPointer(buffer)
      while !rest.isEmpty {
        let count = Foundation.write(file, rest.baseAddress, rest.count)
        guard count > 0 else { return false }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
      }
      return true
    }
    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
    guard written, futimens(file, &times) == 0, fsync(file) == 0, rename(part, path) == 0 else { throw unwritable }
  }

  private func synced(_ path: String) throws {
    if path == folder { forgetTime(path) }
    let file = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw unwritable }
    defer { close(file) }
    guard fsync(file) == 0 else { throw unwritable }
  }

  /// Sets a file's or folder's time to zero, because a folder's time would be that of the last arrival.
  private func forgetTime(_ path: String) {
    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
    utimensat(AT_FDCWD, path, &times, 0)
  }

  private var unwritable: SyncError {
    SyncError(
      .diskFull, vi: "Không ghi được phiếu vào \(folder): đĩa đầy, hỏng hoặc thiếu quyền. Phiếu vẫn ở trên máy đã gửi.",
      en:
        "Cannot write packets to \(folder): the disk is full or failing, or permissions lack. They are still on the device that sent them.")
  }
}

/// Packets that have arrived and are not in the store yet, by scope: participation counts them.
public struct SpooledPackets: Sendable {
  var scopes: [Data: String] = [:]
  /// Forms of the packets under a form's own key.
  var forms: [Data: String] = [:]
  /// Packets under an earlier key.
  var late: [Data: String] = [:]

  /// Makes an empty value.
  public init() {}

  /// Returns how many packets of each scope the store does not have.
  func counts(in session: any SQLSession) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for (id, scope) in scopes where try session.firstRow("SELECT 1 FROM hub_packet WHERE id = ?1", [.blob(id)]) == nil {
      counts[scope, default: 0] += 1
    }
    return counts
  }

  /// Returns how many packets under forms' own keys the store does not have, by form and scope.
  func countsByForm(in session: any SQLSession) throws -> [String: [String: Int]] {
    var counts: [String: [String: Int]] = [:]
    for (id, form) in forms where try session.firstRow("SELECT 1 FROM hub_packet WHERE id = ?1", [.blob(id)]) == nil {
      if let scope = scopes[id] { counts[form, default: [:]][scope, default: 0] += 1 }
    }
    return counts
  }

  func lateCounts(in session: any SQLSession) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for (id, scope) in late where scopes[id] == nil {
      let known = "SELECT 1 FROM hub_packet WHERE id = ?1 UNION ALL SELECT 1 FROM hub_late_packet WHERE id = ?1"
      if try session.firstRow(known, [.blob(id)]) == nil { counts[scope, default: 0] += 1 }
    }
    return counts
  }
}
