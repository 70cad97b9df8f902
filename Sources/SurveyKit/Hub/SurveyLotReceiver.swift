internal import Foundation
public import SyncKit

/// Takes the answers of a lot: checks each against its form, keeps it, and counts it, in the release's transaction.
///
/// What is kept has neither a time nor an order. Of the day it keeps this much: for each unit, form and day either every
/// released answer of that day carries it, or none does; and none does while there are fewer than `dayAnswersMin`. So an
/// answer without a day tells nothing of when it came, except that its day was a quiet one or could not be told apart.
public struct SurveyLotReceiver: LotReceiver {
  /// Answers of one unit that must share a day before the day is kept.
  public static let dayAnswersMin = 5
  /// Stands for "answered the question at all" among a question's choices in the table `tally`.
  static let answeredChoice = ""

  private let clock: any WallClock
  private let shelf = FormShelf()

  /// - Parameter clock: Says what `today()` is for an answer that carries no day.
  public init(clock: any WallClock) { self.clock = clock }

  public func receive(_ lot: [AnonymousRow], scope: String, in session: any HubSession) throws -> LotOutcome {
    var outcome = LotOutcome()
    guard try session.firstRow("SELECT 1 FROM unit WHERE code = ?1 AND level = 'commune'", [.text(scope)]) != nil else {
      outcome.spoiled = lot.count
      return outcome
    }
    var newDays: [String: [String: [CellValue]]] = [:]
    var counts = TallyCounts()
    for row in lot {
      guard let answer = try judged(row, scope: scope, in: session) else {
        outcome.spoiled += 1
        continue
      }
      let inserted = try session.rows(
        """
        INSERT INTO answer (id, unit, campaign, form, day, language, answers) VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6)
        ON CONFLICT DO NOTHING RETURNING 1
        """,
        [
          answer.id, .text(scope), .text(answer.edition.campaign), .text(answer.edition.key), .text(answer.language),
          .text(String(decoding: answer.answers.canonicalJSON, as: UTF8.self)),
        ])
      guard !inserted.isEmpty else {
        outcome.repeated += 1
        continue
      }
      outcome.released += 1
      counts.add(answer.answers, to: answer.edition)
      if let day = answer.day { newDays[answer.edition.key, default: [:]][day, default: []].append(answer.id) }
    }
    for (form, days) in newDays { try keepDays(days, unit: scope, form: form, in: session) }
    try counts.save(unit: scope, in: session)
    return outcome
  }

  // MARK: Judging

  private struct Judged {
    var id: CellValue
    var edition: FormShelf.Edition
    var day: String?
    var language: String
    var answers: ValidatedAnswers
  }

  /// The answer in its one spelling; nil when it cannot be used.
  private func judged(_ row: AnonymousRow, scope: String, in session: any HubSession) throws -> Judged? {
    guard row.table == "answer", let id = row.value("id"), let name = id.text, !name.isEmpty, row.value("unit")?.text == scope,
      let form = row.value("form")?.text, let json = row.value("answers")?.text, let edition = try shelf.edition(form, in: session)
    else { return nil }
    let day = row.value("day")?.text.flatMap { CalendarDay($0) }?.description
    var validator = edition.validator
    validator.today = try day ?? today(in: session)
    guard case .success(let answers) = validator.validate(json: Data(json.utf8)) else { return nil }
    let languages = edition.validator.form.languages.map(\.code)
    let language = row.value("language")?.text.flatMap { languages.contains($0) ? $0 : nil }
    return Judged(
      id: id, edition: edition, day: day, language: language ?? edition.validator.form.defaultLanguage, answers: answers)
  }

  private func today(in session: any HubSession) throws -> String {
    let nowMs = Int64(clamping: clock.nowMs())
    guard let campaign = try HubPlan.read(session)?.campaign else { return CalendarDay.first.description }
    return campaign.today(atMs: nowMs).description
  }

  // MARK: Days

