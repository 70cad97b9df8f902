package import Foundation
internal import SwiftProtobuf

/// Encodes a batch's content to its sealed bytes, and decodes it. Pure; every input may be hostile.
public enum BatchCodec {
  static let format: UInt32 = 1

  /// Encodes and signs a batch. The content must be within `WireLimits`; `Sealer` ensures that.
  public static func seal(_ content: BatchContent, with key: SigningKey) throws -> SealedBatch {
    SealedBatch(bytes: try key.sealed(try encode(content), as: .batch))
  }

  /// Encodes a batch without a signature, for a hub's own records: `reopen` reads the result.
  package static func unsigned(_ content: BatchContent) throws -> Data {
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
    if let recovery = content.recovery { batch.recovery = try wire(recovery) }
    return try batch.serializedData()
  }

  /// Replica, scope and number that a batch claims. A missing field is empty, or 0.
  package struct Claim: Hashable {
    package var replica: ReplicaID
    package var scope: String
    package var number: UInt64

    package init(replica: ReplicaID, scope: String, number: UInt64) {
      self.replica = replica
      self.scope = scope
      self.number = number
    }
  }

  /// Reads a batch's claim, without checking its signature or decoding the rest.
  ///
  /// - Throws: `SyncError` `.tooLarge`; `.damaged` when the batch names no replica.
  package static func claim(of sealed: SealedBatch) throws -> Claim {
    let facts = WireScan.batchFacts(try body(of: sealed))
    guard let replica = ReplicaID(bytes: facts.replica) else { throw ByteReader.short }
    return Claim(replica: replica, scope: String(decoding: facts.scope, as: UTF8.self), number: facts.number)
  }

  /// Checks signature, bounds and form, and returns the content.
  ///
  /// - Throws: `SyncError` `.badSignature`, `.damaged` or `.tooLarge`; nothing is kept. `BatchRefusal` when its author signed
  ///   something that can never be read.
  public static func open(_ sealed: SealedBatch, author: VerifyingKey) throws -> BatchContent {
    guard sealed.bytes.count <= WireLimits.batchBytesMax else { throw tooLarge }
    let body = try author.open(sealed.bytes, as: .batch)
    guard WireScan.batchFacts(body).replica == author.replica.bytes else {
      throw SyncError(
        .badSignature, vi: "Gói ghi tên một thiết bị khác với thiết bị đã ký.",
        en: "The batch names another device than the one that signed it.")
    }
    return try content(of: body)
  }

  /// Decodes a batch that was checked when it was journalled.
  package static func reopen(_ sealed: SealedBatch) throws -> BatchContent { try content(of: try body(of: sealed)) }

  /// Decodes a body whose signature the caller checks.
  ///
  /// - Throws: `SyncError` `.badRequest` for a format of a newer program, which a later hub may read; `BatchRefusal`.
  static func content(of body: Data) throws -> BatchContent {
    let batch = try header(of: body)
    guard let replica = ReplicaID(bytes: batch.replica) else { throw BatchRefusal(reason: .form) }
    var stamp: UInt64 = 0
    let stamps = batch.unitStamps.map { step in
      stamp &+= step
      return HybridTimestamp(rawValue: stamp)
    }
    var units = try refusing { try TableCoder.read(batch.tables, unitCount: stamps.count) }
    for (index, stamp) in stamps.enumerated() { units[index].stamp = stamp }
    for index in units.indices.dropFirst(WireLimits.unitsMax) { units[index].note(.units, table: units[index].changes.first?.table ?? "") }
    var content = BatchContent(
      replica: replica, scope: batch.scope, number: batch.number, previous: batch.previous, cursor: batch.cursor,
      units: units, rules: TableCoder.readableRules(of: batch.tables))
    if batch.hasRecovery { content.recovery = try refusing { try recovery(batch) } }
    return content
  }

