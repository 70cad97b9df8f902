internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Tables of results: participation, and of each choice what may be shown. A count is there only where the page shows one.
struct ResultsTables {
  let parts: ConsoleParts

  private var words: Wording { parts.words }

  private struct Line {
    let unit: UnitResult
    let question: QuestionHeading
    let answered: Int?
    let choice: ChoiceHeading?
    let cell: ResultCell?
    let mean: MeanCell?
    let asOf: Int?
  }

  func tables(_ results: FormResults, level: UnitLevel, question: String?) -> [PageTable] {
    let lines = results.view.units.filter { $0.level == level }.flatMap { unit in
      results.view.questions.filter { question == nil || $0.id == question }.flatMap { heading -> [Line] in
        guard let result = unit[heading.id] else { return [] }
        func line(_ choice: ChoiceHeading?, _ cell: ResultCell?) -> Line {
          Line(unit: unit, question: heading, answered: result.answered, choice: choice, cell: cell, mean: result.mean, asOf: result.asOf)
        }
        return result.mean != nil ? [line(nil, nil)] : heading.choices.map { line($0, result[$0.id]) }
      }
    }
    return [
      participation(results.participation.filter { $0.level == level }), answers(lines),
      PageTable(
        "release", words.text("Đợt công bố", "Release"),
        facts: [
          ("form", words.text("Biểu mẫu", "Form"), .text(results.form)),
          ("number", words.text("Đợt", "Release"), TableWords.number(results.release)),
          ("day", words.text("Ngày", "Day"), TableWords.text(results.releaseDay)),
          ("fewest", words.text("Ít nhất", "Fewest answers"), .number(results.kAnswersMin)),
          ("said", words.text("Ghi chú", "Note"), .text(ResultsTable.release(results, words.language))),
        ]),
    ]
  }

  private func participation(_ lines: [Participation]) -> PageTable {
    PageTable(
      "participation", words.text("Tham gia", "Participation"), lines,
      [
        .init("unit", words.text("Mã", "Code")) { .text($0.unit.rawValue) }, .init("name", words.text("Đơn vị", "Unit")) { .text($0.name) },
        .init("answers", words.text("Phiếu", "Answers")) { .number($0.answers) },
        .init("mayAnswer", words.text("Người được hỏi", "May answer")) { TableWords.number($0.expected) },
        .init("rate", words.text("Tỷ lệ, %", "Rate, %")) { $0.ratePermille.map { .tenths($0) } ?? .none },
      ])
  }

  private func answers(_ lines: [Line]) -> PageTable {
    PageTable(
      "results", words.text("Kết quả", "Results"), lines,
      [
        .init("unit", words.text("Mã", "Code")) { .text($0.unit.unit.rawValue) },
        .init("name", words.text("Đơn vị", "Unit")) { .text($0.unit.name) },
        .init("question", words.text("Mã câu", "Question")) { .text($0.question.id) },
        .init("label", words.text("Câu hỏi", "Its label")) { .text($0.question.label(words.language)) },
        .init("answered", words.text("Người trả lời", "Answered")) { TableWords.number($0.answered) },
        .init("choice", words.text("Mã lựa chọn", "Choice")) { TableWords.text($0.choice?.id) },
        .init("choiceLabel", words.text("Lựa chọn", "Its label")) { TableWords.text($0.choice?.label(words.language)) },
        .init("count", words.text("Số người", "People")) { line in
          if case .shown(let count, _) = line.cell { TableWords.number(count) } else { .none }
        },
        .init("from", words.text("Từ", "From")) { line in if case .range(let range) = line.cell { .number(range.lowerBound) } else { .none }
        },
        .init("to", words.text("Đến", "To")) { line in if case .range(let range) = line.cell { .number(range.upperBound) } else { .none } },
        .init("share", words.text("Tỷ lệ, %", "Share, %")) { share($0.cell) },
        .init("mean", words.text("Trung bình", "Mean")) { line in
          if case .shown(let tenths) = line.mean { .tenths(tenths) } else { .none }
        },
        .init("withheld", words.text("Giữ kín", "Withheld")) { withheld($0) },
        .init("release", words.text("Của đợt", "Of release")) { TableWords.number($0.asOf) },
      ])
  }

  private func share(_ cell: ResultCell?) -> PageValue {
    guard case .shown(_, let share) = cell else { return .none }
    switch share {
    case .permille(let permille): return .tenths(permille)
    case .atLeast90: return .word("atLeast90", said: ResultsTable.text(share, words.language))
    case .atMost10: return .word("atMost10", said: ResultsTable.text(share, words.language))
    case .between10And90: return .word("between10And90", said: ResultsTable.text(share, words.language))
    }
  }

  private func withheld(_ line: Line) -> PageValue {
    let reason: WithheldReason? =
      if case .withheld(let reason) = line.cell { reason } else if case .withheld(let reason) = line.mean { reason } else { nil }
    return reason.map { .word($0.rawValue, said: ResultsTable.text($0, words.language)) } ?? .none
  }
}
