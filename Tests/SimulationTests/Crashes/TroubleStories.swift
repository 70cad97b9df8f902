import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

extension Program {
  /// Rows that refer to one another, names that only one should have, and rows that come back.
  static let linked = Program(tables: [
    ReplicatedTable("team", scopeColumn: "unit", softKeys: ["name"]),
    ReplicatedTable("member", scopeColumn: "unit", references: ["team": "team"]),
    ReplicatedTable("post", scopeColumn: "unit", deletion: .editWins),
  ]) { _ in
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          CREATE TABLE team (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, name TEXT) WITHOUT ROWID;
          CREATE TABLE member (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, team TEXT) WITHOUT ROWID;
          CREATE TABLE post (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, words TEXT) WITHOUT ROWID;
          """)
    }
    return migrator
  }
}

extension Program {
  /// Rows that refer to pictures.
  static let pictures = Program(tables: [ReplicatedTable("picture", scopeColumn: "unit", blobs: ["blob"])]) { _ in
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(sql: "CREATE TABLE picture (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, blob TEXT) WITHOUT ROWID")
    }
    return migrator
  }
}

// MARK: What happens when something is wrong

extension CrashStory {
  static let trouble = [
    CrashStory(
      name: "pictures", machine: .device, program: .pictures, hasOracle: false, prepare: { try await $0.addPicture() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "pictures", machine: .hub, program: .pictures, hasOracle: false, prepare: { try await $0.addPicture() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "pictures lost", machine: .hub, program: .pictures, hasOracle: false,
      prepare: { simulation in
        try await simulation.addPicture()
        try await simulation.sync(simulation.devices[0])
        guard let blobs = simulation.hub.port.hub?.blobs else { return }
        for id in blobs.ids() { blobs.setAside(id) }
      },
      work: { simulation in
        _ = try await simulation.hub.port.hub?.checkBlobs(readsAll: false)
        try await simulation.sync(simulation.devices[0])
      }),
    CrashStory(
      name: "holding", machine: .hub, deviceCount: 3, hasOracle: false, prepare: { try await $0.claimOneKeyTwice() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "repair of held work", machine: .hub, deviceCount: 3, hasOracle: false,
      prepare: { simulation in
        try await simulation.claimOneKeyTwice()
        try await simulation.sync(simulation.devices[0])
      },
      work: { simulation in
        guard let hub = simulation.hub.port.hub else { return }
        for held in try await hub.heldUnits() where held.reason == "scope" {
          try await hub.repairHeld(held.id, values: [:], key: .text("theirs"), by: "operator", because: "another unit's key")
        }
        for held in try await hub.heldUnits() { try await hub.declineHeld(held.id, by: "operator", because: "went with it") }
      }),
    CrashStory(
      name: "a key given up", machine: .device, hasOracle: false,
      prepare: { simulation in
        try await simulation.run("INSERT INTO note (id, unit, a) VALUES ('same', '07201', 'x2')", on: simulation.devices[0], isSent: false)
        _ = try await simulation.hub.port.hub?.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('same', '24', 'x1')") }
        try await simulation.sync(simulation.devices[0])
        for held in try await simulation.hub.open().heldUnits() {
          try await simulation.hub.open().declineHeld(held.id, by: "operator", because: "the province's key")
        }
      }, work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "links between rows", machine: .hub, deviceCount: 3, program: .linked, hasOracle: false,
      prepare: { try await $0.tangle() },
      work: { simulation in for device in simulation.devices.prefix(2).reversed() { try await simulation.sync(device) } }),
    CrashStory(
      name: "restored rows", machine: .hub, deviceCount: 3, program: .linked, hasOracle: false,
      prepare: { simulation in
        try await simulation.run("INSERT INTO team (id, unit, name) VALUES ('t', '07201', 'A')", on: simulation.devices[0])
        try await simulation.run("DELETE FROM team", on: simulation.devices[0], isSent: true)
      },
      work: { simulation in
        guard let hub = simulation.hub.port.hub else { return }
        guard try await hub.read({ try $0.rows("SELECT 1 FROM team") }).isEmpty else { return }
        try await hub.restoreRow(table: "team", key: .text("t"))
      }),
    CrashStory(
      name: "an identity taken", machine: .device, hasOracle: false, prepare: { try await $0.forkFirst() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "an identity taken", machine: .hub, hasOracle: false, prepare: { try await $0.forkFirst() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "a decision", machine: .device, deviceCount: 3, hasOracle: false, prepare: { try await $0.disagree() },
      work: { simulation in
        let replica = try simulation.devices[0].open()
        for conflict in try await replica.conflicts() {
          _ = try await replica.resolve(conflict.id, as: .takeLoser, by: "lead", because: "seen on site")
        }
        try await simulation.sync(simulation.devices[0])
      }),
    CrashStory(
      name: "a decision", machine: .hub, deviceCount: 3, hasOracle: false, prepare: { try await $0.disagree() },
      work: { simulation in
        guard let hub = simulation.hub.port.hub else { return }
        for conflict in try await hub.conflicts() {
          _ = try await hub.resolve(conflict.id, as: .takeLoser, by: "operator", because: "seen on site")
        }
      }),
    CrashStory(
      name: "an upload that broke off", machine: .hub, hasOracle: false,
      prepare: { simulation in
        var dice = Dice(seed: 3)
        try await simulation.run(
          "INSERT INTO note (id, unit, a) VALUES ('long', '07201', x'\(Data(dice.bytes(40_000)).hex)')", on: simulation.devices[0],
          isSent: false)
        try await simulation.devices[0].open().seal()
      }, work: { try await $0.uploadInTwo($0.devices[0]) }),
    CrashStory(
      name: "a restored hub", machine: .hub, deviceCount: 3, hasOracle: false, prepare: { try await $0.putHubBack() },
      work: { simulation in for device in simulation.devices { try await simulation.sync(device) } }),
    CrashStory(
      name: "a restored hub", machine: .device, deviceCount: 3, hasOracle: false, prepare: { try await $0.putHubBack() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "a hub restored twice", machine: .hub, beginning: .firstNotEnrolled, deviceCount: 3, hasOracle: false,
      prepare: { try await $0.putHubBackTwice() },
      work: { simulation in
        for device in simulation.devices { try await simulation.sync(device) }
        _ = try await simulation.hub.port.hub?.confirmRestores()
      }),
    CrashStory(
      name: "a branched history", machine: .hub, deviceCount: 4, hasOracle: false, prepare: { try await $0.branchHistory() },
      work: { simulation in for device in simulation.devices { try await simulation.sync(device) } }),
    CrashStory(
      name: "a cleared journal", machine: .hub, deviceCount: 3, hasOracle: false, prepare: { try await $0.writeSome(on: $0.devices[0]) },
      work: { simulation in
        try await simulation.clearJournal()
        try await simulation.sync(simulation.devices[1])
      }),
    CrashStory(
      name: "a cleared journal", machine: .device, deviceCount: 3, hasOracle: false,
      prepare: { simulation in
        try await simulation.run("INSERT INTO note (id, unit, a) VALUES ('own', '07201', 'x')", on: simulation.devices[0])
        try await simulation.writeSome(on: simulation.devices[1])
        try await simulation.clearJournal()
        try await simulation.run("UPDATE note SET b = 'y'", on: simulation.devices[0], isSent: false)
      }, work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "columns it does not know", machine: .device, deviceCount: 3, version: 1, hasOracle: false,
      prepare: { try await $0.writeNewColumns() },
      work: { simulation in for device in [0, 1, 0] { try await simulation.sync(simulation.devices[device]) } }),
    CrashStory(
      name: "columns it does not know", machine: .hub, deviceCount: 3, version: 1, hasOracle: false,
      prepare: { try await $0.writeNewColumns() },
      work: { try await $0.sync($0.devices[1]) }),
    CrashStory(
      name: "columns it did not know", machine: .hub, deviceCount: 3, version: 1, hasOracle: false,
      prepare: { simulation in
        try await simulation.writeNewColumns()
        try simulation.hub.close()
        simulation.hub.version = Tables.newest
      }, work: { _ = try await $0.hub.open() }),
    CrashStory(
      name: "late batches of a lost phone", machine: .hub, deviceCount: 3, hasOracle: false, prepare: { try await $0.losePhone() },
      work: { simulation in
        let lost = try simulation.devices[0].open().secrets().signingKey.replica
        // After a kill behind the last step none waits.
        do {
          _ = try await simulation.hub.port.hub?.decideLate(lost, .take, by: "operator", reason: "found again")
        } catch let error as SyncError where error.code == .badRequest {}
      }),
    CrashStory(
      name: "a drop key destroyed", machine: .hub, hasOracle: false,
      work: { simulation in
        try await simulation.hub.port.hub?.store.write { try DropKeyTable(session: $0).noteDestroyed("old", nowMs: 1) }
      }),
    CrashStory(
      name: "a backup", machine: .hub, hasOracle: false, prepare: { try await $0.workBeforeBackup() },
      work: { try await $0.backUp() }),
    CrashStory(
      name: "a backup", machine: .device, hasOracle: false,
      prepare: { simulation in
        try await simulation.workBeforeBackup()
        for _ in 0..<2 { try await simulation.backUp() }
      },
      work: { simulation in for _ in 0..<2 { try await simulation.sync(simulation.devices[0]) } }),
  ]
}

extension Simulation {
  /// An exchange as an app makes it: a hub in trouble is asked again, without waiting long.
  func sync(_ device: Device) async throws {
    var options = SyncOptions()
    // However slow the machine that runs the tests.
    options.deadlineMs = 24 * 3600 * 1000
    options.retry = RetryPolicy(attemptsMax: 3, delayFirstMs: 1, delayMaxMs: 1)
    let replica = try device.open()
    let exchange: Result<SyncSummary, any Error>
    do { exchange = .success(try await replica.sync(with: device.link, options: options)) } catch { exchange = .failure(error) }
    for answer in device.link.takeAnswers() { try noteReceipt(answer) }
    _ = try exchange.get()
  }

  /// A row of the first device with the picture it refers to.
  fileprivate func addPicture() async throws {
    let id = try devices[0].open().blobs.keep(Data(repeating: 7, count: 1000))
    try await run("INSERT INTO picture (id, unit, blob) VALUES ('p', '07201', '\(id.hex)')", on: devices[0], isSent: false)
  }

  /// - Parameter isSent: Whether the device exchanges afterwards; nil has others do so too, so that all know.
  func run(_ sql: String, on device: Device, isSent: Bool? = nil) async throws {
    time.advance(1000)
    try await device.open().database.write { try $0.execute(sql: sql) }
    device.known.captured += 1
    if isSent != false { try await sync(device) }
    if isSent == nil { for other in devices where other !== device { try await sync(other) } }
  }

  /// Two units give rows of their own one key; the later one is held, and an edit waits behind it.
  fileprivate func claimOneKeyTwice() async throws {
    try await run("INSERT INTO note (id, unit, a) VALUES ('same', '07202', 'x1')", on: devices[2], isSent: true)
    try await run("INSERT INTO note (id, unit, a) VALUES ('same', '07201', 'x2')", on: devices[0], isSent: false)
    try await devices[0].open().seal()
    try await run("UPDATE note SET a = 'x3' WHERE id = 'same'", on: devices[0], isSent: false)
  }

  /// Two devices of a unit: one name for two teams, a member of a deleted team, an edit of a deleted post.
  fileprivate func tangle() async throws {
    let (first, second) = (devices[0], devices[1])
    try await run("INSERT INTO team (id, unit, name) VALUES ('t1', '07201', 'A')", on: first)
    try await run("INSERT INTO team (id, unit, name) VALUES ('t2', '07201', 'B')", on: first)
    try await run("INSERT INTO post (id, unit, words) VALUES ('p', '07201', 'hello')", on: first)
    try await run("UPDATE team SET name = 'A' WHERE id = 't2'", on: second, isSent: false)
    try await run("INSERT INTO member (id, unit, team) VALUES ('m', '07201', 't1')", on: second, isSent: false)
    try await run("UPDATE post SET words = 'hello all'", on: second, isSent: false)
    try await run("DELETE FROM team WHERE id = 't1'", on: first, isSent: false)
    try await run("DELETE FROM post", on: first, isSent: false)
  }

  /// The first device was copied, and its copy came to the hub before it.
  fileprivate func forkFirst() async throws {
    let device = devices[0]
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: device)
    try device.close()
    let twin = Device(
      index: devices.count, folder: folder, clock: device.clock, scope: device.scope, readScopes: device.readScopes,
      version: device.version, link: link(), seed: derive(scenario.seed, 7), program: program)
    twin.known.captured = device.known.captured
    try device.disk.save(as: twin.disk.path)
    if let secrets = try device.secrets.load() { try twin.secrets.save(secrets) }
    devices.append(twin)
    try await run("UPDATE note SET a = 'x2'", on: twin, isSent: true)
    try await run("UPDATE note SET b = 'x3'", on: device, isSent: false)
    try await device.open().seal()
    try await run("INSERT INTO note (id, unit, a) VALUES ('o', '07201', 'x4')", on: device, isSent: false)
  }

  /// Two devices wrote one cell unknown to one another, and both have heard of the conflict.
  fileprivate func disagree() async throws {
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: devices[0])
    try await run("UPDATE note SET a = 'x2'", on: devices[0], isSent: false)
    try await run("UPDATE note SET a = 'x3'", on: devices[1])
    try await sync(devices[0])
    // What a decision writes is counted by the engine alone.
    devices[0].isCounted = false
  }

  /// The hub's disk is put back to an older state, after everybody heard of what came later: also what the hub wrote itself.
  fileprivate func putHubBack() async throws {
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: devices[0])
    let image = hub.disk.path + ".old"
    try hub.disk.save(as: image)
    try await run("UPDATE note SET a = 'x2'", on: devices[0], isSent: false)
    try await run("UPDATE note SET a = 'x3'", on: devices[1])
    try await run("INSERT INTO note (id, unit, a) VALUES ('same', '07202', 'y1')", on: devices[2])
    _ = try await hub.port.hub?.write { try $0.execute("UPDATE note SET b = 'by the hub' WHERE id = 'n'") }
    for device in devices { try await sync(device) }
    try await run("UPDATE note SET c = 'x4' WHERE id = 'n'", on: devices[0], isSent: false)
    try await putBack(image)
  }

  /// Puts the hub's disk back to an image of it.
  ///
  /// - Parameter isTold: Whether the hub knows; otherwise devices show it.
  func putBack(_ image: String, isTold: Bool = false) async throws {
    try hub.close()
    try hub.disk.restore(image)
    if isTold { try BackupFile.markAsCopy(hub.disk.path, by: nil) }
    hub.port.epoch += 1
    history.received = []
    _ = try await hub.open()
  }

  /// Put back to before the first device was enrolled, and once more after it gave back what it had and others had gone on: the
  /// hub hears of a life it does not know, and of changes of rows that only their author still has.
  fileprivate func putHubBackTwice() async throws {
    let image = hub.disk.path + ".old"
    try hub.disk.save(as: image)
    let (first, second) = (devices[0], devices[1])
    let code = try await hub.open().makeCode(scope: first.scope, readScopes: first.readScopes)
    try await first.open().enroll(code: code, label: first.name, through: first.link)
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: first)
    try await run("UPDATE note SET a = 'x2'", on: second)
    try await putBack(image)
    for device in devices { try await sync(device) }
    try await run("UPDATE note SET b = 'x3'", on: second)
    try await putBack(image)
  }

  /// Put back twice, and told the second time: two devices have pages that go on differently from a place the hub does not have.
  fileprivate func branchHistory() async throws {
    let (before, after) = (hub.disk.path + ".before", hub.disk.path + ".after")
    try hub.disk.save(as: before)
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: devices[0])
    try hub.disk.save(as: after)
    try await run("UPDATE note SET a = 'x2'", on: devices[0], isSent: true)
    try await sync(devices[2])
    try await putBack(after)
    try await run("UPDATE note SET b = 'x3'", on: devices[1], isSent: true)
    try await sync(devices[3])
    try await putBack(before, isTold: true)
    _ = try await hub.port.hub?.write { try $0.execute("INSERT INTO note (id, unit, a) VALUES ('m', '07201', 'by the hub')") }
  }

  /// What only a newer program has columns for.
  fileprivate func writeNewColumns() async throws {
    try await run("INSERT INTO note (id, unit, extra, marks) VALUES ('n', '07201', 'x1', '{\"m\":\"x2\"}')", on: devices[1], isSent: true)
    try await run("UPDATE note SET extra = 'x3', tally = tally + 1", on: devices[1], isSent: false)
  }

  /// Somebody brings what a device had sealed before it was revoked.
  fileprivate func losePhone() async throws {
    let (lost, carrier) = (devices[0], devices[1])
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: lost)
    try await run("UPDATE note SET a = 'x2'", on: lost, isSent: false)
    let replica = try lost.open()
    try await replica.seal()
    let open = try await hub.open()
    _ = try await open.revoke(try replica.secrets().signingKey.replica)
    lost.isRevoked = true
    let sealed = try await replica.engineRead { try $0.session.rows("SELECT bytes FROM sync_outbox WHERE received = 0") }
    for bytes in sealed.compactMap({ $0[0].blob }) {
      var request = HubRequest("PUT", "/v1/batches/\(SealedBatch(bytes: bytes).hash.hex)", body: bytes)
      request.headers["authorization"] = try RequestSignature.header(
        for: request, hubTimeMs: hub.clock.nowMs(), key: try carrier.open().secrets().signingKey)
      _ = try await carrier.link.exchange(request)
    }
    _ = carrier.link.takeAnswers()
  }

  fileprivate func workBeforeBackup() async throws {
    try await run("INSERT INTO note (id, unit, a) VALUES ('n', '07201', 'x1')", on: devices[0])
    try await run("INSERT INTO note (id, unit, a) VALUES ('o', '07201', 'x2')", on: devices[0])
    var dice = Dice(seed: 9)
    try await answer(on: devices[0], &dice)
    try await sync(devices[0])
  }

  fileprivate func writeSome(on device: Device) async throws {
    for number in 0..<6 {
      try await run("INSERT INTO note (id, unit, a) VALUES ('n\(number)', '07201', 'x\(number)')", on: device, isSent: true)
    }
  }

  fileprivate func clearJournal() async throws {
    time.advance(1000)
    _ = try await hub.port.hub?.clearLog(leaseMs: 0, isBackedUp: false)
  }

  func backUp() async throws {
    let path = folder + "/backup.sqlite"
    try? FileManager.default.removeItem(atPath: path)
    _ = try await hub.port.hub?.backUp(to: path)
  }

  /// The connection breaks in the midst of a batch; what arrived is kept, and the rest follows.
  fileprivate func uploadInTwo(_ device: Device) async throws {
    let replica = try device.open()
    let batch = try await replica.engineRead { try $0.session.firstRow("SELECT bytes FROM sync_outbox WHERE received = 0") }
    if let bytes = batch?[0].blob {
      let sealed = SealedBatch(bytes: bytes)
      let half = bytes.count / 2
      var request = HubRequest("PUT", "/v1/batches/\(sealed.hash.hex)", body: Data(bytes.prefix(half)))
      func sign() throws {
        request.headers["authorization"] = try RequestSignature.header(
          for: request, hubTimeMs: hub.clock.nowMs(), key: try replica.secrets().signingKey)
      }
      try sign()
      await hub.port.keepPartial(request)
      request.body = Data(bytes.dropFirst(half))
      request.headers["upload-offset"] = String(half)
      try sign()
      // Where the first half did not arrive, or all of it has by now, the next exchange sends what is needed.
      do { _ = try await device.link.exchange(request) } catch let error as SyncError where error.code == .badRequest {}
    }
    try await sync(device)
  }
}
