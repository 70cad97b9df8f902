/// Where a respondent stands in a form.
public enum FormStep: Sendable, Hashable {
  /// A question to answer or a note to read. `number` is the filling-in of its repeat (`RepeatNumber`); nil outside repeats.
  case item(String, number: Int?)
  /// Whether to fill in a repeat once more; with the filling-in of the repeat around it.
  case another(String, inside: Int? = nil)
  /// All answers, before they are sent.
  case review
}

/// A respondent's way through a form, one question at a time: forward, back, and what is left out in between.
///
/// A value: it reads nothing, writes nothing and knows no clock, so whoever holds it decides where the draft lives. Answers are
/// kept when the respondent goes back. An answer that makes others irrelevant lets them go, and says which. Once the review has
/// been reached, every changed answer leads to what is still open because of it, else to the review again.
public struct FormWalk: Sendable {
  public let validator: AnswerValidator
  /// Where the respondent stands; always one of `steps`.
  public private(set) var step: FormStep
  /// What has been answered, in its one spelling, and what the carrier knows.
  public var answers: [String: AnswerValue] { now.given }
  /// Settles the answers once, for everything that is asked about them.
  private var now: FormStanding
  /// Steps that were left forwards. A question is shown with its answer from then on, and with its default before.
  private var passed: Set<FormStep> = []
  private var hasReviewed = false
  private let suggested: [String: AnswerValue]
  private let outline: FormWalkOutline

  /// Starts at the first thing to show.
  ///
  /// - Parameters:
  ///   - today: `YYYY-MM-DD` in the campaign's zone: what `today()` means.
  ///   - carried: Values of `hidden` questions, such as the unit.
  ///   - suggested: What stands in questions outside repeats when they are first shown, before their defaults.
  ///   - dayQuestion: See `AnswerValidator.dayQuestion`.
  public init(
    form: Form, today: String, carried: [String: AnswerValue] = [:], suggested: [String: AnswerValue] = [:], dayQuestion: String? = nil
  ) {
    var validator = AnswerValidator(form: form, today: today)
    validator.dayQuestion = dayQuestion
    self.validator = validator
    self.suggested = suggested
    outline = FormWalkOutline(form)
    now = FormStanding(validator, after: carried)
    step = .review
    step = steps.first ?? .review
  }

  /// Starts at the review of answers given earlier, or at the first question that they leave open.
  ///
  /// Answers the form no longer asks for are left out.
  public init(
    form: Form, today: String, carried: [String: AnswerValue] = [:], correcting given: [String: AnswerValue], dayQuestion: String? = nil
  ) {
    self.init(form: form, today: today, carried: carried, dayQuestion: dayQuestion)
    let taken = given.filter { outline.takesAnswer($0.key) || form.question(named: $0.key)?.isWorkedOutOnce ?? false }
    now = FormStanding(validator, keepingAskedOf: taken.merging(carried) { $1 })
    passed = Set(steps)
    hasReviewed = true
    step = firstOpen ?? .review
  }

  public var form: Form { validator.form }

  // MARK: What there is

  /// Everything that is shown after the answers given so far, in order; the review is last.
  public var steps: [FormStep] {
    let asked = now.asked
    var steps: [FormStep] = []
    for entry in outline.outside {
      switch entry.item {
      case .group: break
      case .question(let question): if asked.outer.contains(question.name) { steps.append(.item(question.name, number: nil)) }
      case .repeated(let section):
        if asked.outer.contains(section.name) { steps += self.steps(of: section, inside: nil, asked) }
      }
    }
    return steps + [.review]
  }

  private func steps(of section: FormSection, inside outer: Int?, _ asked: AskedItems) -> [FormStep] {
    var steps: [FormStep] = []
    for number in asked.numbers(of: section.name, inside: outer) {
      let items = asked.items(in: section.name, number)
      for name in outline.inside(section.name) where items.contains(name) {
        if let inner = outline.sections[name] {
          steps += self.steps(of: inner, inside: number, asked)
        } else {
          steps.append(.item(name, number: number))
        }
      }
    }
    return section.count == nil ? steps + [.another(section.name, inside: outer)] : steps
  }

  /// How many questions there are after the answers so far, and which of them `step` is; at the review, the last.
  public var progress: (number: Int, total: Int) {
    let questions = steps.filter { isAsked($0) }
    let here = outline.place(of: step)
    return (questions.count { outline.place(of: $0) <= here }, questions.count)
  }

