internal import Foundation
internal import SyncCore
internal import SyncStore

/// Writes of the hub itself in a transaction: conflicts, campaign data, rows that are inserted again. `seal` puts them into the
/// hub's journal and the feeds, under the hub's identity.
final class HubWriter {
  private let session: any HubSession
  private let tables: HubTables
  private let key: SigningKey
  private let wallMs: UInt64
  private let order: ScopeOrder
  private let rows: RowStore
  private let conflicts: ConflictWriter
  private let observer: (any MergeObserver)?
  /// Changes given as values, by scope: no SQL on the app's tables could make them.
  private var outright: [String: [Outright]] = [:]
  private let selectPending = RepeatedSQL("SELECT 1 FROM sync_pending LIMIT 1")
  private struct Row: Hashable {
    var table: String
    var key: CellValue
  }
  /// Rows that the hub inserted again by itself. Nobody decided about them, so they close no conflicts.
  private var returning: Set<Row> = []

  private struct Outright {
    var change: RowChange
    var isSaved: Bool
    var author: IncomingChange?
  }

  init(
    session: any HubSession, tables: HubTables, key: SigningKey, wallMs: UInt64, order: ScopeOrder, rows: RowStore,
    conflicts: ConflictWriter,
    observer: (any MergeObserver)? = nil
  ) {
    self.session = session
    self.tables = tables
    self.key = key
    self.wallMs = wallMs
    self.order = order
    self.rows = rows
    self.conflicts = conflicts
    self.observer = observer
  }

  private func tellObserver(_ change: RowChange, scope: String) throws {
    guard let observer, observer.tables.contains(change.table) else { return }
    try session.withoutCapture { try observer.stands(table: change.table, key: change.key, scope: scope, in: session) }
  }

  /// Adds a change to the hub's next unit of a scope. `seal` merges the change unconditionally.
  ///
  /// - Parameters:
  ///   - isSaved: False when the change is for devices only, because the hub's own row of that key belongs to another scope.
  ///   - author: Author of the values, when not the hub. Values that the author had not seen and that the change overwrites become
  ///     conflicts.
  func add(_ change: RowChange, scope: String, isSaved: Bool = true, of author: IncomingChange? = nil) {
    outright[scope, default: []].append(Outright(change: change, isSaved: isSaved, author: author))
  }

  /// Records that the hub has inserted a deleted row again by itself.
  func bringsBack(table: String, key: CellValue) { returning.insert(Row(table: table, key: key)) }

  /// Returns whether the hub has unsealed writes of its own to a row of `unit` in this transaction.
  func isPending(_ unit: ChangeUnit) throws -> Bool {
    if !outright.isEmpty { return true }
    if conflicts.hasOpened, unit.changes.contains(where: { $0.table == MetadataSchema.conflictTable.name }) { return true }
    guard try session.firstRow(selectPending) != nil else { return false }
    for change in unit.changes {
      guard let shape = rows.shape(change.table) else { continue }
      if try session.firstRow(
        "SELECT 1 FROM sync_pending WHERE tbl = ?1 AND key = ?2 LIMIT 1", [.integer(Int64(shape.id)), change.key]) != nil
      {
        return true
      }
    }
    return false
  }

