import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// Every reference and every key of every table, tried with what is one's own, another's, nobody's and gone. A new column must say what
/// it refers to, or be named here as one that refers to nothing.
@Suite struct ScopeGeneratorTests {
  /// Columns that refer to nothing, by table. The key, the scope, and columns that name a reference's table are not among them.
  private static let plain: [String: Set<String>] = [
    "unit": ["name", "kind", "level"],
    "campaign": ["definition", "chosen"],
    "form": ["form", "version", "definition", "state"],
    "headcount": ["officials", "civil_servants", "part_time", "eligible"],
    "report": ["day", "answers", "by_question", "doubt", "edition"],
    "report_change": ["changed_ms", "device", "reason", "answers_before", "answers_after"],
    "attachment": ["question", "media", "bytes", "width", "height", "day"],
    "post": ["day", "words", "device", "hidden"],
    // Only the hub writes ends of units.
    "unit_window": ["campaign", "closes"],
    // Only the hub writes notices; of the reports they speak of a row may be gone.
    "notice": ["kind", "report", "words", "sent_by", "sent_ms", "sending", "closed_ms", "closed_by", "closed_why"],
    "notice_reply": ["at_ms", "device", "words", "correction"],
    // Only the hub writes conflicts.
    "sync_conflict": [
      "row_key", "tbl", "life", "col", "member", "rule", "losing_value", "losing_stamp", "losing_replica", "losing_position",
      "winning_value", "winning_stamp", "winning_replica", "state", "image",
    ],
    "sync_decision": ["col", "member", "choice", "before_value", "after_value", "decided_by", "reason", "decided_ms"],
  ]

  @Test func everyColumnSaysWhatItRefersTo() async throws {
    let world = try await HubWorld(loaded: false)
    for shape in world.survey.hub.store.tables.byName.values where shape.declaration.kind == .replicated {
      let named = shape.declaration.references.values.compactMap { if case .rowNamed(let column) = $0 { column } else { nil } }
      let known = Set([shape.declaration.scopeColumn] + shape.declaration.references.keys + named)
      let plain = try #require(Self.plain[shape.name], "say which columns of \(shape.name) refer to something")
      #expect(Set(shape.columns.map(\.name)).subtracting(known) == plain, "\(shape.name)")
    }
  }

  fileprivate typealias Case = Targets.Case

  /// Tables whose rows devices write.
  private static let written = (SurveySchema.tables + MetadataSchema.ownTables).filter {
    $0.kind == .replicated && $0.writer == .scope && $0.name != "sync_conflict"
  }