  /// The question or note of a step.
  public func question(at step: FormStep) -> FormQuestion? {
    if case .item(let name, _) = step { outline.questions[name] } else { nil }
  }

  /// The repeat that a step asks about, or stands in.
  public func section(at step: FormStep) -> FormSection? {
    switch step {
    case .item(let name, _): outline.home(of: name).flatMap { outline.sections[$0] }
    case .another(let name, _): outline.sections[name]
    case .review: nil
    }
  }

  /// The repeat, and its filling-in, whose answers the texts of a step see.
  public func textPosition(at step: FormStep) -> (section: String?, number: Int?) {
    switch step {
    case .item(let name, let number): (outline.home(of: name), number)
    case .another(let name, let outer): (outline.home(of: name), outer)
    case .review: (nil, nil)
    }
  }

  /// Headings of the groups around a step, outermost first; a repeat's own is the last of them.
  public func headings(at step: FormStep) -> [FormText] { outline.headings(of: step) }

  /// What stands in a question now: the answer; before it was passed, the form's default.
  public func answer(at step: FormStep) -> AnswerValue? {
    guard case .item(let name, let number) = step else { return nil }
    if let answer = number == nil ? answers[name] : instance(of: name, number)[name] { return answer }
    guard !passed.contains(step) else { return nil }
    if number == nil, let suggested = suggested[name] { return suggested }
    return now.initialAnswer(to: name, number: number)
  }

  /// What a question offers after the answers so far.
  public func choices(at step: FormStep) -> [FormChoice] {
    guard case .item(let name, let number) = step else { return [] }
    return now.offeredChoices(of: name, number: number)
  }

  /// Whether a question cannot be left blank.
  public func isRequired(_ step: FormStep) -> Bool {
    if case .failure = check(nil, at: step) { true } else { false }
  }

  /// Returns the form's texts as they read after the answers so far.
  public var filling: TextFilling { now.filling }

  /// What is wrong with a question that was passed, after what was answered since; nil when nothing is.
  public func fault(at step: FormStep) -> AnswerFault? {
    guard passed.contains(step), question(at: step) != nil, case .failure(let error) = check(answer(at: step), at: step) else { return nil }
    return error.faults.first
  }

  /// How often a repeat has been filled in, inside a filling-in of the repeat around it.
  public func count(of repeated: String, inside outer: Int? = nil) -> Int { instances(of: repeated, inside: outer).count }

  // MARK: Going on

  /// Answers the question, or passes the note, at which the respondent stands, and goes on.
  ///
  /// - Parameter value: Nil and blank text leave the question unanswered.
  /// - Returns: The steps whose answers fell away, or changed because a choice is no longer offered, in order. With a failure the
  ///   respondent stays and nothing has changed.
  public mutating func answer(_ value: AnswerValue?) -> Result<[FormStep], AnswerFaults> {
    let checked = check(value, at: step)
    guard case .success(let accepted) = checked else { return checked.map { _ in [] } }
    let fallen = put(accepted)
    advance()
    return .success(fallen)
  }

  /// Goes to what was shown before; what was entered here is kept if it is an answer.
  ///
  /// - Returns: False at the first step.
  @discardableResult
  public mutating func back(keeping entered: AnswerValue? = nil) -> Bool {
    if let entered, case .success(let accepted?) = check(entered, at: step) { _ = put(accepted) }
    let here = outline.place(of: step)
    guard let previous = steps.last(where: { outline.place(of: $0) < here }) else { return false }
    step = previous
    return true
  }

  /// Goes to any of `steps`, as from the review; does nothing for others.
  public mutating func go(to step: FormStep) {
    if steps.contains(step) { self.step = step }
  }

  /// At `another`: fills the repeat in once more.
  ///
  /// - Returns: False when it has been filled in `AnswerValidator.repeatInstancesMax` times.
  public mutating func addAnother() -> Bool {
    guard case .another(let name, let outer) = step, count(of: name, inside: outer) < AnswerValidator.repeatInstancesMax else {
      return false
    }
    now = FormStanding(validator, after: answers.setting(instances(of: name, inside: outer) + [[:]], of: chain(of: name), inside: outer))
    let number = RepeatNumber.inside(outer, count(of: name, inside: outer))
    step =
      steps.first {
        switch $0 {
        case .item(let item, number): outline.home(of: item) == name
        case .another(let inner, number): outline.home(of: inner) == name
        default: false
        }
      } ?? step
    return true
  }

