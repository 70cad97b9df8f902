/// Decides what the next release shows of a question, given all earlier releases of it. Pure.
///
/// 1. The present counts pass `Suppression`, with small cells hidden too (`CellRule`), for the root and its groups only. 2. The
/// answers since the question's last release pass as well, because a reader subtracts. In each unit that is shown again there is
/// nobody, or at least k people of two communes, not nearly all of one mind; where counts are exact, no small cell is among the new
/// ones. The new answers of all hidden units together must be fit to be published. Otherwise the question stays unchanged,
/// everywhere: all units of a question are of one release, so that no two moments can be combined into a smaller group. 3. A unit
/// that was hidden under an exact root stays hidden: hiding is monotone. 4. No hidden cell can be computed from all releases
/// together (`CellUncertainty`).
package struct ReleasePlanner {
  package let units: ShownUnits
  package let thresholds: Thresholds
  private let forest: CountForest

  package init(units: ShownUnits, thresholds: Thresholds) {
    self.units = units
    self.thresholds = thresholds
    forest = units.forest
  }

  /// Returns the question's next snapshot; nil when it stays as it was released last.
  ///
  /// - Parameters:
  ///   - history: Its snapshots, oldest first.
  ///   - isInterim: True when more releases follow: nothing is shown exactly, because the next release could then hardly differ.
  package func next(
    _ question: TallyQuestion, leaves: [UnitCode: LeafCounts], answeredByUnit: [UnitCode: Int], history: [QuestionSnapshot],
    number: Int, isInterim: Bool
  ) -> QuestionSnapshot? {
    let now = Moment(question, leaves: leaves, answeredByUnit: answeredByUnit, units: units)
    let earlier = history.map { Moment(question, leaves: $0.leaves, answeredByUnit: $0.answeredByUnit, units: units) }
    var since: [Moment] = []
    for snapshot in history {
      guard let delta = now.since(snapshot, question, units: units) else { return nil }
      since.append(delta)
    }
    let before = history.map { snapshot in forest.codes.map { snapshot.shown[$0] ?? .withheld } }
    var suppression = Suppression(forest: forest, participation: now.asked, thresholds: thresholds)
    suppression.cells = CellRule(k: thresholds.kAnswersMin, asked: now.asked, communes: now.communes)
    suppression.most = most(before, isInterim: isInterim)
    while true {
      let shown = suppression.disclosures(of: now.counts)
      let histories = zip(earlier.map(\.counts), before).map { (counts: $0, shown: $1) } + [(counts: now.counts, shown: shown)]
      guard let node = nodeToHide(histories) else {
        guard zip(since, before).allSatisfy({ isFit($0, from: $1, to: shown) }), isNewsFit(since.last, from: before.last, to: shown) else {
          return nil
        }
        if let last = since.last, last.asked[0] == 0, before.last == shown { return nil }
        return QuestionSnapshot(
          number: number, leaves: leaves, answeredByUnit: answeredByUnit,
          shown: Dictionary(uniqueKeysWithValues: zip(forest.codes, shown).filter { $0.0 != ShownUnits.hidden }))
      }
      suppression.most[node] = .withheld
    }
  }

  private func most(_ before: [[Disclosure]], isInterim: Bool) -> [Disclosure] {
    forest.codes.indices.map { node in
      guard forest.isShown(node) else { return .withheld }
      var most: Disclosure = isInterim ? .range : .exact
      guard node != 0, let last = before.last, before.contains(where: { $0[0] == .exact }) else { return most }
      if last[node] == .withheld { most = .withheld } else if last[node] != .exact { most = .range }
      return most
    }
  }

  /// Returns a node to hide while a hidden cell can be computed: the unit itself, then other known ones, the smallest first, then
  /// the root.
  private func nodeToHide(_ history: [(counts: QuestionCounts, shown: [Disclosure])]) -> Int? {
    guard let now = history.last, now.counts.hasBands else { return nil }
    for table in now.counts.tables.indices {
      guard let settled = CellUncertainty(forest: forest, k: thresholds.kAnswersMin, table: table, history: history).settled() else {
        continue
      }
      let shown = now.shown
      if settled.release == history.count - 1 && shown[settled.node] != .withheld { return settled.node }
      func smallest(_ isWanted: (Disclosure) -> Bool) -> Int? {
        forest.codes.indices.filter { $0 != 0 && isWanted(shown[$0]) }.min { now.counts.answered[$0] < now.counts.answered[$1] }
      }
      if let node = smallest({ $0 == .range || $0 == .band }) ?? smallest({ $0 == .exact }) { return node }
      // Stops when nothing is shown any more: only an earlier release can reveal the cell then.
      return shown[0] == .withheld ? nil : 0
    }
    return nil
  }

  // MARK: What came since

  /// Returns whether the people who came since an earlier release stay hidden when the two releases are subtracted.
  private func isFit(_ delta: Moment, from before: [Disclosure], to shown: [Disclosure]) -> Bool {
    guard shown[0] == .exact else { return true }
    let hidden = forest.codes.indices.filter { forest.isLeaf($0) && shown[$0] != .exact }
    guard before[0] == .exact else {
      // Refuses when a unit was known then and is hidden now: subtraction would reveal it.
      return !hidden.contains { before[$0] == .exact }
    }
    var check = PoolCheck(forest: forest, question: delta.counts, participation: delta.asked, thresholds: thresholds)
    check.communes = delta.communes
    return check.isSafe(hidden)
  }

  private func isNewsFit(_ delta: Moment?, from before: [Disclosure]?, to shown: [Disclosure]) -> Bool {
    guard let delta, let before else { return true }
    let rule = CellRule(k: thresholds.kAnswersMin, asked: delta.asked, communes: delta.communes)
    return forest.codes.indices.allSatisfy { node in
      guard before[node] != .withheld, delta.asked[node] > 0 else { return true }
      let answered = delta.counts.answered[node]
      guard answered > 0 else { return rule.hasNoSmallCell(delta.counts, node: node) }
      guard answered >= thresholds.kAnswersMin, delta.communes[node] >= PoolCheck.communesMin else { return false }
      if before[node] == .band && shown[node] == .band { return true }
      guard !delta.counts.isDominated(node) else { return false }
      return !(before[node] == .exact && shown[node] == .exact) || rule.hasNoSmallCell(delta.counts, node: node)
    }
  }
}

