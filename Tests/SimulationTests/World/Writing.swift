import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// What people do: write on a device, answer anonymously, write at the hub.
extension Simulation {
  private struct Undone: Error {}

  func write(on device: Device, _ dice: inout Dice, killAfter statements: Int? = nil) async throws {
    let replica = try device.open()
    let standing = try await rows(of: device)
    let foreign = try await replica.engineRead { [scope = device.scope] in try Self.foreignRows(in: $0.session, scope: scope) }
    var workload = Workload(
      dice: dice, scope: device.scope, version: device.version, nextValue: nextValue, isLinked: scenario.options.isLinked,
      isLoose: device.program.isLoose, hasPhotos: scenario.options.hasPhotos, standing: standing, foreign: foreign)
    let made = workload.transaction()
    (dice, nextValue) = (workload.dice, workload.nextValue)
    say(
      "  \(made.title)"
        + made.deeds.map { " \($0.row.key)=\($0.values.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.short)" })" }.joined())
    guard !made.statements.isEmpty else { return }
    for photo in made.photos { photos[try replica.blobs.keep(photo)] = photo }
    let trap = statements.map { CrashTrap(disk: device.disk, image: device.disk.path + ".crash", afterSteps: $0) }
    var failure: SyncError?
    do {
      try await replica.database.write { db in
        for statement in made.statements {
          try trap?.reached("user statement")
          try db.execute(sql: statement.sql, arguments: StatementArguments(statement.values.map(\.databaseValue)))
        }
        if made.isUndone { throw Undone() }
        try trap?.reached("before the user's commit")
      }
    } catch is Undone {
      return
    } catch is Crashed {
      return try await wake(device, trap)
    } catch let error as DatabaseError {
      failure = SyncError(error, store: device.disk.path)
    }
    if let failure {
      if failure.code == made.refusal || failure.code == .wrongScope && made.isShared { return }
      if failure.code == .diskFull && device.isDiskFull { return note(.deviceDiskFull) }
      throw Violation(check: "write", message: "\(device.name) could not write: \(failure.explanation.en)")
    }
    if let refusal = made.refusal { throw Violation(check: "refusal", message: "\(device.name) wrote what must be refused as \(refusal)") }
    for deed in made.deeds {
      history.written.append(History.Written(store: device.index, deed: deed, units: device.known.applied, writes: device.known.writes))
      device.known.writes.insert(history.written.count - 1)
    }
    device.known.captured += made.entries
    if let trap, trap.sprungAt == nil {
      // It was committed and nobody was told.
      try? trap.reached("after the user's commit")
      if trap.sprungAt == nil { return }
      try await wake(device, trap)
    }
  }

  /// What stands on a device, in the tables the workload writes.
  func rows(of device: Device) async throws -> [RowName: [String: CellValue]] {
    let version = device.version
    return try await device.open().engineRead { try Self.rows(in: $0.session, version: version) }
  }

  static func rows(in session: any SQLSession, version: Int) throws -> [RowName: [String: CellValue]] {
    var all: [RowName: [String: CellValue]] = [:]
    for table in Tables.columns.keys.sorted() {
      let names = Tables.columns(of: table, version: version).map(\.name)
      if names.isEmpty { continue }
      for row in try session.rows("SELECT id, \(names.joined(separator: ", ")) FROM \(table)") {
        all[RowName(table: table, key: row[0].text ?? "")] = Dictionary(uniqueKeysWithValues: zip(names, row.dropFirst()))
      }
    }
    return all
  }

  func answer(on device: Device, _ dice: inout Dice) async throws {
    let key = "r\(answers.count)-\(dice.below(1 << 20))"
    let words = String(repeating: "words ", count: 1 + dice.below(200))
    do {
      try await device.open().database.write { [scope = device.scope] db in
        try db.execute(sql: "INSERT INTO answer (id, unit, words) VALUES (?, ?, ?)", arguments: [key, scope, words])
      }
      answers.insert(key)
      device.known.answers.insert(key)
      device.known.packetsMade += 1
    } catch let error as DatabaseError {
      guard SyncError(error, store: "").code == .diskFull, device.isDiskFull else {
        throw Violation(check: "write", message: "\(device.name) could not take an answer: \(error)")
      }
      note(.deviceDiskFull)
    }
  }

  func writeAtHub(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub else { return }
    let scope = dice.pick([Tables.province] + Tables.units)
    let version = hub.version
    let standing = try await open.read { try Self.rows(in: $0, version: version) }
    let merged = try await merged(in: scope, at: open)
    let foreign = try await open.read { try Self.foreignRows(in: $0, scope: scope) }
    var workload = Workload(
      dice: dice, scope: scope, version: version, nextValue: nextValue, isLinked: scenario.options.isLinked,
      standing: standing, foreign: foreign)
    var made = scope == Tables.province ? workload.notice() : workload.transaction()
    while made.refusal != nil { made = workload.transaction() }
    (dice, nextValue) = (workload.dice, workload.nextValue)
    say("  \(made.text)")
    do {
      try await open.write { [made] session in
        for statement in made.statements { try session.execute(statement.sql, statement.values) }
        if made.isUndone { throw Undone() }
      }
      for deed in made.deeds {
        history.written.append(History.Written(store: Self.hubStore, deed: deed, units: merged, writes: hubWrites))
        hubWrites.insert(history.written.count - 1)
      }
    } catch is Undone {
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {
      note(.hubDiskFull)
    } catch let error as SyncError where error.code == .wrongScope && made.isShared {
    }
  }

  /// The units a hub has merged, of those anybody but itself knows of.
  func merged(in scope: String, at hub: Hub) async throws -> Numbers {
    let runs = try await hub.read { session in
      try session.rows(
        """
        SELECT b.replica, b.number, b.hash, f.first_unit, f.units FROM hub_feed f JOIN hub_batch b ON b.id = f.batch WHERE f.scope = ?1
        UNION ALL
        SELECT b.replica, b.number, b.hash, f.first_unit, f.units FROM hub_feed f JOIN hub_returned_batch b ON b.id = -f.batch
        WHERE f.scope = ?1
        """, [.text(scope)])
    }
    var units = Numbers()
    for run in runs {
      guard let author = run[0].blob.flatMap(ReplicaID.init(bytes:)), let number = run[1].integer, let hash = run[2].blob else { continue }
      for index in Int(run[3].integer ?? 0)..<Int((run[3].integer ?? 0) + (run[4].integer ?? 0)) {
        let name = UnitName(author: author, scope: scope, number: UInt64(number), index: index, batch: hash)
        if let unit = history.unit(name) { units.insert(unit) }
      }
    }
    return units
  }

  /// The hub's number among the stores.
  static let hubStore = -1
}
