internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Reports of one day as a table: a unit a row, a question a column.
struct DayReportTables {
  let parts: ConsoleParts
  let reportDay: CalendarDay

  func table(_ reports: [DayReport]) -> PageTable {
    let (words, tell) = (parts.words, TableWords(parts: parts))
    let language = words.language
    var texts: [String: AnswerText] = [:]
    for report in reports { texts[report.form?.digest ?? ""] = AnswerText(form: report.form, language: language) }
    let asked = DayReportColumns(reports: reports, language: language).questions.map { question in
      PageColumnOf<DayReport>("answer_" + question.name, question.label) { [texts] report in
        let value = report.answers[question.name]
        return ReportTables.value(value, said: value.flatMap { texts[report.form?.digest ?? ""]?.text($0, to: question.name) } ?? "")
      }
    }
    return PageTable(
      "reports", words.text("Báo cáo \(reportDay)", "Reports \(reportDay)"), reports,
      [
        .init("unit", words.text("Mã", "Code")) { .text($0.unit.rawValue) },
        .init("unitName", words.text("Đơn vị", "Unit")) { tell.name($0.unit.rawValue) },
        .init("day", words.text("Ngày", "Day")) { _ in .text(reportDay.description) },
        .init("contradicts", words.text("Trái biểu mẫu", "Contradicts its form")) { tell.flag($0.isInvalid) },
        .init("entered", words.text("Đã nhập nơi khác", "Entered elsewhere")) { tell.flag($0.entry != nil && !$0.hasChangedSinceEntry) },
        .init("correctedSince", words.text("Sửa sau khi nhập", "Corrected since")) { tell.flag($0.hasChangedSinceEntry) },
        .init("enteredTime", words.text("Nhập lúc", "Entered at")) { tell.time($0.entry?.atMs) },
        .init("enteredBy", words.text("Người nhập", "Entered by")) { TableWords.text($0.entry?.by) },
      ] + asked)
  }
}
