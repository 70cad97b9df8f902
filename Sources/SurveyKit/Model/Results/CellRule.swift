/// Says of a unit that is fit to be shown whether its single cells are: no cell may hold a few people.
struct CellRule {
  /// An exact table needs so many times k answers.
  static let exactFactor = 3

  let k: Int
  /// Answers of people who were asked the question, per node, those without an answer to it among them.
  let asked: [Int]
  /// Communes with answers to the question, per node.
  let communes: [Int]

  /// Whether the counts of `node` may be shown as they are.
  func allowsExact(_ question: QuestionCounts, node: Int) -> Bool {
    question.answered[node] >= Self.exactFactor * k && hasNoSmallCell(question, node: node)
  }

  /// Whether every class – each choice, not chosen where several may be, no answer – is of nobody or of k and more.
  func hasNoSmallCell(_ question: QuestionCounts, node: Int) -> Bool {
    let rest = asked[node] - question.answered[node]
    guard rest == 0 || rest >= k else { return false }
    guard question.hasBands else { return true }  // Of numbers no cell is shown, only their mean.
    return question.tables.allSatisfy { table in table.columns.allSatisfy { $0[node] == 0 || $0[node] >= k } }
  }

  /// The range that stands for a count.
  static func range(_ count: Int, k: Int) -> ClosedRange<Int> {
    let from = count / k * k
    return from...(from + k - 1)
  }
}
