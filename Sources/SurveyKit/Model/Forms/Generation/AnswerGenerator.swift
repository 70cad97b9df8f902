public import SyncCore

/// Invents answers to any form that the form itself accepts: for rehearsals, demonstrations and tests.
///
/// The same form, day and seed give the same answers. Questions are answered in an order in which the rules allow; for each,
/// a few candidates are tried against its constraint. Nothing it writes says anything about anyone.
public struct AnswerGenerator: Sendable {
  /// Most candidates tried for one question.
  public static let candidatesMax = 48
  /// Most times a whole set of answers is mended before giving up.
  public static let attemptsMax = 16

  public let form: Form
  /// `YYYY-MM-DD`; what `today()` means, and the answer to date questions whose constraint allows it.
  public let day: String
  private let validator: AnswerValidator
  private let order: [FormQuestion]

  /// - Parameter day: The day the answers are given on, or that a daily report is about.
  public init(form: Form, day: String) {
    self.form = form
    self.day = day
    validator = AnswerValidator(form: form, today: day)
    let inRepeats = Set(form.repeats.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    order = Self.answeringOrder(form.questions.filter { !inRepeats.contains($0.name) && $0.kind.isAsked }, of: form)
  }

  /// Answers that pass `AnswerValidator`, from a seed.
  public func answers(seed: UInt64, fixed: [String: AnswerValue] = [:]) throws(AnswerGeneratorError) -> ValidatedAnswers {
    var generator = SeededGenerator(seed: seed)
    return try answers(using: &generator, fixed: fixed)
  }

  /// Answers that pass `AnswerValidator`.
  ///
  /// - Parameter fixed: Answers to keep wherever they are asked for: the headcount of a unit, for instance.
  /// - Throws: `AnswerGeneratorError` when no answers were found that satisfy the form's rules.
  public func answers(
    using generator: inout some RandomNumberGenerator, fixed: [String: AnswerValue] = [:]
  ) throws(AnswerGeneratorError) -> ValidatedAnswers {
    var faults: [AnswerFault] = []
    for _ in 0..<Self.attemptsMax {
      var answers = fixed
      var draw = AnswerDraw(form: form, validator: validator, day: day)
      for question in order where fixed[question.name] == nil {
        let standing = validator.standing(of: question.name, given: answers, instance: nil)
        guard standing.isAsked else { continue }
        answers[question.name] = draw.answer(to: question, in: standing.scope, given: answers, instance: nil, using: &generator)
      }
      for section in form.repeats where fixed[section.name] == nil && validator.isRelevant(section.name, given: answers) {
        let instances = self.instances(of: section, chain: [section.name], given: answers, draw: &draw, using: &generator)
        if !instances.isEmpty { answers[section.name] = .instances(instances) }
      }
      switch validator.validate(validator.withoutIrrelevant(answers)) {
      case .success(let valid): return valid
      case .failure(let error): faults = error.faults
      }
    }
    throw AnswerGeneratorError(faults: faults)
  }

  /// The given answers, where the form accepts them as they are.
  func accepted(_ given: [String: AnswerValue]) -> ValidatedAnswers? {
    guard case .success(let valid) = validator.validate(validator.withoutIrrelevant(given)) else { return nil }
    return valid
  }

  /// None, one or two fillings-in; none where only images could be given.
  private func instances(
    of section: FormSection, chain: [String], given: [String: AnswerValue], draw: inout AnswerDraw,
    using generator: inout some RandomNumberGenerator
  ) -> [[String: AnswerValue]] {
    let inner = FormItem.repeats(in: section.items)
    let others = Set(inner.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    let own = FormItem.questions(in: section.items).filter { $0.kind.isAsked && !others.contains($0.name) }
    let questions = Self.answeringOrder(own, of: form)
    var instances: [[String: AnswerValue]] = []
    for _ in 0..<Int.random(in: 0...2, using: &generator) {
      var instance: [String: AnswerValue] = [:]
      for question in questions {
        let standing = validator.standing(of: question.name, given: given, instance: instance)
        guard standing.isAsked else { continue }
        instance[question.name] = draw.answer(to: question, in: standing.scope, given: given, instance: instance, using: &generator)
      }
      for section in inner {
        let outer = RepeatNumber.outer(given.nextNumber(of: chain))
        let sofar = given.setting(given.instances(of: chain, inside: outer) + [instance], of: chain, inside: outer)
        guard validator.isRelevant(section.name, given: sofar, instance: instance, number: sofar.nextNumber(of: chain) - 1) else {
          continue
        }
        let filled = self.instances(of: section, chain: chain + [section.name], given: sofar, draw: &draw, using: &generator)
        if !filled.isEmpty { instance[section.name] = .instances(filled) }
      }
      if !instance.isEmpty { instances.append(instance) }
    }
    return instances
  }

  /// Those that a question's rules mention come before it; otherwise the form's order.
  private static func answeringOrder(_ questions: [FormQuestion], of form: Form) -> [FormQuestion] {
    var conditions: [String: [String]] = [:]
    for entry in FormOutline(form.items).entries { conditions[entry.item.name] = entry.conditions.flatMap(\.references) }
    var calculations: [String: [String]] = [:]
    for question in form.questions { calculations[question.name] = question.calculation?.references }
    let items = questions.map { question in
      let rules = [question.relevant, question.required, question.constraint].compactMap { $0 }
      let direct = rules.flatMap(\.references) + (conditions[question.name] ?? [])
      let indirect = direct.flatMap { calculations[$0] ?? [] }
      return (name: question.name, dependencies: (direct + indirect).filter { $0 != question.name })
    }
    return DependencyOrder(items).order.map { questions[$0] }
  }
}

/// No answers were found that a form accepts: its rules contradict one another, or are beyond guessing.
public struct AnswerGeneratorError: ExplainedError, Hashable {
  /// What was still wrong with the last attempt.
  public let faults: [AnswerFault]

  public var explanation: LocalizedText {
    let names = Set(faults.map(\.question)).sorted().joined(separator: ", ")
    return LocalizedText(
      vi: "Không tìm được câu trả lời thử phù hợp cho: \(names); hãy xem lại quy tắc của các câu này.",
      en: "No rehearsal answers were found for: \(names); look at the rules of these questions.")
  }
}
