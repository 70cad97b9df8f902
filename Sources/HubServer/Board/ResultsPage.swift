internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// The results that may be shown, ready for their template.
struct ResultsPage {
  struct Query {
    var level: UnitLevel
    var question: String?
    var form: String?
    /// Page that is shown, from 1.
    var page: Int?
  }

  struct Taking {
    var name: String
    var answers: String
    var expected: String
    var rate: String
    var meter: Int?
  }

  struct Row {
    var name: String
    var cells: [PageCell]
  }

  struct Question {
    var id: String
    var label: String
    var withheld: String?
    var hasTable: Bool
    /// Kind of the table: `few` columns, all of one width on the whole page, or as many columns as the question has choices.
    var kind: String
    var columns: [PageColumn]
    var rows: [Row]
  }

  /// Title of the window.
  var pageTitle: String
  /// The question that is chosen, where there is such a one.
  var question: String?
  var heading: String
  var title: String
  var levelLabel: String
  var levels: [Paging.Link]
  var pagesLabel: String
  /// Says which rows are shown, where not all are.
  var position: String?
  var pages: [Paging.Link]
  var participationLabel: String
  var participationColumns: [PageColumn]
  var participation: [Taking]
  /// Says from which release the results are, or that nothing was released yet.
  var release: String
  var questions: [Question]
  var legend: String

  init(_ results: FormResults, _ query: Query, of campaigns: PageCampaigns = PageCampaigns(), _ words: Wording) {
    let view = results.view
    let chosen = query.question
    let level = query.level
    func address(_ level: UnitLevel, _ question: String?, page: Int? = nil) -> String {
      var parts = ["level=\(level.rawValue)"]
      if let campaign = campaigns.part { parts.append(campaign) }
      if let question { parts.append("question=\(question)") }
      if query.form != nil { parts.append("form=\(results.form)") }
      if let page { parts.append("page=\(page)") }
      if words.language == .english { parts.append("lang=en") }
      return "/results?" + parts.joined(separator: "&")
    }
    let known = chosen.flatMap { id in view.questions.first { $0.id == id }?.id }
    question = known
    pageTitle = "\(words.text("Kết quả", "Results")) – \(results.title(words.language))"
    heading = words.text("Kết quả", "Results")
    title = "\(results.title(words.language)) (\(results.form))"
    levelLabel = words.text("Cấp", "Level")
    let present = UnitLevel.allCases.filter { each in each == level || results.participation.contains { $0.level == each } }
    levels = present.map { each in Paging.Link(link: address(each, nil), label: Self.name(each, words), isCurrent: each == level) }
    participationLabel = words.text("Tham gia", "Participation")
    participationColumns = [
      PageColumn(label: words.text("Đơn vị", "Unit"), isNumber: false), PageColumn(label: words.text("Phiếu", "Answers")),
      PageColumn(label: words.text("Phải thu", "Expected")), PageColumn(label: words.text("Tỷ lệ", "Rate")),
    ]
    let lines = VietnameseOrder.byDistrict(results.participation.filter { $0.level == level }, name: \.name)
    let paging = Paging(lines.count, page: query.page, words) { address(level, known, page: $0) }
    pagesLabel = words.text("Trang", "Page")
    position = paging.position
    pages = paging.links
    participation = lines[paging.rows].map { line in
      Taking(
        name: line.name, answers: words.number(line.answers), expected: words.number(line.expected),
        rate: words.percent(line.ratePermille), meter: line.ratePermille.map { min($0, 1000) })
    }
    release = ResultsTable.release(results, words.language)
    let shown = Set(lines[paging.rows].map(\.unit))
    let units = VietnameseOrder.byDistrict(view.units.filter { $0.level == level && shown.contains($0.unit) }, name: \.name)
    questions =
      level == .commune
      ? []
      : view.questions.filter { chosen == nil || $0.id == chosen }.map { heading in
        level == .province ? Self.overall(heading, units.first, words) : Self.byUnit(heading, units, words)
      }
    let k = words.number(results.kAnswersMin)
    legend =
      level == .commune
      ? ResultsTable.communesAreNotShown(words.language)
      : words.text(
        "Dưới \(k) phiếu, và những gì làm lộ chúng qua phép trừ, không được công bố; “5–9” là một số trong khoảng đó. “≥ 90 %” cũng có thể là tất cả.",
        "Fewer than \(k) answers, and whatever would reveal them by subtraction, are not shown; “5–9” is one of these numbers. “≥ 90 %” may also be everyone."
      )
  }

