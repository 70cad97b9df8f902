import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// L7: what is well signed and cannot stand as it was sent is held unit by unit, with the place and what is wrong there.
@Suite struct FaultyUnitTests {
  static let schema = World.Schema(
    tables: [ReplicatedTable("sheet", scopeColumn: "unit", policies: ["answers": .perKey, "visits": .counter, "most": .max])],
    sql: """
      CREATE TABLE sheet (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, answers TEXT, visits INTEGER DEFAULT 0, most INTEGER,
        note TEXT) WITHOUT ROWID;
      """)

  let world: World
  let stranger: Replica
  let reader: Replica

  init() async throws {
    world = try await World(schema: Self.schema)
    stranger = try await world.device("stranger")
    reader = try await world.device("reader")
  }

  private func row(_ key: CellValue, life: UInt32 = 1, table: String = "sheet", _ cells: [CellChange] = []) -> RowChange {
    RowChange(table: table, key: key, life: life, cells: [CellChange("unit", .text("07201"))] + cells)
  }

  private func member(_ name: String, _ json: String) -> CellChange { CellChange("answers", .text(json), part: .member(name)) }

  /// Seals units as a client that checks nothing, and sends them as the stranger.
  @discardableResult
  private func send(
    _ units: [[RowChange]], number: UInt64 = 1, previous: Data = Data(), _ change: (inout WireBatch) throws -> Void = { _ in }
  ) async throws -> (receipt: WireReceipt, hash: Data) {
    let key = try stranger.secrets().signingKey
    let content = BatchContent(
      replica: key.replica, scope: "07201", number: number, previous: previous, cursor: Data(),
      units: units.enumerated().map { ChangeUnit(stamp: HybridTimestamp(wallMs: world.clock.nowMs() + UInt64($0)), changes: $1) })
    var wire = try WireBatch(serializedBytes: try WireSigned(serializedBytes: try BatchCodec.seal(content, with: key).bytes).body)
    try change(&wire)
    let batch = SealedBatch(bytes: try key.sealed(try wire.serializedData(), as: .batch))
    let receipt = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: try await world.hub.ingest(batch)).body)
    return (receipt, batch.hash)
  }

  /// Every way in which one unit can be wrong, and what its receipt says.
  private var faulty: [(unit: [RowChange], said: String)] {
    let long = String(repeating: "x", count: WireLimits.valueBytesMax + 1)
    let k = CellValue.text("k")
    return [
      ([row(k, [member("ca\u{302}u", "1")])], "name sheet.answers nfc"),
      ([row(k, [member("a\0", "1")])], "value sheet.answers zeroByte"),
      ([row(k, [member("a", "{")])], "value sheet.answers json"),
      ([row(k, [member("a", #"{"b":1,"b":2}"#)])], "value sheet.answers member"),
      ([row(k, [member("a", "1"), member("a", "2")])], "value sheet.answers member"),
      ([row(k, [member("a", "1e999")])], "value sheet.answers json"),
      ([row(k, [member("a", "01")])], "value sheet.answers json"),
      ([row(k, (0...WireLimits.partsPerCellMax).map { member("m\($0)", "1") })], "size sheet.answers parts"),
      ([row(k, [CellChange("visits", .integer(WireLimits.incrementMax + 1), part: .increment(7))])], "value sheet.visits increment"),
      (
        [row(k, [CellChange("visits", .integer(1), part: .increment(7)), CellChange("visits", .integer(1), part: .increment(7))])],
        "value sheet.visits increment"
      ),
      ([row(k, [CellChange("most", .integer(1), generation: WireLimits.lifeMax + 1)])], "generation sheet.most generation"),
      ([row(k, [CellChange("note", .text("a\0b"))])], "value sheet.note zeroByte"),
      ([row(k, [CellChange("note", .text(long))])], "size sheet.note long"),
      ([row(k, [CellChange("note", .blob(Data(long.utf8)))])], "size sheet.note long"),
      ([row(k, [CellChange("note", .real(.nan))])], "value sheet.note notANumber"),
      ([row(k, [CellChange("no\0te", .text("a"))])], "name sheet.no?te name"),
      ([row(.text(String(repeating: "k", count: WireLimits.keyBytesMax + 1)))], "size sheet longKey"),
      ([row(.text("a\0"))], "value sheet zeroByte"),
      ([row(.null)], "value sheet key"),
      ([row(.real(1))], "value sheet key"),
      ([row(k, life: 0)], "life sheet life"),
      ([row(k, life: .max)], "life sheet life"),
      ([row(k, life: 2)], "value sheet.unit deletion"),
      ([row(k, table: String(repeating: "t", count: 129))], "name \(String(repeating: "t", count: 124)) name"),
      ([row(k, [CellChange("note", .text("a"))]), row(k, [CellChange("note", .text("b"))])], "repeated sheet.unit twice"),
      (
        [
          row(k), RowChange(table: "sheet", key: .text("l"), life: 2, cells: []),
          RowChange(table: "sheet", key: .text("l"), life: 2, cells: []),
        ], "repeated sheet twice"
      ),
    ]
  }

  private func readerAgrees() async throws {
    for _ in 0..<2 { _ = try await reader.sync(with: world.transport) }
    #expect(try await reader.status().agreement == .proved)
  }

  @Test(.long) func eachFaultyUnitIsHeldAloneAndTheOthersAreMerged() async throws {
    var units: [[RowChange]] = [[row(.text("first"))]]
    for (index, (unit, _)) in faulty.enumerated() {
      // Each about rows of its own: a later one about a held row waits behind it.
      units.append(
        unit.map { change in
          var change = change
          if let key = change.key.text, key.utf8.count == 1 { change.key = .text(key + String(index)) }
          return change
        })
      units.append([row(.text("good\(index)"))])
    }
    let (receipt, hash) = try await send(units)
    #expect(receipt.state == .merged)
    #expect(receipt.held.map { "\($0.reason) \($0.detail)" } == faulty.map(\.said))
    #expect(receipt.held.map(\.unit) == faulty.indices.map { UInt32(2 * $0 + 1) })
    let here = try await world.hub.read { try $0.integer("SELECT count(*) FROM sheet") }
    #expect(here == Int64(faulty.count + 1), "the good ones are merged")
    try await readerAgrees()
    // The chain goes on behind.
    #expect(try await send([[row(.text("next"))]], number: 2, previous: hash).receipt.held.isEmpty)

    let held = try await world.hub.heldUnits()
    #expect(held.count == faulty.count)
    for unit in held {
      #expect(!unit.remedy.vi.isEmpty && unit.remedy.en.contains("decline"), "\(unit.detail)")
      #expect(unit.remedy.en.hasPrefix("retry") == false, "\(unit.detail) is explained")
    }
    // Whatever is declined, every page of the feed can be read by others.
    for unit in held { try await world.hub.declineHeld(unit.id, by: "tỉnh", because: "sai") }
    #expect(try await world.hub.heldUnits().isEmpty)
    try await readerAgrees()
    #expect(try await reader.conflicts().contains { $0.rule == .declined })
    // The bytes stay what they were.
    let kept = try await world.hub.read { try $0.firstRow("SELECT bytes FROM hub_batch WHERE number = 1")?[0].blob }
    #expect(kept?.sha256 == hash)
  }

  @Test(.long) func aTextThatIsNotUTF8HoldsItsUnitAlone() async throws {
    let (receipt, _) = try await send([
      [row(.text("a"), [CellChange("note", .text("ma"))])], [row(.text("b"), [CellChange("note", .text("mb"))])],
    ]) {
      wire in
      let place = try #require(wire.tables[0].columns.firstIndex { $0.name == "note" })
      #expect(wire.tables[0].columns[place].data == Data([2, 2]) + Data("mamb".utf8))
      wire.tables[0].columns[place].data = Data([2, 2, 0x6d, 0xff]) + Data("mb".utf8)
    }
    #expect(receipt.held.map { "\($0.unit) \($0.reason) \($0.detail)" } == ["0 value sheet.note utf8"])
    let shown = try #require(try await world.hub.heldUnits().first?.rows.first)
    #expect(shown.cells.contains { $0.column == "note" && $0.value == .text("m\u{FFFD}") })
    try await readerAgrees()
    #expect(try await reader.engineRead { try $0.session.rows("SELECT id, note FROM sheet") } == [[.text("b"), .text("mb")]])
  }

  @Test(.long) func aColumnThatCannotBeReadHoldsTheUnitsThatWroteIt() async throws {
    let units = [
      [row(.text("a"), [CellChange("note", .text("x"))])], [row(.text("b"))], [row(.text("c"), [CellChange("most", .integer(1))])],
    ]
    let (receipt, hash) = try await send(units) { wire in
      for (index, column) in wire.tables[0].columns.enumerated() {
        if column.name == "note" { wire.tables[0].columns[index].data = Data([9, 9, 9]) }
        if column.name == "most" { wire.tables[0].columns[index].encoding = .UNRECOGNIZED(40) }
      }
    }
    #expect(receipt.held.map { "\($0.unit) \($0.reason) \($0.detail)" } == ["0 value sheet.note unreadable", "2 schema sheet.most newer"])
    // Of a kind of cell that only newer programs know.
    let newer = try await send([[row(.text("d"), [member("a", "1")])], [row(.text("e"))]], number: 2, previous: hash) { wire in
      let place = try #require(wire.tables[0].columns.firstIndex { $0.kind == .members })
      wire.tables[0].columns[place].kind = .UNRECOGNIZED(9)
    }
    #expect(newer.receipt.held.map { "\($0.unit) \($0.reason) \($0.detail)" } == ["0 schema sheet.answers newer"])
    try await readerAgrees()
  }

  @Test(.long) func unitsOverTheirNumberAreHeldAndTheFirstAreMerged() async throws {
    let count = WireLimits.unitsMax + 2
    let (receipt, _) = try await send((0..<count).map { [row(.text("n\($0)"))] })
    #expect(receipt.held.map(\.unit) == [10_000, 10_001])
    #expect(receipt.held.map(\.detail) == ["sheet units", "sheet units"])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM sheet") } == 10_000)
    for unit in try await world.hub.heldUnits() { try await world.hub.repairHeld(unit.id, values: [:], by: "tỉnh", because: "đủ") }
    try await readerAgrees()
    #expect(try await reader.engineRead { try $0.session.integer("SELECT count(*) FROM sheet") } == Int64(count))
  }

  /// Nobody's words stand in the place of what could not be read, but an operator's.
  @Test(.long) func aRepairMustGiveAValueForEveryUnreadableOne() async throws {
    let long = String(repeating: "x", count: WireLimits.valueBytesMax + 1)
    try await send([
      [row(.text("a"), [member("ca\u{302}u", "1")])], [row(.text("b"), [CellChange("note", .text(long))])],
      [row(.text(long), [CellChange("note", .text("kept"))])], [row(.text("c"), [member("x", "{")])],
      [
        row(.text("d"), [CellChange("note", .text("1"))]),
        row(.text("d"), [CellChange("note", .text("2")), CellChange("most", .integer(3))]),
      ],
    ])
    let held = try await world.hub.heldUnits()
    try #require(held.count == 5)
    func repair(_ place: Int, _ values: [String: CellValue] = [:], dropping: Set<String> = [], key: CellValue? = nil) async throws {
      try await world.hub.repairHeld(held[place].id, values: values, dropping: dropping, key: key, by: "tỉnh", because: "đọc lại")
    }
    try await repair(0)
    for place in 1..<5 { await #expect(throws: SyncError.self) { try await repair(place) } }
    try await repair(1, ["note": .text("short")])
    try await repair(2, key: .text("k"))
    try await repair(3, ["answers": .text(#"{"x":2}"#)])
    try await repair(4, ["note": .text("1")], dropping: ["unit"])
    try await readerAgrees()
    let rows = try await reader.engineRead { try $0.session.rows("SELECT id, answers, note, most FROM sheet ORDER BY id") }
    #expect(
      rows.map { $0.map(\.shown).joined(separator: " ") } == [
        "a {\"c\u{E2}u\":1} - -", "b - short -", "c {\"x\":2} - -", "d - 1 3", "k - kept -",
      ])
  }
}
