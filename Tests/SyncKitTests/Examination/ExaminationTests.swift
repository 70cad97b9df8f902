import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// What damages a store behind the engine's back is found and named, and a sound store is not called damaged.
@Suite struct ExaminationTests {
  @Test(.long) func soundStoresAreCalledSoundAndAreLeftAsTheyWere() async throws {
    let rich = try await RichWorld()
    func bytes() -> [Data?] {
      [rich.hubPath, rich.device.path, rich.other.path].flatMap { path in ["", "-wal", ".key"].map { path + $0 } }
        .map { FileManager.default.contents(atPath: $0) }
    }
    let before = bytes()
    let hub = try await rich.examineHub()
    #expect(hub.findings == [] && hub.rows > 10 && hub.batches > 10 && hub.units > 10 && hub.packets == 7, "\(hub)")
    for replica in [rich.device, rich.other] {
      let found = try await rich.examine(replica)
      #expect(found.findings == [] && found.rows > 10 && found.batches > 1, "\(found)")
    }
    #expect(bytes() == before)
  }

  @Test(.long) func aHubIsExaminedWhileItWorks() async throws {
    let rich = try await RichWorld()
    async let work: Void = {
      for number in 0..<20 {
        try await rich.device.execute("INSERT INTO visit (id, unit, note) VALUES ('w\(number)', '07201', 'x')")
        try await rich.world.sync(rich.device)
      }
    }()
    for _ in 0..<5 { #expect(try await rich.examineHub().findings == []) }
    try await work
    #expect(try await rich.examineHub().findings == [])
  }

  /// One thing done to a store, and what must be said of it.
  struct Damage: Sendable, CustomTestStringConvertible {
    var title: String
    var sql: String
    var kind: Finding.Kind
    /// What the sentence names.
    var word: String
    /// Further kinds that follow from it.
    var also: Set<Finding.Kind> = []

    init(_ title: String, _ sql: String, _ kind: Finding.Kind, _ word: String, also: Set<Finding.Kind> = []) {
      (self.title, self.sql, self.kind, self.word, self.also) = (title, sql, kind, word, also)
    }

    var testDescription: String { title }

    func expect(_ found: Examination) {
      let said = found.findings.filter { $0.kind == kind }.map(\.explanation)
      #expect(said.contains { word.isEmpty || $0.en.contains(word) && $0.vi.contains(word) }, "\(title): \(found.findings)")
      let others = Set(found.findings.map(\.kind)).subtracting(also.union([kind]))
      #expect(others.isEmpty, "\(title): \(found.findings)")
    }
  }

  static let onDevices = [
    Damage("a trigger dropped", "DROP TRIGGER sync_capture_visit_update", .trigger, "sync_capture_visit_update"),
    Damage(
      "a trigger altered",
      "DROP TRIGGER sync_capture_team_delete; CREATE TRIGGER sync_capture_team_delete AFTER DELETE ON team BEGIN SELECT 1; END", .trigger,
      "sync_capture_team_delete"),
    Damage("the packet trigger dropped", "DROP TRIGGER sync_packet_answer_insert", .trigger, "sync_packet_answer_insert"),
    Damage("a cell altered", "UPDATE visit SET note = 'forged' WHERE id = 'v5'", .row, "v5"),
    Damage("a row deleted", "DELETE FROM visit WHERE id = 'v6'", .row, "v6"),
    Damage("a row inserted", "INSERT INTO team (id, unit) VALUES ('ghost', '07201')", .row, "ghost"),
    Damage("a version altered", "UPDATE sync_meta_visit SET stamp = stamp + 1 WHERE key = 'v5'", .row, "v5"),
    Damage("a sum altered", "UPDATE sync_digest SET live = live + 1 WHERE tbl = 'visit'", .digest, "visit"),
    Damage(
      "a byte of a batch flipped",
      "UPDATE sync_outbox SET bytes = CAST(substr(bytes, 1, 40) || x'00' || substr(bytes, 42) AS BLOB) WHERE number = 2",
      .batch, "2"),
    Damage("a batch taken out", "DELETE FROM sync_outbox WHERE number = 2", .chain, "2", also: [.sum]),
    Damage(
      "another store's batch put in",
      "UPDATE sync_outbox SET bytes = (SELECT bytes FROM sync_outbox WHERE number = 3), hash = (SELECT hash FROM sync_outbox o WHERE o.number = 3) WHERE number = 2",
      .signature, "2", also: [.chain, .receipt]),
    Damage(
      "receipts exchanged", "UPDATE sync_outbox SET receipt = (SELECT receipt FROM sync_outbox WHERE number = 1) WHERE number = 2",
      .receipt,
      "2"),
    Damage(
      "a certificate altered",
      "UPDATE sync_state SET value = CAST(substr(value, 1, 60) || x'00' || substr(value, 62) AS BLOB) WHERE name = 'certificate'",
      .signature, ""),
    Damage("a count altered", "UPDATE sync_state SET value = value + 1 WHERE name = 'entriesSealed'", .sum, "field status"),
    Damage("an answer in clear", "INSERT INTO answer (id, unit, words) VALUES ('clear', '07201', 'seen')", .packets, "answer"),
    Damage("the hub said otherwise", "UPDATE sync_state SET value = 'differs visit' WHERE name = 'agreement'", .agreement, "visit"),
  ]

  static let onHubs = [
    Damage("a trigger dropped", "DROP TRIGGER sync_capture_visit_delete", .trigger, "sync_capture_visit_delete"),
    Damage("a cell altered", "UPDATE visit SET note = 'forged' WHERE id = 'v5'", .row, "v5", also: [.replay]),
    Damage("a row deleted", "DELETE FROM visit WHERE id = 'v6'", .row, "v6", also: [.replay]),
    Damage(
      "a byte of a batch flipped",
      "UPDATE hub_batch SET bytes = CAST(substr(bytes, 1, 40) || x'00' || substr(bytes, 42) AS BLOB) WHERE id = 3", .batch,
      "3", also: [.replay]),
    Damage("a batch taken out", "DELETE FROM hub_batch WHERE id = 3", .feed, "3", also: [.chain, .replay]),
    Damage(
      "an author exchanged",
      "UPDATE hub_batch SET replica = x'000102030405060708090a0b0c0d0e0f' WHERE id = (SELECT max(id) FROM hub_batch)", .signature,
      "00010203"),
    Damage(
      "receipts exchanged",
      "UPDATE hub_batch SET receipt = (SELECT receipt FROM hub_batch WHERE id = 1) WHERE id = 2 OR id = (SELECT max(id) FROM hub_batch WHERE receipt NOT NULL)",
      .receipt, " 2 "),
    Damage("a run of the feed taken out", "DELETE FROM hub_feed WHERE position = 3 AND scope = '07201'", .feed, "07201", also: [.replay]),
    Damage("a run of the feed doubled", "UPDATE hub_feed SET units = units + 1 WHERE position = 1", .feed, "", also: [.replay]),
    Damage("a hash of the feed altered", "UPDATE hub_feed SET hash = x'00' WHERE position = 3 AND scope = '07201'", .feed, "07201"),
    Damage("a scope's end altered", "UPDATE hub_scope SET position = position + 1 WHERE scope = '07201'", .feed, "07201"),
    Damage("held work let go", "DELETE FROM hub_held", .feed, "07201", also: [.sum]),
    Damage("a count of held work altered", "UPDATE hub_held SET changes = changes + 1", .sum, ""),
    Damage(
      "a write nobody sealed",
      "INSERT INTO sync_pending (txn, tbl, op, key, scope, mask) SELECT 1, id, 2, 'v5', '07201', 1 FROM sync_table WHERE name = 'visit'",
      .sum, "hub serve"),
    Damage("an answer taken away", "DELETE FROM answer WHERE id = 'a3'", .packets, "07201"),
    Damage(
      "a device's certificate exchanged",
      "UPDATE hub_device SET certificate = (SELECT certificate FROM hub_device WHERE label = 'other') WHERE label = 'twin' OR label = 'device'",
      .signature, "device"),
  ]

  @Test(.long, arguments: onDevices)
  func whatIsWrongOnADeviceIsNamed(_ damage: Damage) async throws {
    let rich = try await RichWorld()
    try tamper(rich.device.path, damage.sql)
    damage.expect(try await rich.examine(rich.device))
  }

  @Test(.long, arguments: onHubs)
  func whatIsWrongAtAHubIsNamed(_ damage: Damage) async throws {
    let rich = try await RichWorld()
    try tamper(rich.hubPath, damage.sql)
    damage.expect(try await rich.examineHub())
  }

  /// Whoever alters a row and everything the engine noted of it is found by the journal alone.
  @Test(.long) func aForgerWhoKnowsTheDigestsIsFoundByTheJournal() async throws {
    let rich = try await RichWorld()
    let shapes = rich.world.hubStore.tables.byName
    let digest = try await rich.world.hub.read { session -> RowDigest in
      let shape = try #require(shapes["visit"])
      var state = try #require(try RowStore(session: session, shapes: shapes).load(shape, key: .text("v5"), in: nil)).state
      state.cells["note"]?.value = .text("forged")
      return RowDigest(state, table: "visit", key: .text("v5"))
    }
    let row = try await rich.world.hub.read { session in
      (
        digest: try session.rows("SELECT digest FROM sync_meta_visit WHERE key = 'v5'")[0][0].blob,
        sum: try session.rows("SELECT sum FROM sync_digest WHERE tbl = 'visit' AND scope = '07201'")[0][0].blob
      )
    }
    let sum = RowDigest(try #require(row.sum)) - RowDigest(try #require(row.digest)) + digest
    try tamper(
      rich.hubPath,
      """
      UPDATE visit SET note = 'forged' WHERE id = 'v5';
      UPDATE sync_meta_visit SET digest = x'\(digest.bytes.hex)' WHERE key = 'v5';
      UPDATE sync_digest SET sum = x'\(sum.bytes.hex)' WHERE tbl = 'visit' AND scope = '07201';
      """)
    let found = try await rich.examineHub().findings
    #expect(found.map(\.kind) == [.replay] && found[0].explanation.en.contains("v5"), "\(found)")
  }

  @Test(.long) func whatIsNoStoreIsRefused() async throws {
    let rich = try await RichWorld()
    let path = rich.device.path
    try rich.device.close()
    try Data("no database at all, but as long as one".utf8).write(to: URL(fileURLWithPath: path))
    await #expect { _ = try await rich.examine(rich.device) } throws: { ($0 as? SyncError)?.code == .storeDamaged }
    try FileManager.default.removeItem(atPath: path)
    await #expect { _ = try await rich.examine(rich.device) } throws: { ($0 as? SyncError)?.code == .storeMissing }
  }

  @Test(.long) func aKeyThatIsMissingOrAnothersIsNamed() async throws {
    let rich = try await RichWorld()
    try FileManager.default.removeItem(atPath: rich.device.path + ".key")
    #expect(try await rich.examine(rich.device).findings.map(\.kind) == [.key])
    try FileManager.default.copyItem(atPath: rich.other.path + ".key", toPath: rich.device.path + ".key")
    let found = try await rich.examine(rich.device).findings
    #expect(found.map(\.kind) == [.key] && found[0].explanation.en.contains("another device"))
  }

  @Test(.long) func moreThanCanBeListedIsCounted() async throws {
    let rich = try await RichWorld()
    let rows = (0..<Examination.findingsMax + 5).map { "('g\($0)', '07201')" }.joined(separator: ", ")
    try tamper(
      rich.device.path,
      "INSERT INTO sync_meta_team (key, scope, life, stamp, replica, position, mask) SELECT value, '07201', 1, 1, 1, 0, 0 FROM (SELECT column1 AS value, column2 FROM (VALUES \(rows)))"
    )
    let found = try await rich.examine(rich.device)
    #expect(found.findings.count == Examination.findingsMax && found.unlisted == 5)
  }

  /// Keys that another scope took are found in `KeyRuleTests`.
  @Test func everyKindOfFindingButSQLitesOwnIsShown() {
    let shown = Set((Self.onDevices + Self.onHubs).map(\.kind)).union([.key, .replay])
    #expect(shown == Set(Finding.Kind.allCases).subtracting([.integrity, .foreignKey]))
  }
}
