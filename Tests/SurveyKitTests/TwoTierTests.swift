import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

/// A province without districts, and trees of other depths.
@Suite struct TwoTierTests {
  private static let example = UnitsFixture.example.deletingLastPathComponent().appendingPathComponent("hai-cap-2025")

  @Test func aProvinceWithoutDistrictsIsLoadedAndShown() async throws {
    let world = try await HubWorld(loaded: false)
    let folder = try CampaignFolder(Self.example)
    #expect(folder.remarks.isEmpty && !folder.tree.hasGroups)
    #expect(try await world.survey.load(folder).added == ["unit": 13, "campaign": 1, "form": 2, "headcount": 12])
    let plan = try await world.survey.requirePlan()
    #expect(plan.readScopes(of: "90001") == ["99", "90001"])
    #expect(plan.tree.displayName(of: "90001") == "Xã Mẫu An")
    let board = try #require(try await world.survey.board())
    #expect(board.districts.map(\.name) == ["Tỉnh Mẫu"] && board.rows.count == 12 && board.total.communes == 12)
    #expect(board.rows.map(\.name) == board.rows.map(\.name).sorted(by: VietnameseOrder.precedes))
    let field = try await world.device("a", unit: "90001")
    #expect(try await field.units()?.units.count == 13)
    #expect(try await field.unreadableRows() == [])
  }

  @Test func resultsAreOfTheProvinceOnly() async throws {
    let world = try await HubWorld(loaded: false)
    let opens = try #require(CalendarDay("2024-04-01"))
    _ = try await world.survey.load(try await world.survey.proposal(try CampaignFolder(Self.example), movedTo: opens.adding(days: -3)))
    for unit in 1...6 {
      let code = "9000\(unit)"
      let field = try await world.device(code, unit: code)
      let form = try #require(try await field.form(id: "pks01"))
      for seed in 0..<9 {
        let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: code, seed: UInt64(unit * 100 + seed))
        try await field.submit(answers, unit: UnitCode(code), day: opens, language: "vi")
      }
      try await world.sync(field)
    }
    let closed = try await world.survey.move(form: "pks01", to: .closed)
    #expect(closed.release == 1 && closed.waiting == 0)
    let results = try await world.survey.results()
    #expect(results.view.units.map(\.unit) == ["99"] && results.participation.count == 13)
    #expect(results.participation.first { $0.unit == "99" }?.answers == 54)
    let root = try #require(results.view.units.first)
    let shown = root.questions.flatMap(\.choices).count { if case .withheld = $0.cell { false } else { true } }
    #expect(shown > 20, "the province's results are published: \(shown)")
    #expect(try await world.survey.status().addsUp)
  }

  private static func communes(_ text: String) -> [SourceRow] { UnitsFixture.rows("code,name,kind,district_code\n" + text) }

  @Test func groupsMayLieInGroups() throws {
    let districts = UnitsFixture.rows("code,name,kind,communes,parent_code\nR,Vùng R,vung,0,\n1,Huyện A,huyen,2,R\n2,Huyện B,huyen,1,24")
    let communes = Self.communes("001,Xã Một,xa,1\n002,Xã Hai,xa,1\n003,Xã Ba,xa,2")
    let tree = try UnitLoader.load(communes: communes, districts: districts, province: UnitsFixture.province)
    #expect(tree.ancestors(of: "001").map(\.code) == ["1", "R", "24"] && tree.ancestors(of: "003").map(\.code) == ["2", "24"])
    #expect(tree.headings.map(\.code) == ["1", "2"])
    #expect(tree.displayName(of: "001") == "Xã Một, Huyện A")
  }

  @Test func aCommuneUnderACommuneOrARootUnderAGroupIsRefused() {
    func problems(_ level: UnitLevel, under parent: UnitLevel) -> [String] {
      UnitsFixture.problems {
        _ = try UnitTree(units: [
          SurveyUnit(code: "p", name: "P", kind: "x", parentCode: nil, level: .province),
          SurveyUnit(code: "a", name: "A", kind: "x", parentCode: "p", level: parent),
          SurveyUnit(code: "b", name: "B", kind: "x", parentCode: "a", level: level),
        ])
      }
    }
    #expect(problems(.commune, under: .commune).contains { $0.contains("wrong level") })
    #expect(problems(.district, under: .commune).contains { $0.contains("wrong level") })
    #expect(problems(.commune, under: .district).isEmpty && problems(.district, under: .district).isEmpty)
  }

  @Test func communesInGroupsAllNameThem() {
    let problems = UnitsFixture.problems {
      _ = try UnitLoader.load(
        communes: Self.communes("001,Xã Một,xa,1\n002,Xã Hai,xa,"),
        districts: UnitsFixture.rows("code,name,kind,communes\n1,Huyện A,huyen,1"),
        province: UnitsFixture.province)
    }
    #expect(problems == ["communes.csv, line 3: The column “district_code” has no value."])
  }

  @Test func aDistrictsFileThatNothingRefersToIsSaid() throws {
    let folder = try TemporaryFolder()
    let copy = URL(fileURLWithPath: folder.path + "/c")
    try FileManager.default.copyItem(at: UnitsFixture.example, to: copy)
    let communes = copy.appendingPathComponent("communes.csv")
    let lines = try String(contentsOf: communes, encoding: .utf8).split(separator: "\n").map { line in
      line.split(separator: ",").prefix(3).joined(separator: ",")
    }
    try lines.joined(separator: "\n").write(to: communes, atomically: true, encoding: .utf8)
    let loaded = try CampaignFolder(copy)
    #expect(loaded.remarks.count == 1 && loaded.remarks[0].en.contains("districts.csv is not used"))
    #expect(loaded.tree.children(of: "24").count == 209)
  }

  // MARK: Many mistakes

  @Test func manyMistakesOfAKindAreOneLineThatCountsThem() {
    let alike = (2...210).map { (line: Int) in
      DataProblem("communes.csv", line: line, vi: "Mã “\(line)” lạ.", en: "The code “\(line)” is odd.")
    }
    let other = DataProblem("headcount.csv", vi: "Thiếu tệp này.", en: "The file is missing.")
    let lines = DataProblems(alike + [other]).explanation.en.split(separator: "\n")
    #expect(
      lines == [
        "communes.csv, line 2: The code “2” is odd. There are 208 more like it: lines 3, 4, 5, 6, ….",
        "headcount.csv: The file is missing.",
      ])
    #expect(DataProblems(Array(alike.prefix(3))).explanation.en.split(separator: "\n").count == 3)
    let kinds = (0..<100).map { number in
      let word = String(repeating: "x", count: number + 1)
      return DataProblem("f", vi: "Lỗi \(word).", en: "Mistake \(word).")
    }
    let capped = DataProblems(kinds).explanation.en.split(separator: "\n")
    #expect(capped.count == 31 && capped.last == "… and 70 more.")
  }
}
