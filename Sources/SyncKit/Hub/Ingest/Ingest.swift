internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Ingests sealed batches into the hub's store: journal, merge, conflicts, feed and receipt, all in the caller's transaction (L10).
struct Ingest {
  let transaction: HubTransaction

  var session: any HubSession { transaction.session }
  var rows: RowStore { transaction.rows }
  var order: ScopeOrder { transaction.order }
  private var key: SigningKey { transaction.key }
  private var wallMs: UInt64 { transaction.wallMs }
  private var conflicts: ConflictWriter { transaction.conflicts }
  private var writer: HubWriter { transaction.writer }
  private var identities: HubIdentityHistory { transaction.identities }

  /// Batches of one replica that may wait for a missing earlier batch.
  static let waitingMax = 1000
  /// Waiting batches that are merged together with the batch they waited for. The rest are merged when they are sent again, so that
  /// a long chain does not delay other devices.
  static let mergedTogetherMax = 16
  init(session: any HubSession, tables: HubTables, key: SigningKey, wallMs: UInt64, observer: (any MergeObserver)? = nil) {
    transaction = HubTransaction(session: session, tables: tables, key: key, wallMs: wallMs, observer: observer)
  }

  /// Writes what the transaction gathered: seals the hub's own changes into the journal and the feed, and saves the state of the
  /// scopes.
  func finish() throws {
    try HeldUnits(transaction: transaction).parentsArrived()
    try RestoredUnits(transaction: transaction).mergeWaiting()
    try transaction.authorOrder.restoreOrder(in: transaction)
    try writer.seal()
    // Retries held units again: what the hub just wrote itself, such as conflicts, may be what a held decision waits for.
    if rows.hasArrived {
      try HeldUnits(transaction: transaction).parentsArrived()
      try writer.seal()
    }
    try rows.flush()
    try order.save()
  }

  // MARK: Journal

  /// Ingests one batch whose signature was checked, and the batches that were waiting for it.
  ///
  /// - Returns: The signed receipt; the stored one when the hub has the batch already.
  /// - Throws: `SyncError` `.fork`, `.chainBroken`, `.wrongScope` before anything is written.
  func take(_ content: BatchContent, batch: SealedBatch, writeScope: String) throws -> Data {
    let asked = try transaction.askedTables(content, writeScope: writeScope)
    let isAsked = !asked.isEmpty && content.units.allSatisfy { $0.changes.allSatisfy { asked.contains($0.table) } }
    if !isAsked { try Self.check(scope: content.scope, writeScope: writeScope) }
    let claim = BatchCodec.Claim(replica: content.replica, scope: content.scope, number: content.number)
    if let refusal = try refused.refusal(batch.hash) { return try receipt(of: batch, claim, refusal) }
    if content.number > 1, try refused.refusal(content.previous) != nil {
      return try refuse(batch, claim, BatchRefusal(reason: .behind))
    }
    let known = try session.firstRow(
      "SELECT hash, state, receipt, id FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3",
      [.text(content.scope), .blob(content.replica.bytes), .integer(Int64(content.number))])
    if let known {
      guard known[0].blob == batch.hash else { throw SyncError.fork(content.number) }
      if known[1].integer == BatchState.merged, let receipt = known[2].blob {
        return try transaction.inPresentLife(receipt, id: known[3].integer ?? 0)
      }
    }
    let chain = HubChain(session: session, lineage: identities)
    let base = try identities.base(of: content.replica, scope: content.scope)?.number ?? 0
    let hashes = try chain.hashes(of: content.number, replica: content.replica, scope: content.scope)
    guard content.number > base, hashes.isEmpty || hashes.contains(batch.hash) else { throw SyncError.fork(content.number) }
    let before = try chain.before(content.number, previous: content.previous, replica: content.replica, scope: content.scope)
    if let hash = before.hash, hash != content.previous {
      // Reports a fork or a mistake, because two devices may share this identity. The author knows its own chain, and so can tell
      // which.
      guard hashes.subtracting([batch.hash]).isEmpty else { throw SyncError.fork(content.number) }
      return try refuse(batch, claim, BatchRefusal(reason: .previous))
    }
    let last = try chain.merged(replica: content.replica, scope: content.scope)
    // Allows a gap below the newest number only at a restored hub, which learned of later batches first. A batch whose units were
    // all held is in no page, so the batch after it tells whether it is the missing one.
    guard try content.number > last.number || !hashes.isEmpty || chain.isMissing(batch.hash, content) else {
      throw SyncError.fork(content.number)
    }
    if before.isMerged {
      return try halfDone {
        let id = try known?[3].integer ?? journal(content, batch: batch, state: BatchState.waiting)
        let receipt = try mergeJournalled(content, batch: batch, id: id)
        try closeGaps(content)
        try mergeWaiting(behind: content.replica, number: content.number, hash: batch.hash, scope: content.scope)
        return receipt
      }
    }
    if known == nil {
      let count = try session.integer(
        "SELECT count(*) FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND state = \(BatchState.waiting)",
        [.text(content.scope), .blob(content.replica.bytes)])
      guard count ?? 0 < Self.waitingMax else {
        throw SyncError(
          .chainBroken, vi: "Quá nhiều gói chờ gói số \(last.number + 1).", en: "Too many batches wait for number \(last.number + 1).",
          expected: last.number + 1)
      }
      _ = try halfDone { try journal(content, batch: batch, state: BatchState.waiting) }
    }
    return try halfDone {
      try closeGaps(content)
      let now = try session.firstRow("SELECT state, receipt FROM hub_batch WHERE hash = ?1", [.blob(batch.hash)])
      if now?[0].integer == BatchState.merged, let receipt = now?[1].blob { return receipt }
      return try transaction.receipt(for: content, batch: batch, merge: nil, expected: chain.missing(before: content, after: last.number))
    }
  }