/// Counts of one question at one moment, or of the time between two, over the units that may be shown.
package struct Moment {
  package let counts: QuestionCounts
  /// Number of people who were asked, by node.
  package let asked: [Int]
  package let communes: [Int]
  private let leaves: [UnitCode: LeafCounts]
  private let answeredByUnit: [UnitCode: Int]

  package init(_ question: TallyQuestion, leaves: [UnitCode: LeafCounts], answeredByUnit: [UnitCode: Int], units: ShownUnits) {
    let forest = units.forest
    let tallies = leaves.mapValues { UnitTally(answers: $0.asked, questions: [question.id: $0.tally]) }
    counts = QuestionCounts(question, forest: forest, tallies: tallies)
    asked = forest.summed(forest.codes.map { leaves[$0]?.asked ?? 0 })
    communes = units.communes(answeredByUnit)
    self.leaves = leaves
    self.answeredByUnit = answeredByUnit
  }

  /// Returns what came since a snapshot; nil when some of it is gone.
  package func since(_ snapshot: QuestionSnapshot, _ question: TallyQuestion, units: ShownUnits) -> Moment? {
    var leaves: [UnitCode: LeafCounts] = [:]
    for code in Set(self.leaves.keys).union(snapshot.leaves.keys) {
      guard let delta = (self.leaves[code] ?? .none).since(snapshot.leaves[code] ?? .none) else { return nil }
      leaves[code] = delta
    }
    var answered = answeredByUnit
    for (unit, count) in snapshot.answeredByUnit { answered[unit, default: 0] -= count }
    return Moment(question, leaves: leaves, answeredByUnit: answered, units: units)
  }
}