  /// At `another`: takes the last filling-in away.
  public mutating func removeLast() {
    guard case .another(let name, let outer) = step, count(of: name, inside: outer) > 0 else { return }
    now = FormStanding(
      validator, keepingAskedOf: answers.setting(instances(of: name, inside: outer).dropLast(), of: chain(of: name), inside: outer))
    passed.formIntersection(steps)
  }

  /// At `another`: goes on.
  public mutating func finishRepeat() {
    if case .another = step { advance() }
  }

  /// The answers as the form accepts them, or everything that is wrong with them.
  public func validate() -> Result<ValidatedAnswers, AnswerFaults> { validator.validate(answers) }

  /// The step at which a fault can be mended; nil when none of `steps` is.
  public func step(mending fault: AnswerFault) -> FormStep? {
    let number = fault.instance.map { $0 + 1 }
    return [.item(fault.question, number: number), .another(fault.question, inside: number)].first { steps.contains($0) }
  }

  // MARK: Inside

  private func chain(of repeated: String) -> [String] { outline.chain(around: repeated) + [repeated] }

  private func instances(of repeated: String, inside outer: Int?) -> [[String: AnswerValue]] {
    answers.instances(of: chain(of: repeated), inside: outer)
  }

  /// The other answers of the filling-in a question stands in.
  private func instance(of name: String, _ number: Int?) -> [String: AnswerValue] {
    number.flatMap { answers.filled(outline.chain(around: name), $0) } ?? [:]
  }

  private func isAsked(_ step: FormStep) -> Bool { question(at: step)?.kind.isAsked ?? false }

  private func check(_ value: AnswerValue?, at step: FormStep) -> Result<AnswerValue?, AnswerFaults> {
    guard case .item(let name, let number) = step, isAsked(step) else { return .success(nil) }
    if value == (number == nil ? answers[name] : instance(of: name, number)[name]) { return now.check(value, to: name, number: number) }
    // What is calculated from the answer must see the new one.
    let (given, instance) = with(value, at: step)
    return validator.check(value, to: name, given: given, instance: instance, number: number)
  }

  private func with(_ value: AnswerValue?, at step: FormStep) -> (answers: [String: AnswerValue], instance: [String: AnswerValue]) {
    guard case .item(let name, let number) = step else { return (answers, [:]) }
    var all = answers
    guard let number else {
      all[name] = value
      return (all, [:])
    }
    var instance = instance(of: name, number)
    instance[name] = value
    return (all.setting(instance, of: outline.chain(around: name), at: number), instance)
  }

  /// Stores an accepted answer, lets go of what no longer counts, and says what that was.
  private mutating func put(_ value: AnswerValue?) -> [FormStep] {
    guard isAsked(step) else { return [] }
    let given = with(value, at: step).answers
    let before = answered(given)
    now = FormStanding(validator, keepingAskedOf: given)
    let after = answered(answers)
    let fallen = before.filter { after[$0.key] != $0.value }.keys.sorted { outline.place(of: $0) < outline.place(of: $1) }
    passed.subtract(fallen)
    return fallen
  }

  private func answered(_ answers: [String: AnswerValue]) -> [FormStep: AnswerValue] {
    var answered: [FormStep: AnswerValue] = [:]
    add(answers.filter { outline.takesAnswer($0.key) }, number: nil, to: &answered)
    return answered
  }

  private func add(_ answers: [String: AnswerValue], number: Int?, to answered: inout [FormStep: AnswerValue]) {
    for (name, value) in answers {
      guard case .instances(let instances) = value else {
        answered[.item(name, number: number)] = value
        continue
      }
      for (place, instance) in instances.enumerated() { add(instance, number: RepeatNumber.inside(number, place + 1), to: &answered) }
    }
  }

  private mutating func advance() {
    passed.insert(step)
    let steps = steps
    passed.formIntersection(steps)
    let here = outline.place(of: step)
    step = (hasReviewed ? firstOpen : steps.first { outline.place(of: $0) > here }) ?? .review
    if step == .review { hasReviewed = true }
  }

  /// The first step that was never passed, or no longer goes with the other answers.
  private var firstOpen: FormStep? {
    steps.first { $0 != .review && (!passed.contains($0) || fault(at: $0) != nil) }
  }
}
