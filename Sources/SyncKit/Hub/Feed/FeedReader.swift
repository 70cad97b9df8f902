internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Reader of the feed: makes pages for one device, from one snapshot of the hub's store.
struct FeedReader {
  let session: any HubSession
  let tables: HubTables
  let key: SigningKey
  let wallMs: UInt64
  var firstUnitsMax = Self.firstUnitsMax
  /// Largest size of a signed page in bytes; nil for the limit of every page.
  var bytesMax: Int?
  /// Encrypted unit key that the page carries.
  var unitKey: WireSealedUnitKey?

  /// Runs in one page.
  static let runsMax = 200
  /// Sizes after which a page ends, at the next end of a run; a run is never divided. Bytes are uncompressed bytes of values: what
  /// a reader has to hold in memory, and an upper bound on what travels.
  static let pageUnitsSoftMax = 2000
  static let pageBytesSoftMax = 4 << 20
  /// Bytes of a sealed page of more than one run: a device gives its pages back to a restored hub (L11), perhaps through a proxy that
  /// takes a MiB as it comes.
  static let pageBytesMost = 900 << 10
  /// Uncompressed bytes that a page never exceeds: a run that would exceed them begins the next page. Larger than any run, and
  /// below `WireLimits.pageBytesMax` with room for the page's frame.
  static let pageBytesHardMax = 12 << 20
  /// Units in a scope's feed above which a new reader fetches the scope as a snapshot.
  static let firstUnitsMax = 4000

  /// Returns the next page after `cursor`, of the first of `scopes` that has one.
  ///
  /// - Parameter scopes: Scopes that the reader may read, widest first: reference data comes before what refers to it.
  /// - Throws: `SyncError` `.badCursor` when the hub never issued such a cursor in its present incarnation, `.rebase` when the
  ///   scope must be fetched as a snapshot, `.tooLarge` when not even one run fits into `bytesMax`; `expected` then is the size
  ///   that fits.
  func page(after bytes: Data, reader: ReplicaID, scopes: [String]) throws -> Data {
    var runsMax = Self.runsMax
    while true {
      let page = try page(after: bytes, reader: reader, scopes: scopes, runsMax: runsMax)
      let most = min(bytesMax ?? .max, Self.pageBytesMost)
      guard page.bytes.count > most else { return page.bytes }
      guard page.runs > 1 else {
        guard let bytesMax, page.bytes.count > bytesMax else { return page.bytes }
        throw SyncError(
          .tooLarge, vi: "Phần mới của tỉnh cần \(page.bytes.count) byte, hơn mức cho phép của lần này.",
          en: "What is new at the hub takes \(page.bytes.count) bytes, more than this exchange may use.", expected: UInt64(page.bytes.count)
        )
      }
      runsMax = max(1, min(page.runs - 1, page.runs * most / page.bytes.count))
    }
  }

  private func page(
    after bytes: Data, reader: ReplicaID, scopes: [String], runsMax: Int
  ) throws -> (bytes: Data, runs: Int) {
    var cursor = try Self.cursor(bytes, in: session)
    let incarnation = try IncarnationTable(session: session).present()
    cursor.incarnation = incarnation
    var page = PageContent(
      hub: key.replica, incarnation: incarnation, reader: reader, scope: "", units: [], feedHash: Data(), cursor: Data(), isHead: false,
      hubTimeMs: wallMs)
    var runs: [PageCodec.Run] = []
    var first: UInt64 = 0
    for scope in scopes {
      let known = cursor.scopes.first { $0.scope == scope }
      let position = known?.position ?? 0
      if position == 0, known?.earlier.isEmpty ?? true, try ScopeOrder(session: session).state(scope).position > UInt64(firstUnitsMax) {
        throw SyncError.rebase(scope)
      }
      guard let read = try self.runs(of: scope, after: position, reader: reader, runsMax: runsMax) else { continue }
      page.scope = scope
      page.feedHash = read.hash
      (runs, first) = (read.runs, position + 1)
      cursor.scopes.removeAll { $0.scope == scope }
      var place = WireScopePosition()
      place.scope = scope
      place.position = position + UInt64(read.runs.reduce(0) { $0 + $1.stamps.count })
      place.feedHash = read.hash
      place.earlier = known?.earlier ?? []
      cursor.scopes.append(place)
      break
    }
    page.isHead = try scopes.allSatisfy { scope in
      let position = cursor.scopes.first { $0.scope == scope }?.position ?? 0
      return try session.integer("SELECT coalesce(max(position), 0) FROM hub_scope WHERE scope = ?1", [.text(scope)]) ?? 0
        <= Int64(position)
    }
    if page.isHead { page.digests = try digests(of: scopes, for: reader) }
    page.cursor = try cursor.serializedData()
    page.unitKey = unitKey
    page.backedUp = try BackupLog(session: session).positions(scopes)
    let names = Set(runs.flatMap { $0.changes.joined().map(\.table) })
    page.rules = try RowStore(session: session, shapes: tables.byName).rules(of: names)
    return (try PageCodec.seal(page, firstPosition: first, runs: runs, with: key), runs.count)
  }

