public import Foundation
internal import SyncCore

/// Judges answers against a form, as a whole or question by question.
///
/// The same validator serves every way in: the page, the terminal, a file of answers, another hub. It reads no clock: the day
/// is given, so that the same answers get the same verdict wherever and whenever they are judged.
///
/// Answers to `hidden` questions are what the carrier knows (the unit, for instance): expressions see them, nothing stores them.
/// Answers to `calculate` are ignored and computed afresh.
public struct AnswerValidator: Sendable {
  /// Most times a repeat may be filled in.
  public static let repeatInstancesMax = RepeatNumber.repeatInstancesMax

  public let form: Form
  /// `YYYY-MM-DD`, what `today()` means.
  public var today: String
  public let digest: String
  /// Name of the question whose answer is the day all answers are about: `today()` is then that day, whatever a clock says.
  public var dayQuestion: String?
  let index: FormIndex
  /// Names that answers may use outside repeats.
  private let names: Set<String>
  /// Names of what the form calculates.
  package let calculated: Set<String>
  /// Place of every item in the form, for faults in the order of the form.
  private let places: [String: Int]

  /// - Parameter today: The day of the answers, `YYYY-MM-DD`, in the campaign's zone.
  /// - Complexity: Prepares the form once; keep the validator to judge many answers.
  public init(form: Form, today: String) {
    self.form = form
    self.today = today
    digest = form.digest
    index = FormIndex(form)
    names = Set(index.outer.places.keys).union(index.repeats.filter { $0.outer == nil }.map(\.name))
    calculated = form.calculated
    places = Dictionary(FormOutline(form.items).entries.map { ($0.item.name, $0.ordinal) }, uniquingKeysWith: { first, _ in first })
  }

  /// The answers in their one spelling, or everything that is wrong with them in the order of the form.
  public func validate(_ answers: [String: AnswerValue]) -> Result<ValidatedAnswers, AnswerFaults> {
    let (values, faults) = judged(answers)
    guard faults.isEmpty else { return .failure(AnswerFaults(faults: faults)) }
    return .success(ValidatedAnswers(self, values: values))
  }

  /// What the form takes of the answers, calculated values filled in, and everything that is wrong with the others in the order of
  /// the form.
  func judged(_ answers: [String: AnswerValue]) -> (values: [String: AnswerValue], faults: [AnswerFault]) {
    let faults = answers.keys.filter { !names.contains($0) || index.outer[$0]?.question.kind == .note }.sorted().map {
      AnswerFault(question: $0, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion)
    }
    let readings = read(answers)
    let settled = settle(readings)
    var found = readings.faults
    var values = judge(index.outer, readings.outer, settled.relevant, settled.scope, instance: nil, &found)
    for section in index.repeats where section.outer == nil {
      let judged = judge(section, inside: nil, of: answers, readings, settled, &found)
      if !judged.isEmpty { values[section.name] = .instances(judged) }
    }
    let inOrder = found.enumerated().sorted {
      (places[$0.element.question] ?? 0, $0.offset) < (places[$1.element.question] ?? 0, $1.offset)
    }
    return (values, faults + inOrder.map(\.element))
  }

  /// As `validate(_:)`, for answers as JSON: what a page sends, what another program stored.
  public func validate(json: Data) -> Result<ValidatedAnswers, AnswerFaults> {
    do throws(AnswerFaults) {
      return validate(try AnswerValue.answers(fromJSON: json))
    } catch {
      return .failure(error)
    }
  }

  /// Everything that is asked after the answers given so far: what a page shows.
  public func asked(after given: [String: AnswerValue]) -> AskedItems {
    let settled = settled(after: given)
    return AskedItems(outer: settled.relevant, inside: settled.relevantInside)
  }

  func settled(after given: [String: AnswerValue]) -> SettledAnswers { settle(read(given)) }

  // MARK: One question at a time

