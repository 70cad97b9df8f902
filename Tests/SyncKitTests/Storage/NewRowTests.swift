import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncStore

/// A row that nobody had heard of is written without a merge; what stands then is what the merge would have written (L5).
@Suite struct NewRowTests {
  private static let policies: [String: MergePolicy] = [
    "level": .max, "rank": .ranked(["low", "high"]), "visits": .counter, "answers": .perKey,
  ]
  private static let values: [CellValue] = [
    .null, .integer(0), .integer(-7), .integer(.max), .real(1.5), .text(""), .text("mưa"), .text("12"), .text("low"), .blob(Data([0, 1])),
    .blob(Data()),
  ]
  private static let changes = 4000

  @Test(.long, arguments: [MetadataSchema.RecordOrder.byKey, .byScope])
  func aNewRowIsWhatAMergeWouldMakeOfIt(order: MetadataSchema.RecordOrder)
    throws
  {
    var chance = SeededChance(11)
    let direct = try Store(order)
    let merged = try Store(order)
    var taken = 0
    for number in 0..<Self.changes {
      let change = RowChange(
        table: "visit", key: .text("k\(number)"), life: chance.below(8) == 0 ? UInt32(chance.below(4) + 1) : 1,
        cells: cells(&chance))
      guard change.isAlive || change.cells.isEmpty else { continue }
      let stamp = HybridTimestamp(rawValue: UInt64(number + 1) << 20)
      let origin = Origin(version: Version(stamp, chance.pick(Store.authors)), position: UInt64(chance.below(3)))
      guard try direct.saveNew(change, origin) else { continue }
      taken += 1
      try merged.merge(change, origin)
    }
    #expect(taken > Self.changes / 4 && taken < Self.changes)
    for table in ["visit", "sync_meta_visit", "sync_digest"] {
      #expect(try direct.everything(in: table) == merged.everything(in: table), "\(table)")
    }
  }

  private func cells(_ chance: inout SeededChance) -> [CellChange] {
    var names = ["unit", "note", "number", "measure", "anything", "level", "rank"].filter { _ in chance.below(3) > 0 }
    names.shuffle(using: &chance)
    var cells = names.map { name in
      CellChange(name, chance.below(4) == 0 ? chance.pick(Self.values) : fitting(name, &chance), generation: chance.below(60) == 0 ? 1 : 0)
    }
    switch chance.below(12) {
    case 0: cells.append(CellChange("answers", .text("1"), part: .member("a")))
    case 1: cells.append(CellChange("visits", .integer(2), part: .increment(chance.next())))
    case 2: cells.append(CellChange("unheard", .integer(2)))
    default: break
    }
    return cells
  }

  private func fitting(_ name: String, _ chance: inout SeededChance) -> CellValue {
    switch name {
    case "number", "level": .integer(Int64(chance.below(9)))
    case "measure": .real(0.25)
    case "rank": .text(chance.pick(["low", "high"]))
    default: .text(chance.pick(["mưa", "nắng", "é"]))
    }
  }

  /// A store with one table, written through `RowStore` alone.
  private final class Store {
    static let authors = (0..<3).compactMap { ReplicaID(bytes: Data(repeating: UInt8($0 + 1), count: ReplicaID.byteCount)) }
    private let queue: DatabaseQueue
    private let shapes: [String: TableShape]

    init(_ order: MetadataSchema.RecordOrder) throws {
      queue = try DatabaseQueue()
      let table = ReplicatedTable("visit", scopeColumn: "unit", policies: NewRowTests.policies)
      shapes = try queue.write { db in
        try db.execute(
          sql: """
            CREATE TABLE visit (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL DEFAULT '', note TEXT, number INTEGER, measure REAL,
              anything, level INTEGER, rank TEXT, visits INTEGER, answers TEXT);
            """)
        try MetadataSchema.migrate(db, metadataFor: [table], records: order)
        return Dictionary(uniqueKeysWithValues: try SchemaCheck.shapes(of: [table], in: db).map { ($0.name, $0) })
      }
    }

    private func write<T>(_ body: (RowStore, TableShape) throws -> T) throws -> T {
      let shape = try #require(shapes["visit"])
      return try queue.write { db in
        let rows = RowStore(session: SQLiteSession(db: db), shapes: shapes)
        let result = try body(rows, shape)
        try rows.flush()
        return result
      }
    }

    func saveNew(_ change: RowChange, _ origin: Origin) throws -> Bool {
      try write { rows, shape in
        _ = try rows.load(shape, key: change.key, in: "07201")
        return try rows.saveNew(change, origin: origin, shape: shape, scope: "07201")
      }
    }

    func merge(_ change: RowChange, _ origin: Origin) throws {
      try write { rows, shape in
        let before = try rows.load(shape, key: change.key, in: "07201")?.state ?? .unknown
        let incoming = IncomingChange(life: change.life, cells: change.cells, origin: origin, seenThrough: 0)
        let outcome = Merge.join(before, incoming, policies: try rows.policies(shape))
        try rows.save(outcome, over: before, shape: shape, key: change.key, scope: "07201")
      }
    }

    func everything(in table: String) throws -> [String] {
      try queue.read { db in try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY 1").map(\.description) }
    }
  }
}
