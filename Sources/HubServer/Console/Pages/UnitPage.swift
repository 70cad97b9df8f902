internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Everything about one unit: what to do, today, its days, its devices, what waits for a decision, what was done.
struct UnitPage {
  let parts: ConsoleParts
  let detail: UnitDetail
  let labels: [ReplicaID: String]
  let forms: ActForms
  /// Form of reports; nil where the hub has none.
  var form: Form?

  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }
  private var query: ConsoleQuery { parts.query }
  private var line: UnitLine { detail.line }

  var title: String { "\(line.unit.rawValue) \(line.name)" }

  var content: HTML {
    var group = query
    group.scope = line.group
    return """
      <p class="crumbs"><a href="\(group.link("/units"))">\(line.groupName)</a></p>
      <h1><small>\(line.unit.rawValue)</small> \(line.name) · \(parts.mark(line.state)) <small>\(line.standing.sinceMs.map(parts.since) ?? "")</small></h1>
      \(todo)\(calling)\(printing)\(.live(block: "unit-notices", notices))\(.live(block: "unit-today", today))\(.live(block: "unit-reports", reports))\(.live(block: "unit-devices", devices))\(forms.unitSetup(detail))\(decide)\(.live(block: "unit-log", log))
      """
  }

  // MARK: What to do

  private var todo: HTML? {
    var items: [HTML] = []
    if let act = words.nextAct(line.state) { items.append("<b>\(act)</b>: \(parts.why(line))") }
    for trouble in line.troubles where line.state != .deviceTrouble { items.append("\(words.trouble(trouble))") }
    if line.isOver {
      items.append(
        "\(words.text("Nhiều phiếu hơn số người được hỏi: kiểm tra số người và các máy. Không phiếu nào bị từ chối vì thế.", "More answers than people who may answer: check the headcount and the devices. No answer is refused for it."))"
      )
    }
    if !detail.conflicts.isEmpty {
      items.append(
        "<a href=\"#decide\">\(words.text("Quyết \(words.number(line.counts.conflicts)) xung đột", "Decide \(words.number(line.counts.conflicts)) conflicts"))</a>"
      )
    }
    if !detail.held.isEmpty {
      items.append(
        "<a href=\"#decide\">\(words.text("Xử lý \(words.number(detail.held.count)) việc giữ lại", "Settle \(words.number(detail.held.count)) held things"))</a>"
      )
    }
    for notice in detail.notices where notice.turn == .hub {
      guard let reportDay = notice.day else { continue }
      items.append(
        "<a href=\"\(query.report(line.unit, reportDay))\">\(words.text("Xem lại báo cáo \(words.shortDay(reportDay)) đã trả lại", "Look again at the report of \(words.shortDay(reportDay)) that was sent back"))</a>"
      )
    }
    guard !items.isEmpty else { return nil }
    let list: [HTML] = items.map { "<li>\($0)</li>\n" }
    return "<h2>\(words.text("Việc cần làm", "To do"))</h2>\n<ol class=\"todo\">\n\(list)</ol>\n"
  }

  // MARK: Calling

  private var calling: HTML {
    let notes = CallNotes(parts: parts)
    let people: [HTML] = (day.contacts[line.unit.rawValue] ?? []).map { contact in
      let joined: HTML? = contact.hasJoined ? " <small>\(words.text("đã vào nhóm", "in the chat group"))</small>" : nil
      return "<li>\(notes.one(contact))\(joined)</li>\n"
    }
    let none: HTML? =
      people.isEmpty ? "<li class=\"quiet\">\(words.text("Chưa có số điện thoại nào.", "No phone number is known."))</li>\n" : nil
    let calls: [HTML] = detail.calls.map { call in
      let until = call.untilMs.map { " \(parts.time($0))" } ?? ""
      let note: HTML? = call.note.isEmpty ? nil : " — “\(call.note)”"
      return "<li><time>\(parts.time(call.atMs))</time> <b>\(call.by)</b> \(words.outcome(call.outcome).lowercased())\(until)\(note)</li>\n"
    }
    return """
      <h2 id="calls">\(words.text("Người và cuộc gọi", "People and calls"))</h2>
      <ul class="strip">\(people)\(none)</ul>
      \(forms.call(line, isOpen: line.state.needsAct))\(remind)<ul class="log">
      \(calls)</ul>

      """
  }

  /// Leads to printing the unit's code once more.
  private var printing: HTML? {
    guard forms.formToken(.act) != nil else { return nil }
    return
      "<p class=\"rest\"><a href=\"\(query.link("/codes", ["unit": line.unit.rawValue]))\">\(words.text("In mã QR của đơn vị này", "Print the QR code of this unit"))</a></p>\n"
  }

  private var remind: HTML? {
    guard forms.formToken(.act) != nil else { return nil }
    let link = query.link("/remind", ["units": line.unit.rawValue])
    return "<p><a class=\"button\" data-remind href=\"\(link)\">\(words.text("Nhắc", "Remind"))</a></p>\n"
  }

  private var notices: HTML? {
    NoticeList(parts: parts).html(detail.notices).map {
      "<h2 id=\"notices\">\(words.text("Đã nhắc và trả lại", "Reminders and reports sent back"))</h2>\n\($0)"
    }
  }

  // MARK: Today

  private var today: HTML {
    var facts: [(String, HTML)] = []
    facts.append(
      (
        words.text("Phiếu", "Answers"),
        "\(parts.answers(line)) <small>· \(words.text("lẽ ra \(words.number(line.expected)) vào giờ này", "\(words.number(line.expected)) expected by this hour"))</small>"
      ))
    if let staff = detail.staff {
      facts.append(
        (
          words.text("Số người", "People"),
          "\(words.text("\(words.number(staff.eligible)) được hỏi: \(words.number(staff.officials)) cán bộ, \(words.number(staff.civilServants)) công chức", "\(words.number(staff.eligible)) may answer: \(words.number(staff.officials)) officials, \(words.number(staff.civilServants)) civil servants"))"
        ))
    } else {
      facts.append((words.text("Số người", "People"), "<span class=\"quiet\">\(words.notKnown)</span>"))
    }
    if let reportDay = day.board.reportDay {
      let due = parts.time(day.campaign.reportDueMs(reportDay))
      facts.append(
        (
          words.text("Báo cáo \(words.shortDay(reportDay))", "Report \(words.shortDay(reportDay))"),
          "\(parts.report(line, on: reportDay)) <small>· \(words.text("hạn \(due)", "due \(due)"))</small>"
        ))
    }
    let tags: [HTML] = day.tags.tags(of: line.unit).map { tag in
      var tagged = query
      tagged.tag = tag
      return "<a href=\"\(tagged.link("/units"))\">#\(tag)</a> "
    }
    if !tags.isEmpty { facts.append((words.text("Nhãn", "Tags"), "\(tags)")) }
    if let closes = line.closes {
      facts.append((words.text("Gia hạn riêng", "Ends later"), "\(words.text("đóng lúc", "at")) \(words.time(closes))"))
    }
    facts.append((words.text("Liên lạc cuối", "Last contact"), parts.contact(line)))
    if line.counts.photos > 0 {
      facts.append((words.text("Ảnh", "Photos"), "\(words.number(line.counts.photosIn))/\(words.number(line.counts.photos))"))
    }
    if let backlog = line.counts.backlog, backlog + (line.counts.packets ?? 0) > 0 {
      facts.append(
        (
          words.text("Còn trên máy", "Still on devices"),
          "\(words.text("\(words.number(backlog)) thay đổi, \(words.number(line.counts.packets ?? 0)) phiếu", "\(words.number(backlog)) changes, \(words.number(line.counts.packets ?? 0)) answers"))"
        ))
    }
    return "<h2>\(words.text("Hôm nay", "Today"))</h2>\n\(Self.list(facts))"
  }

  static func list(_ facts: [(String, HTML)]) -> HTML {
    let items: [HTML] = facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>\n" }
    return "<dl class=\"facts\">\n\(items)</dl>\n"
  }

  // MARK: Days

  private var reports: HTML {
    let items: [HTML] = day.reportDays.map { each in
      let count = detail.corrections[each.description] ?? 0
      let corrected: HTML? =
        count > 0 ? " <small>\(words.text("sửa \(words.number(count)) lần", "corrected \(words.number(count)) times"))</small>" : nil
      let flag: HTML? =
        detail.invalid.contains { $0.day == each.description }
        ? " <span class=\"flag\">⚑ \(words.text("trái biểu mẫu", "contradicts its form"))</span>" : nil
      return "<li><b>\(words.shortDay(each))</b> \(parts.report(line, on: each))\(corrected)\(flag)</li>\n"
    }
    return "<h2 id=\"reports\">\(words.text("Báo cáo các ngày", "Reports by day"))</h2>\n<ul class=\"strip\">\n\(items)</ul>\n"
  }

  // MARK: Devices

  private var devices: HTML {
    let codes: HTML? =
      detail.codes.isEmpty
      ? nil
      : "<p>\(words.text("\(words.number(detail.codes.count)) mã ghi danh chưa dùng.", "\(words.number(detail.codes.count)) enrolment codes are unused."))</p>\n"
    let heading: HTML = "<h2 id=\"devices\">\(words.text("Máy", "Devices"))</h2>\n"
    guard !detail.devices.isEmpty else {
      return heading + "<p class=\"quiet\">\(words.text("Chưa có máy nào ghi danh.", "No device is enrolled."))</p>\n" + "\(codes)"
    }
    return heading + DeviceTable(parts: parts).html(detail.devices) + "\(codes)"
  }

  // MARK: To decide

  private var decide: HTML? {
    guard !detail.conflicts.isEmpty || !detail.held.isEmpty || !detail.invalid.isEmpty else { return nil }
    let lists = OpenWorkLists(parts: parts, labels: labels, form: form)
    return
      "<h2 id=\"decide\">\(words.text("Cần quyết", "To decide"))</h2>\n\(lists.conflicts([detail.conflicts].filter { !$0.isEmpty }))\(lists.held(detail.held))\(lists.invalid(detail.invalid))"
  }

  // MARK: Log

  private var log: HTML {
    "<h2>\(words.text("Nhật ký", "Log"))</h2>\n\(ActLog(parts: parts).html(detail.acts))"
  }
}

/// Acts of operators about the page's subject, the newest first: who, what, from what to what, why.
struct ActLog {
  let parts: ConsoleParts

  func html(_ acts: [OperatorAct]) -> HTML {
    guard !acts.isEmpty else {
      return "<p class=\"quiet\">\(parts.words.text("Chưa ai làm gì ở đây.", "Nobody has done anything here yet."))</p>\n"
    }
    let items: [HTML] = acts.map { act in
      let change: HTML? = parts.words.change(act, subject: act.subject).map { ": \($0)" }
      let reason: HTML? = act.reason.isEmpty ? nil : " — “\(act.reason)”"
      return
        "<li><time>\(parts.time(Int64(clamping: act.atMs)))</time> <b>\(act.by)</b> \(parts.words.act(act.kind))\(change)\(reason)</li>\n"
    }
    return "<ul class=\"log\">\n\(items)</ul>\n"
  }
}
