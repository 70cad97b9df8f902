internal import Foundation
internal import SyncCore
internal import SyncStore

/// Progress of fetching a scope as a snapshot.
struct SnapshotCursor {
  let session: any SQLSession

  /// Returns the continuation to ask the hub for; empty when no snapshot was begun.
  func next(scope: String) throws -> Data { try StateStore(session: session).value(Self.name(scope)).blob ?? Data() }

  func set(_ next: Data, scope: String) throws {
    if next.isEmpty {
      try session.execute("DELETE FROM sync_state WHERE name = ?1", [.text(Self.name(scope))])
    } else {
      try StateStore(session: session).set(Self.name(scope), .blob(next))
    }
  }

  private static func name(_ scope: String) -> String { "snapshot/" + scope }
}

extension PageApplier {
  /// Applies a page of a snapshot: within its ranges the scope becomes what the page says. The device's own units that the hub had
  /// not merged when the snapshot began are merged on top.
  ///
  /// - Returns: On the last page of a scope of which this store had rows, the notice.
  /// - Throws: As for a page of the feed.
  func apply(_ page: SnapshotContent, clock: inout HybridClock) throws -> SyncNotice? {
    // Ignores positions of an ended incarnation.
    let isSameLife = try state.value("life/" + page.scope).blob ?? page.incarnation == page.incarnation
    let before = UInt64(max(0, try state.integer("position/" + page.scope)))
    let position = isSameLife ? before : 0
    var own = OwnUnits(session: rows.session, scope: page.scope)
    let acknowledged = page.acknowledgements.filter { isOwn($0, scope: page.scope) && $0.position > position }
    try checkOwn(acknowledged, scope: page.scope)
    for unit in acknowledged { try acknowledge(unit, scope: page.scope, own: &own) }
    try own.save()
    if try replaceRows(of: page, clock: &clock) {
      try Self.beginAnew(in: rows.session)
      return nil
    }
    try state.set("atHead", .integer(0))
    try state.set("agreement", .text(Agreement.outstanding.stored))
    try SnapshotCursor(session: rows.session).set(page.next, scope: page.scope)
    guard page.next.isEmpty else { return nil }
    try state.set("position/" + page.scope, .integer(Int64(clamping: max(page.position, position))))
    try state.set("life/" + page.scope, .blob(page.incarnation))
    try state.set("cursor", .blob(page.cursor))
    return before == 0 ? nil : try notice(of: page)
  }

  private func notice(of page: SnapshotContent) throws -> SyncNotice {
    let notice = SyncNotice(
      kind: .rebased, atMs: page.hubTimeMs,
      explanation: LocalizedText(
        vi: "Máy này đã lâu không đồng bộ: dữ liệu của \(page.scope) được tải lại trọn gói; việc chưa gửi của máy còn nguyên.",
        en: "This device had not synced for long: all of \(page.scope) was fetched anew; its own unsent work is intact."))
    try notice.save(in: rows.session)
    return notice
  }

  private struct RowName: Hashable {
    var table: String
    var key: CellValue
  }