  @Test(.long) func onlyWhatTheAuthorReadsCanBeReferredTo() async throws {
    let stage = try await Targets()
    for table in Self.written {
      for (column, reference) in table.orderedReferences {
        switch reference {
        case .blob: break
        case .row(let name): try await tryReference(of: table, column, to: name, [:], stage)
        case .rowNamed(let tableColumn):
          for named in SurveySchema.tables where named.kind == .replicated {
            try await tryReference(of: table, column, to: named.name, [tableColumn: .text(named.name)], stage)
          }
          // What is not there, cannot be read, or is only hinted at.
          for name in ["answer", "nothing", "hub_device", "sync_meta_report", ""] {
            let held = try await stage.push(table, [tableColumn: .text(name), column: .text("x")])
            #expect(held.map(\.reason) == ["schema"] && held.map(\.detail) == ["\(table.name).\(tableColumn)"], "\(table.name) \(name)")
          }
          #expect(
            try await stage.push(table, [tableColumn: .null, column: .text("x")]).map(\.reason)
              == [table.required.contains(tableColumn) ? "value" : "schema"])
        }
      }
    }
  }

  private func tryReference(of table: ReplicatedTable, _ column: String, to name: String, _ cells: [String: CellValue], _ stage: Targets)
    async throws
  {
    var answers: [Case: [String]] = [:]
    for each in Case.allCases {
      guard let key = try await stage.key(of: name, each) else { continue }
      let held = try await stage.push(table, cells.merging([column: .text(key)]) { $1 })
      answers[each] = held.map { "\($0.reason) \($0.detail.replacing(key, with: "KEY"))" }
    }
    let what = Comment(rawValue: "\(table.name).\(column) to \(name)")
    #expect(answers[.absent] == ["parent \(name):KEY"], what)
    // The engine's own tables speak of their own scope, not of those above it.
    let isAbove = MetadataSchema.ownTables.contains(table) && Targets.above.contains(name)
    let known = isAbove ? answers[.absent] : []
    #expect(answers[.own] == known, what)
    #expect(answers[.ownDead] ?? known == known, what)
    #expect(answers[.foreign] == answers[.absent], what)
    #expect(answers[.foreignDead] ?? answers[.absent] == answers[.absent], what)
  }

  @Test(.long) func nobodyTakesTheKeyOfAnothersRow() async throws {
    let stage = try await Targets()
    for table in Self.written {
      let keys = [try await stage.key(of: table.name, .foreign), try await stage.key(of: table.name, .foreignDead)].compactMap(\.self)
      let before = try await stage.world.rows("SELECT * FROM \(table.name) ORDER BY 1")
      for key in keys { #expect(try await stage.push(table, [:], key: key).map(\.reason) == ["scope"], "\(table.name) \(key)") }
      #expect(try await stage.world.rows("SELECT * FROM \(table.name) ORDER BY 1") == before)
      if table.keyRule == .any { continue }
      // Also one that nobody has yet: there is no telling whether they do.
      for key in ["07204/2024-04-20", "24/2024-04-20", "07201", "2024-04-20"] {
        let held = try await stage.push(table, [:], key: key)
        #expect(held.map { "\($0.reason) \($0.detail)" } == ["scope \(table.name)"], "\(key)")
      }
    }
  }

  /// A report's key that another commune took before that was checked: found, given back by one act, and on time as it came.
  @Test(.long) func aTakenReportIsGivenBack() async throws {
    let world = try await HubWorld()
    let (campaign, form) = (
      try #require(try await world.rows("SELECT id FROM campaign").first),
      try #require(try await world.rows("SELECT id FROM form WHERE form = 'report01'").first)
    )
    try await world.survey.hub.write { session in
      try session.execute(
        "INSERT INTO report (id, unit, campaign, day, form) VALUES ('07204/2024-04-01', '07201', ?1, '2024-04-01', ?2)",
        [.text(campaign), .text(form)])
      try session.execute("INSERT INTO report_arrival (id, unit, first_ms, last_ms) VALUES ('07204/2024-04-01', '07201', 1, 1)")
    }
    let owner = try await world.device("owner", unit: "07204")
    try await world.report(owner, unit: "07204", day: "2024-04-01")
    #expect(try await world.survey.hub.heldUnits().map(\.reason) == ["scope"])
    #expect(try await world.row("07204").reportMs == nil)
    let found = try await SurveyHub.examine(at: world.survey.folder).findings
    #expect(found.map(\.kind) == [.foreignKey])
    let cameMs = Int64(world.clock.nowMs())
    world.clock.advance(30 * HubWorld.hourMs)
    let result = try await world.survey.hub.freeKeys(by: "province", because: "taken")
    #expect(result.freed.count == 1 && result.merged == 1)
    #expect(try await world.rows("SELECT unit FROM report") == ["07204"])
    #expect(try await world.rows("SELECT unit, first_ms FROM report_arrival") == ["07204 \(cameMs)"])
    #expect(try await SurveyHub.examine(at: world.survey.folder).findings == [])
  }

  @Test(.long) func aDecisionClosesConflictsOfItsOwnScopeOnly() async throws {
    let stage = try await Targets()
    let (own, foreign) = (
      try #require(try await stage.key(of: "sync_conflict", .own)), try #require(try await stage.key(of: "sync_conflict", .foreign))
    )
    func states() async throws -> [String] { try await stage.world.rows("SELECT scope, state FROM sync_conflict ORDER BY scope") }
    #expect(try await states() == ["07201 open", "07204 open"])
    let decision = try #require(Self.written.first { $0.name == "sync_decision" })
    #expect(try await stage.push(decision, ["conflict": .text(foreign), "choice": .text("keep")]).map(\.reason) == ["parent"])
    // An operator's retry opens no other way, nor does a row that came in before there was a gate.
    #expect(try await stage.world.survey.hub.retryHeld() == 0)
    try await stage.world.survey.hub.write {
      try $0.execute(
        "INSERT INTO sync_decision (id, scope, conflict, choice, decided_by) VALUES ('old', '07201', ?1, 'keep', 'nobody')",
        [.text(foreign)])
    }
    #expect(try await states() == ["07201 open", "07204 open"])
    #expect(try await stage.world.survey.hub.conflict(id: foreign).resolvedBy == nil)
    let bogus = try await stage.push(decision, ["conflict": .text(own), "choice": .text("bogus")])
    #expect(bogus.map { "\($0.reason) \($0.detail)" } == ["value sync_decision.choice"])
    #expect(try await states() == ["07201 open", "07204 open"])
    #expect(try await stage.push(decision, ["conflict": .text(own), "choice": .text("keep")]) == [])
    #expect(try await states() == ["07201 closed", "07204 open"])
  }
}

