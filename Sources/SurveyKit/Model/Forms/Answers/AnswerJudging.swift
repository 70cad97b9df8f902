internal import Foundation
internal import SyncCore

extension AnswerValidator {
  func judge(
    _ scope: FormIndex.Scope, _ readings: [String: AnswerReader.Reading], _ relevant: Set<String>, _ context: ExpressionScope,
    instance: Int?, _ faults: inout [AnswerFault]
  ) -> [String: AnswerValue] {
    var values: [String: AnswerValue] = [:]
    for entry in scope.entries {
      let question = entry.question
      let reading = readings[question.name] ?? .blank
      guard relevant.contains(question.name) else {
        if !reading.isBlank, question.kind.isAsked {
          faults.append(AnswerFault(question: question.name, instance: instance, kind: .notRelevant, message: AnswerMessage.notRelevant))
        }
        continue
      }
      if question.kind == .calculate {
        values[question.name] = (context.instance[question.name] ?? context.values[question.name]).flatMap(Self.answer)
      } else if let fault = fault(of: reading, entry, in: context, instance: instance) {
        faults.append(fault)
      } else if case .value(let value) = reading, question.kind != .hidden {
        values[question.name] = value
      }
    }
    return values
  }

  /// - Parameters:
  ///   - outer: Number of the filling-in of the repeat around it.
  ///   - answers: Of that filling-in.
  func judge(
    _ section: FormIndex.Repeat, inside outer: Int?, of answers: [String: AnswerValue], _ readings: Readings, _ settled: SettledAnswers,
    _ faults: inout [AnswerFault]
  ) -> [[String: AnswerValue]] {
    var given: [[String: AnswerValue]] = []
    if case .instances(let instances)? = answers[section.name], readings.repeats[section.name]?[RepeatNumber.inside(outer, 1)] != nil {
      given = instances
    }
    let isCounted = section.section.count != nil
    if isCounted {
      // Asked a known number of times, also where nothing was answered.
      while given.count < settled.count(of: section.name, inside: outer) { given.append([:]) }
    }
    guard !given.isEmpty else { return [] }
    guard settled.isAsked(section, inside: outer) else {
      faults.append(
        AnswerFault(question: section.name, instance: outer.map { $0 - 1 }, kind: .notRelevant, message: AnswerMessage.notRelevant))
      return []
    }
    let inner = section.inner.map { index.repeats[$0] }
    var values: [[String: AnswerValue]] = []
    for (place, instance) in given.enumerated() {
      let number = RepeatNumber.inside(outer, place + 1)
      for name in instance.keys.sorted() where !inner.contains(where: { $0.name == name }) {
        guard section.scope[name].map({ $0.question.kind == .note }) ?? true else { continue }
        faults.append(AnswerFault(question: name, instance: number - 1, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion))
      }
      var judged = judge(
        section.scope, readings.repeats[section.name]?[number] ?? [:], settled.items(in: section.name, number),
        settled.scope(in: section.name, number), instance: number - 1, &faults)
      for own in inner {
        let several = judge(own, inside: number, of: instance, readings, settled, &faults)
        if !several.isEmpty { judged[own.name] = .instances(several) }
      }
      if !judged.isEmpty || isCounted { values.append(judged) }
    }
    return values.allSatisfy(\.isEmpty) ? [] : values
  }

  /// Returns the fault of an answer to a question that is asked; nil without one.
  func fault(
    of reading: AnswerReader.Reading, _ entry: FormIndex.Entry, in scope: ExpressionScope, instance: Int?
  ) -> AnswerFault? {
    let question = entry.question
    func fault(_ kind: AnswerFault.Kind, _ message: LocalizedText) -> AnswerFault {
      AnswerFault(question: question.name, instance: instance, kind: kind, message: message)
    }
    switch reading {
    case .fault(let kind, let message, _): return fault(kind, message)
    case .blank:
      guard question.kind.isAsked, let required = question.required, required.holds(in: scope) else { return nil }
      return fault(.missingRequired, question.requiredMessage.map { message($0, in: scope) } ?? AnswerMessage.missing)
    case .value(let value):
      if question.choiceFilter != nil {
        let names = Set(offered(question, in: scope).map(\.name))
        let taken =
          switch value {
          case .choice(let name): [name]
          case .choices(let several): several
          default: [String]()
          }
        guard taken.allSatisfy(names.contains) else { return fault(.unknownChoice, AnswerMessage.notOffered) }
      }
      guard let constraint = question.constraint else { return nil }
      var scope = scope
      scope.current = value.expressionValue
      return constraint.holds(in: scope)
        ? nil : fault(.constraint, question.constraintMessage.map { message($0, in: scope) } ?? AnswerMessage.constraint)
    }
  }
}
