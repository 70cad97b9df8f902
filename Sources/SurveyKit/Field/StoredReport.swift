internal import Foundation
internal import GRDB
internal import SyncKit

/// A report's row: what this program and an earlier one wrote into it.
struct StoredReport: Sendable, Hashable {
  var id: String
  var unit: String
  var day: String?
  var form: String?
  /// The digest of the definition it was filed or corrected by; nil of an earlier program.
  var edition: String?
  /// All answers at once, as an earlier program wrote them.
  var answers: String?
  /// Each question by itself.
  var byQuestion: String?
  /// Why its day may be wrong; see `CampaignToday.Doubt`.
  var doubt: String?

  var readableDay: CalendarDay? { day.flatMap { CalendarDay($0) } }

  /// How a question is written that was taken away from a report of an earlier program: were it left out, what `answers` says of
  /// it would stand.
  static let takenAway = CanonicalJSON.boolean(false)

  /// The reports, or the one of a key, by day.
  static func fetchAll(_ db: Database, key: String?) throws -> [StoredReport] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT id, unit, day, form, edition, answers, by_question, doubt FROM report \(key == nil ? "" : "WHERE id = ?1 ")ORDER BY day, unit
        """, arguments: key.map { [$0] } ?? []
    ).map { row in
      StoredReport(
        id: row.text("id") ?? "", unit: row.text("unit") ?? "", day: row.text("day"), form: row.text("form"), edition: row.text("edition"),
        answers: row.text("answers"), byQuestion: row.text("by_question"), doubt: row.text("doubt"))
    }
  }

  /// What `byQuestion` says; nil for a question that was taken away.
  func questions() throws -> [String: AnswerValue?] {
    let members = try members()
    let given = members.filter { $0.value != Self.takenAway }
    let answers = try SurveyField.answers(String(decoding: CanonicalJSON.object(given).data, as: UTF8.self), table: "report", id: id)
    return members.mapValues { _ in nil }.merging(answers.mapValues { $0 }) { _, given in given }
  }

  /// One question's answer by its JSON; nil for none.
  static func answer(_ json: String?, to question: String) throws -> AnswerValue? {
    guard let json, let value = CanonicalJSON.parse(Data(json.utf8), depthMax: 16), value != takenAway else { return nil }
    let object = String(decoding: CanonicalJSON.object([question: value]).data, as: UTF8.self)
    return try SurveyField.answers(object, table: "report", id: question)[question]
  }

  /// `byQuestion` with those questions written anew whose answers change.
  func byQuestion(changing standing: [String: AnswerValue], to given: [String: AnswerValue]) throws -> String {
    var members = try members()
    let whole = try SurveyField.answers(self.answers, table: "report", id: id)
    for question in Set(standing.keys).union(given.keys) {
      let answer = given[question]?.json
      if standing[question]?.json.data == answer?.data { continue }
      members[question] = answer ?? (whole[question] == nil ? nil : Self.takenAway)
    }
    return String(decoding: CanonicalJSON.object(members).data, as: UTF8.self)
  }

  private func members() throws -> [String: CanonicalJSON] {
    guard let byQuestion else { return [:] }
    guard case .object(let members)? = CanonicalJSON.parse(Data(byQuestion.utf8), depthMax: 16) else {
      throw SurveyFieldError.unreadable(table: "report", id: id)
    }
    return members
  }
}
