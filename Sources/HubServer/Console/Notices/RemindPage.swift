internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page on which reminders are chosen, read over, changed and sent: a text for each unit with the unit's own figures.
struct RemindPage {
  let parts: ConsoleParts
  let forms: ActForms
  /// Units that are listed, and those of them that are ticked.
  var units: [UnitLine]
  var chosen: Set<UnitCode>
  /// Texts as somebody has changed them.
  var texts: [UnitCode: String] = [:]
  var added = ""
  /// Why nothing was sent yet.
  var said: String?
  /// Reminders of the last hour that somebody was told of.
  var known: [Notice] = []
  /// Units of which the state changed since the page was drawn.
  var changed: Set<UnitCode> = []

  /// Units on one page.
  static let unitsMax = 300

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }

  /// - Parameters:
  ///   - state: Units of that state are ticked.
  ///   - codes: Only those units, all ticked.
  init(parts: ConsoleParts, forms: ActForms, state: UnitState?, codes: Set<UnitCode>) {
    (self.parts, self.forms) = (parts, forms)
    let listed = codes.isEmpty ? parts.day.inTrouble : parts.day.units.filter { codes.contains($0.unit) }
    func isChosen(_ line: UnitLine) -> Bool { codes.contains(line.unit) || line.state == state }
    // Whoever came to remind some sees those first.
    units = Array((listed.filter(isChosen) + listed.filter { !isChosen($0) }).prefix(Self.unitsMax))
    chosen = Set(units.filter(isChosen).map(\.unit))
  }

  var title: String { words.text("Nhắc", "Remind") }

  var content: HTML {
    let text = ReminderText(day)
    let (ticked, others) = (units.filter { chosen.contains($0.unit) }, units.filter { !chosen.contains($0.unit) })
    let rows: [HTML] = (ticked.isEmpty ? others : ticked).map { row($0, text) }
    let folded: HTML? = ticked.isEmpty || others.isEmpty ? nil : fold(others.map { row($0, text) })
    guard let token = forms.formToken(.act), !units.isEmpty else {
      return
        "<h1>\(title)</h1>\n<p class=\"calm\">\(words.text("Lúc này không đơn vị nào cần nhắc.", "Nobody need be reminded now."))</p>\n"
    }
    let told: HTML? = said.map { "<p class=\"said bad\" role=\"alert\">\($0)</p>\n" }
    let again: HTML? =
      known.isEmpty ? nil : "<input type=\"hidden\" name=\"known\" value=\"\(known.map(\.id).joined(separator: " "))\">"
    let button =
      known.isEmpty
      ? words.text("Gửi lời nhắc cho các xã đã chọn", "Send to the units that are ticked") : words.text("Vẫn nhắc", "Remind all the same")
    return """
      <h1>\(title) <b>\(words.number(chosen.count))</b></h1>
      \(told)<p>\(words.text("Mỗi xã một lời với số liệu của mình, sửa được. Gửi xong có bản để dán vào nhóm chat và danh sách gọi. Không thu lại được lời đã gửi.", "A text for each unit with its own figures, to be changed freely. After sending there is a text for the chat group and a call list. What was sent cannot be taken back."))</p>
      <form method="post" action="\(parts.query.link("/remind"))">\(token)\(again)
      <label for="added">\(words.text("Thêm một câu vào mọi lời nhắc", "One more sentence for all"))</label> <input type="text" id="added" name="added" maxlength="300" value="\(added)">
      <ol class="cards remind">
      \(rows)</ol>
      \(folded)<p><button class="primary">\(button)</button></p></form>

      """
  }

  /// Folds units in trouble that are not ticked.
  private func fold(_ rows: [HTML]) -> HTML {
    let count = words.number(rows.count)
    return """
      <details><summary>\(words.text("\(count) xã khác cần gọi hoặc nhắc, chưa chọn", "\(count) other units to call or remind, not ticked"))</summary><ol class="cards remind">
      \(rows)</ol></details>

      """
  }

  private func row(_ line: UnitLine, _ text: ReminderText) -> HTML {
    let code = line.unit.rawValue
    let checked: HTML? = chosen.contains(line.unit) ? " checked" : nil
    let last: HTML? = NoticeList(parts: parts).reminder(of: line).map { "<br><small>\($0)</small>" }
    let isChanged: HTML? =
      changed.contains(line.unit) ? " <b class=\"flag\">\(words.text("vừa đổi, xem lại lời", "has just changed, read it again"))</b>" : nil
    // Where the reason says no more than the state, once is enough.
    let why = parts.why(line) == words.state(line.state) ? "" : parts.why(line)
    let body = (changed.contains(line.unit) ? nil : texts[line.unit]) ?? text.text(line)
    return """
      <li class="pick"><label><input type="checkbox" name="unit" value="\(code)"\(checked)> <small>\(code)</small> <b>\(line.name)</b></label> \
      \(parts.mark(line.state)) <span class="quiet">\(why)</span>\(isChanged)\(last)
      <input type="hidden" name="mark-\(code)" value="\(ConsoleActs.mark(text.basis(line)))">
      <textarea name="text-\(code)" rows="4" maxlength="\(ActForms.wordsLengthMax)" aria-label="\(words.text("Lời nhắc \(line.name)", "Reminder of \(line.name)"))">\(body)</textarea></li>

      """
  }
}

