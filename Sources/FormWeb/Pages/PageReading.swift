internal import Foundation
internal import SurveyKit

/// Takes what was posted of one page into the answers. Only fields of questions that the page showed are looked at.
struct PageReading {
  let page: FormPages.Page
  let fields: FieldsBody
  /// What was asked when the page was shown.
  let shown: AskedItems

  func merged(into answers: [String: AnswerValue]) -> [String: AnswerValue] {
    var merged = answers
    for question in page.questions where shown.outer.contains(question.name) {
      merged[question.name] = value(of: question, FieldName.of(question))
    }
    for section in page.repeats where shown.outer.contains(section.name) {
      merged[section.name] = .instances(filled(section, inside: nil, of: answers))
    }
    return merged
  }

  /// - Parameter outer: Number of the filling-in of the repeat around it, whose answers are given.
  private func filled(_ section: FormSection, inside outer: Int?, of answers: [String: AnswerValue]) -> [[String: AnswerValue]] {
    var instances = answers.instances(of: section.name)
    if section.count != nil {
      // Filled in as often as the form says, with or without answers so far.
      while instances.count < shown.numbers(of: section.name, inside: outer).count { instances.append([:]) }
    }
    for place in instances.indices {
      let number = RepeatNumber.inside(outer, place + 1)
      let asked = shown.items(in: section.name, number)
      for question in FormPages.Page.questions(in: section.items) where question.isShown && asked.contains(question.name) {
        instances[place][question.name] = value(of: question, FieldName.of(question, in: section, at: number - 1))
      }
      for inner in FormPages.Page.repeats(in: section.items) where asked.contains(inner.name) {
        instances[place][inner.name] = .instances(filled(inner, inside: number, of: instances[place]))
      }
    }
    return instances
  }

  private func value(of question: FormQuestion, _ field: String) -> AnswerValue {
    switch question.kind {
    case .selectMultiple, .rank: return .choices(fields.all(field).filter { !$0.isEmpty })
    case .decimal:
      // Vietnamese keyboards of phones have a comma only.
      let text = fields[field] ?? ""
      let isComma = !text.contains(".") && text.count { $0 == "," } == 1
      return .text(isComma ? text.replacing(",", with: ".") : text)
    default: return .text(fields[field] ?? "")
    }
  }
}

/// Names the fields of a page. A dot of a name is written as a colon, which no name holds.
enum FieldName {
  static func of(_ section: FormSection) -> String { "r.\(plain(section.name))" }
  static func of(_ question: FormQuestion) -> String { "q.\(plain(question.name))" }
  /// - Parameter place: One less than the filling-in's `RepeatNumber`.
  static func of(_ question: FormQuestion, in section: FormSection, at place: Int) -> String {
    "q.\(plain(section.name)).\(place).\(plain(question.name))"
  }

  private static func plain(_ name: String) -> String { name.replacing(".", with: ":") }
}

/// One question that a page shows, with where its answer stands.
struct ShownQuestion: Hashable {
  var question: FormQuestion
  /// The repeat right around it.
  var section: FormSection?
  /// Names of the repeats around it, outermost first.
  var chain: [String] = []
  /// Which filling-in it stands in (`RepeatNumber`); nil outside repeats.
  var number: Int?

  var place: Int { (number ?? 1) - 1 }

  var field: String {
    section.map { FieldName.of(question, in: $0, at: place) } ?? FieldName.of(question)
  }

  func answer(in answers: [String: AnswerValue]) -> AnswerValue? {
    guard let number else { return answers[question.name] }
    return answers.filled(chain, number)?[question.name]
  }
}

extension FormPages.Page {
  /// What the page shows of its questions, in order.
  func shown(_ asked: AskedItems) -> [ShownQuestion] { Self.shown(items, asked, ShownQuestion.Position()) }

  /// Fields of all questions and repeats it shows.
  func fields(_ asked: AskedItems) -> Set<String> {
    Set(shown(asked).map(\.field) + repeats.filter { asked.outer.contains($0.name) }.map { FieldName.of($0) })
  }

  private static func shown(_ items: [FormItem], _ asked: AskedItems, _ position: ShownQuestion.Position) -> [ShownQuestion] {
    items.flatMap { item -> [ShownQuestion] in
      switch item {
      case .question(let question): question.isShown && position.asks(question.name, asked) ? [position.shown(question)] : []
      case .group(let section): shown(section.items, asked, position)
      case .repeated(let section):
        asked.numbers(of: section.name, inside: position.number).flatMap { shown(section.items, asked, position.inside(section, $0)) }
      }
    }
  }
}

extension ShownQuestion {
  /// The filling-in in which items stand.
  struct Position {
    var section: FormSection?
    var chain: [String] = []
    var number: Int?

    func inside(_ section: FormSection, _ number: Int) -> Position {
      Position(section: section, chain: chain + [section.name], number: number)
    }

    func asks(_ name: String, _ asked: AskedItems) -> Bool {
      guard let section, let number else { return asked.outer.contains(name) }
      return asked.items(in: section.name, number).contains(name)
    }

    func shown(_ question: FormQuestion) -> ShownQuestion {
      ShownQuestion(question: question, section: section, chain: chain, number: number)
    }
  }
}
