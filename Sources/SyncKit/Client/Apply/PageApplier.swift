internal import Foundation
internal import SyncCore
internal import SyncStore

/// Applies feed pages to a field store, in the caller's transaction, which has sealed everything pending first (L4a).
struct PageApplier {
  let rows: RowStore
  let outbox: Outbox
  let lineage: IdentityHistory
  var state: StateStore { StateStore(session: rows.session) }

  struct Applied {
    var units = 0
    var acknowledged = 0
    /// Tables, and columns as `table/column`, that this version does not know and whose merge policy the hub does not state.
    var skipped: Set<String> = []
    /// True when the feed must be fetched from its beginning: a row that was left out can stand now.
    var beginsAnew = false
    /// Notices, saved already.
    var notices: [SyncNotice] = []
  }

  /// Applies a page.
  ///
  /// - Throws: `SyncError` `.badCursor` when the page does not follow what was applied, `.fork` when it acknowledges a batch that
  ///   this store never made; nothing changes then.
  func apply(_ page: PageContent, after asked: Data? = nil, clock: inout HybridClock) throws -> Applied {
    var applied = Applied()
    let cursor = try state.value("cursor").blob ?? Data()
    let isStale = asked.map { $0 != cursor } ?? false
    // Ignores a stale page: another process moved the cursor, and will fetch the same units.
    if isStale { return applied }
    var own = OwnUnits(session: rows.session, scope: page.scope)
    if !page.scope.isEmpty, let first = page.units.first, let last = page.units.last {
      let position = try lastPosition(page, first: first.position)
      guard first.position <= position + 1 else {
        throw SyncError(
          .badCursor, vi: "Trang dữ liệu bỏ cách quãng; sẽ hỏi lại từ đầu.", en: "The feed page leaves a gap; ask again from the cursor.",
          expected: position + 1)
      }
      try checkOwn(page.units.filter { isOwn($0, scope: page.scope) && $0.position > position }, scope: page.scope)
      var before = HybridTimestamp(rawValue: UInt64(bitPattern: try state.integer("newest/" + page.scope)))
      for unit in page.units where unit.position > position {
        try apply(unit, scope: page.scope, rules: page.rules, after: before, applied: &applied, own: &own)
        clock.receive(unit.stamp)
        before = max(before, unit.stamp)
      }
      try state.set("newest/" + page.scope, .integer(Int64(bitPattern: before.rawValue)))
      if !own.fallen.isEmpty || own.isBornLater { applied.beginsAnew = true }
      try own.save()
      let newest = page.units.map(\.stamp.rawValue).max() ?? 0
      try state.set("hubStamp", .integer(Int64(bitPattern: max(newest, UInt64(bitPattern: try state.integer("hubStamp"))))))
      if last.position > position { try state.set("position/" + page.scope, .integer(Int64(last.position))) }
      try state.set("life/" + page.scope, .blob(page.incarnation))
    }
    for name in applied.skipped { try state.set(Self.skippedPrefix + name, .integer(1)) }
    if applied.beginsAnew {
      try Self.beginAnew(in: rows.session)
      try state.set("agreement", .text(Agreement.outstanding.stored))
      return applied
    }
    try state.set("cursor", .blob(page.cursor))
    try state.set("atHead", .integer(page.isHead ? 1 : 0))
    if page.isHead, try outbox.isAcknowledged() {
      clock.setBack(to: HybridTimestamp(rawValue: UInt64(bitPattern: try state.integer("hubStamp"))))
    }
    let outcome = try compare(page)
    try state.set("agreement", .text(outcome.agreement.stored))
    if !outcome.different.isEmpty { try state.set("different", .blob(try AgreementReport.bytes(of: outcome.different))) }
    return applied
  }

  private func compare(_ page: PageContent) throws -> AgreementCheck.Outcome {
    guard page.isHead else { return AgreementCheck.Outcome() }
    let names = try state.session.rows(
      "SELECT name FROM sync_state WHERE substr(name, 1, ?1) = ?2", [.integer(Int64(Self.skippedPrefix.count)), .text(Self.skippedPrefix)])
    let skipped = names.compactMap { $0[0].text?.dropFirst(Self.skippedPrefix.count).prefix { $0 != "/" } }
    let shapes = Dictionary(uniqueKeysWithValues: rows.all.map { ($0.name, $0) })
    return try AgreementCheck(rows: rows, outbox: outbox, shapes: shapes).compare(page, skipped: Set(skipped.map(String.init)))
  }

