internal import Foundation

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
  }
}
