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

  private var words: Wording { parts.words }

  var title: String { words.text("Việc giữ lại \(held.id)", "Held \(held.id)") }

  var content: HTML {
    let unit = UnitCode(held.scope)
    let rows: [HTML] = held.rows.map { row in
      let cells: [HTML] = row.cells.map { cell in
        let name = [cell.column, cell.member].compactMap(\.self).joined(separator: ".")
        return "<tr><th scope=\"row\">\(name)</th><td>\(cell.value.shownText)</td></tr>\n"
      }
      let gone: HTML? = row.isAlive ? nil : " <small>\(words.text("xóa", "deletion"))</small>"
      return "<h2>\(row.table) \(row.key.shownText)\(gone)</h2>\n<table class=\"plain\"><tbody>\n\(cells)</tbody></table>\n"
    }
    let facts: [(String, HTML)] = [
      (words.text("Từ máy", "From"), "\(labels[held.replica] ?? held.replica.short)"),
      (words.text("Đến lúc", "Came"), "\(parts.time(Int64(clamping: held.receivedMs)))"),
      (words.text("Vì sao giữ", "Why it is held"), "<code>\(held.reason)</code> \(held.detail)"),
      (words.text("Cách giải quyết", "What to do"), "\(held.remedy(words.language))"),
    ]
    return """
      <p class="crumbs"><a href="\(parts.query.unit(unit))">\(unit.rawValue) \(parts.day.tree.displayName(of: unit))</a></p>
      <h1>\(title)</h1>
      \(UnitPage.list(facts))\(rows)\(forms.repair(held))\(forms.held(held))
      """
  }
}
