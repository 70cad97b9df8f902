internal import Foundation
internal import SyncCore
internal import SyncStore

/// Unit that the hub has and cannot merge yet, as its operators see it.
public struct HeldUnit: Sendable, Hashable {
  public struct Cell: Sendable, Hashable {
    public var column: String
    public var member: String?
    public var value: CellValue
  }

  public struct Row: Sendable, Hashable {
    public var table: String
    public var key: CellValue
    /// False for a deletion.
    public var isAlive: Bool
    public var cells: [Cell]
  }

  /// Number by which operators name the unit.
  public var id: String
  public var replica: ReplicaID
  public var scope: String
  public var batchNumber: UInt64
  /// Reason as a `HeldReason`, and what it is about.
  public var reason: String
  public var detail: String
  /// Hub time in milliseconds when the batch arrived.
  public var receivedMs: UInt64
  public var rows: [Row]
}

extension Hub {
  /// Returns held units, in the order in which devices made them: the first `HeldUnits.unitsMax` (see `heldCount`).
  ///
  /// - Parameter scope: Limits the result to this scope; nil returns all.
  public func heldUnits(scope: String? = nil) async throws -> [HeldUnit] {
    let shapes = store.tables.byName
    return try await store.read { session in
      let rows = try session.rows(
        """
        \(HeldUnit.selected) WHERE ?1 IS NULL OR h.scope = ?1
        ORDER BY h.scope, b.replica, b.number, h.unit LIMIT \(HeldUnits.unitsMax)
        """, [scope.map { .text($0) } ?? .null])
      var opened = OpenedBatch()
      return try rows.compactMap { try HeldUnit($0, &opened, in: session, shapes: shapes) }
    }
  }

  /// Returns a held unit by its number; nil when nothing is held under it.
  public func heldUnit(_ id: String) async throws -> HeldUnit? {
    guard let (batch, unit) = HeldUnits.place(id: id) else { return nil }
    let shapes = store.tables.byName
    return try await store.read { session in
      var opened = OpenedBatch()
      return try session.firstRow("\(HeldUnit.selected) WHERE h.batch = ?1 AND h.unit = ?2", [.integer(batch), .integer(unit)])
        .flatMap { try HeldUnit($0, &opened, in: session, shapes: shapes) }
    }
  }

  /// Returns how many units are held, in one scope or in all. Costs one row of an index a unit.
  public func heldCount(scope: String? = nil) async throws -> Int {
    try await store.read { session in
      Int(try session.integer("SELECT count(*) FROM hub_held WHERE ?1 IS NULL OR scope = ?1", [scope.map { .text($0) } ?? .null]) ?? 0)
    }
  }

  /// Retries one held unit, or all.
  ///
  /// - Returns: How many were merged.
  public func retryHeld(_ id: String? = nil) async throws -> Int {
    try await writeHeld { work in
      guard let id else { return try work.retryAll() }
      let item = try work.item(id: id)
      return try work.retry(where: "h.batch = ?1 AND h.unit = ?2", [.integer(item.batch), .integer(Int64(item.index))])
    }
  }

  /// Declines a held unit: it is acknowledged, the hub's own values follow, and its values are kept in conflicts.
  ///
  /// - Throws: `SyncError` `.badRequest` for a unit that waits behind another.
  public func declineHeld(_ id: String, by who: String, because reason: String) async throws {
    let nowMs = clock.nowMs()
    try await writeHeld { work in
      let item = try work.item(id: id)
      try Self.checkFirst(item)
      try work.decline(item)
      try Self.record("decline", item, who, reason, nowMs, in: work.transaction.session)
    }
  }

  /// Repairs a held unit: writes corrected values in the hub's own name, in its place.
  ///
  /// - Parameters:
  ///   - values: New values by column, for every row of the unit that writes the column, and for no other row. For a `perKey`
  ///     column: the whole object. The scope column is also given to rows that lack it.
  ///   - dropping: Columns left out.
  ///   - key: A new key, for a unit of one row.
  /// - Throws: `SyncError` `.badRequest` when the repaired unit would be held again, the unit waits behind another, no row writes
  ///   one of the columns, or an unreadable column gets no value. Nothing is changed then.
  public func repairHeld(
    _ id: String, values: [String: CellValue], dropping: Set<String> = [], key: CellValue? = nil, by who: String, because reason: String
  ) async throws {
    let (own, nowMs) = (replica, clock.nowMs())
    try await writeHeld { work in
      let item = try work.item(id: id)
      try Self.checkFirst(item)
      try Self.checkFaults(of: item.unit, said: Set(values.keys).union(dropping), hasKey: key != nil)
      let repaired = UnitCheck.eachRowOnce(try work.repaired(item, values: values, dropping: dropping, key: key))
      let author = UnitCheck.Author(
        replica: own, scope: item.scope, number: 0, unit: 0, reader: item.content.replica)
      // Checks the life that the row will get, which is after the device's own, not a life that a device could claim.
      let asBorn = try repaired.map { change in
        var change = change
        let known =
          try work.transaction.rows.shape(change.table).flatMap {
            try work.transaction.rows.load($0, key: change.key, in: item.scope)?.state
          }
          ?? .unknown
        change.life = known.isAlive == change.isAlive ? max(known.life, 1) : known.life + 1
        return change
      }
      let unit = ChangeUnit(stamp: item.unit.stamp, changes: asBorn)
      if let hold = try work.transaction.unitCheck(rules: item.content.rules).holdReason(unit, by: author) {
        throw SyncError(
          .badRequest, vi: "Sửa như vậy vẫn bị giữ: \(hold.reason.rawValue) \(hold.detail).",
          en: "Repaired so it would be held again: \(hold.reason.rawValue) \(hold.detail).")
      }
      try work.decline(item, repaired: repaired, columns: Set(values.keys))
      try Self.record("repair", item, who, reason, nowMs, in: work.transaction.session)
    }
  }

