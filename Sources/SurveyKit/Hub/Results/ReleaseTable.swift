internal import Foundation
internal import SurveyKit
internal import SyncHub

/// Numbered releases of forms' results, which alone show people anything of answers. Belongs to one transaction.
struct ReleaseTable {
  /// Releases of one form.
  static let releasesMax = 400

  let session: any HubSession

  struct Release {
    var number: Int
    /// Day of the release in the campaign's zone.
    var day: String
    var isInterim: Bool
    var view: ResultsView
  }

  /// Returns the newest release; nil before the first.
  func newest(form: String) throws -> Release? {
    guard
      let row = try session.firstRow(
        "SELECT number, day, interim, view FROM answer_release WHERE form = ?1 ORDER BY number DESC LIMIT 1", [.text(form)]),
      let number = row[0].integer, let view = row[3].text
    else { return nil }
    return Release(
      number: Int(clamping: number), day: row[1].text ?? "", isInterim: row[2].integer == 1,
      view: try JSONDecoder().decode(ResultsView.self, from: Data(view.utf8)))
  }

  /// Releases what may be shown of a form now.
  ///
  /// - Parameter isInterim: True while the form is open: more answers follow.
  /// - Returns: Number of the new release; nil when no question may show anything new.
  /// - Throws: `DataProblems` when tallies do not agree: nothing is released then.
  func release(form: String, plan: HubPlan, day: CalendarDay, isInterim: Bool) throws -> Int? {
    guard let units = ShownUnits(plan.tree) else { return nil }
    let last = try newest(form: form)
    let number = (last?.number ?? 0) + 1
    guard number <= Self.releasesMax else { return nil }
    let editions = try FormEditionList(session: session, plan: plan, form: form)
    let planner = ReleasePlanner(units: units, thresholds: plan.campaign.thresholds)
    let tallies = try editions.tallies()
    var snapshots: [QuestionSnapshot?] = []
    var hasNews = false
    for pooled in editions.questions {
      let history = try history(form: form, question: pooled.key)
      let (asked, counts) = pooled.counts(in: tallies)
      let next = planner.next(
        pooled.question, leaves: units.leaves(asked: asked, tallies: counts), answeredByUnit: counts.mapValues(\.answered),
        history: history, number: number, isInterim: isInterim)
      if let next {
        hasNews = true
        try session.execute(
          "INSERT INTO answer_release_question (form, question, number, snapshot) VALUES (?1, ?2, ?3, ?4)",
          [.text(form), .text(pooled.key), .integer(Int64(number)), .text(try json(next))])
      }
      snapshots.append(next ?? history.last)
    }
    guard hasNews else { return nil }
    let answers = units.leaves(
      asked: tallies.values.reduce(into: [:]) { sums, edition in
        for (unit, tally) in edition { sums[unit, default: 0] += tally.answers }
      }, tallies: [:])
    let view = ReleasedView(units: units, tree: plan.tree, thresholds: plan.campaign.thresholds)
      .view(of: zip(editions.questions.map(\.question), snapshots).map { ($0, $1) }, answers: answers.mapValues(\.asked), number: number)
    try session.execute(
      "INSERT INTO answer_release (form, number, day, interim, view) VALUES (?1, ?2, ?3, ?4, ?5)",
      [.text(form), .integer(Int64(number)), .text(day.description), .integer(isInterim ? 1 : 0), .text(try json(view))])
    return number
  }

  private func history(form: String, question: String) throws -> [QuestionSnapshot] {
    try session.rows(
      "SELECT snapshot FROM answer_release_question WHERE form = ?1 AND question = ?2 ORDER BY number", [.text(form), .text(question)]
    ).map { try JSONDecoder().decode(QuestionSnapshot.self, from: Data(($0[0].text ?? "").utf8)) }
  }

