internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// All units in one table: sorted, filtered and divided into pages by the address.
struct UnitsPage {
  /// Column by which the rows are sorted.
  enum Sort: String, CaseIterable {
    case state
    case unit
    case answers
    case missing
    case report
    case contact
  }

  struct Query {
    var state: UnitState?
    var sort = Sort.state
    var isReversed = false
    /// Words of the code or the name.
    var words = ""
    /// From 1.
    var page: Int?
    /// Day of the campaign; nil for the latest.
    var day: CalendarDay?
  }

  let parts: ConsoleParts
  let asked: Query

  /// Rows of one page.
  static let rowsMax = 100
  /// Characters of a search that are looked at.
  static let wordsMax = 100

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }
  private var query: ConsoleQuery { parts.query }
  private var reportDay: CalendarDay? { asked.day ?? day.board.reportDay }

  private func link(sort: Sort? = nil, reversed: Bool = false, page: Int? = nil, state: UnitState?? = nil) -> String {
    let (sort, state) = (sort ?? asked.sort, state ?? asked.state)
    return query.link(
      "/units",
      [
        "state": state?.rawValue, "q": asked.words, "sort": sort == .state ? nil : sort.rawValue, "down": reversed ? "1" : nil,
        "page": page.map(String.init),
      ])
  }

  /// The units that are asked for, in their order.
  func rows() -> [UnitLine] {
    let wanted = FoldedText(String(asked.words.prefix(Self.wordsMax)))
    let found = day.units.filter { line in
      (asked.state == nil || line.state == asked.state)
        && (wanted.text.isEmpty || FoldedText("\(line.unit.rawValue) \(line.name) \(line.groupName)").contains(wanted))
    }
    let sorted = found.sorted { a, b in
      let (left, right) = (key(a), key(b))
      return left == right ? a.unit < b.unit : left.lexicographicallyPrecedes(right)
    }
    return asked.isReversed ? sorted.reversed() : sorted
  }

  private func key(_ line: UnitLine) -> [Int64] {
    func share(_ line: UnitLine) -> Int64 {
      guard let target = line.target, target > 0 else { return -1 }
      return Int64(clamping: line.counts.received) * 1000 / Int64(clamping: target)
    }
    return switch asked.sort {
    case .state: [Int64(UnitState.allCases.firstIndex(of: line.state) ?? 0), -Int64(line.missing)]
    case .unit: []
    case .answers: [share(line)]
    case .missing: [-Int64(line.missing)]
    case .report: [line.arrivals[reportDay ?? .first] ?? .min]
    case .contact: [line.counts.lastContactMs ?? .min]
    }
  }

  var content: HTML {
    let found = rows()
    let paging = Paging(found.count, page: asked.page, rowsMax: Self.rowsMax, words) { link(reversed: asked.isReversed, page: $0) }
    let heading = asked.state.map(words.state) ?? words.text("Mọi đơn vị", "All units")
    let table: HTML = found.isEmpty ? "<p class=\"calm\">\(nothing)</p>\n" : self.table(found[paging.rows])
    let days: HTML? = reportDay.map { parts.days("/units", chosen: $0, ["state": asked.state?.rawValue, "q": asked.words]) }
    return """
      <h1>\(heading) \(.live(inline: "found", "<b>\(words.number(found.count))</b>"))</h1>
      \(.live(block: "states", StateChips(parts: parts, chosen: asked.state).html))\(filters)\(days)\(paging.html(words))\(table)\(paging.html(words, isBelow: true))
      """
  }

  private var filters: HTML? {
    guard asked.state != nil || !asked.words.isEmpty else { return nil }
    let said = asked.words.isEmpty ? nil : words.text("Đang tìm “\(asked.words)”.", "Searching for “\(asked.words)”.")
    return "<p class=\"filters\">\(said ?? "") <a href=\"\(query.link("/units"))\">\(words.text("Bỏ lọc", "Clear filters"))</a></p>\n"
  }

  private var nothing: String {
    asked.words.isEmpty
      ? words.text("Không có đơn vị nào ở tình trạng này.", "No unit is in this state.")
      : words.text(
        "Không tìm thấy “\(asked.words)”. Gõ mã hoặc tên, không cần dấu.",
        "“\(asked.words)” was not found. Type a code or a name, accents are not needed.")
  }

  private func head(_ sort: Sort?, _ label: String, isNumber: Bool = false) -> HTML {
    let style: HTML? = isNumber ? " class=\"n\"" : nil
    guard let sort else { return "<th scope=\"col\"\(style)>\(label)</th>" }
    let isCurrent = sort == asked.sort
    let sorted: HTML? = isCurrent ? " aria-sort=\"\(asked.isReversed ? "descending" : "ascending")\"" : nil
    let arrow: HTML? = isCurrent ? " <span aria-hidden=\"true\">\(asked.isReversed ? "↓" : "↑")</span>" : nil
    let to = link(sort: sort, reversed: isCurrent && !asked.isReversed)
    return "<th scope=\"col\"\(style)\(sorted)><a href=\"\(to)\">\(label)\(arrow)</a></th>"
  }

  private var reportLabel: String {
    reportDay.map { words.text("Báo cáo \(words.shortDay($0))", "Report \(words.shortDay($0))") } ?? words.text("Báo cáo", "Report")
  }

  private func table(_ lines: ArraySlice<UnitLine>) -> HTML {
    let rows: HTML = .liveList("rows", lines.map { (id: "u-\($0.unit)", element: row($0)) })
    return """
      <div class="scroll" role="region" aria-label="\(words.text("Bảng các đơn vị", "Table of units"))" tabindex="0">
      <table class="units">
      <thead><tr>\(head(.unit, words.text("Đơn vị", "Unit")))\(head(.state, words.text("Tình trạng", "State")))\(head(.answers, words.text("Phiếu", "Answers"), isNumber: true))\(head(.missing, words.text("Lẽ ra", "Expected"), isNumber: true))\(head(.report, reportLabel))\(head(nil, words.text("Chuỗi ngày", "Days in a row")))\(head(.contact, words.text("Liên lạc cuối", "Last contact")))\(head(nil, words.text("Máy", "Devices"), isNumber: true))\(head(nil, words.text("Kèm theo", "Beside")))</tr></thead>
      <tbody id="rows">\(rows)</tbody>
      </table>
      </div>

      """
  }

  private func row(_ line: UnitLine) -> HTML {
    let report: HTML = reportDay.map { parts.report(line, on: $0) } ?? "<span class=\"quiet\">–</span>"
    return """
      <tr id="u-\(line.unit.rawValue)"><th scope="row"><a href="\(query.unit(line.unit))"><small>\(line.unit.rawValue)</small> \(line.name)</a> <small>\(line.groupName)</small></th>\
      <td class="state">\(parts.mark(line.state))</td>\
      <td class="n" data-label="\(words.text("Phiếu", "Answers"))">\(parts.answers(line))</td>\
      <td class="n" data-label="\(words.text("Lẽ ra", "Expected"))">\(words.number(line.expected))</td>\
      <td data-label="\(reportLabel)">\(report)</td>\
      <td data-label="\(words.text("Chuỗi ngày", "Days in a row"))">\(streak(line))</td>\
      <td data-label="\(words.text("Liên lạc", "Contact"))">\(parts.contact(line))</td>\
      <td class="n" data-label="\(words.text("Máy", "Devices"))"><a href="\(query.unit(line.unit))#devices">\(words.number(line.counts.devices))</a></td>\
      <td class="tags">\(parts.tags(line))</td></tr>
      """
  }

  private func streak(_ line: UnitLine) -> HTML {
    guard let reportDay else { return .none }
    let (status, days) = day.streak(line, through: reportDay)
    guard days > 1 else { return .none }
    let (glyph, style) = ConsoleParts.look(status)
    return
      "<span class=\"\(style)\"><span aria-hidden=\"true\">\(glyph)</span> \(words.text("\(words.number(days)) ngày \(words.report(status))", "\(words.number(days)) days \(words.report(status))"))</span>"
  }
}