  /// Converts a text that a person typed into a value of a held unit's column; an empty text is NULL.
  public func value(typed text: String, forColumn column: String, ofHeld id: String) async throws -> CellValue {
    let shapes = store.tables.byName
    guard let unit = try await heldUnit(id) else {
      throw SyncError(.badRequest, vi: "Không có việc nào bị giữ mang số \(id).", en: "Nothing is held under number \(id).")
    }
    if text.isEmpty { return .null }
    let types = unit.rows.compactMap { shapes[$0.table]?.column(named: column)?.type }
    let candidates = [Int64(text).map { CellValue.integer($0) }, Double(text).map { CellValue.real($0) }, .text(text.nfc)].compactMap(
      \.self)
    return candidates.first { value in types.allSatisfy { $0.affinity != .none && $0.keeps(value) } } ?? .text(text.nfc)
  }

  /// Throws when the unit waits behind an earlier held unit of its device: a later change makes no sense without the earlier one.
  private static func checkFirst(_ item: HeldUnits.Item) throws {
    guard item.reason != HeldReason.behind.rawValue else {
      throw SyncError(
        .badRequest, vi: "Việc này chờ việc bị giữ trước nó của cùng thiết bị; hãy giải quyết việc đó trước.",
        en: "It waits behind earlier held work of the same device; settle that first.")
    }
  }

  /// Throws unless the operator gives, or drops, every value that could not be read.
  private static func checkFaults(of unit: ChangeUnit, said columns: Set<String>, hasKey: Bool) throws {
    for fault in UnitCheck.faults(of: unit) {
      let isSettled =
        switch fault.why {
        // Passes: the value was read as it was meant.
        case .nfc, .units: true
        case .key, .longKey: hasKey
        default: fault.column.isEmpty ? hasKey && fault.isOfKey : columns.contains(fault.column)
        }
      guard isSettled, unit.faults.count < UnitFault.notedMax else {
        throw SyncError(
          .badRequest, vi: "Chưa nói ghi gì vào chỗ không đọc được: \(fault.detail). Dùng --set, --drop, --key, hoặc từ chối.",
          en: "Nothing is said of what could not be read: \(fault.detail). Use --set, --drop or --key, or decline it.")
      }
    }
  }

  func writeHeld<T: Sendable>(_ body: @Sendable @escaping (HeldUnits) throws -> T) async throws -> T {
    let (keys, tables, now, observer) = (keys, store.tables, clock.nowMs(), options.observer)
    return try await store.write { session in
      let ingest = Ingest(
        session: session, tables: tables, key: keys.signing, wallMs: now, observer: observer)
      // Seals first: the key of a row whose deletion is not sealed yet is not free.
      try ingest.transaction.writer.seal()
      let result = try body(HeldUnits(transaction: ingest.transaction))
      try ingest.finish()
      return result
    }
  }

  private static func record(
    _ choice: String, _ item: HeldUnits.Item, _ who: String, _ reason: String, _ nowMs: UInt64, in session: any HubSession
  ) throws {
    guard let first = item.unit.changes.first else { return }
    try record(choice, of: first.table, key: first.key, scope: item.scope, who, reason, nowMs, in: session)
  }

  /// Records who decided about a row, and why.
  static func record(
    _ choice: String, of table: String, key: CellValue, scope: String, _ who: String, _ reason: String, _ nowMs: UInt64,
    in session: any HubSession
  ) throws {
    try session.execute(
      """
      INSERT INTO sync_decision (id, scope, tbl, row_key, choice, decided_by, reason, decided_ms)
      VALUES (lower(hex(randomblob(16))), ?1, ?2, ?3, ?4, ?5, ?6, ?7)
      """,
      [
        .text(scope), .text(table), key, .text(choice), .text(who.nfc), .text(reason.nfc),
        .integer(Int64(clamping: nowMs)),
      ])
  }
}