  /// Merges batches that waited for batches which their author no longer has. The recovery batch carries what still stands of the
  /// lost ones.
  private func closeGaps(_ content: BatchContent) throws {
    guard let gone = content.recovery?.gone, !gone.isEmpty else { return }
    let scope = content.scope
    for batch in gone {
      let author = try identities.author(of: batch.number, replica: content.replica, scope: scope)
      try GoneBatches(session: session).note(batch, of: author, scope: scope)
    }
    identities.forget()
    for batch in gone {
      let author = try identities.author(of: batch.number, replica: content.replica, scope: scope)
      try mergeWaiting(behind: author, number: batch.number, hash: batch.hash, scope: scope)
    }
  }

  /// - Throws: `SyncError` `.wrongScope`.
  static func check(scope: String, writeScope: String) throws {
    // Compares byte for byte: two spellings of one accented name would be two feeds.
    guard scope.utf8.elementsEqual(writeScope.utf8) else {
      throw SyncError(
        .wrongScope, vi: "Thiết bị này chỉ được ghi cho đơn vị \(writeScope), không phải \(scope).",
        en: "This device may write only for unit \(writeScope), not \(scope).")
    }
  }

  private var refused: RefusedBatches { RefusedBatches(session: session) }

  /// Keeps a batch as refused for good, together with the batches that wait for it.
  ///
  /// - Returns: The receipt with the refusal.
  func refuse(_ batch: SealedBatch, _ claim: BatchCodec.Claim, _ refusal: BatchRefusal) throws -> Data {
    // Keeps the first reason: a refusal never changes.
    let standing = try refused.refusal(batch.hash) ?? refusal
    let receipt = try receipt(of: batch, claim, standing)
    try halfDone { try refused.refuse(batch, claim, standing, nowMs: wallMs) }
    return receipt
  }

  private func receipt(of batch: SealedBatch, _ claim: BatchCodec.Claim, _ refusal: BatchRefusal) throws -> Data {
    var receipt = WireReceipt()
    receipt.hub = key.replica.bytes
    receipt.incarnation = try IncarnationTable(session: session).present()
    receipt.batch = batch.hash
    receipt.replica = claim.replica.bytes
    receipt.scope = claim.scope
    receipt.number = claim.number
    receipt.hubTimeMs = wallMs
    receipt.state = .refused
    receipt.reason = refusal.reason.rawValue
    receipt.detail = refusal.detail
    return try key.sealed(try receipt.serializedData(), as: .receipt)
  }

