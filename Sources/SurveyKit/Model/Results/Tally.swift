public import SyncCore

/// Question in results: what may be counted.
public struct TallyQuestion: Sendable, Hashable {
  /// Kind of counting. Free text is never counted.
  public enum Kind: Sendable, Hashable {
    /// A single choice for each answer.
    case single([TallyChoice])
    /// Any number of choices for each answer.
    case multiple([TallyChoice])
    /// A whole number.
    case number
  }

  public var id: String
  public var label: LocalizedText
  public var kind: Kind

  public init(id: String, label: LocalizedText, kind: Kind) {
    self.id = id
    self.label = label
    self.kind = kind
  }

  /// Choices, in the form's order; none for a number.
  public var choices: [TallyChoice] {
    switch kind {
    case .single(let choices), .multiple(let choices): choices
    case .number: []
    }
  }
}

/// Choice of a question.
public struct TallyChoice: Sendable, Hashable {
  public var id: String
  public var label: LocalizedText

  public init(id: String, label: LocalizedText) {
    self.id = id
    self.label = label
  }
}

/// Sums of the released answers of one commune. Never shown as they are: they go through `ResultsQuery`.
public struct UnitTally: Sendable, Hashable {
  /// Answers of one unit.
  public static let answersMax = 10_000_000
  /// Largest magnitude of a number in an answer.
  public static let numberMax = 1_000_000

  /// Answers received.
  public var answers: Int
  /// Tallies by question id; a question without an entry was answered by nobody.
  public var questions: [String: QuestionTally]

  public init(answers: Int, questions: [String: QuestionTally] = [:]) {
    self.answers = answers
    self.questions = questions
  }
}

/// Sums of the answers to one question in one unit.
public struct QuestionTally: Sendable, Hashable, Codable {
  /// Number of people who answered this question.
  public var answered: Int
  /// Numbers of people by choice id; choices without an entry were chosen by nobody.
  public var choices: [String: Int]
  /// Numbers of people by value, for number questions.
  public var histogram: [Int: Int]

  public init(answered: Int, choices: [String: Int] = [:], histogram: [Int: Int] = [:]) {
    self.answered = answered
    self.choices = choices
    self.histogram = histogram
  }

  /// Sum of the numbers. Meaningful after `TallyCheck`; saturates instead of overflowing.
  public var sum: Int {
    histogram.reduce(0) { total, entry in
      let (product, overflow) = entry.key.multipliedReportingOverflow(by: entry.value)
      guard !overflow else { return entry.key < 0 ? .min : .max }
      let (sum, overflows) = total.addingReportingOverflow(product)
      return overflows ? (total < 0 ? .min : .max) : sum
    }
  }
}
