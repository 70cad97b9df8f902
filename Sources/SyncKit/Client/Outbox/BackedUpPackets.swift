internal import Foundation
internal import SyncCore
internal import SyncStore

/// Lets go of packets once the two newest finished backups of the hub hold them. Packets carry no time, so that all of a device's are
/// judged together: by the newest backup that had begun when it last sent some.
struct BackedUpPackets {
  let session: any SQLSession
  private var state: StateStore { StateStore(session: session) }

  init(session: any SQLSession) { self.session = session }

  /// - Parameter backupsBegun: As the hub said when it took packets.
  func note(backupsBegun: UInt64) throws { try state.set("packetsSentAt", .integer(Int64(clamping: backupsBegun))) }

  /// - Parameter backupsDone: The older of the two newest finished backups.
  func drop(backupsDone: UInt64) throws {
    guard let sent = try state.value("packetsSentAt").integer, backupsDone > UInt64(max(0, sent)) else { return }
    try session.execute("DELETE FROM sync_packet WHERE kept = 1")
    let count = try session.integer("SELECT changes()") ?? 0
    guard count > 0 else { return }
    try state.add("packetsLetGo", Int(clamping: count))
    try state.set("packetsLetGoAt", .integer(Int64(clamping: backupsDone)))
  }

  /// Packets that were let go of and that a hub put back to an older backup may not have.
  func uncertain() throws -> Int { Int(clamping: try state.value("packetsUncertain").integer ?? 0) }

  /// The hub was put back: of packets that two later backups held nobody has any more.
  ///
  /// - Parameter backupsDone: As the hub that was put back says: the one before the newest that it knows.
  /// - Returns: How many may be lost with it.
  func noteRestored(backupsDone: UInt64) throws -> Int {
    let count = Int(clamping: try state.value("packetsLetGo").integer ?? 0)
    guard count > 0, let at = try state.value("packetsLetGoAt").integer, at - 1 > Int64(clamping: backupsDone) else { return 0 }
    try state.set("packetsUncertain", .integer(Int64(clamping: count)))
    return count
  }
}
