import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// One bad row is one bad row: it is held at the hub, and where it is here all the same it is named and left out.
@Suite struct UnreadableRowTests {
  /// By column of a table: values that are not as declared.
  private static let bad: [(table: String, column: String, values: [CellValue])] = [
    (
      "report", "day",
      ["x", "", "2024-02-30", "2024-4-01", "01/04/2024", "0000-01-01", " 2024-04-01"].map { .text($0) } + [.integer(20_240_401)]
    ),
    (
      "report", "answers",
      [
        #"{"guided":[[1]]}"#, #"{"guided":"#, "", "null", "[1]", "3", #""text""#, #"{"guided":true}"#, #"{"guided":{"a":1}}"#,
        #"{"r":[{"a":[{"b":[1]}]}]}"#, #"{"r":[{"a":1},"b"]}"#, #"{"a":[1]}"#,
      ].map { .text($0) } + [.blob(Data([1]))]
    ),
    ("report", "campaign", [.null]), ("report", "form", [.null]), ("report", "day", [.null]),
    ("report_change", "changed_ms", [.integer(-1), .text("soon")]), ("report_change", "answers_before", [.text("[]"), .text("{")]),
    ("report_change", "report", [.null]),
    ("attachment", "blob", [.text("../x"), .text(String(repeating: "A", count: 64)), .null]),
    ("attachment", "bytes", [.integer(-1), .text("many")]),
    ("attachment", "day", [.text("today")]), ("attachment", "record", [.null]),
    ("post", "day", [.text("hôm nay"), .null]), ("post", "words", [.null]),
  ]

