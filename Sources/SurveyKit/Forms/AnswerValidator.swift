public import Foundation
internal import SyncKit

/// Judges answers against a form, as a whole or question by question.
///
/// The same validator serves every way in: the page, the terminal, a file of answers, another hub. It reads no clock: the day
/// is given, so that the same answers get the same verdict wherever and whenever they are judged.
///
/// Answers to `hidden` questions are what the carrier knows (the unit, for instance): expressions see them, nothing stores them.
/// Answers to `calculate` are ignored and computed afresh.
public struct AnswerValidator: Sendable {
  /// Most times a repeat may be filled in.
  public static let repeatInstancesMax = 100

  public let form: Form
  /// `YYYY-MM-DD`, what `today()` means.
  public var today: String
  private let index: FormIndex
  /// Names that answers may use outside repeats.
  private let names: Set<String>
  /// Place of every item in the form, for faults in the order of the form.
  private let places: [String: Int]

  /// - Parameter today: The day of the answers, `YYYY-MM-DD`, in the campaign's zone.
  /// - Complexity: Prepares the form once; keep the validator to judge many answers.
  public init(form: Form, today: String) {
    self.form = form
    self.today = today
    index = FormIndex(form)
    names = Set(index.outer.places.keys).union(index.repeats.map(\.section.name))
    places = Dictionary(FormOutline(form.items).entries.map { ($0.item.name, $0.ordinal) }, uniquingKeysWith: { first, _ in first })
  }

  /// The answers in their one spelling, or everything that is wrong with them in the order of the form.
  public func validate(_ answers: [String: AnswerValue]) -> Result<ValidatedAnswers, AnswerFaults> {
    var faults = answers.keys.filter { !names.contains($0) }.sorted().map {
      AnswerFault(question: $0, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion)
    }
    let outer = judge(index.outer, answers, outer: [:], instance: nil)
    var values = outer.values
    var found = outer.faults
    for section in index.repeats {
      let judged = judge(section, answers[section.section.name], outer: outer.settled.values)
      if !judged.instances.isEmpty { values[section.section.name] = .instances(judged.instances) }
      found += judged.faults
    }
    let inOrder = found.enumerated().sorted {
      (places[$0.element.question] ?? 0, $0.offset) < (places[$1.element.question] ?? 0, $1.offset)
    }
    faults += inOrder.map(\.element)
    guard faults.isEmpty else { return .failure(AnswerFaults(faults: faults)) }
    return .success(ValidatedAnswers(formID: form.id, formVersion: form.version, values: values))
  }

  /// As `validate(_:)`, for answers as JSON: what a page sends, what another program stored.
  public func validate(json: Data) -> Result<ValidatedAnswers, AnswerFaults> {
    do throws(AnswerFaults) {
      return validate(try AnswerValue.answers(fromJSON: json))
    } catch {
      return .failure(error)
    }
  }

  // MARK: One question at a time

  /// Whether a question, a group's question or a repeat is to be asked after the answers given so far.
  ///
  /// - Parameters:
  ///   - name: Of a question or a repeat; an unknown name is never relevant.
  ///   - given: Answers so far, outside repeats.
  ///   - instance: Answers so far in the filling-in of the repeat the question stands in.
  public func isRelevant(_ name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:]) -> Bool {
    let outer = settle(index.outer, given, outer: [:])
    if index.outer[name] != nil { return outer.relevant.contains(name) }
    let scope = ExpressionScope(today: today, values: outer.values)
    for section in index.repeats {
      guard section.section.name == name || section.scope[name] != nil else { continue }
      guard section.conditions.allSatisfy({ $0.holds(in: scope) }) else { return false }
      return section.section.name == name || settle(section.scope, instance, outer: outer.values).relevant.contains(name)
    }
    return false
  }

  /// The answer to one question in its one spelling (nil: left blank), or what is wrong with it after the answers so far.
  ///
  /// A blank answer to a required question is a fault; whether the question is asked at all is not looked at.
  public func check(
    _ answer: AnswerValue?, to name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:]
  ) -> Result<AnswerValue?, AnswerFaults> {
    let outer = settle(index.outer, given, outer: [:])
    let section = index.repeats.first { $0.scope[name] != nil }
    guard let entry = index.outer[name] ?? section?.scope[name] else {
      let fault = AnswerFault(question: name, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion)
      return .failure(AnswerFaults(faults: [fault]))
    }
    var values = outer.values
    if let section { values = settle(section.scope, instance, outer: outer.values).values }
    let reading = read(answer, entry)
    values[name] = reading.expressionValue
    if let fault = fault(of: reading, entry, values: values, instance: nil) { return .failure(AnswerFaults(faults: [fault])) }
    if case .value(let value) = reading { return .success(value) }
    return .success(nil)
  }

  /// The value a `calculate` has after the answers given so far; nil when it has none.
  public func calculated(_ name: String, given: [String: AnswerValue]) -> AnswerValue? {
    settle(index.outer, given, outer: [:]).values[name].flatMap(Self.answer)
  }

  /// The answers without those to questions that are not asked: what remains when a respondent goes back and changes a reply.
  public func withoutIrrelevant(_ answers: [String: AnswerValue]) -> [String: AnswerValue] {
    let outer = settle(index.outer, answers, outer: [:])
    let scope = ExpressionScope(today: today, values: outer.values)
    var kept = answers.filter { outer.relevant.contains($0.key) }
    for section in index.repeats {
      guard case .instances(let instances)? = answers[section.section.name],
        section.conditions.allSatisfy({ $0.holds(in: scope) })
      else { continue }
      kept[section.section.name] = .instances(
        instances.map { instance in
          let inner = settle(section.scope, instance, outer: outer.values)
          return instance.filter { inner.relevant.contains($0.key) }
        })
    }
    return kept
  }
}