  /// Whether a question, a group's question or a repeat is to be asked after the answers given so far.
  ///
  /// - Parameters:
  ///   - name: Of a question or a repeat; an unknown name is never relevant.
  ///   - given: Answers so far; those of repeats may be among them.
  ///   - instance: Answers so far in the filling-in of the repeat the question stands in.
  ///   - number: Which filling-in that is (`RepeatNumber`); nil is one after those in `given`.
  public func isRelevant(
    _ name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:], number: Int? = nil
  ) -> Bool {
    guard let home = index.home(of: name) else { return settle(read(given)).relevant.contains(name) }
    let (settled, number) = settle(given, instance, in: home, number)
    return settled.items(in: home.name, number).contains(name)
  }

  /// The answer to one question in its one spelling (nil: left blank), or what is wrong with it after the answers so far.
  ///
  /// A blank answer to a required question is a fault; whether the question is asked at all is not looked at.
  public func check(
    _ answer: AnswerValue?, to name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:], number: Int? = nil
  ) -> Result<AnswerValue?, AnswerFaults> {
    check(answer, to: name, in: scope(of: name, given: given, instance: instance, number: number))
  }

  /// Tells if a question is asked after the answers given so far, and gives the scope of its rules.
  func standing(
    of name: String, given: [String: AnswerValue], instance: [String: AnswerValue]?
  ) -> (isAsked: Bool, scope: ExpressionScope) {
    guard let home = index.home(of: name) else {
      let settled = settle(read(given))
      return (settled.relevant.contains(name), settled.scope)
    }
    let (settled, number) = settle(given, instance ?? [:], in: home, nil)
    return (settled.items(in: home.name, number).contains(name), settled.scope(in: home.name, number))
  }

  /// The same as `check(_:to:given:instance:number:)`, of several answers to one question.
  ///
  /// - Parameter scope: What its rules see.
  func check(_ answer: AnswerValue?, to name: String, in scope: ExpressionScope) -> Result<AnswerValue?, AnswerFaults> {
    guard let entry = index[name] else {
      let fault = AnswerFault(question: name, kind: .unknownQuestion, message: AnswerMessage.unknownQuestion)
      return .failure(AnswerFaults(faults: [fault]))
    }
    let reading = read(answer, entry)
    var scope = scope
    scope.question = name
    if name == dayQuestion, case .value(.date(let day)) = reading { scope.day(is: day) }
    if scope.repeatName == nil { scope.values[name] = reading.expressionValue } else { scope.instance[name] = reading.expressionValue }
    if let fault = fault(of: reading, entry, in: scope, instance: nil) { return .failure(AnswerFaults(faults: [fault])) }
    if case .value(let value) = reading { return .success(value) }
    return .success(nil)
  }

  /// The value a `calculate` has after the answers given so far; nil when it has none.
  public func calculated(
    _ name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:], number: Int? = nil
  ) -> AnswerValue? {
    let scope = scope(of: name, given: given, instance: instance, number: number)
    return (scope.instance[name] ?? scope.values[name]).flatMap(Self.answer)
  }

  /// The choices a question offers after the answers given so far, in the form's order: all, unless it has a choice filter.
  public func offeredChoices(
    of name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:], number: Int? = nil
  ) -> [FormChoice] {
    guard let question = index[name]?.question else { return [] }
    guard question.choiceFilter != nil else { return form.choices(of: question) }
    return offered(question, in: scope(of: name, given: given, instance: instance, number: number))
  }

  /// What stands in a question when it is first shown (`default`); nil when nothing does, or its rule gives no answer to it.
  public func initialAnswer(
    to name: String, given: [String: AnswerValue], instance: [String: AnswerValue] = [:], number: Int? = nil
  ) -> AnswerValue? {
    initialAnswer(to: name) { scope(of: name, given: given, instance: instance, number: number) }
  }

  /// - Parameter scope: What its rule sees.
  func initialAnswer(to name: String, in scope: () -> ExpressionScope) -> AnswerValue? {
    guard let entry = index[name], let initial = entry.question.initial else { return nil }
    let text: String
    switch initial {
    case .literal(let literal): text = literal
    case .rule(let rule):
      var scope = scope()
      scope.question = name
      text = rule.evaluate(in: scope).text
    }
    if case .value(let value) = read(.text(text), entry) { return value }
    return nil
  }

  /// Most rounds of `withoutIrrelevant`: choices that fall away can make others fall away.
  static let fallingRoundsMax = 16

  /// The answers without those to questions that are not asked, and without choices no longer offered: what remains when a
  /// respondent goes back and changes a reply.
  public func withoutIrrelevant(_ answers: [String: AnswerValue]) -> [String: AnswerValue] { remaining(of: answers).answers }

  /// Returns the answers that `withoutIrrelevant` keeps, and the same settled.
  func remaining(of answers: [String: AnswerValue]) -> (answers: [String: AnswerValue], settled: SettledAnswers) {
    var kept = answers
    for _ in 0..<Self.fallingRoundsMax {
      let before = kept
      let settled = settle(read(kept))
      kept = keep(index.outer, of: kept.filter { settled.relevant.contains($0.key) }, in: settled.scope)
      for section in index.repeats where section.outer == nil { keep(section, inside: nil, of: &kept, in: settled) }
      if kept == before { return (kept, settled) }
    }
    return (kept, settle(read(kept)))
  }

  private func keep(
    _ section: FormIndex.Repeat, inside outer: Int?, of answers: inout [String: AnswerValue], in settled: SettledAnswers
  ) {
    guard case .instances(let instances)? = answers[section.name] else { return }
    let most = section.section.count == nil ? Self.repeatInstancesMax : settled.count(of: section.name, inside: outer)
    let kept = instances.prefix(most).enumerated().map { place, instance in
      let number = RepeatNumber.inside(outer, place + 1)
      let asked = settled.items(in: section.name, number)
      var inside = keep(section.scope, of: instance.filter { asked.contains($0.key) }, in: settled.scope(in: section.name, number))
      for inner in section.inner { keep(index.repeats[inner], inside: number, of: &inside, in: settled) }
      return inside
    }
    answers[section.name] = .instances(kept)
  }

  private func keep(_ scope: FormIndex.Scope, of answers: [String: AnswerValue], in context: ExpressionScope) -> [String: AnswerValue] {
    var kept = answers
    for entry in scope.entries where entry.question.choiceFilter != nil {
      guard case .value(let value) = read(kept[entry.question.name], entry) else { continue }
      let names = Set(offered(entry.question, in: context).map(\.name))
      switch value {
      case .choice(let name) where !names.contains(name): kept[entry.question.name] = nil
      case .choices(let several): kept[entry.question.name] = .choices(several.filter(names.contains))
      default: break
      }
    }
    return kept
  }
}

