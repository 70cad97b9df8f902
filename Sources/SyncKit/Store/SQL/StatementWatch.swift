internal import GRDB
internal import GRDBSQLite
internal import Synchronization

/// Records each statement that a store ran, and how much work it was for SQLite. Tests check whether work grows with a store's
/// content.
///
/// Outside tests there is no watch, and connections are not traced.
final class StatementWatch: Sendable {
  /// Cost of one statement's runs.
  struct Cost: Sendable, Hashable {
    var runs = 0
    /// Instructions of SQLite's virtual machine, in the most expensive run.
    var stepsMax = 0
  }

  /// Watch of the stores that are opened while it is set.
  @TaskLocal static var current: StatementWatch?

  private let costs = Mutex<[String: Cost]>([:])

  /// Returns what ran since the last call, by the statement's text.
  func take() -> [String: Cost] {
    costs.withLock { costs in
      defer { costs = [:] }
      return costs
    }
  }

  /// Traces each connection of a store; the store keeps this watch.
  func install(in configuration: inout Configuration) {
    configuration.prepareDatabase { db in
      sqlite3_trace_v2(
        db.sqliteConnection, UInt32(SQLITE_TRACE_PROFILE),
        { _, watch, statement, _ in
          guard let watch, let statement else { return 0 }
          Unmanaged<StatementWatch>.fromOpaque(watch).takeUnretainedValue().note(OpaquePointer(statement))
          return 0
        }, Unmanaged.passUnretained(self).toOpaque())
    }
  }

  private func note(_ statement: OpaquePointer) {
    let steps = Int(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1))
    guard let text = sqlite3_sql(statement) else { return }
    let sql = String(cString: text)
    costs.withLock { costs in
      costs[sql, default: Cost()].runs += 1
      costs[sql, default: Cost()].stepsMax = max(costs[sql]?.stepsMax ?? 0, steps)
    }
  }
}