  /// Replaces the rows in the page's ranges.
  ///
  /// - Returns: Whether the feed must be fetched from its beginning: a row that was left out can stand now.
  private func replaceRows(of page: SnapshotContent, clock: inout HybridClock) throws -> Bool {
    var beginsAnew = false
    let own = try unacknowledged(scope: page.scope)
    var coming: [String: [CellValue: Coming]] = [:]
    for row in page.rows {
      let shape = try rows.shapeOrUnknown(row.table)
      var known = Coming(
        state: row.state, change: RowChange(table: row.table, key: row.key, life: row.state.life, cells: row.state.changes))
      let kept = try rows.prepare(known.change, shape, rules: page.rules[row.table] ?? [:])
      if kept.count < known.change.cells.count {
        let names = Set(kept.map(\.name))
        for name in row.state.cells.keys where !names.contains(name) {
          known.state.cells[name] = nil
          try state.set("\(Self.skippedPrefix)\(row.table)/\(name.column)", .integer(1))
        }
        known.change.cells = kept
      }
      coming[row.table, default: [:]][row.key] = known
    }
    for range in page.ranges {
      let shape = try rows.shapeOrUnknown(range.table)
      let policies = try rows.policies(shape)
      for (key, scope) in try rows.keys(of: shape, after: range.after, through: range.through) {
        let replacement = coming[range.table]?.removeValue(forKey: key)
        let isOther = !scope.utf8.elementsEqual(page.scope.utf8)
        if isOther {
          guard let replacement,
            case .here = try rows.room(forLiving: replacement.state.isAlive, of: page.scope, shape, key: key)
          else { continue }
        }
        let before = try rows.load(shape, key: key, in: scope)?.state ?? .unknown
        let after = join(own[RowName(table: range.table, key: key)] ?? [], onto: replacement?.state ?? .unknown, shape, policies)
        if after == .unknown {
          try rows.forget(shape, key: key, in: scope)
        } else {
          try rows.replace(before, with: after, shape: shape, key: key, scope: page.scope)
        }
        if !after.isAlive, try rows.giveWay(shape, key: key) { beginsAnew = true }
      }
    }
    for (table, ofTable) in coming {
      let shape = try rows.shapeOrUnknown(table)
      let policies = try rows.policies(shape)
      // Writes rows that are new here, and the rest of a row that the page before began.
      for (key, coming) in ofTable {
        let state = coming.state
        let stored = try rows.load(shape, key: key, in: page.scope)
        if let stored, stored.scope != page.scope { continue }
        let isOwn = own[RowName(table: table, key: key)] != nil
        if stored == nil, !isOwn, let origin = state.soleOrigin {
          if try rows.saveNew(coming.change, origin: origin, shape: shape, scope: page.scope) { continue }
        }
        let before = stored?.state ?? .unknown
        let merged = before == .unknown ? state : Self.join(state, onto: before, policies)
        let after = join(own[RowName(table: table, key: key)] ?? [], onto: merged, shape, policies)
        try rows.replace(before, with: after, shape: shape, key: key, scope: page.scope)
      }
    }
    var newest: UInt64 = 0
    for row in page.rows {
      if let birth = row.state.lifeOrigin { clock.receive(birth.version.timestamp) }
      for cell in row.state.cells.values { newest = max(newest, cell.origin.version.timestamp.rawValue) }
    }
    clock.receive(HybridTimestamp(rawValue: newest))
    try state.set("hubStamp", .integer(Int64(bitPattern: max(newest, UInt64(bitPattern: try state.integer("hubStamp"))))))
    return beginsAnew
  }

  /// Joins one state into another, write by write.
  private static func join(_ state: RowState, onto before: RowState, _ policies: MergePolicies) -> RowState {
    var joined = before
    let writes = Dictionary(grouping: state.cells, by: \.value.origin)
    for origin in Set(writes.keys).union([state.lifeOrigin].compactMap { $0 }) {
      let cells = (writes[origin] ?? []).map {
        CellChange($0.key.column, $0.value.value, part: $0.key.part, generation: $0.value.generation)
      }
      let change = IncomingChange(life: state.life, cells: cells, origin: origin, seenThrough: .max)
      joined = Merge.join(joined, change, policies: policies).state
    }
    return joined
  }

  private func join(_ changes: [OwnChange], onto before: RowState, _ shape: TableShape, _ policies: MergePolicies) -> RowState {
    changes.reduce(before) { state, own in
      // Skips an edit of a row whose birth was declined: when the key is another scope's, only the feed tells that the row is
      // deleted.
      let isBirth = own.change.cells.contains { $0.column == shape.declaration.scopeColumn }
      if shape.isKnown && own.change.isAlive && !isBirth && state.life < own.change.life { return state }
      return Merge.join(
        state, IncomingChange(life: own.change.life, cells: own.change.cells, origin: own.origin, seenThrough: .max),
        policies: policies
      ).state
    }
  }

  /// Row of a page, as far as it can be merged here.
  private struct Coming {
    var state: RowState
    /// Cells of the row as one write.
    var change: RowChange
  }

  private struct OwnChange {
    var change: RowChange
    var origin: Origin
  }

  /// Returns this store's sealed changes that the hub's feed has not acknowledged, by row, in the order of sealing.
  private func unacknowledged(scope: String) throws -> [RowName: [OwnChange]] {
    var changes: [RowName: [OwnChange]] = [:]
    for entry in try outbox.unacknowledged() where entry.scope.utf8.elementsEqual(scope.utf8) {
      guard let content = try outbox.content(scope: scope, number: entry.number) else { continue }
      let stamps = try Acknowledgements(session: rows.session).stamps(of: content)
      for (index, unit) in content.units.enumerated() where !stamps.isAcknowledged(index) {
        let origin = Origin(version: Version(stamps[index], content.replica), position: 0)
        for change in unit.changes {
          changes[RowName(table: change.table, key: change.key), default: []].append(OwnChange(change: change, origin: origin))
        }
      }
    }
    return changes
  }
}
