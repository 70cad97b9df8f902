internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of the campaign's days: what stands, what a change would make of them, and the change itself.
struct SetupPage {
  let parts: ConsoleParts
  let forms: ActForms
  /// Says in sentences how a change would differ; nil before a person asked.
  var changes: [LocalizedText]?
  /// Texts typed so far, by the names of the fields.
  var typed: [String: String] = [:]

  private var words: Wording { parts.words }
  private var campaign: Campaign { parts.day.campaign }

  var title: String { words.text("Thiết lập", "Setup") }

  var content: HTML {
    let days = campaign.reportDays.map(words.shortDay).joined(separator: ", ")
    let grace = words.length(ms: Int64(campaign.graceMinutes) * 60_000)
    let facts: [(String, HTML)] = [
      (words.text("Mở", "Opens"), "\(words.time(campaign.opens))"), (words.text("Đóng", "Closes"), "\(words.time(campaign.closes))"),
      (
        words.text("Nhận muộn", "Late answers"),
        "\(words.text("thêm \(grace)", "\(grace) more"))"
      ),
      (words.text("Ngày báo cáo", "Report days"), "\(days)"),
    ]
    return """
      <h1>\(title)</h1>
      <h2>\(campaign.title(words.language))</h2>
      \(UnitPage.list(facts))<ul class="todo">
      \(ways)</ul>
      \(extended)\(form)
      """
  }

  /// Leads to the pages on which the campaign, its people and its devices are set up, of those that whoever looks may open.
  private var ways: HTML {
    let all: [(path: String, said: String)] = [
      (
        "/campaign",
        words.text(
          "Nội dung cuộc khảo sát: tên, báo cáo, ngưỡng, số người", "The campaign's definition: title, reports, thresholds, headcounts")
      ), ("/forms", words.text("Biểu mẫu: xuất bản, đóng", "Forms: publish, close")),
      ("/devices", words.text("Máy: tìm, đặt tên, thu hồi", "Devices: find, name, revoke")),
      ("/codes", words.text("Mã QR: áp phích và thẻ để in", "QR codes: posters and cards to print")),
      ("/contacts", words.text("Danh bạ: ai để gọi ở mỗi đơn vị", "Contacts: whom to call in each unit")),
      ("/people", words.text("Người dùng và quyền", "People and their rights")),
      ("/tags", words.text("Nhãn của các đơn vị", "Tags of units")),
    ]
    let items: [HTML] = all.filter { ConsoleDoor.to($0.path, isPost: false).opens(to: forms.visitor.person) }.map {
      "<li><a href=\"\(parts.query.link($0.path))\">\($0.said)</a></li>\n"
    }
    return "\(items)"
  }

  /// Units that end later than the others.
  private var extended: HTML? {
    let lines = parts.day.units.filter { $0.closes != nil }
    guard !lines.isEmpty else { return nil }
    let items: [HTML] = lines.prefix(Self.extendedMax).map { line in
      let closes = line.closes.map(words.time) ?? ""
      return "<li><a href=\"\(parts.query.unit(line.unit))\"><small>\(line.unit.rawValue)</small> \(line.name)</a>: \(closes)</li>\n"
    }
    return
      "<h3>\(words.text("Đơn vị được gia hạn riêng", "Units with more time")) <b>\(words.number(lines.count))</b></h3>\n<ul class=\"log\">\n\(items)</ul>\n"
  }

  /// Units with more time that are listed.
  private static let extendedMax = 100

