/// Disclosure of one question of one unit.
package enum Disclosure: String, Hashable, Codable, Sendable {
  /// Published with its counts.
  case exact
  /// Published as ranges of width k.
  case range
  /// Published in bands, without counts.
  case band
  /// Not published.
  case withheld
}

/// Decides, for one question, which units are published and how, so that nothing hidden can be computed.
///
/// A reader can compute the following. Every exact unit gives one equation. Subtract from it the exact units below it: the rest is
/// the sum over the hidden communes whose nearest exact ancestor it is, a **pool**. Pools do not overlap, so the pools' sums are
/// all that can be known about hidden communes. Each must be fit to be published itself.
///
/// 1. A unit with fewer than k answers to the question is withheld. A unit where nearly everyone (≥ 90 %) gives the same answer is
/// published in bands; with fewer than `Thresholds.bandAnswersMin` answers, where "≥ 90 %" would mean "all", it is withheld. 2. A
/// commune withheld for equal answers takes its *mates* along: neighbours of like size, grouped by participation alone. Even
/// someone who knows these rules then cannot tell which of them it was. 3. From the bottom up, every exact unit's pool must be safe
/// (`PoolCheck.isSafe`). While it is not, the next smallest exact commune of the region is withheld too; when none is left, the
/// smallest exact unit between; then the unit itself, whose pool joins the one above. 4. Bands tell a little about counts. When
/// that, with a pool's sum, would determine a hidden commune's count, a band is withheld.
///
/// Residual: rule 3 chooses by counts, so someone who replays it may learn that a region needed cover, but not what anyone
/// answered.
struct Suppression {
  let forest: CountForest
  /// Answers by node, known to everyone as participation.
  let participation: [Int]
  let thresholds: Thresholds
  /// Rule for small cells of published results; nil when only units are judged.
  var cells: CellRule?
  /// Most open disclosure that each node may have.
  var most: [Disclosure]
  private let mates: [[Int]]

  init(forest: CountForest, participation: [Int], thresholds: Thresholds) {
    self.forest = forest
    self.participation = participation
    self.thresholds = thresholds
    most = forest.codes.map { _ in .exact }
    mates = Self.mates(forest: forest, participation: participation, kAnswersMin: thresholds.kAnswersMin)
  }

  /// Returns the disclosure of each node.
  ///
  /// - Complexity: about O(units × hidden units of a region) for each question.
  func disclosures(of question: QuestionCounts) -> [Disclosure] {
    var state = primary(question)
    withholdMates(of: question, in: &state)
    var check = PoolCheck(forest: forest, question: question, participation: participation, thresholds: thresholds)
    if let cells { check.communes = cells.communes }
    for node in forest.bottomUp where !forest.isLeaf(node) {
      while state[node] == .exact {
        let region = HiddenRegion(below: node, forest: forest, state: state)
        if region.leaves.isEmpty || check.isSafe(region.leaves) { break }
        state[nextToWithhold(in: region, question: question) ?? node] = cells != nil && question.hasBands ? .range : .withheld
      }
    }
    // Leaves bands and ranges to `CellUncertainty` when cells are hidden one by one.
    if cells == nil { withholdTellingBands(check: check, in: &state) }
    return state
  }

  private func primary(_ question: QuestionCounts) -> [Disclosure] {
    forest.codes.indices.map { node in
      let answered = question.answered[node]
      if answered < thresholds.kAnswersMin || most[node] == .withheld { return .withheld }
      if let cells, cells.communes[node] < PoolCheck.communesMin { return .withheld }
      guard question.isDominated(node) else {
        let isExact = most[node] == .exact && cells?.allowsExact(question, node: node) ?? true
        return isExact ? .exact : question.hasBands ? .range : .withheld
      }
      return question.hasBands && answered >= Thresholds.bandAnswersMin ? .band : .withheld
    }
  }

  private func withholdMates(of question: QuestionCounts, in state: inout [Disclosure]) {
    for group in mates {
      // Skips groups without a secret: a unit that can be published in bands is none.
      let telling = group.contains {
        state[$0] == .withheld && question.answered[$0] >= thresholds.kAnswersMin && question.isDominated($0)
          && !(question.hasBands && question.answered[$0] >= Thresholds.bandAnswersMin)
      }
      guard telling else { continue }
      for node in group { state[node] = .withheld }
    }
  }

  private func nextToWithhold(in region: HiddenRegion, question: QuestionCounts) -> Int? {
    let candidates = region.frontier.filter { question.answered[$0] > 0 }
    let leaves = candidates.filter(forest.isLeaf)
    return (leaves.isEmpty ? candidates : leaves).min { a, b in
      (participation[a], a) < (participation[b], b)
    }
  }

  private func withholdTellingBands(check: PoolCheck, in state: inout [Disclosure]) {
    let tops = forest.codes.indices.filter { node in
      !forest.isLeaf(node) && (state[node] == .exact || forest.parent[node] == nil)
    }
    for top in tops {
      let region = HiddenRegion(below: top, forest: forest, state: state)
      while let band = check.tellingBand(in: region, isSumKnown: state[top] == .exact, state: state) {
        state[band] = .withheld
      }
    }
  }

  /// Returns neighbouring communes in pairs by size, the last three together when the number is odd.
  private static func mates(forest: CountForest, participation: [Int], kAnswersMin: Int) -> [[Int]] {
    forest.children.flatMap { siblings -> [[Int]] in
      let sorted = siblings.filter { forest.isLeaf($0) && participation[$0] >= kAnswersMin }
        .sorted { a, b in (participation[a], a) < (participation[b], b) }
      let starts = stride(from: 0, to: max(sorted.count - 1, 0), by: 2)
      return starts.map { start in
        let end = start + 3 == sorted.count ? start + 3 : start + 2
        return Array(sorted[start..<end])
      }
    }
  }
}

/// Hidden part below a node: through hidden units down to hidden communes, and the exact units at its border.
struct HiddenRegion {
  /// Hidden communes.
  var leaves: [Int] = []
  /// Hidden units above them, below or at the top.
  var inner: [Int] = []
  /// Exact units next to the region.
  var frontier: [Int] = []

  init(below top: Int, forest: CountForest, state: [Disclosure]) {
    if state[top] != .exact { inner.append(top) }
    var waiting = forest.children[top]
    while let node = waiting.popLast() {
      if state[node] == .exact {
        frontier.append(node)
      } else if forest.isLeaf(node) {
        leaves.append(node)
      } else {
        inner.append(node)
        waiting += forest.children[node]
      }
    }
    leaves.sort()
  }
}