  /// Returns the last applied position of the page's scope. After a change of incarnation the page's first position counts, because
  /// positions of an ended incarnation do not apply to the next.
  private func lastPosition(_ page: PageContent, first: UInt64) throws -> UInt64 {
    let position = UInt64(max(0, try state.integer("position/" + page.scope)))
    guard let life = try state.value("life/" + page.scope).blob, life != page.incarnation, first >= 1, position > first - 1 else {
      return position
    }
    try state.set("position/" + page.scope, .integer(Int64(first - 1)))
    try Acknowledgements(session: rows.session).lose(scope: page.scope, after: first - 1)
    return first - 1
  }

  func isOwn(_ unit: FeedUnit, scope: String) -> Bool { lineage.isOwn(unit.author, scope: scope, number: unit.batchNumber) }

  /// Throws when an own batch in the feed is not in the outbox: a copy of this store made it, or this store before it was restored.
  /// Its changes are missing here, and the feed does not repeat them to their author (L8).
  func checkOwn(_ units: [FeedUnit], scope: String) throws {
    var hashes: [UInt64: Data] = [:]
    for unit in units where hashes[unit.batchNumber] == nil {
      hashes[unit.batchNumber] = try outbox.hash(scope: scope, number: unit.batchNumber)
    }
    if let first = units.filter({ hashes[$0.batchNumber] != $0.batchHash }).map(\.batchNumber).min() {
      throw SyncError.fork(first, scope: scope)
    }
  }

  private func apply(
    _ unit: FeedUnit, scope: String, rules: [String: MergePolicies], after newest: HybridTimestamp, applied: inout Applied,
    own: inout OwnUnits
  ) throws {
    if isOwn(unit, scope: scope) {
      try acknowledge(unit, scope: scope, after: newest, own: &own)
      applied.acknowledged += 1
      return
    }
    applied.units += 1
    let origin = Origin(version: Version(unit.stamp, unit.author), position: 0)
    for change in unit.changes {
      // Leaves out what cannot be merged: the hub does not state how unknown columns merge.
      let said = rules[change.table] ?? [:]
      guard rows.shape(change.table) != nil || change.cells.allSatisfy({ MergePolicy(of: $0, said: said[$0.column]) != nil }) else {
        applied.skipped.insert(change.table)
        continue
      }
      let shape = try rows.shapeOrUnknown(change.table)
      let cells = try rows.prepare(change, shape, rules: said)
      if cells.count < change.cells.count {
        applied.skipped.formUnion(Set(change.cells.map(\.column)).subtracting(cells.map(\.column)).map { "\(change.table)/\($0)" })
      }
      guard case .here(let stored) = try rows.room(forLiving: change.isAlive, of: scope, shape, key: change.key) else { continue }
      if stored == nil, cells.count == change.cells.count, try rows.saveNew(change, origin: origin, shape: shape, scope: scope) { continue }
      let before = stored?.state ?? .unknown
      let incoming = IncomingChange(life: change.life, cells: cells, origin: origin, seenThrough: .max)
      let outcome = Merge.join(before, incoming, policies: try rows.policies(shape))
      if outcome.changed || outcome.state != before {
        try rows.save(outcome, over: before, shape: shape, key: change.key, scope: scope)
        if !outcome.state.isAlive, try rows.giveWay(shape, key: change.key) { applied.beginsAnew = true }
      }
    }
  }

  /// Applies the acknowledgement of an own unit: when the hub gave another stamp, the unit's cells take it (L8).
  ///
  /// - Parameter newest: Newest stamp that the scope's feed had before the unit.
  func acknowledge(_ unit: FeedUnit, scope: String, after newest: HybridTimestamp? = nil, own: inout OwnUnits) throws {
    guard let (sealed, old, new, born, isFirst) = try own.acknowledge(unit, in: outbox) else { return }
    try outbox.release(scope: scope, number: unit.batchNumber, unit: unit.index, changes: sealed.changes.count)
    func version(_ stamp: HybridTimestamp) -> Version { Version(stamp, unit.author) }
    let moved = try rows.move(
      sealed.changes, from: Set(old.map(version)), to: version(new), born: version(unit.isDeclined ? new : born), scope: scope)
    if old.allSatisfy({ $0 < new }) && !unit.isDeclined { try raise(sealed.changes, to: version(new), scope: scope, own: &own) }
    let place = OwnUnits.Place(number: unit.batchNumber, unit: unit.index)
    // Clears the mark when the unit comes again with a stamp that it had before in the feed.
    if moved.isBornLater && isFirst && !unit.isDeclined { own.isBornLater = true }
    if moved.isLowered, let newest, unit.stamp < newest { own.fallen[place] = old.max() }
    if let before = own.fallen[place], before <= new { own.fallen[place] = nil }
  }

