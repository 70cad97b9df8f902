internal import Foundation
package import SyncCore

/// Row of a report, with what this program and an earlier one wrote into it.
package struct StoredReport: Sendable, Hashable {
  package var id: String
  package var unit: String
  package var day: String?
  package var form: String?
  /// Digest of the definition by which it was filed or corrected; nil from an earlier program.
  package var edition: String?
  /// Answers as a whole, from an earlier program.
  package var answers: String?
  /// Answers by question.
  package var byQuestion: String?
  /// Reason why its day may be wrong; see `CampaignToday.Doubt`.
  package var doubt: String?

  package init(
    id: String, unit: String, day: String? = nil, form: String? = nil, edition: String? = nil, answers: String? = nil,
    byQuestion: String? = nil, doubt: String? = nil
  ) {
    self.id = id
    self.unit = unit
    self.day = day
    self.form = form
    self.edition = edition
    self.answers = answers
    self.byQuestion = byQuestion
    self.doubt = doubt
  }

  package var readableDay: CalendarDay? { day.flatMap { CalendarDay($0) } }

  /// Value of a question that was removed from a report of an earlier program: without it the answer in `answers` would stand.
  package static let takenAway = CanonicalJSON.boolean(false)

  /// Returns the answers in `byQuestion`; nil for a removed one.
  package func questions() throws -> [String: AnswerValue?] {
    let members = try members()
    let given = members.filter { $0.value != Self.takenAway }
    let answers = try AnswerValue.answers(
      stored: String(decoding: CanonicalJSON.object(given).data, as: UTF8.self), table: "report", id: id)
    return members.mapValues { _ in nil }.merging(answers.mapValues { $0 }) { _, given in given }
  }

  /// Returns one question's answer from its JSON; nil for none.
  package static func answer(_ json: String?, to question: String) throws -> AnswerValue? {
    guard let json, let value = CanonicalJSON.parse(Data(json.utf8), depthMax: 16), value != takenAway else { return nil }
    let object = String(decoding: CanonicalJSON.object([question: value]).data, as: UTF8.self)
    return try AnswerValue.answers(stored: object, table: "report", id: question)[question]
  }

  /// Returns `byQuestion` with the questions written again whose answers change.
  package func byQuestion(changing standing: [String: AnswerValue], to given: [String: AnswerValue]) throws -> String {
    var members = try members()
    let whole = try AnswerValue.answers(stored: self.answers, table: "report", id: id)
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
