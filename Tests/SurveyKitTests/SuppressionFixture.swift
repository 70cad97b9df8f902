import Foundation
import SurveyKit
import SyncKit

/// Small trees with known answers.
enum SuppressionFixture {
  static let question = TallyQuestion(
    id: "q", label: LocalizedText(vi: "Câu hỏi", en: "Question"), kind: .single(choices(["a", "b", "c"])))
  static let several = TallyQuestion(id: "q", label: LocalizedText("Q"), kind: .multiple(choices(["a", "b", "c"])))

  static func choices(_ ids: [String]) -> [TallyChoice] {
    ids.map { TallyChoice(id: $0, label: LocalizedText(vi: "Chọn \($0)", en: "Choice \($0)")) }
  }

  /// Province P, districts D0, D1 …, communes D0C0, D0C1 …
  static func tree(_ districts: [Int]) throws -> UnitTree {
    var units = [SurveyUnit(code: "P", name: "Tỉnh P", kind: "tinh", parentCode: nil, level: .province)]
    for (index, communes) in districts.enumerated() {
      let district = UnitCode("D\(index)")
      units.append(SurveyUnit(code: district, name: "Huyện \(index)", kind: "huyen", parentCode: "P", level: .district))
      units += (0..<communes).map { number in
        SurveyUnit(code: UnitCode("D\(index)C\(number)"), name: "Xã \(number)", kind: "xa", parentCode: district, level: .commune)
      }
    }
    return try UnitTree(units: units)
  }

  /// `counts[district][commune]` holds how many chose a, b, c.
  static func query(
    _ counts: [[[Int]]], question: TallyQuestion = question, answered: [UnitCode: Int] = [:]
  ) throws -> (view: ResultsView, tree: UnitTree) {
    let tree = try tree(counts.map(\.count))
    var tallies: [UnitCode: UnitTally] = [:]
    for (district, communes) in counts.enumerated() {
      for (commune, values) in communes.enumerated() {
        let code = UnitCode("D\(district)C\(commune)")
        let total = answered[code] ?? values.reduce(0, +)
        let chosen = Dictionary(uniqueKeysWithValues: zip(["a", "b", "c"], values))
        tallies[code] = UnitTally(answers: total, questions: ["q": QuestionTally(answered: total, choices: chosen)])
      }
    }
    return (try ResultsQuery(tree: tree, tallies: tallies, questions: [question], thresholds: Thresholds()).view(), tree)
  }

  static func isWithheld(_ view: ResultsView, _ unit: UnitCode, _ question: String = "q") -> Bool {
    if case .withheld = view[unit]?[question]?["a"] { true } else { false }
  }

  static func isExact(_ view: ResultsView, _ unit: UnitCode) -> Bool {
    view[unit]?["q"]?.answered != nil
  }
}

/// The same numbers from the same seed, on every machine (SplitMix64).
struct SuppressionRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
