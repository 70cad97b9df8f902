internal import Foundation

/// A device's own write that another's overrode before the hub acknowledged it: not a conflict yet, and shown so that nobody
/// thinks it stands.
public struct Clash: Sendable, Hashable {
  public var table: String
  public var key: CellValue
  public var column: String
  public var member: String?
  /// What was written here.
  public var own: CellValue
  /// What stands; NULL when the row was deleted.
  public var standing: CellValue
  public var by: ReplicaID?
}

/// Why a cell shows what it shows.
public struct CellHistory: Sendable, Hashable {
  /// What stands; NULL when the row was deleted or nobody wrote the cell.
  public var value: CellValue
  /// Odd alive, even dead, 0 unknown.
  public var life: UInt32
  /// When what stands was written, by hub time in milliseconds; nil where the default shows.
  public var writtenMs: UInt64?
  public var writtenBy: ReplicaID?
  public var rule: String
  /// Written on this device since it last sealed: what the rest of this says is from before that.
  public var isPending: Bool
  public var conflicts: [Conflict]
}

extension Replica {
  /// The conflicts of the scopes this device reads, the newest first.
  public func conflicts(includingClosed: Bool = false) async throws -> [Conflict] {
    try await engineRead { try Conflict.list(where: includingClosed ? "1" : Conflict.isOpenSQL, in: $0.session) }
  }

  /// The one conflict whose id begins so. Throws `SyncError` `.badRequest` when there is none, or several.
  public func conflict(id prefix: String) async throws -> Conflict {
    try await engineRead { try Conflict.find(prefix, in: $0.session) }
  }

  /// Decides about a conflict, also offline. What was decided counts here at once and travels with the next exchange.
  ///
  /// - Parameters:
  ///   - who: Who decided, as people know them.
  ///   - reason: Why.
  /// - Throws: `SyncError` `.badRequest` when it is settled, or the value cannot stand; nothing is written then.
  public func resolve(_ id: String, as resolution: Resolution, by who: String, because reason: String) async throws -> Conflict {
    let resolver = self.resolver
    return try await engineWrite { transaction in
      let conflict = try Conflict.find(id, in: transaction.session)
      try resolver(transaction).resolve(conflict, as: resolution, by: who, because: reason)
      transaction.rows.note(conflict.table)
      return try Conflict.find(conflict.id, in: transaction.session)
    }
  }

  /// Writes a cell against its column's rule: what stands in a `max`, `min` or `ranked` column is wrong and must go back.
  ///
  /// - Parameter value: Of a member of a `perKey` column: canonical JSON as text.
  /// - Throws: `SyncError` `.badRequest` for a row or column that is not there, or a value it cannot hold; nothing is written.
  public func correct(
    table: String, key: CellValue, column: String, member: String? = nil, to value: CellValue, by who: String, because reason: String
  ) async throws {
    let resolver = self.resolver
    try await engineWrite { transaction in
      try resolver(transaction).correct(table: table, key: key, column: column, member: member, to: value, by: who, because: reason)
      transaction.rows.note(table)
    }
  }

  private var resolver: @Sendable (EngineTransaction) throws -> ConflictResolver {
    let (shapes, capture, clock) = (shapes, capture, clock)
    return { transaction in
      let nowMs = Sealer.corrected(clock.nowMs(), by: try transaction.state.integer("offsetMs"))
      return ConflictResolver(session: transaction.session, shapes: shapes, nowMs: nowMs, isHub: false) { body in
        try capture.suspended(body)
      }
    }
  }

  /// Own writes that something else overrode before the hub acknowledged them (L6).
  ///
  /// - Complexity: O(changes in batches that are not acknowledged).
  public func clashes() async throws -> [Clash] {
    guard let key = try keyStore.load()?.signingKey else { return [] }
    return try await engineRead { transaction in
      let lineage = try Lineage.load(current: key.replica, in: transaction.session)
      let own = Set([lineage.current] + lineage.past.map(\.replica))
      var clashes: [Clash] = []
      for entry in try transaction.outbox.unacknowledged() {
        guard let content = try transaction.outbox.content(scope: entry.scope, number: entry.number) else { continue }
        let open = content.units.enumerated().filter { !entry.held.contains($0.offset) }.dropFirst(entry.acknowledged).map(\.element)
        for unit in open + content.units.enumerated().filter({ entry.held.contains($0.offset) }).map(\.element) {
          for change in unit.changes { clashes += try Self.clashes(of: change, own: own, rows: transaction.rows) }
        }
      }
      return clashes
    }
  }

  private static func clashes(of change: RowChange, own: Set<ReplicaID>, rows: RowStore) throws -> [Clash] {
    guard let shape = rows.shape(change.table), let state = try rows.load(shape, key: change.key, in: nil)?.state else { return [] }
    return change.cells.compactMap { cell in
      if change.life == state.life && shape.declaration.policy(of: cell.column).settlesItself { return nil }
      let standing = state.cells[cell.name]
      let by = standing?.origin.version.replica ?? state.lifeOrigin?.version.replica
      guard by.map(own.contains) != true, state.life > change.life || standing != nil, standing?.value != cell.value else { return nil }
      return Clash(
        table: change.table, key: change.key, column: cell.column, member: cell.name.part.name, own: cell.value,
        standing: standing?.value ?? .null, by: by)
    }
  }

  /// This device's own identity; nil before enrolment.
  public func identity() async throws -> ReplicaID? { try keyStore.load()?.signingKey.replica }

  /// Where what stands in a cell came from, and what it overrode.
  ///
  /// - Parameter member: Of a `perKey` column.
  /// - Throws: `SyncError` `.badRequest` for a table or column that is not replicated.
  public func why(table: String, key: CellValue, column: String, member: String? = nil) async throws -> CellHistory {
    try await engineRead { try CellHistory(table: table, key: key, column: column, member: member, rows: $0.rows) }
  }
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

  init(table: String, key: CellValue, column: String, member: String?, rows: RowStore) throws {
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
    conflicts = try Conflict.list(
      where: "c.tbl = ?1 AND c.row_key = ?2 AND c.col = ?3 AND (?4 IS NULL OR c.member = ?4)",
      [.text(table), key, .text(column), member.map { .text($0.nfc) } ?? .null], in: rows.session)
  }
}
