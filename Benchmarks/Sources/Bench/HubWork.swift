import CSQLite
import Foundation
import SyncHub
import SyncKit

/// W4 and W6: a hub merges one batch of each commune.
struct MergeWork {
  let folder: String
  let communes: Int
  let rowsEach: Int

  struct Run {
    /// CPU seconds.
    var hub = 0.0, plain = 0.0, session = 0.0
    /// Bytes written, to plain SQLite's.
    var written = 0.0
    var hubBytes = 0, plainBytes = 0
  }

  /// What every run begins with: a hub with enrolled devices, and their batches.
  struct Prepared {
    let scratch: Scratch
    let hub: HubFolder
    let batches: [SealedBatch]
    let rows: [[SurveyRow]]
    let clock: HandClock
  }

  func prepare() async throws -> Prepared {
    let scratch = try Scratch(folder)
    let clock = HandClock()
    let home = HubFolder(path: try LocalWork.made(scratch.path + "/hub"))
    let hub = try await home.open(clock: clock)
    var maker = RowMaker(seed: 4)
    var batches: [SealedBatch] = []
    var rows: [[SurveyRow]] = []
    for number in 0..<communes {
      let commune = String(format: "%05d", 7000 + number)
      let phone = try Phone(scratch.path + "/phone.sqlite", clock: clock)
      try await phone.enroll(hub, commune)
      let made = maker.make(rowsEach, commune)
      try await phone.insert(made, transactionOf: 1)
      let sealed = try await phone.batches(for: hub)
      guard sealed.count == 1 else { throw SQLiteFailure(description: "\(sealed.count) batches where 1 was expected") }
      batches += sealed
      rows.append(made)
      try phone.close()
      for suffix in ["", "-wal", "-shm", ".key"] { try? FileManager.default.removeItem(atPath: scratch.path + "/phone.sqlite" + suffix) }
    }
    try hub.close()
    clock.advance(60_000)
    return Prepared(scratch: scratch, hub: home, batches: batches, rows: rows, clock: clock)
  }

  func run(_ prepared: Prepared, number: Int) async throws -> Run {
    let scratch = try Scratch(prepared.scratch.path)
    var run = Run()

    let plain = try Plain(scratch.path + "/plain.sqlite")
    try plain.execute(SurveyRow.createSQL)
    let plainCost = try await Cost.of("W4.merge.plain") {
      for rows in prepared.rows {
        try plain.transaction {
          let statement = try plain.statement(SurveyRow.upsertSQL)
          for row in rows {
            statement.bind(row)
            try statement.run()
          }
        }
      }
    }
    try plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    run.plainBytes = Scratch.bytes(plain.path)

    let home = try prepared.hub.copy(to: scratch.path + "/hub")
    let hub = try await home.open(clock: prepared.clock)
    let hubCost = try await Cost.of("W4.merge") { for batch in prepared.batches { _ = try await hub.ingest(batch) } }
    (run.plain, run.hub, run.written) = (plainCost.cpu, hubCost.cpu, hubCost.written / plainCost.written)
    try hub.close()
    let checkpoint = try Plain(home.databasePath)
    try checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    run.hubBytes = Scratch.bytes(home.databasePath)

    var changesets: [Data] = []
    for rows in prepared.rows {
      let source = try Plain(":memory:")
      try source.execute(SurveyRow.createSQL)
      let session = try Session(source)
      try LocalWork.insert(rows, into: source, transactionOf: rows.count)
      changesets.append(try session.changeset())
    }
    let target = try Plain(scratch.path + "/session.sqlite")
    try target.execute(SurveyRow.createSQL)
    run.session = try await Cost.of { for changeset in changesets { try Session.apply(changeset, to: target) } }.cpu
    return run
  }
}

/// W5: edits that come late. A second device of each commune changed two columns of all its rows, not knowing that the first
/// had changed half of them, or all, a little later.
struct LateWork {
  let folder: String
  let communes: Int
  let rowsEach: Int

  struct Prepared {
    let scratch: Scratch
    let hub: HubFolder
    let batches: [SealedBatch]
    let rows: [[SurveyRow]]
    let clock: HandClock
  }

