internal import GRDB
internal import Synchronization

/// Tells the capture triggers of one writer which transaction they are in.
///
/// The triggers call `synckit_txn()`: a tag that is the same for all writes of one transaction and carries its wall time, or
/// NULL while SyncKit itself applies what others wrote. A program that opens the database without SyncKit has no such
/// function, and its writes to replicated tables fail loudly instead of being lost (docs/adr/0002).
final class CaptureContext: Sendable {
  private struct State {
    var tag: Int64?
    var rows = 0
    var isSuspended = false
    var counter = UInt16.random(in: 0 ... .max)
  }

  private let state = Mutex(State())
  private let clock: any WallClock

  init(clock: any WallClock) { self.clock = clock }

  /// The wall time inside a tag, in milliseconds.
  static func wallMs(ofTag tag: Int64) -> UInt64 { UInt64(max(0, tag) >> 16) }

  /// Adds the function, and the end of a tag with its transaction, to every connection of `configuration`.
  func install(in configuration: inout Configuration) {
    let function = DatabaseFunction("synckit_txn", argumentCount: 0) { [self] _ in try tag() }
    configuration.prepareDatabase { db in db.add(function: function) }
  }

  func observe(_ db: Database) {
    db.add(transactionObserver: TransactionEnd(context: self), extent: .databaseLifetime)
  }

  /// Runs `body` with capture off: what it writes came from others.
  func suspended<T>(_ body: () throws -> T) rethrows -> T {
    state.withLock { $0.isSuspended = true }
    defer { state.withLock { $0.isSuspended = false } }
    return try body()
  }

  private func tag() throws -> Int64? {
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
  func endTransaction() {
    state.withLock {
      $0.tag = nil
      $0.rows = 0
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