  /// Counts the days of new answers, and writes those that enough answers share.
  ///
  /// Answers kept without a day can be given theirs later only while all of them are of one day; otherwise nobody knows which is
  /// which, and later answers of that day stay without it too.
  private func keepDays(_ days: [String: [CellValue]], unit: String, form: String, in session: any HubSession) throws {
    let place: [CellValue] = [.text(unit), .text(form)]
    var known: [String: Int] = [:]
    for row in try session.rows("SELECT day, count FROM day_count WHERE unit = ?1 AND form = ?2", place) {
      if let day = row[0].text { known[day] = Int(clamping: row[1].integer ?? 0) }
    }
    var dated: [String: Int] = [:]
    var undated = -days.values.reduce(0) { $0 + $1.count }  // The new ones are there already, without a day.
    for row in try session.rows("SELECT day, count(*) FROM answer WHERE unit = ?1 AND form = ?2 GROUP BY day", place) {
      let count = Int(clamping: row[1].integer ?? 0)
      if let day = row[0].text { dated[day] = count } else { undated += count }
    }
    var resolved: [(day: String, earlier: Bool)] = []
    for (day, ids) in days.sorted(by: { $0.key < $1.key }) {
      let before = known[day] ?? 0
      try session.execute(
        """
        INSERT INTO day_count (unit, form, day, count) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (unit, form, day) DO UPDATE SET count = day_count.count + excluded.count
        """,
        place + [.text(day), .integer(Int64(ids.count))])
      guard before + ids.count >= Self.dayAnswersMin else { continue }
      if dated[day] ?? 0 == before {
        resolved.append((day, false))
      } else if undated == before {
        resolved.append((day, true))
      }
    }
    // Earlier answers first, while the new ones of other days can still be told from them by their ids.
    for (day, earlier) in resolved {
      if earlier {
        let new = days.values.flatMap { $0 }
        let exceptions = new.indices.map { "?\($0 + 4)" }.joined(separator: ", ")
        try session.execute(
          "UPDATE answer SET day = ?3 WHERE unit = ?1 AND form = ?2 AND day IS NULL AND id NOT IN (\(exceptions))",
          place + [.text(day)] + new)
      }
      for id in days[day] ?? [] { try session.execute("UPDATE answer SET day = ?2 WHERE id = ?1", [id, .text(day)]) }
    }
  }
}

/// What a lot adds to the counts of its unit.
private struct TallyCounts {
  private struct Cell: Hashable {
    var form: String
    var question: String
    var choice: String
  }

  private var cells: [Cell: Int] = [:]
  private var answers: [String: Int] = [:]

  mutating func add(_ given: ValidatedAnswers, to edition: FormShelf.Edition) {
    answers[edition.key, default: 0] += 1
    for question in edition.questions {
      let choices: [String]
      switch given.values[question.id] {
      case .choice(let name): choices = [name]
      case .choices(let names): choices = names
      case .integer(let number) where abs(number) <= UnitTally.numberMax: choices = [String(number)]
      default: continue
      }
      for choice in [SurveyLotReceiver.answeredChoice] + choices {
        cells[Cell(form: edition.key, question: question.id, choice: choice), default: 0] += 1
      }
    }
  }

  func save(unit: String, in session: any HubSession) throws {
    for (cell, count) in cells {
      try session.execute(
        """
        INSERT INTO tally (unit, form, question, choice, count) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (unit, form, question, choice) DO UPDATE SET count = tally.count + excluded.count
        """,
        [.text(unit), .text(cell.form), .text(cell.question), .text(cell.choice), .integer(Int64(count))])
    }
    for (form, count) in answers {
      try session.execute(
        """
        INSERT INTO answer_count (unit, form, count) VALUES (?1, ?2, ?3)
        ON CONFLICT (unit, form) DO UPDATE SET count = answer_count.count + excluded.count
        """,
        [.text(unit), .text(form), .integer(Int64(count))])
    }
  }
}