  func halfDone<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as SyncError { throw IngestQueue.HalfDone(reason: error) }
  }

  func journal(_ content: BatchContent, batch: SealedBatch, state: Int) throws -> Int64 {
    let row = try session.firstRow(
      """
      INSERT INTO hub_batch (scope, replica, number, hash, received_ms, state, bytes, changes)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id
      """,
      [
        .text(content.scope), .blob(content.replica.bytes), .integer(Int64(content.number)), .blob(batch.hash),
        .integer(Int64(clamping: wallMs)), .integer(Int64(state)), .blob(batch.bytes), .integer(Int64(content.changeCount)),
      ])
    return row?[0].integer ?? 0
  }

  /// Merges the batches that were waiting for this one, in order; a batch that does not continue the chain is left. Where the chain
  /// forks, to a copied device or to a successor, every branch is followed.
  private func mergeWaiting(behind replica: ReplicaID, number: UInt64, hash: Data, scope: String) throws {
    var ends = [(number: number, hash: hash)]
    var left = Self.mergedTogetherMax
    while let (number, hash) = ends.popLast() {
      let waiting = try session.rows(
        """
        SELECT id, bytes FROM hub_batch WHERE scope = ?1 AND number = ?3 AND state = \(BatchState.waiting) AND replica IN
          (SELECT ?2 UNION SELECT replica FROM hub_succession WHERE scope = ?1 AND predecessor = ?2 AND number = ?3 - 1)
        """, [.text(scope), .blob(replica.bytes), .integer(Int64(number + 1))])
      for row in waiting where left > 0 {
        guard let id = row[0].integer, let bytes = row[1].blob else { continue }
        let batch = SealedBatch(bytes: bytes)
        let next = try BatchCodec.reopen(batch)
        guard next.previous == hash else {
          // Refuses the batch when it is of this identity: it continues another batch than the merged one, and can never be merged.
          // A batch of another identity may continue a copy's batch.
          if next.replica == replica {
            let claim = BatchCodec.Claim(replica: replica, scope: scope, number: next.number)
            try refused.refuse(batch, claim, BatchRefusal(reason: .previous), nowMs: wallMs)
          }
          continue
        }
        left -= 1
        _ = try mergeJournalled(next, batch: batch, id: id)
        if next.replica == replica { ends.append((next.number, batch.hash)) }
      }
    }
  }

  private func mergeJournalled(_ content: BatchContent, batch: SealedBatch, id: Int64) throws -> Data {
    let result = try merge(content, batch: id, hash: batch.hash)
    if let asked = content.recovery?.asked { try DisagreementTable(session: session).noteAnswered(asked, nowMs: wallMs) }
    let receipt = try transaction.receipt(for: content, batch: batch, merge: result, expected: 0)
    try session.execute(
      "UPDATE hub_batch SET state = \(BatchState.merged), held_changes = ?2, receipt = ?3 WHERE id = ?1",
      [.integer(id), .integer(Int64(result.heldChanges)), .blob(receipt)])
    return receipt
  }

  // MARK: Merge

  private func merge(_ content: BatchContent, batch id: Int64, hash: Data) throws -> BatchOutcome {
    var result = BatchOutcome()
    var run: ScopeOrder.Run?
    var runBytes = 0
    let returned = try RestoredUnits(transaction: transaction).units(of: hash)
    let check = transaction.unitCheck(rules: content.rules)
    let asked = try transaction.askedTables(content)
    var merger: RowMerger?
    for (index, unit) in content.units.enumerated() {
      // Seals the hub's own writes to these rows first, so that they have a version before another change is merged into the rows.
      if try writer.isPending(unit) {
        if let ended = run { try order.log(ended, batch: id, batchHash: hash, scope: content.scope) }
        run = nil
        try writer.seal()
      }
      // Merges as before the restore: pages told how this unit was merged then.
      if let known = returned[index] {
        if let ended = run { try order.log(ended, batch: id, batchHash: hash, scope: content.scope) }
        run = nil
        if known.contains(where: { !$0.isMerged }),
          let hold = try RestoredUnits(transaction: transaction).obstacle(to: unit.changes, scope: content.scope)
        {
          try self.hold(unit, index: index, hold: hold, content: content, batch: id, into: &result)
          continue
        }
        try RestoredUnits(transaction: transaction).settle(known, index: index, content: content, batch: id, hash: hash)
        continue
      }
      let author = UnitCheck.Author(of: content, unit: index, asked: asked)
      if let hold = try check.holdReason(unit, by: author) {
        try self.hold(unit, index: index, hold: hold, content: content, batch: id, into: &result)
        if let ended = run { try order.log(ended, batch: id, batchHash: hash, scope: content.scope) }
        run = nil
        continue
      }
      // Ends the run early, because a page never divides a run: a run stays well below the size of a page.
      let bytes = unit.approximateBytes
      if let full = run, runBytes + bytes > UnitCutting.rawBytesMax {
        try order.log(full, batch: id, batchHash: hash, scope: content.scope)
        run = nil
      }
      runBytes = run == nil ? bytes : runBytes + bytes
      let stamp = try transaction.accept(unit, of: content)
      let position = try order.place(scope: content.scope)
      let opened = conflicts.openedCount
      let origin = Origin(version: Version(stamp, content.replica), position: position)
      if merger == nil { merger = try transaction.merger(of: content, origin: origin) }
      merger?.origin = origin
      try merger?.merge(unit.changes)
      if conflicts.openedCount > opened { result.conflicting.append(UInt32(index)) }
      if run == nil { run = ScopeOrder.Run(position: position, firstUnit: index, stamps: []) }
      run?.stamps.append(stamp)
      if stamp != unit.stamp { run?.isRestamped = true }
    }
    if let run { try order.log(run, batch: id, batchHash: hash, scope: content.scope) }
    return result
  }

  // MARK: Hold

  private func hold(
    _ unit: ChangeUnit, index: Int, hold: UnitCheck.Hold, content: BatchContent, batch: Int64, into result: inout BatchOutcome
  ) throws {
    var said = WireHeldUnit()
    said.unit = UInt32(index)
    said.reason = hold.reason.rawValue
    said.detail = hold.detail
    result.held.append(said)
    transaction.held.note(content.replica)
    result.heldChanges += unit.changes.count
    try session.execute(
      "INSERT INTO hub_held (scope, batch, unit, replica, reason, detail, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      [
        .text(content.scope), .integer(batch), .integer(Int64(index)), .blob(content.replica.bytes), .text(hold.reason.rawValue),
        .text(hold.detail),
        .integer(Int64(unit.changes.count)),
      ])
    for change in unit.changes {
      try session.execute(
        """
        INSERT INTO hub_held_row (replica, tbl, key, scope, number, unit) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (replica, tbl, key, scope, number, unit) DO NOTHING
        """,
        [
          .blob(content.replica.bytes), .text(change.table), change.key, .text(content.scope), .integer(Int64(content.number)),
          .integer(Int64(index)),
        ])
    }
  }
}
