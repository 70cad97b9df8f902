internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Draws how the reports of a day came in over the day, and when devices were last heard of, with the same numbers as a table. Answers are left out:
/// they have no time.
struct ArrivalChart {
  let parts: ConsoleParts
  let reportDay: CalendarDay

  private static let slots = 96
  private static let slotMs: Int64 = 15 * 60_000
  private static let (width, height) = (768, 120)

  private var words: Wording { parts.words }

  private struct Counts {
    /// Reports that had come by the end of each quarter of an hour.
    var reports = [Int](repeating: 0, count: ArrivalChart.slots)
    /// Devices whose latest contact fell into it.
    var contacts = [Int](repeating: 0, count: ArrivalChart.slots)
    /// Quarters that have begun.
    var passed = ArrivalChart.slots
  }

  private func counts() -> Counts {
    var counts = Counts()
    let day = parts.day
    let startMs = LocalTime(startOf: reportDay).ms(in: day.campaign.timeZone)
    func slot(_ ms: Int64) -> Int? {
      let at = Int(clamping: (ms - startMs) / Self.slotMs)
      return ms >= startMs && at < Self.slots ? at : nil
    }
    var came = [Int](repeating: 0, count: Self.slots)
    for line in day.units {
      if let at = line.arrivals[reportDay].flatMap(slot) { came[at] += 1 }
    }
    var sum = 0
    for at in came.indices {
      sum += came[at]
      counts.reports[at] = sum
    }
    for ms in day.contactsMs { if let at = slot(ms) { counts.contacts[at] += 1 } }
    counts.passed = slot(day.nowMs).map { $0 + 1 } ?? (day.nowMs < startMs ? 0 : Self.slots)
    return counts
  }

  var html: HTML {
    let counts = counts()
    guard counts.passed > 0 else { return .none }
    let all = max(1, parts.day.units.count)
    let contactsMax = max(1, counts.contacts.max() ?? 1)
    let step = Self.width / Self.slots
    let bars: [HTML] = counts.contacts.indices.compactMap { at in
      guard counts.contacts[at] > 0 else { return nil }
      let tall = max(2, counts.contacts[at] * (Self.height / 2) / contactsMax)
      return "<rect class=\"contacts\" x=\"\(at * step)\" y=\"\(Self.height - tall)\" width=\"\(step - 2)\" height=\"\(tall)\"/>"
    }
    let line = (0..<counts.passed).map { "\($0 * step + step),\(Self.height - counts.reports[$0] * Self.height / all)" }.joined(
      separator: " ")
    let hours: [HTML] = stride(from: 0, through: 24, by: 6).map { hour in
      let (x, anchor) = (hour * 4 * step, hour == 0 ? "start" : hour == 24 ? "end" : "middle")
      return "<text x=\"\(x)\" y=\"\(Self.height + 16)\" text-anchor=\"\(anchor)\">\(hour):00</text>"
    }
    let last = counts.reports[max(0, counts.passed - 1)]
    let title = words.text(
      "Báo cáo ngày \(words.shortDay(reportDay)) đã về \(words.number(last)) trên \(words.number(all)); cột xám: lần liên lạc cuối của từng máy, mỗi 15 phút",
      "Reports of \(words.shortDay(reportDay)): \(words.number(last)) of \(words.number(all)) in; grey columns: the latest contact of each device, by 15 minutes"
    )
    return """
      <figure class="chart">
      <figcaption>\(title)</figcaption>
      <svg preserveAspectRatio="xMinYMid meet" viewBox="0 -6 \(Self.width) \(Self.height + 28)" role="img" aria-label="\(title)">
      <line class="axis" x1="0" y1="\(Self.height)" x2="\(Self.width)" y2="\(Self.height)"/><line class="goal" x1="0" y1="0" x2="\(Self.width)" y2="0"/>
      \(bars)<polyline class="reports" points="\(line)"/>\(hours)
      </svg>
      <details><summary>\(words.text("Bảng số", "As a table"))</summary>\(table(counts))</details>
      </figure>

      """
  }

  /// Hours of the day in which something came.
  struct Hour {
    let hour: Int
    let reports: Int
    let reportsSoFar: Int
    let contacts: Int
  }

  var hours: [Hour] { hours(counts()) }

  private func hours(_ counts: Counts) -> [Hour] {
    stride(from: 0, to: counts.passed, by: 4).compactMap { at in
      let end = min(at + 4, counts.passed)
      let came = counts.reports[end - 1] - (at == 0 ? 0 : counts.reports[at - 1])
      let contacts = counts.contacts[at..<end].reduce(0, +)
      return came + contacts == 0 ? nil : Hour(hour: at / 4, reports: came, reportsSoFar: counts.reports[end - 1], contacts: contacts)
    }
  }

  private func table(_ counts: Counts) -> HTML {
    let rows: [HTML] = hours(counts).map { each in
      "<tr><th scope=\"row\">\(each.hour):00–\(each.hour + 1):00</th><td class=\"n\">\(words.number(each.reports))</td><td class=\"n\">\(words.number(each.reportsSoFar))</td><td class=\"n\">\(words.number(each.contacts))</td></tr>\n"
    }
    let columns: [HTML] = [
      words.text("Báo cáo mới", "New reports"), words.text("Cộng dồn", "So far"), words.text("Liên lạc cuối", "Latest contacts"),
    ].map { "<th scope=\"col\" class=\"n\">\($0)</th>" }
    return
      "<table class=\"few\"><thead><tr><th scope=\"col\">\(words.text("Giờ", "Hour"))</th>\(columns)</tr></thead><tbody>\n\(rows)</tbody></table>"
  }
}
