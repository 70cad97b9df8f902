internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Page of a held unit: its values, the reason, the remedies.
struct HeldPage {
  let parts: ConsoleParts
  let held: HeldUnit
  let labels: [ReplicaID: String]
  let forms: ActForms
  /// Form of the report that is held; nil for other rows, or where the hub does not have it.
  var form: Form?

  private var words: Wording { parts.words }
  private var text: AnswerText { AnswerText(form: form, language: words.language) }

  var title: String {
    let rows = OpenWorkLists(parts: parts, labels: labels).rows(of: held)
    return words.text("Giữ lại: \(rows)", "Held: \(rows)")
  }

  /// Edition of the form that a held unit names, as `form@version`.
  static func formKey(of held: HeldUnit) -> String? {
    held.rows.first { $0.table == "report" }?.cells.first { $0.column == "form" }?.value.text
  }

  private func named(_ cell: HeldUnit.Cell) -> (name: String, value: String) {
    guard let member = cell.member else {
      let value = cell.value.shownText
      return (words.column(cell.column), CalendarDay(value).map(words.day) ?? value)
    }
    let answer = ReportDetail.answer(cell.value.shownText, to: member)
    return (text.label(of: member), answer.map { text.text($0, to: member) } ?? cell.value.shownText)
  }

  var content: HTML {
    let unit = UnitCode(held.scope)
    let rows: [HTML] = held.rows.map { row in
      let cells: [HTML] = row.cells.map { cell in
        let (name, value) = named(cell)
        return "<tr><th scope=\"row\">\(name)</th><td>\(value)</td></tr>\n"
      }
      let gone: HTML? = row.isAlive ? nil : " <small>\(words.text("xóa", "deletion"))</small>"
      let name = OpenWorkLists(parts: parts, labels: labels).row(table: row.table, key: row.key.shownText)
      return "<h2>\(name)\(gone)</h2>\n<table class=\"plain\"><tbody>\n\(cells)</tbody></table>\n"
    }
    let facts: [(String, HTML)] = [
      (words.text("Từ máy", "From"), "\(labels[held.replica] ?? held.replica.short)"),
      (words.text("Đến lúc", "Came"), "\(parts.time(Int64(clamping: held.receivedMs)))"),
      (
        words.text("Vì sao giữ", "Why it is held"),
        "\([words.heldReason(held.reason), words.place(of: held.detail)].compactMap(\.self).joined(separator: " · "))"
      ),
      (words.text("Cách giải quyết", "What to do"), "\(held.remedy(words.language))"),
    ]
    return """
      <p class="crumbs"><a href="\(parts.query.unit(unit))">\(unit.rawValue) \(parts.day.tree.displayName(of: unit))</a></p>
      <h1>\(title)</h1>
      \(UnitPage.list(facts))\(rows)\(forms.repair(held))\(forms.held(held))
      """
  }
}