  /// Seals, in this order: new conflicts, captured writes, what these cause, then changes given as values, and what those cause.
  func seal() throws {
    while try sealOpened() + sealCaptured() > 0 {}
    let said = outright
    outright = [:]
    for (scope, changes) in said.sorted(by: { $0.key < $1.key }) {
      let stamp = try order.issue(wallMs: wallMs, scope: scope)
      let origin = Origin(version: Version(stamp, key.replica), position: try order.nextPosition(scope: scope))
      try order.place(1, scope: scope)
      for spoken in changes where spoken.isSaved {
        let change = spoken.change
        let shape = try rows.shapeOrUnknown(change.table)
        let stored = try rows.load(shape, key: change.key, in: scope)
        // Skips the hub's row: its key belongs to another scope by now, and the change is for devices only.
        if let stored, stored.scope != scope { continue }
        let before = stored?.state ?? .unknown
        let cells = try rows.prepare(change, shape, rules: [:])
        var incoming = spoken.author ?? IncomingChange(life: change.life, cells: cells, origin: origin, seenThrough: .max)
        (incoming.life, incoming.cells, incoming.origin) = (change.life, cells, origin)
        let outcome = Merge.join(before, incoming, policies: try rows.policies(shape))
        try session.withoutCapture { try rows.save(outcome, over: before, shape: shape, key: change.key, scope: scope) }
        for loser in outcome.unseen { try conflicts.record(loser, change: change, scope: scope) }
        try tellObserver(change, scope: scope)
        let links = ReferenceRules(session: session, rows: rows, conflicts: conflicts, scope: scope)
        try links.follow(change, shape: shape, wasAlive: before.isAlive, isAlive: outcome.state.isAlive, incoming: incoming)
      }
      try append([ChangeUnit(stamp: stamp, changes: changes.map(\.change))], scope: scope, from: origin.position)
    }
    if !said.isEmpty { while try sealOpened() + sealCaptured() > 0 {} }
  }

  /// Gives new conflicts their versions. Runs before captured writes are sealed, because a conflict may be opened and closed in one
  /// transaction.
  ///
  /// - Returns: How many conflicts got their version.
  private func sealOpened() throws -> Int {
    let opened = conflicts.takeOpened()
    for (scope, changes) in opened.sorted(by: { $0.key < $1.key }) {
      let first = try order.nextPosition(scope: scope)
      var units: [ChangeUnit] = []
      for part in changes.parts(bytesMax: ConflictWriter.unitBytesMax) {
        let stamp = try order.issue(wallMs: wallMs, scope: scope)
        let origin = Origin(version: Version(stamp, key.replica), position: try order.nextPosition(scope: scope))
        try order.place(1, scope: scope)
        units.append(ChangeUnit(stamp: stamp, changes: try part.map { try noteBirth(of: $0, origin: origin, scope: scope) }))
        for conflict in part { try tellObserver(conflict, scope: scope) }
      }
      try append(units, scope: scope, from: first)
    }
    return opened.values.reduce(0) { $0 + $1.count }
  }

  /// Writes the record of a row that is in its table without one.
  ///
  /// - Returns: The change, in a life after those the row had.
  private func noteBirth(of change: RowChange, origin: Origin, scope: String) throws -> RowChange {
    let shape = try rows.shapeOrUnknown(change.table)
    if try !rows.isKnown(shape, key: change.key, in: scope), try rows.recordNew(change, origin: origin, shape: shape, scope: scope) {
      return change
    }
    let before = try rows.load(shape, key: change.key, in: scope)?.state ?? .unknown
    var change = change
    change.life = before.life + 1
    return try Sealer(rows: rows, replica: key.replica).record(change, shape, origin, scope, before)
  }

  /// - Returns: How many log entries were sealed, at most `Sealer.entriesMax`.
  private func sealCaptured() throws -> Int {
    let sealer = Sealer(rows: rows, replica: key.replica)
    var starts: [String: UInt64] = [:]
    for row in try session.rows("SELECT DISTINCT scope FROM sync_pending") {
      if let scope = row[0].text { starts[scope] = try order.state(scope).position + 1 }
    }
    guard !starts.isEmpty else { return 0 }
    let sealed = try session.withoutCapture {
      try sealer.sealPending(tables: tables.byNumber, order: order, nowMs: wallMs, offsetMs: 0)
    }
    for (scope, units) in sealed.units.sorted(by: { $0.key < $1.key }) {
      try append(units, scope: scope, from: starts[scope] ?? 1)
      for (index, unit) in units.enumerated() { try followLinks(unit, scope: scope, position: (starts[scope] ?? 1) + UInt64(index)) }
    }
    return sealed.entries
  }