  private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

extension PooledQuestion {
  /// Returns how many were asked, and their answers, by unit, over all editions that ask the question.
  func counts(in tallies: [String: [UnitCode: UnitTally]]) -> (asked: [UnitCode: Int], tallies: [UnitCode: QuestionTally]) {
    var asked: [UnitCode: Int] = [:]
    var counts: [UnitCode: QuestionTally] = [:]
    for edition in editions {
      for (unit, tally) in tallies[edition] ?? [:] {
        asked[unit, default: 0] += tally.answers
        if let own = tally.questions[name] { counts[unit, default: QuestionTally(answered: 0)].add(own) }
      }
    }
    return (asked, counts)
  }
}

/// Editions of a form, with their questions.
struct FormEditionList {
  let session: any HubSession
  let questions: [PooledQuestion]
  private let editions: [(key: String, version: String, questions: [TallyQuestion])]

  init(session: any HubSession, plan: HubPlan, form: String) throws {
    self.session = session
    let shelf = FormShelf()
    let records = plan.forms.filter { $0.form == form }.sorted { ($0.version.count, $0.version) > ($1.version.count, $1.version) }
    var editions = try records.compactMap { record in
      try shelf.edition(record.key, in: session).map { (key: record.key, version: record.version, questions: $0.questions) }
    }
    for key in try FormEditions(session: session).learned(form: form) {
      guard let edition = try shelf.heldEdition(key, in: session) else { continue }
      editions.append((key: key, version: String(key.dropFirst(form.count + 1)), questions: edition.questions))
    }
    self.editions = editions
    questions = PooledQuestion.all(editions)
  }

  /// Returns the tallies by edition and unit.
  ///
  /// - Throws: `DataProblems` when they do not agree.
  func tallies() throws -> [String: [UnitCode: UnitTally]] {
    var tallies: [String: [UnitCode: UnitTally]] = [:]
    for edition in editions {
      let known = Dictionary(edition.questions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      let own = try ResultsService.tallies(session, form: edition.key)
      let problems = own.sorted { $0.key < $1.key }.flatMap { TallyCheck.problems(in: $1, code: $0, known: known) }
      guard problems.isEmpty else { throw DataProblems(problems) }
      tallies[edition.key] = own
    }
    return tallies
  }
}

/// Converts the snapshots of questions into words and cells.
struct ReleasedView {
  let units: ShownUnits
  let tree: UnitTree
  let thresholds: Thresholds

  /// Returns the view of released questions.
  ///
  /// - Parameters:
  ///   - questions: Each with its shown snapshot; nil shows nothing.
  ///   - answers: Released answers by leaf.
  func view(of questions: [(question: TallyQuestion, snapshot: QuestionSnapshot?)], answers: [UnitCode: Int], number: Int) -> ResultsView {
    let forest = units.forest
    let released = forest.summed(forest.codes.map { answers[$0] ?? 0 })
    var results: [[QuestionResult]] = forest.codes.map { _ in [] }
    for (question, snapshot) in questions {
      let moment = Moment(
        question, leaves: snapshot?.leaves ?? [:], answeredByUnit: snapshot?.answeredByUnit ?? [:], units: units)
      let sums = forest.summed(forest.codes.map { snapshot?.leaves[$0]?.tally.sum ?? 0 })
      for node in forest.codes.indices {
        let reason = snapshot == nil ? .notReleased : WithheldReason(answers: released[node], thresholds) ?? .protected
        var result = QuestionResult(
          question, counts: moment.counts, sum: sums[node], node: node, state: snapshot?.shown[forest.codes[node]] ?? .withheld,
          reason: reason, thresholds)
        if let snapshot, snapshot.number < number { result.asOf = snapshot.number }
        results[node].append(result)
      }
    }
    let shown = [units.root] + units.groups
    return ResultsView(
      units: shown.enumerated().map { node, unit in
        UnitResult(
          unit: unit.code, name: tree.displayName(of: unit.code), level: unit.level,
          withheld: questions.contains { $0.snapshot != nil } ? WithheldReason(answers: released[node], thresholds) : .notReleased,
          questions: results[node])
      }, questions: questions.map { QuestionHeading($0.question) })
  }
}
