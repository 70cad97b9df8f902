internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Small parts that several pages show alike.
struct ConsoleParts {
  let query: ConsoleQuery
  let day: OperatorDay

  var words: Wording { query.words }

  /// A state's glyph in its colour, its word beside it.
  func mark(_ state: UnitState, hasWord: Bool = true) -> HTML {
    let word: HTML = hasWord ? " <span>\(words.state(state))</span>" : "<span class=\"hidden\"> \(words.state(state))</span>"
    return "<span class=\"mark s-\(state.style)\"><span class=\"glyph\" aria-hidden=\"true\">\(state.glyph)</span>\(word)</span>"
  }

  /// A state and since when.
  func standing(_ line: UnitLine) -> String {
    let word = words.state(line.state)
    guard let sinceMs = line.standing.sinceMs else { return word }
    return words.text("\(word) \(since(sinceMs))", "\(word) for \(since(sinceMs))")
  }

  /// Length of time since a moment, and the moment.
  func since(_ ms: Int64) -> String {
    let (length, time) = (words.length(ms: day.nowMs - ms), time(ms))
    return words.text("\(length) (từ \(time))", "\(length) (since \(time))")
  }

  /// Why a unit is where it is, in one sentence.
  func why(_ line: UnitLine) -> String {
    switch line.state {
    case .deviceTrouble: return line.troubles.map(words.trouble).joined(separator: "; ")
    case .late:
      var parts: [String] = []
      if let dueMs = line.standing.sinceMs {
        let length = words.length(ms: day.nowMs - dueMs)
        parts.append(words.text("báo cáo quá hạn \(length)", "report overdue by \(length)"))
      }
      if line.counts.photosOverdue > 0 {
        let count = words.number(line.counts.photosOverdue)
        parts.append(words.text("\(count) ảnh thiếu quá một ngày", "\(count) photos missing for a day"))
      }
      if parts.isEmpty { parts.append(words.text("chưa được nửa số phiếu lẽ ra", "under half of the answers expected")) }
      return parts.joined(separator: "; ")
    case .silent where line.counts.lastContactMs == nil:
      return words.text("chỉ có phiếu qua trang web, chưa được nửa số lẽ ra", "web answers only, under half of those expected")
    default: return standing(line)
    }
  }

  /// “17/20”; a total that nobody knows is said to be unknown.
  func answers(_ line: UnitLine) -> HTML {
    "<b>\(words.number(line.counts.received))</b>/\(line.target.map { words.number($0) } ?? words.notKnown)"
  }

  /// Clock time on the campaign's wall, with the day when it is another.
  func time(_ ms: Int64) -> String {
    let text = day.campaign.wallText(atMs: ms)
    return words.time(text.hasPrefix(day.board.today.description) ? String(text.suffix(5)) : text) ?? text
  }

  func contact(_ line: UnitLine) -> HTML {
    guard let ms = line.counts.lastContactMs else { return "<span class=\"quiet\">\(words.text("chưa có", "none yet"))</span>" }
    return "\(words.ago(ms, nowMs: day.nowMs)) <small>\(time(ms))</small>"
  }

  func report(_ line: UnitLine, on reportDay: CalendarDay) -> HTML {
    let status = day.report(line, on: reportDay)
    let (glyph, style) = Self.look(status)
    let when: HTML? = line.arrivals[reportDay].map { " <small>\(time($0))</small>" }
    let said: HTML = "<span class=\"\(style)\"><span aria-hidden=\"true\">\(glyph)</span> \(words.report(status))</span>\(when)"
    guard line.arrivals[reportDay] != nil else { return said }
    return "<a href=\"\(query.report(line.unit, reportDay))\">\(said)</a>"
  }

  static func look(_ status: ReportStatus) -> (glyph: String, style: String) {
    switch status {
    case .onTime: ("✓", "quiet")
    case .late: ("!", "quiet")
    case .missing: ("✗", "warn")
    case .notYetDue: ("…", "quiet")
    }
  }

  /// Writes the tags beside a state: more answers than people, conflicts, held work, photos, contradictions.
  func tags(_ line: UnitLine) -> HTML {
    let counts = line.counts
    var tags: [HTML] = []
    func add(_ said: String, to path: String) { tags.append("<a class=\"tag\" href=\"\(path)\">\(said)</a> ") }
    let unit = query.unit(line.unit)
    if line.isOver {
      add(
        words.text(
          "vượt \(words.number(counts.received - (line.target ?? 0)))", "over by \(words.number(counts.received - (line.target ?? 0)))"),
        to: unit)
    }
    if let closes = line.closes { add(words.text("gia hạn đến \(words.time(closes))", "open until \(words.time(closes))"), to: unit) }
    if counts.conflicts > 0 {
      add(words.text("xung đột \(words.number(counts.conflicts))", "conflicts \(words.number(counts.conflicts))"), to: unit + "#decide")
    }
    if counts.held > 0 {
      add(words.text("giữ lại \(words.number(counts.held))", "held \(words.number(counts.held))"), to: unit + "#decide")
    }
    if counts.reportsInvalid > 0 {
      add(
        words.text("trái biểu mẫu \(words.number(counts.reportsInvalid))", "contradicting \(words.number(counts.reportsInvalid))"),
        to: unit + "#decide")
    }
    if line.flags > 0 {
      add(words.text("cờ \(words.number(line.flags))", "flags \(words.number(line.flags))"), to: unit + "#reports")
    }
    if counts.photos > counts.photosIn {
      add(
        words.text(
          "ảnh \(words.number(counts.photosIn))/\(words.number(counts.photos))",
          "photos \(words.number(counts.photosIn))/\(words.number(counts.photos))"),
        to: unit + "#reports")
    }
    if line.state != .deviceTrouble { for trouble in line.troubles { add(words.trouble(trouble), to: unit + "#devices") } }
    return "\(tags)"
  }

  /// Links to the days that reports are asked for.
  func days(_ path: String, chosen: CalendarDay?, _ more: KeyValuePairs<String, String?> = [:]) -> HTML {
    let links: [HTML] = day.reportDays.suffix(Self.daysLinked).map { each in
      var there = query
      there.day = each
      let current: HTML? = each == chosen ? " aria-current=\"date\"" : nil
      return "<a href=\"\(there.link(path, more))\"\(current)>\(words.shortDay(each))</a> "
    }
    return "<nav class=\"jump\" aria-label=\"\(words.text("Ngày báo cáo", "Report day"))\">\(links)</nav>"
  }

  private static let daysLinked = 14
}

extension Wording {
  /// `30/11` or `11-30`.
  func shortDay(_ day: CalendarDay) -> String {
    let parts = day.description.split(separator: "-")
    return text("\(parts[2])/\(parts[1])", "\(parts[1])-\(parts[2])")
  }
}
