import Foundation
import SurveyKit
import TestSupport
import Testing

/// Attackers who know the tree, how many answered everywhere, and the published JSON – nothing else.
@Suite struct SuppressionAttackTests {
  /// What the JSON says of one unit's choice.
  private enum Published {
    case count(Int)
    case band(String)
    case nothing
  }

  private func published(_ view: ResultsView) throws -> [String: [Published]] {
    let object = try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(view)) as? [String: Any])
    var result: [String: [Published]] = [:]
    for unit in try #require(object["units"] as? [[String: Any]]) {
      let question = try #require((unit["questions"] as? [[String: Any]])?.first)
      result[try #require(unit["unit"] as? String)] = try #require(question["choices"] as? [[String: Any]]).map { choice in
        let cell = try #require(choice["cell"] as? [String: Any])
        if let count = cell["count"] as? Int { return .count(count) }
        return (cell["share"] as? String).map { .band($0) } ?? .nothing
      }
    }
    return result
  }

  /// Counts drawn so that small, empty, unanimous and ordinary communes all occur.
  private func randomCounts(_ random: inout SuppressionRandom, districts: Int, communesMax: Int, answersMax: Int, choices: Int) -> [[[Int]]]
  {
    (0..<districts).map { _ in
      (0..<Int.random(in: 1...communesMax, using: &random)).map { _ in
        var counts = [0, 0, 0]
        let size = Bool.random(using: &random) ? Int.random(in: 0...6, using: &random) : Int.random(in: 5...answersMax, using: &random)
        let leaning = Int.random(in: 0...3, using: &random)
        for _ in 0..<size {
          let follows = leaning > 0 && Int.random(in: 0..<[1, 3, 8, 100][leaning], using: &random) > 0
          counts[follows ? 0 : Int.random(in: 0..<choices, using: &random)] += 1
        }
        return counts
      }
    }
  }

  /// A system of linear equations, reduced as it grows.
  private struct Equations {
    private var rows: [(pivot: Int, values: [Double])] = []

    private func reduced(_ row: [Double]) -> [Double] {
      var row = row
      for (pivot, values) in rows where abs(row[pivot]) > 1e-9 {
        let factor = row[pivot]
        for index in row.indices { row[index] -= factor * values[index] }
      }
      return row
    }

    mutating func add(_ row: [Double]) {
      var row = reduced(row)
      guard let pivot = row.indices.first(where: { abs(row[$0]) > 1e-9 }) else { return }
      let lead = row[pivot]
      for index in row.indices { row[index] /= lead }
      for position in rows.indices where abs(rows[position].values[pivot]) > 1e-9 {
        let factor = rows[position].values[pivot]
        for index in row.indices { rows[position].values[index] -= factor * row[index] }
      }
      rows.append((pivot, row))
    }

    func determines(_ variable: Int, of count: Int) -> Bool {
      var row = [Double](repeating: 0, count: count)
      row[variable] = 1
      return reduced(row).allSatisfy { abs($0) < 1e-9 }
    }
  }

  /// The hidden communes' variables that the published counts determine; empty is safe.
  private func solved(_ counts: [[[Int]]], view: ResultsView, tree: UnitTree, isPartition: Bool) throws -> [String] {
    let shown = try published(view)
    let leaves = tree.units(at: .commune).map(\.code)
    let variables = leaves.count * 3
    var equations = Equations()
    for unit in tree.units {
      for (choice, cell) in try #require(shown[unit.code.rawValue]).enumerated() {
        guard case .count = cell else { continue }
        var row = [Double](repeating: 0, count: variables)
        for (index, leaf) in leaves.enumerated() where tree.covers(unit.code, leaf) { row[index * 3 + choice] = 1 }
        equations.add(row)
      }
    }
    if isPartition {
      for index in leaves.indices {
        var row = [Double](repeating: 0, count: variables)
        for choice in 0..<3 { row[index * 3 + choice] = 1 }
        equations.add(row)
      }
    }
    let sizes = counts.flatMap { $0 }.map { $0.reduce(0, +) }
    return leaves.enumerated().flatMap { index, leaf -> [String] in
      if sizes[index] == 0 { return [] }
      if case .count = shown[leaf.rawValue]?.first { return sizes[index] < 5 ? ["\(leaf) is shown"] : [] }
      return (0..<3).filter { equations.determines(index * 3 + $0, of: variables) }.map { "\(leaf) choice \($0)" }
    }
  }

  @Test(.long, arguments: 0..<40) func noHiddenCommuneCanBeSolvedFromThePublishedCounts(block: Int) throws {
    for seed in block * 25..<(block + 1) * 25 {
      var random = SuppressionRandom(state: UInt64(seed))
      let counts = randomCounts(&random, districts: 1 + seed % 4, communesMax: 6, answersMax: 24, choices: 3)
      let (view, tree) = try SuppressionFixture.query(counts)
      #expect(try solved(counts, view: view, tree: tree, isPartition: true) == [], "seed \(seed): \(counts)")
      let (several, _) = try SuppressionFixture.query(counts, question: SuppressionFixture.several)
      #expect(try solved(counts, view: several, tree: tree, isPartition: false) == [], "seed \(seed), several: \(counts)")
    }
  }

  @Test func theAttackFindsACommuneThatIsHiddenAlone() throws {
    let counts = [[[1, 1, 1], [8, 6, 6], [9, 8, 5]]]
    var (view, tree) = try SuppressionFixture.query(counts)
    let open = try SuppressionFixture.query([[[8, 6, 6], [8, 6, 6], [9, 8, 5]]]).view
    view.units = zip(view.units, open.units).map { $0.unit == "D0C0" ? $0 : $1 }
    #expect(try solved(counts, view: view, tree: tree, isPartition: true).count == 3)
  }

  /// Tries every possible truth: also bands, whole numbers and "not below nothing" count as knowledge here.
  @Test(.long, arguments: 0..<30) func everyHiddenCommuneHasMoreThanOnePossibleTruth(block: Int) throws {
    for seed in block * 10..<(block + 1) * 10 {
      var random = SuppressionRandom(state: UInt64(seed) &+ 1_000_000)
      let counts = randomCounts(&random, districts: 1 + seed % 3, communesMax: seed % 3 == 0 ? 4 : 2, answersMax: 13, choices: 2)
      let (view, tree) = try SuppressionFixture.query(counts)
      let possible = try possibleCounts(counts, published: try published(view), tree: tree)
      for (leaf, values) in possible {
        #expect(values.count != 1, "seed \(seed): \(leaf) must be \(values) in \(counts)")
      }
    }
  }

  /// For each hidden commune with answers, which numbers of a are possible.
  private func possibleCounts(_ counts: [[[Int]]], published: [String: [Published]], tree: UnitTree) throws -> [UnitCode: Set<Int>] {
    let leaves = tree.units(at: .commune).map(\.code)
    let sizes = counts.flatMap { $0 }.map { $0.reduce(0, +) }
    func fits(_ unit: String, a: Int, of total: Int) -> Bool {
      let cells = published[unit] ?? []
      return zip(cells, [a, total - a]).allSatisfy { cell, count in
        switch cell {
        case .nothing: true
        case .count(let shown): shown == count
        case .band("atLeast90"): 10 * count >= 9 * total
        case .band("atMost10"): 10 * count <= total
        case .band: 10 * count > total && 10 * count < 9 * total
        }
      }
    }
    let options = zip(leaves, sizes).map { leaf, size in (0...size).filter { fits(leaf.rawValue, a: $0, of: size) } }
    let above = tree.units.filter { $0.level != .commune }.map { unit in
      (unit: unit.code.rawValue, members: leaves.indices.filter { tree.covers(unit.code, leaves[$0]) })
    }
    var possible: [UnitCode: Set<Int>] = [:]
    var truth = [Int](repeating: 0, count: leaves.count)
    func choose(_ index: Int) {
      guard index < leaves.count else {
        let agrees = above.allSatisfy { entry in
          fits(entry.unit, a: entry.members.reduce(0) { $0 + truth[$1] }, of: entry.members.reduce(0) { $0 + sizes[$1] })
        }
        guard agrees else { return }
        for (leaf, value) in zip(leaves, truth) { possible[leaf, default: []].insert(value) }
        return
      }
      for value in options[index] {
        truth[index] = value
        choose(index + 1)
      }
    }
    choose(0)
    return possible.filter { leaf, _ in
      let index = leaves.firstIndex(of: leaf) ?? 0
      if case .count = published[leaf.rawValue]?.first { return false }
      return sizes[index] > 0
    }
  }
}
