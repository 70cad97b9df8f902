internal import Foundation
internal import SyncCore
internal import SyncStore

extension Hub {
  /// Returns the conflicts of all scopes, the newest first.
  public func conflicts(includingClosed: Bool = false) async throws -> [Conflict] {
    try await store.read { try Conflict.list(where: includingClosed ? "1" : "state = 'open'", in: $0) }
  }

  /// Open conflicts of one scope that are listed at once.
  public static let conflictsListedMax = 300

  /// Returns the open conflicts of a scope, the newest first, at most `conflictsListedMax`.
  public func openConflicts(scope: String) async throws -> [Conflict] {
    try await openConflicts(where: "scope = ?1", [.text(scope)])
  }

  /// Returns the open conflicts of a row, the newest first, at most `conflictsListedMax`.
  public func openConflicts(scope: String, table: String, key: CellValue) async throws -> [Conflict] {
    try await openConflicts(where: "scope = ?1 AND tbl = ?2 AND row_key = ?3", [.text(scope), .text(table), key])
  }

  private func openConflicts(where condition: String, _ arguments: [CellValue]) async throws -> [Conflict] {
    let some = "SELECT id FROM sync_conflict WHERE \(condition) AND state = 'open' LIMIT \(Self.conflictsListedMax)"
    return try await store.read { try Conflict.list(where: "c.id IN (\(some))", arguments, in: $0) }
  }

  /// Returns the conflict whose id begins with `prefix`.
  ///
  /// - Throws: `SyncError` `.badRequest` when no conflict, or more than one, has such an id.
  public func conflict(id prefix: String) async throws -> Conflict {
    try await store.read { try Conflict.find(prefix, in: $0) }
  }

  /// Decides a conflict in the hub's own name. The decision is an ordinary change, which every replica of the scope receives.
  public func resolve(_ id: String, as resolution: Resolution, by who: String, because reason: String) async throws -> Conflict {
    let resolver = self.resolver
    return try await write { session in
      let conflict = try Conflict.find(id, in: session)
      try resolver(session).resolve(conflict, as: resolution, by: who, because: reason)
      return try Conflict.find(conflict.id, in: session)
    }
  }

  /// Writes a cell against its column's merge rule; see `Replica.correct`.
  public func correct(
    table: String, key: CellValue, column: String, member: String? = nil, to value: CellValue, by who: String, because reason: String
  ) async throws {
    let resolver = self.resolver
    try await write { session in
      try resolver(session).correct(table: table, key: key, column: column, member: member, to: value, by: who, because: reason)
    }
  }

  private var resolver: @Sendable (any HubSession) -> ConflictResolver {
    let (shapes, clock) = (store.tables.byName, clock)
    return { session in
      ConflictResolver(session: session, shapes: shapes, nowMs: clock.nowMs(), isHub: true) { body in try session.withoutCapture(body) }
    }
  }

  /// Inserts a deleted row again, as it was when it was deleted.
  ///
  /// - Throws: `SyncError` `.badRequest` when the row stands, or its last image is not known.
  public func restoreRow(table: String, key: CellValue) async throws {
    let shapes = store.tables.byName
    try await write { session in
      guard let shape = shapes[table] else {
        throw SyncError(.badRequest, vi: "Không có bảng đồng bộ \(table).", en: "There is no replicated table \(table).")
      }
      guard try RowImage(shape, key: key, in: session) == nil else {
        throw SyncError(
          .badRequest, vi: "Dòng \(key.logText) trong bảng \(table) vẫn còn.", en: "Row \(key.logText) of table \(table) was not deleted.")
      }
      let scope = try RowStore(session: session, shapes: shapes).load(shape, key: key, in: nil)?.scope
      if let scope, !shape.declaration.keyRule.allows(key, in: scope) {
        throw SyncError(
          .badRequest, vi: "Khóa \(key.logText) của bảng \(table) là của đơn vị khác, không phải \(scope); không khôi phục.",
          en: "Key \(key.logText) of table \(table) is another unit's, not \(scope)'s; it is not restored.")
      }
      guard let scope, let image = try DeletedRows(session: session).image(table: table, key: key, scope: scope) else {
        throw SyncError(
          .badRequest, vi: "Máy chủ không có hình ảnh cuối của dòng \(key.logText) trong bảng \(table).",
          en: "The hub has no last image of row \(key.logText) in table \(table).")
      }
      try image.insert(shape, key: key, in: session)
    }
  }

  /// Returns where a cell's present value came from, and what it overrode.
  ///
  /// - Parameter hasConflicts: False to leave out the overridden values.
  public func why(
    table: String, key: CellValue, column: String, member: String? = nil, hasConflicts: Bool = true
  ) async throws -> CellHistory {
    let shapes = store.tables.byName
    return try await store.read { session in
      try CellHistory(
        table: table, key: key, column: column, member: member, hasConflicts: hasConflicts,
        rows: RowStore(session: session, shapes: shapes))
    }
  }
}
