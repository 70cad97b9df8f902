internal import SyncCore

/// Meaning of the columns and codes of a form's export: a row for each question, and for each of its choices.
package struct Codebook {
  /// Editions, newest first. A question is described as the newest edition with it asks it.
  package let editions: [Form]

  package init(editions: [Form]) { self.editions = editions }

  private static let columns = [
    "question", "type", "repeat", "version", "required", "relevant", "constraint", "calculation", "choice",
  ]

  package func table(_ name: String) -> ExportTable {
    var languages: [FormLanguage] = []
    for language in editions.flatMap(\.languages) where !languages.contains(where: { $0.code == language.code }) {
      languages.append(language)
    }
    var table = ExportTable(name: name, heading: Self.columns + languages.map { "label::\($0.name) (\($0.code))" })
    for (question, form) in ExportColumns(editions).questions {
      table.rows += rows(question, form, languages)
    }
    return table
  }

  private func rows(_ question: FormQuestion, _ form: Form, _ languages: [FormLanguage]) -> [[ExportTable.Cell]] {
    func labels(_ text: FormText?) -> [ExportTable.Cell] {
      languages.map { language in ExportTable.Cell(text?.unfilled.byLanguage[language.code].map { Markup($0).plain }) }
    }
    let home = FormOutline(form.items).entries.first { $0.item.name == question.name }?.repeats.joined(separator: "/")
    let rules = [question.required, question.relevant, question.constraint, question.calculation].map { ExportTable.Cell($0?.source) }
    let own = [
      ExportTable.Cell(question.name), ExportTable.Cell(question.kind.rawValue), ExportTable.Cell(home), ExportTable.Cell(form.version),
    ]
    let choices = form.choices(of: question).map { choice in
      [ExportTable.Cell(question.name)] + Array(repeating: .empty, count: Self.columns.count - 2) + [ExportTable.Cell(choice.name)]
        + labels(choice.label)
    }
    return [own + rules + [.empty] + labels(question.label)] + choices
  }
}

/// Questions of a form's editions, each once: those of the newest in its order, then those that only older ones ask.
package struct ExportColumns {
  package let questions: [(question: FormQuestion, form: Form)]
  private let editions: [Form]

  /// Collects the questions.
  ///
  /// - Parameter editions: Editions, newest first.
  package init(_ editions: [Form]) {
    self.editions = editions
    var seen: Set<String> = []
    questions = editions.flatMap { form in
      form.questions.filter { $0.kind != .note && seen.insert($0.name).inserted }.map { ($0, form) }
    }
  }

  /// A column of an export: a question's answer, or whether one of several choices was taken.
  package struct Column: Sendable {
    package let question: String
    package let choice: String?
    /// As programs read it: `question` or `question/choice`.
    package var name: String { choice.map { "\(question)/\($0)" } ?? question }

    /// Reads the column of a row: of a choice 1 or 0, and nothing where the question was not answered.
    package func cell(_ answers: [String: AnswerValue]) -> ExportTable.Cell {
      guard let choice else { return ExportTable.Cell(answers[question]) }
      guard let answer = answers[question] else { return .empty }
      return .number(answer.cell.split(separator: " ").contains(choice[...]) ? 1 : 0)
    }
  }

  /// Every question, and behind one that takes several choices each of them: also those that only older editions offer.
  package var columns: [Column] {
    questions.flatMap { question, _ -> [Column] in
      var columns = [Column(question: question.name, choice: nil)]
      guard question.kind == .selectMultiple else { return columns }
      var seen: Set<String> = []
      for edition in editions {
        guard let own = edition.question(named: question.name) else { continue }
        for choice in edition.choices(of: own) where seen.insert(choice.name).inserted {
          columns.append(Column(question: question.name, choice: choice.name))
        }
      }
      return columns
    }
  }

  /// Returns the names of the repeats around a question, outermost first.
  package static func chains(_ editions: [Form]) -> [String: [String]] {
    let entries = editions.flatMap { FormOutline($0.items).entries }
    return Dictionary(entries.map { ($0.item.name, $0.repeats) }, uniquingKeysWith: { first, _ in first })
  }
}
