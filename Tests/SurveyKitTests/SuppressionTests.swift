import Foundation
import SurveyKit
import SyncKit
import Testing

@Suite struct SuppressionTests {
  private typealias Fixture = SuppressionFixture

  @Test func aCommuneWithThreeAnswersIsWithheldWithTheNextSmallest() throws {
    let view = try Fixture.query([[[1, 1, 1], [4, 3, 2], [6, 5, 4], [9, 7, 4]]]).view
    #expect(view["D0C0"]?.withheld == .tooFewAnswers)
    #expect(view["D0C0"]?["q"]?["a"] == .withheld(.tooFewAnswers))
    #expect(view["D0C1"]?["q"]?["a"] == .withheld(.protected))
    #expect(view["D0C2"]?["q"]?["a"] == .shown(count: 6, share: .permille(400)))
    #expect(view["D0"]?["q"]?["a"] == .shown(count: 20, share: .permille(426)))
  }

  @Test func fiveEqualAnswersAreNotShownAndNotToldApartFromTheirNeighbours() throws {
    let first = try Fixture.query([[[5, 0, 0], [3, 2, 1], [7, 7, 6], [8, 6, 6]]]).view
    let second = try Fixture.query([[[3, 2, 0], [6, 0, 0], [7, 7, 6], [8, 6, 6]]]).view
    for view in [first, second] {
      #expect(view["D0C0"]?["q"]?["a"] == .withheld(.protected))
      #expect(view["D0C1"]?["q"]?["a"] == .withheld(.protected))
      #expect(Fixture.isExact(view, "D0C2") && Fixture.isExact(view, "D0C3"))
    }
  }

  @Test func unanimityOfTwentyReadsAsAtLeastNinetyPercentAndTheRestAsAtMostTen() throws {
    let view = try Fixture.query([[[20, 0, 0], [8, 6, 6], [9, 8, 5]]]).view
    #expect(view["D0C0"]?["q"]?["a"] == .shown(count: nil, share: .atLeast90))
    #expect(view["D0C0"]?["q"]?["b"] == .shown(count: nil, share: .atMost10))
    #expect(view["D0C0"]?["q"]?.answered == nil)
    #expect(Fixture.isWithheld(view, "D0C1"), "subtracting it would give the exact counts")
  }

  @Test func nineteenOfTwentyReadsLikeTwentyOfTwenty() throws {
    let all = try Fixture.query([[[20, 0, 0], [8, 6, 6], [9, 8, 5]]]).view["D0C0"]
    #expect(try Fixture.query([[[19, 1, 0], [8, 6, 6], [9, 8, 5]]]).view["D0C0"] == all)
    #expect(try Fixture.query([[[18, 0, 2], [8, 6, 6], [9, 8, 5]]]).view["D0C0"] == all)
  }

  @Test func aCommuneWithoutAnswersSaysSoAndNeedsNoCover() throws {
    let view = try Fixture.query([[[0, 0, 0], [8, 6, 6], [9, 8, 5]]]).view
    #expect(view["D0C0"]?.withheld == .noAnswers)
    #expect(view["D0C0"]?["q"]?["a"] == .withheld(.noAnswers))
    #expect(Fixture.isExact(view, "D0C1") && Fixture.isExact(view, "D0C2"))
  }

  @Test func aCommuneWithoutAnswersIsNoCoverForAnother() throws {
    let view = try Fixture.query([[[0, 0, 0], [1, 1, 1], [8, 6, 6], [9, 8, 5]]]).view
    #expect(Fixture.isWithheld(view, "D0C2"))
  }

  @Test func aSmallDistrictIsCoveredInAnotherDistrict() throws {
    let view = try Fixture.query([[[1, 1, 0], [1, 0, 1]], [[8, 6, 6], [9, 8, 5], [7, 7, 7]]]).view
    #expect(Fixture.isWithheld(view, "D0") && Fixture.isWithheld(view, "D1"))
    #expect(Fixture.isWithheld(view, "D1C0"), "or its district would be the sum of its communes")
    #expect(Fixture.isExact(view, "P"))
  }

  @Test func whereNoCoverIsLeftTheParentIsWithheld() throws {
    let view = try Fixture.query([[[1, 1, 1]]]).view
    #expect(["P", "D0", "D0C0"].allSatisfy { Fixture.isWithheld(view, $0) })
  }

