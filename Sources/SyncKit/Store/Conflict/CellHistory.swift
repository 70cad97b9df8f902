public import SyncCore

/// History of a cell: why it shows its value.
public struct CellHistory: Sendable, Hashable {
  /// Present value; NULL when the row was deleted or nobody wrote the cell.
  public var value: CellValue
  /// Life of the row: odd alive, even dead, 0 unknown.
  public var life: UInt32
  /// Hub time in milliseconds when the present value was written; nil when the default shows.
  public var writtenMs: UInt64?
  public var writtenBy: ReplicaID?
  public var rule: String
  /// True when this device wrote the cell after it last sealed: the rest of the history is from before that write.
  public var isPending: Bool
  public var conflicts: [Conflict]
}

extension CellHistory {
  private static func isPending(
    _ column: TableShape.Column, _ part: CellPart, key: CellValue, _ shape: TableShape, in session: any SQLSession
  ) throws -> Bool {
    try session.rows("SELECT op, mask, extra FROM sync_pending WHERE tbl = ?1 AND key = ?2", [.integer(Int64(shape.id)), key]).contains {
      row in
      let members = try row[2].blob.map(PendingExtra.init)?.members[column.id]
      if part != .whole, let members { return members.contains(part) }
      return row[0].integer == CaptureOperation.insert.rawValue || (row[1].integer ?? 0) >> Int64(column.id) & 1 == 1
    }
  }

  package init(table: String, key: CellValue, column: String, member: String?, hasConflicts: Bool = true, rows: RowStore) throws {
    guard let shape = rows.shape(table), let known = shape.column(named: column) else {
      throw SyncError(
        .badRequest, vi: "Không có cột \(column) trong bảng đồng bộ \(table).",
        en: "There is no column \(column) in a replicated table \(table)."
      )
    }
    let state = try rows.load(shape, key: key, in: nil)?.state ?? .unknown
    let name = CellName(column, member.map { .member($0.nfc) } ?? .whole)
    let cell = state.cells[name]
    let parts = state.cells.filter { $0.key.column == column }
    let origin = cell?.origin ?? parts.values.map(\.origin).max { $0.version < $1.version } ?? (state.isAlive ? nil : state.lifeOrigin)
    value = cell?.value ?? (member == nil ? CellParts.value(of: known, policy: shape.policy(of: known), in: state.cells) : nil) ?? .null
    life = state.life
    writtenMs = origin?.version.timestamp.wallMs
    writtenBy = origin?.version.replica
    rule = shape.policy(of: known).signature
    isPending = try Self.isPending(known, name.part, key: key, shape, in: rows.session)
    guard hasConflicts else {
      conflicts = []
      return
    }
    conflicts = try Conflict.list(
      where: "c.tbl = ?1 AND c.row_key = ?2 AND c.col = ?3 AND (?4 IS NULL OR c.member = ?4)",
      [.text(table), key, .text(column), member.map { .text($0.nfc) } ?? .null], in: rows.session)
  }
}
