internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Restored units: takes back what the hub gave out in an incarnation that a restore ended (L11). Units from pages that the hub
/// signed are merged with the versions they had. Belongs to one hub transaction.
///
/// A page has no rows of its reader's own units, only their stamps. The stamps are kept until the author sends its batch again.
struct RestoredUnits {
  let transaction: HubTransaction
  var session: any HubSession { transaction.session }

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_returned_batch (
      id INTEGER PRIMARY KEY, scope TEXT NOT NULL, replica BLOB NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
      first_unit INTEGER NOT NULL, bytes BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS hub_returned_waiting (
      hash BLOB NOT NULL, unit INTEGER NOT NULL, stamp INTEGER NOT NULL, source INTEGER NOT NULL, scope TEXT NOT NULL,
      branch BLOB NOT NULL, old_position INTEGER NOT NULL, base INTEGER NOT NULL, PRIMARY KEY (hash, unit, stamp)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_known_batch (
      scope TEXT NOT NULL, replica BLOB NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
      PRIMARY KEY (scope, replica, number, hash)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_returned_batch_number ON hub_returned_batch (scope, replica, number);
    CREATE TABLE IF NOT EXISTS hub_conflict_place (
      id TEXT NOT NULL, branch BLOB NOT NULL, base INTEGER NOT NULL, position INTEGER, PRIMARY KEY (id, branch)) WITHOUT ROWID;
    """

  // MARK: A page

  struct Outcome {
    /// Units of the page that the hub had lost.
    var lost = 0
    /// Last position up to which the page's feed is this store's, as far as the page shows.
    var common: UInt64 = 0
  }

  func take(_ page: PageContent) throws -> Outcome {
    guard let last = page.lastPosition else { return Outcome() }
    try beginLifeIfProved(page, last: last)
    let histories = try attach(page)
    var outcome = Outcome(common: histories.last?.base ?? 0)
    var first = 0
    for (length, history) in zip(page.runLengths, histories) {
      let run = Array(page.units[first..<first + length])
      first += length
      outcome.lost += try take(run.filter { $0.position > history.base }, of: page, history)
    }
    return outcome
  }

  /// Begins an incarnation when a page proves that the store was put back to an earlier state. The page was signed by this hub, and
  /// either its incarnation is unknown, or it is the present one and its last position is not in the store. Each incarnation proves
  /// a restore once.
  private func beginLifeIfProved(_ page: PageContent, last: UInt64) throws {
    let life = IncarnationTable(session: session)
    if try !life.knows(page.incarnation) {
      let present = try life.present()
      try life.note(page.incarnation, startedMs: page.hubTimeMs)
      try session.execute("UPDATE hub_incarnation SET seq = (SELECT max(seq) FROM hub_incarnation) + 1 WHERE id = ?1", [.blob(present)])
      try life.begin(.noticed, nowMs: transaction.wallMs)
    } else if try page.incarnation == life.present(), try transaction.cursors.hash(at: last, scope: page.scope) != page.feedHash {
      try life.begin(.noticed, nowMs: transaction.wallMs)
    }
  }

  /// Finds where the page's history leaves this store's, and records its positions. A page may leave a known history at any of its
  /// runs.
  ///
  /// - Returns: For each run, its branch and the last position that it has in common with this store. The position is 0 when the
  ///   page does not tell.
  private func attach(_ page: PageContent) throws -> [CursorTranslator.OldPlace] {
    guard let first = page.units.first?.position, let last = page.lastPosition else { return [] }
    let (scope, places) = (page.scope, transaction.cursors)
    var starts: [(hash: Data, place: CursorTranslator.OldPlace?)] = try places.olds(scope: scope, position: first - 1)
    if let here = try places.hash(at: first - 1, scope: scope) { starts.insert((here, nil), at: 0) }
    for start in starts {
      let ends = Self.ends(of: page, from: start.hash)
      guard ends.last?.hash == page.feedHash else { continue }
      var (base, at, position) = (start.place?.base ?? first - 1, start.place, first - 1)
      return try ends.map { end in
        defer { position = end.last }
        if at == nil, try places.hash(at: end.last, scope: scope) == end.hash {
          base = end.last
          return CursorTranslator.OldPlace(branch: Data(), base: base)
        }
        let branch =
          try at.map { try places.branch(after: $0, at: position, scope: scope, end: (end.last, end.hash)) }
          ?? places.old(scope: scope, position: end.last, hash: end.hash)?.branch ?? end.hash
        let place = CursorTranslator.OldPlace(branch: branch, base: base)
        try places.record(place, scope: scope, position: end.last, hash: end.hash)
        at = place
        return place
      }
    }
    let alone = CursorTranslator.OldPlace(branch: page.feedHash, base: 0)
    try places.record(alone, scope: scope, position: last, hash: page.feedHash)
    return page.runLengths.map { _ in alone }
  }

  /// Returns the positions of each run of the page, and the feed hash after it.
  private static func ends(of page: PageContent, from start: Data) -> [(first: UInt64, last: UInt64, hash: Data)] {
    var hash = start
    var first = 0
    return page.runLengths.compactMap { length in
      let run = page.units[first..<first + length]
      first += length
      guard let head = run.first, let tail = run.last else { return nil }
      hash = ScopeOrder.link(
        hash, batch: head.batchHash, position: head.position, firstUnit: head.index, isDeclined: head.isDeclined, stamps: run.map(\.stamp))
      return (head.position, tail.position, hash)
    }
  }

  // MARK: Units

  private func take(_ run: [FeedUnit], of page: PageContent, _ history: CursorTranslator.OldPlace) throws -> Int {
    guard let head = run.first else { return 0 }
    let author = head.author
    if author != transaction.key.replica { try note(author, number: head.batchNumber, hash: head.batchHash, scope: page.scope) }
    let journalled = try session.firstRow("SELECT id, bytes FROM hub_batch WHERE hash = ?1", [.blob(head.batchHash)])
    let content = try journalled?[1].blob.flatMap { $0.isEmpty ? nil : try BatchCodec.reopen(SealedBatch(bytes: $0)) }
    var source = journalled?[0].integer
    var lost = 0
    var isGone: Bool?
    for unit in run {
      if let place = try place(of: unit, batch: journalled?[0].integer, scope: page.scope) {
        try note(unit, on: history.branch, scope: page.scope, position: place)
        continue
      }
      let isKnown = content.map { $0.units.indices.contains(unit.index) } ?? false
      let changes = unit.changes.isEmpty && !unit.isDeclined && isKnown ? content?.units[unit.index].changes ?? [] : unit.changes
      if source == nil, !changes.isEmpty { source = try keep(run, scope: page.scope, rules: page.rules) }
      if let source, let hold = try obstacle(to: changes, scope: page.scope) {
        try note(unit, on: history.branch, scope: page.scope, position: nil)
        if source < 0 {
          try wait(for: unit, scope: page.scope, history, source: source)
          if hold.reason == .scope { try endOnDevices(changes, Version(unit.stamp, author), scope: page.scope) }
        }
        continue
      }
      guard let source, !changes.isEmpty || unit.isDeclined && isKnown else {
        // Skips the reader's own units and declined ones: their content comes with the author's batch, unless the batch is gone.
        if isGone == nil { isGone = try GoneBatches(session: session).isGone(head.batchHash) }
        if isGone == true { continue }
        try note(unit, on: history.branch, scope: page.scope, position: nil)
        continue
      }
      lost += 1
      let position = try merge(unit, changes: changes, rules: page.rules, on: history, scope: page.scope, source: source)
      try note(unit, on: history.branch, scope: page.scope, position: position)
      if source > 0 { try HeldUnits(transaction: transaction).forget(batch: source, unit: unit.index) }
    }
    return lost
  }

  /// Records that an operator declined a unit that pages told of: no page brings it back.
  func forget(_ hash: Data, unit: Int, declinedAt position: UInt64) throws {
    let name: [CellValue] = [.blob(hash), .integer(Int64(unit))]
    try session.execute(
      "UPDATE hub_returned SET position = ?3 WHERE hash = ?1 AND unit = ?2 AND position IS NULL",
      name + [.integer(Int64(clamping: position))])
    try session.execute("DELETE FROM hub_returned_waiting WHERE hash = ?1 AND unit = ?2", name)
  }

  /// Returns the position at which this feed has the unit under the stamp it had; nil when it has not.
  private func place(of unit: FeedUnit, batch: Int64?, scope: String) throws -> UInt64? {
    if let known = try session.integer(
      "SELECT position FROM hub_returned WHERE hash = ?1 AND unit = ?2 AND stamp = ?3 AND position IS NOT NULL LIMIT 1",
      [.blob(unit.batchHash), .integer(Int64(unit.index)), .integer(Int64(bitPattern: unit.stamp.rawValue))])
    {
      return UInt64(max(0, known))
    }
    guard let batch else { return nil }
    for row in try session.rows(
      "SELECT position, first_unit, stamps FROM hub_feed WHERE batch = ?1 AND first_unit <= ?2 AND first_unit + units > ?2",
      [.integer(batch), .integer(Int64(unit.index))])
    {
      guard let position = row[0].integer, let first = row[1].integer else { continue }
      let offset = unit.index - Int(first)
      let stamps = try row[2].blob.map { try PackedStamps.read($0, count: offset + 1) }
      let stamp: HybridTimestamp?
      if let stamps {
        stamp = stamps.last
      } else {
        stamp = try session.firstRow("SELECT bytes FROM hub_batch WHERE id = ?1", [.integer(batch)])?[0].blob
          .map { try BatchCodec.reopen(SealedBatch(bytes: $0)).units[unit.index].stamp }
      }
      if stamp == unit.stamp { return UInt64(max(0, position)) + UInt64(offset) }
    }
    return nil
  }

  /// Merges a unit with the version it had, at the scope's next position.
  func merge(
    _ unit: FeedUnit, changes: [RowChange], rules: [String: MergePolicies], on history: CursorTranslator.OldPlace, scope: String,
    source: Int64
  ) throws -> UInt64 {
    var seen = try transaction.cursors.seen(by: unit.authorCursor, scope: scope)
    var isOneAuthors = try transaction.identities.ownership(of: unit.author, number: unit.batchNumber, scope: scope)
    if unit.author == transaction.key.replica {
      // Counts everything before the unit in that incarnation as seen by the hub, and nothing of the present one.
      seen = CursorTranslator.Seen(through: history.base, earlier: [history.branch: unit.position - 1])
      isOneAuthors = { _ in false }
      try noteConflicts(changes, on: history)
    }
    let batch = BatchContent(
      replica: unit.author, scope: scope, number: unit.batchNumber, previous: Data(), cursor: unit.authorCursor, units: [], rules: rules)
    return try place(
      changes, of: batch, index: unit.index, stamp: unit.stamp, isDeclined: unit.isDeclined, source: (source, unit.batchHash), seen: seen,
      isOneAuthors: isOneAuthors)
  }

  /// Merges a unit of a batch with a version, at the scope's next position.
  func place(
    _ changes: [RowChange], of content: BatchContent, index: Int, stamp: HybridTimestamp, isDeclined: Bool,
    source: (id: Int64, hash: Data), seen: CursorTranslator.Seen, isOneAuthors: ((Origin) -> Bool)?
  ) throws -> UInt64 {
    let (author, scope) = (content.replica, content.scope)
    if try transaction.writer.isPending(ChangeUnit(stamp: stamp, changes: changes)) { try transaction.writer.seal() }
    try transaction.order.receive(stamp, scope: scope)
    let position = try transaction.order.place(scope: scope)
    if !isDeclined {
      var merger = RowMerger(
        transaction: transaction, scope: scope, origin: Origin(version: Version(stamp, author), position: position),
        seenThrough: seen.through)
      merger.isOneAuthors = isOneAuthors
      merger.sawEarlier = transaction.cursors.sawEarlier(seen, scope: scope)
      merger.rules = content.rules
      try merger.merge(changes)
      if author != transaction.key.replica {
        try transaction.authorOrder.recordPlacement(author, number: content.number, stamp: stamp, scope: scope)
      }
    }
    let run = ScopeOrder.Run(position: position, firstUnit: index, stamps: [stamp], isRestamped: true, isDeclined: isDeclined)
    try transaction.order.log(run, batch: source.id, batchHash: source.hash, scope: scope)
    return position
  }

  // MARK: A batch that comes again

  /// Returns, by unit, what the pages given back tell of a batch's units.
  func units(of hash: Data) throws -> [Int: [Known]] {
    var units: [Int: [Known]] = [:]
    for row in try session.rows(
      "SELECT unit, stamp, declined, position FROM hub_returned WHERE hash = ?1 ORDER BY unit, stamp", [.blob(hash)])
    {
      guard let unit = row[0].integer, let stamp = row[1].integer else { continue }
      units[Int(unit), default: []].append(
        Known(
          stamp: HybridTimestamp(rawValue: UInt64(bitPattern: stamp)), isDeclined: row[2].integer == 1, isMerged: !row[3].isNull))
    }
    return units
  }

  struct Known {
    var stamp: HybridTimestamp
    var isDeclined: Bool
    var isMerged: Bool
  }

  /// Merges a unit of a batch that its author sends again as it was merged before, unless a page brought it already.
  func settle(_ known: [Known], index: Int, content: BatchContent, batch: Int64, hash: Data) throws {
    let open = known.filter { !$0.isMerged }
    guard !open.isEmpty else { return }
    let seen = try transaction.cursors.seen(by: content.cursor, scope: content.scope)
    let isOneAuthors = try transaction.identities.ownership(of: content.replica, number: content.number, scope: content.scope)
    for (number, unit) in open.enumerated() where number == 0 || unit.stamp != open[number - 1].stamp {
      let position = try place(
        content.units[index].changes, of: content, index: index, stamp: unit.stamp, isDeclined: unit.isDeclined, source: (batch, hash),
        seen: seen, isOneAuthors: isOneAuthors)
      try setPosition(position, hash: hash, unit: index, stamp: unit.stamp)
    }
    try IncarnationTable(session: session).count(unitsBack: 1)
  }

  // MARK: Notes

  private func note(_ unit: FeedUnit, on branch: Data, scope: String, position: UInt64?) throws {
    try session.execute(
      """
      INSERT INTO hub_returned (hash, unit, stamp, branch, old_position, scope, declined, position)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
      ON CONFLICT (hash, unit, stamp, branch) DO UPDATE SET position = coalesce(hub_returned.position, excluded.position)
      """,
      [
        .blob(unit.batchHash), .integer(Int64(unit.index)), .integer(Int64(bitPattern: unit.stamp.rawValue)), .blob(branch),
        .integer(Int64(clamping: unit.position)), .text(scope), .integer(unit.isDeclined ? 1 : 0),
        position.map { .integer(Int64(clamping: $0)) } ?? .null,
      ])
    if let position { try setPosition(position, hash: unit.batchHash, unit: unit.index, stamp: unit.stamp) }
  }

  func setPosition(_ position: UInt64, hash: Data, unit: Int, stamp: HybridTimestamp) throws {
    try session.execute(
      "UPDATE hub_returned SET position = ?4 WHERE hash = ?1 AND unit = ?2 AND stamp = ?3 AND position IS NULL",
      [
        .blob(hash), .integer(Int64(unit)), .integer(Int64(bitPattern: stamp.rawValue)), .integer(Int64(clamping: position)),
      ])
  }

  /// Records the hash of a batch number. Two batches of one number are of two devices with one identity: from there on the identity
  /// does not tell whose a write is.
  private func note(_ author: ReplicaID, number: UInt64, hash: Data, scope: String) throws {
    let place: [CellValue] = [.text(scope), .blob(author.bytes), .integer(Int64(clamping: number))]
    try session.execute(
      "INSERT INTO hub_known_batch (scope, replica, number, hash) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING", place + [.blob(hash)])
    transaction.identities.forget()
  }

  /// Records where the losing write of each conflict stood in the history that opened the conflict; several histories may have
  /// opened it.
  private func noteConflicts(_ changes: [RowChange], on history: CursorTranslator.OldPlace) throws {
    for change in changes where change.table == MetadataSchema.conflictTable.name {
      guard let position = change.cells.first(where: { $0.column == "losing_position" })?.value else { continue }
      try session.execute(
        """
        INSERT INTO hub_conflict_place (id, branch, base, position)
        SELECT id, x'', losing_position, losing_position FROM sync_conflict WHERE id = ?1 ON CONFLICT DO NOTHING
        """, [change.key])
      try session.execute(
        "INSERT INTO hub_conflict_place (id, branch, base, position) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        [change.key, .blob(history.branch), .integer(Int64(clamping: history.base)), position])
    }
  }

  /// Keeps the content of a run whose batch the hub does not have, so that the feed can serve it.
  private func keep(_ run: [FeedUnit], scope: String, rules: [String: MergePolicies]) throws -> Int64? {
    guard let head = run.first else { return nil }
    let content = BatchContent(
      replica: head.author, scope: scope, number: head.batchNumber, previous: head.batchNumber == 1 ? Data() : Data(count: 32),
      cursor: head.authorCursor, units: run.map { ChangeUnit(stamp: $0.stamp, changes: $0.changes) }, rules: rules)
    let row = try session.firstRow(
      """
      INSERT INTO hub_returned_batch (scope, replica, number, hash, first_unit, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id
      """,
      [
        .text(scope), .blob(head.author.bytes), .integer(Int64(clamping: head.batchNumber)), .blob(head.batchHash),
        .integer(Int64(head.index)), .blob(try BatchCodec.unsigned(content)),
      ])
    return row?[0].integer.map { -$0 }
  }
}
