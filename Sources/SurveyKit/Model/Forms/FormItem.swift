/// One entry of a form, in the order a respondent meets it.
public enum FormItem: Sendable, Hashable {
  case question(FormQuestion)
  /// Questions under one heading, shown or left out together.
  case group(FormSection)
  /// Questions that can be answered several times, such as photos with their captions.
  case repeated(FormSection)

  public var name: String {
    switch self {
    case .question(let question): question.name
    case .group(let section), .repeated(let section): section.name
    }
  }

  var isRepeated: Bool { if case .repeated = self { true } else { false } }
  var isQuestion: Bool { if case .question = self { true } else { false } }

  package static func questions(in items: [FormItem]) -> [FormQuestion] {
    items.flatMap { item -> [FormQuestion] in
      switch item {
      case .question(let question): [question]
      case .group(let section), .repeated(let section): questions(in: section.items)
      }
    }
  }

  static func repeats(in items: [FormItem]) -> [FormSection] {
    items.flatMap { item -> [FormSection] in
      switch item {
      case .question: []
      case .group(let section): repeats(in: section.items)
      case .repeated(let section): [section]
      }
    }
  }
}

/// A group or a repeat.
public struct FormSection: Sendable, Hashable {
  public let name: String
  /// Nil: the items stand together without a heading.
  public let label: FormText?
  /// When it is asked; nil is always.
  public let relevant: FormExpression?
  public let appearance: String?
  /// Number of times that a repeat is filled in; nil for as often as people like.
  public let count: FormExpression?
  public let items: [FormItem]

  /// Longest appearance, in bytes.
  static let appearanceBytesMax = 128

  public init(
    name: String, label: FormText? = nil, relevant: FormExpression? = nil, appearance: String? = nil, count: FormExpression? = nil,
    items: [FormItem]
  ) {
    self.name = name
    self.label = label
    self.relevant = relevant
    self.appearance = appearance
    self.count = count
    self.items = items
  }

  /// The same with other items inside.
  func holding(_ items: [FormItem]) -> FormSection {
    FormSection(name: name, label: label, relevant: relevant, appearance: appearance, count: count, items: items)
  }
}

/// One question, with everything needed to ask it and to judge its answer.
public struct FormQuestion: Sendable, Hashable {
  public let name: String
  public let kind: QuestionKind
  /// Nil only for `hidden` and `calculate`.
  public let label: FormText?
  public let hint: FormText?
  /// Name of the list of choices, for `selectOne` and `selectMultiple`.
  public let choiceList: String?
  /// When an answer must be given; nil is never, `true()` is always.
  public let required: FormExpression?
  public let requiredMessage: FormText?
  /// When the question is asked; nil is always. The answer to a question that is not asked is no answer.
  public let relevant: FormExpression?
  /// What every non-empty answer must satisfy; `.` is the answer.
  public let constraint: FormExpression?
  public let constraintMessage: FormText?
  /// How a `calculate` gets its value.
  public let calculation: FormExpression?
  /// Which of the choices are offered, by their columns and the other answers; nil is all.
  public let choiceFilter: FormExpression?
  /// The answer that stands there before anybody answers.
  public let initial: FormDefault?
  /// Hints to the page, such as `multiline`; never changes which answers are right.
  public let appearance: String?
  /// Longest side of an `image`, in pixels.
  public let maxPixels: Int?

  public init(
    name: String, kind: QuestionKind, label: FormText? = nil, hint: FormText? = nil, choiceList: String? = nil,
    required: FormExpression? = nil, requiredMessage: FormText? = nil, relevant: FormExpression? = nil,
    constraint: FormExpression? = nil, constraintMessage: FormText? = nil, calculation: FormExpression? = nil,
    choiceFilter: FormExpression? = nil, initial: FormDefault? = nil, appearance: String? = nil, maxPixels: Int? = nil
  ) {
    self.name = name
    self.kind = kind
    self.label = label
    self.hint = hint
    self.choiceList = choiceList
    self.required = required
    self.requiredMessage = requiredMessage
    self.relevant = relevant
    self.constraint = constraint
    self.constraintMessage = constraintMessage
    self.calculation = calculation
    self.choiceFilter = choiceFilter
    self.initial = initial
    self.appearance = appearance
    self.maxPixels = maxPixels
  }

