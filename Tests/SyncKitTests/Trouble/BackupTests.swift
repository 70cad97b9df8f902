import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Backups of a hub in use, what devices let go of once there is one, and what comes back after it is put in place.
@Suite struct BackupTests {
  private func insert(_ replica: Replica, _ id: String) async throws {
    try await replica.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', 1)", [id])
  }

  private func kept(_ replica: Replica) async throws -> [Int64?] {
    try await replica.engineRead { transaction in
      try [
        "SELECT count(*) FROM sync_page", "SELECT count(*) FROM sync_outbox WHERE length(bytes) > 0",
        "SELECT count(*) FROM sync_packet",
      ].map { try transaction.session.integer($0) }
    }
  }

  /// Puts a backup in the place of the hub's store, as `hub restore` does.
  private func restore(_ backup: String, in world: World) async throws {
    try await world.reopenHub { path in
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
      try Hub.restore(backup, to: path, keys: try HubKeys.load(from: world.folder.path + "/keys"))
    }
  }

  @Test(.long) func devicesTrimWhatABackupHoldsAndNothingElse() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    for id in ["1", "2", "3"] {
      try await insert(a, id)
      try await a.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'x')", [id])
      try await world.settle([a, b])
    }
    #expect(try await kept(a) == [3, 3, 3])
    let copy = try await world.hub.backUp(to: world.folder.path + "/undeclared", isDeclared: false)
    #expect(copy.units == 3)
    try await world.settle([a, b])
    #expect(try await kept(a) == [3, 3, 3], "nobody keeps that copy")
    _ = try await world.hub.backUp(to: world.folder.path + "/first")
    try await world.settle([a, b])
    #expect(try await kept(a) == [3, 3, 3], "one file may be damaged")
    let backup = try await world.hub.backUp(to: world.folder.path + "/backup")
    try await insert(a, "later")
    try await a.execute("INSERT INTO answer (id, unit, words) VALUES ('later', '07201', 'x')")
    try await world.settle([a, b])
    #expect(try await kept(a) == [1, 1, 1])
    #expect(try await kept(b) == [1, 0, 0])
    let status = try await a.status()
    #expect(status.addsUp && status.mergedChanges == 4 && status.packetsKept == 4)
    let states = try await world.hubStates()
    try await restore(backup.path, in: world)
    #expect(try await world.hubNotes().count == 3)
    try await world.settle([a, b])
    #expect(try await world.hubStates() == states)
    try await world.expectConverged([a, b])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") ?? 0 } == 4)
    let restore = try #require(try await world.hub.read { try HubRestore.all(in: $0) }.last)
    #expect(restore.isBackup && restore.unitsBack == 1 && restore.unitsMissing == 0)
    #expect(try await a.status().addsUp)
  }

  /// What only the newest of two backups holds is kept: that one may be the damaged one.
  @Test(.long) func dataInTheNewestBackupAloneIsKept() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    var backups: [String] = []
    for id in ["1", "2", "3"] {
      try await insert(a, id)
      try await a.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'x')", [id])
      try await world.settle([a, b])
      backups.append(try await world.hub.backUp(to: world.folder.path + "/backup\(id)").path)
      try await world.settle([a, b])
    }
    // Of the first two units two backups were finished; packets are judged by when the last of them was sent.
    #expect(try await kept(a) == [1, 1, 3])
    #expect(try await kept(b) == [1, 0, 0])
    let states = try await world.hubStates()
    // The second newest: all comes back from devices, though the author of the newest unit is gone.
    try await restore(backups[1], in: world)
    try await world.settle([b])
    #expect(try await world.hubStates() == states)
    try await world.settle([a, b])
    try await world.expectConverged([a, b])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") ?? 0 } == 3)
    // A restored hub counts on from what its copy knows.
    let positions = try await world.hub.read { try BackupLog(session: $0).positions(["07201"]) }
    #expect(positions == ["07201": 1])
  }

  /// Something older than both is put back: what devices let go of is sealed once more where its author still has it.
  @Test(.long) func trimmedDataThatTheHubLostIsSealedAgain() async throws {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    try await world.imageHub("older")
    for id in ["1", "2", "3"] {
      try await insert(a, id)
      try await world.settle([a, b])
    }
    for name in ["/first", "/second"] { _ = try await world.hub.backUp(to: world.folder.path + name) }
    try await world.settle([a, b])
    #expect(try await kept(a) == [0, 1, 0], "the last batch of a chain is kept")
    try await world.restoreHub("older")
    try await insert(a, "4")
    try await a.execute("INSERT INTO answer (id, unit, words) VALUES ('r', '07201', 'x')")
    try await insert(b, "b")
    try await world.settle([a, b])
    #expect(try await a.engineRead { try $0.outbox.toSend().map(\.number) } == [])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_batch WHERE state = 0") } == 0)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") } == 1)
    #expect(try await world.hubNotes().count == 5)
    try await world.expectConverged([a, b])
    #expect(try await a.status().agreement == .proved)
  }

  /// A backup knows that it is one, however it is put in place, and that it holds what it holds.
  @Test(.long) func aBackupCopiedByHandIsNoticed() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await insert(a, "1")
    try await world.settle([a])
    let backup = try await world.hub.backUp(to: world.folder.path + "/backup", isDeclared: false)
    let old = try await world.incarnation
    try await world.reopenHub { path in
      for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
      try FileManager.default.copyItem(atPath: backup.path, toPath: path)
    }
    #expect(try await world.incarnation != old)
    try await insert(a, "2")
    try await world.settle([a])
    #expect(try await kept(a) == [2, 2, 0], "of two backups only one is finished")
    try await world.expectConverged([a])
  }

  @Test(.long) func aBackupTakenWhileEverybodyWritesIsOneMoment() async throws {
    let world = try await World()
    let a = try await world.device("a")
    let (hub, transport) = (world.hub, world.transport)
    async let work: Void = {
      for number in 0..<40 {
        try await insert(a, "n\(number)")
        _ = try await a.sync(with: transport)
      }
    }()
    var backups: [HubBackup] = []
    for number in 0..<5 { backups.append(try await hub.backUp(to: world.folder.path + "/b\(number)", isDeclared: false)) }
    try await work
    for backup in backups {
      let queue = try DatabaseQueue(path: backup.path)
      let counts = try queue.read { db in
        try Row.fetchOne(
          db,
          sql: """
            SELECT (SELECT count(*) FROM note) AS notes, (SELECT coalesce(sum(units), 0) FROM hub_feed) AS feed,
              (SELECT coalesce(sum(position), 0) FROM hub_scope) AS position, (SELECT count(*) FROM hub_batch) AS batches
            """)
      }
      let row = try #require(counts)
      #expect(Set(row.databaseValues).count == 1 && row["notes"] == backup.units, "\(row)")
    }
  }

  @Test(.long) func nothingIsReplacedAndNothingHalfIsLeft() async throws {
    let world = try await World()
    let folder = world.folder.path
    let backup = try await world.hub.backUp(to: folder + "/backup").path
    await #expect(throws: SyncError.self) { try await world.hub.backUp(to: backup) }
    await #expect(throws: SyncError.self) { try await world.hub.backUp(to: folder + "/nowhere/backup") }
    let keys = try HubKeys.load(from: folder + "/keys")
    #expect(throws: SyncError.self) { try Hub.restore(backup, to: folder + "/hub.sqlite", keys: keys) }
    #expect(throws: SyncError.self) { try Hub.restore(folder + "/none", to: folder + "/new", keys: keys) }
    let bytes = try #require(FileManager.default.contents(atPath: backup))
    for (name, damaged) in [("empty", Data()), ("cut", bytes.prefix(bytes.count / 2)), ("text", Data("hello".utf8))] {
      try damaged.write(to: URL(fileURLWithPath: folder + "/" + name))
      #expect(throws: SyncError.self, "\(name)") { try Hub.restore(folder + "/" + name, to: folder + "/new", keys: keys) }
    }
    _ = try await world.device("a")
    let other = try HubKeys.create(in: folder + "/other-keys")
    let mine = try await world.hub.backUp(to: folder + "/mine").path
    #expect(throws: SyncError.self) { try Hub.restore(mine, to: folder + "/new", keys: other) }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(!files.contains { $0.hasPrefix("new") || $0.hasSuffix(".part") })
    try Hub.restore(mine, to: folder + "/new", keys: keys)
    #expect(try FileManager.default.attributesOfItem(atPath: folder + "/new")[.posixPermissions] as? Int == 0o600)
  }

  /// Of answers nothing stands on devices that could bring them back.
  @Test(.long) func answersThatOnlyNewerBackupsHoldAreNamedAndNobodySaysThatNothingIsLost() async throws {
    let world = try await World()
    let a = try await world.device("a")
    var own: [BackupRecord] = []
    var image = ""
    for number in 1...3 {
      image = world.folder.path + "/b\(number)"
      own.append(try #require(Hub.backupHistory(of: try await world.hub.backUp(to: image).path)?.own))
      if number == 1 {
        for id in 0..<3 { try await a.execute("INSERT INTO answer (id, unit, words) VALUES (?, '07201', 'w')", ["r\(id)"]) }
      }
      try await world.sync(a)
    }
    try await world.sync(a)
    #expect(own.map(\.answers) == [0, 3, 3])
    let gap = try #require(BackupGap(restoring: own[0], known: own))
    #expect(gap.answers == 3 && gap.units == 0 && gap.explanation.en.contains("3 anonymous answers"))
    #expect(BackupGap(restoring: own[1], known: own) == nil)
    #expect(try await a.engineRead { try $0.session.integer("SELECT count(*) FROM sync_packet") } == 0, "let go of")
    try await world.reopenHub { store in
      for part in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: store + part) }
      try FileManager.default.copyItem(atPath: world.folder.path + "/b1", toPath: store)
    }
    let told = try await a.sync(with: world.transport).notices.first { $0.kind == .hubRestored }?.explanation.en ?? ""
    #expect(told.contains("3 answers") && !told.contains("nothing is lost"))
    #expect(try await a.status().packetsUncertain == 3)
  }

  /// What a restore may be missing, as far as other backups tell.
  @Test(.long) func anOlderBackupNamesWhatDevicesHaveLetGoOf() async throws {
    let world = try await World()
    let a = try await world.device("a")
    var files: [String] = []
    for id in ["1", "2", "3", "4"] {
      try await insert(a, id)
      try await world.settle([a])
      files.append(try await world.hub.backUp(to: world.folder.path + "/b\(id)").path)
    }
    let histories = try files.map { try #require(Hub.backupHistory(of: $0)) }
    let own = try histories.map { try #require($0.own) }
    #expect(own.map { $0.positions["07201"] } == [1, 2, 3, 4])
    #expect(Set(histories.map(\.origin)).count == 1)
    #expect(try await world.hub.backupRecords() == own.reversed())
    #expect(histories[3].records == own.reversed())
    for (index, units) in [2, 1, nil, nil].enumerated() {
      let gap = BackupGap(restoring: own[index], known: own)
      #expect(gap?.units == units && gap?.scopes == units.map { _ in ["07201"] }, "\(index)")
    }
    #expect(BackupGap(restoring: own[0], known: [own[1]]) == nil, "of one newer backup devices let go of nothing")
    #expect(Hub.backupHistory(of: world.folder.path + "/keys/hub.key") == nil)
    #expect(try #require(Hub.backupHistory(of: world.folder.path + "/hub.sqlite")).own == nil)
  }
}
