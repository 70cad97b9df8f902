internal import Foundation
internal import SyncCore
internal import SyncStore

/// Merges the changes of one unit into the hub's rows. Then takes the steps that only the hub takes: conflicts, images of deleted
/// rows, rows inserted again, soft keys, references.
struct RowMerger {
  let transaction: HubTransaction
  let scope: String
  var origin: Origin
  let seenThrough: UInt64
  /// See `IncomingChange.isOneAuthors`.
  var isOneAuthors: ((Origin) -> Bool)?
  /// See `IncomingChange.sawEarlier`.
  var sawEarlier: ((Origin) -> Bool)?
  /// Merge policies of columns that this hub does not know, as the batch or an earlier batch states them: see `BatchContent.rules`.
  var rules: [String: MergePolicies] = [:]
  /// Time when the change arrived at the hub, if it was held since; nil when it arrived just now.
  var arrivedMs: UInt64?
  private var session: any HubSession { transaction.session }

  /// Merges the changes of one unit: decisions last, because the conflicts that they decide may come in the same unit, in any
  /// order.
  func merge(_ changes: [RowChange]) throws {
    func isDecision(_ change: RowChange) -> Bool { change.table == MetadataSchema.decisionTable.name }
    for change in changes where !isDecision(change) { try merge(change) }
    for change in changes where isDecision(change) { try merge(change) }
  }

  private func merge(_ change: RowChange) throws {
    var change = change
    let shape = try transaction.rows.shapeOrUnknown(change.table)
    let stored = try transaction.rows.loadUnwritten(shape, key: change.key, in: scope)
    // Skips a key that belongs to another scope's row: the change concerned devices only. It comes from before a restore of the
    // hub.
    if let stored, stored.scope != scope { return }
    let isNew = try stored == nil && isSavedAsNew(change, shape)
    if !isNew { change.cells = try transaction.rows.prepare(change, shape, rules: rules[change.table] ?? [:]) }
    var incoming = IncomingChange(life: change.life, cells: change.cells, origin: origin, seenThrough: seenThrough)
    incoming.isOneAuthors = isOneAuthors
    incoming.sawEarlier = sawEarlier
    let links = ReferenceRules(session: session, rows: transaction.rows, conflicts: transaction.conflicts, scope: scope)
    if isNew {
      try transaction.conflicts.close(seenBy: incoming, change: change, scope: scope)
      return try links.follow(change, shape: shape, wasAlive: false, isAlive: true, incoming: incoming)
    }
    let before = stored?.state ?? .unknown
    let outcome = Merge.join(before, incoming, policies: try transaction.rows.policies(shape))
    var image =
      before.isAlive && before.life < change.life && shape.isKnown ? try RowImage(shape, key: change.key, in: session) : nil
    for (name, cell) in try transaction.rows.aside.hidden(in: before, of: shape) { image?.set(name, cell.value) }
    if outcome.changed || outcome.state != before {
      try session.withoutCapture {
        try transaction.rows.save(outcome, over: before, shape: shape, key: change.key, scope: scope)
        try tellObserver(change, isNew: outcome.state.isAlive && outcome.state.life != before.life)
      }
    }
    // Counts a decision once: a repeated one was counted, and somebody may have decided otherwise since.
    if change.table == MetadataSchema.decisionTable.name { return before == .unknown ? try noteDecision(change) : () }
    // Takes conflicts as they are: conflicts never conflict. They come here only from before a restore of the hub.
    if change.table == MetadataSchema.conflictTable.name { return transaction.conflicts.forget(scope) }
    let images = DeletedRows(session: session)
    if let image, !outcome.state.isAlive { try images.keep(image, table: change.table, key: change.key, scope: scope) }
    try transaction.conflicts.close(seenBy: incoming, change: change, scope: scope)
    if try comesBack(outcome, change, shape, image: image) { return }
    let conflictImage = try image ?? (outcome.state.isAlive ? nil : images.image(table: change.table, key: change.key, scope: scope))
    for loser in outcome.unseen { try transaction.conflicts.record(loser, change: change, scope: scope, image: conflictImage) }
    try links.follow(change, shape: shape, wasAlive: before.isAlive, isAlive: outcome.state.isAlive, incoming: incoming)
  }

