internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Shows what a report would say after each way of deciding: values that the form computes, and in what it would contradict its form.
struct AfterDecision {
  let parts: ConsoleParts
  let text: AnswerText

  private var words: Wording { parts.words }

  /// - Parameter ways: The name of each way, and what it would leave.
  func table(_ ways: [(name: String, preview: DecisionPreview?)]) -> HTML? {
    let rows: [HTML] = ways.compactMap { way in
      guard let preview = way.preview else { return nil }
      let (computed, against) = (words.text("Tính lại", "Computed anew"), words.text("Trái với biểu mẫu", "Contradicts its form"))
      return
        "<tr><th scope=\"row\">\(way.name)</th><td data-label=\"\(computed)\">\(calculated(preview))</td><td data-label=\"\(against)\">\(faults(preview))</td></tr>\n"
    }
    guard !rows.isEmpty else { return nil }
    return """
      <h2>\(words.text("Sau khi quyết, báo cáo sẽ", "After the decision the report would"))</h2>
      <table class="plain after"><thead><tr><th scope="col">\(words.text("Nếu", "If"))</th><th scope="col">\(words.text("Tính lại", "Computed anew"))</th><th scope="col">\(words.text("Trái với biểu mẫu", "Contradicts its form"))</th></tr></thead><tbody>
      \(rows)</tbody></table>

      """
  }

  func calculated(_ preview: DecisionPreview) -> HTML {
    guard !preview.calculated.isEmpty else { return "<span class=\"quiet\">\(words.text("không đổi", "nothing changes"))</span>" }
    let items: [HTML] = preview.calculated.enumerated().map { index, change in
      let gap: HTML? = index == 0 ? nil : "<br>"
      return
        "\(gap)\(text.label(of: change.question)): <span class=\"old\">\(text.text(change.before, to: change.question))</span> → <b>\(text.text(change.after, to: change.question))</b>"
    }
    return "\(items)"
  }

  func faults(_ preview: DecisionPreview) -> HTML {
    if let refusal = preview.refusal { return "<span class=\"bad-text\">✗ \(refusal(words.language))</span>" }
    guard !preview.after.isEmpty else {
      let was: HTML? = preview.before.isEmpty ? nil : " <small>\(words.text("(lúc này có)", "(it does now)"))</small>"
      return "✓ \(words.text("không", "no"))\(was)"
    }
    let items: [HTML] = preview.after.enumerated().map { index, fault in
      let gap: HTML? = index == 0 ? nil : "<br>"
      let isNew: HTML? = preview.before.contains(fault) ? nil : " <small>\(words.text("(mới)", "(new)"))</small>"
      let place: HTML? = fault.question.isEmpty ? nil : "<b>\(text.label(of: fault.question))</b>: "
      return "\(gap)<span class=\"flag\">⚑</span> \(place)\(fault.message(words.language))\(isNew)"
    }
    return "\(items)"
  }
}

