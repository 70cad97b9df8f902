/// Rule for single cells of a unit that may be shown: no cell may stand for only a few people.
struct CellRule {
  /// Multiple of k answers that an exact table needs.
  static let exactFactor = 3

  let k: Int
  /// Number of people who were asked the question, by node, including those without an answer.
  let asked: [Int]
  /// Communes with answers to the question, by node.
  let communes: [Int]

  /// Returns whether the counts of `node` may be shown exactly.
  func allowsExact(_ question: QuestionCounts, node: Int) -> Bool {
    question.answered[node] >= Self.exactFactor * k && hasNoSmallCell(question, node: node)
  }

  /// Returns whether every class – each choice, not chosen where several may be, no answer – has nobody, or at least k people.
  func hasNoSmallCell(_ question: QuestionCounts, node: Int) -> Bool {
    let rest = asked[node] - question.answered[node]
    guard rest == 0 || rest >= k else { return false }
    guard question.hasBands else { return true }  // Of numbers no cell is shown, only their mean.
    return question.tables.allSatisfy { table in table.columns.allSatisfy { $0[node] == 0 || $0[node] >= k } }
  }

  /// Returns the range that stands for a count.
  static func range(_ count: Int, k: Int) -> ClosedRange<Int> {
    let from = count / k * k
    return from...(from + k - 1)
  }
}
