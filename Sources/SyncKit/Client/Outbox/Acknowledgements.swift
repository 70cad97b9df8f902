internal import Foundation
internal import SyncCore
internal import SyncStore

/// Acknowledgements of the store's own units from the feed: the position and stamp of each. Kept with the outbox, because a
/// restored hub, or a change of identity, needs them again.
struct Acknowledgements {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_ack (
      seq INTEGER PRIMARY KEY, scope TEXT NOT NULL, number INTEGER NOT NULL, unit INTEGER NOT NULL, units INTEGER NOT NULL,
      position INTEGER NOT NULL, stamps BLOB, lost INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS sync_ack_batch ON sync_ack (scope, number);
    """

  /// Consecutive units of one batch, acknowledged at consecutive positions.
  struct Run {
    var number: UInt64
    var firstUnit: Int
    var position: UInt64
    /// Stamps under which the units were merged.
    var stamps: [HybridTimestamp]
    /// True when a stamp differs from the sealed one.
    var isRestamped = false
  }

  func save(_ run: Run, scope: String) throws {
    var packed = Data()
    if run.isRestamped { for stamp in run.stamps { packed.appendVarint(stamp.rawValue) } }
    try session.execute(
      "INSERT INTO sync_ack (scope, number, unit, units, position, stamps) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      [
        .text(scope), .integer(Int64(clamping: run.number)), .integer(Int64(run.firstUnit)), .integer(Int64(run.stamps.count)),
        .integer(Int64(clamping: run.position)), run.isRestamped ? .blob(packed) : .null,
      ])
    try count(scope: scope, number: run.number)
  }

  /// Counts a batch's units that the hub's present incarnation acknowledged, and writes the number into the outbox.
  func count(scope: String, number: UInt64) throws {
    var units: Set<Int64> = []
    for row in try session.rows(
      "SELECT unit, units FROM sync_ack WHERE scope = ?1 AND number = ?2 AND lost = 0", [.text(scope), .integer(Int64(clamping: number))])
    {
      let first = row[0].integer ?? 0
      units.formUnion(first..<first + max(0, row[1].integer ?? 0))
    }
    try session.execute(
      "UPDATE sync_outbox SET acknowledged = ?3 WHERE scope = ?1 AND number = ?2",
      [.text(scope), .integer(Int64(clamping: number)), .integer(Int64(units.count))])
  }

  /// Stamps of a batch's units in this store.
  struct Stamps {
    /// Stamps as sealed.
    var sealed: [HybridTimestamp]
    fileprivate var present: [Int: [HybridTimestamp]] = [:]
    fileprivate var lost: [Int: [HybridTimestamp]] = [:]

    subscript(unit: Int) -> HybridTimestamp { present[unit]?.max() ?? lost[unit]?.last ?? sealed[unit] }

    /// Returns whether the hub's present incarnation acknowledged the unit.
    func isAcknowledged(_ unit: Int) -> Bool { present[unit] != nil }

    /// Returns whether any incarnation of the hub acknowledged the unit.
    func wasAcknowledged(_ unit: Int) -> Bool { isAcknowledged(unit) || lost[unit] != nil }

    /// Returns the stamps that the unit may carry in the rows of this store.
    func carried(_ unit: Int) -> Set<HybridTimestamp> {
      let acknowledged = (present[unit] ?? []) + (lost[unit] ?? [])
      return acknowledged.isEmpty ? [sealed[unit]] : Set(acknowledged)
    }

    /// Records that the feed acknowledged the unit with `stamp`. A restored hub may merge a unit twice, before it learns the stamp
    /// that the unit once had. The unit then carries the later stamp, here as everywhere.
    mutating func acknowledge(_ unit: Int, as stamp: HybridTimestamp) { present[unit, default: []].append(stamp) }

    /// Returns the earliest stamp of the unit in the feed: a living row was born by the lowest of its versions.
    func first(_ unit: Int) -> HybridTimestamp { present[unit]?.min() ?? self[unit] }
  }

  /// Stores the stamps of a batch beside its acknowledgements before its bytes are deleted: runs under sealed stamps carry none.
  func keepStamps(of content: BatchContent) throws {
    for row in try session.rows(
      "SELECT seq, unit, units FROM sync_ack WHERE scope = ?1 AND number = ?2 AND stamps IS NULL",
      [.text(content.scope), .integer(Int64(clamping: content.number))])
    {
      guard let first = row[1].integer, let count = row[2].integer, first >= 0, count > 0, first + count <= Int64(content.units.count)
      else {
        continue
      }
      var packed = Data()
      for unit in content.units[Int(first)..<Int(first + count)] { packed.appendVarint(unit.stamp.rawValue) }
      try session.execute("UPDATE sync_ack SET stamps = ?2 WHERE seq = ?1", [row[0], .blob(packed)])
    }
  }

  /// Returns the stamps under which the present feed has units of a batch without bytes, as far as they were stored.
  func keptStamps(scope: String, number: UInt64) throws -> Set<HybridTimestamp> {
    var stamps: Set<HybridTimestamp> = []
    for row in try session.rows(
      "SELECT units, stamps FROM sync_ack WHERE scope = ?1 AND number = ?2 AND lost = 0 AND stamps IS NOT NULL",
      [.text(scope), .integer(Int64(clamping: number))])
    {
      guard let count = row[0].integer, let packed = row[1].blob else { continue }
      stamps.formUnion(try PackedStamps.read(packed, count: Int(count)))
    }
    return stamps
  }

  func stamps(of content: BatchContent) throws -> Stamps {
    var stamps = Stamps(sealed: content.units.map(\.stamp))
    for row in try session.rows(
      "SELECT unit, units, stamps, lost FROM sync_ack WHERE scope = ?1 AND number = ?2 ORDER BY seq",
      [.text(content.scope), .integer(Int64(clamping: content.number))])
    {
      let first = Int(row[0].integer ?? 0)
      var reader = row[2].blob.map { ByteReader($0) }
      for unit in first..<first + Int(max(0, row[1].integer ?? 0)) where unit < stamps.sealed.count {
        let stamp = try reader.map { _ in HybridTimestamp(rawValue: try reader?.varint() ?? 0) } ?? stamps.sealed[unit]
        if row[3].integer == 0 { stamps.acknowledge(unit, as: stamp) } else { stamps.lost[unit, default: []].append(stamp) }
      }
    }
    return stamps
  }
}

extension RowStore {
  /// Replaces the version of the cells, and lives, that one unit wrote, wherever they still have an earlier version of the unit.
  ///
  /// - Parameters:
  ///   - old: Versions that the unit had.
  ///   - born: Lowest version that the unit has now: a living row is born by the lowest version that gave it its life.
  @discardableResult
  func move(_ changes: [RowChange], from old: Set<Version>, to new: Version, born: Version, scope: String) throws -> Moved {
    var moved = Moved()
    guard old != [new] || born != new else { return moved }
    for change in changes {
      guard let shape = shape(change.table), let stored = try load(shape, key: change.key, in: scope), stored.scope == scope else {
        continue
      }
      var state = stored.state
      if state.life == change.life, let given = state.lifeOrigin?.version {
        let isAlive = state.isAlive
        let isOther = isAlive ? born < given : given < new
        if old.contains(given) || isOther { state.lifeOrigin?.version = isAlive ? born : new }
        if !isAlive && new < given && old.contains(given) { moved.isLowered = true }
        if isAlive && given.timestamp < born.timestamp && old.contains(given) { moved.isBornLater = true }
      }
      // Changes only cells of this unit: a row divided over several units gets a stamp with each of them.
      for cell in change.cells {
        guard let version = state.cells[cell.name]?.origin.version, old.contains(version) else { continue }
        state.cells[cell.name]?.origin.version = new
        if new < version { moved.isLowered = true }
      }
      if state != stored.state { try saveMetadata(state, shape: shape, key: change.key, scope: stored.scope) }
    }
    return moved
  }

  /// Effects that only the whole feed can correct: a write of another replica that should stand now has lost here.
  struct Moved {
    /// True when a cell or a deletion has a lower version than before.
    var isLowered = false
    /// True when a living row's birth has a later version. The feed may have an earlier birth by somebody else.
    var isBornLater = false
  }
}
