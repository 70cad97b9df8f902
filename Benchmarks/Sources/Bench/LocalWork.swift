import Foundation
import GRDB
import SyncKit

/// W1 to W3: what a device does alone. Each run is SyncKit, plain SQLite and the session extension in turn, on new files.
struct LocalWork {
  let folder: String
  let rows: Int

  struct Run {
    var insertTxn100 = 0.0, insertOneTxn = 0.0, updateTxn100 = 0.0, seal = 0.0
    var sessionInsertTxn100 = 0.0, sessionInsertOneTxn = 0.0, sessionUpdateTxn100 = 0.0, sessionSeal = 0.0
    /// Bytes written, to plain SQLite's.
    var insertWritten = 0.0, updateWritten = 0.0
  }

  func run(seed: UInt64) async throws -> Run {
    let scratch = try Scratch(folder)
    var maker = RowMaker(seed: seed)
    let made = maker.make(rows, "07201")
    let clock = HandClock()
    let hub = try await HubFolder(path: try Self.made(scratch.path + "/hub")).open(clock: clock)

    // Plain SQLite.
    let plain = try Plain(scratch.path + "/plain.sqlite")
    try plain.execute(SurveyRow.createSQL)
    let plainTxn100 = try await Cost.of("W1.insert.txn100.plain") { try Self.insert(made, into: plain, transactionOf: 100) }
    var dump: [UInt8] = []
    let plainDump = try await Cost.of("W3.seal.plain") {
      dump.reserveCapacity(rows * 300)
      try plain.statement("SELECT * FROM survey").dump(into: &dump)
    }
    let plainUpdate = try await Cost.of("W2.update.txn100.plain") { try Self.update(made, in: plain) }
    let plainOne = try Plain(scratch.path + "/plain-one.sqlite")
    try plainOne.execute(SurveyRow.createSQL)
    let plainOneTxn = try await Cost.of("W1.insert.onetxn.plain") { try Self.insert(made, into: plainOne, transactionOf: rows) }

    // SyncKit.
    let phone = try Phone(scratch.path + "/phone.sqlite", clock: clock)
    try await phone.enroll(hub, "07201")
    let insert = try await Cost.of("W1.insert.txn100") { try await phone.insert(made, transactionOf: 100) }
    clock.advance(1000)
    let seal = try await Cost.of("W3.seal") { try await phone.replica.seal() }
    clock.advance(1000)
    let update = try await Cost.of("W2.update.txn100") {
      try await phone.update(made, set: "q1 = ?2", transactionOf: 100) { $0.bind(2, Int64($1 % 5 + 1)) }
    }
    let other = try Phone(scratch.path + "/phone-one.sqlite", clock: clock)
    try await other.enroll(hub, "07201")
    let insertOne = try await Cost.of("W1.insert.onetxn") { try await other.insert(made, transactionOf: rows) }

    // The session extension.
    var run = Run()
    let watched = try Plain(scratch.path + "/session.sqlite")
    try watched.execute(SurveyRow.createSQL)
    let session = try Session(watched)
    run.sessionInsertTxn100 = try await Cost.of { try Self.insert(made, into: watched, transactionOf: 100) }.cpu / plainTxn100.cpu
    run.sessionSeal = try await Cost.of { _ = try session.changeset() }.cpu / plainDump.cpu
    let updates = try Session(watched)
    run.sessionUpdateTxn100 = try await Cost.of { try Self.update(made, in: watched) }.cpu / plainUpdate.cpu
    updates.end()
    let watchedOne = try Plain(scratch.path + "/session-one.sqlite")
    try watchedOne.execute(SurveyRow.createSQL)
    let sessionOne = try Session(watchedOne)
    run.sessionInsertOneTxn = try await Cost.of { try Self.insert(made, into: watchedOne, transactionOf: rows) }.cpu / plainOneTxn.cpu
    sessionOne.end()

    run.insertTxn100 = insert.cpu / plainTxn100.cpu
    run.insertOneTxn = insertOne.cpu / plainOneTxn.cpu
    run.updateTxn100 = update.cpu / plainUpdate.cpu
    run.seal = seal.cpu / plainDump.cpu
    run.insertWritten = insert.written / plainTxn100.written
    run.updateWritten = update.written / plainUpdate.written
    try phone.close()
    try other.close()
    try hub.close()
    return run
  }

  /// Bytes of one batch of 500 new rows, and of 500 one-column updates of them, each divided by 500.
  func bytes(seed: UInt64) async throws -> (row: Double, update: Double) {
    let scratch = try Scratch(folder)
    let clock = HandClock()
    let hub = try await HubFolder(path: try Self.made(scratch.path + "/hub")).open(clock: clock)
    let phone = try Phone(scratch.path + "/phone.sqlite", clock: clock)
    try await phone.enroll(hub, "07201")
    var maker = RowMaker(seed: seed)
    let made = maker.make(500, "07201")
    let wire = Wire(hub)
    try await phone.insert(made, transactionOf: 1)
    _ = try await phone.replica.sync(with: wire)
    clock.advance(60_000)
    try await phone.update(made, set: "q1 = ?2", transactionOf: 1) { statement, index in
      clock.advance(20)
      statement.bind(2, Int64(index % 5 + 1))
    }
    _ = try await phone.replica.sync(with: wire)
    try phone.close()
    try hub.close()
    guard wire.batches.count == 2 else { throw SQLiteFailure(description: "\(wire.batches.count) batches where 2 were expected") }
    return (Double(wire.batches[0].bytes.count) / 500, Double(wire.batches[1].bytes.count) / 500)
  }

  static func made(_ path: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  static func insert(_ rows: [SurveyRow], into plain: Plain, transactionOf size: Int) throws {
    for start in stride(from: 0, to: rows.count, by: size) {
      try plain.transaction {
        let statement = try plain.statement(SurveyRow.insertSQL)
        for row in rows[start..<min(start + size, rows.count)] {
          statement.bind(row)
          try statement.run()
        }
      }
    }
  }

  static func update(_ rows: [SurveyRow], in plain: Plain) throws {
    for start in stride(from: 0, to: rows.count, by: 100) {
      try plain.transaction {
        let statement = try plain.statement("UPDATE survey SET q1 = ?2 WHERE id = ?1")
        for index in start..<min(start + 100, rows.count) {
          statement.bind(1, rows[index].id)
          statement.bind(2, Int64(index % 5 + 1))
          try statement.run()
        }
      }
    }
  }
}