  private func digests(of scopes: [String], for reader: ReplicaID) throws -> [TableDigest] {
    var held: [String: [String: Set<CellValue>]] = [:]
    for scope in scopes {
      // Includes held units of the identities that the reader succeeded: they are the reader's own.
      for (replica, end) in try HubIdentityHistory(session: session).line(of: reader, scope: scope) {
        for row in try session.rows(
          "SELECT DISTINCT tbl, key FROM hub_held_row WHERE replica = ?1 AND scope = ?2 AND number <= ?3",
          [.blob(replica.bytes), .text(scope), .integer(Int64(clamping: end))])
        {
          if let table = row[0].text { held[scope, default: [:]][table, default: []].insert(row[1]) }
        }
      }
    }
    let book = DigestTable(session: session)
    return try scopes.flatMap { try book.digests(of: $0, without: held[$0] ?? [:], shapes: tables.byName) }
  }

  /// Decodes a cursor and returns its positions in this store's feed. Positions of earlier incarnations are translated; the hub
  /// must know each one.
  static func cursor(_ bytes: Data, in session: any HubSession) throws -> WireCursor {
    guard !bytes.isEmpty else { return WireCursor() }
    let cursor = try WireCursor.parse(bytes, named: LocalizedText(vi: "con trỏ", en: "cursor"))
    guard cursor.scopes.count <= WireLimits.tablesMax else { throw badCursor }
    let places = CursorTranslator(session: session)
    var here = WireCursor()
    for place in cursor.scopes {
      guard let known = try places.translate(place) else { throw badCursor }
      here.scopes.append(known)
    }
    return here
  }

  private func runs(
    of scope: String, after position: UInt64, reader: ReplicaID, runsMax: Int
  ) throws -> (runs: [PageCodec.Run], hash: Data)? {
    var runs: [PageCodec.Run] = []
    var hash = Data()
    var (units, rows, bytes) = (0, 0, 0)
    var opened: (id: Int64, source: Source)?
    let line = try HubIdentityHistory(session: session).line(of: reader, scope: scope)
    // Reads the runs without the bytes of their batches, because one batch may have many runs.
    let log = try session.rows(
      """
      SELECT units, first_unit, stamps, hash, batch, declined
      FROM hub_feed WHERE scope = ?1 AND position > ?2 ORDER BY position LIMIT \(runsMax)
      """, [.text(scope), .integer(Int64(clamping: position))])
    for row in log {
      guard let count = row[0].integer, let firstUnit = row[1].integer, let runHash = row[3].blob, let id = row[4].integer else {
        throw ByteReader.short
      }
      let source = try opened.flatMap { $0.id == id ? $0.source : nil } ?? source(id)
      opened = (id, source)
      let content = source.content
      let start = Int(firstUnit) - source.firstUnit
      let range = start..<start + Int(count)
      guard range.lowerBound >= 0, range.upperBound <= content.units.count else { throw ByteReader.short }
      let isDeclined = row[5].integer == 1
      // Leaves out the changes that the reader wrote itself, also under an identity that it succeeded.
      let isOwn = line[content.replica].map { content.number <= $0 } ?? false
      let changes = isOwn || isDeclined ? range.map { _ in [] } : content.units[range].map(\.changes)
      let (moreRows, moreBytes) = changes.joined().reduce((0, 0)) { ($0.0 + 1, $0.1 + $1.approximateBytes) }
      // Ends the page before the protocol's limits, however large its runs.
      let isFull =
        units + range.count > WireLimits.unitsMax / 2 || rows + moreRows > WireLimits.rowsMax || bytes + moreBytes > Self.pageBytesHardMax
      if isFull && !runs.isEmpty { break }
      let stamps = try row[2].blob.map { try PackedStamps.read($0, count: range.count) } ?? content.units[range].map(\.stamp)
      runs.append(
        PageCodec.Run(
          author: content.replica, batchHash: source.hash, batchNumber: content.number, firstUnit: Int(firstUnit),
          authorCursor: content.cursor,
          stamps: stamps, changes: changes, isDeclined: isDeclined))
      hash = runHash
      units += range.count
      rows += moreRows
      bytes += moreBytes
      if units >= Self.pageUnitsSoftMax || bytes >= Self.pageBytesSoftMax { break }
    }
    return runs.isEmpty ? nil : (runs, hash)
  }

  /// Batch from which a run is taken.
  struct Source {
    var content: BatchContent
    var hash: Data
    /// Index in the batch of the first unit of `content`.
    var firstUnit: Int
  }

  /// Returns a batch of the journal. For an id below 0 returns what restored pages told of a batch that the hub lost (L11).
  ///
  /// - Throws: `SyncError` `.rebase` when the batch's bytes were trimmed.
  func source(_ id: Int64) throws -> Source {
    let row =
      id > 0
      ? try session.firstRow("SELECT bytes, hash, 0, scope FROM hub_batch WHERE id = ?1", [.integer(id)])
      : try session.firstRow("SELECT bytes, hash, first_unit, scope FROM hub_returned_batch WHERE id = ?1", [.integer(-id)])
    guard let bytes = row?[0].blob, let hash = row?[1].blob, let first = row?[2].integer else { throw ByteReader.short }
    guard !bytes.isEmpty else { throw SyncError.rebase(row?[3].text ?? "") }
    return Source(content: try BatchCodec.reopen(SealedBatch(bytes: bytes)), hash: hash, firstUnit: Int(first))
  }

  static var badCursor: SyncError {
    SyncError(
      .badCursor,
      vi:
        "Máy chủ không nhận ra vị trí của thiết bị: có thể nó vừa được khôi phục từ bản cũ. Báo cho người vận hành; không mất gì trên máy này.",
      en:
        "The hub does not know this device's position: it may have been restored from an older copy. Tell the operator; nothing on this device is lost."
    )
  }
}
