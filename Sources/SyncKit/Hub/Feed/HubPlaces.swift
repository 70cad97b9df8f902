internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// What places in the feed mean, also those of lives that a restore ended (L11). Belongs to one transaction.
///
/// A place is a position and the running hash there, so that two lives that gave one position to different units are told apart.
/// Of a place this store's log does not have, the hub knows only what a page that it signed once, and that was given back,
/// attests: then it also knows up to where (`base`) both histories are the same, and on which *branch* the place is. A life does
/// not name a history: until somebody noticed that the store was put back, it had two.
final class HubPlaces {
  private let session: any HubSession

  init(session: any HubSession) { self.session = session }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_old_place (
      scope TEXT NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, branch BLOB NOT NULL, base INTEGER NOT NULL,
      PRIMARY KEY (scope, position, hash)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_branch (
      scope TEXT NOT NULL, branch BLOB NOT NULL, parent BLOB NOT NULL, position INTEGER NOT NULL,
      PRIMARY KEY (scope, branch)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_returned (
      hash BLOB NOT NULL, unit INTEGER NOT NULL, stamp INTEGER NOT NULL, branch BLOB NOT NULL, old_position INTEGER NOT NULL,
      scope TEXT NOT NULL, declined INTEGER NOT NULL, position INTEGER, PRIMARY KEY (hash, unit, stamp, branch)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_returned_old ON hub_returned (scope, branch, old_position);
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
    /// The history it is on: the hash at the end of that history's first run that is not in another.
    var branch: Data
    /// Up to here its history and this store's are the same.
    var base: UInt64
  }

  func old(scope: String, position: UInt64, hash: Data) throws -> OldPlace? {
    try olds(scope: scope, position: position).first { $0.hash == hash }?.place
  }

  /// Places of earlier lives at one position: more than one where lives branched off more than once.
  func olds(scope: String, position: UInt64) throws -> [(hash: Data, place: OldPlace)] {
    try session.rows(
      "SELECT hash, branch, base FROM hub_old_place WHERE scope = ?1 AND position = ?2",
      [.text(scope), .integer(Int64(clamping: position))]
    ).compactMap { row in
      guard let hash = row[0].blob, let branch = row[1].blob, let base = row[2].integer else { return nil }
      return (hash, OldPlace(branch: branch, base: UInt64(max(0, base))))
    }
  }

  func record(_ place: OldPlace, scope: String, position: UInt64, hash: Data) throws {
    try session.execute(
      """
      INSERT INTO hub_old_place (scope, position, hash, branch, base) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (scope, position, hash) DO UPDATE SET base = max(hub_old_place.base, excluded.base)
      """,
      [
        .text(scope), .integer(Int64(clamping: position)), .blob(hash), .blob(place.branch), .integer(Int64(clamping: place.base)),
      ])
  }

  /// The branch that goes on from a place to a run's end: the place's own, or a new one where that goes on otherwise.
  ///
  /// - Parameter end: Of the run after the place.
  func branch(after place: OldPlace, at position: UInt64, scope: String, end: (position: UInt64, hash: Data)) throws -> Data {
    if let known = try old(scope: scope, position: end.position, hash: end.hash) { return known.branch }
    let isTaken =
      try session.firstRow(
        "SELECT 1 FROM hub_old_place WHERE scope = ?1 AND branch = ?2 AND position > ?3 LIMIT 1",
        [.text(scope), .blob(place.branch), .integer(Int64(clamping: position))]) != nil
    guard isTaken else { return place.branch }
    try session.execute(
      "INSERT INTO hub_branch (scope, branch, parent, position) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
      [.text(scope), .blob(end.hash), .blob(place.branch), .integer(Int64(clamping: position))])
    return end.hash
  }

  /// The branches a place goes back to, itself among them, each with the last position that is before it.
  private func line(of place: OldPlace, at position: UInt64, scope: String) throws -> [Data: UInt64] {
    var line = [place.branch: position]
    var (at, end) = (place.branch, position)
    while line.count <= Self.earlierMax,
      let row = try session.firstRow(
        "SELECT parent, position FROM hub_branch WHERE scope = ?1 AND branch = ?2", [.text(scope), .blob(at)]),
      let parent = row[0].blob, let branched = row[1].integer, line[parent] == nil
    {
      end = min(end, UInt64(max(0, branched)))
      line[parent] = end
      at = parent
    }
    return line
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
    (earlier.position, earlier.feedHash) = (place.position, place.feedHash)
    here.earlier = Array(([earlier] + place.earlier.filter { $0.feedHash != place.feedHash }).prefix(Self.earlierMax))
    return here
  }

  // MARK: What an author had seen

  /// What an author had applied of one scope.
  struct Seen: Sendable {
    /// In this log.
    var through: UInt64 = 0
    /// On branches that ended, up to a position of each.
    var earlier: [Data: UInt64] = [:]
  }

  /// - Returns: Nothing seen, when the cursor says nothing of the scope or names a place nobody can vouch for: a device that
  ///   claims more than it was told would hide what loses. In doubt, a conflict.
  func seen(by bytes: Data, scope: String) throws -> Seen {
    guard !bytes.isEmpty, let cursor = try? WireCursor.parse(bytes, named: LocalizedText(vi: "con trỏ", en: "cursor")),
      let claimed = cursor.scopes.first(where: { $0.scope == scope }), let place = try translate(claimed)
    else { return Seen() }
    var seen = Seen(through: place.position)
    for earlier in place.earlier {
      guard let old = try old(scope: scope, position: earlier.position, hash: earlier.feedHash) else { continue }
      seen.earlier.merge(try line(of: old, at: earlier.position, scope: scope), uniquingKeysWith: max)
    }
    return seen
  }

  /// Whether an author saw a write in a life that ended; nil when it saw nothing of any.
  func sawEarlier(_ seen: Seen, scope: String) -> ((Origin) -> Bool)? {
    guard !seen.earlier.isEmpty else { return nil }
    return { [session] other in
      let old = try? session.rows(
        "SELECT branch, old_position FROM hub_returned WHERE scope = ?1 AND position = ?2",
        [.text(scope), .integer(Int64(clamping: other.position))])
      return (old ?? []).contains { row in
        guard let branch = row[0].blob, let position = row[1].integer, let through = seen.earlier[branch] else { return false }
        return UInt64(max(0, position)) <= through
      }
    }
  }
}
