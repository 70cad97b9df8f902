internal import Foundation
internal import SwiftProtobuf

/// A batch's content to its sealed bytes and back. Pure; every input is taken for hostile.
public enum BatchCodec {
  static let format: UInt32 = 1

  /// Encodes and signs. The content must be within `WireLimits`; `Sealer` sees to that.
  public static func seal(_ content: BatchContent, with key: SigningKey) throws -> SealedBatch {
    SealedBatch(bytes: try key.sealed(try encode(content), as: .batch))
  }

  /// The form of a batch without anybody's signature, for a hub's own records: `reopen` reads it.
  static func unsigned(_ content: BatchContent) throws -> Data {
    var signed = WireSigned()
    signed.body = try encode(content)
    return try signed.serializedData()
  }

  private static func encode(_ content: BatchContent) throws -> Data {
    var batch = WireBatch()
    batch.format = format
    batch.replica = content.replica.bytes
    batch.scope = content.scope
    batch.number = content.number
    batch.previous = content.previous
    batch.cursor = content.cursor
    var last: UInt64 = 0
    batch.unitStamps = content.units.map { unit in
      defer { last = unit.stamp.rawValue }
      return unit.stamp.rawValue &- last
    }
    batch.tables = try TableCoder.encode(content.units.map(\.changes), rules: content.rules)
    return try batch.serializedData()
  }

  /// Reads a batch without judging its signature: who it claims to be from, and where it belongs.
  static func claimedAuthor(of sealed: SealedBatch) throws -> (replica: ReplicaID, scope: String, number: UInt64) {
    let batch = try header(of: try body(of: sealed))
    guard let replica = ReplicaID(bytes: batch.replica) else { throw ByteReader.short }
    return (replica, batch.scope, batch.number)
  }

  /// Checks signature, bounds and form, and gives the content.
  ///
  /// - Throws: `SyncError` `.badSignature`, `.damaged` or `.tooLarge`; nothing is kept.
  public static func open(_ sealed: SealedBatch, author: VerifyingKey) throws -> BatchContent {
    guard sealed.bytes.count <= WireLimits.batchBytesMax else { throw tooLarge }
    let content = try content(of: try author.open(sealed.bytes, as: .batch))
    guard content.replica == author.replica else {
      throw SyncError(
        .badSignature, vi: "Gói ghi tên một thiết bị khác với thiết bị đã ký.",
        en: "The batch names another device than the one that signed it.")
    }
    return content
  }

  /// The content of a batch that was checked when it was journalled.
  static func reopen(_ sealed: SealedBatch) throws -> BatchContent { try content(of: try body(of: sealed)) }

  /// The content of a body whose signature is somebody else's matter.
  static func content(of body: Data) throws -> BatchContent {
    let batch = try header(of: body)
    guard let replica = ReplicaID(bytes: batch.replica) else { throw ByteReader.short }
    var stamp: UInt64 = 0
    let stamps = batch.unitStamps.map { step in
      stamp &+= step
      return HybridTimestamp(rawValue: stamp)
    }
    let changes = try TableCoder.decode(batch.tables, unitCount: stamps.count)
    return BatchContent(
      replica: replica, scope: batch.scope, number: batch.number, previous: batch.previous, cursor: batch.cursor,
      units: zip(stamps, changes).map { ChangeUnit(stamp: $0, changes: $1) }, rules: try TableCoder.rules(of: batch.tables))
  }

  private static func body(of sealed: SealedBatch) throws -> Data {
    guard sealed.bytes.count <= WireLimits.batchBytesMax else { throw tooLarge }
    return try WireSigned.parse(sealed.bytes, named: LocalizedText(vi: "gói dữ liệu", en: "batch")).body
  }

