internal import Foundation
internal import GRDB
internal import SyncCore
internal import SyncStore

/// Replay of the journal: walks every scope's feed from its beginning, checks positions and hashes, and merges the units into an
/// empty copy. The copy's rows must equal the rows that stand.
///
/// Memory is bounded by one batch and one page of keys; the copy is a file.
struct ReplayExamination {
  let store: ExaminedStore
  let examiner: Examiner
  let hub: ReplicaID

  private static let stepRows = 500

  func run() {
    guard (try? replay()) == true else {
      return examiner.found(
        .replay, vi: "Không diễn lại được nhật ký vì nó bị hỏng ở chỗ đã nêu; chưa so được các dòng với nó.",
        en: "The journal could not be replayed, being damaged where said; the rows were not compared with it.")
    }
    if !isTrimmed { examiner.part { try compare() } }
  }

  /// True when bytes of the journal were trimmed: those batches cannot be replayed.
  private var isTrimmed: Bool { examiner.result.cleared > 0 }

  // MARK: Replay

  /// Walks the feeds.
  ///
  /// - Returns: False when some of the feed could not be read.
  private func replay() throws -> Bool {
    let total = Int(try store.session.integer("SELECT coalesce(sum(units), 0) FROM hub_feed") ?? 0)
    return try store.copy.write { copy in
      let rows = RowStore(session: SQLiteSession(db: copy), shapes: store.shapes)
      let standing = RowStore(session: store.session, shapes: store.shapes)
      let feed = try Row.fetchCursor(
        store.db, sql: "SELECT scope, position, units, batch, first_unit, stamps, hash, declined FROM hub_feed ORDER BY scope, position")
      var isWhole = true
      var (at, opened) = (Place(), Batch?.none)
      while let row = try feed.next() {
        let run = Run(row.cells)
        if run.scope != at.scope {
          try end(at)
          at = Place(scope: run.scope)
        }
        if opened?.id != run.batch { opened = try journalled(run.batch) }
        if opened == nil, let hash = try clearedHash(run.batch), let stamps = run.keptStamps {
          check(run, stamps, hash, &at)
          continue
        }
        guard let batch = opened, let units = batch.units(of: run) else {
          isWhole = false
          (at.position, at.hash) = (run.last, nil)
          continue
        }
        let stamps = run.stamps(sealed: units.map(\.stamp))
        check(run, stamps, batch.hash, &at)
        if !run.isDeclined && !isTrimmed { try merge(run, Array(zip(stamps, units)), of: batch.content, into: rows, beside: standing) }
        examiner.result.units += run.count
        examiner.progress(.replay, examiner.result.units, total)
      }
      try end(at)
      try rows.flush()
      return isWhole
    }
  }

  private struct Run {
    var scope: String
    var position: UInt64
    var count: Int
    var batch: Int64
    var first: Int
    var stamps: Data?
    var hash: Data
    var isDeclined: Bool

    init(_ row: [CellValue]) {
      scope = row[0].text ?? ""
      position = UInt64(clamping: row[1].integer ?? 0)
      count = Int(clamping: min(row[2].integer ?? 0, Int64(WireLimits.unitsMax)))
      batch = row[3].integer ?? 0
      first = Int(clamping: min(row[4].integer ?? 0, Int64(WireLimits.unitsMax)))
      stamps = row[5].blob
      hash = row[6].blob ?? Data()
      isDeclined = row[7].integer == 1
    }

    var last: UInt64 { position + UInt64(max(0, count)) - 1 }

    /// Stamps that the feed itself keeps.
    var keptStamps: [HybridTimestamp]? { stamps.flatMap { try? PackedStamps.read($0, count: count) } }

    func stamps(sealed: [HybridTimestamp]) -> [HybridTimestamp] {
      keptStamps ?? sealed
    }
  }

  private struct Batch {
    var id: Int64
    var hash: Data
    var content: BatchContent
    /// Index in the batch of the first unit of `content`.
    var firstUnit: Int

    func units(of run: Run) -> ArraySlice<ChangeUnit>? {
      let start = run.first - firstUnit
      guard start >= 0, run.count > 0, start + run.count <= content.units.count else { return nil }
      return content.units[start..<start + run.count]
    }
  }

  /// Position up to which a scope's feed was walked.
  private struct Place {
    var scope = ""
    var position: UInt64 = 0
    /// Feed hash at the position; nil after a run that could not be read.
    var hash: Data? = Data(count: ScopeOrder.hashBytes)
  }

  private func journalled(_ id: Int64) throws -> Batch? {
    // Takes restored content for an id below 0: pages that were given back told of a batch that the hub had lost.
    let row =
      id > 0
      ? try store.session.firstRow("SELECT hash, bytes, 0 FROM hub_batch WHERE id = ?1", [.integer(id)])
      : try store.session.firstRow("SELECT hash, bytes, first_unit FROM hub_returned_batch WHERE id = ?1", [.integer(-id)])
    guard let hash = row?[0].blob, let bytes = row?[1].blob, let content = try? BatchCodec.reopen(SealedBatch(bytes: bytes)) else {
      return nil
    }
    return Batch(id: id, hash: hash, content: content, firstUnit: Int(clamping: row?[2].integer ?? 0))
  }

