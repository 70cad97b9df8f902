/// Form after certain answers: settled once, for looking at many of its questions.
///
/// Judges and offers as `AnswerValidator` does with the same answers.
public struct FormStanding: Sendable {
  private let validator: AnswerValidator
  /// The answers it stands after.
  public let given: [String: AnswerValue]
  let settled: SettledAnswers

  /// Settles the answers given so far.
  public init(_ validator: AnswerValidator, after given: [String: AnswerValue]) {
    (self.validator, self.given, settled) = (validator, given, validator.settled(after: given))
  }

  /// Lets go of answers that are no longer asked, and settles the others.
  init(_ validator: AnswerValidator, keepingAskedOf answers: [String: AnswerValue]) {
    self.validator = validator
    (given, settled) = validator.remaining(of: answers)
  }

  /// Everything that is asked.
  public var asked: AskedItems { AskedItems(outer: settled.relevant, inside: settled.relevantInside) }

  /// The form's texts as they read.
  public var filling: TextFilling { TextFilling(settled) }

  /// - Parameter number: The filling-in of the repeat that the question stands in; nil outside repeats.
  public func check(_ answer: AnswerValue?, to name: String, number: Int? = nil) -> Result<AnswerValue?, AnswerFaults> {
    validator.check(answer, to: name, in: scope(of: name, number))
  }

  /// The choices that a question offers.
  public func offeredChoices(of name: String, number: Int? = nil) -> [FormChoice] {
    guard let question = validator.question(named: name) else { return [] }
    guard question.choiceFilter != nil else { return validator.form.choices(of: question) }
    return validator.offered(question, in: scope(of: name, number))
  }

  /// Returns the answer that a question begins with.
  public func initialAnswer(to name: String, number: Int? = nil) -> AnswerValue? {
    validator.initialAnswer(to: name) { scope(of: name, number) }
  }

  private func scope(of name: String, _ number: Int?) -> ExpressionScope {
    guard let home = validator.home(of: name) else { return settled.scope }
    guard let number, settled.scope.numbers[home]?.contains(number) == true else {
      return validator.scope(of: name, given: given, instance: [:], number: number)
    }
    return settled.scope(in: home, number)
  }
}
