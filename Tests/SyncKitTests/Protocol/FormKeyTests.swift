import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Drop keys of single forms: each ends by itself.
@Suite struct FormKeyTests {
  private static let schema = World.Schema(
    tables: [
      ReplicatedTable("note", scopeColumn: "unit"),
      ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous, formColumn: "form"),
    ],
    sql: """
      CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID;
      CREATE TABLE answer (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, form TEXT, words TEXT NOT NULL) WITHOUT ROWID;
      """)
  private static let owners = ["left", "right"].map { DropKeyOwner(campaign: "c", form: $0) }

  /// A hub that watches its keys, of two forms unless said otherwise.
  private final class Stage {
    let world: World
    let hub: Hub
    let keys: String

    init(forms: Bool = true) async throws {
      world = try await World(schema: FormKeyTests.schema)
      keys = world.folder.path + "/keys"
      hub = try await Hub.open(store: world.hubStore, keys: try HubKeys.load(from: keys), keysFolder: keys, clock: world.clock)
      if forms { #expect(try hub.addDropKeys(for: FormKeyTests.owners, in: keys) == ["left", "right"]) }
    }

    var transport: LocalTransport { LocalTransport(hub: hub) }
    func key(_ form: String?) throws -> WireDropKey { try HubKeys.load(from: keys).listed.key(forForm: form) }
    func file(_ form: String?) throws -> String { "\(keys)/drop-\(try key(form).id).key" }

    func answer(_ device: Replica, _ form: String?, _ ids: Range<Int>) async throws {
      for id in ids { try await device.execute("INSERT INTO answer VALUES (?, '07201', ?, 'w')", ["\(form ?? "-")\(id)", form]) }
    }

    func send(_ form: String, _ ids: Range<Int>, key: WireDropKey) async throws {
      let unitKey = hub.keys.unitKey(scope: "07201")
      let packets = try ids.map { id in
        try Packets.make(
          table: "answer", cells: [("id", .text("\(form)\(id)")), ("unit", .text("07201")), ("form", .text(form)), ("words", .text("w"))],
          scope: "07201", dropKey: key, unitKey: unitKey)
      }
      _ = try await hub.keep(try WireDropRequest.with { $0.packets = packets }.serializedData(), scope: "07201")
    }

    func counts() async throws -> DropCounts {
      try await hub.read { try DropCounts.byScope($0, spooled: SpooledPackets())["07201"] ?? DropCounts() }
    }

    func forms() async throws -> [String] {
      try await hub.read {
        try $0.rows("SELECT form, count(*) FROM answer GROUP BY form ORDER BY 1").map { "\($0[0].shown) \($0[1].shown)" }
      }
    }
  }

  /// How many packets of a device are encrypted to which key.
  private func sealed(_ device: Replica) async throws -> [String: Int] {
    try await device.engineRead { transaction in
      try transaction.session.rows("SELECT bytes FROM sync_packet WHERE kept = 0").reduce(into: [:]) { counts, row in
        counts[try WirePacket(serializedBytes: row[0].blob ?? Data()).dropKey, default: 0] += 1
      }
    }
  }

  @Test func eachFormsAnswersAreEncryptedToItsOwnKey() async throws {
    let stage = try await Stage()
    let device = try await stage.world.device("a")
    _ = try await device.sync(with: stage.transport)
    try await stage.answer(device, "left@1", 0..<3)
    try await stage.answer(device, "right", 0..<2)
    try await stage.answer(device, "other@1", 0..<1)
    try await stage.answer(device, nil, 0..<1)
    let (left, right, general) = (try stage.key("left").id, try stage.key("right").id, try stage.key(nil).id)
    #expect(Set([left, right, general]).count == 3)
    #expect(try await sealed(device) == [left: 3, right: 2, general: 2])
    // Opened again, it knows them still.
    try device.close()
    let again = try stage.world.replica("a")
    try await stage.answer(again, "left@2", 3..<4)
    #expect(try await sealed(again)[left] == 4)
    _ = try await again.sync(with: stage.transport)
    #expect(try await stage.forms() == ["- 1", "left@1 3", "left@2 1", "other@1 1", "right 2"])
    // Rows of the hub's own pages go the same way.
    let cells: [String: CellValue] = ["id": .text("web"), "unit": .text("07201"), "form": .text("right@9"), "words": .text("w")]
    try await stage.hub.drop(cells, into: "answer", scope: "07201")
    #expect(try await stage.hub.dropKeys().first { $0.form == "right" }?.waiting == 1)
  }

  @Test func theEndOfOneFormsKeyLeavesTheOthersToBeOpened() async throws {
    let stage = try await Stage()
    let device = try await stage.world.device("a")
    _ = try await device.sync(with: stage.transport)
    try await stage.answer(device, "left@1", 0..<2)
    try await stage.answer(device, "right@1", 0..<2)
    _ = try await device.sync(with: stage.transport)
    let (left, right) = (try stage.key("left").id, try stage.key("right").id)
    func destroy(_ id: String) async throws -> DropKeyDestruction {
      try await stage.hub.destroyDropKey(id, in: stage.keys, acceptsLoss: false, isFormOver: true)
    }
    await #expect(throws: SyncError.self, "two wait") { try await destroy(left) }
    try await stage.hub.withholdRemainders(isOver: { _ in false }, form: "left", everything: false)
    var counts = try await stage.counts()
    #expect(counts.withheld == 2 && counts.waiting == 2)
    for name in ["one", "two"] { _ = try await stage.hub.backUp(to: stage.world.folder.path + "/" + name) }
    #expect(try await destroy(left).next == nil)
    await #expect(throws: SyncError.self, "the other form's wait") { try await destroy(right) }
    #expect(try await stage.hub.dropKeys().map(\.form) == [nil, "right"])
    // A device that has not heard of it: its answer can be read by nobody, and is counted with others only.
    try await stage.answer(device, "left@1", 2..<3)
    #expect(try await sealed(device) == [left: 1])
    try await stage.answer(device, "right@1", 2..<5)
    _ = try await device.sync(with: stage.transport)
    counts = try await stage.counts()
    #expect(counts.released == 5 && counts.withheld == 2 && counts.spoiled == 1 && counts.kept == 8)
    #expect(try await stage.forms() == ["right@1 5"])
    try await stage.answer(device, "left@1", 3..<4)
    #expect(try await sealed(device) == [try stage.key(nil).id: 1], "the hub lists none any more")
    #expect(try await device.status().addsUp)
  }

  @Test func whatIsUnderAnotherFormsKeyIsNeverCountedAndKept() async throws {
    let stage = try await Stage()
    try await stage.send("right@1", 0..<6, key: try stage.key("left"))
    var counts = try await stage.counts()
    #expect(counts.spoiled + counts.waiting == 6 && counts.spoiled >= 5 && counts.released == 0)
    #expect(try await stage.hub.read { try $0.integer("SELECT count(*) FROM hub_packet_spoiled") } == Int64(counts.spoiled))
    try await stage.send("left@1", 0..<5, key: try stage.key("left"))
    #expect(try await stage.forms() == ["left@1 5"])
    // With the end of the key's form nobody is to read them any more.
    try await stage.hub.withholdRemainders(isOver: { _ in false }, form: "right", everything: false)
    counts = try await stage.counts()
    #expect(counts.spoiled == 6)
    try await stage.hub.withholdRemainders(isOver: { _ in false }, form: "left", everything: false)
    #expect(try await stage.hub.read { try $0.integer("SELECT count(*) FROM hub_packet_spoiled") } == 0)
  }

  @Test func devicesAndHubsOfEarlierProgramsUseTheGeneralKey() async throws {
    // An earlier device: it knows one key.
    let stage = try await Stage()
    try await stage.send("left@1", 0..<5, key: try stage.key(nil))
    #expect(try await stage.forms() == ["left@1 5"])
    // An earlier hub lists none: whoever knew keys of forms forgets them.
    let device = try await stage.world.device("a")
    _ = try await device.sync(with: stage.transport)
    for form in ["left", "right"] {
      try FileManager.default.moveItem(atPath: try stage.file(form), toPath: stage.world.folder.path + "/\(form)")
    }
    _ = try await device.sync(with: stage.transport)
    try await stage.answer(device, "left@1", 10..<12)
    #expect(try await sealed(device) == [try stage.key(nil).id: 2])
    let info = try await stage.hub.info()
    #expect(try WireHubInfo(serializedBytes: WireSigned(serializedBytes: info).body).formKeys.isEmpty)
  }

  @Test func anEnrolmentFileBringsTheKeys() async throws {
    let stage = try await Stage()
    let file = try await stage.hub.makeEnrolmentFile(scope: "07201", readScopes: ["07201"], label: "f", hubAddress: "")
    let device = try stage.world.replica("file")
    try await device.enroll(file: file)
    try await stage.answer(device, "left@1", 0..<1)
    #expect(try await sealed(device) == [try stage.key("left").id: 1])
  }

  @Test func aKeyThatIsMissingHoldsItsOwnFormOnly() async throws {
    let stage = try await Stage()
    let (key, file) = (try stage.key("left"), try stage.file("left"))
    try FileManager.default.moveItem(atPath: file, toPath: stage.world.folder.path + "/aside")
    try await stage.send("left@1", 0..<5, key: key)
    try await stage.send("right@1", 0..<5, key: try stage.key("right"))
    var counts = try await stage.counts()
    #expect(counts.held == 5 && counts.released == 5 && counts.spoiled == 0)
    #expect(try await stage.forms() == ["right@1 5"])
    try FileManager.default.moveItem(atPath: stage.world.folder.path + "/aside", toPath: file)
    _ = try await stage.hub.settle()
    counts = try await stage.counts()
    #expect(counts.held == 0 && counts.released == 10)
  }

  /// Whatever a kill leaves between two keys: what is there opens, and the rest is added the next time.
  @Test func makingKeysIsTakenUpWhereItStopped() async throws {
    let stage = try await Stage(forms: false)
    #expect(try stage.hub.addDropKeys(for: Array(Self.owners.prefix(1)), in: stage.keys) == ["left"])
    let left = try stage.key("left")
    // The second was being written.
    try Data("{\"format\":1,\"priv".utf8).write(to: URL(fileURLWithPath: "\(stage.keys)/drop-00000000.key.new"))
    #expect(try await stage.hub.dropKeys().map(\.form) == [nil, "left"])
    #expect(try stage.hub.addDropKeys(for: Self.owners, in: stage.keys) == ["right"])
    #expect(try stage.hub.addDropKeys(for: Self.owners, in: stage.keys).isEmpty)
    #expect(try stage.key("left") == left)
    #expect(try await stage.hub.dropKeys().map(\.form) == [nil, "left", "right"])
    // Another campaign that asks a form of the same name.
    #expect(try stage.hub.addDropKeys(for: [DropKeyOwner(campaign: "d", form: "left")], in: stage.keys) == ["left"])
    #expect(try stage.key("left") != left)
    #expect(try await stage.hub.dropKeys().filter { $0.form == "left" }.map(\.isCurrent) == [false, true])
  }

  @Test func theSheetHoldsEveryFormsKey() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/keys"
    _ = try HubKeys.create(in: path, nowMs: 5)
    let long = String(repeating: "f", count: 64)
    for (index, form) in ["left", long].enumerated() {
      _ = try HubKeys.addDropKey(in: path, nowMs: UInt64(10 + index), owner: DropKeyOwner(campaign: "c", form: form))
    }
    let keys = try HubKeys.load(from: path)
    let rows = keys.recoveryRows
    #expect(keys.recoveryNames.map(\.form) == [nil, "left", long])
    #expect(rows.contains { $0.hasPrefix("C(11). ") } && rows.count == 7 + 4 + 5 + 11)
    let again = try HubKeys.recover(rows.reversed().joined(separator: "\n"), in: folder.path + "/again")
    #expect(again.dropKeys.map(\.id) == keys.dropKeys.map(\.id) && again.dropKeys.map(\.owner) == keys.dropKeys.map(\.owner))
    #expect(again.listed == keys.listed)
    for missing in rows.indices {
      var fewer = rows
      fewer.remove(at: missing)
      #expect(throws: SyncError.self, "\(rows[missing])") { try HubKeys.recover(fewer.joined(separator: "\n"), in: folder.path + "/x") }
    }
  }
}
