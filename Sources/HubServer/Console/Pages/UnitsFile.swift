internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Units as a file for a spreadsheet: the rows of a page, all of them.
struct UnitsFile {
  let parts: ConsoleParts
  let reportDay: CalendarDay?

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }

  func text(_ lines: [UnitLine]) -> String {
    let reported = reportDay ?? day.board.reportDay
    let heading = [
      words.text("Mã", "Code"), words.text("Đơn vị", "Unit"), words.text("Nhóm", "Group"), words.text("Tình trạng", "State"),
      words.text("Vì sao", "Why"), words.text("Phiếu", "Answers"), words.text("Người được hỏi", "May answer"),
      words.text("Lẽ ra", "Expected"),
      reported.map { words.text("Báo cáo \($0)", "Report \($0)") } ?? words.text("Báo cáo", "Report"),
      words.text("Liên lạc cuối", "Last contact"), words.text("Gọi ai", "Whom to call"), words.text("Điện thoại", "Phone"),
      words.text("Cuộc gọi cuối", "Last call"),
    ]
    let rows = lines.map { line -> [String] in
      let contact = day.contacts[line.unit.rawValue]?.first
      let call = day.calls[line.unit.rawValue]
      return [
        line.unit.rawValue, line.name, line.groupName, words.state(line.state), line.state.needsAct ? parts.why(line) : "",
        String(line.counts.received), line.target.map(String.init) ?? "", String(line.expected),
        reported.map { words.report(day.report(line, on: $0)) } ?? "",
        line.counts.lastContactMs.map { day.campaign.wallText(atMs: $0) } ?? "", contact.map { "\($0.role) \($0.name)" } ?? "",
        contact?.phone ?? "",
        call.map { "\(day.campaign.wallText(atMs: $0.atMs)) \($0.by): \(words.outcome($0.outcome)) \($0.note)" } ?? "",
      ]
    }
    return SafeCSV.text([heading] + rows)
  }
}

/// A file that a spreadsheet opens as it is meant: UTF-8 with its mark, and no cell that begins a formula.
enum SafeCSV {
  static func text(_ rows: [[String]]) -> String {
    "\u{FEFF}" + rows.map { $0.map(cell).joined(separator: ",") + "\r\n" }.joined()
  }

  static func cell(_ text: String) -> String {
    let clean = text.printable
    let isFormula = clean.first.map { "=+-@".contains($0) } ?? false
    let safe = isFormula ? "'" + clean : clean
    // Every cell in quotes: what a device sent may hold any sign.
    return "\"" + safe.replacing("\"", with: "\"\"") + "\""
  }
}
