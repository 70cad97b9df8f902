/// Counts behind one question at its last release: the base with which the next release is compared. Never shown as it is.
package struct QuestionSnapshot: Sendable, Hashable, Codable {
  /// Number of the release.
  package var number: Int
  /// Counts by group; under `ShownUnits.hidden` those of the root itself.
  package var leaves: [UnitCode: LeafCounts]
  /// Number of people who answered the question, by commune, or by the code under which a remainder is stored.
  package var answeredByUnit: [UnitCode: Int]
  /// Disclosure of the root and of each group.
  package var shown: [UnitCode: Disclosure]
}

/// Counts of one question in one group.
package struct LeafCounts: Sendable, Hashable, Codable {
  /// Number of people who were asked.
  package var asked: Int
  package var tally: QuestionTally

  static let none = LeafCounts(asked: 0, tally: QuestionTally(answered: 0))

  /// Returns what came since `earlier`; nil when a count fell, which only a damaged store does.
  func since(_ earlier: LeafCounts) -> LeafCounts? {
    func difference<Key>(_ a: [Key: Int], _ b: [Key: Int]) -> [Key: Int]? {
      var result = a
      for (key, count) in b { result[key, default: 0] -= count }
      return result.values.allSatisfy { $0 >= 0 } ? result : nil
    }
    guard asked >= earlier.asked, tally.answered >= earlier.tally.answered,
      let choices = difference(tally.choices, earlier.tally.choices), let histogram = difference(tally.histogram, earlier.tally.histogram)
    else { return nil }
    return LeafCounts(
      asked: asked - earlier.asked,
      tally: QuestionTally(answered: tally.answered - earlier.tally.answered, choices: choices, histogram: histogram))
  }
}

/// Units whose answers are shown at all: the root and the groups under it. In a tree without groups only the root.
package struct ShownUnits: Sendable {
  /// Code for everything under the root and in no group: communes of its own, and the remainders pooled there. Never shown.
  package static let hidden = UnitCode("")

  package let root: SurveyUnit
  package let groups: [SurveyUnit]
  /// Leaf of each unit under which answers may be stored.
  private let leafOf: [UnitCode: UnitCode]

  /// Makes the units; nil for a tree without a root.
  package init?(_ tree: UnitTree) {
    guard let root = tree.roots.first else { return nil }
    self.root = root
    groups = tree.children(of: root.code).filter { !tree.children(of: $0.code).isEmpty }
    var leafOf: [UnitCode: UnitCode] = [:]
    // Shows only the root when there are no groups, without telling apart what lies beneath.
    for unit in tree.descendants(of: root.code) + [root] { leafOf[unit.code] = groups.isEmpty ? root.code : Self.hidden }
    for group in groups {
      for unit in tree.descendants(of: group.code) + [group] { leafOf[unit.code] = group.code }
    }
    self.leafOf = leafOf
  }

  package var forest: CountForest { CountForest(root: root.code, groups: groups.map(\.code), hidden: groups.isEmpty ? nil : Self.hidden) }

  /// Returns the sums of what is stored under communes and remainders. Units that the tree lacks are left out.
  package func leaves(asked: [UnitCode: Int], tallies: [UnitCode: QuestionTally]) -> [UnitCode: LeafCounts] {
    var leaves: [UnitCode: LeafCounts] = [:]
    for (unit, count) in asked {
      if let leaf = leafOf[unit] { leaves[leaf, default: .none].asked += count }
    }
    for (unit, tally) in tallies {
      if let leaf = leafOf[unit] { leaves[leaf, default: .none].tally.add(tally) }
    }
    return leaves
  }

  /// Returns how many communes stand behind each node of `forest`. A remainder is of at least two.
  package func communes(_ answeredByUnit: [UnitCode: Int]) -> [Int] {
    let forest = forest
    let index = Dictionary(uniqueKeysWithValues: forest.codes.enumerated().map { ($1, $0) })
    var counts = forest.codes.map { _ in 0 }
    let pooled = Set(groups.map(\.code) + [root.code])
    for (unit, answered) in answeredByUnit where answered > 0 {
      if let node = leafOf[unit].flatMap({ index[$0] }) { counts[node] += pooled.contains(unit) ? PoolCheck.communesMin : 1 }
    }
    return forest.summed(counts)
  }
}

extension QuestionTally {
  package mutating func add(_ other: QuestionTally) {
    answered += other.answered
    choices.merge(other.choices) { $0 + $1 }
    histogram.merge(other.histogram) { $0 + $1 }
  }
}
