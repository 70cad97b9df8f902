import CSQLite
import Foundation
import GRDB
import SyncHub
import SyncKit

/// A clock a benchmark moves by hand: stamps, and with them who wins, do not depend on the machine.
final class HandClock: WallClock, @unchecked Sendable {
  private let lock = NSLock()
  private var ms: UInt64 = 1_790_000_000_000

  func nowMs() -> UInt64 { lock.withLock { ms } }
  func advance(_ by: UInt64) { lock.withLock { ms += by } }
}

/// Carries calls to a hub in the same process, and keeps the batches that went by.
final class Wire: Transport, @unchecked Sendable {
  private let lock = NSLock()
  private let hub: Hub
  private var kept: [HubRequest] = []
  /// Batches are kept and not delivered, as if the network were gone at that moment.
  private let holdsBatches: Bool

  init(_ hub: Hub, holdsBatches: Bool = false) {
    self.hub = hub
    self.holdsBatches = holdsBatches
  }

  /// The calls that carried batches.
  var calls: [HubRequest] { lock.withLock { kept } }
  var batches: [SealedBatch] { calls.map { SealedBatch(bytes: $0.body) } }
  /// Bytes of all bodies that went by, both ways.
  var bodyBytes: Int { lock.withLock { bytes } }
  private var bytes = 0
  /// CPU seconds that went by while the hub answered.
  var hubCPU: Double { lock.withLock { cpu } }
  private var cpu = 0.0

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    if request.method == "PUT", request.path.hasPrefix("/v1/batches/") {
      lock.withLock { kept.append(request) }
      if holdsBatches { throw SyncError(.unreachable, vi: "Không có mạng.", en: "No network.") }
    }
    let before = cpuSeconds()
    let answer = await hub.answer(request)
    lock.withLock {
      bytes += request.body.count + answer.body.count
      cpu += cpuSeconds() - before
    }
    return answer
  }
}

extension ReplicatedTable {
  static let survey = ReplicatedTable("survey", scopeColumn: "commune")
}

/// A hub's store with its keys, in a folder that can be copied: each run begins with the same enrolled devices.
struct HubFolder {
  let path: String

  func open(clock: any WallClock) async throws -> Hub {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("survey") { try $0.execute(sql: SurveyRow.createSQL) }
    let keys = path + "/keys"
    let manager = FileManager.default
    let made = manager.fileExists(atPath: keys) ? try HubKeys.load(from: keys) : try HubKeys.create(in: keys)
    let store = try SQLiteHubStore.open(at: path + "/hub.sqlite", tables: [.survey], migrator: migrator)
    return try await Hub.open(store: store, keys: made, clock: clock)
  }

  func copy(to other: String) throws -> HubFolder {
    try FileManager.default.copyItem(atPath: path, toPath: other)
    return HubFolder(path: other)
  }

  var databasePath: String { path + "/hub.sqlite" }
}

/// A device with its store.
struct Phone {
  let replica: Replica
  private let prepared = Prepared()

  init(_ path: String, clock: any WallClock) throws {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("survey") { try $0.execute(sql: SurveyRow.createSQL) }
    replica = try Replica.open(at: path, tables: [.survey], migrator: migrator, clock: clock)
  }

  func enroll(_ hub: Hub, _ commune: String) async throws {
    let code = try await hub.makeCode(scope: commune, readScopes: [commune])
    try await replica.enroll(code: code, label: "bench", through: Wire(hub))
  }

  /// Inserts in transactions of `size` rows.
  func insert(_ rows: [SurveyRow], transactionOf size: Int) async throws {
    for start in stride(from: 0, to: rows.count, by: size) {
      let part = rows[start..<min(start + size, rows.count)]
      try await replica.database.write { [prepared] db in
        guard let connection = db.sqliteConnection else { return }
        let statement = try prepared.statement(connection, SurveyRow.insertSQL)
        for row in part {
          statement.bind(row)
          try statement.run()
        }
      }
    }
  }

  func update(_ rows: [SurveyRow], set: String, transactionOf size: Int, _ bind: @escaping @Sendable (Statement, Int) -> Void) async throws
  {
    for start in stride(from: 0, to: rows.count, by: size) {
      let range = start..<min(start + size, rows.count)
      try await replica.database.write { [prepared] db in
        guard let connection = db.sqliteConnection else { return }
        let statement = try prepared.statement(connection, "UPDATE survey SET \(set) WHERE id = ?1")
        for index in range {
          statement.bind(1, rows[index].id)
          bind(statement, index)
          try statement.run()
        }
      }
    }
  }

  func close() throws {
    replica.database.writeWithoutTransaction { [prepared] _ in prepared.finalize() }
    try replica.close()
  }

  /// Seals what is pending, and gives the batches as they would be sent.
  func batches(for hub: Hub) async throws -> [SealedBatch] {
    let wire = Wire(hub, holdsBatches: true)
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 1, delayFirstMs: 1, delayMaxMs: 1)
    do { _ = try await replica.sync(with: wire, options: options) } catch let error as SyncError where error.code == .unreachable {}
    return wire.batches
  }
}