  private static func name(_ level: UnitLevel, _ words: Wording) -> String {
    switch level {
    case .province: words.text("Toàn tỉnh", "Province")
    case .district: words.text("Theo huyện", "Districts")
    case .commune: words.text("Theo xã", "Communes")
    }
  }

  /// Returns the table of one unit: a row for each choice.
  private static func overall(_ heading: QuestionHeading, _ unit: UnitResult?, _ words: Wording) -> Question {
    var question = Question(id: heading.id, label: heading.label(words.language), hasTable: true, kind: "few", columns: [], rows: [])
    guard let result = unit?[heading.id] else {
      question.hasTable = false
      question.withheld = ResultsTable.text(WithheldReason.noAnswers, words.language)
      return question
    }
    let reasons = Set(
      result.choices.map { choice -> WithheldReason? in if case .withheld(let reason) = choice.cell { reason } else { nil } })
    if let mean = result.mean {
      question.columns = [
        PageColumn(label: words.text("Trung bình", "Mean"), isNumber: false), PageColumn(label: words.text("Người trả lời", "Answered")),
      ]
      guard case .shown(let tenths) = mean else {
        question.hasTable = false
        if case .withheld(let reason) = mean { question.withheld = ResultsTable.text(reason, words.language) }
        return question
      }
      question.rows = [Row(name: words.decimal(tenths: tenths), cells: [PageCell(value: words.number(result.answered))])]
      return question
    }
    if reasons.count == 1, let first = reasons.first, let reason = first {
      question.hasTable = false
      question.withheld = ResultsTable.text(reason, words.language)
      return question
    }
    question.columns = [
      PageColumn(label: words.text("Lựa chọn", "Choice"), isNumber: false), PageColumn(label: words.text("Số người", "People")),
      PageColumn(label: words.text("Tỷ lệ", "Share")),
    ]
    question.rows = zip(heading.choices, result.choices).map { choice, counted in
      Row(name: choice.label(words.language), cells: countAndShare(counted.cell, words))
    }
    return question
  }

  private static func countAndShare(_ cell: ResultCell, _ words: Wording) -> [PageCell] {
    switch cell {
    case .shown(let count, let share):
      var meter: Int?
      if case .permille(let permille) = share { meter = permille }
      return [
        PageCell(value: words.number(count)), PageCell(value: ResultsTable.text(share, words.language), style: "n share", meter: meter),
      ]
    case .range(let range): return [PageCell(value: ResultsTable.text(range, words.language)), PageCell(value: "", style: "quiet")]
    case .withheld(let reason): return [PageCell(value: ResultsTable.text(reason, words.language), style: "quiet", span: 2)]
    }
  }

  /// Several units: a row a unit, a column a choice.
  private static func byUnit(_ heading: QuestionHeading, _ units: [UnitResult], _ words: Wording) -> Question {
    let titles = heading.choices.isEmpty ? [words.text("Trung bình", "Mean")] : heading.choices.map { $0.label(words.language) }
    let rows = units.map { unit -> Row in
      guard let result = unit[heading.id] else {
        return Row(name: unit.name, cells: [PageCell(value: words.unknown, style: "quiet", span: titles.count + 1)])
      }
      let answered = PageCell(value: words.number(result.answered))
      if let mean = result.mean {
        switch mean {
        case .shown(let tenths): return Row(name: unit.name, cells: [answered, PageCell(value: words.decimal(tenths: tenths))])
        case .withheld(let reason):
          return Row(name: unit.name, cells: [PageCell(value: ResultsTable.text(reason, words.language), style: "quiet", span: 2)])
        }
      }
      let reasons = Set(
        result.choices.map { choice -> WithheldReason? in if case .withheld(let reason) = choice.cell { reason } else { nil } })
      if reasons.count == 1, let first = reasons.first, let reason = first {
        return Row(
          name: unit.name, cells: [PageCell(value: ResultsTable.text(reason, words.language), style: "quiet", span: titles.count + 1)])
      }
      return Row(
        name: unit.name,
        cells: [answered]
          + result.choices.map { choice in
            switch choice.cell {
            case .shown(let count, let share):
              PageCell(value: ResultsTable.text(share, words.language), detail: count.map { words.number($0) })
            case .range(let range): PageCell(value: ResultsTable.text(range, words.language))
            case .withheld(let reason): PageCell(value: ResultsTable.text(reason, words.language), style: "quiet")
            }
          })
    }
    return Question(
      id: heading.id, label: heading.label(words.language), hasTable: true, kind: "many",
      columns: [
        PageColumn(label: words.text("Đơn vị", "Unit"), isNumber: false), PageColumn(label: words.text("Người trả lời", "Answered")),
      ]
        + titles.map { PageColumn(label: $0) },
      rows: rows)
  }
}