// MARK: - Judging a scope

extension AnswerValidator {
  private struct Judgement {
    var values: [String: AnswerValue] = [:]
    var faults: [AnswerFault] = []
    let settled: SettledAnswers
  }

  private func read(_ answer: AnswerValue?, _ entry: FormIndex.Entry) -> AnswerReader.Reading {
    AnswerReader.read(answer, for: entry.question, choices: form.choices(of: entry.question))
  }

  private func settle(_ scope: FormIndex.Scope, _ answers: [String: AnswerValue], outer: [String: ExpressionValue]) -> SettledAnswers {
    var raw: [String: ExpressionValue] = [:]
    for entry in scope.entries { raw[entry.question.name] = read(answers[entry.question.name], entry).expressionValue }
    return SettledAnswers(scope, raw: raw, outer: outer, today: today)
  }

  private func judge(
    _ scope: FormIndex.Scope, _ answers: [String: AnswerValue], outer: [String: ExpressionValue], instance: Int?
  ) -> Judgement {
    let readings = scope.entries.map { read(answers[$0.question.name], $0) }
    var raw: [String: ExpressionValue] = [:]
    for (entry, reading) in zip(scope.entries, readings) { raw[entry.question.name] = reading.expressionValue }
    var judgement = Judgement(settled: SettledAnswers(scope, raw: raw, outer: outer, today: today))
    for (entry, reading) in zip(scope.entries, readings) {
      let question = entry.question
      guard judgement.settled.relevant.contains(question.name) else {
        if !reading.isBlank, question.kind.isAsked {
          judgement.faults.append(
            AnswerFault(question: question.name, instance: instance, kind: .notRelevant, message: AnswerMessage.notRelevant))
        }
        continue
      }
      if question.kind == .calculate {
        judgement.values[question.name] = judgement.settled.values[question.name].flatMap(Self.answer)
      } else if question.kind == .note, answers[question.name] != nil {
        judgement.faults.append(
          AnswerFault(question: question.name, instance: instance, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion))
      } else if let fault = fault(of: reading, entry, values: judgement.settled.values, instance: instance) {
        judgement.faults.append(fault)
      } else if case .value(let value) = reading, question.kind != .hidden {
        judgement.values[question.name] = value
      }
    }
    return judgement
  }

  private func judge(
    _ section: FormIndex.Repeat, _ answer: AnswerValue?, outer: [String: ExpressionValue]
  ) -> (instances: [[String: AnswerValue]], faults: [AnswerFault]) {
    func refused(_ kind: AnswerFault.Kind, _ message: LocalizedText) -> (instances: [[String: AnswerValue]], faults: [AnswerFault]) {
      ([], [AnswerFault(question: section.section.name, kind: kind, message: message)])
    }
    let instances: [[String: AnswerValue]]
    switch answer {
    case nil, .choices([]), .text(""): return ([], [])
    case .instances(let several): instances = several
    default: return refused(.malformed, AnswerMessage.malformed)
    }
    let scope = ExpressionScope(today: today, values: outer)
    if !instances.isEmpty, !section.conditions.allSatisfy({ $0.holds(in: scope) }) {
      return refused(.notRelevant, AnswerMessage.notRelevant)
    }
    guard instances.count <= Self.repeatInstancesMax else { return refused(.tooMany, AnswerMessage.tooMany) }
    var values: [[String: AnswerValue]] = []
    var faults: [AnswerFault] = []
    for (number, given) in instances.enumerated() {
      for name in given.keys.sorted() where section.scope[name] == nil {
        faults.append(AnswerFault(question: name, instance: number, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion))
      }
      let judgement = judge(section.scope, given, outer: outer, instance: number)
      faults += judgement.faults
      if !judgement.values.isEmpty { values.append(judgement.values) }
    }
    return (values, faults)
  }

  /// What is wrong with an answer to a question that is asked.
  private func fault(
    of reading: AnswerReader.Reading, _ entry: FormIndex.Entry, values: [String: ExpressionValue], instance: Int?
  ) -> AnswerFault? {
    let question = entry.question
    func fault(_ kind: AnswerFault.Kind, _ message: LocalizedText) -> AnswerFault {
      AnswerFault(question: question.name, instance: instance, kind: kind, message: message)
    }
    switch reading {
    case .fault(let kind, let message, _): return fault(kind, message)
    case .blank:
      guard question.kind.isAsked, let required = question.required,
        required.holds(in: ExpressionScope(today: today, values: values))
      else { return nil }
      return fault(.missingRequired, question.requiredMessage?.localized ?? AnswerMessage.missing)
    case .value(let value):
      guard let constraint = question.constraint else { return nil }
      let scope = ExpressionScope(today: today, values: values, current: value.expressionValue)
      return constraint.holds(in: scope) ? nil : fault(.constraint, question.constraintMessage?.localized ?? AnswerMessage.constraint)
    }
  }

  /// A calculated value as an answer: numbers as numbers, days as days, the empty text and NaN as no answer.
  private static func answer(_ value: ExpressionValue) -> AnswerValue? {
    switch value {
    case .string(let text): return text.isEmpty ? nil : .text(text)
    case .boolean(let value): return .text(value ? "true" : "false")
    case .date: return .date(value.text)
    case .number(let number):
      guard number.isFinite, abs(number) < 1e15 else { return nil }
      return number == number.rounded() ? .integer(Int(number)) : .decimal(number)
    }
  }
}
