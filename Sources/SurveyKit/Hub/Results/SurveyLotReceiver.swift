internal import Foundation
internal import SurveyKit
public import SyncHub
internal import Synchronization

/// Judges answers against their forms, keeps the released ones, and counts them, in the step's transaction.
///
/// A kept answer has neither a time nor an order. It may have a day: the answers of one step carry their days when each day of the
/// step has at least k answers, and so have the answers without a day, or there are none. Otherwise no answer of the step carries
/// one. A day outside the campaign was stated wrongly and cannot be corrected inside a packet: such an answer counts without a day.
public struct SurveyLotReceiver: LotReceiver {
  /// Key of "answered the question at all" among a question's choices in the table `tally`.
  static let answeredChoice = ""

  private let clock: any WallClock
  private let shelf = FormShelf()
  private let judged = JudgedAnswers()

  /// - Parameter clock: Provides `today()` for an answer that carries no day.
  public init(clock: any WallClock) { self.clock = clock }

  /// Returns the campaign's k; of several campaigns the largest: an earlier campaign's promise is kept.
  public func lotMin(in session: any HubSession) throws -> Int {
    try HubPlan.campaigns(session).map(\.thresholds.kAnswersMin).max() ?? Thresholds.kAnswersFloor
  }

  public func judge(_ rows: [AnonymousRow], scope: String, in session: any HubSession) throws -> [RowVerdict] {
    let isCommune = try session.firstRow("SELECT 1 FROM unit WHERE code = ?1 AND level = 'commune'", [.text(scope)]) != nil
    let today = try isCommune ? today(in: session) : CalendarDay.first.description
    var identities = AnswerIdentities(session: session)
    var days = CampaignDays(session: session)
    return try rows.map { row in
      guard isCommune else { return .spoiled }
      switch try read(row, unit: scope, today: today, days: &days, in: session) {
      case .spoiled: return .spoiled
      case .unknown(let edition): return .held(edition: edition)
      case .answer(let answer):
        return switch try identities.note(answer) {
        case .unheard: .new(edition: answer.edition.key)
        case .otherContent: .differs(edition: answer.edition.key)
        case .sameContent(let isStanding): .repeated(edition: answer.edition.key, isStanding: isStanding)
        }
      }
    }
  }

  public func receive(_ lot: [AnonymousRow], unit: String, in session: any HubSession) throws {
    let today = try today(in: session)
    let k = try lotMin(in: session)
    var counts = TallyCounts()
    var answers: [JudgedAnswer] = []
    var days = CampaignDays(session: session)
    for row in lot {
      guard let scope = row.value("unit")?.text,
        case .answer(let answer) = try read(row, unit: scope, today: today, days: &days, in: session)
      else {
        throw SyncError(
          .internalFault, vi: "Một phiếu đã được duyệt lại không đọc được.", en: "An answer that was judged valid cannot be read.")
      }
      answers.append(answer)
    }
    for (_, answers) in Dictionary(grouping: answers, by: \.edition.key).sorted(by: { $0.key < $1.key }) {
      let days = Dictionary(grouping: answers, by: \.day).mapValues(\.count)
      let keepsDays = days.values.allSatisfy { $0 >= k }
      for answer in answers {
        try AnswerIdentities(session: session).keep(answer, unit: unit, day: keepsDays ? answer.day : nil)
        counts.add(answer.answers, to: answer.edition)
      }
      guard keepsDays else { continue }
      for case (let day?, let count) in days { try Self.count(day, count, unit: unit, form: answers[0].edition.key, in: session) }
    }
    try counts.save(unit: unit, in: session)
  }

  public func noteRepeated(_ rows: [AnonymousRow], in session: any HubSession) throws {
    let today = try today(in: session)
    var days = CampaignDays(session: session)
    for row in rows {
      guard let unit = row.value("unit")?.text,
        case .answer(let answer) = try read(row, unit: unit, today: today, days: &days, in: session)
      else { continue }
      try RepeatedAnswers(session: session).note(form: answer.edition.key, json: answer.json)
    }
  }

  public func stepEnded() { judged.forget() }

  public func noteErased(_ rows: [AnonymousRow], in session: any HubSession) throws {
    for row in rows {
      guard let form = row.value("form")?.text, let json = row.value("answers")?.text else { continue }
      try RepeatedAnswers(session: session).noteErased(form: form, json: json)
    }
  }

  /// Numbers of imported answers erased in one transaction.
  private static let numbersErasedMax = 500

  public func eraseMore(of editions: Set<String>, in session: any HubSession) throws -> Bool {
    var place: [CellValue] = [.text(""), .text("")]
    var left = Self.numbersErasedMax
    while let next = try session.firstRow(
      "SELECT unit, form FROM answer_number WHERE (unit, form) > (?1, ?2) ORDER BY unit, form LIMIT 1", place)
    {
      place = next
      guard editions.contains(next[1].text ?? "") else { continue }
      let erased = try session.rows(
        """
        DELETE FROM answer_number WHERE unit = ?1 AND form = ?2 AND number IN (
          SELECT number FROM answer_number WHERE unit = ?1 AND form = ?2 LIMIT ?3) RETURNING 1
        """, next + [.integer(Int64(left))])
      left -= erased.count
      if left <= 0 { return true }
    }
    return false
  }

