internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The forms by which somebody who may act does so; none for others.
struct ActForms {
  let parts: ConsoleParts
  let visitor: Visitor
  /// The page's own address, to come back to.
  let here: String

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  /// Carried by every form: nil where whoever looks cannot post one.
  func formToken(_ capability: Capability) -> HTML? {
    guard visitor.person.may(capability), let token = visitor.formToken else { return nil }
    return "<input type=\"hidden\" name=\"form\" value=\"\(token)\">"
  }

  private func reason(_ id: String, _ typed: String = "") -> HTML {
    "<label for=\"\(id)\">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type=\"text\" id=\"\(id)\" name=\"reason\" required maxlength=\"300\" value=\"\(typed)\">"
  }

  // MARK: Calls

  /// Writes a button for each outcome of a call; a promise has its hour.
  func call(_ line: UnitLine, isOpen: Bool = false) -> HTML? {
    guard let token = formToken(.act) else { return nil }
    let action = query.link("/unit/\(ConsoleQuery.part(line.unit.rawValue))/call")
    let button: (CallOutcome) -> HTML = { "<button name=\"outcome\" value=\"\($0.rawValue)\">\(words.outcome($0))</button> " }
    let hour = words.text("Hẹn đến giờ", "Promised until")
    let open: HTML? = isOpen ? " open" : nil
    return """
      <details class="call"\(open)><summary>\(words.text("Ghi kết quả", "Note the call"))</summary><form method="post" action="\(action)">\(token)<input type="hidden" name="to" value="\(here)">\
      \(button(.calling))\(button(.unreachable))\(button(.solved))\(button(.passedUp))\
      <span class="promise"><label>\(hour) <input type="time" name="until"></label> \(button(.promised))</span>\
      <label>\(words.text("Ghi chú", "Note")) <input type="text" name="note" maxlength="\(UnitCall.noteLengthMax)"></label></form></details>
      """
  }

  // MARK: Conflicts

  /// Around the table of a conflict, which has the choices.
  func settle(_ conflicts: [Conflict], _ table: HTML, reason typed: String = "") -> HTML {
    guard let token = formToken(.act), let first = conflicts.first else { return table }
    let hidden: HTML = "\(token)<input type=\"hidden\" name=\"mark\" value=\"\(ConsoleActs.mark(conflicts))\">"
    let action = query.link("/conflict/" + first.id)
    let open = conflicts.count(where: \.isOpen)
    guard open > 0 else {
      return
        "\(table)<form class=\"act\" method=\"post\" action=\"\(action)\">\(hidden)\(reason("why"))<p><button name=\"do\" value=\"undo\">\(words.text("Hoàn tác quyết định", "Undo the decision"))</button></p></form>\n"
    }
    return """
      <form method="post" action="\(action)">\(hidden)
      \(table)<p><button name="do" value="preview" formnovalidate>\(words.text("Xem trước như đang chọn", "Look at what is chosen first"))</button></p>
      <div class="act">\(reason("why", typed))
      <p><button class="primary">\(words.text("Quyết \(words.number(open)) câu", "Decide \(words.number(open)) questions"))</button>
      <button name="all" value="keep">\(words.text("Giữ cả cột trái", "Keep the whole left column"))</button>
      <button name="all" value="take">\(words.text("Giữ cả cột phải", "Keep the whole right column"))</button></p>
      <p class="quiet">\(words.text("Hoàn tác được; tổ sẽ thấy ai quyết và vì sao.", "Can be undone; the group will see who decided and why."))</p></div></form>

      """
  }

  /// The choice of one side of one question.
  func choice(_ conflict: Conflict, _ value: String, isChosen: Bool = false) -> HTML? {
    guard formToken(.act) != nil, conflict.isOpen else { return nil }
    let checked: HTML? = isChosen ? " checked" : nil
    let said = value == "keep" ? words.text("giữ", "keep") : words.text("lấy", "take")
    return "<label><input type=\"radio\" name=\"choice-\(conflict.id)\" value=\"\(value)\"\(checked)> \(said)</label> "
  }

  /// Another value than both sides have.
  func other(_ conflict: Conflict, _ typed: String = "", isChosen: Bool = false) -> HTML? {
    guard formToken(.act) != nil, conflict.isOpen else { return nil }
    let label = words.text("giá trị khác", "another value")
    let checked: HTML? = isChosen ? " checked" : nil
    return
      "<label><input type=\"radio\" name=\"choice-\(conflict.id)\" value=\"value\"\(checked)> \(label)</label> <input type=\"text\" name=\"value-\(conflict.id)\" value=\"\(typed)\" aria-label=\"\(label)\">"
  }

