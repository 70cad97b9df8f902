package import Foundation
internal import SwiftProtobuf

/// Row of a snapshot: its whole state, or some of its cells when one page cannot hold it.
package struct SnapshotRow: Sendable {
  package var table: String
  package var key: CellValue
  package var state: RowState

  package init(table: String, key: CellValue, state: RowState) {
    self.table = table
    self.key = key
    self.state = state
  }
}

/// Range of keys of one table: above `after`, up to and including `through`; nil leaves that end open.
package struct SnapshotRange: Hashable, Sendable {
  package var table: String
  package var after: CellValue?
  package var through: CellValue?

  package init(table: String, after: CellValue? = nil, through: CellValue? = nil) {
    self.table = table
    self.after = after
    self.through = through
  }
}

/// Content of a snapshot page.
package struct SnapshotContent: Sendable {
  package var hub: ReplicaID
  package var incarnation: Data
  package var reader: ReplicaID
  package var scope: String
  /// Reader's own units merged before the snapshot began, each at its position.
  package var acknowledgements: [FeedUnit] = []
  package var rows: [SnapshotRow] = []
  /// Ranges that `rows` covers completely, except for cells of the last row that a later page adds.
  package var ranges: [SnapshotRange] = []
  /// Continuation of the snapshot; empty on the last page.
  package var next = Data()
  /// Cursor from which the feed continues; on the last page only.
  package var cursor = Data()
  /// Position of the feed at that cursor; on the last page only.
  package var position: UInt64 = 0
  package var hubTimeMs: UInt64
  /// Number of living rows in the scope.
  package var rowCount = 0
  /// Merge policies as the hub has them; see `BatchContent.rules`.
  package var rules: [String: MergePolicies] = [:]

  package init(
    hub: ReplicaID, incarnation: Data, reader: ReplicaID, scope: String, acknowledgements: [FeedUnit] = [], rows: [SnapshotRow] = [],
    ranges: [SnapshotRange] = [], next: Data = Data(), cursor: Data = Data(), position: UInt64 = 0, hubTimeMs: UInt64, rowCount: Int = 0,
    rules: [String: MergePolicies] = [:]
  ) {
    self.hub = hub
    self.incarnation = incarnation
    self.reader = reader
    self.scope = scope
    self.acknowledgements = acknowledgements
    self.rows = rows
    self.ranges = ranges
    self.next = next
    self.cursor = cursor
    self.position = position
    self.hubTimeMs = hubTimeMs
    self.rowCount = rowCount
    self.rules = rules
  }
}

