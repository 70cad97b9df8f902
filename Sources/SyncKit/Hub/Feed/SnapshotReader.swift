internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Reader of snapshots: makes pages of one scope's rows for one device. Pages are read at different moments of the store. The feed
/// from the position where the snapshot began brings what changed meanwhile; merging a change again has no effect.
struct SnapshotReader {
  let session: any HubSession
  let tables: HubTables
  let key: SigningKey
  let wallMs: UInt64
  var rowsMax = Self.rowsMax
  var bytesMax = Self.bytesMax

  /// Rows in one page; each may be a write of its own.
  static let rowsMax = 4000
  /// Uncompressed bytes of values in one page: below `WireLimits.pageBytesMax` with room for the page's frame.
  static let bytesMax = 8 << 20
  /// Smallest page that a reader on a bad link may ask for, in bytes of values.
  static let bytesAskedMin = 4 << 10
  /// Runs read for the acknowledgements of one page.
  static let runsMax = 500
  /// Rows read from the store at a time.
  private static let rowsPerRead = 500

  /// Returns the next page of a snapshot.
  ///
  /// - Parameters:
  ///   - cursor: The reader's cursor.
  ///   - place: Continuation of the snapshot from the page before; empty to begin one.
  /// - Throws: `SyncError` `.badCursor` when this hub, in its present incarnation, issued no such cursor or continuation.
  func page(of scope: String, reader: ReplicaID, cursor bytes: Data, place: Data) throws -> Data {
    var cursor = try FeedReader.cursor(bytes, in: session)
    let incarnation = try IncarnationTable(session: session).present()
    var place = try place.isEmpty ? begin(scope, cursor: cursor, in: incarnation) : checked(place, scope: scope, in: incarnation)
    var page = SnapshotContent(
      hub: key.replica, incarnation: incarnation, reader: reader, scope: scope, hubTimeMs: wallMs,
      rowCount: Int(try session.integer("SELECT coalesce(sum(live), 0) FROM sync_digest WHERE scope = ?1", [.text(scope)]) ?? 0))
    let runs = try acknowledgements(of: reader, scope: scope, place: &place)
    let isAcknowledged = place.acknowledged >= place.start.position
    let isEnd = try isAcknowledged && fill(&page, place: &place)
    if isEnd {
      cursor.incarnation = incarnation
      cursor.scopes.removeAll { $0.scope == scope }
      if place.start.position > 0 { cursor.scopes.append(place.start) }
      page.cursor = try cursor.serializedData()
      page.position = place.start.position
    } else {
      page.next = try place.serializedData()
    }
    page.rules = try RowStore(session: session, shapes: tables.byName).rules(of: Set(page.rows.map(\.table)))
    return try SnapshotCodec.seal(page, runs: runs, with: key)
  }

  private func begin(_ scope: String, cursor: WireCursor, in incarnation: Data) throws -> WireSnapshotPlace {
    let state = try ScopeOrder(session: session).state(scope)
    var place = WireSnapshotPlace()
    place.incarnation = incarnation
    place.start.scope = scope
    place.start.position = state.position
    if state.position > 0 { place.start.feedHash = state.hash }
    place.acknowledged = cursor.scopes.first { $0.scope == scope }?.position ?? 0
    return place
  }

  private func checked(_ bytes: Data, scope: String, in incarnation: Data) throws -> WireSnapshotPlace {
    let place = try WireSnapshotPlace.parse(bytes, named: LocalizedText(vi: "vị trí tải gộp", en: "snapshot place"))
    guard place.incarnation == incarnation, place.start.scope == scope, place.acknowledged < 1 << 62,
      try place.start.position == 0 || CursorTranslator(session: session).isHere(place.start)
    else { throw FeedReader.badCursor }
    return place
  }

  // MARK: Acknowledgements

  /// Returns the reader's own units between `place.acknowledged` and the beginning of the snapshot, as runs.
  private func acknowledgements(
    of reader: ReplicaID, scope: String, place: inout WireSnapshotPlace
  ) throws -> [(position: UInt64, run: PageCodec.Run)] {
    guard place.acknowledged < place.start.position else { return [] }
    var runs: [(position: UInt64, run: PageCodec.Run)] = []
    var units = 0
    let line = try HubIdentityHistory(session: session).line(of: reader, scope: scope)
    let own = line.keys.map { CellValue.blob($0.bytes) }
    let log = try session.rows(
      """
      SELECT f.position, f.units, f.first_unit, f.stamps, coalesce(b.replica, r.replica), coalesce(b.number, r.number),
        coalesce(b.hash, r.hash), f.declined, f.batch
      FROM hub_feed f LEFT JOIN hub_batch b ON b.id = f.batch LEFT JOIN hub_returned_batch r ON r.id = -f.batch
      WHERE f.scope = ?1 AND f.position > ?2 AND f.position <= ?3 AND coalesce(b.replica, r.replica) IN (\(own.indices.map { "?\($0 + 4)" }.joined(separator: ", "))) ORDER BY f.position LIMIT \(Self.runsMax)
      """, [.text(scope), .integer(Int64(clamping: place.acknowledged)), .integer(Int64(clamping: place.start.position))] + own)
    for row in log {
      guard let position = row[0].integer, let count = row[1].integer, let first = row[2].integer,
        let author = row[4].blob.flatMap(ReplicaID.init(bytes:)), let number = row[5].integer, let hash = row[6].blob,
        let id = row[8].integer
      else { throw ByteReader.short }
      if units > 0 && units + Int(count) > WireLimits.unitsMax { return runs }
      place.acknowledged = UInt64(position)
      guard line[author].map({ UInt64(max(0, number)) <= $0 }) ?? false else { continue }
      let stamps =
        try row[3].blob.map { try PackedStamps.read($0, count: Int(count)) } ?? sealedStamps(id, first: Int(first), count: Int(count))
      let run = PageCodec.Run(
        author: author, batchHash: hash, batchNumber: UInt64(number), firstUnit: Int(first), authorCursor: Data(), stamps: stamps,
        changes: [], isDeclined: row[7].integer == 1)
      runs.append((UInt64(position), run))
      units += Int(count)
    }
    if log.count < Self.runsMax { place.acknowledged = place.start.position }
    return runs
  }