  /// Merges a unit again whose stamp has risen, because it may now win over another write. Its author's later writes are left
  /// alone: the hub will give them a higher stamp, too.
  private func raise(_ changes: [RowChange], to new: Version, scope: String, own: inout OwnUnits) throws {
    for change in changes {
      guard let shape = rows.shape(change.table), let stored = try rows.load(shape, key: change.key, in: scope), stored.scope == scope,
        stored.state.life == change.life
      else { continue }
      let cells = try change.cells.filter { cell in
        guard let standing = stored.state.cells[cell.name]?.origin.version, standing != new else { return false }
        return try !own.isWaiting(standing, in: outbox)
      }
      let incoming = IncomingChange(life: change.life, cells: cells, origin: Origin(version: new, position: 0), seenThrough: .max)
      let outcome = Merge.join(stored.state, incoming, policies: try rows.policies(shape))
      if outcome.state != stored.state { try rows.save(outcome, over: stored.state, shape: shape, key: change.key, scope: scope) }
    }
  }

  /// Own batches that one page acknowledges.
  struct OwnUnits {
    let session: any SQLSession
    let scope: String
    private var batches: [UInt64: (content: BatchContent, stamps: Acknowledgements.Stamps)] = [:]
    private var runs: [Acknowledgements.Run] = []
    private var waiting: [Version: Place]?
    /// Units whose stamp this page lowered, with the stamp before. A restored hub may give an earlier stamp than before. What
    /// should then win over the unit has lost here already.
    var fallen: [Place: HybridTimestamp] = [:]
    /// True when a birth moved to a later stamp; see `RowStore.Moved.isBornLater`.
    var isBornLater = false

    struct Place: Hashable {
      var number: UInt64
      var unit: Int
    }

    init(session: any SQLSession, scope: String) {
      self.session = session
      self.scope = scope
    }

    /// Records an acknowledgement.
    ///
    /// - Returns: The unit, the stamps that it may have in the rows, its stamp from now on, its first stamp, and whether the feed
    ///   never acknowledged it before; nil when its bytes are no longer in the outbox.
    mutating func acknowledge(
      _ unit: FeedUnit, in outbox: Outbox
    ) throws -> (ChangeUnit, old: Set<HybridTimestamp>, new: HybridTimestamp, born: HybridTimestamp, isFirst: Bool)? {
      note(unit)
      if batches[unit.batchNumber] == nil, let content = try outbox.content(scope: scope, number: unit.batchNumber) {
        batches[unit.batchNumber] = (content, try Acknowledgements(session: session).stamps(of: content))
      }
      guard let content = batches[unit.batchNumber]?.content, unit.index < content.units.count else { return nil }
      if unit.stamp != content.units[unit.index].stamp { runs[runs.count - 1].isRestamped = true }
      guard let before = batches[unit.batchNumber]?.stamps else { return nil }
      batches[unit.batchNumber]?.stamps.acknowledge(unit.index, as: unit.stamp)
      guard let stamps = batches[unit.batchNumber]?.stamps else { return nil }
      return (
        content.units[unit.index], before.carried(unit.index), stamps[unit.index], stamps.first(unit.index),
        !before.wasAcknowledged(unit.index)
      )
    }

    /// Returns whether a version is of a unit that is not acknowledged yet.
    mutating func isWaiting(_ version: Version, in outbox: Outbox) throws -> Bool {
      let waiting = try self.waiting ?? unacknowledged(in: outbox)
      self.waiting = waiting
      guard let place = waiting[version] else { return false }
      return batches[place.number]?.stamps.isAcknowledged(place.unit) != true
    }

    /// Returns, by version, the units that had not been acknowledged before this page.
    private func unacknowledged(in outbox: Outbox) throws -> [Version: Place] {
      var places: [Version: Place] = [:]
      for entry in try outbox.unacknowledged() where entry.scope == scope {
        guard let content = try outbox.content(scope: scope, number: entry.number) else { continue }
        let stamps = try Acknowledgements(session: session).stamps(of: content)
        for unit in content.units.indices where !stamps.isAcknowledged(unit) {
          for stamp in stamps.carried(unit) { places[Version(stamp, content.replica)] = Place(number: entry.number, unit: unit) }
        }
      }
      return places
    }

