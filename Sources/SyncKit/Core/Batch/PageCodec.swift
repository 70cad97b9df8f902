package import Foundation
internal import SwiftProtobuf

/// Unit at its position in a scope's feed.
package struct FeedUnit: Hashable, Sendable {
  package var position: UInt64
  package var author: ReplicaID
  package var batchNumber: UInt64
  package var batchHash: Data
  /// Index of the unit in its batch.
  package var index: Int
  /// Stamp under which the unit was merged; differs from the author's when the author's clock was too far ahead.
  package var stamp: HybridTimestamp
  /// Changes; empty for the reader's own units, which come back as acknowledgements.
  package var changes: [RowChange]
  /// True when an operator declined the unit: it has a position, but its changes are not merged.
  package var isDeclined = false
  /// Cursor of the author: what it had seen.
  package var authorCursor = Data()

  package init(
    position: UInt64, author: ReplicaID, batchNumber: UInt64, batchHash: Data, index: Int, stamp: HybridTimestamp, changes: [RowChange],
    isDeclined: Bool = false, authorCursor: Data = Data()
  ) {
    self.position = position
    self.author = author
    self.batchNumber = batchNumber
    self.batchHash = batchHash
    self.index = index
    self.stamp = stamp
    self.changes = changes
    self.isDeclined = isDeclined
    self.authorCursor = authorCursor
  }
}

/// Content of a feed page.
package struct PageContent: Sendable {
  package var hub: ReplicaID
  package var incarnation: Data
  package var reader: ReplicaID
  /// Scope; empty when there was nothing to send.
  package var scope: String
  package var units: [FeedUnit]
  package var feedHash: Data
  package var cursor: Data
  package var isHead: Bool
  package var hubTimeMs: UInt64
  /// Digests of the reader's scopes at the hub; only at the head of the feed.
  package var digests: [TableDigest] = []
  /// Positions that backups of the hub hold, by scope.
  package var backedUp: [String: UInt64] = [:]
  /// Present key of the reader's unit, when the reader reported another one.
  package var unitKey: WireSealedUnitKey?
  /// Numbers of units in each run, over which the feed's running hash is computed.
  package var runLengths: [Int] = []

  /// Merge policies as the hub has them; see `BatchContent.rules`.
  package var rules: [String: MergePolicies] = [:]

  package init(
    hub: ReplicaID, incarnation: Data, reader: ReplicaID, scope: String, units: [FeedUnit], feedHash: Data, cursor: Data, isHead: Bool,
    hubTimeMs: UInt64, digests: [TableDigest] = [], backedUp: [String: UInt64] = [:], unitKey: WireSealedUnitKey? = nil,
    runLengths: [Int] = [], rules: [String: MergePolicies] = [:]
  ) {
    self.hub = hub
    self.incarnation = incarnation
    self.reader = reader
    self.scope = scope
    self.units = units
    self.feedHash = feedHash
    self.cursor = cursor
    self.isHead = isHead
    self.hubTimeMs = hubTimeMs
    self.digests = digests
    self.backedUp = backedUp
    self.unitKey = unitKey
    self.runLengths = runLengths
    self.rules = rules
  }

  package var lastPosition: UInt64? { units.last?.position }
}

