internal import SurveyKit
internal import SyncHub

/// One respondent's way through a form: pure, from the answers so far and what was posted to what is shown next.
struct Interview {
  /// What the respondent asked for with a button.
  enum Step: Hashable {
    case next, back, send
    /// By the code of one of the form's languages, or of the page's.
    case language(String)
    /// Another filling-in of a repeat on the page.
    ///
    /// `inside`: the filling-in of the repeat around it.
    case add(String, inside: Int?)
    /// By its place, one less than its `RepeatNumber`.
    case remove(String, Int)
    /// From the review to a page.
    case edit(Int)

    /// Numbers of filling-ins at any depth.
    private static let places = 0..<1_000_000_000_000

    /// - Returns: Nil for a button no page has.
    init?(_ text: String) {
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      switch (parts[0], parts.count) {
      case ("next", 1): self = .next
      case ("back", 1): self = .back
      case ("send", 1): self = .send
      case ("lang", 2):
        self = .language(parts[1])
      case ("add", 2): self = .add(parts[1], inside: nil)
      case ("addin", 2):
        let rest = parts[1].split(separator: ".", maxSplits: 1).map(String.init)
        guard rest.count == 2, let outer = Int(rest[0]), Self.places.contains(outer) else { return nil }
        self = .add(rest[1], inside: outer)
      case ("remove", 2):
        // Names may hold dots, numbers do not.
        guard let dot = parts[1].lastIndex(of: "."), let place = Int(parts[1][parts[1].index(after: dot)...]), Self.places.contains(place)
        else { return nil }
        self = .remove(String(parts[1][..<dot]), place)
      case ("page", 2):
        guard let page = Int(parts[1]) else { return nil }
        self = .edit(page)
      default: return nil
      }
    }
  }

  /// What a page says of itself beside its questions.
  enum Remark: String, Codable {
    /// Another filling-in stands below.
    case added
    /// All answers together are too long; the page was not left.
    case tooLong
  }

  /// What is shown next.
  enum View {
    /// - Parameters:
    ///   - faults: By the name of the field.
    ///   - new: Fields of questions that this page did not show before.
    case page(Int, faults: [String: LocalizedText] = [:], new: Set<String> = [], remark: Remark? = nil)
    case review
    /// Everything is in order and was confirmed.
    case done(ValidatedAnswers)
  }

  let form: Form
  let pages: FormPages
  let validator: AnswerValidator
  /// Answers to hidden questions: what the link knows.
  let known: [String: AnswerValue]

  /// - Parameters:
  ///   - validator: Its day set.
  ///   - pages: Of the validator's form.
  init(_ validator: AnswerValidator, pages: FormPages, unit: UnitCode) {
    form = validator.form
    self.pages = pages
    self.validator = validator
    let hidden = form.questions.filter { $0.kind == .hidden && $0.initial == nil }
    known = Dictionary(hidden.map { ($0.name, AnswerValue.text(unit.rawValue)) }, uniquingKeysWith: { first, _ in first })
  }

  /// Tells if a page can be turned to that language.
  func speaks(_ code: String) -> Bool { Language(rawValue: code) != nil || form.languages.contains { $0.code == code } }

  func given(_ draft: Draft) -> [String: AnswerValue] { draft.answers.merging(known) { _, known in known } }
  func asked(_ draft: Draft) -> AskedItems { validator.asked(after: given(draft)) }

  /// The first page that asks something, when the form is begun.
  func start(_ draft: Draft) -> View { after(-1, draft) }

  /// Takes one posted page and says what comes next. Nil: the post is none of this form's pages.
  ///
  /// - Parameters:
  ///   - place: The page that was posted; nil is the review.
  ///   - newer: Answers of the same draft that are newer than the page: what it did not ask stands as there.
  func take(_ step: Step, place: Int?, fields: FieldsBody, _ draft: inout Draft, newer: [String: AnswerValue]? = nil) -> View? {
    guard let place else { return review(step, &draft) }
    guard pages.pages.indices.contains(place) else { return nil }
    let page = pages.pages[place]
    let before = asked(draft)
    let offered = offers(on: page, draft)
    let told = told(on: page, draft)
    var answers = newer ?? draft.answers
    for section in page.repeats { answers[section.name] = draft.answers[section.name] }
    draft.answers = PageReading(page: page, fields: fields, shown: before).merged(into: answers)
    guard draft.state.utf8.count <= WebLimits.answersBytesMax else { return .page(place, remark: .tooLong) }
    switch step {
    case .next: return next(place, page, before: before, offered, told, &draft)
    case .back: return previous(place, draft)
    case .language(let code):
      guard speaks(code) else { return nil }
      draft.turn(to: code)
      return .page(place)
    case .add(let name, let outer): return add(name, inside: outer, page, place, before, &draft)
    case .remove(let name, let number): return remove(name, number, page, place, before, &draft)
    case .send, .edit: return nil
    }
  }