  private var form: HTML? {
    // The days are those of every unit.
    guard let token = forms.formToken(.configure), parts.day.scope.isAll else { return nil }
    func value(_ name: String, _ standing: String) -> String { typed[name] ?? standing }
    let said: HTML? = changes.map { ChangeList(words: words).html($0) }
    let confirm: HTML? =
      changes?.isEmpty == false
      ? "<button class=\"primary\" name=\"do\" value=\"change\">\(words.text("Đổi lịch", "Change the days"))</button> " : nil
    return """
      <form class="act" method="post" action="\(parts.query.link("/setup"))">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(window: campaign))">
      <h2>\(words.text("Đổi lịch khảo sát", "Change the survey's days"))</h2>
      \(said)<label for="opens">\(words.text("Mở (NĂM-THÁNG-NGÀY GIỜ:PHÚT)", "Opens (YYYY-MM-DD HH:MM)"))</label><input type="text" id="opens" name="opens" required maxlength="16" value="\(value("opens", campaign.opens.description))">
      <label for="closes">\(words.text("Đóng", "Closes"))</label><input type="text" id="closes" name="closes" required maxlength="16" value="\(value("closes", campaign.closes.description))">
      <label for="grace">\(words.text("Số phút nhận muộn", "Minutes for late answers"))</label><input type="number" id="grace" name="grace" min="0" max="\(Campaign.graceMinutesMax)" required value="\(value("grace", "\(campaign.graceMinutes)"))">
      <label for="added">\(words.text("Thêm ngày báo cáo, cách nhau bằng dấu phẩy", "Report days more, with commas between"))</label><input type="text" id="added" name="added" maxlength="300" value="\(value("added", ""))">
      <label for="why-window">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="why-window" name="reason" required maxlength="300" value="\(value("reason", ""))">
      <p>\(confirm)<button name="do" value="preview" formnovalidate>\(words.text("Xem sẽ đổi gì", "Look at what changes"))</button></p>
      <p class="quiet">\(words.text("Hoàn tác bằng cách ghi lại giờ cũ; ngày báo cáo đã thêm thì không bỏ được. Mã QR in trước đây vẫn dùng được, máy nhận lịch mới khi đồng bộ.", "Undone by writing the former times; a report day that was added stays. QR codes printed before go on working; devices get the new days with their next sync."))</p></form>

      """
  }
}

extension ConsoleActs {
  static func mark(window campaign: Campaign) -> String {
    mark(
      "\(campaign.id) \(campaign.opens) \(campaign.closes) \(campaign.graceMinutes) \(campaign.reportDays.map(\.description).joined(separator: " "))"
    )
  }

  /// Time that somebody typed.
  ///
  /// - Throws: A sentence where it is none.
  func time(_ name: String) throws -> LocalTime {
    guard let time = LocalTime((fields[name] ?? "").replacing("T", with: " ")) else {
      throw SyncError(
        .badRequest, vi: "“\(fields[name] ?? "")” không phải là ngày giờ; viết như 2025-04-01 07:00.",
        en: "“\(fields[name] ?? "")” is no day and time; write it as 2025-04-01 07:00.")
    }
    return time
  }

  /// The days that somebody typed.
  ///
  /// - Throws: A sentence that says which of them is none.
  private func window() throws -> CampaignWindow {
    guard let grace = Int(fields["grace"] ?? ""), (0...Campaign.graceMinutesMax).contains(grace) else {
      throw SyncError(
        .badRequest, vi: "Số phút nhận muộn phải từ 0 đến \(Campaign.graceMinutesMax).",
        en: "The minutes for late answers must be 0 to \(Campaign.graceMinutesMax).")
    }
    let added = try (fields["added"] ?? "").split(whereSeparator: { $0 == "," || $0.isWhitespace }).map { text in
      guard let day = CalendarDay(String(text)) else {
        throw SyncError(
          .badRequest, vi: "“\(text)” không phải là ngày; viết như 2025-04-01.", en: "“\(text)” is no day; write it as 2025-04-01.")
      }
      return day
    }
    return CampaignWindow(opens: try time("opens"), closes: try time("closes"), graceMinutes: grace, reportDaysAdded: added)
  }

  /// Changes the days of the campaign, or says what would change.
  ///
  /// - Returns: What would change; nil where it was done.
  func setUpDays() async throws -> [LocalizedText]? {
    try requireWhole()
    let window = try window()
    guard fields["do"] == "change" else { return try await survey.change(window: window, isDryRun: true) }
    try checkMark(Self.mark(window: day.campaign))
    try requireReason()
    let act = try IntendedAct(stated: "campaign window", subject: day.campaign.id, by: who, reason: reason, look: ActLook.campaigns)
    _ = try await survey.hub.acting(act) { try await survey.about(campaign: day.campaign.id).change(window: window) }
    return nil
  }
}
