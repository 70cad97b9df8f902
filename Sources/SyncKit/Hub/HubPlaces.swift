internal import Foundation
internal import SwiftProtobuf

/// What places in the feed mean, also those of lives that a restore ended (L11). Belongs to one transaction.
///
/// A place is a position and the running hash there, so that two lives that gave one position to different units are told apart.
/// Of a place this store's log does not have, the hub knows only what a page that it signed once, and that was given back,
/// attests: then it also knows up to where (`base`) both histories are the same.
final class HubPlaces {
  private let session: any HubSession

  init(session: any HubSession) { self.session = session }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_old_place (
      scope TEXT NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, incarnation BLOB NOT NULL, base INTEGER NOT NULL,
      PRIMARY KEY (scope, position, hash)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_returned (
      hash BLOB NOT NULL, unit INTEGER NOT NULL, stamp INTEGER NOT NULL, incarnation BLOB NOT NULL, old_position INTEGER NOT NULL,
      scope TEXT NOT NULL, declined INTEGER NOT NULL, position INTEGER, PRIMARY KEY (hash, unit, stamp, incarnation)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_returned_old ON hub_returned (scope, incarnation, old_position);
    CREATE INDEX IF NOT EXISTS hub_returned_new ON hub_returned (scope, position);
    """

  /// Lives of which a cursor remembers places.
  static let earlierMax = 8

  // MARK: This store's log

  /// The hash of the feed up to a position at which a run ends; zeros before the first.
  func hash(at position: UInt64, scope: String) throws -> Data? {
    if position == 0 { return Data(count: ScopeOrder.hashBytes) }
    let row = try session.firstRow(
      "SELECT position, units, hash FROM hub_feed WHERE scope = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
      [.text(scope), .integer(Int64(clamping: position))])
    guard let row, let first = row[0].integer, let units = row[1].integer, UInt64(first + units - 1) == position else { return nil }
    return row[2].blob
  }

  /// Whether a run of this feed ends at a place, and the feed up to it is the one its reader was given.
  func isHere(_ place: WireScopePosition) throws -> Bool {
    try hash(at: place.position, scope: place.scope) == place.feedHash
  }

  // MARK: Places of earlier lives

  struct OldPlace {
    var incarnation: Data
    /// Up to here its history and this store's are the same.
    var base: UInt64
  }

  func old(scope: String, position: UInt64, hash: Data) throws -> OldPlace? {
    guard
      let row = try session.firstRow(
        "SELECT incarnation, base FROM hub_old_place WHERE scope = ?1 AND position = ?2 AND hash = ?3",
        [.text(scope), .integer(Int64(clamping: position)), .blob(hash)]), let incarnation = row[0].blob, let base = row[1].integer
    else { return nil }
    return OldPlace(incarnation: incarnation, base: UInt64(max(0, base)))
  }

  /// Places of earlier lives at one position: more than one where lives branched off more than once.
  func olds(scope: String, position: UInt64) throws -> [(hash: Data, place: OldPlace)] {
    try session.rows(
      "SELECT hash, incarnation, base FROM hub_old_place WHERE scope = ?1 AND position = ?2",
      [.text(scope), .integer(Int64(clamping: position))]
    ).compactMap { row in
      guard let hash = row[0].blob, let incarnation = row[1].blob, let base = row[2].integer else { return nil }
      return (hash, OldPlace(incarnation: incarnation, base: UInt64(max(0, base))))
    }
  }

  func record(scope: String, position: UInt64, hash: Data, incarnation: Data, base: UInt64) throws {
    try session.execute(
      """
      INSERT INTO hub_old_place (scope, position, hash, incarnation, base) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (scope, position, hash) DO UPDATE SET base = max(hub_old_place.base, excluded.base)
      """,
      [
        .text(scope), .integer(Int64(clamping: position)), .blob(hash), .blob(incarnation), .integer(Int64(clamping: base)),
      ])
  }

  /// A place as a place of this log, with what its holder had of earlier lives beside; nil when the hub cannot tell.
  func translate(_ place: WireScopePosition) throws -> WireScopePosition? {
    var place = place
    place.earlier = try place.earlier.filter { try old(scope: place.scope, position: $0.position, hash: $0.feedHash) != nil }
    if try isHere(place) { return place }
    guard let old = try old(scope: place.scope, position: place.position, hash: place.feedHash) else { return nil }
    var here = WireScopePosition()
    here.scope = place.scope
    here.position = old.base
    here.feedHash = try hash(at: old.base, scope: place.scope) ?? Data()
    var earlier = WireEarlierPlace()
    (earlier.incarnation, earlier.position, earlier.feedHash) = (old.incarnation, place.position, place.feedHash)
    here.earlier = Array(([earlier] + place.earlier.filter { $0.incarnation != old.incarnation }).prefix(Self.earlierMax))
    return here
  }

  // MARK: What an author had seen

  /// What an author had applied of one scope.
  struct Seen: Sendable {
    /// In this log.
    var through: UInt64 = 0
    /// In lives that ended, by their incarnation.
    var earlier: [Data: UInt64] = [:]
  }

  /// - Returns: Nothing seen, when the cursor says nothing of the scope or names a place nobody can vouch for: a device that
  ///   claims more than it was told would hide what loses. In doubt, a conflict.
  func seen(by bytes: Data, scope: String) throws -> Seen {
    guard !bytes.isEmpty, let cursor = try? WireCursor.parse(bytes, named: LocalizedText(vi: "con trỏ", en: "cursor")),
      let claimed = cursor.scopes.first(where: { $0.scope == scope }), let place = try translate(claimed)
    else { return Seen() }
    return Seen(
      through: place.position, earlier: Dictionary(place.earlier.map { ($0.incarnation, $0.position) }, uniquingKeysWith: max))
  }

  /// Whether an author saw a write in a life that ended; nil when it saw nothing of any.
  func sawEarlier(_ seen: Seen, scope: String) -> (@Sendable (Origin) -> Bool)? {
    guard !seen.earlier.isEmpty else { return nil }
    // Asked by the merge of this transaction, on its thread, and gone with it.
    nonisolated(unsafe) let session = session
    return { other in
      let old = try? session.rows(
        "SELECT incarnation, old_position FROM hub_returned WHERE scope = ?1 AND position = ?2",
        [.text(scope), .integer(Int64(clamping: other.position))])
      return (old ?? []).contains { row in
        guard let incarnation = row[0].blob, let position = row[1].integer, let through = seen.earlier[incarnation] else { return false }
        return UInt64(max(0, position)) <= through
      }
    }
  }
}
