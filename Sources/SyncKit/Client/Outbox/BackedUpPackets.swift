internal import Foundation
internal import SyncCore
internal import SyncStore

/// Deletes packets once the two newest finished backups of the hub hold them. Packets carry no time, so all of a device's packets
/// are judged together: by the newest backup that had begun when the device last sent some.
struct BackedUpPackets {
  let session: any SQLSession
  private var state: StateStore { StateStore(session: session) }

  init(session: any SQLSession) { self.session = session }

  /// Records the newest backup begun.
  ///
  /// - Parameter backupsBegun: Number of the backup, from the hub's answer to packets.
  func note(backupsBegun: UInt64) throws { try state.set("packetsSentAt", .integer(Int64(clamping: backupsBegun))) }

  /// Deletes the sent packets if backups hold them.
  ///
  /// - Parameter backupsDone: Number of the older of the two newest finished backups.
  func drop(backupsDone: UInt64) throws {
    guard let sent = try state.value("packetsSentAt").integer, backupsDone > UInt64(max(0, sent)) else { return }
    try session.execute("DELETE FROM sync_packet WHERE kept = 1")
    let count = try session.integer("SELECT changes()") ?? 0
    guard count > 0 else { return }
    try state.add("packetsLetGo", Int(clamping: count))
    try state.set("packetsLetGoAt", .integer(Int64(clamping: backupsDone)))
  }

  /// Returns how many deleted packets a hub restored to an older backup may lack.
  func uncertain() throws -> Int { Int(clamping: try state.value("packetsUncertain").integer ?? 0) }

  /// Records a restore of the hub: packets that two later backups held no longer exist anywhere.
  ///
  /// - Parameter backupsDone: Number of the backup before the newest that the restored hub knows.
  /// - Returns: How many packets may be lost.
  func noteRestored(backupsDone: UInt64) throws -> Int {
    let count = Int(clamping: try state.value("packetsLetGo").integer ?? 0)
    guard count > 0, let at = try state.value("packetsLetGoAt").integer, at - 1 > Int64(clamping: backupsDone) else { return 0 }
    try state.set("packetsUncertain", .integer(Int64(clamping: count)))
    return count
  }
}
