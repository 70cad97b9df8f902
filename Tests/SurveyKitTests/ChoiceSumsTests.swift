import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Difficulties and other choices of a day's reports, summed by group.
@Suite struct ChoiceSumsTests {
  private static let day = CalendarDay(year: 2024, month: 4, day: 1) ?? .first

  private func sums(_ world: HubWorld, within scope: UnitScope = .all, on day: CalendarDay = day) async throws -> [ChoiceSums] {
    try await world.survey.choiceSums(on: day, in: try #require(try await world.survey.operatorDay(within: scope)))
  }

  private func report(_ world: HubWorld, _ field: SurveyField, _ unit: String, _ difficulties: [String]) async throws {
    let form = try #require(try await field.form(id: "report01"))
    let answers = try FieldWorld.answers(
      form, day: Self.day.description, unit: unit, seed: 1, fixed: ["difficulties": .choices(difficulties)])
    _ = try await field.saveReport(day: Self.day, answers: answers, reason: "test")
    try await world.sync(field)
  }

  @Test(.long) func difficultiesAreSummedByGroupAsTheyStand() async throws {
    let world = try await HubWorld()
    #expect(try await sums(world).flatMap(\.choices).allSatisfy { $0.reports == 0 && $0.groups.isEmpty })
    let groups = try #require(try await world.survey.operatorDay(within: .all)).groups
    func group(_ unit: String) throws -> GroupLine { try #require(groups.first { $0.units.contains { $0.unit == UnitCode(unit) } }) }
    let (town, far) = (try group("07201"), try #require(groups.first { group in !group.units.contains { $0.unit == "07201" } }))
    let there = try #require(far.units.first).unit.rawValue
    #expect(try group("07204").unit == town.unit)
    let (a, b, c) = (
      try await world.device("a", unit: "07201"), try await world.device("b", unit: "07204"), try await world.device("c", unit: there)
    )
    try await report(world, a, "07201", ["mang", "ky_nang"])
    try await report(world, b, "07204", ["mang"])
    try await report(world, c, there, ["mang", "e_ngai"])
    let found = try #require(try await sums(world).first { $0.question == "difficulties" })
    #expect(found.label == LocalizedText(vi: "Khó khăn trong ngày", en: "Difficulties today"))
    let mang = try #require(found.choices.first)
    #expect(mang.name == "mang" && mang.reports == 3 && mang.label.en == "Weak or no network")
    #expect(
      mang.groups.map(\.unit) == [town.unit, far.unit] && mang.groups.map(\.reports) == [2, 1]
        && mang.groups.map(\.name) == [town.name, far.name])
    #expect(found.choices.dropFirst().prefix(2).map(\.name) == ["ky_nang", "e_ngai"], "of one frequency in the form's order")
    #expect(found.choices.count == 9 && found.choices.suffix(6).allSatisfy { $0.reports == 0 })
    // A single choice is summed, too; a number and a text are not.
    let questions = try await sums(world).map(\.question)
    #expect(questions.contains("reporter_role") && questions.contains("channels") && !questions.contains("guided"))
    // A part of the tree has its own reports alone; another day has none.
    let part = try #require(try await sums(world, within: UnitScope(far.unit)).first { $0.question == "difficulties" })
    #expect(
      part.choices.first { $0.name == "mang" }?.groups.map(\.reports) == [1] && part.choices.first { $0.name == "ky_nang" }?.reports == 0)
    #expect(try await sums(world, on: CalendarDay("2024-03-31") ?? .first).flatMap(\.choices).allSatisfy { $0.reports == 0 })
    // A correction counts as it stands.
    try await report(world, a, "07201", ["khong"])
    let after = try #require(try await sums(world).first { $0.question == "difficulties" })
    #expect(after.choices.first?.reports == 2 && after.choices.first { $0.name == "khong" }?.groups.map(\.unit) == [town.unit])
  }

  @Test func aChoiceThatOnlyAnEarlierFormHadIsSaidToBeSuch() async throws {
    let world = try await HubWorld()
    for (unit, answers, byQuestion) in [
      ("07201", #"{"difficulties":["lu_lut"]}"#, "NULL"),
      ("07204", #"{"difficulties":["mang"]}"#, #"'{"difficulties":["lu_lut","mang"]}'"#),
      ("07207", "no json", #"'{"difficulties":false}'"#), ("07210", #"{"difficulties":{"a":1}}"#, "NULL"),
    ] {
      try await world.survey.hub.write { session in
        try session.withoutCapture {
          try session.execute(
            "INSERT INTO report (id, unit, day, answers, by_question) VALUES (?1 || '/2024-04-01', ?1, '2024-04-01', ?2, \(byQuestion))",
            [.text(unit), .text(answers)])
        }
      }
    }
    let found = try #require(try await sums(world).first { $0.question == "difficulties" })
    #expect(found.choices.prefix(2).map(\.name) == ["lu_lut", "mang"] && found.choices.prefix(2).map(\.reports) == [2, 1])
    #expect(found.choices.first?.label == LocalizedText(vi: "lựa chọn cũ “lu_lut”", en: "an earlier choice, “lu_lut”"))
  }
}