  @Test(.long) func whatIsNotAsDeclaredIsHeld() async throws {
    let world = try await HubWorld()
    let author = try Forger(try await world.device("a", unit: "07201"), unit: "07201", world)
    var number = 0
    for (table, column, values) in Self.bad {
      for value in values {
        number += 1
        var cells = try await Self.cells(table, world)
        cells[column] = value
        let key = Self.key(table, number)
        let held = try await author.push([Self.birth(table, key, cells)])
        #expect(held.map { "\($0.reason) \($0.detail)" } == ["value \(table).\(column)"], "\(table).\(column) \(value)")
        // Nor can it become so later.
        let good = Self.key(table, 1000 + number)
        #expect(try await author.push([Self.birth(table, good, try await Self.cells(table, world))]) == [])
        let edit = RowChange(table: table, key: .text(good), life: 1, cells: [CellChange(column, value)])
        #expect(try await author.push([edit]).map(\.reason) == ["value"], "\(table).\(column) \(value)")
      }
      // A birth that leaves out what every row says.
      if values.contains(.null) {
        number += 1
        var cells = try await Self.cells(table, world)
        cells[column] = nil
        let held = try await author.push([Self.birth(table, Self.key(table, number), cells)])
        #expect(held.map { "\($0.reason) \($0.detail)" } == ["value \(table).\(column)"], "\(table) without \(column)")
      }
    }
    for (json, isTaken) in [
      ("3", true), (#""a""#, true), (#"["a","b"]"#, true), (#"[{"a":1}]"#, true), ("false", true), ("[[1]]", false),
      ("true", false), (#"{"a":1}"#, false), (#"["a",1]"#, false), ("{", false),
    ] {
      number += 1
      var change = Self.birth("report", Self.key("report", number), try await Self.cells("report", world))
      change.cells.append(CellChange("by_question", .text(json), part: .member("guided")))
      if isTaken {
        #expect(try await author.push([change]) == [], "\(json)")
      } else {
        // What is no JSON at all is refused with its batch, or held.
        let held = try? await author.push([change])
        #expect(held.map { $0.map(\.reason) == ["value"] } ?? true, "\(json)")
      }
    }
    #expect(try await world.survey.unreadableRows() == [])
  }

  private static func cells(_ table: String, _ world: HubWorld) async throws -> [String: CellValue] {
    let campaign = try #require(try await world.rows("SELECT id FROM campaign").first)
    let form = try #require(try await world.rows("SELECT id FROM form WHERE form = 'report01'").first)
    switch table {
    case "report":
      return ["campaign": .text(campaign), "form": .text(form), "day": .text("2024-04-01"), "answers": .text(#"{"guided":3}"#)]
    case "report_change":
      return ["report": .text("07201/3001-01-01"), "form": .text(form), "changed_ms": .integer(1), "answers_before": .text("{}")]
    case "attachment":
      return [
        "tbl": .text("report"), "record": .text("07201/3001-01-01"), "blob": .text(BlobID(of: Data()).hex), "bytes": .integer(1),
        "day": .text("2024-04-01"),
      ]
    default: return ["campaign": .text(campaign), "day": .text("2024-04-01"), "words": .text("x")]
    }
  }

  /// A report's key says its day.
  private static func key(_ table: String, _ number: Int) -> String {
    table == "report" ? "07201/\(2000 + number)-01-01" : "\(number)"
  }

  private static func birth(_ table: String, _ key: String, _ cells: [String: CellValue]) -> RowChange {
    var cells = cells
    if table == "report", cells["day"] == .text("2024-04-01") { cells["day"] = .text(String(key.suffix(10))) }
    let said = cells.sorted { $0.key < $1.key }.map { CellChange($0.key, $0.value) }
    return RowChange(table: table, key: .text(key), life: 1, cells: [CellChange("unit", .text("07201"))] + said)
  }

  /// Rows that came before there was a gate, or from the hub's own hands.
  @Test(.long) func whatCannotBeReadIsNamedAndNothingElseStops() async throws {
    let world = try await HubWorld()
    let (a, b) = (try await world.device("a", unit: "07201"), try await world.device("b", unit: "07201"))
    try await world.report(a, unit: "07201", day: "2024-04-01")
    _ = try await a.post("Loa phường")
    try await world.sync(a)
    let form = try #require(try await world.rows("SELECT id FROM form WHERE form = 'report01'").first)
    try await world.survey.hub.write { session in
      for (number, answers) in [#"{"guided":[[1]]}"#, #"{"guided":"#, "7"].enumerated() {
        try session.execute(
          "INSERT INTO report (id, unit, campaign, day, form, answers) VALUES (?1, '07201', 'c', ?2, ?3, ?4)",
          [.text("07201/2024-03-\(number + 29)"), .text("2024-03-\(number + 29)"), .text(form), .text(answers)])
      }
      try session.execute("INSERT INTO report (id, unit, campaign, day, form) VALUES ('07201/x', '07201', 'c', 'x', ?1)", [.text(form)])
      try session.execute(
        "INSERT INTO report (id, unit, campaign, day, form) VALUES ('07201/2024-03-05', '07201', 'c', '2024-03-05', 'report01@9')")
      try session.execute(
        "INSERT INTO report_change (id, unit, report, answers_before) VALUES ('r', '07201', '07201/2024-04-01', '{')")
      try session.execute(
        "INSERT INTO attachment (id, unit, tbl, record, blob, bytes) VALUES ('p', '07201', 'report', '07201/2024-04-01', 'x', 'y')")
      try session.execute("INSERT INTO post (id, unit, campaign, day, words) VALUES ('n', '07201', 'c', 'someday', 'words')")
      try session.execute("INSERT INTO form (id, scope, form, version, definition) VALUES ('pks01@9', '24', 'pks01', '9', '{')")
      try session.execute("INSERT INTO campaign (id, scope, definition) VALUES ('zz', '24', '{}')")
      try session.execute("INSERT INTO unit (code, scope, name, level, parent) VALUES ('99999', '24', 'Nowhere', 'commune', '999')")
    }
    for each in [a, b] {
      try await world.sync(each)
      #expect(try await each.reports().map(\.day.description).sorted() == ["2024-03-05", "2024-04-01"])
      #expect(try await each.report(day: try #require(CalendarDay("2024-04-01"))) != nil)
      #expect(try await each.reportChanges(day: try #require(CalendarDay("2024-04-01"))).isEmpty)
      #expect(try await each.campaign() != nil)
      #expect(try await each.units()?.units.count == (try await world.survey.requirePlan()).tree.units.count)
      #expect(try await each.forms().contains { $0.id == "report01" })
      #expect(try await each.posts().count == 2)
      #expect(try await each.photos(day: try #require(CalendarDay("2024-04-01"))).isEmpty)
      let named = try await each.unreadableRows().map { "\($0.table) \($0.key)" }
      #expect(
        Set(named) == [
          "report 07201/2024-03-29", "report 07201/2024-03-30", "report 07201/2024-03-31", "report 07201/x", "report 07201/2024-03-05",
          "report_change r", "attachment p", "post n", "form pks01@9", "campaign zz", "unit 99999",
        ])
      #expect(named.count == Set(named).count)
    }
    #expect(try await world.survey.board() != nil)
    #expect(try await world.survey.posts().count == 2)
    #expect(try await world.survey.photos().count == 1)
    #expect(try await world.survey.status().addsUp)
    #expect(try await world.survey.unreadableRows().count == 7)
    _ = try await world.survey.visit(to: UnitCode("07201"))

    // Filed anew with a reason it can be read again, everywhere.
    let day = try #require(CalendarDay("2024-03-29"))
    let report = try #require(try await a.form(id: "report01"))
    let answers = try FieldWorld.answers(report, day: day.description, unit: "07201", seed: 3)
    await #expect(throws: SurveyFieldError.reasonNeeded(day: day)) { try await a.saveReport(day: day, answers: answers) }
    #expect(try await a.saveReport(day: day, answers: answers, reason: "could not be read") == .changed)
    for each in [a, b] { try await world.sync(each) }
    for each in [a, b] {
      #expect(AnswerValue.json(try await each.report(day: day)?.answers ?? [:]) == answers.canonicalJSON)
      #expect(try await !each.unreadableRows().contains { $0.key == "07201/2024-03-29" })
    }
  }
}
