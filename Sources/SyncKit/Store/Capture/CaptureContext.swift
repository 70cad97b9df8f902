internal import Foundation
package import GRDB
package import SyncCore
internal import Synchronization

/// Transaction state of one writer, which the capture triggers read.
///
/// The triggers call `synckit_txn()`. Its result is a tag: equal for all writes of one transaction, with the transaction's wall
/// time inside, or NULL while SyncKit applies the writes of others. A program that opens the database without SyncKit has no such
/// function, so its writes to replicated tables fail loudly instead of being lost (docs/adr/0002).
package final class CaptureContext: Sendable {
  private struct State {
    var tag: Int64?
    var rows = 0
    var isSuspended = false
    var counter = UInt16.random(in: 0 ... .max)
    /// Tables with policy columns, by number.
    var shapes: [Int: TableShape] = [:]
    /// Values of the policy columns of rows that an insert of this transaction may replace.
    var replaced: [RowKey: [CellValue]] = [:]
  }

  private struct RowKey: Hashable {
    var table: Int
    var key: CellValue
  }

  private let state = Mutex(State())
  private let clock: any WallClock

  package init(clock: any WallClock) { self.clock = clock }

  /// Returns the wall time inside a tag, in milliseconds.
  static func wallMs(ofTag tag: Int64) -> UInt64 { UInt64(max(0, tag) >> 16) }

  /// Adds the functions to every connection of `configuration`, and ends the tag with its transaction.
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

  /// Implements `synckit_before`. `synckit_before(table, key)` begins an insert; `synckit_before(table, key, value, …)` adds the
  /// values of the row's policy columns, in case the insert replaces the row: SQLite fires no trigger for the replaced row.
  private func before(_ values: [CellValue]) -> Int? {
    guard values.count >= 2, let table = values[0].integer else { return nil }
    let row = RowKey(table: Int(table), key: values[1])
    state.withLock { $0.replaced[row] = values.count > 2 ? Array(values.dropFirst(2)) : nil }
    return nil
  }

  /// Implements `synckit_extra(table, key, new values…, old values…)`: returns what capture must log of a write. Old values are
  /// missing for an insert.
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

  /// Runs `body` with capture off, for writes that apply changes of others.
  package func suspended<T>(_ body: () throws -> T) rethrows -> T {
    state.withLock { $0.isSuspended = true }
    defer { state.withLock { $0.isSuspended = false } }
    return try body()
  }

  /// Returns the tag of the present transaction.
  ///
  /// - Returns: Nil while capture is off.
  func tag() throws -> Int64? {
    try state.withLock { state in
      guard !state.isSuspended else { return nil }
      state.rows += 1
      // Counts twice a row, because the triggers ask twice.
      if state.rows > WireLimits.rowsPerTransactionMax * 2 { throw DatabaseError(message: "synckit:tooManyRows") }
      if let tag = state.tag { return tag }
      state.counter &+= 1
      let wallMs = min(clock.nowMs(), 1 << 47 - 1)
      let tag = Int64(wallMs << 16 | UInt64(state.counter))
      state.tag = tag
      return tag
    }
  }

  /// Ends the transaction: later writes get another tag.
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
