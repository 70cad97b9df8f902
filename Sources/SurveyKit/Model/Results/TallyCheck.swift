/// Finds faults in tallies before anything is computed from them, so that nothing overflows later.
package enum TallyCheck {
  package static let source = "tallies"
  /// Questions in a campaign's results.
  package static let questionsMax = 1_000

  package static func problems(tree: UnitTree, tallies: [UnitCode: UnitTally], questions: [TallyQuestion]) -> [DataProblem] {
    var problems: [DataProblem] = []
    if questions.count > questionsMax || Set(questions.map(\.id)).count != questions.count {
      problems.append(
        DataProblem(
          source, vi: "Mỗi câu hỏi cần một mã riêng, và có nhiều nhất \(questionsMax) câu.",
          en: "Each question needs an id of its own, and there are at most \(questionsMax)."))
    }
    let known = Dictionary(questions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for (code, tally) in tallies.sorted(by: { $0.key < $1.key }) {
      if tree[code] == nil || !tree.children(of: code).isEmpty {
        problems.append(
          DataProblem(
            source, vi: "Kết quả của “\(code)”: không phải là một xã trong danh sách.",
            en: "Tally of “\(code)”: it is not a commune of the list."))
      }
      problems += self.problems(in: tally, code: code, known: known)
    }
    return problems
  }

  /// Returns the faults in the tally of one unit.
  package static func problems(in tally: UnitTally, code: UnitCode, known: [String: TallyQuestion]) -> [DataProblem] {
    guard (0...UnitTally.answersMax).contains(tally.answers) else {
      return [
        DataProblem(
          source, vi: "Kết quả của “\(code)”: số phiếu phải từ 0 đến \(UnitTally.answersMax).",
          en: "Tally of “\(code)”: the answers must be 0 to \(UnitTally.answersMax).")
      ]
    }
    return tally.questions.sorted { $0.key < $1.key }.compactMap { id, counts in
      if let question = known[id], isConsistent(counts, question: question, answers: tally.answers) { return nil }
      return DataProblem(
        source, vi: "Kết quả của “\(code)”: các số của câu “\(id)” không khớp nhau.",
        en: "Tally of “\(code)”: the counts of question “\(id)” do not agree.")
    }
  }

  private static func isConsistent(_ tally: QuestionTally, question: TallyQuestion, answers: Int) -> Bool {
    guard (0...answers).contains(tally.answered), tally.choices.values.allSatisfy({ (0...tally.answered).contains($0) }),
      tally.choices.keys.allSatisfy(Set(question.choices.map(\.id)).contains)
    else { return false }
    switch question.kind {
    case .single: return adds(tally.choices.values, upTo: tally.answered) && tally.histogram.isEmpty
    case .multiple: return tally.histogram.isEmpty
    case .number:
      let range = -UnitTally.numberMax...UnitTally.numberMax
      return tally.histogram.keys.allSatisfy(range.contains) && tally.histogram.values.allSatisfy { $0 >= 0 }
        && adds(tally.histogram.values, upTo: tally.answered)
    }
  }

  private static func adds(_ counts: some Sequence<Int>, upTo total: Int) -> Bool {
    var rest = total
    for count in counts {
      guard count <= rest else { return false }
      rest -= count
    }
    return rest == 0
  }
}