  /// Tells a value that `once()` keeps.
  var isWorkedOutOnce: Bool {
    var isOnce = false
    calculation?.root.walk { node in if case .call(.once, _) = node { isOnce = true } }
    return kind == .calculate && isOnce
  }

  /// All its rules, in any order.
  var everyRule: [FormExpression] {
    [required, relevant, constraint, calculation, choiceFilter, initial?.rule].compactMap { $0 }
  }

  /// The same with another choice filter.
  func filtered(by filter: FormExpression) -> FormQuestion { changed(filter: filter, initial: initial) }

  /// The same with nothing standing there at first.
  var withoutDefault: FormQuestion { changed(filter: choiceFilter, initial: nil) }

  private func changed(filter: FormExpression?, initial: FormDefault?) -> FormQuestion {
    FormQuestion(
      name: name, kind: kind, label: label, hint: hint, choiceList: choiceList, required: required, requiredMessage: requiredMessage,
      relevant: relevant, constraint: constraint, constraintMessage: constraintMessage, calculation: calculation, choiceFilter: filter,
      initial: initial, appearance: appearance, maxPixels: maxPixels)
  }
}

/// What kind of answer a question takes. Raw values are the words of XLSForm.
public enum QuestionKind: String, Sendable, Hashable, CaseIterable, Codable {
  case selectOne = "select_one"
  case selectMultiple = "select_multiple"
  /// All choices of a list, the best first.
  case rank
  case integer, decimal, text
  /// `YYYY-MM-DD`.
  case date
  /// `HH:MM`, 24 hours.
  case time
  /// `YYYY-MM-DDTHH:MM`, local time.
  case dateTime
  /// The name or content address of an attachment.
  case image
  /// `latitude longitude`, in degrees, with altitude and accuracy in metres where they are known.
  case geopoint
  /// A value the form computes.
  case calculate
  /// A text to read; takes no answer.
  case note
  /// A value the carrier knows, such as the unit from the link: seen by expressions, never stored among the answers.
  case hidden

  /// Whether a person answers it.
  public var isAsked: Bool {
    switch self {
    case .calculate, .note, .hidden: false
    default: true
    }
  }

  public var hasChoices: Bool { self == .selectOne || self == .selectMultiple || self == .rank }
}

/// What a question is answered with before anybody answers it.
public enum FormDefault: Sendable, Hashable {
  /// As a person would write the answer.
  case literal(String)
  /// Worked out once, when the question is first shown.
  case rule(FormExpression)

  /// Whether what an author wrote is a rule and not an answer: it calls a function, names a question, or reckons.
  static func isRule(_ text: String, for kind: QuestionKind) -> Bool {
    if text.contains("${") { return true }
    guard let expression = try? FormExpression(text) else { return false }
    var isRule = false
    expression.root.walk { node in
      switch node {
      case .call, .reference, .path, .matches: isRule = true
      case .binary: if kind == .integer || kind == .decimal { isRule = true }
      default: break
      }
    }
    return isRule
  }

  var rule: FormExpression? {
    if case .rule(let rule) = self { rule } else { nil }
  }
}

/// One choice of a list.
public struct FormChoice: Sendable, Hashable {
  /// What an answer stores.
  public let name: String
  public let label: FormText
  /// Further columns of the choices sheet, for choice filters; none blank.
  public let attributes: [String: String]

  public init(name: String, label: FormText, attributes: [String: String] = [:]) {
    self.name = name
    self.label = label
    self.attributes = attributes
  }

  /// What a choice filter sees.
  var columns: [String: String] { attributes.merging(["name": name]) { _, name in name } }
}