  private static func wire(_ recovery: BatchRecovery) throws -> WireRecovery {
    var wire = WireRecovery()
    wire.gone = recovery.gone.map { gone in
      var lost = WireLostBatch()
      (lost.number, lost.hash) = (gone.number, gone.hash)
      return lost
    }
    if let asked = recovery.asked { wire.asked = try WireSigned(serializedBytes: asked) }
    return wire
  }

  /// Reads the part that makes a batch a recovery batch.
  ///
  /// - Throws: An error when a batch that is declared gone is not before this one, or is named twice.
  private static func recovery(_ batch: WireBatch) throws -> BatchRecovery {
    let gone = batch.recovery.gone.map { BatchRecovery.Gone(number: $0.number, hash: $0.hash) }
    guard gone.count <= BatchRecovery.goneMax, gone.allSatisfy({ $0.number >= 1 && $0.number < batch.number && $0.hash.count == 32 }),
      zip(gone, gone.dropFirst()).allSatisfy({ $0.number < $1.number })
    else { throw ByteReader.short }
    return BatchRecovery(gone: gone, asked: batch.recovery.hasAsked ? try batch.recovery.asked.serializedData() : nil)
  }

  private static func body(of sealed: SealedBatch) throws -> Data {
    guard sealed.bytes.count <= WireLimits.batchBytesMax else { throw tooLarge }
    return try WireSigned.parse(sealed.bytes, named: LocalizedText(vi: "gói dữ liệu", en: "batch")).body
  }

  private static func header(of body: Data) throws -> WireBatch {
    let batch = try refusing { try WireBatch.parse(body, named: LocalizedText(vi: "gói dữ liệu", en: "batch")) }
    guard batch.format == format else {
      throw SyncError(
        .badRequest, vi: "Gói dữ liệu thuộc phiên bản \(batch.format); chỉ đọc được phiên bản \(format). Hãy nâng cấp.",
        en: "The batch has format \(batch.format); only format \(format) can be read. Upgrade.")
    }
    guard TableCoder.isName(batch.scope) else { throw BatchRefusal(reason: .form, detail: "scope") }
    guard batch.number >= 1, batch.number < 1 << 62 else { throw BatchRefusal(reason: .number) }
    guard batch.number == 1 ? batch.previous.isEmpty : batch.previous.count == 32 else { throw BatchRefusal(reason: .previous) }
    guard batch.cursor.count <= WireLimits.cursorBytesMax else { throw BatchRefusal(reason: .cursor) }
    guard !batch.unitStamps.isEmpty else { throw BatchRefusal(reason: .empty) }
    return batch
  }

  /// Turns a decoding error of a signed batch into a refusal: the author signed it so.
  private static func refusing<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as SyncError {
      throw BatchRefusal(reason: error.code == .tooLarge ? .size : .form)
    }
  }

  private static var tooLarge: SyncError {
    SyncError(
      .tooLarge, vi: "Gói dữ liệu lớn hơn \(WireLimits.batchBytesMax >> 20) MiB.",
      en: "The batch is larger than \(WireLimits.batchBytesMax >> 20) MiB.", expected: UInt64(WireLimits.batchBytesMax))
  }
}

