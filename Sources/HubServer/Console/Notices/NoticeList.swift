internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Lists messages to units with their replies, and whose turn it is.
struct NoticeList {
  let parts: ConsoleParts

  private var words: Wording { parts.words }

  /// Messages of one unit.
  func html(_ notices: [Notice]) -> HTML? {
    guard !notices.isEmpty else { return nil }
    let items: [HTML] = notices.map { "<li>\(one($0))</li>\n" }
    return "<ul class=\"log\">\n\(items)</ul>\n"
  }

  func one(_ notice: Notice) -> HTML {
    let report: HTML? = notice.day.map {
      "<a href=\"\(parts.query.report(notice.unit, $0))\">\(words.text("trả lại báo cáo \(words.shortDay($0))", "report \(words.shortDay($0)) sent back"))</a>"
    }
    let kind: HTML = report ?? "\(words.text("nhắc", "reminder"))"
    return
      "\(turn(notice)) · <time>\(parts.time(notice.sentMs))</time> <b>\(notice.by)</b> \(kind): \(Self.lines(notice.words))\(replies(notice))"
  }

  /// Keeps the line breaks of a text.
  static func lines(_ text: String) -> HTML {
    let lines: [HTML] = text.split(separator: "\n").enumerated().map { index, line in index == 0 ? "\(String(line))" : "<br>\(String(line))"
    }
    return "“\(lines)”"
  }

  /// Says who waits for whom.
  func turn(_ notice: Notice) -> HTML {
    switch notice.turn {
    case .unseen: return "<b class=\"flag\">\(words.text("chờ xã: chưa xem", "waits for the unit: not seen yet"))</b>"
    case .unit:
      let seen = notice.seen.map { parts.time($0.ms) } ?? ""
      return "<b class=\"flag\">\(words.text("chờ xã: đã xem \(seen)", "waits for the unit: seen \(seen)"))</b>"
    case .hub:
      let isCorrected = notice.answer?.correction != nil
      return isCorrected
        ? "<b>\(words.text("chờ mình: xã đã sửa, xem lại", "waits for you: corrected, look again"))</b>"
        : "<b>\(words.text("chờ mình: xã đã trả lời, xem lại", "waits for you: answered, look again"))</b>"
    case .settled:
      guard let closing = notice.closing else { return "\(words.text("xã đã xem", "seen by the unit"))" }
      let why = closing.why.isEmpty ? "" : ": \(closing.why)"
      return "\(words.text("xong, \(closing.by)\(why)", "settled, \(closing.by)\(why)"))"
    }
  }

  private func replies(_ notice: Notice) -> HTML {
    let items: [HTML] = notice.replies.map { reply in
      let said = reply.words.isEmpty ? "" : " “\(reply.words)”"
      let done =
        reply.correction == nil ? words.text("đã xem\(said)", "has seen it\(said)") : words.text("đã sửa:\(said)", "corrected it:\(said)")
      return "<br><small>→ <time>\(parts.time(reply.ms))</time> \(reply.device) \(done)</small>"
    }
    return "\(items)"
  }

  /// Reports that are sent back: those that wait for an operator first.
  func decide(_ notices: [Notice]) -> HTML? {
    guard !notices.isEmpty else { return nil }
    func items(_ some: [Notice]) -> [HTML] {
      some.map { notice in
        let name = parts.day.tree.displayName(of: notice.unit)
        return
          "<li><a href=\"\(parts.query.unit(notice.unit))\"><small>\(notice.unit.rawValue)</small> \(name)</a> · \(one(notice))</li>\n"
      }
    }
    let (mine, theirs) = (notices.filter { $0.turn == .hub }, notices.filter { $0.turn != .hub })
    func section(_ heading: String, _ some: [Notice]) -> HTML? {
      some.isEmpty ? nil : "<h2>\(heading) <b>\(words.number(some.count))</b></h2>\n<ul class=\"log\">\n\(items(some))</ul>\n"
    }
    return
      "\(section(words.text("Trả lại: xã đã sửa hoặc trả lời", "Sent back: corrected or answered"), mine))\(section(words.text("Trả lại: đang chờ xã", "Sent back: waiting for the unit"), theirs))"
  }
}

