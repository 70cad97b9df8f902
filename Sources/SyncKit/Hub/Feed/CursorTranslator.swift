internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Translator of feed positions between incarnations (L11). Belongs to one transaction.
///
/// A feed position is a number and the feed's running hash there, so that two incarnations which gave one number to different units
/// are told apart. A position that this store's feed does not have is known only from signed pages that devices gave back. For such
/// a position the hub keeps its *branch*, and its *base*: the last position that the branch shares with this store. An incarnation
/// may have two branches, because it goes on until somebody notices that the store was put back.
final class CursorTranslator {
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

  /// Positions of earlier incarnations that a cursor keeps.
  static let earlierMax = 8

  // MARK: This store's log

  /// Returns the feed's hash at a position where a run ends; zeros before the first run; nil elsewhere.
  func hash(at position: UInt64, scope: String) throws -> Data? {
    if position == 0 { return Data(count: ScopeOrder.hashBytes) }
    let row = try session.firstRow(
      "SELECT position, units, hash FROM hub_feed WHERE scope = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
      [.text(scope), .integer(Int64(clamping: position))])
    guard let row, let first = row[0].integer, let units = row[1].integer, UInt64(first + units - 1) == position else { return nil }
    return row[2].blob
  }

  /// Returns whether a position is the end of a run of this feed, and the feed up to it is the one that its reader was given.
  func isHere(_ place: WireScopePosition) throws -> Bool {
    try hash(at: place.position, scope: place.scope) == place.feedHash
  }

  // MARK: Places of earlier lives

  struct OldPlace {
    /// Branch of the position: the feed hash at the end of the branch's first run that no other branch has.
    var branch: Data
    /// Last position that the branch and this store share.
    var base: UInt64
  }

  func old(scope: String, position: UInt64, hash: Data) throws -> OldPlace? {
    try olds(scope: scope, position: position).first { $0.hash == hash }?.place
  }

  /// Returns what is known of one position in earlier incarnations: several entries where histories branched more than once.
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

  /// Returns the branch of the run after a position: the position's own, or a new one when another run already continues that
  /// branch.
  ///
  /// - Parameter end: End of the run after the position.
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

  /// Returns the branches that lead to a position, its own included, each with its last position before it.
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

  /// Translates a position into this store's feed, and adds what its holder had of earlier incarnations; nil when the hub does not
  /// know the position.
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

  /// Part of one scope's feed that an author had applied.
  struct Seen: Sendable {
    /// Last position in this store's feed.
    var through: UInt64 = 0
    /// Last position on each branch that ended.
    var earlier: [Data: UInt64] = [:]
  }

  /// Returns what the author of a cursor had seen of a scope.
  ///
  /// The answer is nothing when the cursor lacks the scope or has a position that the hub does not know. A device that claimed more
  /// than it was given would hide losing writes; in doubt a conflict opens.
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

  /// Returns a test whether an author saw a write of an ended incarnation; nil when it saw none.
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
