internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of a day's reports summed by group: in how many each choice was taken, such as each difficulty, and where.
struct SumsPage {
  let parts: ConsoleParts
  let reportDay: CalendarDay
  let sums: [ChoiceSums]

  /// Groups named beside one choice; the others are counted, and stand in the file.
  private static let groupsNamed = 12

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  var title: String { words.text("Cộng theo nhóm, ngày \(words.day(reportDay))", "Sums by group, \(words.day(reportDay))") }

  var content: HTML {
    let filed = parts.day.units.count { $0.arrivals[reportDay] != nil }
    let reports = words.text("\(words.number(filed)) báo cáo của ngày này", "\(words.number(filed)) reports of that day")
    let tables: [HTML] = filed == 0 ? [] : sums.map(table)
    let none: HTML? =
      tables.isEmpty
      ? "<p class=\"calm\">\(words.text("Chưa có báo cáo nào để cộng.", "There are no reports to sum up yet."))</p>\n" : nil
    var there = query
    there.day = reportDay
    return """
      <h1>\(title)</h1>
      <p class="lead">\(words.text("Mỗi lựa chọn có trong bao nhiêu báo cáo, và ở nhóm nào:", "In how many reports each choice stands, and in which groups:")) <a href="\(there.link("/reports"))">\(reports)</a>.</p>
      \(parts.days("/sums", chosen: reportDay))\(.live(block: "sums", "\(none)\(tables)"))
      """
  }

  private func table(_ sum: ChoiceSums) -> HTML {
    let (choice, count, place) = (words.text("Lựa chọn", "Choice"), words.text("Báo cáo", "Reports"), words.text("Theo nhóm", "By group"))
    let rows: [HTML] = sum.choices.map { each in
      let style = each.reports == 0 ? "n quiet" : "n"
      return
        "<tr><th scope=\"row\">\(each.label(words.language))</th><td class=\"\(style)\" data-label=\"\(count)\">\(words.number(each.reports))</td><td data-label=\"\(place)\">\(groups(each))</td></tr>\n"
    }
    return """
      <h2>\(sum.label(words.language))</h2>
      <table class="plain sums"><thead><tr><th scope="col">\(choice)</th><th scope="col" class="n">\(count)</th><th scope="col">\(place)</th></tr></thead><tbody>
      \(rows)</tbody></table>

      """
  }

  private func groups(_ choice: ChoiceSums.Choice) -> HTML? {
    let named: [HTML] = choice.groups.prefix(Self.groupsNamed).enumerated().map { index, group in
      var there = query
      (there.scope, there.day) = (group.unit, reportDay)
      let gap: HTML? = index == 0 ? nil : " · "
      return "\(gap)<a href=\"\(there.link("/reports"))\">\(group.name)</a> \(words.number(group.reports))"
    }
    let more = choice.groups.count - named.count
    let rest: HTML? =
      more > 0
      ? " <span class=\"quiet\">\(words.text("và \(words.number(more)) nhóm nữa", "and \(words.number(more)) more groups"))</span>" : nil
    return named.isEmpty ? nil : "\(named)\(rest)"
  }
}

extension UnitTables {
  /// Sums of the day's reports, a choice and group a row.
  func choices(_ sums: [ChoiceSums]) -> PageTable {
    let words = parts.words
    let rows = sums.flatMap { sum in sum.choices.flatMap { choice in choice.groups.map { (sum: sum, choice: choice, group: $0) } } }
    return PageTable(
      "choices", words.text("Cộng theo nhóm", "Sums by group"), rows,
      [
        .init("question", words.text("Mã câu hỏi", "Question")) { .text($0.sum.question) },
        .init("questionLabel", words.text("Câu hỏi", "Question in words")) { .text($0.sum.label(words.language)) },
        .init("choice", words.text("Mã lựa chọn", "Choice")) { .text($0.choice.name) },
        .init("choiceLabel", words.text("Lựa chọn", "Choice in words")) { .text($0.choice.label(words.language)) },
        .init("group", words.text("Mã nhóm", "Group")) { .text($0.group.unit.rawValue) },
        .init("groupName", words.text("Nhóm", "Group's name")) { .text($0.group.name) },
        .init("reports", words.text("Báo cáo", "Reports")) { .number($0.group.reports) },
      ])
  }
}
