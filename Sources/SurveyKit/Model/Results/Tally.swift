public import SyncCore

/// One question as results know it: what may be counted.
public struct TallyQuestion: Sendable, Hashable {
  /// How answers are counted. Free text has no place here.
  public enum Kind: Sendable, Hashable {
    /// One choice per answer.
    case single([TallyChoice])
    /// Any number of choices per answer.
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

  /// The choices, in the form's order; none for a number.
  public var choices: [TallyChoice] {
    switch kind {
    case .single(let choices), .multiple(let choices): choices
    case .number: []
    }
  }
}

/// One choice of a question.
public struct TallyChoice: Sendable, Hashable {
  public var id: String
  public var label: LocalizedText

  public init(id: String, label: LocalizedText) {
    self.id = id
    self.label = label
  }
}

/// What the released answers of one commune add up to. Never shown as it is: it goes through `ResultsQuery`.
public struct UnitTally: Sendable, Hashable {
  /// The most answers of one unit.
  public static let answersMax = 10_000_000
  /// The largest number an answer may hold, either way.
  public static let numberMax = 1_000_000

  /// Answers received.
  public var answers: Int
  /// By question id; a question that is not here was answered by nobody.
  public var questions: [String: QuestionTally]

  public init(answers: Int, questions: [String: QuestionTally] = [:]) {
    self.answers = answers
    self.questions = questions
  }
}

/// What the answers to one question in one unit add up to.
public struct QuestionTally: Sendable, Hashable, Codable {
  /// How many answered this question.
  public var answered: Int
  /// Choice id → how many chose it; choices not here were chosen by nobody.
  public var choices: [String: Int]
  /// For numbers: value → how many gave it.
  public var histogram: [Int: Int]

  public init(answered: Int, choices: [String: Int] = [:], histogram: [Int: Int] = [:]) {
    self.answered = answered
    self.choices = choices
    self.histogram = histogram
  }

  /// The numbers' sum. Meaningful after `TallyCheck`; saturates instead of overflowing.
  public var sum: Int {
    histogram.reduce(0) { total, entry in
      let (product, overflow) = entry.key.multipliedReportingOverflow(by: entry.value)
      guard !overflow else { return entry.key < 0 ? .min : .max }
      let (sum, overflows) = total.addingReportingOverflow(product)
      return overflows ? (total < 0 ? .min : .max) : sum
    }
  }
}
