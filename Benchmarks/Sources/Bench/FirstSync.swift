import Foundation
import GRDB
import SyncHub
import SyncKit

/// W7: a new device fetches all there is of its scope, from the log and in bulk, and then asks once more.
struct FirstSync {
  let folder: String
  let rows: Int

  struct Run {
    /// What the device takes to ask and apply, and the hub to read and answer, to a plain insert of the same rows in one transaction.
    var feed = 0.0, snapshot = 0.0, feedAtHub = 0.0, snapshotAtHub = 0.0
    /// Of the bodies of an exchange that brings nothing, both ways.
    var idleBytes = 0.0
  }

  private static let batchRows = 5000

  func run(seed: UInt64) async throws -> Run {
    let scratch = try Scratch(folder)
    let clock = HandClock()
    let hub = try await HubFolder(path: try LocalWork.made(scratch.path + "/hub")).open(clock: clock)
    let author = try Phone(scratch.path + "/author.sqlite", clock: clock)
    try await author.enroll(hub, "07201")
    var maker = RowMaker(seed: seed)
    let made = maker.make(rows, "07201")
    for start in stride(from: 0, to: rows, by: Self.batchRows) {
      try await author.insert(Array(made[start..<min(start + Self.batchRows, rows)]), transactionOf: 500)
      _ = try await author.replica.sync(with: Wire(hub))
      clock.advance(1000)
    }

    let plain = try Plain(scratch.path + "/plain.sqlite")
    try plain.execute(SurveyRow.createSQL)
    let inserted = try await Cost.of { try LocalWork.insert(made, into: plain, transactionOf: rows) }.cpu

    var run = Run()
    let byFeed = try Phone(scratch.path + "/feed.sqlite", clock: clock)
    try await byFeed.enroll(hub, "07201")
    (run.feed, run.feedAtHub) = try await fetch(byFeed, from: hub, plain: inserted)
    let idle = Wire(hub)
    _ = try await byFeed.replica.sync(with: idle)
    run.idleBytes = Double(idle.bodyBytes)

    _ = try await hub.backUp(to: scratch.path + "/backup.sqlite")
    clock.advance(1000)
    let cleared = try await hub.clearLog(leaseMs: 0)
    guard cleared > 0 else { throw SQLiteFailure(description: "no batch was cleared: the device would read the log") }
    let bySnapshot = try Phone(scratch.path + "/snapshot.sqlite", clock: clock)
    try await bySnapshot.enroll(hub, "07201")
    (run.snapshot, run.snapshotAtHub) = try await fetch(bySnapshot, from: hub, plain: inserted)
    for phone in [author, byFeed, bySnapshot] { try phone.close() }
    try hub.close()
    return run
  }

  private func fetch(_ phone: Phone, from hub: Hub, plain: Double) async throws -> (device: Double, hub: Double) {
    let wire = Wire(hub)
    let cpu = try await Cost.of { _ = try await phone.replica.sync(with: wire) }.cpu
    let count = try await phone.replica.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM survey") ?? 0 }
    guard count == rows else { throw SQLiteFailure(description: "\(count) rows where \(rows) were expected") }
    return ((cpu - wire.hubCPU) / plain, wire.hubCPU / plain)
  }
}
