internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of the units in trouble, worst first, each with its reason and next act.
struct NowPage {
  let parts: ConsoleParts
  let forms: ActForms
  /// From 1.
  var page: Int?

  private var words: Wording { parts.words }
  private var notes: CallNotes { CallNotes(parts: parts) }
  private var day: OperatorDay { parts.day }
  private var query: ConsoleQuery { parts.query }

  /// Units of one page.
  static let rowsMax = 100

  var content: HTML {
    let trouble = day.inTrouble
    let paging = Paging(trouble.count, page: page, rowsMax: Self.rowsMax, words) { query.link("/now", ["page": "\($0)"]) }
    let calls = trouble.count { $0.state.needsCall }
    let late = trouble.count - calls
    let remind: HTML? = late > 0 ? " · \(words.text("cần nhắc", "to remind")) <b>\(words.number(late))</b>" : nil
    let rows = trouble[paging.rows].map { (id: "u-\($0.unit)", element: row($0)) }
    let isCalm: HTML? = trouble.isEmpty ? "<p class=\"calm\">\(calm)</p>\n" : nil
    let list: HTML = "\(.live(block: "calm", isCalm))<ol class=\"cards\" id=\"cards\">\(.liveList("cards", rows))</ol>\n"
    return """
      <h1>\(words.text("Cần gọi", "To call")) \(.live(inline: "calls", "<b>\(words.number(calls))</b>\(remind)"))</h1>
      \(.live(block: "states", StateChips(parts: parts).html))\(remindButton)\(list)\(paging.html(words))\(.live(block: "sendings", NoticeList(parts: parts).sendings()))\(.live(block: "rest", rest(trouble.count)))\(.live("legend", "<p class=\"legend\" id=\"legend\">\(legend)</p>"))

      """
  }

  /// Leads to reminding all that are late, named by what it does.
  private var remindButton: HTML? {
    let late = day.count(.late)
    guard forms.formToken(.act) != nil, !day.inTrouble.isEmpty else { return nil }
    let said =
      late > 0
      ? words.text("Nhắc \(words.number(late)) xã muộn", "Remind \(words.number(late)) late units")
      : words.text("Nhắc…", "Remind…")
    return
      "<p class=\"remind\"><a class=\"button\" data-remind href=\"\(query.link("/remind", ["state": UnitState.late.rawValue]))\">\(said)</a></p>\n"
  }

  private func row(_ line: UnitLine) -> HTML {
    let link = query.unit(line.unit)
    let reportDay = day.board.reportDay
    let expected: HTML? =
      line.expected > 0
      ? " <small>· \(words.text("lẽ ra \(words.number(line.expected))", "expected \(words.number(line.expected))"))</small>" : nil
    // A report that nobody need have filed yet is no news.
    let news = reportDay.flatMap { day.report(line, on: $0) == .notYetDue ? nil : $0 }
    let report: HTML? = news.map {
      "<span class=\"report\"><small>\(words.text("báo cáo", "report")) \(words.shortDay($0)):</small> \(parts.report(line, on: $0))</span>"
    }
    let act: HTML? = words.nextAct(line.state).map { "<span class=\"next\">→ \($0) \(forms.call(line))</span>" }
    return """
      <li class="card s-\(line.state.style)" id="u-\(line.unit.rawValue)" data-unit="\(line.unit.rawValue)">
      <span class="glyph" aria-hidden="true">\(line.state.glyph)</span>
      <span class="who"><a href="\(link)"><small>\(line.unit.rawValue)</small> <b>\(line.name)</b></a> <small>\(line.groupName)</small></span>
      <span class="why">\(parts.why(line))</span>
      <span class="answers">\(parts.answers(line))\(expected)</span>
      \(report)
      \(beside(line))
      \(act)
      </li>
      """
  }

  /// Writes whom to call, the outcome of the last call, and the tags beside the state.
  private func beside(_ line: UnitLine) -> HTML? {
    let said: HTML = "\(notes.contact(line)) \(notes.last(line)) \(reminded(line)) \(parts.tags(line))"
    return said.text.allSatisfy(\.isWhitespace) ? nil : "<span class=\"tags\">\(said)</span>"
  }

  private func reminded(_ line: UnitLine) -> HTML? {
    NoticeList(parts: parts).reminder(of: line).map { "<small>\($0)</small>" }
  }

  private var calm: String {
    switch day.board.phase {
    case .notYetOpen:
      words.text("Chưa mở; lúc này không đơn vị nào cần gọi.", "Not open yet; nobody need be called now.")
    case .closed: words.text("Đã đóng, không còn gì thiếu.", "Closed, and nothing is missing.")
    default: words.text("Lúc này không đơn vị nào cần gọi hay nhắc.", "Nobody need be called or reminded now.")
    }
  }

  private func rest(_ count: Int) -> HTML {
    let others = day.units.count - count
    guard others > 0 else { return .none }
    return
      "<p class=\"rest\"><a href=\"\(query.link("/units"))\">\(words.text("\(words.number(others)) đơn vị không cần gọi: mở bảng", "\(words.number(others)) units need no call: open the table"))</a></p>\n"
  }

  private var legend: String {
    let expectation = day.expectation
    let (share, median) = (words.percent(expectation.sharePermille), words.percent(expectation.medianPermille))
    let half = words.percent(expectation.passedPermille / 2)
    return words.text(
      "“Lẽ ra” là \(share) số người được hỏi: số lớn hơn trong hai số – tỷ lệ ở giữa của mọi đơn vị (\(median)) và nửa phần thời gian đã qua (\(half)). “Im lặng” là kém số đó và quá \(hours) giờ không liên lạc.",
      "“Expected” is \(share) of those who may answer: the larger of the median share of all units (\(median)) and half of the time that has passed (\(half)). “Silent” is behind that, and no contact for more than \(hours) hours."
    )
  }

  private var hours: Int { Int(UnitFacts.silentAfterMs / 3_600_000) }
}

/// Writes the number of units in each state, each count a link to its units.
struct StateChips {
  let parts: ConsoleParts
  var chosen: UnitState?

  var html: HTML {
    let (words, query) = (parts.words, parts.query)
    let chips: [HTML] = UnitState.allCases.map { state in
      let count = parts.day.count(state)
      let current: HTML? = state == chosen ? " aria-current=\"true\"" : nil
      let style = count == 0 ? "zero" : "s-\(state.style)"
      return
        "<a class=\"chip \(style)\" href=\"\(query.link("/units", ["state": state.rawValue]))\"\(current)><span class=\"glyph\" aria-hidden=\"true\">\(state.glyph)</span> \(words.state(state)) <b>\(words.number(count))</b></a>\n"
    }
    return "<nav class=\"chips\" aria-label=\"\(words.text("Các tình trạng", "States"))\">\n\(chips)</nav>\n"
  }
}