  /// Writes a row that nobody had heard of, if the row is complete and of the app. Nothing of such a row can lose.
  private func isSavedAsNew(_ change: RowChange, _ shape: TableShape) throws -> Bool {
    guard !MetadataSchema.ownTables.contains(where: { $0.name == change.table }) else { return false }
    return try session.withoutCapture {
      guard try transaction.rows.saveNew(change, origin: origin, shape: shape, scope: scope) else { return false }
      try tellObserver(change, isNew: true)
      return true
    }
  }

  private func tellObserver(_ change: RowChange, isNew: Bool) throws {
    guard let observer = transaction.observer, observer.tables.contains(change.table) else { return }
    if origin.version.replica != transaction.key.replica {
      try observer.merged(
        table: change.table, key: change.key, scope: scope, isNew: isNew, hubMs: arrivedMs ?? transaction.wallMs, in: session)
    }
    try observer.stands(table: change.table, key: change.key, scope: scope, in: session)
  }

  /// Applies a decision, or the undoing of one, to its conflict.
  private func noteDecision(_ change: RowChange) throws {
    guard let row = try session.firstRow("SELECT conflict, choice FROM sync_decision WHERE id = ?1", [change.key]), row[0].text != nil
    else {
      return
    }
    try transaction.conflicts.decided(row[0], isUndone: row[1].text == Resolution.undo.word, scope: scope)
  }

  /// Inserts a deleted row again, with the edit, when its deletion met an unseen edit and the table's policy is `editWins`.
  private func comesBack(_ outcome: MergeOutcome, _ change: RowChange, _ shape: TableShape, image: RowImage?) throws -> Bool {
    guard shape.declaration.deletion == .editWins, !outcome.state.isAlive, !outcome.unseen.isEmpty else { return false }
    let kept = try DeletedRows(session: session).image(table: change.table, key: change.key, scope: scope)
    guard var whole = image ?? kept else { return false }
    // Adds an edit that came after the deletion to the image; an earlier edit is in the image already.
    if image == nil {
      for loser in outcome.unseen { whole.set(loser.name, loser.loser.value) }
    }
    try whole.insert(shape, key: change.key, in: session)
    transaction.writer.bringsBack(table: change.table, key: change.key)
    // Adds unknown columns as values, because the SQL of this program cannot name them.
    let cells = try transaction.rows.aside.columns(of: change.table).filter { shape.column(named: $0) == nil }.flatMap {
      try whole.cells(of: $0, rule: transaction.rows.aside.rule(of: $0, in: change.table) ?? .lastWriterWins)
    }
    if !cells.isEmpty {
      transaction.writer.add(RowChange(table: change.table, key: change.key, life: outcome.state.life + 1, cells: cells), scope: scope)
    }
    return true
  }
}

/// Last image of each deleted row, which `restoreRow` brings back.
struct DeletedRows {
  let session: any HubSession

  func keep(_ image: RowImage, table: String, key: CellValue, scope: String) throws {
    try session.execute(
      """
      INSERT INTO hub_deleted_row (scope, tbl, key, image) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (scope, tbl, key) DO UPDATE SET image = excluded.image
      """, [.text(scope), .text(table), key, .text(image.json)])
  }

  func image(table: String, key: CellValue, scope: String) throws -> RowImage? {
    try session.firstRow(
      "SELECT image FROM hub_deleted_row WHERE scope = ?1 AND tbl = ?2 AND key = ?3", [.text(scope), .text(table), key])?[0].text
      .flatMap(RowImage.init(json:))
  }
}