  private static func header(of body: Data) throws -> WireBatch {
    let batch = try WireBatch.parse(body, named: LocalizedText(vi: "gói dữ liệu", en: "batch"))
    guard batch.format == format else {
      throw SyncError(
        .badRequest, vi: "Gói dữ liệu thuộc phiên bản \(batch.format); chỉ đọc được phiên bản \(format). Hãy nâng cấp.",
        en: "The batch has format \(batch.format); only format \(format) can be read. Upgrade.")
    }
    let chained = batch.number == 1 ? batch.previous.isEmpty : batch.previous.count == 32
    guard TableCoder.isName(batch.scope), batch.number >= 1, batch.number < 1 << 62, chained,
      batch.cursor.count <= WireLimits.cursorBytesMax,
      !batch.unitStamps.isEmpty, batch.unitStamps.count <= WireLimits.unitsMax
    else { throw ByteReader.short }
    return batch
  }

  private static var tooLarge: SyncError {
    SyncError(
      .tooLarge, vi: "Gói dữ liệu lớn hơn \(WireLimits.batchBytesMax >> 20) MiB.",
      en: "The batch is larger than \(WireLimits.batchBytesMax >> 20) MiB.", expected: UInt64(WireLimits.batchBytesMax))
  }
}

/// The changes of a batch or page, table by table and column by column.
enum TableCoder {
  /// - Parameters:
  ///   - units: For each unit its changes; nil where the unit is only acknowledged.
  ///   - rules: By table and column, how whole cells merge.
  static func encode(_ units: [[RowChange]], rules: [String: MergePolicies] = [:]) throws -> [WireTableChanges] {
    var order: [String] = []
    var rowsOf: [String: [(unit: Int, change: RowChange)]] = [:]
    for (index, changes) in units.enumerated() {
      for change in changes {
        if rowsOf[change.table] == nil { order.append(change.table) }
        rowsOf[change.table, default: []].append((index, change))
      }
    }
    return try order.map { name in
      let rows = rowsOf[name] ?? []
      var table = WireTableChanges()
      table.table = name
      table.rows = UInt32(rows.count)
      table.unit = try ColumnCoder.encode(name: "", cells: rows.map { .integer(Int64($0.unit)) })
      table.life = try ColumnCoder.encode(name: "", cells: rows.map { .integer(Int64($0.change.life)) })
      table.key = try ColumnCoder.encode(name: "", cells: rows.map { $0.change.key })
      table.columns = try columns(of: rows.map(\.change), rules: rules[name] ?? [:])
      return table
    }
  }

  private struct ColumnKey: Hashable {
    var name: String
    var kind: WireCellKind
  }

  private static func columns(of rows: [RowChange], rules: MergePolicies) throws -> [WireColumn] {
    var columns: [GatheredColumn] = []
    var places: [ColumnKey: Int] = [:]
    for (row, change) in rows.enumerated() {
      for (index, packed) in CellPacking.pack(change.cells).enumerated() {
        let key = ColumnKey(name: packed.column, kind: packed.kind)
        // Rows nearly always have their cells in one order.
        let place = index < columns.count && columns[index].key == key ? index : places[key] ?? columns.count
        if place == columns.count {
          places[key] = place
          columns.append(GatheredColumn(key: key, cells: Array(repeating: nil, count: rows.count)))
        }
        columns[place].cells[row] = packed.value
        columns[place].generations.append(packed.generation)
      }
    }
    return try columns.map { gathered in
      var column = try ColumnCoder.encode(name: gathered.key.name, cells: gathered.cells)
      column.kind = gathered.key.kind
      if column.kind == .whole, let rule = rules[column.name] { column.say(rule) }
      if gathered.generations.contains(where: { $0 > 0 }) {
        for generation in gathered.generations { column.generations.appendVarint(UInt64(generation)) }
      }
      return column
    }
  }

  private struct GatheredColumn {
    var key: ColumnKey
    var cells: [CellValue?]
    /// One entry a written cell.
    var generations: [UInt32] = []
  }

