/// Participation in a unit: how many answered, of how many. Exact at every moment, and without anything about the answers.
public struct Participation: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// Name to show, with the district.
  public var name: String
  public var level: UnitLevel
  /// Answers received, here and below.
  public var answers: Int
  /// Number of people who may answer, here and below; `nil` when no headcount is known.
  public var expected: Int?
  /// Answers as a share of `expected`, in tenths of a percent, rounded to the nearest. The share may exceed 1 000.
  public var ratePermille: Int?

  public init(unit: UnitCode, name: String, level: UnitLevel, answers: Int, expected: Int?) {
    self.unit = unit
    self.name = name
    self.level = level
    self.answers = answers
    self.expected = expected
    ratePermille = expected.flatMap { $0 > 0 ? Share.permille(answers, of: $0) : nil }
  }

  /// Returns one line for each unit of the tree, in its order.
  ///
  /// - Parameter answers: Answers by commune; each is limited to 0...`UnitTally.answersMax`. Unknown codes are left out.
  public static func table(tree: UnitTree, answers: [UnitCode: Int], headcount: Headcount?) -> [Participation] {
    let received = tree.total { min(max(answers[$0.code] ?? 0, 0), UnitTally.answersMax) }
    let known = tree.total { headcount?.staff[$0.code] == nil ? 0 : 1 }
    let expected = tree.total { min(max(headcount?.staff[$0.code]?.eligible ?? 0, 0), Headcount.peopleMax) }
    return tree.units.map { unit in
      Participation(
        unit: unit.code, name: tree.displayName(of: unit.code), level: unit.level, answers: received[unit.code] ?? 0,
        expected: (known[unit.code] ?? 0) > 0 ? expected[unit.code] : nil)
    }
  }
}

extension UnitTree {
  /// Returns for each unit the sum of `value` over itself and everything below. O(units × depth).
  func total(of value: (SurveyUnit) -> Int) -> [UnitCode: Int] {
    var totals: [UnitCode: Int] = [:]
    for unit in units {
      let own = value(unit)
      totals[unit.code, default: 0] += own
      for above in ancestors(of: unit.code) { totals[above.code, default: 0] += own }
    }
    return totals
  }
}
