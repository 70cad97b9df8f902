import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// What a row may name, and what its values may look like: judged at the hub before anything of it is merged.
@Suite struct ReferenceTests {
  private static func stage() async throws -> Stage {
    try await Stage(
      """
      CREATE TABLE parent (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a) WITHOUT ROWID;
      CREATE TABLE child (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, parent TEXT) WITHOUT ROWID;
      CREATE TABLE hang (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, tbl TEXT, record TEXT) WITHOUT ROWID;
      CREATE TABLE form (
        id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, day TEXT, size INTEGER, words TEXT, parts TEXT, need TEXT) WITHOUT ROWID;
      """,
      tables: [
        ReplicatedTable("parent", scopeColumn: "unit"),
        ReplicatedTable("child", scopeColumn: "unit", references: ["parent": "parent"]),
        ReplicatedTable("hang", scopeColumn: "unit", references: ["record": .rowNamed(by: "tbl")]),
        ReplicatedTable(
          "form", scopeColumn: "unit", policies: ["parts": .perKey],
          formats: ["day": .day, "size": .count, "words": .answers, "parts": .answers], required: ["need"]),
      ])
  }

  private func row(_ table: String, _ key: String, life: UInt32 = 1, _ cells: [String: CellValue] = [:], unit: String = Stage.unit)
    -> RowChange
  {
    let said = cells.sorted { $0.key < $1.key }.map { CellChange($0.key, $0.value) }
    return RowChange(table: table, key: .text(key), life: life, cells: life % 2 == 0 ? [] : [CellChange("unit", .text(unit))] + said)
  }

  /// Rows of 07201's own, of the province, of 07204, living and gone.
  private func filled() async throws -> (stage: Stage, a: Replica) {
    let stage = try await Self.stage()
    let (a, b) = (try await stage.device("a"), try await stage.device("b", unit: "07204"))
    for (replica, unit) in [(a, "07201"), (b, "07204")] {
      try await replica.execute("INSERT INTO parent (id, unit) VALUES ('\(unit)', '\(unit)'), ('\(unit)dead', '\(unit)')")
      try await stage.sync(replica)
      try await replica.execute("DELETE FROM parent WHERE id LIKE '%dead'")
      try await stage.sync(replica)
    }
    try await stage.hub.write { try $0.execute("INSERT INTO parent (id, unit) VALUES ('24', '24')") }
    return (stage, try await stage.device("forger"))
  }

  @Test(.long) func rowsOfOthersAreHeldAsThoseNobodyHas() async throws {
    let (stage, a) = try await filled()
    let names = ["07201", "07201dead", "24", "07204", "07204dead", "nobody"]
    let units = names.enumerated().flatMap { number, name in
      [
        unit(UInt64(number), row("child", "c\(name)", ["parent": .text(name)])),
        unit(UInt64(number), row("hang", "h\(name)", ["tbl": .text("parent"), "record": .text(name)])),
      ]
    }
    let held = try receipt(try await stage.hub.ingest(try a.forge(units))).held
    #expect(held.map { "\($0.unit) \($0.reason) \($0.detail)" } == (6..<12).map { "\($0) parent parent:\(names[Int($0) / 2])" })
    #expect(try await stage.rows("SELECT id FROM child ORDER BY id") == ["c07201", "c07201dead", "c24"])
    #expect(try await stage.rows("SELECT id FROM hang ORDER BY id") == ["h07201", "h07201dead", "h24"])
    // One's own that is gone is told of.
    #expect(try await stage.rows("SELECT row_key, col FROM sync_conflict ORDER BY row_key") == ["c07201dead parent", "h07201dead record"])
    #expect(try await stage.hub.retryHeld() == 0)
    // What comes with its own unit, or comes later, is there.
    var last = try a.forge(units)
    func push(_ number: UInt64, _ changes: RowChange...) async throws -> [String] {
      last = try a.forge(number: number, previous: last.hash, [ChangeUnit(stamp: HybridTimestamp(wallMs: number), changes: changes)])
      return try receipt(try await stage.hub.ingest(last)).held.map(\.reason)
    }
    #expect(try await push(2, row("hang", "both", ["tbl": .text("parent"), "record": .text("new")]), row("parent", "new")) == [])
    #expect(try await push(3, row("parent", "nobody")) == [])
    #expect(try await stage.rows("SELECT id FROM hang WHERE id = 'hnobody'") == ["hnobody"])
    #expect(try await stage.hub.heldUnits().count == 4)
    // The table that a row names is part of what it names.
    func edit(_ cells: CellChange...) -> RowChange { RowChange(table: "hang", key: .text("h07201"), life: 1, cells: cells) }
    #expect(try await push(4, edit(CellChange("tbl", .text("child")))) == ["parent"])
    #expect(try await push(5, edit(CellChange("tbl", .text("answer")))) == ["behind"])
    #expect(try await push(6, row("hang", "x", ["tbl": .text("nothing"), "record": .text("07201")])) == ["schema"])
    #expect(try await push(7, row("hang", "y", ["record": .text("07201")])) == ["schema"])
    #expect(try await push(8, row("hang", "z", ["tbl": .text("nothing")])) == [])
  }