  @Test func aQuestionFewAnsweredIsWithheldInAShownUnit() throws {
    let tree = try Fixture.tree([3])
    func tally(_ rare: [Int]) -> UnitTally {
      UnitTally(
        answers: 20,
        questions: [
          "q": QuestionTally(answered: 20, choices: ["a": 8, "b": 6, "c": 6]),
          "r": QuestionTally(answered: rare.reduce(0, +), choices: ["a": rare[0], "b": rare[1]]),
        ])
    }
    let rare = TallyQuestion(id: "r", label: LocalizedText("R"), kind: .single(Fixture.choices(["a", "b"])))
    let tallies: [UnitCode: UnitTally] = ["D0C0": tally([2, 1]), "D0C1": tally([6, 5]), "D0C2": tally([7, 8])]
    let view = try ResultsQuery(tree: tree, tallies: tallies, questions: [Fixture.question, rare], thresholds: Thresholds()).view()
    #expect(view["D0C0"]?.withheld == nil)
    #expect(view["D0C0"]?["r"]?["a"] == .withheld(.protected))
    #expect(Fixture.isWithheld(view, "D0C1", "r") != Fixture.isWithheld(view, "D0C2", "r"))
    #expect(["D0C0", "D0C1", "D0C2"].allSatisfy { Fixture.isExact(view, $0) })
  }

  @Test func aMeanIsShownOrWithheldLikeCounts() throws {
    let tree = try Fixture.tree([3])
    let number = TallyQuestion(id: "n", label: LocalizedText("N"), kind: .number)
    func tally(_ histogram: [Int: Int]) -> UnitTally {
      let count = histogram.values.reduce(0, +)
      return UnitTally(answers: count, questions: ["n": QuestionTally(answered: count, histogram: histogram)])
    }
    let tallies: [UnitCode: UnitTally] = [
      "D0C0": tally([40: 1, 2: 2]), "D0C1": tally([1: 4, 2: 4]), "D0C2": tally([-1: 5, 4: 5, 6: 2]),
    ]
    let view = try ResultsQuery(tree: tree, tallies: tallies, questions: [number], thresholds: Thresholds()).view()
    #expect(view["D0C0"]?["n"]?.mean == .withheld(.tooFewAnswers))
    #expect(view["D0C1"]?["n"]?.mean == .withheld(.protected))
    #expect(view["D0C2"]?["n"]?.mean == .shown(tenths: 23))
  }

  @Test func talliesThatDoNotAddUpAreRefusedAndNothingIsShown() throws {
    let tree = try Fixture.tree([1])
    let tallies: [UnitCode: UnitTally] = [
      "D0C0": UnitTally(answers: 5, questions: ["q": QuestionTally(answered: 5, choices: ["a": .max, "b": .max])]),
      "D0": UnitTally(answers: 5), "X": UnitTally(answers: -1),
    ]
    let problems = UnitsFixture.problems {
      _ = try ResultsQuery(tree: tree, tallies: tallies, questions: [Fixture.question], thresholds: Thresholds())
    }
    #expect(problems.count == 4)
  }

  @Test func participationIsExactEverywhere() throws {
    let tree = try Fixture.tree([2, 1])
    let headcount = Headcount(staff: ["D0C0": Headcount.Staff(officials: 4, civilServants: 5, partTime: 0, eligible: 9)])
    let table = Participation.table(tree: tree, answers: ["D0C0": 3, "D1C0": 4], headcount: headcount)
    #expect(table.map(\.answers) == [7, 3, 3, 0, 4, 4])
    #expect(table[2].ratePermille == 333 && table[3].expected == nil && table[0].expected == 9)
  }

  @Test func aWithheldCellLeavesNoNumberInTheJSON() throws {
    let view = try Fixture.query([[[1, 1, 1], [4, 3, 2], [20, 0, 0], [9, 7, 4]], [[3, 0, 0]]]).view
    let json = try JSONEncoder().encode(view)
    #expect(try JSONDecoder().decode(ResultsView.self, from: json) == view)
    let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    for unit in try #require(object["units"] as? [[String: Any]]) {
      for question in try #require(unit["questions"] as? [[String: Any]]) {
        let cells = try #require(question["choices"] as? [[String: Any]]).compactMap { $0["cell"] as? [String: Any] }
        for cell in cells where cell["withheld"] != nil {
          #expect(Set(cell.keys) == ["withheld"] && question["answered"] == nil)
        }
        for cell in cells where cell["share"] is String {
          #expect(Set(cell.keys) == ["share"] && question["answered"] == nil)
        }
      }
    }
  }

  @Test func theTableSpeaksBothLanguages() throws {
    let view = try Fixture.query([[[1, 1, 1], [4, 3, 2], [6, 5, 4], [9, 7, 4]]]).view
    #expect(
      ResultsTable.render(view, .vietnamese) == """
        Câu hỏi
        Đơn vị         Trả lời  Chọn a       Chọn b      Chọn c
        Tỉnh P         47       20 (42,6 %)  16 (34 %)   11 (23,4 %)
        Huyện 0        47       20 (42,6 %)  16 (34 %)   11 (23,4 %)
        Xã 0, Huyện 0  –        quá ít phiếu để công bố
        Xã 1, Huyện 0  –        không công bố để giữ kín ý kiến
        Xã 2, Huyện 0  15       6 (40 %)     5 (33,3 %)  4 (26,7 %)
        Xã 3, Huyện 0  20       9 (45 %)     7 (35 %)    4 (20 %)

        """)
    #expect(ResultsTable.render(view, .english, level: .province).contains("20 (42.6 %)"))
  }
}