  /// Returns the hash of a batch whose bytes were trimmed; nil for other batches.
  private func clearedHash(_ id: Int64) throws -> Data? {
    try store.session.firstRow("SELECT hash FROM hub_batch WHERE id = ?1 AND length(bytes) = 0", [.integer(id)])?[0].blob
  }

  private func check(_ run: Run, _ stamps: [HybridTimestamp], _ batch: Data, _ at: inout Place) {
    if run.position != at.position + 1 {
      examiner.found(
        .feed, vi: "Bảng tin của đơn vị \(run.scope) bỏ cách quãng trước vị trí \(run.position). \(Examiner.restore.vi)",
        en: "The feed of unit \(run.scope) has a gap before position \(run.position). \(Examiner.restore.en)")
    }
    if let before = at.hash {
      let expected = ScopeOrder.link(
        before, batch: batch, position: run.position, firstUnit: run.first, isDeclined: run.isDeclined, stamps: stamps)
      if expected != run.hash {
        examiner.found(
          .feed, vi: "Bảng tin của đơn vị \(run.scope) ở vị trí \(run.position) không khớp chuỗi băm của nó. \(Examiner.restore.vi)",
          en: "The feed of unit \(run.scope) at position \(run.position) does not match its chain of hashes. \(Examiner.restore.en)")
      }
    }
    (at.position, at.hash) = (run.last, run.hash)
  }

  /// Checks that the walk ended where the scope's state says that its feed ends.
  private func end(_ at: Place) throws {
    guard !at.scope.isEmpty else { return }
    let row = try store.session.firstRow("SELECT position, hash FROM hub_scope WHERE scope = ?1", [.text(at.scope)])
    if row?[0].integer == Int64(clamping: at.position), at.hash == nil || row?[1].blob == at.hash { return }
    examiner.found(
      .feed, vi: "Bảng tin của đơn vị \(at.scope) kết thúc ở \(at.position), không phải chỗ đơn vị ghi. \(Examiner.restore.vi)",
      en: "The feed of unit \(at.scope) ends at \(at.position), not where the unit says. \(Examiner.restore.en)")
  }

  private func merge(
    _ run: Run, _ units: [(HybridTimestamp, ChangeUnit)], of content: BatchContent, into rows: RowStore, beside standing: RowStore
  ) throws {
    let author = content.replica
    for (offset, (stamp, unit)) in units.enumerated() {
      let origin = Origin(version: Version(stamp, author), position: run.position + UInt64(offset))
      for change in unit.changes {
        guard let shape = rows.shape(change.table) else { continue }
        // Skips a deletion that the hub wrote for devices only: it declined a change of another scope's row, and its own row stays.
        if author == hub, try standing.load(shape, key: change.key, in: run.scope)?.scope != run.scope { continue }
        let stored = try rows.load(shape, key: change.key, in: run.scope)
        let before = stored.flatMap { $0.scope == run.scope ? $0.state : nil } ?? .unknown
        let cells = try rows.prepare(change, shape, rules: content.rules[change.table] ?? [:])
        let incoming = IncomingChange(life: change.life, cells: cells, origin: origin, seenThrough: .max)
        let outcome = Merge.join(before, incoming, policies: try rows.policies(shape))
        guard outcome.changed || outcome.state != before else { continue }
        if try standing.standsElsewhere(shape, key: change.key, than: run.scope) {
          // Writes only the record: the row took a key of another scope and had to give it back, so its table no longer has it.
          try rows.saveMetadata(outcome.state, shape: shape, key: change.key, scope: run.scope)
        } else {
          try rows.save(outcome, over: before, shape: shape, key: change.key, scope: run.scope)
        }
      }
    }
  }

  // MARK: Compare

  private func compare() throws {
    try store.copy.read { copy in
      let session = SQLiteSession(db: copy)
      let (replayed, standing) = (RowStore(session: session, shapes: store.shapes), RowStore(session: store.session, shapes: store.shapes))
      for shape in store.replicated {
        try compare(shape, replayed, standing)
        try compare(shape, standing, replayed, isReverse: true)
      }
    }
  }

  /// Reports the rows of one store that the other has differently; in reverse only the rows that the other lacks.
  private func compare(_ shape: TableShape, _ some: RowStore, _ others: RowStore, isReverse: Bool = false) throws {
    var last: [CellValue]?
    while true {
      let page = try some.records(of: shape, after: last, limit: Self.stepRows)
      for row in page {
        let other = try others.load(shape, key: row[0], in: row[1].text)
        if isReverse && other != nil { continue }
        let one = try some.load(shape, key: row[0], in: row[1].text)
        if one?.scope == other?.scope && one?.state == other?.state { continue }
        examiner.found(
          .replay,
          vi: "Diễn lại nhật ký cho dòng \(row[0].logText) của bảng \(shape.name) khác với dòng đang có. \(Examiner.restore.vi)",
          en: "Replaying the journal gives row \(row[0].logText) of table \(shape.name) another state than it has. \(Examiner.restore.en)")
      }
      guard page.count == Self.stepRows else { return }
      last = page.last
    }
  }
}