/// Encodes a snapshot page's content to signed bytes, and decodes it. Pure.
package enum SnapshotCodec {
  static let format: UInt32 = 1

  /// Encodes and signs a page.
  ///
  /// - Parameter runs: Acknowledgements, each with the position of its first unit.
  package static func seal(_ page: SnapshotContent, runs: [(position: UInt64, run: PageCodec.Run)], with key: SigningKey) throws -> Data {
    var wire = WireSnapshotPage()
    wire.format = format
    wire.hub = page.hub.bytes
    wire.incarnation = page.incarnation
    wire.reader = page.reader.bytes
    wire.scope = page.scope
    wire.runs = runs.map { PageCodec.wire($0.run) }
    wire.positions = runs.map(\.position)
    try write(page.rows, rules: page.rules, into: &wire)
    wire.ranges = try page.ranges.map { range in
      var part = WireSnapshotRange()
      part.table = range.table
      if let after = range.after { part.after = try ColumnCoder.encode(name: "", cells: [after]) }
      if let through = range.through { part.through = try ColumnCoder.encode(name: "", cells: [through]) }
      return part
    }
    wire.next = page.next
    wire.cursor = page.cursor
    wire.position = page.position
    wire.hubTimeMs = page.hubTimeMs
    wire.rows = UInt64(page.rowCount)
    return try key.sealed(try wire.serializedData(), as: .snapshot)
  }

  /// Encodes rows. Cells of one version travel as one change, and changes are in the order of their versions, which compresses
  /// best.
  private static func write(_ rows: [SnapshotRow], rules: [String: MergePolicies], into wire: inout WireSnapshotPage) throws {
    let writes = rows.flatMap(Self.changes).enumerated().sorted {
      $0.element.version == $1.element.version ? $0.offset < $1.offset : $0.element.version < $1.element.version
    }
    var versions: [Version] = []
    var changes: [[RowChange]] = []
    for (_, write) in writes {
      if versions.last == write.version {
        changes[changes.count - 1].append(write.change)
      } else {
        versions.append(write.version)
        changes.append([write.change])
      }
    }
    var numbers: [ReplicaID: UInt32] = [:]
    var last: UInt64 = 0
    for version in versions {
      let next = UInt32(numbers.count)
      let number = numbers[version.replica] ?? next
      if number == next {
        numbers[version.replica] = next
        wire.replicas.append(version.replica.bytes)
      }
      wire.authors.append(number)
      wire.stamps.append(version.timestamp.rawValue &- last)
      last = version.timestamp.rawValue
    }
    wire.tables = try TableCoder.encode(changes, rules: rules)
  }

  /// Returns the writes that would make the row one after the other. The birth is a change of its own, without cells, when no cell
  /// has its version.
  private static func changes(of row: SnapshotRow) -> [(version: Version, change: RowChange)] {
    func change(_ cells: [CellChange]) -> RowChange { RowChange(table: row.table, key: row.key, life: row.state.life, cells: cells) }
    func cut(_ version: Version, _ cells: [CellChange]) -> [(version: Version, change: RowChange)] {
      UnitCutting.cut(ChangeUnit(stamp: version.timestamp, changes: [change(cells)])).flatMap(\.changes).map { (version, $0) }
    }
    if let origin = row.state.soleOrigin, !row.state.cells.isEmpty { return cut(origin.version, row.state.changes) }
    var cells: [Version: [CellChange]] = [:]
    for (cell, change) in zip(row.state.cells.values, row.state.changes) { cells[cell.origin.version, default: []].append(change) }
    let born = row.state.lifeOrigin.flatMap { $0.version == cells.keys.min() ? nil : ($0.version, change([])) }
    return cells.flatMap { cut($0, $1) } + (born.map { [$0] } ?? [])
  }

  /// Checks a page, and returns its content.
  ///
  /// - Throws: `SyncError` when the page is damaged or not this hub's.
  package static func open(_ bytes: Data, hub: VerifyingKey) throws -> SnapshotContent {
    guard bytes.count <= WireLimits.pageBytesMax else { throw PageCodec.tooLarge }
    return try content(of: try hub.open(bytes, as: .snapshot), hub: hub.replica)
  }

  /// Decodes a body whose signature was checked.
  static func content(of body: Data, hub: ReplicaID) throws -> SnapshotContent {
    let wire = try WireSnapshotPage.parse(body, named: LocalizedText(vi: "trang dữ liệu gộp", en: "snapshot page"))
    guard wire.format == format, let reader = ReplicaID(bytes: wire.reader), ReplicaID(bytes: wire.hub) == hub,
      wire.incarnation.count == 16, TableCoder.isName(wire.scope), wire.cursor.count <= WireLimits.cursorBytesMax,
      wire.next.count <= WireLimits.cursorBytesMax, wire.positions.count == wire.runs.count, wire.ranges.count <= WireLimits.tablesMax,
      wire.position < 1 << 62, let rowCount = Int(exactly: wire.rows)
    else { throw ByteReader.short }
    var inflated = 0
    return SnapshotContent(
      hub: hub, incarnation: wire.incarnation, reader: reader, scope: wire.scope,
      acknowledgements: try PageCodec.units(of: wire.runs, positions: wire.positions), rows: try rows(of: wire),
      ranges: try wire.ranges.map { range in
        guard TableCoder.isName(range.table) else { throw ByteReader.short }
        return SnapshotRange(
          table: range.table, after: range.hasAfter ? try TableCoder.key(range.after, inflatedBytes: &inflated) : nil,
          through: range.hasThrough ? try TableCoder.key(range.through, inflatedBytes: &inflated) : nil)
      },
      next: wire.next, cursor: wire.cursor, position: wire.position, hubTimeMs: wire.hubTimeMs, rowCount: rowCount,
      rules: try TableCoder.rules(of: wire.tables))
  }

  private struct RowName: Hashable {
    var table: String
    var key: CellValue
  }

  private static func rows(of wire: WireSnapshotPage) throws -> [SnapshotRow] {
    let replicas = try wire.replicas.map { bytes in
      guard let replica = ReplicaID(bytes: bytes) else { throw ByteReader.short }
      return replica
    }
    guard wire.authors.count == wire.stamps.count, wire.authors.count <= WireLimits.unitsMax else { throw ByteReader.short }
    let writes = try TableCoder.decode(wire.tables, unitCount: wire.authors.count)
    var rows: [SnapshotRow] = []
    var places: [RowName: Int] = [:]
    var last: UInt64 = 0
    for (index, changes) in writes.enumerated() {
      guard replicas.indices.contains(Int(wire.authors[index])) else { throw ByteReader.short }
      last &+= wire.stamps[index]
      let version = Version(HybridTimestamp(rawValue: last), replicas[Int(wire.authors[index])])
      let origin = Origin(version: version, position: 0)
      for change in changes {
        let place = places[RowName(table: change.table, key: change.key), default: rows.count]
        if place == rows.count {
          places[RowName(table: change.table, key: change.key)] = place
          rows.append(SnapshotRow(table: change.table, key: change.key, state: RowState(life: change.life, lifeOrigin: origin)))
        }
        guard rows[place].state.life == change.life else { throw ByteReader.short }
        if change.cells.isEmpty || version < (rows[place].state.lifeOrigin?.version ?? version) { rows[place].state.lifeOrigin = origin }
        for cell in change.cells {
          rows[place].state.cells[cell.name] = Cell(origin: origin, value: cell.value, generation: cell.generation)
        }
      }
    }
    return rows
  }
}
