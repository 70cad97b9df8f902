/// Finds hidden counts that can be computed from everything published about a question in all its releases.
///
/// A count is uncertain when the answer of one or two people could have been another without changing any published number, range
/// or band. The test is sufficient, not necessary: in doubt something more is hidden.
struct CellUncertainty {
  /// Published release of the question: what a reader knows of each node's columns.
  private struct Publication {
    /// Known range by node and column; nil where nothing is known.
    var known: [[ClosedRange<Int>?]]
    /// Sums up to the release, by node and column.
    var counts: [[Int]]
    var isExact: [Bool]
    var answered: [Int]
  }

  /// Change of one person's answer, of a leaf and an interval between two releases, to another column.
  private struct Move {
    var leaf: Int
    var interval: Int
    var from: Int
    var to: Int
  }

  /// Hidden cell whose count can be computed.
  struct Settled {
    var node: Int
    /// Index of the release in the history; the last one is the candidate.
    var release: Int
  }

  private let forest: CountForest
  private let leaves: [Int]
  private let publications: [Publication]
  /// People by interval, leaf and column.
  private let people: [[Int: [Int]]]
  private let watched: Int
  private let k: Int

  /// Prepares the search.
  ///
  /// - Parameters:
  ///   - table: Index of the question's table.
  ///   - history: Released counts, oldest first, the candidate last, with how each node is shown.
  init(forest: CountForest, k: Int, table: Int, history: [(counts: QuestionCounts, shown: [Disclosure])]) {
    self.forest = forest
    self.k = k
    leaves = forest.codes.indices.filter(forest.isLeaf)
    let width = history.last?.counts.tables[table].columns.count ?? 0
    let watched = history.last?.counts.tables[table].watched ?? 0
    self.watched = watched
    var publications: [Publication] = []
    var people: [[Int: [Int]]] = []
    var before: [[Int]] = forest.codes.map { _ in [Int](repeating: 0, count: width) }
    for (counts, shown) in history {
      let columns = counts.tables[table].columns
      let sums = forest.codes.indices.map { node in columns.map { $0[node] } }
      let known = forest.codes.indices.map { node in
        columns.indices.map { column -> ClosedRange<Int>? in
          column >= watched ? nil : Self.known(sums[node][column], of: counts.answered[node], shown[node], k: k)
        }
      }
      publications.append(
        Publication(known: known, counts: sums, isExact: shown.map { $0 == .exact }, answered: counts.answered))
      people.append(
        Dictionary(uniqueKeysWithValues: leaves.map { leaf in (leaf, zip(sums[leaf], before[leaf]).map { $0 - $1 }) }))
      before = sums
    }
    self.publications = publications
    self.people = people
  }

  /// Returns the range in which a reader knows a count to be.
  static func known(_ count: Int, of total: Int, _ shown: Disclosure, k: Int) -> ClosedRange<Int>? {
    switch shown {
    case .exact: count...count
    case .range: CellRule.range(count, k: k)
    case .band:
      switch Share.band(count, of: total) {
      case .atLeast90: (9 * total + 9) / 10...max(total, (9 * total + 9) / 10)
      case .atMost10: 0...total / 10
      default: total / 10 + 1...max(total / 10 + 1, (9 * total + 9) / 10 - 1)
      }
    case .withheld: nil
    }
  }

  /// Returns a hidden cell whose count can be computed; nil when there is none.
  func settled() -> Settled? {
    for (release, publication) in publications.enumerated().reversed() {
      for node in forest.codes.indices where !publication.isExact[node] && publication.answered[node] > 0 {
        for column in 0..<watched {
          // Skips larger cells of earlier releases: a later release may show them, so only cells of fewer than k people stay hidden
          // for ever.
          let count = publication.counts[node][column]
          guard count > 0, release == publications.count - 1 || count < k else { continue }
          if !isUnsettled(node, column, release) { return Settled(node: node, release: release) }
        }
      }
    }
    return nil
  }

  private func isUnsettled(_ node: Int, _ column: Int, _ release: Int) -> Bool {
    let below = forest.isLeaf(node) ? [node] : leaves
    let columns = publications[release].counts[node].indices
    for interval in (0...release).reversed() {
      for leaf in below {
        for other in columns where other != column {
          for (from, to) in [(column, other), (other, column)] where (people[interval][leaf]?[from] ?? 0) > 0 {
            let move = Move(leaf: leaf, interval: interval, from: from, to: to)
            if isPossible([move]) || hasPartner(move, node, release) { return true }
          }
        }
      }
    }
    return false
  }

  /// Returns whether another person's opposite change keeps everything published the same, and still changes the cell's own sum.
  private func hasPartner(_ move: Move, _ node: Int, _ release: Int) -> Bool {
    for interval in people.indices {
      for leaf in leaves where (people[interval][leaf]?[move.to] ?? 0) > 0 {
        let undoes = interval <= release && (!forest.isLeaf(node) || leaf == node)
        if undoes || (leaf == move.leaf && interval == move.interval) { continue }
        if isPossible([move, Move(leaf: leaf, interval: interval, from: move.to, to: move.from)]) { return true }
      }
    }
    return false
  }

  private func isPossible(_ moves: [Move]) -> Bool {
    publications.indices.allSatisfy { release in
      var changes: [Int: [Int: Int]] = [:]
      for move in moves where move.interval <= release {
        for node in forest.upwards(from: move.leaf) {
          changes[node, default: [:]][move.from, default: 0] -= 1
          changes[node, default: [:]][move.to, default: 0] += 1
        }
      }
      let publication = publications[release]
      return changes.allSatisfy { node, columns in
        columns.allSatisfy { column, change in
          let sum = publication.counts[node][column] + change
          return sum >= 0 && (change == 0 || publication.known[node][column]?.contains(sum) ?? true)
        }
      }
    }
  }
}
