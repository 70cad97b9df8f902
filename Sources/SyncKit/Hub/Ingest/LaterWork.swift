internal import Foundation
internal import SyncCore
internal import SyncStore

/// Keeps the order of one author's units at a hub that was restored (L11): with whatever stamp a unit is placed, those that its
/// author made later stand above it in every cell both wrote. Belongs to one hub transaction.
///
/// A device's stamps rise from unit to unit, so its later word stands over its earlier one. A store that was put back breaks that:
/// it merges units anew, under other stamps, and is then told the first stamp of some of them, which devices hold for ever.
/// See docs/adr/0017.
final class LaterWork {
  private let session: any HubSession
  private let lineage: HubLineage
  private var highs: [Author: HybridTimestamp?] = [:]
  private var isEmpty: Bool?
  /// Authors of whom something was placed now, from which batch on.
  private var placed: [Author: UInt64] = [:]
  private var followed: [Author: UInt64] = [:]

  init(session: any HubSession, lineage: HubLineage) {
    self.session = session
    self.lineage = lineage
  }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_returned_author (
      scope TEXT NOT NULL, replica BLOB NOT NULL, stamp INTEGER NOT NULL, PRIMARY KEY (scope, replica)) WITHOUT ROWID;
    """

  private struct Author: Hashable {
    var replica: ReplicaID
    var scope: String
  }

  // MARK: What comes after

  /// The highest stamp under which anything of an author, or of who it goes on from, came back; nil where nothing did.
  private func high(of replica: ReplicaID, scope: String) throws -> HybridTimestamp? {
    let isEmpty = try self.isEmpty ?? (session.firstRow("SELECT 1 FROM hub_returned_author LIMIT 1", []) == nil)
    self.isEmpty = isEmpty
    if isEmpty { return nil }
    let author = Author(replica: replica, scope: scope)
    if let known = highs[author] { return known }
    let high = try lineage.line(of: replica, scope: scope).keys.compactMap { name in
      try session.integer("SELECT stamp FROM hub_returned_author WHERE scope = ?1 AND replica = ?2", [.text(scope), .blob(name.bytes)])
    }.map { HybridTimestamp(rawValue: UInt64(bitPattern: $0)) }.max()
    highs[author] = .some(high)
    return high
  }

  /// The stamp for a unit that a hub of restored work would merge under `stamp`: above all of its author's that came back.
  func raised(_ stamp: HybridTimestamp, of content: BatchContent, order: ScopeOrder, wallMs: UInt64) throws -> HybridTimestamp {
    guard let high = try high(of: content.replica, scope: content.scope) else { return stamp }
    try follow(content)
    if stamp > high { return stamp }
    let raised = try order.issue(wallMs: wallMs, scope: content.scope)
    try note(content.replica, number: content.number, stamp: raised, scope: content.scope)
    return raised
  }

  /// Where pages told of the batch, or of later ones, some of its author's later units may be merged already.
  private func follow(_ content: BatchContent) throws {
    let author = Author(replica: content.replica, scope: content.scope)
    if let number = placed[author], number <= content.number { return }
    if followed[author] == content.number { return }
    followed[author] = content.number
    let isOvertaken = try heirs(of: author, from: content.number).contains { heir in
      try session.firstRow(
        "SELECT 1 FROM hub_known_batch WHERE scope = ?1 AND replica = ?2 AND number >= ?3 LIMIT 1",
        [.text(heir.scope), .blob(heir.replica.bytes), .integer(Int64(clamping: content.number))]) != nil
    }
    if isOvertaken { placed[author] = content.number }
  }

  /// Notes that a unit of a batch was placed under a stamp: what its author makes next, and what it made later, stands above.
  func note(_ replica: ReplicaID, number: UInt64, stamp: HybridTimestamp, scope: String) throws {
    try session.execute(
      """
      INSERT INTO hub_returned_author (scope, replica, stamp) VALUES (?1, ?2, ?3)
      ON CONFLICT (scope, replica) DO UPDATE SET stamp = max(hub_returned_author.stamp, excluded.stamp)
      """, [.text(scope), .blob(replica.bytes), .integer(Int64(bitPattern: stamp.rawValue))])
    (isEmpty, highs) = (false, [:])
    let author = Author(replica: replica, scope: scope)
    placed[author] = min(placed[author] ?? number, number)
  }

  // MARK: What came before

  /// Places units once more that came out below an earlier one of their author in a cell both wrote.
  ///
  /// - Complexity: Reads the batches of those authors of whom something was placed in this transaction, from that on.
  func place(in transaction: HubTransaction) throws {
    let authors = placed.sorted { ($0.key.scope, $0.key.replica) < ($1.key.scope, $1.key.replica) }
    for (author, number) in authors {
      for name in try heirs(of: author, from: number) { try place(name, from: number, in: transaction) }
    }
    placed = [:]
  }

  /// An author, and the identities that go on from it after a batch, each after the one it goes on from.
  private func heirs(of author: Author, from number: UInt64) throws -> [Author] {
    var found = [author]
    var next = 0
    while next < found.count, found.count <= HubLineage.generationsMax {
      let rows = try session.rows(
        "SELECT replica FROM hub_succession WHERE scope = ?1 AND predecessor = ?2 AND number >= ?3 ORDER BY replica",
        [.text(author.scope), .blob(found[next].replica.bytes), .integer(Int64(clamping: number))])
      next += 1
      for replica in rows.compactMap({ $0[0].blob.flatMap(ReplicaID.init(bytes:)) }) where !found.contains(where: { $0.replica == replica })
      {
        found.append(Author(replica: replica, scope: author.scope))
      }
    }
    return found
  }

  private struct Cell: Hashable {
    var table: String
    var key: CellValue
    var life: UInt32
    var name: CellName
  }

  private func place(_ author: Author, from number: UInt64, in transaction: HubTransaction) throws {
    var highest: [Cell: HybridTimestamp] = [:]
    for var unit in try units(of: author, from: number) {
      let cells = unit.changes.flatMap { change in
        change.cells.map { Cell(table: change.table, key: change.key, life: change.life, name: $0.name) }
      }
      // What a recovery batch says was never written later than what it says.
      let isNew = unit.source.content.recovery == nil
      if isNew, unit.source.content.replica == author.replica, let floor = cells.compactMap({ highest[$0] }).max(), floor >= unit.stamp {
        unit.stamp = try transaction.order.issue(wallMs: transaction.wallMs, scope: author.scope)
        let content = unit.source.content
        _ = try ReturnedWork(transaction: transaction).place(
          unit.changes, of: content, index: unit.index, stamp: unit.stamp, isDeclined: false, source: (unit.source.id, unit.source.hash),
          seen: try transaction.places.seen(by: content.cursor, scope: author.scope),
          isOneAuthors: try lineage.ownership(of: content.replica, number: content.number, scope: author.scope))
      }
      for cell in cells { highest[cell] = max(highest[cell] ?? unit.stamp, unit.stamp) }
    }
  }

  private struct Source {
    var id: Int64
    var hash: Data
    var content: BatchContent
    var firstUnit: Int
  }

  private struct Unit {
    var source: Source
    var index: Int
    /// The highest it stands under.
    var stamp: HybridTimestamp
    var changes: [RowChange] { source.content.units[index - source.firstUnit].changes }
  }

  /// The merged units of an author, and of those it goes on from, from a batch on, in the order in which they were made.
  private func units(of author: Author, from number: UInt64) throws -> [Unit] {
    var units: [String: Unit] = [:]
    for (name, end) in try lineage.line(of: author.replica, scope: author.scope) where end >= number {
      for source in try sources(of: name, scope: author.scope, numbers: number...end) {
        for (index, stamp) in try stamps(of: source) {
          // Pages may have told of it, and its batch, too.
          let place = "\(source.hash.hex) \(index)"
          if let known = units[place], known.stamp >= stamp { continue }
          units[place] = Unit(source: source, index: index, stamp: stamp)
        }
      }
    }
    return units.sorted { a, b in
      let (left, right) = (a.value.source.content.number, b.value.source.content.number)
      return left == right ? (a.value.index, a.key) < (b.value.index, b.key) : left < right
    }.map(\.value)
  }

  private func sources(of replica: ReplicaID, scope: String, numbers: ClosedRange<UInt64>) throws -> [Source] {
    try session.rows(
      """
      SELECT id, hash, bytes, 0 FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number BETWEEN ?3 AND ?4 AND state = \(BatchState.merged)
      UNION ALL SELECT -id, hash, bytes, first_unit FROM hub_returned_batch WHERE scope = ?1 AND replica = ?2 AND number BETWEEN ?3 AND ?4
      """,
      [
        .text(scope), .blob(replica.bytes), .integer(Int64(clamping: numbers.lowerBound)), .integer(Int64(clamping: numbers.upperBound)),
      ]
    ).compactMap { row in
      guard let id = row[0].integer, let hash = row[1].blob, let bytes = row[2].blob, let first = row[3].integer else {
        throw ByteReader.short
      }
      // Cleared away: who gave it back last fetched in bulk since.
      if bytes.isEmpty { return nil }
      return Source(id: id, hash: hash, content: try BatchCodec.reopen(SealedBatch(bytes: bytes)), firstUnit: Int(first))
    }
  }

  /// The highest stamp of each unit of a batch that stands in the feed.
  private func stamps(of source: Source) throws -> [Int: HybridTimestamp] {
    var highest: [Int: HybridTimestamp] = [:]
    for run in try session.rows(
      "SELECT first_unit, units, stamps FROM hub_feed WHERE batch = ?1 AND declined = 0", [.integer(source.id)])
    {
      guard let first = run[0].integer, let count = run[1].integer else { throw ByteReader.short }
      let given = try run[2].blob.map { try PackedStamps.read($0, count: Int(count)) }
      for index in Int(first)..<Int(first + count) {
        guard source.content.units.indices.contains(index - source.firstUnit) else { throw ByteReader.short }
        let stamp = given?[index - Int(first)] ?? source.content.units[index - source.firstUnit].stamp
        highest[index] = max(highest[index] ?? stamp, stamp)
      }
    }
    return highest
  }
}
