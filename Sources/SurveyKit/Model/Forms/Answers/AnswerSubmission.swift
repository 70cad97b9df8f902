/// One answered form on its way into the drop box.
public struct AnswerSubmission: Sendable, Hashable {
  public var answers: ValidatedAnswers
  public var unit: UnitCode
  /// The day it was answered, in the campaign's zone: nothing finer is kept. Nil where nobody said it and no clock could be believed.
  public var day: CalendarDay?
  /// Code of the language the respondent used.
  public var language: String
  /// 32 hexadecimal digits by which the hub keeps an answer once; nil draws them at random.
  public var id: String?
  /// Of an answer that bears a number of elsewhere: the id that earlier programs made from the number alone.
  public var earlierID: String?

  public init(
    _ answers: ValidatedAnswers, unit: UnitCode, day: CalendarDay?, language: String, id: String? = nil, earlierID: String? = nil
  ) {
    self.answers = answers
    self.unit = unit
    self.day = day
    self.language = language
    self.id = id
    self.earlierID = earlierID
  }
}