extension HeldUnits {
  /// Returns the corrected changes of the unit, in lives after those its author has.
  fileprivate func repaired(
    _ item: Item, values: [String: CellValue], dropping: Set<String>, key: CellValue?
  ) throws -> [RowChange] {
    if key != nil && item.unit.changes.count != 1 {
      throw SyncError(
        .badRequest, vi: "Chỉ đổi được khóa khi việc bị giữ có đúng một dòng.", en: "A new key can be given only for a unit of one row.")
    }
    var unwritten = Set(values.keys)
    let repaired = try item.unit.changes.map { change in
      guard let shape = transaction.rows.shape(change.table) else {
        throw SyncError(
          .badRequest, vi: "Máy chủ không biết bảng \(change.table); chỉ có thể từ chối hoặc nâng cấp.",
          en: "The hub does not know table \(change.table); it can only be declined, or retried after an upgrade.")
      }
      let stored = try transaction.rows.load(shape, key: key ?? change.key, in: item.scope)
      let isKnown = stored.map { $0.state.isAlive && $0.state.life == change.life } ?? false
      var written = Set(change.cells.map(\.column)).filter { shape.column(named: $0) != nil }
      if change.isAlive && !isKnown { written.insert(shape.declaration.scopeColumn) }
      unwritten.subtract(written)
      var cells = change.cells.filter { !dropping.contains($0.column) && (values[$0.column] == nil || !written.contains($0.column)) }
      for (column, value) in values.sorted(by: { $0.key < $1.key }) where written.contains(column) {
        guard let known = shape.column(named: column) else { continue }
        if shape.policy(of: known) == .perKey {
          let members = CellParts.members(of: value) ?? [:]
          cells += members.sorted { $0.key < $1.key }.map { CellChange(column, $1, part: .member($0)) }
        } else {
          cells.append(CellChange(column, value))
        }
      }
      if change.isAlive, stored == nil, !cells.contains(where: { $0.column == shape.declaration.scopeColumn }) {
        cells.append(CellChange(shape.declaration.scopeColumn, .text(item.scope)))
      }
      let life = key != nil ? 1 : isKnown || !change.isAlive ? change.life : change.life + 2
      return RowChange(table: change.table, key: key ?? change.key, life: life, cells: change.isAlive ? cells : [])
    }
    if let column = unwritten.min() {
      throw SyncError(
        .badRequest, vi: "Không dòng nào của việc này ghi cột \(column), hoặc máy chủ không biết cột đó.",
        en: "No row of this unit writes column \(column), or the hub does not know it.")
    }
    return repaired
  }
}

/// Cache of the last decoded batch: held units of one batch follow one another.
struct OpenedBatch {
  private var last: (id: Int64, sealed: SealedBatch, content: BatchContent)?

  /// Returns a batch of the journal, read and decoded once while units of the same batch are asked for; nil when there is none.
  ///
  /// - Parameter table: Where the batch lies: among the device's own batches, or those that restored pages brought.
  mutating func batch(
    _ id: Int64, in session: any HubSession, table: String = "hub_batch"
  ) throws -> (sealed: SealedBatch, content: BatchContent)? {
    if let last, last.id == id { return (last.sealed, last.content) }
    last = nil
    guard let bytes = try session.firstRow("SELECT bytes FROM \(table) WHERE id = ?1", [.integer(id)])?[0].blob else { return nil }
    let sealed = SealedBatch(bytes: bytes)
    let content = try BatchCodec.reopen(sealed)
    last = (id, sealed, content)
    return (sealed, content)
  }
}

extension HeldUnit {
  /// Columns of a held unit, without its batch's bytes.
  fileprivate static let selected = """
    SELECT h.batch, h.unit, h.replica, h.scope, b.number, h.reason, h.detail, b.received_ms
    FROM hub_held h JOIN hub_batch b ON b.id = h.batch
    """

  fileprivate init?(
    _ row: [CellValue], _ opened: inout OpenedBatch, in session: any HubSession, shapes: [String: TableShape]
  ) throws {
    guard let batch = row[0].integer, let unit = row[1].integer, let replica = row[2].blob.flatMap(ReplicaID.init(bytes:)),
      let scope = row[3].text, let number = row[4].integer, let reason = row[5].text, let detail = row[6].text,
      let received = row[7].integer, let content = try opened.batch(batch, in: session)?.content,
      content.units.indices.contains(Int(unit))
    else { return nil }
    id = HeldUnits.id(batch: batch, unit: Int(unit))
    self.replica = replica
    self.scope = scope
    batchNumber = UInt64(max(0, number))
    // Tells the two reasons apart, because stores of earlier programs call both `schema`.
    let isReadOnly = reason == HeldReason.schema.rawValue && shapes[detail]?.isWrittenByDevices == false
    self.reason = isReadOnly ? HeldReason.readOnly.rawValue : reason
    self.detail = detail
    receivedMs = UInt64(max(0, received))
    rows = content.units[Int(unit)].changes.map { change in
      Row(
        table: change.table, key: change.key, isAlive: change.isAlive,
        cells: change.cells.map { Cell(column: $0.column, member: $0.name.part.name, value: $0.value) })
    }
  }
}
