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
      var instances = answers.instances(of: section.name)
      if section.count != nil {
        // Filled in as often as the form says, with or without answers so far.
        while instances.count < shown.inside[section.name]?.count ?? 0 { instances.append([:]) }
      }
      for place in instances.indices {
        for question in FormPages.Page.questions(in: section.items) where question.isShown && shown.asks(question, in: section, at: place) {
          instances[place][question.name] = value(of: question, FieldName.of(question, in: section, at: place))
        }
      }
      merged[section.name] = .instances(instances)
    }
    return merged
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

extension AskedItems {
  /// Whether one filling-in of a repeat asks a question.
  func asks(_ question: FormQuestion, in section: FormSection, at place: Int) -> Bool {
    guard let filled = inside[section.name], filled.indices.contains(place) else { return false }
    return filled[place].contains(question.name)
  }
}

/// Names the fields of a page. A dot of a name is written as a colon, which no name holds.
enum FieldName {
  static func of(_ section: FormSection) -> String { "r.\(plain(section.name))" }
  static func of(_ question: FormQuestion) -> String { "q.\(plain(question.name))" }
  static func of(_ question: FormQuestion, in section: FormSection, at place: Int) -> String {
    "q.\(plain(section.name)).\(place).\(plain(question.name))"
  }

  private static func plain(_ name: String) -> String { name.replacing(".", with: ":") }
}

/// One question that a page shows, with where its answer stands.
struct ShownQuestion: Hashable {
  var question: FormQuestion
  var section: FormSection?
  var place = 0

  var field: String {
    section.map { FieldName.of(question, in: $0, at: place) } ?? FieldName.of(question)
  }

  func answer(in answers: [String: AnswerValue]) -> AnswerValue? {
    guard let section else { return answers[question.name] }
    let instances = answers.instances(of: section.name)
    return instances.indices.contains(place) ? instances[place][question.name] : nil
  }

  /// The other answers of its filling-in.
  func instance(in answers: [String: AnswerValue]) -> [String: AnswerValue] {
    guard let section else { return [:] }
    let instances = answers.instances(of: section.name)
    return instances.indices.contains(place) ? instances[place] : [:]
  }

  /// Which filling-in it is, counted from 1; nil outside repeats.
  var number: Int? { section == nil ? nil : place + 1 }
}

extension FormPages.Page {
  /// What the page shows of its questions, in order.
  func shown(_ asked: AskedItems) -> [ShownQuestion] { Self.shown(items, asked) }

  /// Fields of all questions and repeats it shows.
  func fields(_ asked: AskedItems) -> Set<String> {
    Set(shown(asked).map(\.field) + repeats.filter { asked.outer.contains($0.name) }.map { FieldName.of($0) })
  }

  private static func shown(_ items: [FormItem], _ asked: AskedItems) -> [ShownQuestion] {
    items.flatMap { item -> [ShownQuestion] in
      switch item {
      case .question(let question):
        question.isShown && asked.outer.contains(question.name) ? [ShownQuestion(question: question)] : []
      case .group(let section): shown(section.items, asked)
      case .repeated(let section):
        (asked.inside[section.name] ?? []).indices.flatMap { place in
          FormPages.Page.questions(in: section.items).filter { $0.isShown && asked.asks($0, in: section, at: place) }
            .map { ShownQuestion(question: $0, section: section, place: place) }
        }
      }
    }
  }
}
