internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of the tags of units; somebody who may configure everything replaces the list.
struct TagsPage {
  let parts: ConsoleParts
  let forms: ActForms

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }

  var title: String { words.text("Nhãn của các đơn vị", "Tags of units") }

  /// Tags with the units that the page shows.
  private var tags: UnitTags {
    let shown = Set(day.units.map(\.unit))
    return UnitTags(units: day.tags.units.mapValues { $0.intersection(shown) }.filter { !$0.value.isEmpty })
  }

  var content: HTML {
    let items: [HTML] = tags.units.sorted { $0.key < $1.key }.map { tag, units in
      var tagged = parts.query
      tagged.tag = tag
      let count = words.number(units.count)
      return "<li><a href=\"\(tagged.link("/units"))\">#\(tag)</a> \(words.text("\(count) đơn vị", "\(count) units"))</li>\n"
    }
    let about = words.text(
      "Người được mời theo một nhãn chỉ thấy các đơn vị có nhãn ấy, ví dụ ngành dọc công đoàn.",
      "Somebody who is invited for a tag sees the units that bear it alone, such as those of a union's own chain.")
    let none: HTML? = items.isEmpty ? "<p class=\"quiet\">\(words.text("Chưa đơn vị nào có nhãn.", "No unit has a tag yet."))</p>\n" : nil
    return """
      <p class="crumbs"><a href="\(parts.query.link("/setup"))">\(words.text("Thiết lập", "Setup"))</a></p>
      <h1>\(title) <b>\(words.number(items.count))</b></h1>
      <p>\(about)</p>
      \(none)<ul class="log">
      \(items)</ul>
      \(form)
      """
  }

  private var form: HTML? {
    guard let token = forms.formToken(.configure), day.scope.isAll else { return nil }
    let text = day.tags.list
    return """
      <form class="act" method="post" action="\(parts.query.link("/tags"))">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(text))">
      <label for="tags">\(words.text("Mỗi dòng một cặp: mã đơn vị, nhãn", "A pair a line: unit, tag"))</label>
      <textarea id="tags" name="csv" rows="8" spellcheck="false">\(text)</textarea>
      <label for="why-tags">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="why-tags" name="reason" required maxlength="300">
      <p><button class="primary">\(words.text("Thay mọi nhãn", "Replace all tags"))</button> <span class="quiet">\(words.text("Hoàn tác bằng cách dán lại danh sách cũ: chép nó ra trước.", "Undone by pasting the former list: copy it first."))</span></p></form>

      """
  }
}

extension ConsoleActs {
  /// Puts a pasted list in the place of all tags.
  func tags() async throws -> String? {
    try requireWhole()
    try checkMark(Self.mark(day.tags.list))
    try requireReason()
    let tags = try UnitTags(list: fields["csv"] ?? "")
    let act = try IntendedAct(stated: "people tags", by: who, reason: reason, look: ActLook.tags)
    try await survey.hub.acting(act) { try await survey.setTags(tags) }
    return query.link("/tags")
  }
}