/// A hub at which 07201 and 07204 have living and dead rows of every table, and a device of 07201 that says whatever a test wants.
private final class Targets: Sendable {
  /// What a value may name, seen from 07201.
  enum Case: String, CaseIterable {
    case own, ownDead, foreign, foreignDead, absent
  }

  /// Tables whose rows 07201 reads at the province.
  static let above = ["campaign", "form", "unit"]

  let world: HubWorld
  private let author: Forger

  init() async throws {
    world = try await HubWorld()
    author = try Forger(try await world.device("author", unit: "07201"), unit: "07201", world)
    let writers = [
      (
        "07201", "own", try Forger(try await world.device("a", unit: "07201"), unit: "07201", world),
        try Forger(try await world.device("a2", unit: "07201"), unit: "07201", world)
      ),
      (
        "07204", "foreign", try Forger(try await world.device("b", unit: "07204"), unit: "07204", world),
        try Forger(try await world.device("b2", unit: "07204"), unit: "07204", world)
      ),
    ]
    try await world.survey.hub.write { session in
      for (scope, name) in [("24", "own"), ("07204", "foreign")] {
        for table in Self.above {
          let key = table == "unit" ? "code" : "id"
          for row in ["\(table)-\(name)", "\(table)-\(name)Dead"] {
            try session.execute("INSERT INTO \(table) (\(key), scope) VALUES (?1, ?2)", [.text(row), .text(scope)])
          }
        }
      }
    }
    try await world.survey.hub.write { session in
      for (scope, name) in [("07201", "own"), ("07204", "foreign")] {
        for row in ["notice-\(name)", "notice-\(name)Dead"] {
          try session.execute("INSERT INTO notice (id, unit, kind, words) VALUES (?1, ?2, 'reminder', 'x')", [.text(row), .text(scope)])
        }
        for row in ["unit_window-\(name)", "unit_window-\(name)Dead"] {
          try session.execute("INSERT INTO unit_window (id, unit, campaign) VALUES (?1, ?2, 'x')", [.text(row), .text(scope)])
        }
      }
    }
    try await world.survey.hub.write { session in
      try session.execute("DELETE FROM notice WHERE id LIKE '%Dead'")
      try session.execute("DELETE FROM unit_window WHERE id LIKE '%Dead'")
      for table in Self.above { try session.execute("DELETE FROM \(table) WHERE \(table == "unit" ? "code" : "id") LIKE '%Dead'") }
    }
    for (scope, name, first, second) in writers {
      for table in ["report", "report_change", "attachment", "post", "notice_reply", "sync_decision"] {
        for each in [name, name + "Dead"] {
          let key = Self.row(table, each, scope)
          let birth = RowChange(table: table, key: .text(key), life: 1, cells: Self.cells(table, key, scope: scope))
          try #require(try await first.push([birth]) == [])
        }
        // A decision stays for ever.
        guard table != "sync_decision" else { continue }
        let death = RowChange(table: table, key: .text(Self.row(table, name + "Dead", scope)), life: 2, cells: [])
        try #require(try await first.push([death]) == [])
      }
      // Two who do not know of one another.
      for (forger, value) in [(first, "1"), (second, "2")] {
        let cell = CellChange("by_question", .text(value), part: .member("guided"))
        let key = CellValue.text(Self.row("report", name, scope))
        try #require(try await forger.push([RowChange(table: "report", key: key, life: 1, cells: [cell])]) == [])
      }
    }
  }

