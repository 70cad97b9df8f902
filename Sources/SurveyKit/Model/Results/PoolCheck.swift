/// Judges whether the sum over a pool of hidden communes, which a reader can compute, reveals anyone.
struct PoolCheck {
  /// Least number of answers in a pool that differ from the most frequent one: a single person who differs would know all the
  /// others.
  static let dissentMin = 2
  /// Least number of communes with answers in a pool; with one, the sum is the commune.
  static let communesMin = 2

  let forest: CountForest
  let question: QuestionCounts
  /// Answers by node, known to everyone.
  let participation: [Int]
  let thresholds: Thresholds
  /// Communes that answered, by node, when a node may stand for several that are never shown apart; nil when each leaf is one. A
  /// leaf that could be shown by itself counts as one, however many it holds.
  var communes: [Int]?

  /// Returns whether the pool's sum could be published: enough communes, at least k answers, and not nearly all the same.
  ///
  /// A pool with a commune below k must stay below 90 %; one of larger communes only needs `dissentMin` answers that differ. A pool
  /// without any answers is safe, because participation shows it anyway. A pool whose people all skipped this question is not,
  /// because skipping depends on what they answered before.
  func isSafe(_ pool: [Int]) -> Bool {
    guard pool.contains(where: { participation[$0] > 0 }) else { return true }
    let answering = pool.filter { question.answered[$0] > 0 }
    let total = sum(question.answered, over: answering)
    let parts = communes.map { communes in answering.reduce(0) { $0 + (forest.isShown($1) ? 1 : communes[$1]) } } ?? answering.count
    guard parts >= Self.communesMin, total >= thresholds.kAnswersMin else { return false }
    let hasSmall = answering.contains { question.answered[$0] < thresholds.kAnswersMin }
    return question.tables.allSatisfy { table in
      table.columns.prefix(table.watched).allSatisfy { column in
        let count = sum(column, over: answering)
        return total - count >= Self.dissentMin && !(hasSmall && Share.isAtLeast90(count, of: total))
      }
    }
  }

  /// Returns a band to withhold because bands and the pool's sum together determine a hidden commune's count; `nil` when they do
  /// not.
  ///
  /// A count is uncertain when one answer can be moved so that everything published stays the same: within the commune when the sum
  /// is unknown, otherwise against the opposite move in another commune of the pool. The test is sufficient, not necessary: in
  /// doubt a band is withheld.
  func tellingBand(in region: HiddenRegion, isSumKnown: Bool, state: [Disclosure]) -> Int? {
    let bands = Set((region.leaves + region.inner).filter { state[$0] == .band })
    guard !bands.isEmpty else { return nil }
    let pool = region.leaves.filter { question.answered[$0] > 0 }
    for leaf in pool {
      for table in question.tables where !isUnsettled(leaf, in: table, pool: pool, isSumKnown: isSumKnown, bands: bands) {
        // Takes the nearest band above, which reveals most about this commune; then its own, then the smallest of the region.
        let above = forest.upwards(from: leaf).dropFirst().first(where: bands.contains)
        return above ?? (bands.contains(leaf) ? leaf : bands.min { (question.answered[$0], $0) < (question.answered[$1], $1) })
      }
    }
    return nil
  }

  /// Returns whether every watched count of `leaf`, unless it is zero in the whole pool, could be another.
  private func isUnsettled(_ leaf: Int, in table: CountTable, pool: [Int], isSumKnown: Bool, bands: Set<Int>) -> Bool {
    let columns = table.columns.indices
    return columns.prefix(table.watched).allSatisfy { column in
      if sum(table.columns[column], over: pool) == 0 { return true }
      return columns.contains { other in
        other != column
          && [(column, other), (other, column)].contains { from, to in
            let move = Move(leaf: leaf, from: from, to: to)
            if !isSumKnown { return isPossible([move], in: table, bands: bands) }
            return table.columns[from][leaf] > 0
              && pool.contains { partner in
                partner != leaf && isPossible([move, Move(leaf: partner, from: to, to: from)], in: table, bands: bands)
              }
          }
      }
    }
  }

  /// Change of one answer of a commune to another column.
  private struct Move {
    var leaf: Int
    var from: Int
    var to: Int
  }

  /// Returns whether the answers exist, and every band stays the same afterwards.
  private func isPossible(_ moves: [Move], in table: CountTable, bands: Set<Int>) -> Bool {
    guard moves.allSatisfy({ table.columns[$0.from][$0.leaf] > 0 }) else { return false }
    var changes: [Int: [Int: Int]] = [:]
    for move in moves {
      for node in forest.upwards(from: move.leaf) where bands.contains(node) {
        changes[node, default: [:]][move.from, default: 0] -= 1
        changes[node, default: [:]][move.to, default: 0] += 1
      }
    }
    return changes.allSatisfy { node, columns in
      columns.allSatisfy { column, change in
        let count = table.columns[column][node]
        let total = question.answered[node]
        return column >= table.watched || Share.band(count, of: total) == Share.band(count + change, of: total)
      }
    }
  }

  private func sum(_ counts: [Int], over nodes: [Int]) -> Int {
    nodes.reduce(0) { $0 + counts[$1] }
  }
}
