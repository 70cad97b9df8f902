internal import Foundation
package import GRDB
package import SyncCore
internal import Synchronization

/// Tells the capture triggers of one writer which transaction they are in.
///
/// The triggers call `synckit_txn()`: a tag that is the same for all writes of one transaction and carries its wall time, or
/// NULL while SyncKit itself applies what others wrote. A program that opens the database without SyncKit has no such
/// function, and its writes to replicated tables fail loudly instead of being lost (docs/adr/0002).
package final class CaptureContext: Sendable {
  private struct State {
    var tag: Int64?
    var rows = 0
    var isSuspended = false
    var counter = UInt16.random(in: 0 ... .max)
    /// Tables with policy columns, by number.
    var shapes: [Int: TableShape] = [:]
    /// What stood in the policy columns of rows that an insert of this transaction may be replacing.
    var replaced: [RowKey: [CellValue]] = [:]
  }

  private struct RowKey: Hashable {
    var table: Int
    var key: CellValue
  }

  private let state = Mutex(State())
  private let clock: any WallClock

  package init(clock: any WallClock) { self.clock = clock }

  /// The wall time inside a tag, in milliseconds.
  static func wallMs(ofTag tag: Int64) -> UInt64 { UInt64(max(0, tag) >> 16) }

  /// Adds the function, and the end of a tag with its transaction, to every connection of `configuration`.
  package func install(in configuration: inout Configuration) {
    let functions = [
      DatabaseFunction("synckit_on", argumentCount: 0) { [self] _ in state.withLock { !$0.isSuspended } },
      DatabaseFunction("synckit_before", argumentCount: nil) { [self] values in before(values.map { CellValue($0) }) },
      DatabaseFunction("synckit_extra", argumentCount: nil) { [self] values in try extra(values.map { CellValue($0) }) },
    ]
    configuration.prepareDatabase { [self] db in
      for function in functions { db.add(function: function) }
      try CaptureFunctions.install(self, in: db)
    }
  }

  package func declare(_ shape: TableShape) { state.withLock { $0.shapes[shape.id] = shape } }

  /// `synckit_before(table, key)` begins an insert; `synckit_before(table, key, value, …)` adds what stands in the row's policy
  /// columns, should the insert replace it: SQLite fires no trigger for the row that goes.
  private func before(_ values: [CellValue]) -> Int? {
    guard values.count >= 2, let table = values[0].integer else { return nil }
    let row = RowKey(table: Int(table), key: values[1])
    state.withLock { $0.replaced[row] = values.count > 2 ? Array(values.dropFirst(2)) : nil }
    return nil
  }

  /// `synckit_extra(table, key, new values…, old values…)`: what to note of a write, without old values of an insert.
  private func extra(_ values: [CellValue]) throws -> Data? {
    guard values.count >= 2, let table = values[0].integer else { throw DatabaseError(message: "synckit:badValue") }
    let row = RowKey(table: Int(table), key: values[1])
    let (shape, replaced) = state.withLock { ($0.shapes[row.table], $0.replaced.removeValue(forKey: row)) }
    guard let shape else { throw DatabaseError(message: "synckit:badValue") }
    let columns = shape.policyColumns
    let new = Array(values.dropFirst(2).prefix(columns.count))
    guard new.count == columns.count else { throw DatabaseError(message: "synckit:badValue") }
    let old = values.count >= 2 + 2 * columns.count ? Array(values.suffix(columns.count)) : replaced
    do {
      let extra = try PolicyCapture.extra(of: columns, shape: shape, old: old, new: new) { draw() }
      return extra.isEmpty ? nil : extra.data
    } catch PolicyCapture.Refusal.undone(let column) {
      throw DatabaseError(message: "synckit:undone \(shape.name).\(column)")
    } catch is PolicyCapture.Refusal {
      throw DatabaseError(message: "synckit:badValue")
    }
  }

  private func draw() -> UInt64 { UInt64.random(in: 0 ... .max) }

  package func observe(_ db: Database) {
    db.add(transactionObserver: TransactionEnd(context: self), extent: .databaseLifetime)
  }

  /// Runs `body` with capture off: what it writes came from others.
  package func suspended<T>(_ body: () throws -> T) rethrows -> T {
    state.withLock { $0.isSuspended = true }
    defer { state.withLock { $0.isSuspended = false } }
    return try body()
  }

  /// - Returns: Nil while capture is off.
  func tag() throws -> Int64? {
    try state.withLock { state in
      guard !state.isSuspended else { return nil }
      state.rows += 1
      // The triggers ask twice a row.
      if state.rows > WireLimits.rowsPerTransactionMax * 2 { throw DatabaseError(message: "synckit:tooManyRows") }
      if let tag = state.tag { return tag }
      state.counter &+= 1
      let wallMs = min(clock.nowMs(), 1 << 47 - 1)
      let tag = Int64(wallMs << 16 | UInt64(state.counter))
      state.tag = tag
      return tag
    }
  }

  /// What is captured next belongs to another transaction.
  package func endTransaction() {
    state.withLock {
      $0.tag = nil
      $0.rows = 0
      $0.replaced = [:]
    }
  }
}

private final class TransactionEnd: TransactionObserver {
  private let context: CaptureContext

  init(context: CaptureContext) { self.context = context }

  func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
  func databaseDidChange(with event: DatabaseEvent) {}
  func databaseDidCommit(_ db: Database) { context.endTransaction() }
  func databaseDidRollback(_ db: Database) { context.endTransaction() }
}
