internal import Foundation
package import SyncCore

/// Order of units as they are sealed: issues stamps. A hub also gives positions in the scope's feed.
package protocol UnitOrder: AnyObject {
  func issue(wallMs: UInt64, scope: String) throws -> HybridTimestamp
  /// Returns the position that the scope's next unit will get; 0 on a field replica, which gives none.
  func nextPosition(scope: String) throws -> UInt64
  /// Takes that position, and the following ones when a unit had to be divided.
  func place(_ parts: Int, scope: String) throws
}

/// Order of a field replica: one clock, no positions.
package final class FieldOrder: UnitOrder {
  package private(set) var clock: HybridClock
  package init(clock: HybridClock) { self.clock = clock }
  package func issue(wallMs: UInt64, scope: String) -> HybridTimestamp { clock.issue(wallMs: wallMs) }
  package func nextPosition(scope: String) -> UInt64 { 0 }
  package func place(_ parts: Int, scope: String) {}
}

/// Turns the capture log into change units, in the caller's transaction: issues versions, reads values, writes metadata, and
/// empties the log. The caller stores the units: a field replica in its outbox, a hub in its journal.
package struct Sealer {
  let rows: RowStore
  let replica: ReplicaID
  private var session: any SQLSession { rows.session }

  /// Log entries read at a time.
  package static let entriesMax = 200_000

  package init(rows: RowStore, replica: ReplicaID) {
    self.rows = rows
    self.replica = replica
  }

  package struct Sealed {
    /// Units by scope, in order of their stamps.
    package var units: [String: [ChangeUnit]] = [:]
    /// Log entries taken, and the row changes that they became.
    package var entries = 0
    package var changes = 0
  }

  /// Seals the log's entries, at most `entriesMax`.
  ///
  /// - Parameters:
  ///   - tables: Shapes by table number.
  ///   - order: Issues stamps, and at a hub positions.
  ///   - nowMs: Wall time now, in milliseconds.
  ///   - offsetMs: Milliseconds to add to a captured wall time to get hub time.
  package func sealPending(tables: [Int: TableShape], order: any UnitOrder, nowMs: UInt64, offsetMs: Int64) throws -> Sealed {
    var sealed = Sealed()
    let log = try session.rows(
      "SELECT seq, txn, tbl, op, key, scope, mask, extra FROM sync_pending ORDER BY seq LIMIT ?1", [.integer(Int64(Self.entriesMax))])
    var byScope: [String: [PendingEntry]] = [:]
    for line in log {
      guard let seq = line[0].integer, let tag = line[1].integer, let table = line[2].integer, let code = line[3].integer,
        let operation = CaptureOperation(rawValue: code), let scope = line[5].text, let mask = line[6].integer
      else { continue }
      byScope[scope, default: []].append(
        PendingEntry(
          seq: seq, tag: tag, table: Int(table), operation: operation, key: line[4], mask: mask,
          extra: try line[7].blob.map(PendingExtra.init) ?? PendingExtra()))
    }
    let latest = Self.corrected(nowMs, by: offsetMs)
    for scope in byScope.keys.sorted() {
      for pending in UnitJoiner.units(of: byScope[scope] ?? []) {
        let stamp = try order.issue(wallMs: min(Self.corrected(pending.wallMs, by: offsetMs), latest), scope: scope)
        let origin = Origin(version: Version(stamp, replica), position: try order.nextPosition(scope: scope))
        let changes = try pending.rows.compactMap { row -> RowChange? in
          guard let shape = tables[row.table] else { return nil }
          return try change(for: row, shape: shape, origin: origin, scope: scope)
        }
        if !changes.isEmpty {
          sealed.changes += changes.count
          let parts = UnitCutting.cut(ChangeUnit(stamp: stamp, changes: changes))
          try order.place(parts.count, scope: scope)
          sealed.units[scope, default: []] += parts
        }
      }
    }
    sealed.entries = log.count
    if let last = log.last?[0] { try session.execute("DELETE FROM sync_pending WHERE seq <= ?1", [last]) }
    return sealed
  }

  /// Returns hub time as well as the device knows it; never before 1970.
  package static func corrected(_ wallMs: UInt64, by offsetMs: Int64) -> UInt64 {
    let sum = Int64(clamping: wallMs).addingReportingOverflow(offsetMs)
    return sum.overflow ? wallMs : UInt64(max(0, sum.partialValue))
  }

  /// Returns the change that a row's writes amount to, after writing its metadata; nil for a row born and deleted before it was
  /// sealed.
  private func change(for row: PendingRow, shape: TableShape, origin: Origin, scope: String) throws -> RowChange? {
    let (values, stored) = try rows.standing(shape, key: row.key, in: scope)
    let before = stored?.state ?? .unknown
    // Skips a row that was born and deleted in this scope and born again in another, all unsealed.
    if let stored, stored.scope != scope { return nil }
    guard let values, shape.isOf(scope, values) else {
      guard before.isAlive else { return nil }
      return try record(RowChange(table: shape.name, key: row.key, life: before.life + 1, cells: []), shape, origin, scope, before)
    }
    let isSameLife = before.isAlive && !row.wasDeleted
    let life = isSameLife ? before.life : before.isAlive ? before.life + 2 : before.life + 1
    let writing = CellWriting(row: row, shape: shape, before: before, isSameLife: isSameLife)
    var cells: [CellChange] = []
    cells.reserveCapacity(shape.columns.count)
    for (place, value) in values.enumerated() { writing.appendCells(at: place, value: value, to: &cells) }
    if shape.hasPartColumns { try settle(writing, values) }
    guard !isSameLife || !cells.isEmpty else { return nil }
    let change = RowChange(table: shape.name, key: row.key, life: life, cells: cells)
    if stored == nil, try rows.recordNew(change, origin: origin, shape: shape, scope: scope) { return change }
    return try record(change, shape, origin, scope, before)
  }

  /// Rewrites a `perKey` column as every replica will show it: in canonical spelling. An object that never had a member becomes the
  /// column's default.
  private func settle(_ writing: CellWriting, _ values: [CellValue]) throws {
    let (row, shape) = (writing.row, writing.shape)
    for (column, value) in zip(shape.columns, values) where shape.policy(of: column) == .perKey {
      let noted = row.extra.members[column.id]
      guard noted != nil || row.wasInserted || row.mask >> Int64(column.id) & 1 == 1, let members = CellParts.members(of: value) else {
        continue
      }
      let hadMembers = writing.isSameLife && (noted != nil || writing.before.cells.keys.contains { $0.column == column.name })
      let shown = members.isEmpty && !hadMembers ? column.defaultValue ?? .null : CellParts.object(members.map { ($0, $1) })
      if shown != value {
        try session.execute(
          "UPDATE \(quote(shape.name)) SET \(quote(column.name)) = ?2 WHERE \(quote(shape.keyColumn)) = ?1", [row.key, shown])
      }
    }
  }

  /// Writes the record of a row whose values stand already.
  package func record(
    _ change: RowChange, _ shape: TableShape, _ origin: Origin, _ scope: String, _ before: RowState
  ) throws -> RowChange {
    let incoming = IncomingChange(life: change.life, cells: change.cells, origin: origin, seenThrough: .max)
    let outcome = Merge.join(before, incoming, policies: try rows.policies(shape))
    try rows.saveMetadata(outcome.state, shape: shape, key: change.key, scope: scope)
    return change
  }

}
