public import SyncCore

/// What an author wants to see of a form that is in order.
public struct FormSummary: Sendable, Hashable, Codable {
  public var form: String
  public var version: String
  public var languages: [String]
  /// Questions that people answer, and how many of those must be answered always.
  public var questions: Int
  public var required: Int
  public var calculations: Int
  public var groups: Int
  public var repeats: Int
  public var choices: Int
  /// Choice questions of the first group, by which results are crossed.
  public var background: [String]
  /// How many different people the background questions tell apart: the product of their choices, and of "no answer".
  public var backgroundCells: Int

  public init(_ form: Form) {
    let asked = form.questions.filter(\.kind.isAsked)
    self.form = form.id
    version = form.version
    languages = form.languages.map(\.code)
    questions = asked.count
    required = asked.count { $0.required?.source == "true()" }
    calculations = form.questions.count { $0.kind == .calculate }
    repeats = form.repeats.count
    groups = FormOutline(form.items).entries.count { if case .group = $0.item { true } else { false } }
    choices = form.choiceLists.values.reduce(0) { $0 + $1.count }
    let first =
      form.items.lazy.compactMap { item -> [FormQuestion]? in
        guard case .group(let section) = item else { return nil }
        let questions = FormItem.questions(in: section.items).filter { $0.kind == .selectOne }
        return questions.isEmpty ? nil : questions
      }.first ?? []
    background = first.map(\.name)
    backgroundCells = first.reduce(first.isEmpty ? 0 : 1) { cells, question in
      let options = form.choices(of: question).count + (question.required == nil ? 1 : 0)
      let (product, isTooLarge) = cells.multipliedReportingOverflow(by: max(options, 1))
      return isTooLarge ? Int.max : product
    }
  }

  /// A warning when the background questions, crossed, could tell people apart: more cells than answers.
  public func warning(expectedAnswers: Int) -> LocalizedText? {
    guard backgroundCells > expectedAnswers else { return nil }
    let list = background.joined(separator: ", ")
    return LocalizedText(
      vi:
        "Các câu về người trả lời (\(list)) chéo nhau thành \(backgroundCells) ô, nhiều hơn \(expectedAnswers) phiếu dự kiến, nên có thể nhận ra từng người; hãy bớt câu hoặc gộp lựa chọn.",
      en:
        "The background questions (\(list)) cross into \(backgroundCells) cells, more than the \(expectedAnswers) answers expected, so people could be recognised; ask fewer or merge choices."
    )
  }
}