// MARK: - Reading and settling

extension AnswerValidator {
  /// All answers as their questions read them.
  struct Readings {
    var outer: [String: AnswerReader.Reading] = [:]
    /// By repeat and number of the filling-in.
    var repeats: [String: [Int: [String: AnswerReader.Reading]]] = [:]
    /// Answers to repeats that are no list, or too long a one.
    var faults: [AnswerFault] = []
  }

  private func read(_ answer: AnswerValue?, _ entry: FormIndex.Entry) -> AnswerReader.Reading {
    AnswerReader.read(answer, for: entry.question, choices: form.choices(of: entry.question))
  }

  private func read(_ scope: FormIndex.Scope, _ answers: [String: AnswerValue]) -> [String: AnswerReader.Reading] {
    Dictionary(scope.entries.map { ($0.question.name, read(answers[$0.question.name], $0)) }, uniquingKeysWith: { first, _ in first })
  }

  private func read(_ answers: [String: AnswerValue]) -> Readings {
    var readings = Readings(outer: read(index.outer, answers))
    for section in index.repeats where section.outer == nil { read(section, answers, inside: nil, &readings) }
    return readings
  }

  private func read(_ section: FormIndex.Repeat, _ answers: [String: AnswerValue], inside outer: Int?, _ readings: inout Readings) {
    func fault(_ kind: AnswerFault.Kind, _ message: LocalizedText) {
      readings.faults.append(AnswerFault(question: section.name, instance: outer.map { $0 - 1 }, kind: kind, message: message))
    }
    switch answers[section.name] {
    case nil, .choices([]), .text(""): break
    case .instances(let instances):
      let others = outer == nil ? 0 : readings.repeats[section.name]?.count ?? 0
      guard instances.count <= Self.repeatInstancesMax, others + instances.count <= SettledAnswers.innerInstancesMax else {
        return fault(.tooMany, AnswerMessage.tooMany)
      }
      for (place, instance) in instances.enumerated() {
        let number = RepeatNumber.inside(outer, place + 1)
        readings.repeats[section.name, default: [:]][number] = read(section.scope, instance)
        for inner in section.inner { read(index.repeats[inner], instance, inside: number, &readings) }
      }
    default: fault(.malformed, AnswerMessage.malformed)
    }
  }

  private func settle(_ readings: Readings) -> SettledAnswers {
    SettledAnswers(
      index, raw: readings.outer.compactMapValues(\.expressionValue),
      instances: readings.repeats.mapValues { $0.mapValues { $0.compactMapValues(\.expressionValue) } }, today: day(of: readings))
  }

  private func day(of readings: Readings) -> String {
    guard let dayQuestion, case .value(.date(let day))? = readings.outer[dayQuestion] else { return today }
    return day
  }

  /// Settles with one filling-in of a repeat put in its place.
  private func settle(
    _ given: [String: AnswerValue], _ instance: [String: AnswerValue], in home: FormIndex.Repeat, _ number: Int?
  ) -> (settled: SettledAnswers, number: Int) {
    let number = number ?? given.nextNumber(of: home.chain)
    // Keeps the repeats filled in inside it.
    let whole = (given.filled(home.chain, number) ?? [:]).filter { name, _ in home.inner.contains { index.repeats[$0].name == name } }
    return (settle(read(given.setting(whole.merging(instance) { $1 }, of: home.chain, at: number))), number)
  }

  /// What the rules of a question see.
  func scope(
    of name: String, given: [String: AnswerValue], instance: [String: AnswerValue], number: Int?
  ) -> ExpressionScope {
    guard let home = index.home(of: name) else { return settle(read(given)).scope }
    let (settled, number) = settle(given, instance, in: home, number)
    return settled.scope(in: home.name, number)
  }

  func question(named name: String) -> FormQuestion? { index[name]?.question }

  /// Name of the repeat that a question, or a repeat, stands in.
  func home(of name: String) -> String? { index.home(of: name)?.name }

  /// - Parameter scope: What its filter sees.
  func offered(_ question: FormQuestion, in scope: ExpressionScope) -> [FormChoice] {
    guard let filter = question.choiceFilter else { return form.choices(of: question) }
    var scope = scope
    scope.question = question.name
    return form.choices(of: question).filter { choice in
      scope.choice = choice.columns
      return filter.holds(in: scope)
    }
  }
}
