public import SyncCore
internal import SyncStore

/// Operator's note about a device. Notes stay at the hub; no device receives them.
public struct DeviceNote: Sendable, Hashable, Codable {
  /// Label that is shown instead of the name that the device gave itself.
  public var label: String?
  /// Name of the device's owner.
  public var owner: String?

  /// Characters of a label, and of an owner's name.
  public static let lengthMax = 100
}

/// Table of notes about devices. Belongs to one transaction.
struct DeviceNotes {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_device_note (replica BLOB PRIMARY KEY NOT NULL, label TEXT, owner TEXT) WITHOUT ROWID;
    """

  func all() throws -> [ReplicaID: DeviceNote] {
    try session.rows("SELECT replica, label, owner FROM hub_device_note").reduce(into: [:]) { notes, row in
      if let replica = row[0].blob.flatMap(ReplicaID.init(bytes:)) { notes[replica] = DeviceNote(label: row[1].text, owner: row[2].text) }
    }
  }
}

extension Hub {
  /// Returns the notes about devices. A successor has its predecessor's note until it gets one of its own.
  public func deviceNotes() async throws -> [ReplicaID: DeviceNote] {
    try await read { session in
      var notes = try DeviceNotes(session: session).all()
      guard !notes.isEmpty else { return notes }
      let devices = try HubDevice.all(in: session, where: "1 ORDER BY enrolled_ms", [])
      for device in devices where notes[device.replica] == nil {
        if let predecessor = device.predecessor { notes[device.replica] = notes[predecessor] }
      }
      return notes
    }
  }

  /// Writes a note about a device. Nil keeps what stands; an empty text deletes it.
  public func note(_ replica: ReplicaID, label: String?, owner: String?) async throws {
    @Sendable func cell(_ text: String?) -> CellValue { text.map { .text(String($0.prefix(DeviceNote.lengthMax))) } ?? .null }
    try await store.write { session in
      try session.execute(
        """
        INSERT INTO hub_device_note (replica, label, owner) VALUES (?1, nullif(?2, ''), nullif(?3, '')) ON CONFLICT (replica) DO UPDATE SET
          label = CASE WHEN ?2 IS NULL THEN label ELSE excluded.label END, owner = CASE WHEN ?3 IS NULL THEN owner ELSE excluded.owner END
        """, [.blob(replica.bytes), cell(label), cell(owner)])
    }
  }
}