/// Page of open conflicts about one question, of all reports in view, each with what either side would leave: decided together.
struct AlikePage {
  let parts: ConsoleParts
  let forms: ActForms
  let alike: [AlikeConflict]
  let form: Form?
  let labels: [ReplicaID: String]

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }
  private var text: AnswerText { AnswerText(form: form, language: words.language) }

  var title: String { words.text("Quyết nhiều xung đột giống nhau", "Decide several conflicts that are alike") }

  var content: HTML {
    guard let first = alike.first?.conflict, let member = first.member else { return .none }
    let after = AfterDecision(parts: parts, text: text)
    let (stands, lost) = (words.text("Giữ: đang đứng", "Keep: what stands"), words.text("Lấy: bị ghi đè", "Take: what was overridden"))
    let canAct = forms.formToken(.act) != nil
    let rows: [HTML] = alike.map { each in
      let conflict = each.conflict
      let unit = UnitCode(conflict.scope)
      let box: HTML? =
        canAct
        ? "<label><input type=\"checkbox\" name=\"pick\" value=\"\(conflict.id)\" checked> <span class=\"hidden\">\(words.text("chọn", "choose"))</span></label> "
        : nil
      func side(_ side: Conflict.Side, _ preview: DecisionPreview?) -> HTML {
        let value = text.text(ReportDetail.answer(side.value.shownText, to: member), to: member)
        let device = side.replica.map { labels[$0] ?? $0.short } ?? words.notKnown
        let said: HTML? = preview.map {
          "<br><small>\(words.text("tính lại", "computed anew")): \(after.calculated($0)) · \(words.text("trái biểu mẫu", "contradicts its form")): \(after.faults($0))</small>"
        }
        return "<b>\(value)</b> <small>\(device), \(parts.time(Int64(clamping: side.ms)))</small>\(said)"
      }
      return """
        <tr><th scope="row">\(box)<a href="\(query.link("/conflict/" + conflict.id))"><small>\(conflict.scope)</small> \(parts.day.tree.displayName(of: unit)), \(OpenWorkLists(parts: parts, labels: labels).row(conflict))</a></th>\
        <td data-label="\(stands)">\(side(conflict.winning, each.keep))</td><td data-label="\(lost)">\(side(conflict.losing, each.take))</td></tr>

        """
    }
    let table: HTML = """
      <table class="plain"><thead><tr><th scope="col">\(words.text("Báo cáo", "Report"))</th><th scope="col">\(stands)</th><th scope="col">\(lost)</th></tr></thead><tbody>
      \(rows)</tbody></table>

      """
    return """
      <p class="crumbs"><a href="\(query.link("/decide"))">\(words.text("Cần quyết", "To decide"))</a></p>
      <h1>\(title) <b>\(words.number(alike.count))</b></h1>
      <p>\(text.label(of: member)): \(first.rule.words(words.language)).</p>
      \(forms.alike(alike.map(\.conflict), table))
      """
  }
}

extension ActForms {
  func alike(_ conflicts: [Conflict], _ table: HTML) -> HTML {
    guard let token = formToken(.act), let first = conflicts.first else { return table }
    let words = parts.words
    return """
      <form method="post" action="\(parts.query.link("/alike/" + first.id))">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(conflicts))">
      \(table)<div class="act"><label for="why">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="why" name="reason" required maxlength="300">
      <p><button class="primary" name="all" value="keep">\(words.text("Giữ các dòng đã chọn", "Keep what stands in the rows chosen"))</button>
      <button name="all" value="take">\(words.text("Lấy bên kia ở các dòng đã chọn", "Take the other side in the rows chosen"))</button></p>
      <p class="quiet">\(words.text("Hoàn tác được ở trang từng xung đột; các tổ sẽ thấy ai quyết và vì sao.", "Can be undone on each conflict's page; the groups will see who decided and why."))</p></div></form>

      """
  }
}

extension ConsoleActs {
  /// Decides several conflicts about one question in one way: those that were chosen of the ones that the page showed.
  func alike(_ id: String) async throws -> String? {
    let alike = try await survey.alike(id, in: day).map(\.conflict)
    guard !alike.isEmpty else {
      throw SyncError(.badRequest, vi: "Các xung đột này đã được quyết.", en: "These conflicts are settled already.")
    }
    try checkMark(Self.mark(alike))
    let picked = Set(fields.all("pick"))
    guard !picked.isEmpty else { throw SyncError(.badRequest, vi: "Chưa chọn dòng nào.", en: "No row is chosen.") }
    guard let decision: Decision = ["keep": .keep, "take": .take][fields["all"] ?? ""], picked.isSubset(of: alike.map(\.id)) else {
      return nil
    }
    guard !reason.allSatisfy(\.isWhitespace) else { throw SurveyFieldError.noReason }
    for conflict in alike where picked.contains(conflict.id) { try await decide(conflict.id, decision) }
    return query.link("/decide")
  }
}