  private static func row(_ table: String, _ name: String, _ scope: String) -> String {
    let day = name.hasSuffix("Dead") ? "2024-04-03" : "2024-04-02"
    return table == "report" ? SurveySchema.reportKey(unit: scope, day: day) : "\(table)-\(name)"
  }

  /// What a birth of a row says, all that it refers to the province's.
  private static func cells(_ table: String, _ key: String, scope: String, _ others: [String: CellValue] = [:]) -> [CellChange] {
    let usual: [String: CellValue] =
      switch table {
      case "report": ["campaign": .text("campaign-own"), "form": .text("form-own"), "day": .text(String(key.suffix(10)))]
      case "report_change":
        [
          "report": .text(SurveySchema.reportKey(unit: scope, day: "2024-04-02")), "form": .text("form-own"), "reason": .text("x"),
          "changed_ms": .integer(1), "answers_before": .text("{}"), "answers_after": .text("{}"),
        ]
      case "attachment":
        ["tbl": .text("campaign"), "record": .text("campaign-own"), "blob": .text(BlobID(of: Data()).hex), "day": .text("2024-04-02")]
      case "notice_reply": ["notice": .text(scope == "07201" ? "notice-own" : "notice-foreign"), "at_ms": .integer(1)]
      case "post": ["campaign": .text("campaign-own"), "day": .text("2024-04-02"), "words": .text("x")]
      default: [:]
      }
    let own = CellChange(table.hasPrefix("sync_") ? "scope" : "unit", .text(scope))
    return [own] + usual.merging(others) { $1 }.sorted { $0.key < $1.key }.map { CellChange($0.key, $0.value) }
  }

  /// The key of such a row; nil where there is none.
  func key(of table: String, _ each: Case) async throws -> String? {
    let isForeign = each == .foreign || each == .foreignDead
    let scope = isForeign ? "07204" : "07201"
    if each == .absent { return "absent" }
    switch table {
    case "sync_conflict", "headcount":
      if each == .ownDead || each == .foreignDead { return nil }
      let column = table == "headcount" ? "code, unit" : "id, scope"
      return try await world.rows("SELECT \(column) FROM \(table)").first { $0.hasSuffix(" " + scope) }.map {
        String($0.prefix { $0 != " " })
      }
    default: return Self.row(table, each.rawValue, scope)
    }
  }

  /// Has the author bear a row of a new key, unless one is given.
  func push(_ table: ReplicatedTable, _ cells: [String: CellValue], key: String? = nil) async throws -> [Forger.Held] {
    let key = key ?? (table.name == "report" ? "07201/\(2000 + author.number)-01-01" : "\(table.name)-new\(author.number)")
    return try await author.push([
      RowChange(table: table.name, key: .text(key), life: 1, cells: Self.cells(table.name, key, scope: "07201", cells))
    ])
  }
}
