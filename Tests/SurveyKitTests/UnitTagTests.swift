import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

/// Units that are looked after by a tag, beside the tree: who sees them, who gives rights to them, and lists that cannot be.
@Suite struct UnitTagTests {
  private static func person(_ may: Set<Capability>, _ scope: UnitCode? = nil, tag: String? = nil) -> Person {
    Person(name: "a", capabilities: may, scope: scope, tag: tag, isReady: true)
  }

  @Test func aListIsReadAndWrittenTheSameWay() throws {
    let tags = try UnitTags(list: "unit,tag\r\n07201,union\n07204,union\n07204,đoàn_2\n")
    #expect(tags.units == ["union": ["07201", "07204"], "đoàn_2": ["07204"]])
    #expect(try UnitTags(list: tags.list) == tags && tags.tags(of: "07204") == ["union", "đoàn_2"])
    let wide = try #require("unit;tag\r\n07201;đoàn_2\r\n".data(using: .utf16LittleEndian))
    #expect(try UnitTags(list: Data([0xFF, 0xFE]) + wide).units == ["đoàn_2": ["07201"]] && UnitTags(list: Data("\n".utf8)).units.isEmpty)
    #expect(try UnitTags(list: " \n").units.isEmpty && UnitTags(list: "unit,tag").units.isEmpty)
    for wrong in [
      "unit,tag\n07201,", "unit,tag\n07201,a b", "unit,tag\n07201,<b>", "code\n07201", "unit,tag\n07201,\u{202E}x",
      "unit,tag\n07201," + String(repeating: "a", count: 41), "unit,tag\n" + (0...100).map { "07201,t\($0)" }.joined(separator: "\n"),
    ] { #expect(throws: (any Error).self, "\(wrong.prefix(40))") { try UnitTags(list: wrong) } }
  }

  @Test func aTagIsAPartLikeAnyOther() async throws {
    let world = try await HubWorld()
    let tree = try await world.survey.requirePlan().tree
    await #expect(throws: SyncError.self) { try await world.survey.setTags(UnitTags(units: ["union": ["99999"]])) }
    #expect(try await world.survey.unitTags().units.isEmpty, "all or nothing")
    try await world.survey.setTags(UnitTags(units: ["union": ["07201", "07879"]]))
    let day = try #require(try await world.survey.operatorDay(within: UnitScope(nil, tag: "union")))
    #expect(Set(day.units.map(\.unit)) == ["07201", "07879"])
    #expect(day.within(UnitScope("213")).units.map(\.unit) == ["07201"], "narrowed to a part of the tree")
    #expect(day.within(.all).units.count == 2 && !day.scope.isAll, "looking at everything shows no more")
    #expect(try await world.survey.operatorDay(within: UnitScope(nil, tag: "nothing"))?.units.isEmpty == true)
    let results = try await world.survey.results(form: nil, within: UnitScope(nil, tag: "union"))
    #expect(results.participation.allSatisfy { ["07201", "07879"].contains($0.unit) } && !results.participation.isEmpty)

    // Rights are given within one's own part.
    let (chief, union, group) = (
      Self.person([.read, .configure]), Self.person([.read, .configure], tag: "union"), Self.person([.read, .configure], "213")
    )
    #expect(chief.manages(union, in: tree) && chief.manages(group, in: tree))
    #expect(union.manages(Self.person([.read], tag: "union"), in: tree))
    #expect(union.manages(Self.person([.read], "213", tag: "union"), in: tree), "a part of the part")
    for beyond in [Self.person([.read]), Self.person([.read], "213"), Self.person([.read], tag: "other"), chief] {
      #expect(!union.manages(beyond, in: tree))
    }
    #expect(!group.manages(Self.person([.read], tag: "union"), in: tree), "a tag may reach beyond a group")
    #expect(group.manages(Self.person([.read], "07201", tag: "union"), in: tree))

    // Somebody's tag is not taken away under them; who configures a tag alone is no administrator of all.
    await #expect(throws: SyncError.self) { try await world.survey.invite("b", [.read], scope: nil, tag: "nothing") }
    _ = try await world.survey.invite("chief", [.read, .configure], scope: nil)
    _ = try await world.survey.invite("union", [.read, .configure], scope: nil, tag: "union")
    #expect(try await world.survey.people().map(\.tag) == [nil, "union"])
    await #expect(throws: SyncError.self) { try await world.survey.setTags(UnitTags()) }
    await #expect(throws: SyncError.self) { try await world.survey.removePerson("chief") }
  }
}