  private static func count(_ day: String, _ count: Int, unit: String, form: String, in session: any HubSession) throws {
    try session.execute(
      """
      INSERT INTO day_count (unit, form, day, count) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (unit, form, day) DO UPDATE SET count = day_count.count + excluded.count
      """, [.text(unit), .text(form), .text(day), .integer(Int64(count))])
  }

  // MARK: Reading

  private enum Reading {
    case answer(JudgedAnswer)
    /// The edition is unknown to the hub, or the answer does not fit the hub's definition of it.
    case unknown(edition: String)
    case spoiled
  }

  private func read(
    _ row: AnonymousRow, unit: String, today: String, days: inout CampaignDays, in session: any HubSession
  ) throws -> Reading {
    guard row.table == "answer", let id = row.value("id")?.text, !id.isEmpty, row.value("unit")?.text == unit,
      let form = row.value("form")?.text, FormShelf.isName(form), let json = row.value("answers")?.text
    else { return .spoiled }
    let digest = row.value("edition")?.text
    guard let edition = try shelf.edition(form, digest: digest, in: session) else {
      return .unknown(edition: digest.map { "\(form)#\($0.prefix(8))" } ?? form)
    }
    guard try !days.isReport(edition.validator.form.id, of: edition.campaign) else { return .spoiled }
    let stated = row.value("day")?.text.flatMap { CalendarDay($0) }
    let day = try stated.flatMap { try days.contains($0, of: edition.campaign) ? $0.description : nil }
    var validator = edition.validator
    // Judges rules about today by the day of the answer, whether its clock was right or wrong.
    validator.today = stated?.description ?? today
    guard let valid = judged.valid(json, by: validator, of: edition) else {
      // Holds an answer of an earlier program: another definition of the same name may have asked something else.
      return digest == nil ? .unknown(edition: edition.key) : .spoiled
    }
    let languages = edition.validator.form.languages.map(\.code)
    let language = row.value("language")?.text.flatMap { languages.contains($0) ? $0 : nil }
    return .answer(
      JudgedAnswer(
        id: id, number: row.value("earlier_id")?.text, unit: unit, edition: edition, day: day,
        language: language ?? edition.validator.form.defaultLanguage, answers: valid.answers, json: valid.json))
  }

  private func today(in session: any HubSession) throws -> String {
    let nowMs = Int64(clamping: clock.nowMs())
    guard let campaign = try HubPlan.campaign(session) else { return CalendarDay.first.description }
    return campaign.today(atMs: nowMs).description
  }
}

/// Days and report forms of campaigns, each campaign read once.
private struct CampaignDays {
  let session: any HubSession
  private var known: [String: Campaign?] = [:]

  init(session: any HubSession) { self.session = session }

  /// Returns whether a day is one of a campaign; true when the hub cannot read the campaign.
  mutating func contains(_ day: CalendarDay, of campaign: String) throws -> Bool {
    try read(campaign)?.days.contains(day) ?? true
  }

  /// Tells if a form is a campaign's daily report, which nobody answers anonymously.
  mutating func isReport(_ form: String, of campaign: String) throws -> Bool {
    try read(campaign)?.isOnlyReport(form) ?? false
  }

  private mutating func read(_ id: String) throws -> Campaign? {
    if let campaign = known[id] { return campaign }
    let definition = try session.firstRow("SELECT definition FROM campaign WHERE id = ?1", [.text(id)])?[0].text
    let campaign = definition.flatMap { try? Campaign(json: Data($0.utf8)) }
    known[id] = .some(campaign)
    return campaign
  }
}

/// Valid answer in canonical spelling.
struct JudgedAnswer {
  var id: String
  /// Id that earlier programs would have given it: of an answer that has a number from elsewhere.
  var number: String?
  /// Commune that it came from.
  var unit: String
  var edition: FormShelf.Edition
  var day: String?
  var language: String
  var answers: ValidatedAnswers
  var json: String
}

/// Cache of judged answers, in canonical spelling: a step judges each again when it writes, and nobody else writes meanwhile.
private final class JudgedAnswers: Sendable {
  struct Valid: Sendable {
    var answers: ValidatedAnswers
    var json: String
  }

  private struct Asked: Hashable {
    /// Digest of the form's definition.
    var digest: String
    var edition: String
    var today: String
    var json: String
  }

  /// Answers in the cache.
  private static let answersMax = 4_096
  private let known = Mutex<[Asked: Valid?]>([:])

