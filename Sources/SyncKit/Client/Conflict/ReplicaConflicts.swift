internal import Foundation
public import SyncCore
public import SyncStore

/// Own write of a device that another's overrode before the hub acknowledged it. It is no conflict yet, but is shown so that nobody
/// thinks it stands.
public struct Clash: Sendable, Hashable {
  public var table: String
  public var key: CellValue
  public var column: String
  public var member: String?
  /// Value written here.
  public var own: CellValue
  /// Value that stands; NULL when the row was deleted.
  public var standing: CellValue
  public var by: ReplicaID?
}

extension Replica {
  /// Returns the conflicts of the scopes that this device reads, the newest first.
  public func conflicts(includingClosed: Bool = false) async throws -> [Conflict] {
    try await engineRead { try Conflict.list(where: includingClosed ? "1" : Conflict.isOpenSQL, in: $0.session) }
  }

  /// Returns the conflict whose id begins with `prefix`.
  ///
  /// - Throws: `SyncError` `.badRequest` when no conflict, or more than one, has such an id.
  public func conflict(id prefix: String) async throws -> Conflict {
    try await engineRead { try Conflict.find(prefix, in: $0.session) }
  }

  /// Decides a conflict, also offline. The decision counts here at once and travels with the next exchange.
  ///
  /// - Parameters:
  ///   - who: Name of the person who decided.
  ///   - reason: Reason for the decision.
  /// - Throws: `SyncError` `.badRequest` when the conflict is settled, or the value cannot stand; nothing is written then.
  public func resolve(_ id: String, as resolution: Resolution, by who: String, because reason: String) async throws -> Conflict {
    let resolver = self.resolver
    return try await engineWrite { transaction in
      let conflict = try Conflict.find(id, in: transaction.session)
      try resolver(transaction).resolve(conflict, as: resolution, by: who, because: reason)
      transaction.rows.note(conflict.table)
      return try Conflict.find(conflict.id, in: transaction.session)
    }
  }

  /// Writes a cell against its column's policy: the value in a `max`, `min` or `ranked` column is wrong and must go back.
  ///
  /// - Parameter value: New value; for a member of a `perKey` column, canonical JSON as text.
  /// - Throws: `SyncError` `.badRequest` for a row or column that does not exist, or a value it cannot hold; nothing is written.
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

  /// Returns own writes that another write overrode before the hub acknowledged them (L6).
  ///
  /// - Complexity: O(changes in batches that are not acknowledged).
  public func clashes() async throws -> [Clash] {
    guard let key = try loadedSecrets()?.signingKey else { return [] }
    return try await engineRead { transaction in
      let lineage = try IdentityHistory.load(current: key.replica, in: transaction.session)
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

  /// Returns this device's identity; nil before enrolment.
  public func identity() async throws -> ReplicaID? { try loadedSecrets()?.signingKey.replica }

  /// Returns where a cell's present value came from, and what it overrode.
  ///
  /// - Parameter member: Member of a `perKey` column; nil for a whole cell.
  /// - Throws: `SyncError` `.badRequest` for a table or column that is not replicated.
  public func why(table: String, key: CellValue, column: String, member: String? = nil) async throws -> CellHistory {
    try await engineRead { try CellHistory(table: table, key: key, column: column, member: member, rows: $0.rows) }
  }
}