  /// Applies soft keys, references and conflicts to the hub's own writes, as to those of devices.
  ///
  /// The hub has seen everything, so its writes close the conflicts about values that they overwrite. Undoing a decision closes
  /// none: the decision row says what is open. Rows that the hub inserts again close none either.
  private func followLinks(_ unit: ChangeUnit, scope: String, position: UInt64) throws {
    let isUndoing = unit.changes.contains {
      $0.table == MetadataSchema.decisionTable.name && $0.cells.contains { $0.column == "choice" && $0.value.text == Resolution.undo.word }
    }
    let links = ReferenceRules(session: session, rows: rows, conflicts: conflicts, scope: scope)
    for change in unit.changes {
      guard change.table != MetadataSchema.conflictTable.name else {
        try tellObserver(change, scope: scope)
        continue
      }
      guard let shape = rows.shape(change.table) else { continue }
      // Recognizes a birth by its scope cell, which every birth carries.
      let isBirth = change.isAlive && change.cells.contains { $0.column == shape.declaration.scopeColumn }
      let wasAlive = change.isAlive != (isBirth || !change.isAlive)
      let origin = Origin(version: Version(unit.stamp, key.replica), position: position)
      let incoming = IncomingChange(life: change.life, cells: change.cells, origin: origin, seenThrough: .max)
      let isReturning = isBirth && returning.remove(Row(table: change.table, key: change.key)) != nil
      if !isUndoing && !isReturning { try conflicts.close(seenBy: incoming, change: change, scope: scope) }
      try links.follow(change, shape: shape, wasAlive: wasAlive, isAlive: change.isAlive, incoming: incoming)
      try tellObserver(change, scope: scope)
    }
  }

  /// Journals units of the hub's own, and puts them into the scope's feed from a position on.
  private func append(_ units: [ChangeUnit], scope: String, from first: UInt64) throws {
    var position = first
    for part in UnitCutting.batches(of: units) {
      let last = try session.firstRow(
        "SELECT number, hash FROM hub_batch WHERE scope = ?1 AND replica = ?2 ORDER BY number DESC LIMIT 1",
        [.text(scope), .blob(key.replica.bytes)])
      let content = BatchContent(
        replica: key.replica, scope: scope, number: UInt64((last?[0].integer ?? 0) + 1), previous: last?[1].blob ?? Data(),
        cursor: Data(), units: part, rules: try rows.rules(of: part))
      let batch = try BatchCodec.seal(content, with: key)
      let row = try session.firstRow(
        """
        INSERT INTO hub_batch (scope, replica, number, hash, received_ms, state, bytes, changes)
        VALUES (?1, ?2, ?3, ?4, ?5, \(BatchState.merged), ?6, ?7) RETURNING id
        """,
        [
          .text(scope), .blob(key.replica.bytes), .integer(Int64(content.number)), .blob(batch.hash), .integer(Int64(clamping: wallMs)),
          .blob(batch.bytes), .integer(Int64(content.changeCount)),
        ])
      let run = ScopeOrder.Run(position: position, firstUnit: 0, stamps: part.map(\.stamp))
      try order.log(run, batch: row?[0].integer ?? 0, batchHash: batch.hash, scope: scope)
      position += UInt64(part.count)
    }
  }
}

extension [RowChange] {
  /// Returns the changes in pieces of at most `bytesMax` bytes and at most as many rows as a batch may have. A larger row is a
  /// piece alone.
  fileprivate func parts(bytesMax: Int) -> [[RowChange]] {
    var parts: [[RowChange]] = []
    var bytes = 0
    for change in self {
      bytes += change.approximateBytes
      if let last = parts.last, last.count < WireLimits.rowsMax, bytes <= bytesMax {
        parts[parts.count - 1].append(change)
      } else {
        parts.append([change])
        bytes = change.approximateBytes
      }
    }
    return parts
  }
}