/// Encodes the changes of a batch or page, table by table and column by column, and decodes them.
package enum TableCoder {
  /// Encodes the changes of units.
  ///
  /// - Parameters:
  ///   - units: Changes of each unit; empty where the unit is only acknowledged.
  ///   - rules: Merge policies of whole cells, by table and column.
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
        // Tries the same index first: rows usually have their cells in one order.
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
    /// Generations, one for each written cell.
    var generations: [UInt32] = []
  }

  /// Decodes the changes of a hub's page.
  ///
  /// - Returns: Changes of each unit, in the order of tables and rows.
  /// - Throws: `SyncError` for any fault: a hub's pages have none.
  static func decode(_ tables: [WireTableChanges], unitCount: Int) throws -> [[RowChange]] {
    let units = try read(tables, unitCount: unitCount)
    guard units.allSatisfy({ $0.faults.isEmpty }) else { throw ByteReader.short }
    return units.map(\.changes)
  }

  /// Decodes the changes of a device's batch. A fault of one unit is recorded in that unit, and the others are as they were sent.
  ///
  /// - Returns: Units without stamps; their changes are in the order of tables and rows.
  /// - Throws: `SyncError` when rows cannot be assigned to units, or the message exceeds the memory bounds.
  static func read(_ tables: [WireTableChanges], unitCount: Int) throws -> [ChangeUnit] {
    guard tables.count <= WireLimits.tablesMax else { throw ByteReader.short }
    var units = [ChangeUnit](repeating: ChangeUnit(stamp: .zero, changes: []), count: unitCount)
    var inflated = 0
    var rowsLeft = WireLimits.rowsMax
    for table in tables {
      let rows = Int(table.rows)
      guard rows <= rowsLeft else { throw ByteReader.short }
      rowsLeft -= rows
      let name = isName(table.table) ? table.table : nearestName(table.table)
      let unit = try ColumnCoder.decode(table.unit, rows: rows, inflatedBytes: &inflated)
      let life = try ColumnCoder.decode(table.life, rows: rows, inflatedBytes: &inflated)
      var keyFaults = ColumnFaults()
      let key = try ColumnCoder.decode(table.key, rows: rows, inflatedBytes: &inflated, faults: &keyFaults)
      let columns = try table.columns.map { try ReadColumn($0, rows: rows, inflatedBytes: &inflated) }
      let isDoubled = Set(columns.map(\.name)).count < columns.count
      for row in 0..<rows {
        guard case .integer(let number) = unit[row], let index = Int(exactly: number), units.indices.contains(index) else {
          throw ByteReader.short
        }
        var faults: [UnitFault] = []
        var change = RowChange(table: name, key: key[row] ?? .null, life: 0, cells: [])
        if name != table.table { faults.append(UnitFault(why: .name, table: name)) }
        if columns.count > WireLimits.columnsPerTableMax { faults.append(UnitFault(why: .columns, table: name)) }
        if let why = keyFaults.why(row) { faults.append(UnitFault(why: why, table: name)) }
        if !isKey(change.key) {
          let nearest = nearestKey(change.key)
          change.key = nearest.key
          faults.append(UnitFault(why: nearest.why, table: name))
        }
        if let count = life[row]?.integer, count >= 1, count <= WireLimits.lifeMax {
          change.life = UInt32(count)
        } else {
          change.life = 1
          faults.append(UnitFault(why: .life, table: name))
        }
        change.cells.reserveCapacity(columns.count)
        for (place, column) in columns.enumerated() {
          guard let value = column.cells[row] else { continue }
          if isDoubled, columns[..<place].contains(where: { $0.name == column.name && $0.cells[row] != nil }) {
            faults.append(UnitFault(why: .twice, table: name, column: column.name))
            continue
          }
          column.append(value, row: row, table: name, to: &change.cells, faults: &faults)
        }
        if !change.isAlive && !change.cells.isEmpty {
          faults.append(UnitFault(why: .deletion, table: name, column: change.cells[0].column))
          change.cells = []
        }
        units[index].changes.append(change)
        for fault in faults { units[index].note(fault) }
      }
    }
    return units
  }

  /// Returns whether a text can name a table, column or scope. A zero byte would end the name early in some stores.
  package static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= WireLimits.nameBytesMax && !name.utf8.contains(0)
  }

  /// Returns the one cell of a column that carries a row's key.
  package static func key(_ column: WireColumn, inflatedBytes: inout Int) throws -> CellValue {
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

  /// Returns whether a cell may hold a value: within the bound, and kept unchanged by every store.
  static func isValue(_ value: CellValue) -> Bool {
    switch value {
    case .text(let text): text.utf8.count <= WireLimits.valueBytesMax && !text.hasZeroByte
    case .blob(let bytes): bytes.count <= WireLimits.valueBytesMax
    case .real(let number): !number.isNaN
    case .integer, .null: true
    }
  }
}
