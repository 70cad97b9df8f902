/// View of tallies at every level of a tree, if it were shown only once: the rules of `Suppression`.
///
/// People see releases, made by `ReleaseTable`. Free text is not here, and hidden values leave no trace in the view.
public struct ResultsQuery: Sendable {
  private let tree: UnitTree
  private let tallies: [UnitCode: UnitTally]
  private let questions: [TallyQuestion]
  private let thresholds: Thresholds

  /// Checks the tallies.
  ///
  /// - Parameter tallies: Released answers by commune. Units without one have no answers.
  /// - Throws: every tally that is not a commune's or does not add up; nothing is shown then.
  public init(
    tree: UnitTree, tallies: [UnitCode: UnitTally], questions: [TallyQuestion], thresholds: Thresholds
  ) throws(DataProblems) {
    let problems = TallyCheck.problems(tree: tree, tallies: tallies, questions: questions)
    guard problems.isEmpty else { throw DataProblems(problems) }
    self.tree = tree
    self.tallies = tallies
    self.questions = questions
    self.thresholds = thresholds
  }

  /// Returns the view of province, districts and communes, with suppression; see `Suppression` for the rules.
  public func view() -> ResultsView {
    let forest = CountForest(tree)
    let participation = forest.summed(forest.codes.map { tallies[$0]?.answers ?? 0 })
    let suppression = Suppression(forest: forest, participation: participation, thresholds: thresholds)
    var results: [[QuestionResult]] = forest.codes.map { _ in [] }
    for question in questions {
      let counts = QuestionCounts(question, forest: forest, tallies: tallies)
      let sums = forest.summed(forest.codes.map { tallies[$0]?.questions[question.id]?.sum ?? 0 })
      let states = suppression.disclosures(of: counts)
      for node in forest.codes.indices {
        let reason = WithheldReason(answers: participation[node], thresholds) ?? .protected
        results[node].append(
          QuestionResult(question, counts: counts, sum: sums[node], node: node, state: states[node], reason: reason, thresholds))
      }
    }
    let units = tree.units.enumerated().map { node, unit in
      UnitResult(
        unit: unit.code, name: tree.displayName(of: unit.code), level: unit.level,
        withheld: WithheldReason(answers: participation[node], thresholds),
        questions: results[node])
    }
    return ResultsView(units: units, questions: questions.map(QuestionHeading.init))
  }

}

extension QuestionHeading {
  package init(_ question: TallyQuestion) {
    self.init(id: question.id, label: question.label, choices: question.choices.map { ChoiceHeading(id: $0.id, label: $0.label) })
  }
}

extension WithheldReason {
  /// Returns why a unit with this number of answers is not shown; nil when it may be.
  package init?(answers: Int, _ thresholds: Thresholds) {
    if answers == 0 { self = .noAnswers } else if answers < thresholds.kAnswersMin { self = .tooFewAnswers } else { return nil }
  }
}

extension QuestionResult {
  /// Makes a question's result.
  ///
  /// - Parameters:
  ///   - sum: Sum of the numbers given in `node`; meaningless for choices.
  ///   - reason: Reason why it is withheld, if it is.
  package init(
    _ question: TallyQuestion, counts: QuestionCounts, sum: Int, node: Int, state: Disclosure, reason: WithheldReason,
    _ thresholds: Thresholds
  ) {
    let answered = counts.answered[node]
    let shownAnswered = state == .exact ? answered : nil
    if case .number = question.kind {
      let mean: MeanCell = state == .exact ? .shown(tenths: Self.tenths(sum, by: answered)) : .withheld(reason)
      self.init(question: question.id, answered: shownAnswered, choices: [], mean: mean)
      return
    }
    let choices = question.choices.enumerated().map { index, choice in
      let count = Self.count(question, counts: counts, choice: index, node: node)
      let cell: ResultCell =
        switch state {
        case .exact: .shown(count: count, share: .permille(Share.permille(count, of: answered)))
        case .range: .range(CellRule.range(count, k: thresholds.kAnswersMin))
        case .band: .shown(count: nil, share: .band(count, of: answered))
        case .withheld: .withheld(reason)
        }
      return ChoiceResult(choice: choice.id, cell: cell)
    }
    self.init(question: question.id, answered: shownAnswered, choices: choices, mean: nil)
  }

  private static func count(_ question: TallyQuestion, counts: QuestionCounts, choice: Int, node: Int) -> Int {
    if case .multiple = question.kind { return counts.tables[choice].columns[0][node] }
    return counts.tables[0].columns[choice][node]
  }

  /// Returns a mean in tenths, halves rounded away from zero. `TallyCheck` bounds both, so nothing overflows.
  private static func tenths(_ sum: Int, by count: Int) -> Int {
    guard count > 0 else { return 0 }
    let half = count / 2
    return (sum * 10 + (sum < 0 ? -half : half)) / count
  }
}
