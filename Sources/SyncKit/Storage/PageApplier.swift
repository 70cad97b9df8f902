internal import Foundation

/// Applies a feed page to a field store, in the caller's transaction, which has sealed everything pending first (L4a).
struct PageApplier {
  let rows: RowStore
  let outbox: Outbox
  let key: SigningKey
  private var state: StateStore { StateStore(session: rows.session) }

  struct Applied {
    var units = 0
    var acknowledged = 0
    /// Tables, and columns as `table/column`, that this version does not know.
    var skipped: Set<String> = []
  }

  /// - Throws: `SyncError` `.badCursor` when the page does not follow what was applied, `.fork` when it acknowledges a batch
  ///   this store never made; nothing changes.
  func apply(_ page: PageContent, after asked: Data? = nil, clock: inout HybridClock) throws -> Applied {
    var applied = Applied()
    let cursor = try state.value("cursor").blob ?? Data()
    let isStale = asked.map { $0 != cursor } ?? false
    var own: [UInt64: BatchContent] = [:]
    if !page.scope.isEmpty, let first = page.units.first, let last = page.units.last {
      let position = UInt64(max(0, try state.integer("position/" + page.scope)))
      guard first.position <= position + 1 else {
        throw SyncError(
          .badCursor, vi: "Trang dữ liệu bỏ cách quãng; sẽ hỏi lại từ đầu.", en: "The feed page leaves a gap; ask again from the cursor.",
          expected: position + 1)
      }
      try checkOwn(page.units.filter { $0.author == key.replica && $0.position > position }, scope: page.scope)
      for unit in page.units where unit.position > position {
        try apply(unit, scope: page.scope, applied: &applied, own: &own)
        clock.receive(unit.stamp)
      }
      let newest = page.units.map(\.stamp.rawValue).max() ?? 0
      try state.set("hubStamp", .integer(Int64(bitPattern: max(newest, UInt64(bitPattern: try state.integer("hubStamp"))))))
      if last.position > position { try state.set("position/" + page.scope, .integer(Int64(last.position))) }
    }
    for name in applied.skipped { try state.set(Self.skippedPrefix + name, .integer(1)) }
    if isStale { return applied }
    try state.set("cursor", .blob(page.cursor))
    try state.set("atHead", .integer(page.isHead ? 1 : 0))
    if page.isHead, try outbox.isAcknowledged() {
      clock.setBack(to: HybridTimestamp(rawValue: UInt64(bitPattern: try state.integer("hubStamp"))))
    }
    try state.set("agreement", .text(try agreement(page).stored))
    return applied
  }

  private func agreement(_ page: PageContent) throws -> Agreement {
    guard page.isHead else { return .outstanding }
    let names = try state.session.rows(
      "SELECT name FROM sync_state WHERE substr(name, 1, ?1) = ?2", [.integer(Int64(Self.skippedPrefix.count)), .text(Self.skippedPrefix)])
    let skipped = names.compactMap { $0[0].text?.dropFirst(Self.skippedPrefix.count).prefix { $0 != "/" } }
    let shapes = Dictionary(uniqueKeysWithValues: rows.all.map { ($0.name, $0) })
    return try AgreementCheck(rows: rows, outbox: outbox, key: key, shapes: shapes).compare(page, skipped: Set(skipped.map(String.init)))
  }

  /// An own batch that is not in the outbox was made by a copy of this store, or by this one before it was restored: what it
  /// said is missing here, and the feed does not repeat it to its author (L8).
  private func checkOwn(_ units: [FeedUnit], scope: String) throws {
    var known: [UInt64: Data] = [:]
    for unit in units {
      if known[unit.batchNumber] == nil { known[unit.batchNumber] = try outbox.hash(scope: scope, number: unit.batchNumber) }
      guard known[unit.batchNumber] == unit.batchHash else { throw SyncError.fork(unit.batchNumber) }
    }
  }

  private func apply(_ unit: FeedUnit, scope: String, applied: inout Applied, own: inout [UInt64: BatchContent]) throws {
    if unit.author == key.replica {
      try acknowledge(unit, scope: scope, own: &own)
      applied.acknowledged += 1
      return
    }
    applied.units += 1
    let origin = Origin(version: Version(unit.stamp, unit.author), position: 0)
    for change in unit.changes {
      guard let shape = rows.shape(change.table) else {
        applied.skipped.insert(change.table)
        continue
      }
      let known = change.cells.filter { shape.column(named: $0.column) != nil }
      for cell in change.cells where shape.column(named: cell.column) == nil { applied.skipped.insert("\(change.table)/\(cell.column)") }
      let before = try rows.load(shape, key: change.key)?.state ?? .unknown
      let incoming = IncomingChange(life: change.life, cells: known, origin: origin, seenThrough: .max)
      let outcome = Merge.join(before, incoming, policies: shape.policies)
      if outcome.changed || outcome.state != before {
        try rows.save(outcome, over: before, shape: shape, key: change.key, scope: scope)
      }
    }
  }

  /// The hub merged an own unit: where it gave another stamp, the cells that still carry the old one take it (L8).
  private func acknowledge(_ unit: FeedUnit, scope: String, own: inout [UInt64: BatchContent]) throws {
    if own[unit.batchNumber] == nil { own[unit.batchNumber] = try outbox.content(scope: scope, number: unit.batchNumber, key: key) }
    let known = own[unit.batchNumber]?.units
    try outbox.acknowledge(
      scope: scope, number: unit.batchNumber, unit: unit.index,
      changes: known.flatMap { $0.indices.contains(unit.index) ? $0[unit.index].changes.count : nil })
    guard let content = own[unit.batchNumber], unit.index < content.units.count else { return }
    let sealed = content.units[unit.index]
    guard sealed.stamp != unit.stamp else { return }
    let old = Version(sealed.stamp, key.replica)
    let new = Origin(version: Version(unit.stamp, key.replica), position: 0)
    for change in sealed.changes {
      guard let shape = rows.shape(change.table), let stored = try rows.load(shape, key: change.key) else { continue }
      var state = stored.state
      if state.lifeOrigin?.version == old { state.lifeOrigin = new }
      // Only this unit's cells: a row cut over several units gets a stamp with each of them.
      for cell in change.cells where state.cells[cell.name]?.origin.version == old { state.cells[cell.name]?.origin = new }
      if state != stored.state { try rows.saveMetadata(state, shape: shape, key: change.key, scope: scope) }
    }
  }

  // MARK: After an upgrade

  private static let skippedPrefix = "skipped/"

  /// Asks for the whole feed once more when this program knows a table or column that an earlier one had to leave out:
  /// joining again what is here changes nothing. Until then the device says it has seen nothing, as it has not seen those.
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
    try session.execute("DELETE FROM sync_state WHERE name IN ('cursor', 'atHead') OR substr(name, 1, 9) = 'position/'")
    try session.execute("UPDATE sync_outbox SET acknowledged = 0")
  }
}
