internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Restored units that wait for the birth of a row, or for a key that another scope has taken.
extension RestoredUnits {
  /// Keeps a unit until the rows that it writes to have been restored: until then their scope is unknown.
  func wait(for unit: FeedUnit, scope: String, _ history: CursorTranslator.OldPlace, source: Int64) throws {
    try session.execute(
      """
      INSERT INTO hub_returned_waiting (hash, unit, stamp, source, scope, branch, old_position, base)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING
      """,
      [
        .blob(unit.batchHash), .integer(Int64(unit.index)), .integer(Int64(bitPattern: unit.stamp.rawValue)), .integer(source),
        .text(scope), .blob(history.branch), .integer(Int64(clamping: unit.position)), .integer(Int64(clamping: history.base)),
      ])
  }

  /// Merges waiting units whose rows have been restored, until no more can be merged.
  func mergeWaiting() throws {
    while try mergeWaitingOnce() {}
  }

  private func mergeWaitingOnce() throws -> Bool {
    var (any, opened) = (false, OpenedBatch())
    for row in try session.rows(
      """
      SELECT w.hash, w.unit, w.stamp, w.source, w.scope, w.branch, w.old_position, w.base, b.first_unit,
        EXISTS (SELECT 1 FROM hub_returned r WHERE r.hash = w.hash AND r.unit = w.unit AND r.stamp = w.stamp AND r.position IS NOT NULL)
      FROM hub_returned_waiting w JOIN hub_returned_batch b ON b.id = -w.source ORDER BY w.scope, w.old_position
      """)
    {
      guard let hash = row[0].blob, let index = row[1].integer, let stamp = row[2].integer, let source = row[3].integer,
        let scope = row[4].text, let branch = row[5].blob, let position = row[6].integer, let base = row[7].integer,
        let first = row[8].integer
      else { throw ByteReader.short }
      if row[9].integer == 0 {
        guard let content = try opened.batch(-source, in: session, table: "hub_returned_batch")?.content,
          content.units.indices.contains(Int(index - first))
        else { throw ByteReader.short }
        let changes = content.units[Int(index - first)].changes
        if let hold = try obstacle(to: changes, scope: scope) {
          if hold.reason == .scope {
            let stamp = HybridTimestamp(rawValue: UInt64(bitPattern: stamp))
            try endOnDevices(changes, Version(stamp, content.replica), scope: scope)
          }
          continue
        }
        let unit = FeedUnit(
          position: UInt64(max(0, position)), author: content.replica, batchNumber: content.number, batchHash: hash, index: Int(index),
          stamp: HybridTimestamp(rawValue: UInt64(bitPattern: stamp)), changes: changes, authorCursor: content.cursor)
        let history = CursorTranslator.OldPlace(branch: branch, base: UInt64(max(0, base)))
        let new = try merge(unit, changes: changes, rules: content.rules, on: history, scope: scope, source: source)
        try setPosition(new, hash: hash, unit: unit.index, stamp: unit.stamp)
        try IncarnationTable(session: session).count(unitsBack: 1)
        any = true
      }
      try session.execute("DELETE FROM hub_returned_waiting WHERE hash = ?1 AND unit = ?2 AND stamp = ?3", Array(row[0...2]))
    }
    return any
  }

  /// Returns why changes cannot be merged: the hub does not know a row and the change does not carry its scope, or another scope's
  /// row has taken the key since the restore.
  func obstacle(to changes: [RowChange], scope: String) throws -> UnitCheck.Hold? {
    for change in changes where change.isAlive {
      guard let shape = transaction.rows.shape(change.table) else { continue }
      let stored = try transaction.rows.load(shape, key: change.key, in: scope)
      let isElsewhere = try transaction.rows.standsElsewhere(shape, key: change.key, than: scope)
      if isElsewhere || stored.map({ $0.scope != scope }) ?? false { return UnitCheck.Hold(reason: .scope, detail: change.table) }
      let isBirth = change.cells.contains { $0.column == shape.declaration.scopeColumn }
      if !isBirth, (stored?.state.life ?? 0) < change.life { return UnitCheck.Hold(reason: .incomplete, detail: change.table) }
    }
    return nil
  }

  /// Deletes a unit's rows on devices, because another scope's row has taken the key. Nobody may ever send the unit again, so
  /// devices would otherwise show rows for ever that the hub cannot have. Done once for each unit.
  func endOnDevices(_ changes: [RowChange], _ version: Version, scope: String) throws {
    guard let first = changes.first(where: \.isAlive) else { return }
    let isSaid = try session.firstRow(
      """
      SELECT 1 FROM sync_conflict WHERE scope = ?1 AND tbl = ?2 AND row_key = ?3 AND rule = 'declined' AND losing_stamp = ?4
        AND losing_replica = ?5
      """,
      [
        .text(scope), .text(first.table), first.key, .integer(Int64(bitPattern: version.timestamp.rawValue)), .blob(version.replica.bytes),
      ])
    if isSaid == nil { try HeldUnits(transaction: transaction).endOnDevices(changes, version, scope: scope) }
  }
}