  // MARK: Held work and devices

  func held(_ held: HeldUnit) -> HTML? {
    guard let token = formToken(.act) else { return nil }
    return """
      <form class="act" method="post" action="\(query.link("/held/" + held.id))">\(token)
      <p><button name="do" value="retry" formnovalidate>\(words.text("Thử gộp lại", "Try again"))</button></p>
      \(reason("why"))
      <p><button name="do" value="decline">\(words.text("Từ chối", "Decline"))</button> <span class="quiet">\(words.text("Không hoàn tác được; nội dung được giữ trong xung đột, tổ thấy lý do.", "Cannot be undone; what it said is kept in conflicts, and the group sees why."))</span></p></form>

      """
  }

  func device(_ device: DeviceLine) -> HTML? {
    guard let token = formToken(.configure) else { return nil }
    let isRevoked = device.device.revokedMs != nil
    let button: HTML =
      isRevoked
      ? "<input type=\"hidden\" name=\"late\" value=\"\(device.lateBatches)\"><button name=\"do\" value=\"restore\">\(words.text("Trả lại quyền", "Restore its rights"))</button> <span class=\"quiet\">\(words.text("Gộp \(words.number(device.lateBatches)) gói đã tới; việc gộp không hoàn tác được.", "Merges \(words.number(device.lateBatches)) batches that came; that cannot be undone."))</span>"
      : "<button name=\"do\" value=\"revoke\">\(words.text("Thu hồi quyền", "Revoke"))</button> <span class=\"quiet\">\(words.text("Hoàn tác bằng “Trả lại quyền”; đơn vị nhận khóa phiếu mới.", "Undone by restoring its rights; the unit gets a new key for answers."))</span>"
    return
      "<form class=\"act\" method=\"post\" action=\"\(query.link("/device/" + device.device.replica.description))\">\(token)\(reason("why"))<p>\(button)</p></form>\n"
  }
}

extension Wording {
  func outcome(_ outcome: CallOutcome) -> String {
    switch outcome {
    case .calling: text("Đang gọi", "Calling")
    case .promised: text("Đã hứa", "Promised")
    case .unreachable: text("Không liên lạc được", "Unreachable")
    case .solved: text("Đã xong", "Solved")
    case .passedUp: text("Chuyển cấp trên", "Passed up")
    }
  }
}

/// Shows whom to call in a unit, and the outcome of the last call.
struct CallNotes {
  let parts: ConsoleParts

  private var words: Wording { parts.words }

  /// The first to call, as a link that a phone dials.
  func contact(_ line: UnitLine) -> HTML? {
    guard let first = parts.day.contacts[line.unit.rawValue]?.first else { return nil }
    return one(first)
  }

  func one(_ contact: UnitContact) -> HTML {
    let said = [contact.role, contact.name].filter { !$0.isEmpty }.joined(separator: " ")
    guard !contact.dialled.isEmpty else { return "<span class=\"tel\">☎ \(said)</span>" }
    return "<a class=\"tel\" href=\"tel:\(contact.dialled)\"><span aria-hidden=\"true\">☎</span> \(said) \(contact.phone)</a>"
  }

  /// The latest call of a unit, and whether its promise has come due.
  func last(_ line: UnitLine) -> HTML? {
    guard let call = parts.day.calls[line.unit.rawValue] else { return nil }
    let now = parts.day.nowMs
    if call.isCalling(atMs: now) {
      return
        "<span class=\"last\"><b>\(words.text("đang gọi: \(call.by), \(parts.time(call.atMs))", "being called by \(call.by), \(parts.time(call.atMs))"))</b></span>"
    }
    let until = call.untilMs.map { words.text(" \(parts.time($0))", " until \(parts.time($0))") } ?? ""
    let note: HTML? = call.note.isEmpty ? nil : " “\(call.note)”"
    let due: HTML? =
      call.isPromiseDue(atMs: now) && line.state.needsAct ? " <b class=\"bad-text\">\(words.text("đã quá hẹn", "promise is due"))</b>" : nil
    let said = words.outcome(call.outcome).lowercased() + until
    return
      "<span class=\"last\"><small>\(words.text("gọi \(parts.time(call.atMs)), \(call.by)", "called \(parts.time(call.atMs)), \(call.by)")): \(said)\(note)</small>\(due)</span>"
  }
}
