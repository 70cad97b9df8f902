internal import FormWeb
internal import Foundation
internal import QRCodes
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Page on which somebody chooses what to print of the units' codes, and the print itself.
struct CodesPage {
  let parts: ConsoleParts
  let survey: SurveyHub
  /// Address of the hub as phones reach it, as it was typed or as the hub was started with; empty where nobody said.
  let address: String
  /// Unit that is shown alone; nil for the whole part of the tree that is looked at.
  let unit: UnitCode?
  let paper: PrintPaper
  /// Page that is shown, from 1.
  let page: Int?

  /// Units of one print.
  static let unitsMax = 300

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }
  private var day: OperatorDay { parts.day }

  /// Units to print, by group; only one where one was chosen.
  private var lines: [UnitLine] { day.groups.flatMap(\.units).filter { unit == nil || $0.unit == unit } }

  private func link(_ path: String, page: Int? = nil) -> String {
    query.link(path, ["paper": paper.rawValue, "unit": unit?.rawValue, "base": address, "page": page.map(String.init)])
  }

  // MARK: The choice

  var title: String { words.text("In mã QR", "Print QR codes") }

  var content: HTML {
    let kept: [HTML] = [
      ("campaign", query.campaign), ("lang", query.language == .english ? "en" : nil), ("unit", unit?.rawValue),
      ("tag", query.tag), ("scope", unit == nil ? nil : query.scope?.rawValue),
    ].compactMap { name, value in value.map { "<input type=\"hidden\" name=\"\(name)\" value=\"\($0)\">" } }
    let papers: [HTML] = PrintPaper.allCases.map { each in
      let checked: HTML? = each == paper ? " checked" : nil
      let label =
        each == .poster
        ? words.text("Áp phích A4, để treo", "Posters, A4, to hang up") : words.text("Thẻ A6, để phát", "Cards, A6, to hand out")
      return "<label><input type=\"radio\" name=\"paper\" value=\"\(each.rawValue)\"\(checked)> \(label)</label>"
    }
    let whose: HTML
    if unit != nil, let line = lines.first {
      whose = "<p><b>\(line.unit.rawValue) \(line.name)</b> <small>\(line.groupName)</small></p>\n"
    } else {
      let all: HTML =
        "<option value=\"\">\(words.text("mọi đơn vị (\(words.number(day.units.count)))", "all units (\(words.number(day.units.count)))"))</option>"
      let groups: [HTML] = day.groups.map { group in
        let chosen: HTML? = query.scope == group.unit ? " selected" : nil
        return "<option value=\"\(group.unit.rawValue)\"\(chosen)>\(group.name) (\(words.number(group.units.count)))</option>"
      }
      whose = "<label for=\"group\">\(words.text("Của", "Of"))</label><select id=\"group\" name=\"scope\">\(all)\(groups)</select>\n"
    }
    let hint = words.text(
      "Địa chỉ máy chủ như điện thoại gọi tới, ví dụ https://khaosat.example.org",
      "The hub's address as phones reach it, such as https://survey.example.org")
    return """
      <h1>\(title)</h1>
      <p>\(words.text("Mã cũ đã in vẫn dùng được; in lại một đơn vị bằng trang của đơn vị đó.", "Codes that were printed before stay good; print one unit again from its page."))</p>
      <form class="act" method="get" action="/codes/print">\(kept)
      \(whose)<fieldset><legend>\(words.text("Khổ giấy", "Paper"))</legend>\(papers)</fieldset>
      <label for="base">\(hint)</label><input type="text" id="base" name="base" required maxlength="\(FormAddress.bytesMax)" value="\(address)" inputmode="url">
      <p><button class="primary">\(words.text("Mở bản in", "Open the print"))</button></p></form>

      """
  }

  // MARK: The print

  /// - Throws: `SyncError` where the address is none; nothing is drawn then.
  func print() throws -> String {
    guard let address = FormAddress(address) else {
      throw SyncError(
        .badRequest, vi: "Cần địa chỉ máy chủ như https://khaosat.example.org, không có đường dẫn phía sau.",
        en: "The print needs the hub's address, such as https://survey.example.org, without a path.")
    }
    let campaign = day.campaign
    let (key, expires) = (FormLinkKey(hub: survey), campaign.dayOf(campaign.graceEndsMs))
    let all = lines
    let paging = Paging(all.count, page: page, rowsMax: Self.unitsMax, words) { link("/codes/print", page: $0) }
    let items = try all[paging.rows].map { line in
      let link = FormLink(.survey, campaign: campaign.id, unit: line.unit, expires: expires)
      guard let link = address.link(link, key: key) else {
        throw SyncError(
          .badRequest, vi: "Không làm được mã cho đơn vị \(line.unit).", en: "No code can be made for unit \(line.unit).")
      }
      let svg = String(decoding: try QRCode(link).svg(), as: UTF8.self)
      return PrintSheet.Item(unit: line.unit, name: line.name, group: line.groupName, link: link, svg: HTML(rendered: svg))
    }
    return PrintSheet(
      paper: paper, title: campaign.title, expires: expires, items: items, query: query, paging: paging.html(words), back: link("/codes")
    ).page
  }
}