  /// - Returns: For each unit its changes, in the order of tables and rows.
  static func decode(_ tables: [WireTableChanges], unitCount: Int) throws -> [[RowChange]] {
    guard tables.count <= WireLimits.tablesMax else { throw ByteReader.short }
    var units = [[RowChange]](repeating: [], count: unitCount)
    var inflated = 0
    var rowsLeft = WireLimits.rowsMax
    for table in tables {
      let rows = Int(table.rows)
      guard rows <= rowsLeft, table.columns.count <= WireLimits.columnsPerTableMax, isName(table.table) else { throw ByteReader.short }
      rowsLeft -= rows
      let unit = try ColumnCoder.decode(table.unit, rows: rows, inflatedBytes: &inflated)
      let life = try ColumnCoder.decode(table.life, rows: rows, inflatedBytes: &inflated)
      let key = try ColumnCoder.decode(table.key, rows: rows, inflatedBytes: &inflated)
      let columns = try table.columns.map { column in
        guard isName(column.name) else { throw ByteReader.short }
        let cells = try ColumnCoder.decode(column, rows: rows, inflatedBytes: &inflated)
        return DecodedColumn(
          name: column.name, kind: column.kind, cells: cells, generations: try generations(of: column, cells: cells))
      }
      guard Set(columns.map(\.name)).count == columns.count else { throw ByteReader.short }
      for row in 0..<rows {
        guard case .integer(let index) = unit[row], index >= 0, index < unitCount, case .integer(let count) = life[row],
          let life = UInt32(exactly: count), life > 0, life <= WireLimits.lifeMax, let key = key[row], isKey(key)
        else { throw ByteReader.short }
        var cells: [CellChange] = []
        cells.reserveCapacity(columns.count)
        for column in columns {
          guard let value = column.cells[row] else { continue }
          guard isValue(value) else { throw ByteReader.short }
          if column.kind == .whole {
            cells.append(CellChange(column.name, value, generation: column.generations.isEmpty ? 0 : column.generations[row]))
            continue
          }
          cells += try CellPacking.unpack(
            CellPacking.Packed(
              column: column.name, kind: column.kind, value: value, generation: column.generations.isEmpty ? 0 : column.generations[row]))
        }
        guard life % 2 == 1 || cells.isEmpty else { throw ByteReader.short }
        units[Int(index)].append(RowChange(table: table.table, key: key, life: life, cells: cells))
      }
    }
    return units
  }

  private struct DecodedColumn {
    var name: String
    var kind: WireCellKind
    var cells: [CellValue?]
    /// One entry a row; empty when all are 0.
    var generations: [UInt32]
  }

  private static func generations(of column: WireColumn, cells: [CellValue?]) throws -> [UInt32] {
    guard !column.generations.isEmpty else { return [] }
    var reader = ByteReader(column.generations)
    let all = try cells.map { cell -> UInt32 in
      guard cell != nil else { return 0 }
      guard let generation = UInt32(exactly: try reader.varint()), generation <= WireLimits.lifeMax else { throw ByteReader.short }
      return generation
    }
    guard reader.isAtEnd else { throw ByteReader.short }
    return all
  }

  /// Whether a text can name a table, column or scope. A zero byte would end it early in some stores.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= WireLimits.nameBytesMax && !name.utf8.contains(0)
  }

  /// The one cell of a column that names a row.
  static func key(_ column: WireColumn, inflatedBytes: inout Int) throws -> CellValue {
    guard let key = try ColumnCoder.decode(column, rows: 1, inflatedBytes: &inflatedBytes)[0], isKey(key) else { throw ByteReader.short }
    return key
  }

  private static func isKey(_ key: CellValue) -> Bool {
    switch key {
    case .integer: true
    case .text(let text): text.utf8.count <= WireLimits.keyBytesMax && !text.utf8.contains(0)
    case .blob(let bytes): bytes.count <= WireLimits.keyBytesMax
    case .null, .real: false
    }
  }

  /// Whether a cell may hold a value: within the bound, and something every store keeps as it is.
  static func isValue(_ value: CellValue) -> Bool {
    switch value {
    case .text(let text): text.utf8.count <= WireLimits.valueBytesMax && !text.hasZeroByte
    case .blob(let bytes): bytes.count <= WireLimits.valueBytesMax
    case .real(let number): !number.isNaN
    case .integer, .null: true
    }
  }
}
