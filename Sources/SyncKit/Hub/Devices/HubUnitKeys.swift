internal import Crypto
internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Unit keys that the devices of each org unit got in turn, to authenticate packets. Belongs to one transaction.
///
/// Only the keys' names are kept, so that a backup holds no key: a key is derived from its name and the hub's unit secret.
struct UnitKeyTable {
  let session: any SQLSession
  let keys: HubKeys

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_unit_key (
      scope TEXT NOT NULL, id BLOB NOT NULL, epoch INTEGER NOT NULL, made_ms INTEGER NOT NULL, is_learned INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (scope, id)) WITHOUT ROWID;
    """

  /// Returns the names of a unit's keys, oldest first; the last is the present one. Of two with one number, the hub's own comes
  /// after a learned one.
  func ids(_ scope: String) throws -> [UnitKeyID] {
    let rows = try session.rows(
      "SELECT id FROM hub_unit_key WHERE scope = ?1 ORDER BY epoch, is_learned DESC, made_ms", [.text(scope)])
    return [.first] + rows.compactMap { $0[0].blob.flatMap(UnitKeyID.init) }
  }

  /// Returns the keys themselves, in the same order.
  func all(_ scope: String) throws -> [Data] { try ids(scope).map { keys.unitKey(scope: scope, id: $0) } }

  func present(_ scope: String) throws -> UnitKeyID { try ids(scope).last ?? .first }

  /// Begins another key. Devices with earlier keys are excluded until a hub that still trusts them gives them this one.
  func begin(_ scope: String, nowMs: UInt64) throws {
    let (epoch, _) = try present(scope).epoch.addingReportingOverflow(1)
    try record(keys.makeUnitKeyID(scope: scope, epoch: epoch), scope: scope, isLearned: false, nowMs: nowMs)
  }

  /// Adds a key that this hub made before its store was restored to an earlier state; a device that holds the key shows its name.
  func learn(_ id: UnitKeyID, scope: String, nowMs: UInt64) throws {
    guard keys.hasMade(id, scope: scope), try !ids(scope).contains(id) else { return }
    try record(id, scope: scope, isLearned: true, nowMs: nowMs)
  }

  private func record(_ id: UnitKeyID, scope: String, isLearned: Bool, nowMs: UInt64) throws {
    try session.execute(
      "INSERT INTO hub_unit_key (scope, id, epoch, made_ms, is_learned) VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        .text(scope), .blob(id.bytes), .integer(Int64(id.epoch)), .integer(Int64(clamping: nowMs)), .integer(isLearned ? 1 : 0),
      ])
  }

  /// Begins a key in every unit where an earlier program revoked a device without beginning one.
  func endEarlierRevocations(nowMs: UInt64) throws {
    let scopes = try session.rows(
      """
      SELECT DISTINCT scope FROM hub_device WHERE revoked_ms IS NOT NULL AND scope NOT IN (SELECT scope FROM hub_unit_key) ORDER BY scope
      """)
    for scope in scopes.compactMap({ $0[0].text }) { try begin(scope, nowMs: nowMs) }
  }

  /// Returns the units in which a device showed, since a moment, a key that the store did not know: a restore took a revocation
  /// there back.
  static func lostRevocations(sinceMs: UInt64, in session: any SQLSession) throws -> [String] {
    try session.rows(
      "SELECT DISTINCT scope FROM hub_unit_key WHERE is_learned = 1 AND made_ms >= ?1 ORDER BY scope", [.integer(Int64(clamping: sinceMs))]
    ).compactMap { $0[0].text }
  }
}

extension HubKeys {
  /// Returns the key that all devices of a scope share. It proves that a packet comes from one of them, but not from which.
  func unitKey(scope: String, id: UnitKeyID = .first) -> Data {
    let purpose = id == .first ? "synckit/unit/1\0" : "synckit/unit/2\0"
    let name = id == .first ? Data() : [0] + id.bytes
    return code(Data((purpose + scope).utf8) + name)
  }

  func makeUnitKeyID(scope: String, epoch: UInt32) -> UnitKeyID {
    var bytes = withUnsafeBytes(of: epoch.bigEndian) { Data($0) }
    bytes += SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
    return UnitKeyID(unchecked: bytes + proof(of: bytes, scope: scope))
  }

  /// Returns whether this hub made a key's name for the scope.
  func hasMade(_ id: UnitKeyID, scope: String) -> Bool {
    id == .first || id.bytes.suffix(8) == proof(of: id.bytes.prefix(20), scope: scope)
  }

  private func proof(of name: Data, scope: String) -> Data { code(Data("synckit/unit-id/1\0\(scope)\0".utf8) + name).prefix(8) }

  private func code(_ message: Data) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: unitSecret)))
  }
}

extension Hub {
  /// Returns every key that a scope's devices had; the last is the present one.
  func unitKeys(of scope: String) async throws -> [Data] {
    let keys = keys
    return try await store.read { try UnitKeyTable(session: $0, keys: keys).all(scope) }
  }

  /// Returns the present key of a device's unit, for a device that reports another one; nil when the device holds the present one.
  ///
  /// - Parameters:
  ///   - held: Name of the key that the device holds.
  ///   - recipient: X25519 public key, 32 bytes, from the device's signed call.
  /// - Throws: `SyncError` `.revoked` when the device was revoked meanwhile, `.damaged` when `held` is no name or `recipient` no
  ///   key.
  func unitKey(for device: HubDevice, holding held: Data, sealedTo recipient: Data) async throws -> WireSealedUnitKey? {
    guard let held = UnitKeyID(held) else { throw ByteReader.short }
    let (keys, scope, now) = (keys, device.scope, clock.nowMs())
    var (present, isKnown) = try await store.read { session in
      try Self.checkActive(device.replica, in: session)
      let ids = try UnitKeyTable(session: session, keys: keys).ids(scope)
      return (ids.last ?? .first, ids.contains(held))
    }
    if !isKnown, keys.hasMade(held, scope: scope) {
      present = try await store.write { session in
        let table = UnitKeyTable(session: session, keys: keys)
        try table.learn(held, scope: scope, nowMs: now)
        return try table.present(scope)
      }
    }
    guard present != held else { return nil }
    return try UnitKeySeal.seal(
      keys.unitKey(scope: scope, id: present), id: present, hub: replica, device: device.replica, scope: scope, to: recipient)
  }

  /// Throws when a device is revoked. Called in the transaction that reads a unit's key, so that a device revoked a moment ago does
  /// not get it.
  static func checkActive(_ replica: ReplicaID, in session: any SQLSession) throws {
    let revoked = try session.firstRow("SELECT 1 FROM hub_device WHERE replica = ?1 AND revoked_ms IS NOT NULL", [.blob(replica.bytes)])
    guard revoked == nil else { throw HubDevice.revokedError }
  }
}
