internal import Foundation
internal import SyncCore
internal import SyncStore

/// Keeps the order of one author's units at a restored hub (L11): in every cell that two units of an author wrote, the later unit
/// wins, whatever stamps they get. Belongs to one hub transaction.
///
/// A device's stamps rise from unit to unit, so its later writes win over its earlier ones. A restored hub breaks this order: it
/// merges units again under new stamps, and then learns the first stamps of some of them, which devices keep for ever. See
/// docs/adr/0017.
final class AuthorOrder {
  private let session: any HubSession
  private let lineage: HubIdentityHistory
  private var highs: [Author: HybridTimestamp?] = [:]
  private var isEmpty: Bool?
  /// Authors with units that this transaction placed, and the number of the first batch placed.
  private var placed: [Author: UInt64] = [:]
  private var followed: [Author: UInt64] = [:]

  init(session: any HubSession, lineage: HubIdentityHistory) {
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

  /// Returns the highest stamp of the restored units of an author or of its predecessors; nil when none was restored.
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

  /// Returns `stamp`, or a newly issued stamp when restored units of this author have a stamp of at least `stamp`.
  func raised(_ stamp: HybridTimestamp, of content: BatchContent, order: ScopeOrder, wallMs: UInt64) throws -> HybridTimestamp {
    guard let high = try high(of: content.replica, scope: content.scope) else { return stamp }
    try follow(content)
    if stamp > high { return stamp }
    let raised = try order.issue(wallMs: wallMs, scope: content.scope)
    try recordPlacement(content.replica, number: content.number, stamp: raised, scope: content.scope)
    return raised
  }

  /// Marks the author for `restoreOrder(in:)` when pages told of this batch or of later ones: units that the author made later may be
  /// merged already.
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

  /// Records that a unit was placed under `stamp`. Units that its author made later then get higher stamps.
  func recordPlacement(_ replica: ReplicaID, number: UInt64, stamp: HybridTimestamp, scope: String) throws {
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

  /// Places units again whose stamp is below that of an earlier unit of their author, in a cell that both wrote.
  ///
  /// - Complexity: Reads the batches of the authors marked in this transaction, from the first marked batch on.
  func restoreOrder(in transaction: HubTransaction) throws {
    let authors = placed.sorted { ($0.key.scope, $0.key.replica) < ($1.key.scope, $1.key.replica) }
    for (author, number) in authors {
      for name in try heirs(of: author, from: number) { try place(name, from: number, in: transaction) }
    }
    placed = [:]
  }

  /// Returns an author and the identities that succeeded it at or after a batch, each after its predecessor.
  private func heirs(of author: Author, from number: UInt64) throws -> [Author] {
    var found = [author]
    var next = 0
    while next < found.count, found.count <= HubIdentityHistory.generationsMax {
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
      // Keeps the stamps of recovery batches: a recovery batch repeats writes, so it is never later than what it repeats.
      let isNew = unit.source.content.recovery == nil
      if isNew, unit.source.content.replica == author.replica, let floor = cells.compactMap({ highest[$0] }).max(), floor >= unit.stamp {
        unit.stamp = try transaction.order.issue(wallMs: transaction.wallMs, scope: author.scope)
        let content = unit.source.content
        _ = try RestoredUnits(transaction: transaction).place(
          unit.changes, of: content, index: unit.index, stamp: unit.stamp, isDeclined: false, source: (unit.source.id, unit.source.hash),
          seen: try transaction.cursors.seen(by: content.cursor, scope: author.scope),
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
    /// Highest stamp of the unit in the feed.
    var stamp: HybridTimestamp
    var changes: [RowChange] { source.content.units[index - source.firstUnit].changes }
  }

  /// Returns the merged units of an author and of its predecessors, from a batch on, in the order in which they were made.
  private func units(of author: Author, from number: UInt64) throws -> [Unit] {
    var units: [String: Unit] = [:]
    for (name, end) in try lineage.line(of: author.replica, scope: author.scope) where end >= number {
      for source in try sources(of: name, scope: author.scope, numbers: number...end) {
        for (index, stamp) in try stamps(of: source) {
          // Takes the higher stamp: a page and the batch itself may both have brought the unit.
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
      // Returns nil when the bytes are trimmed: the device that gave the batch back fetched a snapshot since.
      if bytes.isEmpty { return nil }
      return Source(id: id, hash: hash, content: try BatchCodec.reopen(SealedBatch(bytes: bytes)), firstUnit: Int(first))
    }
  }

  /// Returns the highest stamp in the feed of each unit of a batch.
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