  /// - Parameter every: Of this many rows the first device has changed one.
  func prepare(every: Int) async throws -> Prepared {
    let scratch = try Scratch(folder)
    let (clock, earlier, later) = (HandClock(), HandClock(), HandClock())
    let home = HubFolder(path: try LocalWork.made(scratch.path + "/hub"))
    let hub = try await home.open(clock: clock)
    var maker = RowMaker(seed: 5)
    var batches: [SealedBatch] = []
    var rows: [[SurveyRow]] = []
    for number in 0..<communes {
      let commune = String(format: "%05d", 7000 + number)
      let first = try Phone(scratch.path + "/first-\(number).sqlite", clock: later)
      let second = try Phone(scratch.path + "/second-\(number).sqlite", clock: earlier)
      try await first.enroll(hub, commune)
      try await second.enroll(hub, commune)
      let made = maker.make(rowsEach, commune)
      try await first.insert(made, transactionOf: 1)
      _ = try await first.replica.sync(with: Wire(hub))
      _ = try await second.replica.sync(with: Wire(hub))
      for hand in [clock, earlier, later] { hand.advance(30_000) }
      later.advance(20_000)
      let changed = stride(from: 0, to: made.count, by: every).map { made[$0] }
      try await first.update(changed, set: "q1 = ?2, q13 = ?3", transactionOf: 1) {
        $0.bind(2, Int64(6 + $1 % 3))
        $0.bind(3, "sửa")
      }
      _ = try await first.replica.sync(with: Wire(hub))
      try await second.update(made, set: "q1 = ?2, q13 = ?3", transactionOf: 1) {
        $0.bind(2, Int64(9 + $1 % 3))
        $0.bind(3, "muộn")
      }
      let sealed = try await second.batches(for: hub)
      guard sealed.count == 1 else { throw SQLiteFailure(description: "\(sealed.count) batches where 1 was expected") }
      batches += sealed
      rows.append(made)
      for hand in [clock, earlier] { hand.advance(20_000) }
      try first.close()
      try second.close()
    }
    try hub.close()
    return Prepared(scratch: scratch, hub: home, batches: batches, rows: rows, clock: clock)
  }

  func merge(_ prepared: Prepared) async throws -> Cost {
    let scratch = try Scratch(prepared.scratch.path)
    let hub = try await prepared.hub.copy(to: scratch.path + "/hub").open(clock: prepared.clock)
    defer { try? hub.close() }
    return try await Cost.of("W5.late") { for batch in prepared.batches { _ = try await hub.ingest(batch) } }
  }

  /// Conflicts a merge opens: what the workload is made of is checked, not assumed.
  func conflicts(_ prepared: Prepared) async throws -> Int {
    let scratch = try Scratch(prepared.scratch.path)
    let hub = try await prepared.hub.copy(to: scratch.path + "/hub").open(clock: prepared.clock)
    defer { try? hub.close() }
    for batch in prepared.batches { _ = try await hub.ingest(batch) }
    return Int(try await hub.read { try $0.rows("SELECT count(*) FROM sync_conflict", [])[0][0].integer ?? 0 })
  }

  /// Upsert where newer, on a table with a stamp: half of the edits are newer than what stands.
  func plain(_ prepared: Prepared) async throws -> Cost {
    let scratch = try Scratch(prepared.scratch.path)
    let plain = try Plain(scratch.path + "/plain.sqlite")
    try plain.execute(SurveyRow.createSQL)
    try plain.execute("ALTER TABLE survey ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0")
    for rows in prepared.rows { try LocalWork.insert(rows, into: plain, transactionOf: rows.count) }
    try plain.execute("UPDATE survey SET stamp = 2 WHERE id IN (SELECT id FROM survey WHERE rowid % 2 = 0)")
    let sql: String =
      SurveyRow.insertSQL.replacingOccurrences(of: "submitted_at)", with: "submitted_at, stamp)").dropLast()
      + ", ?26) ON CONFLICT (id) DO UPDATE SET q1 = excluded.q1, q13 = excluded.q13, stamp = excluded.stamp WHERE excluded.stamp > survey.stamp"
    return try await Cost.of("W5.late.plain") {
      for rows in prepared.rows {
        try plain.transaction {
          let statement = try plain.statement(sql)
          for row in rows {
            statement.bind(row)
            statement.bind(26, 1)
            try statement.run()
          }
        }
      }
    }
  }
}