extension ActForms {
  /// Sends a report back with a comment, or settles that it was sent back.
  func report(_ detail: ReportDetail) -> HTML? {
    guard let token = formToken(.act) else { return nil }
    let hidden: HTML = "\(token)<input type=\"hidden\" name=\"mark\" value=\"\(ConsoleActs.mark(detail))\">"
    let action = parts.query.report(detail.unit, detail.day)
    let words = parts.words
    let open = detail.returns.first { $0.closing == nil }
    let settle: HTML? = open.map { notice in
      let isAnswered = notice.turn == .hub
      let button = isAnswered ? words.text("Đã ổn", "It is in order") : words.text("Thôi trả lại", "Withdraw")
      return """
        <form class="act" method="post" action="\(action)">\(hidden)<input type="hidden" name="notice" value="\(notice.id)">
        <label for="settled">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="settled" name="reason" required maxlength="300">
        <p><button name="do" value="settle">\(button)</button> <span class="quiet">\(words.text("Không hoàn tác, nhưng trả lại lần nữa được.", "Cannot be undone, but the report can be sent back again."))</span></p></form>

        """
    }
    let send = open == nil ? words.text("Trả lại báo cáo", "Send the report back") : words.text("Trả lại lần nữa", "Send it back again")
    return """
      \(settle)<form class="act" method="post" action="\(action)">\(hidden)
      <label for="words">\(words.text("Cần sửa gì: tổ đọc nguyên văn ở lần đồng bộ tới", "What to correct: the group reads it at its next sync"))</label>
      <textarea id="words" name="words" rows="3" required maxlength="\(Self.wordsLengthMax)"></textarea>
      <p><button name="do" value="return">\(send)</button> <span class="quiet">\(words.text("Hoàn tác bằng “Thôi trả lại”. Số liệu vẫn được tính như đang đứng.", "Undone by withdrawing. Its figures count as they stand."))</span></p></form>

      """
  }

  /// Says what came of a flag.
  func flag(_ raised: RaisedFlag) -> HTML? {
    guard let token = formToken(.act) else { return nil }
    let (words, id) = (parts.words, "why-\(raised.flag.name)")
    return """
      <details><summary>\(words.text("Ghi kết quả xem xét", "Note what came of it"))</summary><form class="act" method="post" action="\(parts.query.report(raised.unit, raised.day))">\(token)<input type="hidden" name="flag" value="\(raised.flag.name)"><input type="hidden" name="mark" value="\(ConsoleActs.mark(raised))">
      <label for="\(id)">\(words.text("Đã rõ vì sao (bắt buộc)", "What explains it (required)"))</label><input type="text" id="\(id)" name="reason" required maxlength="300">
      <p><button name="do" value="flag">\(words.text("Đã xem", "Looked at"))</button> <span class="quiet">\(words.text("Cờ tự dựng lại khi số liệu đổi. Cần sửa số: trả lại báo cáo.", "It is raised anew when the figures change. To have them corrected, send the report back."))</span></p></form></details>
      """
  }

  /// Characters of a message: each takes three bytes at most of those that Vietnamese has.
  static let wordsLengthMax = Notice.wordsBytesMax / 3
}

extension ConsoleActs {
  static func mark(_ raised: RaisedFlag) -> String {
    mark("\(raised.unit) \(raised.day) \(raised.flag.name) \(raised.flag.mark) \(raised.settled == nil)")
  }

  /// Notes what came of a flag.
  private func flag(of detail: ReportDetail) async throws -> String? {
    guard let raised = detail.flags.first(where: { $0.flag.name == fields["flag"] }) else { return nil }
    try checkMark(Self.mark(raised))
    try requireReason()
    let act = try IntendedAct(
      "report flag", subject: detail.unit.rawValue, by: who, reason: "\(detail.day) \(raised.flag.name): \(reason)")
    _ = try await survey.hub.acting(act) {
      try await survey.settle(flag: raised.flag.name, of: detail.unit, detail.day, by: who, because: reason)
    }
    return query.report(detail.unit, detail.day)
  }

  static func mark(_ report: ReportDetail) -> String {
    mark(
      (["\(report.lastMs ?? 0) \(report.versions.count)"] + report.returns.map { "\($0.id) \($0.turn)" }).joined(separator: "\n"))
  }

  /// Sends a report back, or settles that.
  func report(_ unit: UnitCode, _ reportDay: CalendarDay) async throws -> String? {
    guard let detail = try await survey.reportDetail(unit, reportDay, in: day) else { return nil }
    if fields["do"] == "flag" { return try await flag(of: detail) }
    try checkMark(Self.mark(detail))
    switch fields["do"] {
    case "return":
      let words = fields["words"] ?? ""
      let act = try IntendedAct("report return", subject: unit.rawValue, by: who, reason: "\(reportDay): \(words)", look: ActLook.notices)
      _ = try await survey.hub.acting(act) { try await survey.send([NoticeDraft(unit, words, report: reportDay)], by: who) }
    case "settle":
      guard let notice = detail.returns.first(where: { $0.id == fields["notice"] }) else { return nil }
      let act = try IntendedAct("report settle", subject: unit.rawValue, by: who, reason: "\(reportDay): \(reason)", look: ActLook.notices)
      try await survey.hub.acting(act) { try await survey.settle(notice: notice.id, by: who, because: reason) }
    default: return nil
    }
    return query.report(unit, reportDay)
  }
}
