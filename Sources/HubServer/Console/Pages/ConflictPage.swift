internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Two people's versions of one row, side by side, with labels and names.
struct ConflictPage {
  let parts: ConsoleParts
  let conflicts: [Conflict]
  /// The report it is about; nil for another row.
  let report: ReportDetail?
  let labels: [ReplicaID: String]
  let forms: ActForms
  /// Shows the values that each way of deciding would leave: keeping all, taking all, and the choice that a person asked to see.
  var keep: DecisionPreview?
  var take: DecisionPreview?
  var chosen: DecisionPreview?
  /// Choices made so far, by the names of the form's fields.
  var choices: [String: String] = [:]
  /// Open conflicts about the same question elsewhere, this one included.
  var alike = 0
  /// First open conflict of each row that waits for a decision, in the order in which they are decided.
  var rows: [String] = []

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }
  private var text: AnswerText { AnswerText(form: report?.form, language: words.language) }

  var title: String { conflicts.first.map { OpenWorkLists(parts: parts, labels: labels).row($0) } ?? "" }

  var content: HTML {
    guard let first = conflicts.first else { return .none }
    let unit = UnitCode(first.scope)
    let open = conflicts.count(where: \.isOpen)
    let link: HTML? = report.map { " · <a href=\"\(query.report($0.unit, $0.day))\">\(words.text("mở báo cáo", "open the report"))</a>" }
    let same = report.map { max(0, $0.answers.count - conflicts.count) } ?? 0
    let equal: HTML? =
      same > 0 ? " · \(words.text("\(words.number(same)) câu giống nhau (ẩn)", "\(words.number(same)) alike (hidden)"))" : nil
    return """
      <p class="crumbs"><a href="\(query.unit(unit))">\(unit.rawValue) \(parts.day.tree.displayName(of: unit))</a></p>
      <h1>\(words.text("Xung đột", "Conflict")): \(title)</h1>
      <p>\(words.text("\(words.number(open)) câu khác nhau", "\(words.number(open)) questions differ"))\(equal)\(since)\(link)</p>
      \(beside)\(forms.settle(conflicts, table + "\(after)\(remaining(open))", reason: choices["reason"] ?? ""))\(others)
      """
  }

  /// Says how long the conflict has been there.
  private var since: HTML? {
    guard let ms = conflicts.filter(\.isOpen).map({ max($0.winning.ms, $0.losing.ms) }).min() else { return nil }
    return " · \(words.text("mở \(parts.since(Int64(clamping: ms)))", "open for \(parts.since(Int64(clamping: ms)))"))"
  }

  /// Leads to the conflicts before and after.
  private var beside: HTML? {
    let own = Set(conflicts.map(\.id))
    guard let at = rows.firstIndex(where: own.contains) else {
      return rows.first.map {
        "<nav class=\"jump\" aria-label=\"\(name)\">\(to($0, words.text("xung đột tiếp theo ›", "next conflict ›")))</nav>\n"
      }
    }
    guard rows.count > 1 else { return nil }
    let before: HTML? = at > 0 ? to(rows[at - 1], words.text("‹ trước", "‹ before")) : nil
    let after: HTML? = at + 1 < rows.count ? to(rows[at + 1], words.text("sau ›", "after ›")) : nil
    return
      "<nav class=\"jump\" aria-label=\"\(name)\"><span>\(words.number(at + 1))/\(words.number(rows.count))</span> \(before)\(after)</nav>\n"
  }

  private var name: String { words.text("Các xung đột", "Conflicts") }

  private func to(_ id: String, _ label: String) -> HTML { "<a href=\"\(query.link("/conflict/" + id))\">\(label)</a> " }

  /// Stays at the lower edge of a phone's screen until the decision below is in sight.
  private func remaining(_ open: Int) -> HTML? {
    guard open > 0, forms.formToken(.act) != nil else { return nil }
    let said = words.text("Còn \(words.number(open)) câu: quyết ↓", "\(words.number(open)) questions left: decide ↓")
    return "<p class=\"remaining\"><a href=\"#why\">\(said)</a></p>\n"
  }

  private var after: HTML? {
    let open = conflicts.count(where: \.isOpen)
    return AfterDecision(parts: parts, text: text).table([
      (words.text("giữ cả cột trái", "the whole left column is kept"), open > 0 ? keep : nil),
      (words.text("giữ cả cột phải", "the whole right column is kept"), open > 0 ? take : nil),
      (words.text("quyết như đang chọn", "it is decided as chosen now"), chosen),
    ])
  }

  private var others: HTML? {
    guard alike > 1, let first = conflicts.first(where: \.isOpen) else { return nil }
    let said = words.text("Giống thế này: \(words.number(alike)) → xem trước", "Alike: \(words.number(alike)) → look first")
    return "<p><a href=\"\(query.link("/alike/" + first.id))\">\(said)</a></p>\n"
  }

  /// In the form's order.
  private var ordered: [Conflict] {
    let answers = report?.answers ?? [:]
    let names = text.ordered(
      Dictionary(conflicts.compactMap { each in each.member.map { ($0, answers[$0] ?? .text("")) } }, uniquingKeysWith: { $1 }))
    let places = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    return conflicts.sorted { (places[$0.member ?? ""] ?? .max, $0.id) < (places[$1.member ?? ""] ?? .max, $1.id) }
  }

  private var table: HTML {
    let (stands, lost) = (words.text("Đang đứng", "Stands"), words.text("Bị ghi đè", "Overridden"))
    let rows: [HTML] = ordered.map { conflict in
      let settled: HTML? =
        conflict.isOpen
        ? nil
        : "<br><small>\(words.text("đã quyết: \(conflict.resolvedBy ?? "") — \(conflict.reason ?? "")", "decided: \(conflict.resolvedBy ?? "") — \(conflict.reason ?? "")"))</small>"
      return """
        <tr><th scope="row">\(question(conflict))<br><small>\(conflict.rule.words(words.language))</small>\(settled)</th>\
        <td data-label="\(stands)">\(forms.choice(conflict, "keep", isChosen: isChosen(conflict, "keep")))<b>\(value(conflict.winning, of: conflict))</b><br><small>\(who(conflict.winning))</small></td>\
        <td data-label="\(lost)">\(forms.choice(conflict, "take", isChosen: isChosen(conflict, "take")))\(value(conflict.losing, of: conflict))<br><small>\(who(conflict.losing))</small><br>\(forms.other(conflict, choices["value-\(conflict.id)"] ?? "", isChosen: isChosen(conflict, "value")))\(hint(conflict))</td></tr>

        """
    }
    return
      "<table class=\"plain\"><thead><tr><th scope=\"col\">\(words.text("Câu hỏi", "Question"))</th><th scope=\"col\">\(stands)</th><th scope=\"col\">\(lost)</th></tr></thead><tbody>\n\(rows)</tbody></table>\n"
  }

  private func isChosen(_ conflict: Conflict, _ value: String) -> Bool { (choices["choice-\(conflict.id)"] ?? "keep") == value }

  private func question(_ conflict: Conflict) -> String {
    if let member = conflict.member { return text.label(of: member) }
    return words.column(conflict.column)
  }

  /// Says which values the form takes.
  private func hint(_ conflict: Conflict) -> HTML? {
    guard conflict.isOpen, forms.formToken(.act) != nil, let member = conflict.member, let rule = text.rule(of: member) else { return nil }
    return "<br><small>\(rule)</small>"
  }

  private func value(_ side: Conflict.Side, of conflict: Conflict) -> String {
    let raw = side.value.shownText
    guard conflict.table == "report", let member = conflict.member else { return raw.isEmpty ? words.text("(trống)", "(blank)") : raw }
    return text.text(ReportDetail.answer(raw, to: member), to: member)
  }

  private func who(_ side: Conflict.Side) -> String {
    let device = side.replica.map { labels[$0] ?? $0.short } ?? words.notKnown
    return "\(device), \(parts.time(Int64(clamping: side.ms)))"
  }
}