    private mutating func note(_ unit: FeedUnit) {
      if let last = runs.last, last.number == unit.batchNumber, last.firstUnit + last.stamps.count == unit.index,
        last.position + UInt64(last.stamps.count) == unit.position
      {
        runs[runs.count - 1].stamps.append(unit.stamp)
      } else {
        runs.append(
          Acknowledgements.Run(number: unit.batchNumber, firstUnit: unit.index, position: unit.position, stamps: [unit.stamp]))
      }
    }

    func save() throws {
      for run in runs { try Acknowledgements(session: session).save(run, scope: scope) }
    }
  }

  // MARK: After an upgrade

  static let skippedPrefix = "skipped/"

  /// Requests the whole feed again when this program knows a table or column that an earlier one left out. Merging again what is
  /// here has no effect. Until then the device's cursor is empty, because it has not seen those values.
  static func fetchAgain(for shapes: some Sequence<TableShape>, in session: any SQLSession) throws {
    let names = try session.rows(
      "SELECT name FROM sync_state WHERE substr(name, 1, ?1) = ?2",
      [
        .integer(Int64(skippedPrefix.count)), .text(skippedPrefix),
      ]
    ).compactMap { $0[0].text }
    guard !names.isEmpty else { return }
    let known = Set(shapes.flatMap { shape in [shape.name] + shape.columns.map { "\(shape.name)/\($0.name)" } }.map { skippedPrefix + $0 })
    guard names.contains(where: known.contains) else { return }
    for name in names where known.contains(name) { try session.execute("DELETE FROM sync_state WHERE name = ?1", [.text(name)]) }
    try beginAnew(in: session)
  }

  /// Deletes the cursor: the next page is the feed's first. Merging again what is here has no effect.
  ///
  /// Without a cursor the hub cannot notice that it was restored, so the next exchange shows it signed pages instead.
  static func beginAnew(in session: any SQLSession) throws {
    try session.execute("DELETE FROM sync_state WHERE name IN ('cursor', 'atHead') OR substr(name, 1, 9) IN ('position/', 'snapshot/')")
    try session.execute("UPDATE sync_outbox SET acknowledged = 0")
    try session.execute("UPDATE sync_ack SET lost = 1")
    try StateStore(session: session).set("placeForgotten", .integer(1))
  }
}

/// Rows of two scopes under one key. A device that reads both scopes shows its own row until the hub declines it, and the other row
/// from then on, never a mixture.
extension RowStore {
  private func foreignMark(_ shape: TableShape, _ key: CellValue) -> String {
    var data = Data("\(shape.name)\0".utf8)
    key.append(to: &data)
    return "foreign/" + data.sha256.prefix(16).hex
  }

  /// Availability of a key for a row of one scope.
  enum Room {
    /// Free for the scope, with what is known of its row.
    case here(Stored?)
    /// Taken by another scope's row here.
    case taken
  }

  /// Returns whether a row of a scope can be stored under a key. A living row of another scope blocks the key while it lives. A
  /// deleted one does not: only the key's rightful scope has living rows in its feed, and other scopes were told that theirs was
  /// declined.
  ///
  /// - Parameter isAlive: True when the row that arrives is alive.
  func room(forLiving isAlive: Bool, of scope: String, _ shape: TableShape, key: CellValue) throws -> Room {
    let stored = try load(shape, key: key, in: scope)
    guard let stored, stored.scope != scope else { return .here(stored) }
    guard isAlive else { return .taken }
    if stored.state.isAlive {
      try noteForeign(shape, key: key)
      return .taken
    }
    try forget(shape, key: key, in: scope)
    return .here(nil)
  }

  /// Records that another scope has a row of a key that this store has in its own.
  private func noteForeign(_ shape: TableShape, key: CellValue) throws {
    try StateStore(session: session).set(foreignMark(shape, key), .integer(1))
  }

  /// Deletes the record of a dead row, if another scope has a row of its key.
  func giveWay(_ shape: TableShape, key: CellValue) throws -> Bool {
    let mark = CellValue.text(foreignMark(shape, key))
    guard try session.firstRow("SELECT 1 FROM sync_state WHERE name = ?1", [mark]) != nil else { return false }
    try session.execute("DELETE FROM sync_state WHERE name = ?1", [mark])
    try session.execute("DELETE FROM \(quote(shape.metadataTable)) WHERE key = ?1", [key])
    return true
  }
}
