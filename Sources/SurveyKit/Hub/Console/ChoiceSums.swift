internal import Foundation
public import SurveyKit
public import SyncHub

/// Sums of one question over the reports of a day: in how many each choice was taken, by group.
public struct ChoiceSums: Sendable {
  /// Name and heading of the question.
  public var question: String
  public var label: LocalizedText
  /// Choices, the most frequent first, those of one frequency in the form's order. Choices that only an earlier form had are said to be such.
  public var choices: [Choice]

  public struct Choice: Sendable {
    public var name: String
    public var label: LocalizedText
    /// Groups in which some report has the choice, those with the most reports first.
    public var groups: [GroupCount]

    public var reports: Int { groups.reduce(0) { $0 + $1.reports } }
  }

  public struct GroupCount: Sendable, Hashable {
    public var unit: UnitCode
    public var name: String
    public var reports: Int
  }

  /// Questions of one form that are summed.
  static let questionsMax = 30
  /// Nesting of a report's answers that is read.
  fileprivate static let depthMax = 16
}

extension SurveyHub {
  /// Returns the sums of a day's reports over the units that the reading shows: of each question with choices outside repeats, in the newest
  /// form's order. Empty where the hub has no form for reports.
  ///
  /// - Complexity: one statement that reads each unit of the campaign once.
  public func choiceSums(on reportDay: CalendarDay, in day: OperatorDay) async throws -> [ChoiceSums] {
    let groups = Dictionary(
      day.groups.flatMap { group in group.units.map { ($0.unit.rawValue, group) } }, uniquingKeysWith: { first, _ in first })
    let form = day.campaign.reportForm
    let (questions, chosen) = try await hub.read { [shelf] session -> ([TallyQuestion], [String: [String: [UnitCode: Int]]]) in
      guard let edition = try shelf.newest(form, in: session) else { return ([], [:]) }
      let questions = Array(edition.questions.filter { !$0.choices.isEmpty }.prefix(ChoiceSums.questionsMax))
      let rows = try session.rows(
        "SELECT u.code, r.answers, r.by_question FROM unit u CROSS JOIN report r ON r.id = u.code || '/' || ?1",
        [.text(reportDay.description)])
      var sums: [String: [String: [UnitCode: Int]]] = [:]
      for row in rows {
        guard let group = row[0].text.flatMap({ groups[$0]?.unit }) else { continue }
        let (whole, members) = (Self.members(row[1].text), Self.members(row[2].text))
        for question in questions {
          for choice in Self.choices(members[question.id] ?? whole[question.id]) {
            sums[question.id, default: [:]][choice, default: [:]][group, default: 0] += 1
          }
        }
      }
      return (questions, sums)
    }
    let names = Dictionary(day.groups.map { ($0.unit, $0.name) }, uniquingKeysWith: { first, _ in first })
    return questions.map { question in
      let sums = chosen[question.id] ?? [:]
      let known = Set(question.choices.map(\.id))
      let former = sums.keys.filter { !known.contains($0) }.sorted().map {
        TallyChoice(id: $0, label: LocalizedText(vi: "lựa chọn cũ “\($0)”", en: "an earlier choice, “\($0)”"))
      }
      let choices = (question.choices + former).map { choice in
        let groups = (sums[choice.id] ?? [:]).map {
          ChoiceSums.GroupCount(unit: $0.key, name: names[$0.key] ?? $0.key.rawValue, reports: $0.value)
        }
        return ChoiceSums.Choice(
          name: choice.id, label: choice.label,
          groups: groups.sorted { $0.reports == $1.reports ? $0.unit < $1.unit : $0.reports > $1.reports })
      }
      // Sorts without moving choices of one frequency past one another.
      let ordered = choices.enumerated().sorted {
        $0.element.reports == $1.element.reports ? $0.offset < $1.offset : $0.element.reports > $1.element.reports
      }
      return ChoiceSums(question: question.id, label: question.label, choices: ordered.map(\.element))
    }
  }

  private static func members(_ json: String?) -> [String: CanonicalJSON] {
    guard let json, case .object(let members)? = CanonicalJSON.parse(Data(json.utf8), depthMax: ChoiceSums.depthMax) else { return [:] }
    return members
  }

  /// Choices of one answer; none for what is no answer of choices, such as a removed one.
  private static func choices(_ answer: CanonicalJSON?) -> Set<String> {
    switch answer {
    case .string(let choice): [choice]
    case .array(let choices): Set(choices.compactMap { if case .string(let choice) = $0 { choice } else { nil } })
    default: []
    }
  }
}

extension FormShelf {
  /// Returns the newest edition of a form; nil without one.
  fileprivate func newest(_ form: String, in session: any HubSession) throws -> Edition? {
    let row = try session.firstRow(
      "SELECT id FROM form WHERE form = ?1 ORDER BY length(version) DESC, version DESC LIMIT 1", [.text(form)])
    return try row?[0].text.flatMap { try edition($0, in: session) }
  }
}

extension SurveyHub {
  /// Returns the newest form by which reports of the reading's campaign are filed; nil where the hub has none.
  public func reportForm(in day: OperatorDay) async throws -> Form? {
    let form = day.campaign.reportForm
    return try await hub.read { [shelf] session in try shelf.newest(form, in: session)?.validator.form }
  }
}
