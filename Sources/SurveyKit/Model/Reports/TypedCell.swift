internal import Foundation
package import SyncCore

/// Typed value for one cell of the survey's tables, read and judged like an entered one: by the form's rules for an answer, by the
/// rules of a post for its words. Cells that nobody ever types are refused.
package struct TypedCell {
  /// Facts about the cell's row, and what it may name.
  package struct Facts: Sendable {
    /// Report as it stands; nil when there is none, or in another table.
    package var report: StoredReport?
    /// Standing answer of each of its questions.
    package var standing: [String: AnswerValue] = [:]
    /// Judge; nil when the edition is unknown here.
    package var judge: ReportJudge?
    package var editions: Set<String> = []
    package var campaigns: Set<String> = []

    package init(
      report: StoredReport? = nil, standing: [String: AnswerValue] = [:], judge: ReportJudge? = nil, editions: Set<String> = []
    ) {
      (self.report, self.standing, self.judge, self.editions) = (report, standing, judge, editions)
    }
  }

  package var table: String
  /// Key of the row.
  package var key: String
  package var column: String
  /// Question in a report's answers.
  package var member: String?
  package var facts: Facts

  package init(table: String, key: String, column: String, member: String? = nil, facts: Facts) {
    self.table = table
    self.key = key
    self.column = column
    self.member = member
    self.facts = facts
  }

  /// Converts a typed text into a value.
  ///
  /// - Throws: `AnswerFaults` with the form's own messages; `SyncError` `.badRequest` for a cell that no person types, and
  ///   `SurveyFieldError` of posts.
  package func value(typed text: String) throws -> CellValue {
    switch (table, column) {
    case ("report", "by_question"): return try answer(text)
    case ("report", "answers"): return try answers(text)
    case ("report", "form"): return try name(text, among: facts.editions)
    case (_, "campaign"): return try name(text, among: facts.campaigns)
    case ("report", "day"):
      guard let day = key.split(separator: "/").last.map(String.init), text == day else { throw notTyped }
      return .text(day)
    case ("post", "day"), ("attachment", "day"):
      guard let day = CalendarDay(text) else { throw Self.malformed(text) }
      return .text(day.description)
    case ("post", "words"):
      let words = PostWords.cleaned(text)
      guard !words.isEmpty else { throw SurveyFieldError.emptyPost }
      guard words.utf8.count <= PostWords.bytesMax else { throw SurveyFieldError.postTooLong }
      return .text(words)
    case ("post", "hidden"), ("post", "device"):
      let line = ReportChange.cleaned(text)
      guard line.utf8.count <= ReportChange.reasonBytesMax else { throw SurveyFieldError.reasonTooLong }
      return line.isEmpty ? .null : .text(line)
    case ("headcount", "officials"), ("headcount", "civil_servants"), ("headcount", "part_time"), ("headcount", "eligible"):
      guard let people = Int(text), (0...Headcount.peopleMax).contains(people) else { throw Self.malformed(text) }
      return .integer(Int64(people))
    default: throw notTyped
    }
  }

  /// True when there are rules for what is typed there.
  package var isJudged: Bool {
    switch (table, column) {
    case ("report", "by_question"), ("report", "answers"), ("report", "form"), ("report", "campaign"), ("report", "day"): true
    case ("post", "campaign"), ("post", "day"), ("post", "words"), ("post", "hidden"), ("post", "device"), ("attachment", "day"): true
    case ("headcount", "officials"), ("headcount", "civil_servants"), ("headcount", "part_time"), ("headcount", "eligible"): true
    default: false
    }
  }

  /// Returns a whole object of answers, with which a held report is repaired: judged with those that stand beside it.
  package func object(typed text: String) throws -> CellValue {
    let typed = try AnswerValue.answers(fromJSON: Data(text.utf8))
    let standing = facts.report == nil ? nil : facts.standing
    let judged = try judge().judge((standing ?? [:]).merging(typed) { $1 }, over: standing).get()
    return .text(String(decoding: AnswerValue.json(judged.given.filter { typed[$0.key] != nil }), as: UTF8.self))
  }

  private func answer(_ text: String) throws -> CellValue {
    guard let member else { throw notTyped }
    let answer = try judge().answer(typed: text, to: member, over: facts.standing).get()
    return StoredReport.cell(answer, to: member, of: facts.report)
  }

  /// Returns all answers as a whole, as an earlier program wrote them.
  private func answers(_ text: String) throws -> CellValue {
    let typed = try AnswerValue.answers(fromJSON: Data(text.utf8))
    return .text(String(decoding: try judge().judge(typed, over: facts.standing).get().canonicalJSON, as: UTF8.self))
  }

  private func judge() throws -> ReportJudge {
    if let judge = facts.judge { return judge }
    throw SyncError(
      .badRequest,
      vi: "Ở đây chưa có biểu mẫu \(facts.report?.form ?? "") của báo cáo này nên không xét được giá trị; hãy chọn --keep hoặc --take.",
      en: "The report's form \(facts.report?.form ?? "") is not here, so the value cannot be judged; choose --keep or --take.")
  }

  private func name(_ text: String, among known: Set<String>) throws -> CellValue {
    let name = text.nfc.trimmingWhitespace
    guard known.contains(name) else {
      let list = known.sorted().joined(separator: ", ")
      throw SyncError(.badRequest, vi: "Không có \(name); có: \(list).", en: "There is no \(name); there is: \(list).")
    }
    return .text(name)
  }

  private static func malformed(_ text: String) -> SyncError {
    SyncError(.badRequest, vi: "Cột này không nhận “\(text)”; hãy xem lại.", en: "The column does not take “\(text)”; check it.")
  }

  private var notTyped: SyncError {
    SyncError(
      .badRequest, vi: "Cột \(column) của bảng \(table) không phải thứ người ta gõ vào; hãy chọn --keep hoặc --take.",
      en: "Nobody types what column \(column) of table \(table) holds; choose --keep or --take.")
  }
}

extension StoredReport {
  /// Returns one answer as the cell of a question. Where an earlier program wrote the question, a missing answer is written
  /// explicitly.
  package static func cell(_ answer: AnswerValue?, to question: String, of report: StoredReport?) -> CellValue {
    if let answer { return .text(String(decoding: answer.json.data, as: UTF8.self)) }
    let whole = report.flatMap { try? AnswerValue.answers(stored: $0.answers, table: "report", id: $0.id) } ?? [:]
    return whole[question] == nil ? .null : .text(String(decoding: takenAway.data, as: UTF8.self))
  }

  /// Reads a row of `HubReport.columns`.
  package init?(_ row: [CellValue]) {
    guard row.count == 8, let id = row[0].text, let unit = row[1].text else { return nil }
    self.init(
      id: id, unit: unit, day: row[2].text, form: row[3].text, edition: row[4].text, answers: row[5].text, byQuestion: row[6].text,
      doubt: row[7].text)
  }

  /// Returns the standing answer of each question, by the row alone: an answer by question precedes an earlier program's whole.
  package func standing() throws -> [String: AnswerValue] {
    var standing = try AnswerValue.answers(stored: answers, table: "report", id: id)
    for (question, answer) in try questions() { standing[question] = answer }
    return standing
  }
}
