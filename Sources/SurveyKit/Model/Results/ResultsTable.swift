public import SyncCore

/// Renders results as plain text, for a terminal or a chat.
public enum ResultsTable {
  /// Returns one block for each question: a line for each unit, a column for each choice. Bands and withheld cells are in words.
  ///
  /// - Parameters:
  ///   - level: Only units of this level; `nil` for all.
  ///   - question: Only this question; `nil` for all.
  public static func render(_ view: ResultsView, _ language: Language, level: UnitLevel? = nil, question: String? = nil) -> String {
    let units = view.units.filter { level == nil || $0.level == level }
    let headings = view.questions.filter { question == nil || $0.id == question }
    let blocks = headings.map { heading in
      "\(heading.label(language))\n" + block(heading, units: units, language: language)
    }
    return blocks.joined(separator: "\n")
  }

  private static func block(_ heading: QuestionHeading, units: [UnitResult], language: Language) -> String {
    let unitTitle = LocalizedText(vi: "Đơn vị", en: "Unit")(language)
    let answeredTitle = LocalizedText(vi: "Trả lời", en: "Answered")(language)
    let meanTitle = LocalizedText(vi: "Trung bình", en: "Mean")(language)
    let choices = heading.choices.isEmpty ? [meanTitle] : heading.choices.map { $0.label(language) }
    let lines = units.compactMap { unit in
      unit[heading.id].map { result in
        let age = result.asOf.map { LocalizedText(vi: " (đợt \($0))", en: " (as of release \($0))")(language) } ?? ""
        return [unit.name + age] + row(result, language: language)
      }
    }
    return aligned([[unitTitle, answeredTitle] + choices] + lines)
  }

  private static func row(_ result: QuestionResult, language: Language) -> [String] {
    let answered = Wording(language: language).number(result.answered)
    if let mean = result.mean { return [answered, text(mean, language)] }
    let reasons = result.choices.map { choice -> WithheldReason? in
      if case .withheld(let reason) = choice.cell { reason } else { nil }
    }
    if let first = reasons.first, let reason = first, reasons.allSatisfy({ $0 == reason }) {
      return [answered, text(reason, language)]
    }
    return [answered] + result.choices.map { text($0.cell, language) }
  }

  private static func text(_ cell: ResultCell, _ language: Language) -> String {
    switch cell {
    case .shown(let count, let share):
      count.map { "\(Wording(language: language).number($0)) (\(text(share, language)))" } ?? text(share, language)
    case .range(let range): text(range, language)
    case .withheld(let reason): text(reason, language)
    }
  }

  /// Returns a count that is shown within k: "5–9".
  public static func text(_ range: ClosedRange<Int>, _ language: Language) -> String {
    let words = Wording(language: language)
    return "\(words.number(range.lowerBound))–\(words.number(range.upperBound))"
  }

  private static func text(_ mean: MeanCell, _ language: Language) -> String {
    switch mean {
    case .shown(let tenths): Wording(language: language).decimal(tenths: tenths)
    case .withheld(let reason): text(reason, language)
    }
  }

  /// Explanation why there are no answers below the groups under the root.
  public static let communesAreNotShown = LocalizedText(
    vi: "Kết quả không công bố theo từng xã: quá ít người để giữ kín ai trả lời gì. Xã chỉ có số người tham gia.",
    en: "No answers are shown of single communes: too few people for nobody to be told apart. Communes show participation only.")

  /// Returns the words for a reason, also for pages.
  public static func text(_ reason: WithheldReason, _ language: Language) -> String {
    switch reason {
    case .notReleased:
      LocalizedText(vi: "công bố khi đóng biểu mẫu", en: "released when the form is closed")(language)
    case .noAnswers: LocalizedText(vi: "chưa có phiếu", en: "no answers yet")(language)
    case .tooFewAnswers: LocalizedText(vi: "quá ít phiếu để công bố", en: "too few answers to show")(language)
    case .protected: LocalizedText(vi: "không công bố để giữ kín ý kiến", en: "not shown, to keep answers private")(language)
    }
  }

  /// Returns a share as people write it: "60 %", "33,3 %" or "33.3 %", "≥ 90 %".
  public static func text(_ share: Share, _ language: Language) -> String {
    switch share {
    case .permille(let permille): Wording(language: language).percent(permille)
    case .atLeast90: "≥ 90 %"
    case .atMost10: "≤ 10 %"
    case .between10And90: "10–90 %"
    }
  }

  /// Returns columns as wide as their widest cell, two spaces apart. A row that ends early, as a withheld one does, widens nothing.
  private static func aligned(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let full = rows.filter { $0.count == columns }
    let widths = (0..<columns).map { column in
      (column < 2 ? rows : full).map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      let padded = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: max(0, width - cell.count)) }
      var line = padded.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
