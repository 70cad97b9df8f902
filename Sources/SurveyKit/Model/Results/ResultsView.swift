public import SyncCore

/// The results as they may be shown to anyone with a right to results: what is withheld is not in it, in any form.
///
/// `Codable`, so that pages, exports and the API show the same thing. `ResultsQuery.view()` makes it.
public struct ResultsView: Sendable, Hashable, Codable {
  /// In the tree's order: province, districts, communes.
  public var units: [UnitResult]
  /// In the form's order.
  public var questions: [QuestionHeading]

  public init(units: [UnitResult], questions: [QuestionHeading]) {
    self.units = units
    self.questions = questions
  }

  public subscript(unit: UnitCode) -> UnitResult? {
    units.first { $0.unit == unit }
  }
}

/// A question's words.
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

/// A choice's words.
public struct ChoiceHeading: Sendable, Hashable, Codable {
  public var id: String
  public var label: LocalizedText

  public init(id: String, label: LocalizedText) {
    self.id = id
    self.label = label
  }
}

/// The results of one unit, itself and everything below.
public struct UnitResult: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// The name to show, with the district.
  public var name: String
  public var level: UnitLevel
  /// Why the whole unit is not shown; `nil` when it is.
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

/// The results of one question in one unit.
public struct QuestionResult: Sendable, Hashable, Codable {
  public var question: String
  /// How many answered it; only beside exact counts.
  public var answered: Int?
  /// One per choice, in the form's order; none for a number.
  public var choices: [ChoiceResult]
  /// For a number.
  public var mean: MeanCell?
  /// The release it is of, where newer ones left it as it was: what came since would have given somebody away.
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

/// One choice in one unit.
public struct ChoiceResult: Sendable, Hashable, Codable {
  public var choice: String
  public var cell: ResultCell

  public init(choice: String, cell: ResultCell) {
    self.choice = choice
    self.cell = cell
  }
}