  private func sealedStamps(_ batch: Int64, first: Int, count: Int) throws -> [HybridTimestamp] {
    let source = try FeedReader(session: session, tables: tables, key: key, wallMs: wallMs).source(batch)
    let stamps = source.content.units.dropFirst(first - source.firstUnit).prefix(count).map(\.stamp)
    guard stamps.count == count else { throw ByteReader.short }
    return stamps
  }

  // MARK: Rows

  /// Adds rows to the page, from `place` on, and moves `place`.
  ///
  /// - Returns: Whether these were the last rows.
  private func fill(_ page: inout SnapshotContent, place: inout WireSnapshotPlace) throws -> Bool {
    let store = RowStore(session: session, shapes: tables.byName)
    let shapes = try shapes(store).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var bytes = 0
    for shape in shapes where !shape.name.utf8.lexicographicallyPrecedes(place.table.utf8) {
      var inflated = 0
      var after = try shape.name == place.table && place.hasKey ? TableCoder.key(place.key, inflatedBytes: &inflated) : nil
      var range = SnapshotRange(table: shape.name, after: after)
      while true {
        let limit = min(Self.rowsPerRead, rowsMax - page.rows.count)
        let read = limit > 0 ? try store.rows(of: shape, scope: page.scope, after: after, limit: limit) : []
        if read.isEmpty && limit > 0 { break }
        for (key, state) in read {
          var row = SnapshotRow(table: shape.name, key: key, state: state)
          let sent = Int(place.cells)
          let (cells, size) = row.cut(from: sent, bytesMax: bytesMax, always: CellName(shape.declaration.scopeColumn))
          let isWhole = sent + cells >= state.cells.count
          if bytes > 0 && bytes + size > bytesMax { return try stop(&page, range, after: after, sent, place: &place) }
          page.rows.append(row)
          // Continues the row of the page before within that page's range.
          if sent > 0 { range.after = key }
          range.through = key
          bytes += size
          guard isWhole else { return try stop(&page, range, after: after, sent + cells, place: &place) }
          (after, place.cells) = (key, 0)
        }
        if page.rows.count >= rowsMax { return try stop(&page, range, after: after, 0, place: &place) }
      }
      range.through = nil
      page.ranges.append(range)
    }
    return true
  }

  /// Returns all replicated tables, also those that only newer programs know: the hub keeps their rows, too.
  private func shapes(_ store: RowStore) throws -> [TableShape] {
    let aside = try store.aside
    return tables.byName.values.filter { $0.declaration.kind == .replicated }
      + aside.tables.filter { aside.isUnknown($0) && tables.byName[$0] == nil }.map(TableShape.unknown)
  }

  /// Ends a page before the row that follows `after`, or within that row when `cells` of it were sent.
  private func stop(
    _ page: inout SnapshotContent, _ range: SnapshotRange, after: CellValue?, _ cells: Int, place: inout WireSnapshotPlace
  ) throws -> Bool {
    if range.through != nil, range.through != range.after { page.ranges.append(range) }
    place.table = range.table
    if let after { place.key = try ColumnCoder.encode(name: "", cells: [after]) } else { place.clearKey() }
    place.cells = UInt32(cells)
    return false
  }
}

extension SnapshotRow {
  /// Keeps only the cells from the `first`-th on, as many as `bytesMax` allows but at least one, and always the cell `always`,
  /// without which no row can stand.
  ///
  /// - Returns: How many cells these are, and an upper bound of the row's size in bytes.
  fileprivate mutating func cut(from first: Int, bytesMax: Int, always: CellName) -> (cells: Int, bytes: Int) {
    var (count, bytes) = (0, key.approximateBytes + 24)
    for (name, cell) in state.cells.dropFirst(first) {
      bytes += CellChange(name.column, cell.value, part: name.part).approximateBytes + 12
      if bytes > bytesMax && count > 0 { break }
      count += 1
    }
    if first > 0 || count < state.cells.count {
      let kept = Set(state.cells.keys.dropFirst(first).prefix(count) + [always])
      state.cells = state.cells.filter { kept.contains($0.key) }
    }
    return (count, bytes)
  }
}