  /// A decision about what the province, or nobody, has to decide.
  @Test(.long) func aDecisionIsAboutItsOwnScope() async throws {
    let (stage, a) = try await filled()
    try await stage.hub.write { session in
      for scope in ["24", "07204", "07201"] {
        try session.execute(
          """
          INSERT INTO sync_conflict (id, scope, tbl, row_key, life, col, rule, losing_value, winning_value)
          VALUES (?1, ?1, 'parent', 'gone' || ?1, 1, 'a', 'declined', 1, 2)
          """, [.text(scope)])
      }
    }
    var last: SealedBatch?
    for (number, (conflict, reasons)) in [("24", ["parent"]), ("07204", ["parent"]), ("nobody", ["parent"]), ("07201", [])].enumerated() {
      let cells: [String: CellValue] = [
        "scope": .text(Stage.unit), "conflict": .text(conflict), "tbl": .text("parent"), "row_key": .text("gone" + conflict),
        "choice": .text("keep"),
      ]
      let change = RowChange(
        table: "sync_decision", key: .text("d" + conflict), life: 1,
        cells: cells.sorted { $0.key < $1.key }.map { CellChange($0.key, $0.value) })
      let batch = try a.forge(number: UInt64(number + 1), previous: last?.hash ?? Data(), [unit(1, change)])
      #expect(try receipt(try await stage.hub.ingest(batch)).held.map(\.reason) == reasons, "\(conflict)")
      last = batch
    }
    #expect(try await stage.rows("SELECT id, state FROM sync_conflict ORDER BY id") == ["07201 closed", "07204 open", "24 open"])
    // A hub that was put back learns of the conflict later.
    try await stage.hub.write { session in
      try session.execute(
        """
        INSERT INTO sync_conflict (id, scope, tbl, row_key, life, col, rule, losing_value, winning_value)
        VALUES ('nobody', '07201', 'parent', 'gonenobody', 1, 'a', 'declined', 1, 2)
        """)
    }
    _ = try await stage.hub.retryHeld()
    #expect(try await stage.rows("SELECT state FROM sync_conflict WHERE id = 'nobody'") == ["closed"])
    #expect(try await stage.hub.heldUnits().map(\.detail).sorted() == ["sync_conflict:07204", "sync_conflict:24"])
  }

  @Test func valuesAreAsTheirColumnsDeclareThem() async throws {
    let stage = try await Self.stage()
    let a = try await stage.device("a")
    let need = ["need": CellValue.text("x")]
    func part(_ json: String) -> RowChange {
      var change = row("form", "p" + json, need)
      change.cells.append(CellChange("parts", .text(json), part: .member("q")))
      return change
    }
    let good: [RowChange] =
      [
        need,
        need.merging(["day": .text("2024-02-29"), "size": .integer(0), "words": .text(#"{"a":["x"],"b":[{"c":1.5}],"d":null}"#)]) { $1 },
      ]
      .enumerated().map { row("form", "good\($0)", $1) } + ["1", #""x""#, "[]", "false"].map(part)
    let bad: [(String, RowChange)] =
      [("need", row("form", "none")), ("need", row("form", "null", ["need": .null]))]
      + [
        ("day", CellValue.text("2023-02-29")), ("day", .text("2024-2-9")), ("size", .integer(-1)), ("words", .text("[]")),
        ("words", .text(#"{"a":true}"#)),
      ]
      .enumerated().map { ($1.0, row("form", "bad\($0)", need.merging([$1.0: $1.1]) { $1 })) }
      + ["true", "[[1]]", #"{"a":1}"#].map { ("parts", part($0)) }
    let units = (good + bad.map(\.1)).map { unit(1, $0) }
    let held = try receipt(try await stage.hub.ingest(try a.forge(units))).held
    #expect(held.map { "\($0.unit) \($0.reason) \($0.detail)" } == bad.enumerated().map { "\($0 + good.count) value form.\($1.0)" })
    #expect(try await stage.hub.misformedRows() == [])
    try await stage.hub.write { session in
      try session.execute("INSERT INTO form (id, unit, need, day) VALUES ('x', '07201', 'y', 'no'), ('z', '07201', NULL, NULL)")
      try session.execute(#"INSERT INTO form (id, unit, need, parts) VALUES ('w', '07201', 'y', '{"q":[[1]]}')"#)
    }
    #expect(try await stage.hub.misformedRows().map { "\($0.key) \($0.column)" } == ["w parts", "x day", "z need"])
  }

  @Test func declarationsThatCannotWorkAreRefused() async throws {
    let error = await #expect(throws: SyncError.self) {
      _ = try await Stage(
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, a TEXT, n INTEGER, d TEXT DEFAULT 'x', p TEXT) WITHOUT ROWID",
        tables: [
          ReplicatedTable(
            "t", scopeColumn: "unit", policies: ["p": .perKey],
            references: ["gone": "t", "a": .rowNamed(by: "nowhere"), "p": "t", "d": "elsewhere"],
            formats: ["n": .day, "a": .count, "missing": .day], required: ["d", "lost"])
        ])
    }
    for part in [
      "declares a reference on gone", "declares a reference on nowhere", "declares a reference on p", "to table elsewhere",
      "declares a format of n", "declares a format of a", "declares a format of missing", "requires d", "requires lost",
    ] {
      #expect(error?.explanation.en.contains(part) == true, "\(part)")
    }
  }
}
