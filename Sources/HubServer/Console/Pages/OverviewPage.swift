internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// The whole campaign on one page: what remains, how much came, who is behind, group by group.
struct OverviewPage {
  let parts: ConsoleParts
  /// Day of the campaign; nil for the latest.
  var reportDay: CalendarDay?
  /// Of the groups, from 1.
  var page: Int?

  /// Units whose squares are drawn; beyond that many the groups' bars stand alone.
  static let squaresMax = 300

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }
  private var query: ConsoleQuery { parts.query }
  private var shownDay: CalendarDay? { reportDay ?? day.board.reportDay }

  var content: HTML {
    let all = ConsoleAlert.all(day.board, words)
    let alerts: [HTML] = all.filter(\.isFault).map(\.html)
    let notes: [HTML] = all.filter { !$0.isFault }.map(\.html)
    let days: HTML? = shownDay.map { parts.days("/", chosen: $0) }
    let chart: HTML? = shownDay.map { ArrivalChart(parts: parts, reportDay: $0).html }
    return """
      <h1>\(day.board.province)</h1>
      <p class="lead">\(day.board.campaign(query.language))</p>
      \(.live(block: "tiles", tiles))\(.live(block: "alerts", "\(alerts)\(folded(notes))\(store)"))\(days)\(.live(block: "arrival", chart))\(inOne)\(groups)<p class="legend">\(legend)</p>

      """
  }

  /// Says when the hub was last backed up and how much room its disk has, to whoever looks after the whole.
  private var store: HTML? {
    guard day.scope.isAll else { return nil }
    let backup =
      day.backupMs.map { words.text("Sao lưu \(parts.time($0))", "Backed up \(parts.time($0))") }
      ?? words.text("Chưa sao lưu lần nào", "Never backed up")
    let free = day.freeBytes.map { words.number($0 >> 30) } ?? words.notKnown
    return "<p class=\"quiet\">\(backup) · \(words.text("đĩa còn \(free) GB", "\(free) GB of disk free"))</p>\n"
  }

  /// Folds notes, so that they do not push the rest off the screen.
  private func folded(_ notes: [HTML]) -> HTML? {
    guard notes.count > 1 else { return notes.first }
    let count = words.number(notes.count)
    return
      "<details class=\"notes\"><summary>! \(words.text("\(count) điều cần biết", "\(count) things to know"))</summary>\n\(notes)</details>\n"
  }

  private func tile(_ label: String, _ value: String, _ detail: String?, to link: String, style: String = "") -> HTML {
    let detail: HTML? = detail.map { " <small>\($0)</small>" }
    return "<li class=\"tile \(style)\"><a href=\"\(link)\"><span class=\"label\">\(label)</span> <b>\(value)</b>\(detail)</a></li>\n"
  }

  private var tiles: HTML {
    let units = day.units
    let (received, target) = (units.reduce(0) { $0 + $1.counts.received }, units.reduce(0) { $0 + ($1.target ?? 0) })
    let expected = units.reduce(0) { $0 + $1.expected }
    let rate = target > 0 ? (received * 1000 + target / 2) / target : nil
    var tiles = [
      tile(
        words.text("Phiếu", "Answers"), "\(words.number(received))/\(words.number(target))",
        words.text(
          "\(words.percent(rate)) · lẽ ra \(words.number(expected))", "\(words.percent(rate)) · expected \(words.number(expected))"),
        to: query.link("/units", ["sort": "missing"]))
    ]
    if let shownDay {
      let filed = units.count { $0.arrivals[shownDay] != nil }
      let missing = units.count { day.report($0, on: shownDay) == .missing }
      let late = missing > 0 ? words.text("\(words.number(missing)) quá hạn", "\(words.number(missing)) overdue") : nil
      tiles.append(
        tile(
          words.text("Báo cáo \(words.shortDay(shownDay))", "Reports \(words.shortDay(shownDay))"),
          "\(words.number(filed))/\(words.number(units.count))", late, to: query.link("/units", ["sort": "report"]),
          style: missing > 0 ? "warn" : ""))
    }
    let calls = units.count { $0.state.needsCall }
    let late = day.count(.late)
    tiles.append(
      tile(
        words.text("Cần gọi", "To call"), words.number(calls),
        late > 0 ? words.text("và nhắc \(words.number(late))", "and remind \(words.number(late))") : nil, to: query.link("/now"),
        style: calls > 0 ? "bad" : ""))
    let decide = units.reduce(0) { $0 + $1.counts.conflicts + $1.counts.held + $1.counts.reportsInvalid }
    tiles.append(
      tile(words.text("Cần quyết", "To decide"), words.number(decide), nil, to: query.link("/decide"), style: decide > 0 ? "warn" : ""))
    let (photos, here) = (units.reduce(0) { $0 + $1.counts.photos }, units.reduce(0) { $0 + $1.counts.photosIn })
    if photos > 0 {
      tiles.append(
        tile(words.text("Ảnh đã về", "Photos in"), "\(words.number(here))/\(words.number(photos))", nil, to: query.link("/posts")))
    }
    return "<ul class=\"tiles\">\n\(tiles)</ul>\n"
  }

  /// Leads to all reports of the day in one table.
  private var inOne: HTML? {
    guard shownDay != nil else { return nil }
    return
      "<p class=\"rest\"><a href=\"\(query.link("/reports"))\">\(words.text("Mọi báo cáo của ngày trong một bảng, để nhập nơi khác", "All reports of the day in one table, to enter them elsewhere"))</a> · <a href=\"\(query.link("/sums"))\">\(words.text("Khó khăn, hình thức…: cộng theo nhóm", "Difficulties, channels…: sums by group"))</a></p>\n"
  }

  private var groups: HTML {
    let paging = Paging(day.groups.count, page: page, words) { query.link("/", ["page": "\($0)"]) }
    let hasSquares = day.units.count <= Self.squaresMax
    let rows: HTML = .liveList(
      "group-rows", day.groups[paging.rows].map { (id: "g-\($0.unit)", element: group(row: $0, hasSquares: hasSquares)) })
    let squares: HTML? = hasSquares ? "<th scope=\"col\">\(words.text("Từng đơn vị, xếp theo mã", "Each unit, by code"))</th>" : nil
    return """
      <h2 id="groups">\(words.text("Các nhóm", "Groups"))</h2>
      \(paging.html(words))<div class="scroll" role="region" aria-labelledby="groups" tabindex="0">
      <table class="groups">
      <thead><tr><th scope="col">\(words.text("Nhóm", "Group"))</th><th scope="col">\(words.text("Đủ · đang · muộn · cần gọi", "Complete · on the way · late · to call"))</th><th scope="col" class="n">\(words.text("Phiếu", "Answers"))</th><th scope="col" class="n">\(words.text("Lẽ ra", "Expected"))</th>\(squares)</tr></thead>
      <tbody id="group-rows">\(rows)</tbody>
      </table>
      </div>

      """
  }

  private func group(row group: GroupLine, hasSquares: Bool) -> HTML {
    var there = query
    there.scope = group.unit
    let done = group.units.count { $0.state == .complete }
    let calls = group.units.count { $0.state.needsCall }
    let late = group.units.count { $0.state == .late }
    let way = group.units.count - done - calls - late
    func count(_ number: Int, _ path: String, _ state: UnitState? = nil) -> HTML {
      number == 0
        ? "<span class=\"quiet\">0</span>" : "<a href=\"\(there.link(path, ["state": state?.rawValue]))\">\(words.number(number))</a>"
    }
    let counts: HTML =
      "\(count(done, "/units", .complete)) · \(count(way, "/units")) · \(count(late, "/units", .late)) · \(count(calls, "/now"))"
    let squares: HTML? = hasSquares ? "<td class=\"squares\">\(group.units.map(square))</td>" : nil
    return """
      <tr id="g-\(group.unit.rawValue)"><th scope="row"><a href="\(there.link("/units"))">\(group.name)</a> <small>\(words.text("\(words.number(group.units.count)) đơn vị", "\(words.number(group.units.count)) units"))</small></th>\
      <td class="split">\(bar([(done, "done"), (way, "way"), (late, "late"), (calls, "never")], of: group.units.count)) <span class="counts">\(counts)</span></td>\
      <td class="n" data-label="\(words.text("Phiếu", "Answers"))"><b>\(words.number(group.received))</b>/\(words.number(group.target))</td>\
      <td class="n" data-label="\(words.text("Lẽ ra", "Expected"))">\(words.number(group.expected))</td>\(squares)</tr>
      """
  }

  /// Parts of one bar beside one another; the counts stand beside it as text.
  private func bar(_ parts: [(count: Int, style: String)], of total: Int) -> HTML {
    guard total > 0 else { return .none }
    var at = 0
    let pieces: [HTML] = parts.filter { $0.count > 0 }.map { part in
      defer { at += part.count }
      let (x, width) = (at * Self.barWidth / total, (at + part.count) * Self.barWidth / total - at * Self.barWidth / total)
      return "<rect class=\"f-\(part.style)\" x=\"\(x)\" y=\"0\" width=\"\(max(1, width - 1))\" height=\"12\"/>"
    }
    return
      "<svg class=\"groupbar\" viewBox=\"0 0 \(Self.barWidth) 12\" width=\"\(Self.barWidth)\" height=\"12\" aria-hidden=\"true\">\(pieces)</svg>"
  }

  private static let barWidth = 180

  private func square(_ line: UnitLine) -> HTML {
    let said = "\(line.unit.rawValue) \(line.name): \(words.state(line.state))"
    return
      "<a class=\"sq s-\(line.state.style)\" href=\"\(query.unit(line.unit))\" title=\"\(said)\" aria-label=\"\(said)\">\(line.state.glyph)</a>"
  }

  private var legend: HTML {
    let marks: [HTML] = UnitState.allCases.map { "\(parts.mark($0)) " }
    return "\(marks)"
  }
}
