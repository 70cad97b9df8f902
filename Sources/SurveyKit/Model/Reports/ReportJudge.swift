internal import Foundation
internal import SyncCore

/// Judges a report's answers by its edition of the form, by whatever way they came: filed, corrected, decided or merged.
///
/// The judgement is a pure function of the row, the edition and the headcount: `today()` is the report's own day, so no clock takes
/// part. Values that the form calculates are computed again, not read.
public struct ReportJudge: Sendable {
  private let validator: AnswerValidator
  /// Day of the report.
  private let day: CalendarDay?
  /// Answers to hidden questions.
  private let carried: [String: AnswerValue]
  private let knowsStaff: Bool
  /// Repeat in which a question stands.
  private let homes: [String: String]

  public var form: Form { validator.form }

  /// Makes a judge.
  ///
  /// - Parameters:
  ///   - unit: Code of the commune that reports.
  ///   - day: Day of the report; nil when it has none that can be read.
  ///   - staff: Headcount of the commune, if known.
  public init(form: Form, unit: String, day: CalendarDay?, staff: Headcount.Staff? = nil) {
    self.init(AnswerValidator(form: form, today: CalendarDay.first.description), unit: unit, day: day, staff: staff)
  }

  /// Makes a judge with a validator that was prepared earlier, whose day is ignored.
  package init(_ validator: AnswerValidator, unit: String, day: CalendarDay?, staff: Headcount.Staff?) {
    var validator = validator
    if let day { validator.today = day.description }
    validator.dayQuestion = validator.form.dayQuestion
    self.validator = validator
    self.day = day
    knowsStaff = staff != nil
    carried = Self.carried(validator.form, unit: unit, staff: staff)
    let inside = validator.form.repeats.flatMap { section in validator.form.questions(in: section).map { ($0, section.name) } }
    homes = Dictionary(inside, uniquingKeysWith: { first, _ in first })
  }

  /// Returns the values of hidden questions, which nobody is asked. A hidden question named like a column of the headcount has that
  /// number; any other without a default of its own has the unit's code.
  public static func carried(_ form: Form, unit: String, staff: Headcount.Staff?) -> [String: AnswerValue] {
    let counts = staff.map {
      ["officials": $0.officials, "civil_servants": $0.civilServants, "part_time": $0.partTime, "eligible": $0.eligible]
    }
    let previous = Set(ReportFlags.previous(of: form).map(\.hidden))
    let hidden = form.questions.filter { $0.kind == .hidden && $0.initial == nil && !previous.contains($0.name) }.map { question in
      (question.name, counts?[question.name].map(AnswerValue.integer) ?? .text(unit))
    }
    return Dictionary(hidden, uniquingKeysWith: { first, _ in first })
  }

  private func judged(_ answers: [String: AnswerValue]) -> (values: [String: AnswerValue], faults: [AnswerFault]) {
    var (values, faults) = validator.judged(answers.without(validator.calculated).merging(carried) { $1 })
    if let day, let question = validator.dayQuestion, case .date(let said)? = values[question], said != day.description {
      faults.append(AnswerFault(question: question, kind: .dayDiffers, message: AnswerMessage.dayDiffers(day)))
    }
    return (values, faults)
  }

  /// Returns the answers as a report shows them: without others' calculated values, and with what the form calculates outside
  /// repeats.
  public func settled(_ answers: [String: AnswerValue]) -> [String: AnswerValue] {
    guard !validator.calculated.isEmpty else { return answers }
    let computed = judged(answers).values.filter { validator.calculated.contains($0.key) }
    return answers.without(validator.calculated).merging(computed) { $1 }
  }

  /// Returns what the form asks after answers and those of the report before, and the values that its rules see.
  func asked(in answers: [String: AnswerValue], after previous: [String: AnswerValue]) -> (items: AskedItems, values: [String: AnswerValue])
  {
    var values = settled(answers).merging(carried) { $1 }
    for (hidden, question) in ReportFlags.previous(of: form) { values[hidden] = previous[question] }
    if !knowsStaff { for column in Headcount.columns { values[column] = nil } }
    return (validator.asked(after: values.without(validator.calculated)), values)
  }

  /// Returns all contradictions of the answers with the form, in its order.
  public func faults(in answers: [String: AnswerValue]) -> [AnswerFault] { judged(answers).faults }

  /// Returns the answers of a report that is filed or corrected, or their faults.
  ///
  /// A correction is judged by what it changes: an earlier fault that is left alone may stay.
  ///
  /// - Parameter standing: Standing answers; nil for a report that nobody filed yet.
  public func judge(_ answers: [String: AnswerValue], over standing: [String: AnswerValue]?) -> Result<ValidatedAnswers, AnswerFaults> {
    let (values, found) = judged(answers)
    let known = Set(standing.map { faults(in: $0).map(Place.init) } ?? [])
    let new = found.filter { fault in
      guard known.contains(Place(fault)), let standing else { return true }
      let home = homes[fault.question] ?? fault.question
      return standing[home]?.json != answers[home]?.json
    }
    guard new.isEmpty else { return .failure(AnswerFaults(faults: new)) }
    var kept = values
    for fault in found {
      let home = homes[fault.question] ?? fault.question
      kept[home] = answers[home]
    }
    return .success(ValidatedAnswers(validator, values: kept))
  }

  private struct Place: Hashable {
    let question: String
    let instance: Int?
    let kind: AnswerFault.Kind

    init(_ fault: AnswerFault) { (question, instance, kind) = (fault.question, fault.instance, fault.kind) }
  }

  /// Returns a typed answer in place of the standing one: a text as `AnswerValidator` reads it, or JSON; empty for none.
  ///
  /// - Returns: The answer in canonical spelling; nil for none.
  public func answer(
    typed text: String, to question: String, over standing: [String: AnswerValue]
  ) -> Result<AnswerValue?, AnswerFaults> {
    guard !validator.calculated.contains(question) else {
      return .failure(AnswerFaults(faults: [AnswerFault(question: question, kind: .malformed, message: AnswerMessage.calculated)]))
    }
    var answers = standing
    let typed = Self.value(typed: text)
    answers[question] = typed
    // Judges an unchanged answer like a changed one.
    var before = standing
    if before[question]?.json == typed?.json { before[question] = nil }
    return judge(answers, over: before).map { $0.given[question] }
  }

  private static func value(typed text: String) -> AnswerValue? {
    let trimmed = text.nfc.trimmingWhitespace
    guard !trimmed.isEmpty else { return nil }
    switch CanonicalJSON.parse(Data(trimmed.utf8), depthMax: AnswerValue.answersJSONDepthMax) {
    case .string(let text)?: return .text(text)
    case let json?:
      if case .array = json, let value = (try? AnswerValue.answers(fromJSON: CanonicalJSON.object(["a": json]).data))?["a"] { return value }
    case nil: break
    }
    return .text(trimmed)
  }
}
