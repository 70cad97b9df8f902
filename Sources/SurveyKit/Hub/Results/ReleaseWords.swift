public import SurveyKit
public import SyncHub

extension ResultsTable {
  /// Returns a sentence about the release, and how many single answers were erased but for their sums.
  public static func release(_ results: FormResults, _ language: Language) -> String {
    ([number(results, language)] + results.erased.map { $0.explanation(language) }).joined(separator: " ")
  }

  private static func number(_ results: FormResults, _ language: Language) -> String {
    guard let number = results.release else {
      return LocalizedText(
        vi: "Chưa công bố: kết quả có khi đóng biểu mẫu (hub close \(results.form)).",
        en: "Not released yet: results come when the form is closed (hub close \(results.form)).")(language)
    }
    let words = Wording(language: language)
    let day = results.releaseDay.flatMap { CalendarDay($0) }.map(words.day) ?? ""
    return results.isInterim == true
      ? words.text("Đợt công bố \(number), \(day); biểu mẫu còn mở.", "Release \(number) of \(day); the form was open.")
      : words.text("Đợt công bố \(number), \(day).", "Release \(number) of \(day).")
  }
}
