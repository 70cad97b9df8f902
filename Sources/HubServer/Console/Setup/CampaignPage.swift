internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of the campaign's definition: as it stands, what a change would make different, and the change itself.
struct CampaignPage {
  let parts: ConsoleParts
  let forms: ActForms
  /// Says in sentences what would differ; nil before a person asked.
  var changes: [LocalizedText]?
  /// Fault of the text that was typed; nil without one.
  var fault: LocalizedText?
  /// Texts typed so far, by the names of the fields.
  var typed: [String: String] = [:]

  private var words: Wording { parts.words }
  private var campaign: Campaign { parts.day.campaign }

  var title: String { words.text("Nội dung cuộc khảo sát", "The campaign's definition") }

  /// Characters of one of the two texts, at most.
  private static let textLengthMax = 200_000

  func content() throws -> HTML {
    let standing = try campaign.definition()
    let about = words.text(
      "Tên, giờ, ngày báo cáo, ngưỡng công bố và các biểu mẫu, như tệp campaign.json. Đơn vị mới hoặc đổi tên: hub campaign load.",
      "Title, times, report days, thresholds and forms, as the file campaign.json has them. New units, or other names: hub campaign load.")
    let crumbs: HTML =
      "<p class=\"crumbs\"><a href=\"\(parts.query.link("/setup"))\">\(words.text("Thiết lập", "Setup"))</a></p>\n<h1>\(title)</h1>\n<p>\(about)</p>\n"
    // The definition is that of every unit.
    guard let token = forms.formToken(.configure), parts.day.scope.isAll else {
      return crumbs + "<pre tabindex=\"0\">\(standing)</pre>\n"
    }
    let confirm: HTML? =
      changes?.isEmpty == false
      ? "<button class=\"primary\" name=\"do\" value=\"change\">\(words.text("Đổi như trên", "Change that"))</button> " : nil
    return crumbs + """
      \(said)<form class="act" method="post" action="\(parts.query.link("/campaign"))">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(standing))">
      <label for="definition">\(Campaign.file)</label><textarea id="definition" name="definition" rows="20" required spellcheck="false" maxlength="\(Self.textLengthMax)">\(typed["definition"] ?? standing)</textarea>
      <label for="headcount">\(words.text("headcount.csv: dán cả tệp để đổi số người; để trống thì giữ nguyên", "headcount.csv: paste the whole file to change headcounts; blank leaves them"))</label><textarea id="headcount" name="headcount" rows="4" spellcheck="false" maxlength="\(Self.textLengthMax)">\(typed["headcount"] ?? "")</textarea>
      <label for="why-campaign">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="why-campaign" name="reason" required maxlength="300" value="\(typed["reason"] ?? "")">
      <p>\(confirm)<button name="do" value="preview" formnovalidate>\(words.text("Xem sẽ đổi gì", "Look at what changes"))</button></p>
      <p class="quiet">\(words.text("Hoàn tác bằng cách ghi lại nội dung cũ: chép nó ra trước. Các máy nhận nội dung mới khi đồng bộ.", "Undone by writing the former text: copy it first. Devices get the new one with their next sync."))</p></form>

      """
  }

  private var said: HTML? {
    if let fault { return "<p class=\"said bad\" role=\"alert\">\(fault(words.language))</p>\n" }
    guard let changes else { return nil }
    return ChangeList(words: words).html(changes)
  }
}

/// Sentences about what a change would make different.
struct ChangeList {
  let words: Wording

  func html(_ changes: [LocalizedText]) -> HTML {
    guard !changes.isEmpty else {
      return
        "<p class=\"said\" role=\"status\">\(words.text("Đã đúng như vậy; không đổi gì.", "It stands so already; nothing changes."))</p>\n"
    }
    let items: [HTML] = changes.map { "<li>\($0(words.language))</li>\n" }
    return "<div class=\"said\" role=\"status\"><p>\(words.text("Sẽ đổi:", "This changes:"))</p><ul>\n\(items)</ul></div>\n"
  }
}

extension ConsoleActs {
  /// Refuses what concerns every unit to somebody who looks after a part.
  func requireWhole() throws {
    guard day.scope.isAll else {
      throw SyncError(
        .badRequest, vi: "Đây là việc của mọi đơn vị; bạn chỉ phụ trách một phần.",
        en: "This concerns every unit; yours is a part only.")
    }
  }

  /// Changes the campaign's definition, or says what would change.
  ///
  /// - Returns: The page that shows it; nil where it was done.
  func changeCampaign(_ forms: ActForms) async throws -> (page: CampaignPage, isFaulty: Bool)? {
    try requireWhole()
    var page = CampaignPage(parts: forms.parts, forms: forms)
    page.typed = Dictionary(fields.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    let campaign = try await survey.about(campaign: day.campaign.id)
    let headcount = (fields["headcount"] ?? "").allSatisfy(\.isWhitespace) ? nil : fields["headcount"]
    let revision: CampaignRevision
    do {
      revision = try await campaign.revision(definition: fields["definition"] ?? "", headcount: headcount)
    } catch let problems as DataProblems {
      page.fault = problems.explanation
      return (page, true)
    }
    guard fields["do"] == "change" else {
      page.changes = revision.changes
      return (page, false)
    }
    try checkMark(Self.mark(try day.campaign.definition()))
    try requireReason()
    let act = try IntendedAct(stated: "campaign change", subject: day.campaign.id, by: who, reason: reason, look: ActLook.campaigns)
    try await survey.hub.acting(act) { try await campaign.make(revision) }
    return nil
  }
}
