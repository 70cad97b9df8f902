internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// All reports of one day in one table, for whoever types them into another program: what was entered there is marked.
struct DayReportsPage {
  let parts: ConsoleParts
  let forms: ActForms
  let reportDay: CalendarDay
  /// Units that filed one, in the order of their groups and codes.
  let filed: [UnitLine]
  /// Reports of one page.
  let reports: [DayReport]
  let paging: Paging

  /// Rows of one page.
  static let rowsMax = 100

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  var title: String { words.text("Báo cáo ngày \(words.day(reportDay))", "Reports of \(words.day(reportDay))") }

  var content: HTML {
    let entered = reports.count { $0.entry != nil && !$0.hasChangedSinceEntry }
    let changed = reports.count(where: \.hasChangedSinceEntry)
    let said: HTML? =
      changed > 0
      ? " <strong class=\"warn\">\(words.text("\(words.number(changed)) báo cáo đã sửa sau khi nhập", "\(words.number(changed)) were corrected after they were entered"))</strong>"
      : nil
    let table: HTML =
      reports.isEmpty
      ? "<p class=\"calm\">\(words.text("Chưa có báo cáo nào của ngày này.", "There is no report of this day yet."))</p>\n" : self.table
    return """
      <h1>\(title) <b>\(words.number(filed.count))</b></h1>
      <p class="lead">\(words.text("Trên trang này đã nhập nơi khác \(words.number(entered)) trên \(words.number(reports.count)).", "On this page \(words.number(entered)) of \(words.number(reports.count)) are entered elsewhere."))\(said)</p>
      \(parts.days("/reports", chosen: reportDay))\(sums)\(paging.html(words))\(table)\(paging.html(words, isBelow: true))
      """
  }

  private var sums: HTML {
    var there = query
    there.day = reportDay
    return "<p class=\"rest\"><a href=\"\(there.link("/sums"))\">\(words.text("Cộng theo nhóm", "Sums by group"))</a></p>\n"
  }

  private var table: HTML {
    let asked = DayReportColumns(reports: reports, language: words.language).questions
    let columns: [HTML] = asked.map { "<th scope=\"col\">\($0.label)</th>" }
    let rows: [HTML] = reports.map { row($0, asked) }
    let inside: HTML = """
      <div class="scroll" role="region" aria-label="\(title)" tabindex="0">
      <table class="units reports">
      <thead><tr><th scope="col">\(words.text("Đơn vị", "Unit"))</th><th scope="col">\(words.text("Nhập nơi khác", "Entered elsewhere"))</th>\(columns)</tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      </div>

      """
    guard let token = forms.formToken(.act) else { return inside }
    return """
      <form method="post" action="\(query.link("/reports", ["day": reportDay.description]))">\(token)
      \(inside)<p class="rest"><button class="primary" name="do" value="mark">\(words.text("Đánh dấu đã nhập", "Mark as entered"))</button>
      <button name="do" value="unmark">\(words.text("Bỏ đánh dấu", "Take the mark back"))</button> <span class="quiet">\(words.text("Của những dòng được chọn; hoàn tác được.", "Of the rows that are chosen; can be undone."))</span></p></form>

      """
  }

  private func row(_ report: DayReport, _ asked: [DayReportColumns.Question]) -> HTML {
    let text = AnswerText(form: report.form, language: words.language)
    let name = parts.day.tree.displayName(of: report.unit)
    let cells: [HTML] = asked.map { question in
      let value = report.answers[question.name]
      return "<td data-label=\"\(question.label)\">\(value.map { text.text($0, to: question.name) } ?? "")</td>"
    }
    let box: HTML? = forms.formToken(.act).map { _ in
      "<input type=\"checkbox\" name=\"row\" value=\"\(report.unit.rawValue):\(report.content)\" aria-label=\"\(words.text("chọn \(name)", "choose \(name)"))\"> "
    }
    let flag: HTML? = report.isInvalid ? " <span class=\"flag\">⚑ \(words.text("trái biểu mẫu", "contradicts its form"))</span>" : nil
    let entry: HTML =
      report.entry.map { entry in
        let when: HTML = "<small>\(parts.time(entry.atMs)), \(entry.by)</small>"
        return report.hasChangedSinceEntry
          ? "<strong class=\"warn\">! \(words.text("đã sửa sau khi nhập", "corrected since"))</strong> \(when)"
          : "<span class=\"quiet\">✓ \(words.text("đã nhập", "entered"))</span> \(when)"
      } ?? "<span class=\"quiet\">\(words.text("chưa", "not yet"))</span>"
    return """
      <tr><th scope="row">\(box)<a href="\(query.report(report.unit, reportDay))"><small>\(report.unit.rawValue)</small> \(name)</a>\(flag)</th>\
      <td data-label="\(words.text("Nhập nơi khác", "Entered elsewhere"))">\(entry)</td>\(cells)</tr>

      """
  }
}

/// Questions that reports of a day answer, in the order of the newest form among them; those that only others ask come last.
struct DayReportColumns {
  struct Question {
    let name: String
    let label: String
  }

  let questions: [Question]

  init(reports: [DayReport], language: Language) {
    var (seen, questions): (Set<String>, [Question]) = ([], [])
    // Each form once: a day's reports have one or two.
    var forms: [(digest: String, text: AnswerText, answers: [String: AnswerValue])] = []
    for report in reports {
      let digest = report.form?.digest ?? ""
      if let index = forms.firstIndex(where: { $0.digest == digest }) {
        forms[index].answers.merge(report.answers) { first, _ in first }
      } else {
        forms.append((digest, AnswerText(form: report.form, language: language), report.answers))
      }
    }
    for form in forms {
      for name in form.text.ordered(form.answers) where seen.insert(name).inserted {
        questions.append(Question(name: name, label: form.text.label(of: name)))
      }
    }
    self.questions = questions
  }
}