/// Page of one sending of reminders: whom to call, who has seen it, the same as text for the chat group.
struct ReminderPage {
  let parts: ConsoleParts
  let notices: [Notice]

  private var words: Wording { parts.words }

  var title: String { words.text("Lời nhắc đã gửi", "Reminders sent") }

  var content: HTML {
    guard let first = notices.first else { return .none }
    let seen = notices.count { $0.turn != .unseen }
    let lines = Dictionary(parts.day.units.map { ($0.unit, $0) }, uniquingKeysWith: { first, _ in first })
    let (whom, told, said) = (words.text("Gọi", "Call"), words.text("Đã xem", "Seen"), words.text("Lời nhắc", "Reminder"))
    let notes = CallNotes(parts: parts)
    let rows: [HTML] = notices.map { notice in
      let line = lines[notice.unit]
      let contacts: [HTML] = (parts.day.contacts[notice.unit.rawValue] ?? []).map { "\(notes.one($0))<br>" }
      let state: HTML =
        notice.seen.map { "✓ \(parts.time($0.ms)) <small>\($0.device) \($0.words)</small>" }
        ?? "<b class=\"flag\">\(words.text("chưa", "not yet"))</b>"
      let mark: HTML? = line.map { parts.mark($0.state) }
      return
        "<tr><th scope=\"row\"><a href=\"\(parts.query.unit(notice.unit))\"><small>\(notice.unit.rawValue)</small> \(parts.day.tree.displayName(of: notice.unit))</a><br>\(mark)</th><td data-label=\"\(whom)\">\(contacts)</td><td data-label=\"\(told)\">\(state)</td><td data-label=\"\(said)\">\(NoticeList.lines(notice.words))</td></tr>\n"
    }
    let chat = notices.map(\.words).joined(separator: "\n\n")
    return """
      <h1>\(title) <b>\(words.number(notices.count))</b></h1>
      <p>\(words.text("\(parts.time(first.sentMs)), \(first.by). \(words.number(seen)) xã đã xem trên máy; máy nhận ở lần đồng bộ tới.", "\(parts.time(first.sentMs)), \(first.by). \(words.number(seen)) units have seen it on a device; devices get it at their next sync."))</p>
      <details class="act"><summary>\(words.text("Chép để dán vào nhóm chat", "Copy for the chat group"))</summary>
      <textarea id="chat" rows="12" readonly aria-label="\(words.text("Văn bản cho nhóm chat", "Text for the chat group"))">\(chat)</textarea></details>
      <table class="plain"><thead><tr><th scope="col">\(words.text("Đơn vị", "Unit"))</th><th scope="col">\(whom)</th><th scope="col">\(told)</th><th scope="col">\(said)</th></tr></thead><tbody>
      \(rows)</tbody></table>

      """
  }
}

extension NoticeList {
  /// The latest reminder of a unit within a day, and whether somebody there has seen it.
  func reminder(of line: UnitLine) -> HTML? {
    guard let last = parts.day.reminders.first(where: { $0.unit == line.unit }) else { return nil }
    let words = parts.words
    let seen =
      last.seen.map { words.text("xã đã xem \(parts.time($0.ms))", "seen \(parts.time($0.ms))") }
      ?? words.text("xã chưa xem", "not seen yet")
    return
      "<a href=\"\(parts.query.link("/reminder/" + last.sending))\">\(words.text("nhắc \(parts.time(last.sentMs)), \(last.by)", "reminded \(parts.time(last.sentMs)), \(last.by)"))</a>: \(seen)"
  }

  /// The latest sendings of reminders, each with how many have seen it.
  func sendings() -> HTML? {
    let words = parts.words
    var order: [String] = []
    var found: [String: [Notice]] = [:]
    for notice in parts.day.reminders {
      if found[notice.sending] == nil { order.append(notice.sending) }
      found[notice.sending, default: []].append(notice)
    }
    let items: [HTML] = order.prefix(Self.sendingsMax).compactMap { sending in
      guard let notices = found[sending], let first = notices.first else { return nil }
      let (count, seen) = (words.number(notices.count), words.number(notices.count { $0.turn != .unseen }))
      return
        "<a href=\"\(parts.query.link("/reminder/" + sending))\">\(words.text("đã nhắc \(parts.time(first.sentMs)): \(count) xã, \(seen) đã xem", "reminded \(parts.time(first.sentMs)): \(count) units, \(seen) have seen it"))</a> "
    }
    return items.isEmpty ? nil : "<p class=\"rest\">\(items)</p>\n"
  }

  private static let sendingsMax = 3
}