  private func review(_ step: Step, _ draft: inout Draft) -> View? {
    switch step {
    case .language(let code):
      guard speaks(code) else { return nil }
      draft.turn(to: code)
      return .review
    case .edit(let place):
      guard pages.pages.indices.contains(place) else { return nil }
      return .page(place)
    case .back: return previous(pages.pages.count, draft)
    case .send:
      switch verdict(draft) {
      case .success(let answers): return .done(answers)
      case .failure: return .review
      }
    case .next, .add, .remove: return nil
    }
  }

  /// The answers as they would be sent.
  func verdict(_ draft: Draft) -> Result<ValidatedAnswers, AnswerFaults> {
    validator.validate(validator.withoutIrrelevant(given(draft)))
  }

  // MARK: Forward and back

  /// Choices that the page's answers let its questions offer, by field, of those that have a filter.
  private func offers(on page: FormPages.Page, _ draft: Draft) -> [String: [String]] {
    let standing = FormStanding(validator, after: given(draft))
    let filtered = page.shown(standing.asked).filter { $0.question.choiceFilter != nil }
    return Dictionary(
      filtered.map { ($0.field, standing.offeredChoices(of: $0.question.name, number: $0.number).map(\.name)) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Fields that offer other choices by an answer of the same page, and none of which is taken: they were not really asked yet.
  private func reoffered(on page: FormPages.Page, _ asked: AskedItems, since before: [String: [String]], _ draft: Draft) -> Set<String> {
    let (given, now) = (given(draft), offers(on: page, draft))
    return Set(
      page.shown(asked).filter { item in
        guard let names = now[item.field], let others = before[item.field], !names.isEmpty, names != others else { return false }
        let cell = item.answer(in: given)?.cell ?? ""
        let taken = cell.split(separator: " ").map(String.init)
        return taken.isEmpty || !(names.contains(cell) || taken.allSatisfy(names.contains))
      }.map(\.field))
  }

  /// Texts of the questions in repeats that name answers, by field.
  private func told(on page: FormPages.Page, _ draft: Draft) -> [String: String] {
    guard page.repeats.contains(where: { FormItem.questions(in: $0.items).contains { !Self.names(in: $0).isEmpty } }) else { return [:] }
    let standing = FormStanding(validator, after: given(draft))
    let naming = page.shown(standing.asked).filter { $0.section != nil && !Self.names(in: $0.question).isEmpty }
    return Dictionary(
      naming.map { item in
        let texts = [item.question.label, item.question.hint].compactMap {
          $0?.text(in: draft.textLanguage, fallback: form.defaultLanguage)
        }
        return (item.field, standing.filling.filled(texts.joined(separator: "\n"), in: item.section?.name, number: item.number))
      }, uniquingKeysWith: { first, _ in first })
  }

  private static func names(in question: FormQuestion) -> [String] { (question.label?.names ?? []) + (question.hint?.names ?? []) }

  /// Fields in repeats that read otherwise by an answer of the same page, and that are blank: they were not really asked yet.
  private func retold(on page: FormPages.Page, _ asked: AskedItems, since before: [String: String], _ draft: Draft) -> Set<String> {
    guard !before.isEmpty else { return [] }
    let (given, now) = (given(draft), told(on: page, draft))
    return Set(
      page.shown(asked).filter { item in
        guard let text = now[item.field], let other = before[item.field], text != other else { return false }
        return (item.answer(in: given)?.cell ?? "").isEmpty
      }.map(\.field))
  }

  private func next(
    _ place: Int, _ page: FormPages.Page, before: AskedItems, _ offered: [String: [String]], _ told: [String: String],
    _ draft: inout Draft
  ) -> View {
    let now = asked(draft)
    let new = page.fields(now).subtracting(page.fields(before)).union(reoffered(on: page, now, since: offered, draft))
      .union(retold(on: page, now, since: told, draft))
    let standing = FormStanding(validator, after: given(draft))
    var faults: [String: LocalizedText] = [:]
    for item in page.shown(now) where !new.contains(item.field) {
      let verdict = standing.check(item.answer(in: standing.given), to: item.question.name, number: item.number)
      if case .failure(let found) = verdict { faults[item.field] = found.faults.first?.message }
    }
    guard faults.isEmpty && new.isEmpty else { return .page(place, faults: faults, new: new) }
    guard draft.isReviewed else { return after(place, draft) }
    // Changed afterwards: on to what that made wrong or new, else back to the review.
    if case .failure(let found) = verdict(draft) { return firstPage(of: found, draft) }
    return .review
  }

  /// The first page with something wrong. What is merely not answered yet counts as new there.
  private func firstPage(of found: AnswerFaults, _ draft: Draft) -> View {
    guard let place = found.faults.compactMap({ pages.place(of: $0.question) }).min() else { return .review }
    var faults: [String: LocalizedText] = [:]
    var new: Set<String> = []
    for item in pages.pages[place].shown(asked(draft)) {
      let own = found.faults.first { $0.question == item.question.name && $0.instance == (item.section == nil ? nil : item.place) }
      guard let own else { continue }
      if own.kind == .missingRequired { new.insert(item.field) } else { faults[item.field] = own.message }
    }
    return .page(place, faults: faults, new: new)
  }

  private func after(_ place: Int, _ draft: Draft) -> View {
    let asked = asked(draft)
    let next = pages.pages.indices.first { $0 > place && pages.pages[$0].isShown(asked) }
    return next.map { .page($0) } ?? .review
  }

  private func previous(_ place: Int, _ draft: Draft) -> View {
    let asked = asked(draft)
    let previous = pages.pages.indices.last { $0 < place && pages.pages[$0].isShown(asked) }
    return .page(previous ?? place)
  }

  // MARK: Repeats

  /// Finds a repeat that the page shows now.
  ///
  /// - Returns: Names of the repeats around it and its own; nil when it is not asked.
  private func chain(of name: String, inside outer: Int?, _ page: FormPages.Page, _ asked: AskedItems) -> [String]? {
    guard let chain = FormPages.Page.chain(of: name, in: page.items) else { return nil }
    guard let outer else { return chain.count == 1 && asked.outer.contains(name) ? chain : nil }
    guard chain.count > 1, asked.items(in: chain[chain.count - 2], outer).contains(name) else { return nil }
    return chain
  }

  private func add(
    _ name: String, inside outer: Int?, _ page: FormPages.Page, _ place: Int, _ asked: AskedItems, _ draft: inout Draft
  ) -> View? {
    guard let chain = chain(of: name, inside: outer, page, asked) else { return nil }
    var instances = draft.answers.instances(of: chain, inside: outer)
    guard instances.count < WebLimits.instancesMax else { return .page(place) }
    instances.append([:])
    draft.answers = draft.answers.setting(instances, of: chain, inside: outer)
    let number = RepeatNumber.inside(outer, instances.count)
    let added = page.shown(self.asked(draft)).filter { $0.section?.name == name && $0.number == number }.map(\.field)
    return .page(place, new: Set(added), remark: .added)
  }

  private func remove(
    _ name: String, _ place: Int, _ page: FormPages.Page, _ pagePlace: Int, _ asked: AskedItems, _ draft: inout Draft
  ) -> View? {
    let outer = RepeatNumber.outer(place + 1)
    guard let chain = chain(of: name, inside: outer, page, asked) else { return nil }
    var instances = draft.answers.instances(of: chain, inside: outer)
    let own = RepeatNumber.place(place + 1) - 1
    guard instances.indices.contains(own) else { return nil }
    instances.remove(at: own)
    draft.answers = draft.answers.setting(instances, of: chain, inside: outer)
    return .page(pagePlace)
  }
}
