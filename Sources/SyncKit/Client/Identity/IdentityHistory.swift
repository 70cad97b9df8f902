internal import Foundation
internal import SyncCore
internal import SyncStore

/// Identity history of one store (L8). Batches of each identity up to its end in a scope are the store's own; later batches under
/// that key are a copy's.
struct IdentityHistory {
  /// Earlier identity, and the number of its last own batch in each scope.
  struct Past: Hashable {
    var replica: ReplicaID
    /// Certificate signed by the hub: a restored hub learns its devices from certificates.
    var certificate: Data
    var ends: [String: UInt64]
  }

  /// Present identity of the store.
  var current: ReplicaID
  /// Earlier identities, oldest first.
  var past: [Past] = []

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_identity (seq INTEGER PRIMARY KEY, replica BLOB NOT NULL UNIQUE, certificate BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS sync_identity_end (
      replica BLOB NOT NULL, scope TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (replica, scope)) WITHOUT ROWID;
    """

  /// Returns the identity that signed the store's own batch of a number.
  func author(scope: String, number: UInt64) -> ReplicaID {
    past.first { number <= $0.ends[scope] ?? 0 }?.replica ?? current
  }

  /// Returns whether a batch in the feed is the store's own. A batch of an earlier identity beyond its end is a copy's.
  func isOwn(_ replica: ReplicaID, scope: String, number: UInt64) -> Bool {
    replica == current || past.contains { $0.replica == replica && number <= $0.ends[scope] ?? 0 }
  }

  static func load(current: ReplicaID, in session: any SQLSession) throws -> IdentityHistory {
    var ends: [Data: [String: UInt64]] = [:]
    for row in try session.rows("SELECT replica, scope, number FROM sync_identity_end") {
      if let replica = row[0].blob, let scope = row[1].text { ends[replica, default: [:]][scope] = UInt64(max(0, row[2].integer ?? 0)) }
    }
    let past = try session.rows("SELECT replica, certificate FROM sync_identity ORDER BY seq").compactMap { row -> Past? in
      guard let bytes = row[0].blob, let replica = ReplicaID(bytes: bytes), let certificate = row[1].blob else { return nil }
      return Past(replica: replica, certificate: certificate, ends: ends[bytes] ?? [:])
    }
    return IdentityHistory(current: current, past: past)
  }

  /// Records that the present identity became an earlier one, with its last own batches. Identities before it end there at the
  /// latest.
  func retire(certificate: Data, ends: [String: UInt64], in session: any SQLSession) throws {
    try session.execute(
      "INSERT INTO sync_identity (replica, certificate) VALUES (?1, ?2) ON CONFLICT (replica) DO NOTHING",
      [.blob(current.bytes), .blob(certificate)])
    for (scope, number) in ends {
      try session.execute(
        "UPDATE sync_identity_end SET number = ?2 WHERE scope = ?1 AND number > ?2", [.text(scope), .integer(Int64(clamping: number))])
      try session.execute(
        """
        INSERT INTO sync_identity_end (replica, scope, number) VALUES (?1, ?2, ?3)
        ON CONFLICT (replica, scope) DO UPDATE SET number = excluded.number
        """, [.blob(current.bytes), .text(scope), .integer(Int64(clamping: number))])
    }
  }
}