  /// Returns the valid answers in a text; nil when the form refuses them.
  func valid(_ json: String, by validator: AnswerValidator, of edition: FormShelf.Edition) -> Valid? {
    let asked = Asked(digest: validator.digest, edition: edition.key, today: validator.today, json: json)
    if let known = known.withLock({ $0[asked] }) { return known }
    var valid: Valid?
    if case .success(let answers) = validator.validate(json: Data(json.utf8)) {
      valid = Valid(answers: answers, json: String(decoding: answers.canonicalJSON, as: UTF8.self))
    }
    known.withLock { known in
      if known.count >= Self.answersMax { known = [:] }
      known[asked] = .some(valid)
    }
    return valid
  }

  func forget() { known.withLock { $0 = [:] } }
}

/// Tells answers apart: by their number *and* their content.
struct AnswerIdentities {
  enum Standing {
    case unheard
    /// The number stands with other content.
    case otherContent
    /// The same content stands; `isStanding` is false when it is only in the same step.
    case sameContent(isStanding: Bool)
  }

  private struct Content: Hashable {
    var unit: String
    var form: String
    /// Day; nil when unknown.
    var day: String?
    var json: String
  }

  let session: any HubSession
  /// Answers of the same step, by the id under which they would be kept.
  private var noted: [String: Content] = [:]
  private var notedNumbers: Set<Content> = []

  init(session: any HubSession) { self.session = session }

  /// Returns what stands of an answer, at the hub or in the same step, and records new content.
  mutating func note(_ answer: JudgedAnswer) throws -> Standing {
    let content = Content(unit: answer.unit, form: answer.edition.key, day: answer.day, json: answer.json)
    let number = answer.number ?? answer.id
    let other = contentID(answer)
    if try self.content(of: other) != nil { return .sameContent(isStanding: noted[other] == nil) }
    let mark = Content(unit: answer.unit, form: answer.edition.key, json: number)
    guard let standing = try self.content(of: number) ?? self.content(of: answer.id) else {
      noted[answer.id] = content
      let isKnown = try notedNumbers.contains(mark) || isNumberKnown(number, answer)
      if answer.number != nil { notedNumbers.insert(mark) }
      return isKnown ? .otherContent : .unheard
    }
    let isSameNumber = try standing.form == content.form && isAt(standing.unit, orBelow: content.unit)
    let isSameDay = standing.day == nil || answer.day == nil || standing.day == answer.day
    if isSameNumber && isSameDay && standing.json == content.json {
      return .sameContent(isStanding: noted[number] == nil && noted[answer.id] == nil)
    }
    noted[other] = content
    // Allows the same number from another commune's sheet, or one of another form.
    return isSameNumber ? .otherContent : .unheard
  }

  private func isNumberKnown(_ number: String, _ answer: JudgedAnswer) throws -> Bool {
    try session.firstRow(
      "SELECT 1 FROM answer_number WHERE unit = ?1 AND form = ?2 AND number = ?3",
      [.text(answer.unit), .text(answer.edition.key), .text(number)]) != nil
  }

  /// Returns the id that a device of today gives it.
  private func contentID(_ answer: JudgedAnswer) -> String {
    let form = SurveySchema.formKey(id: answer.answers.formID, version: answer.answers.formVersion)
    return SurveySchema.contentID(number: answer.number ?? answer.id, unit: answer.unit, form: form, day: answer.day, answers: answer.json)
  }

  /// Returns whether an answer of `unit` may be stored under the code `standing`: its own, or that of a unit above for which a
  /// remainder was pooled.
  private func isAt(_ standing: String, orBelow unit: String) throws -> Bool {
    var code: String? = unit
    for _ in 0..<UnitTree.levelsMax {
      guard let own = code else { return false }
      if own == standing { return true }
      code = try session.firstRow("SELECT parent FROM unit WHERE code = ?1", [.text(own)])?[0].text
    }
    return false
  }

  /// Writes an answer, under an id computed from its content when its own is taken.
  func keep(_ answer: JudgedAnswer, unit: String, day: String?) throws {
    let isFree = try session.firstRow("SELECT 1 FROM answer WHERE id = ?1", [.text(answer.id)]) == nil
    if let number = answer.number {
      try session.execute(
        "INSERT INTO answer_number (unit, form, number) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        [.text(answer.unit), .text(answer.edition.key), .text(number)])
    }
    try session.execute(
      "INSERT INTO answer (id, unit, campaign, form, day, language, answers) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      [
        .text(isFree ? answer.id : contentID(answer)), .text(unit), .text(answer.edition.campaign), .text(answer.edition.key),
        day.map { .text($0) } ?? .null, .text(answer.language), .text(answer.json),
      ])
  }

  private func content(of id: String) throws -> Content? {
    if let known = noted[id] { return known }
    guard let row = try session.firstRow("SELECT unit, form, day, answers FROM answer WHERE id = ?1", [.text(id)]) else { return nil }
    return Content(unit: row[0].text ?? "", form: row[1].text ?? "", day: row[2].text, json: row[3].text ?? "")
  }
}

/// Numbers that a lot adds to the counts of its unit.
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
