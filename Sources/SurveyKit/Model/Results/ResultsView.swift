public import SyncCore

/// Results as they may be shown to anyone with a right to results: withheld values are not in it, in any form.
///
/// `Codable`, so that pages, exports and the API show the same. `ResultsQuery.view()` makes it.
public struct ResultsView: Sendable, Hashable, Codable {
  /// Units in the tree's order: province, districts, communes.
  public var units: [UnitResult]
  /// Questions in the form's order.
  public var questions: [QuestionHeading]

  public init(units: [UnitResult], questions: [QuestionHeading]) {
    self.units = units
    self.questions = questions
  }

  public subscript(unit: UnitCode) -> UnitResult? {
    units.first { $0.unit == unit }
  }
}

/// Words of a question.
public struct QuestionHeading: Sendable, Hashable, Codable {
  public var id: String
  public var label: LocalizedText
  public var choices: [ChoiceHeading]

  public init(id: String, label: LocalizedText, choices: [ChoiceHeading]) {
    self.id = id
    self.label = label
    self.choices = choices
  }
}

/// Words of a choice.
public struct ChoiceHeading: Sendable, Hashable, Codable {
  public var id: String
  public var label: LocalizedText

  public init(id: String, label: LocalizedText) {
    self.id = id
    self.label = label
  }
}

/// Results of one unit, itself and everything below.
public struct UnitResult: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// Name to show, with the district.
  public var name: String
  public var level: UnitLevel
  /// Reason why the whole unit is not shown; `nil` when it is.
  public var withheld: WithheldReason?
  public var questions: [QuestionResult]

  public init(unit: UnitCode, name: String, level: UnitLevel, withheld: WithheldReason?, questions: [QuestionResult]) {
    self.unit = unit
    self.name = name
    self.level = level
    self.withheld = withheld
    self.questions = questions
  }

  public subscript(question: String) -> QuestionResult? {
    questions.first { $0.question == question }
  }
}

/// Results of one question in one unit.
public struct QuestionResult: Sendable, Hashable, Codable {
  public var question: String
  /// Number of people who answered it; only beside exact counts.
  public var answered: Int?
  /// Choices, in the form's order; none for a number.
  public var choices: [ChoiceResult]
  /// Mean of a number question.
  public var mean: MeanCell?
  /// Release that it is from, when newer ones left it unchanged: the answers since would have revealed somebody.
  public var asOf: Int?

  public init(question: String, answered: Int?, choices: [ChoiceResult], mean: MeanCell?) {
    self.question = question
    self.answered = answered
    self.choices = choices
    self.mean = mean
  }

  public subscript(choice: String) -> ResultCell? {
    choices.first { $0.choice == choice }?.cell
  }
}

/// Result of one choice in one unit.
public struct ChoiceResult: Sendable, Hashable, Codable {
  public var choice: String
  public var cell: ResultCell

  public init(choice: String, cell: ResultCell) {
    self.choice = choice
    self.cell = cell
  }
}