/// Encodes a feed page's content to signed bytes, and decodes it. Pure.
package enum PageCodec {
  static let format: UInt32 = 1

  /// Consecutive units of one batch, as the hub's feed has them.
  package struct Run {
    package var author: ReplicaID
    package var batchHash: Data
    package var batchNumber: UInt64
    package var firstUnit: Int
    package var authorCursor: Data
    package var stamps: [HybridTimestamp]
    /// Changes of each stamp's unit; all empty when the reader is the author, or the units were declined.
    package var changes: [[RowChange]]
    package var isDeclined = false

    package init(
      author: ReplicaID, batchHash: Data, batchNumber: UInt64, firstUnit: Int, authorCursor: Data, stamps: [HybridTimestamp],
      changes: [[RowChange]], isDeclined: Bool = false
    ) {
      self.author = author
      self.batchHash = batchHash
      self.batchNumber = batchNumber
      self.firstUnit = firstUnit
      self.authorCursor = authorCursor
      self.stamps = stamps
      self.changes = changes
      self.isDeclined = isDeclined
    }
  }

  package static func seal(_ page: PageContent, firstPosition: UInt64, runs: [Run], with key: SigningKey) throws -> Data {
    var wire = WireFeedPage()
    wire.format = format
    wire.hub = page.hub.bytes
    wire.incarnation = page.incarnation
    wire.reader = page.reader.bytes
    wire.scope = page.scope
    wire.firstPosition = firstPosition
    wire.runs = runs.map(Self.wire)
    wire.tables = try TableCoder.encode(runs.flatMap(\.changes), rules: page.rules)
    wire.feedHash = page.feedHash
    wire.cursor = page.cursor
    wire.head = page.isHead
    wire.hubTimeMs = page.hubTimeMs
    wire.digests = page.digests.map { digest in
      var part = WireDigest()
      part.scope = digest.scope
      part.table = digest.table
      part.sum = digest.sum
      part.rows = UInt64(digest.rows)
      return part
    }
    wire.backedUp = page.backedUp.sorted { $0.key < $1.key }.map { scope, position in
      var place = WireScopePosition()
      (place.scope, place.position) = (scope, position)
      return place
    }
    if let unitKey = page.unitKey { wire.unitKey = unitKey }
    return try key.sealed(try wire.serializedData(), as: .page)
  }

  static func wire(_ run: Run) -> WireFeedRun {
    var part = WireFeedRun()
    part.replica = run.author.bytes
    part.batch = run.batchHash
    part.number = run.batchNumber
    part.firstUnit = UInt32(run.firstUnit)
    part.authorCursor = run.authorCursor
    part.declined = run.isDeclined
    var last: UInt64 = 0
    part.stamps = run.stamps.map { stamp in
      defer { last = stamp.rawValue }
      let step = Int64(bitPattern: stamp.rawValue &- last)
      return UInt64(bitPattern: step << 1) ^ UInt64(bitPattern: step >> 63)
    }
    return part
  }

  /// Checks a page, and returns its content.
  ///
  /// - Throws: `SyncError` when the page is damaged or not this hub's.
  package static func open(_ bytes: Data, hub: VerifyingKey) throws -> PageContent {
    guard bytes.count <= WireLimits.pageBytesMax else { throw tooLarge }
    return try content(of: try hub.open(bytes, as: .page), hub: hub.replica)
  }

  /// Decodes a body whose signature was checked.
  static func content(of body: Data, hub: ReplicaID) throws -> PageContent {
    let wire = try WireFeedPage.parse(body, named: LocalizedText(vi: "trang dữ liệu", en: "feed page"))
    guard wire.format == format, let reader = ReplicaID(bytes: wire.reader), ReplicaID(bytes: wire.hub) == hub,
      wire.cursor.count <= WireLimits.cursorBytesMax, wire.incarnation.count == 16, wire.firstPosition < 1 << 62,
      wire.runs.isEmpty || (TableCoder.isName(wire.scope) && wire.firstPosition >= 1)
    else { throw ByteReader.short }
    var positions: [UInt64] = []
    var position = wire.firstPosition
    for run in wire.runs {
      positions.append(position)
      position += UInt64(run.stamps.count)
    }
    var units = try units(of: wire.runs, positions: positions)
    for (index, changes) in try TableCoder.decode(wire.tables, unitCount: units.count).enumerated() { units[index].changes = changes }
    var page = PageContent(
      hub: hub, incarnation: wire.incarnation, reader: reader, scope: wire.scope, units: units, feedHash: wire.feedHash,
      cursor: wire.cursor, isHead: wire.head, hubTimeMs: wire.hubTimeMs, digests: try digests(wire.digests),
      backedUp: Dictionary(wire.backedUp.map { ($0.scope, $0.position) }, uniquingKeysWith: max),
      runLengths: wire.runs.map(\.stamps.count).filter { $0 > 0 }, rules: try TableCoder.rules(of: wire.tables))
    if wire.hasUnitKey { page.unitKey = wire.unitKey }
    return page
  }

  /// Returns the units of runs, without changes.
  ///
  /// - Parameter positions: Position of each run's first unit.
  static func units(of runs: [WireFeedRun], positions: [UInt64]) throws -> [FeedUnit] {
    guard runs.reduce(0, { $0 + $1.stamps.count }) <= WireLimits.unitsMax else { throw ByteReader.short }
    var units: [FeedUnit] = []
    for (run, first) in zip(runs, positions) {
      guard let author = ReplicaID(bytes: run.replica), first >= 1, first < 1 << 62 else { throw ByteReader.short }
      var last: UInt64 = 0
      for (offset, step) in run.stamps.enumerated() {
        last = last &+ (step >> 1 ^ (0 &- (step & 1)))
        units.append(
          FeedUnit(
            position: first + UInt64(offset), author: author, batchNumber: run.number, batchHash: run.batch,
            index: Int(run.firstUnit) + offset, stamp: HybridTimestamp(rawValue: last), changes: [], isDeclined: run.declined,
            authorCursor: run.authorCursor))
      }
    }
    return units
  }

  static var tooLarge: SyncError {
    SyncError(
      .tooLarge, vi: "Trang dữ liệu lớn hơn \(WireLimits.pageBytesMax >> 20) MiB.",
      en: "The feed page is larger than \(WireLimits.pageBytesMax >> 20) MiB.", expected: UInt64(WireLimits.pageBytesMax))
  }

  private static func digests(_ wire: [WireDigest]) throws -> [TableDigest] {
    guard wire.count <= WireLimits.digestsMax else { throw ByteReader.short }
    return try wire.map { part in
      guard part.sum.count == 16, let rows = Int(exactly: part.rows) else { throw ByteReader.short }
      return TableDigest(scope: part.scope, table: part.table, sum: part.sum, rows: rows)
    }
  }
}
