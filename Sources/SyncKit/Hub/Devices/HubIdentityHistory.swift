internal import Foundation
internal import SyncCore
internal import SyncStore

/// Identity history at the hub (L8): which identity succeeded which. A successor's batches of a scope continue its predecessor's
/// chain after the last batch that both share. Belongs to one transaction.
final class HubIdentityHistory {
  /// Predecessor, and the number of its last batch that its successor has too.
  struct Base: Hashable {
    var predecessor: ReplicaID
    var number: UInt64
    var hash: Data
  }

  private struct Place: Hashable {
    var replica: ReplicaID
    var scope: String
  }

  private let session: any HubSession
  private var bases: [Place: Base?] = [:]
  private var families: [Place: Bool] = [:]
  private var twins: [Place: UInt64?] = [:]
  private var lines: [Place: [ReplicaID: UInt64]] = [:]

  init(session: any HubSession) { self.session = session }

  /// Predecessors that are followed; a longer chain is an attack.
  static let generationsMax = 64

  func base(of replica: ReplicaID, scope: String) throws -> Base? {
    let place = Place(replica: replica, scope: scope)
    if let known = bases[place] { return known }
    let row = try session.firstRow(
      "SELECT predecessor, number, hash FROM hub_succession WHERE replica = ?1 AND scope = ?2", [.blob(replica.bytes), .text(scope)])
    var base: Base?
    if let row, let predecessor = row[0].blob.flatMap(ReplicaID.init(bytes:)), let number = row[1].integer, let hash = row[2].blob {
      base = Base(predecessor: predecessor, number: UInt64(max(0, number)), hash: hash)
    }
    bases[place] = .some(base)
    return base
  }

  /// Returns the identities whose batches count as `replica`'s own, each with the number of the last batch that does.
  func line(of replica: ReplicaID, scope: String) throws -> [ReplicaID: UInt64] {
    let place = Place(replica: replica, scope: scope)
    if let known = lines[place] { return known }
    var line: [ReplicaID: UInt64] = [replica: .max]
    var (at, end) = (replica, UInt64.max)
    while line.count <= Self.generationsMax, let base = try base(of: at, scope: scope), line[base.predecessor] == nil {
      end = min(end, base.number)
      line[base.predecessor] = end
      at = base.predecessor
    }
    lines[place] = line
    return line
  }

  /// Returns the author of batch `number` in the chain that `replica` continues: itself, or a predecessor.
  func author(of number: UInt64, replica: ReplicaID, scope: String) throws -> ReplicaID {
    var at = replica
    for _ in 0..<Self.generationsMax {
      guard let base = try base(of: at, scope: scope), number <= base.number else { break }
      at = base.predecessor
    }
    return at
  }

  /// Returns whether `replica` has a successor, a predecessor or a fork in the scope. Otherwise the identity alone tells whose a
  /// write is.
  func hasFamily(_ replica: ReplicaID, scope: String) throws -> Bool {
    let place = Place(replica: replica, scope: scope)
    if let known = families[place] { return known }
    let row = try session.firstRow(
      "SELECT 1 FROM hub_succession WHERE scope = ?1 AND (replica = ?2 OR predecessor = ?2) LIMIT 1", [.text(scope), .blob(replica.bytes)])
    let hasFamily = try row != nil || twin(of: replica, scope: scope) != nil
    families[place] = hasFamily
    return hasFamily
  }

  /// Identities that are examined for one device; a hub gives fewer to any one device.
  static let familyMax = 4096

  /// Returns an identity with its predecessors, and the successors of any of these, in all scopes.
  func family(of replica: ReplicaID) throws -> [ReplicaID] {
    var family = [replica]
    var known: Set = [replica]
    var next = 0
    while next < family.count, family.count < Self.familyMax {
      let rows = try session.rows(
        "SELECT replica FROM hub_succession WHERE predecessor = ?1 UNION SELECT predecessor FROM hub_succession WHERE replica = ?1",
        [.blob(family[next].bytes)])
      for member in rows.compactMap({ $0[0].blob.flatMap(ReplicaID.init(bytes:)) }) where known.insert(member).inserted {
        family.append(member)
      }
      next += 1
    }
    return family
  }

  /// Returns the first number of which the hub knows two batches: from there on two devices wrote under this identity. A restored
  /// hub that forgot one of them may have merged the other (L11).
  func twin(of replica: ReplicaID, scope: String) throws -> UInt64? {
    let place = Place(replica: replica, scope: scope)
    if let known = twins[place] { return known }
    let number = try session.integer(
      """
      SELECT min(k.number) FROM hub_known_batch k WHERE k.scope = ?1 AND k.replica = ?2 AND (
        EXISTS (SELECT 1 FROM hub_batch b WHERE b.scope = k.scope AND b.replica = k.replica AND b.number = k.number AND b.hash <> k.hash)
        OR EXISTS (SELECT 1 FROM hub_known_batch o WHERE o.scope = k.scope AND o.replica = k.replica AND o.number = k.number
          AND o.hash <> k.hash))
      """, [.text(scope), .blob(replica.bytes)]
    ).map { UInt64(max(0, $0)) }
    twins[place] = .some(number)
    return number
  }

  /// Drops the caches.
  func forget() { (bases, families, twins, lines) = ([:], [:], [:], [:]) }

  /// Returns a test whether the author of a batch about to be merged wrote another write too; nil when identities alone decide.
  ///
  /// Two writes are of one author when one's identity succeeded the other's at that batch or a later one. A write under the same
  /// identity after a fork is another device's.
  func ownership(of replica: ReplicaID, number: UInt64, scope: String) throws -> ((Origin) -> Bool)? {
    guard try hasFamily(replica, scope: scope) else { return nil }
    let line = try line(of: replica, scope: scope)
    let twin = try twin(of: replica, scope: scope)
    return { other in
      let author = other.version.replica
      // Counts uncertain writes as another's: in doubt, a conflict opens.
      func wrote(below end: UInt64) -> Bool {
        ((try? self.number(at: other.position, scope: scope)) ?? nil).map { $0 < end } ?? false
      }
      if author == replica { return twin.map { number < $0 || wrote(below: $0) } ?? true }
      if let end = line[author] { return wrote(below: end + 1) }
      return (try? self.line(of: author, scope: scope)[replica]).map { number <= $0 } ?? false
    }
  }

  /// Returns the number of the batch that holds the unit at a position; nil when the feed has none.
  private func number(at position: UInt64, scope: String) throws -> UInt64? {
    guard position > 0 else { return nil }
    return try session.integer(
      """
      SELECT coalesce((SELECT number FROM hub_batch WHERE id = f.batch), (SELECT number FROM hub_returned_batch WHERE id = -f.batch))
      FROM hub_feed f WHERE f.scope = ?1 AND f.position <= ?2 ORDER BY f.position DESC LIMIT 1
      """, [.text(scope), .integer(Int64(clamping: position))]
    ).map { UInt64(max(0, $0)) }
  }

  func record(_ base: Base, replica: ReplicaID, scope: String) throws {
    try session.execute(
      "INSERT INTO hub_succession (replica, scope, predecessor, number, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        .blob(replica.bytes), .text(scope), .blob(base.predecessor.bytes), .integer(Int64(clamping: base.number)), .blob(base.hash),
      ])
  }
}
