internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Page of the campaign's forms: their editions, a new edition that is looked at and published, and their end.
struct FormsPage {
  /// A file that was read, and what publishing it would change.
  struct Looked {
    var name: String
    /// Bytes of the file, as the confirming form carries them.
    var base64: String
    var reading: FormReading
    var publication: FormPublication
  }

  /// A step that somebody asks about before it is made.
  struct Step {
    var form: String
    var state: FormState
    /// Answers that lie sealed at the hub.
    var waiting: Int
  }

  let parts: ConsoleParts
  let forms: ActForms
  let editions: [HubPlan.FormRecord]
  /// Titles of forms, by their ids.
  var titles: [String: String] = [:]
  var looked: Looked?
  var step: Step?
  /// Faults of the file that was sent, all of them.
  var faults: [LocalizedText] = []
  /// Sentences about the act that was just carried out.
  var done: [LocalizedText] = []

  private var words: Wording { parts.words }
  private var campaign: Campaign { parts.day.campaign }
  private var action: String { parts.query.link("/forms") }

  var title: String { words.text("Biểu mẫu", "Forms") }

  /// A file that is published here, at most, in bytes.
  static let fileBytesMax = 3 << 20
  /// Mistakes of a file that are listed.
  private static let faultsMax = 50

  var content: HTML {
    let ids = campaign.forms + [campaign.reportForm]
    let sections: [HTML] = ids.map(section)
    return """
      <p class="crumbs"><a href="\(parts.query.link("/setup"))">\(words.text("Thiết lập", "Setup"))</a></p>
      <h1>\(title) <b>\(words.number(ids.count))</b></h1>
      \(told)\(lookedAt)\(asked)\(sections)\(upload)
      """
  }

  private var told: HTML? {
    let lines: [HTML] = done.map { "<li>\($0(words.language))</li>\n" }
    let said: HTML? = lines.isEmpty ? nil : "<ul class=\"said\" role=\"status\">\n\(lines)</ul>\n"
    let wrong: [HTML] = faults.prefix(Self.faultsMax).map { "<li>\($0(words.language))</li>\n" }
    let more: HTML? = faults.count > Self.faultsMax ? "<li>… \(words.number(faults.count - Self.faultsMax))</li>\n" : nil
    let bad: HTML? =
      wrong.isEmpty
      ? nil
      : "<div class=\"said bad\" role=\"alert\"><p>\(words.text("Chưa xuất bản gì. Cần sửa:", "Nothing was published. To be mended:"))</p><ul>\n\(wrong)\(more)</ul></div>\n"
    return "\(said)\(bad)"
  }

  // MARK: What there is

  private func section(_ id: String) -> HTML {
    let own = editions.filter { $0.form == id }.sorted { ($0.version.count, $0.version) > ($1.version.count, $1.version) }
    let items: [HTML] = own.map { "<li><b>\($0.version)</b> \(words.formState($0.state))</li>\n" }
    let use = id == campaign.reportForm ? words.text("báo cáo ngày", "daily report") : words.text("phiếu ẩn danh", "anonymous answers")
    return
      "<h2>\(titles[id] ?? id) <small>\(use), \(id)</small></h2>\n<ul class=\"strip\">\n\(items)</ul>\n\(own.first.flatMap { steps(id, FormState(rawValue: $0.state) ?? .open) })"
  }

  private func steps(_ id: String, _ state: FormState) -> HTML? {
    guard let token = forms.formToken(.configure), parts.day.scope.isAll, state != .closed else { return nil }
    let closing: HTML? =
      state == .open ? "<button name=\"do\" value=\"look-closing\">\(words.text("Thôi hỏi…", "Ask no more…"))</button> " : nil
    return
      "<form method=\"post\" enctype=\"\(UploadBody.contentType)\" action=\"\(action)\">\(token)<input type=\"hidden\" name=\"id\" value=\"\(id)\"><p>\(closing)<button name=\"do\" value=\"look-closed\">\(words.text("Đóng \(id)…", "Close \(id)…"))</button></p></form>\n"
  }

  private func confirm(_ fields: HTML, _ id: String, _ value: String, _ button: String, undo: String) -> HTML? {
    guard let token = forms.formToken(.configure) else { return nil }
    return """
      <form class="act" method="post" enctype="\(UploadBody.contentType)" action="\(action)">\(token)<input type="hidden" name="mark" value="\(ConsoleActs.mark(editions))">\(fields)
      <label for="\(id)">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="\(id)" name="reason" required maxlength="300">
      <p><button class="primary" name="do" value="\(value)">\(button)</button> <span class="quiet">\(undo)</span></p></form>

      """
  }

  // MARK: The end of a form

  private var asked: HTML? {
    guard let step else { return nil }
    let id = step.form
    let effects: [LocalizedText] =
      step.state == .closing
      ? [
        LocalizedText(
          vi: "Không ai được hỏi \(id) nữa; phiếu đang trên đường vẫn được nhận và tính.",
          en: "Nobody is asked \(id) any more; answers on their way are still taken and counted.")
      ]
      : [
        LocalizedText(
          vi: "\(id) đóng hẳn: không nhận phiếu mới, kết quả cuối được công bố.",
          en: "\(id) closes for good: no more answers are taken, and its last results come out."),
        LocalizedText(
          vi: "\(step.waiting) phiếu đang niêm phong ở máy chủ: mở những phiếu đủ người để không lộ ai, còn lại để nguyên.",
          en: "\(step.waiting) answers lie sealed at the hub: those behind which enough people stand are opened, the others stay."),
      ]
    let button =
      step.state == .closing ? words.text("Thôi hỏi \(id)", "Ask \(id) no more") : words.text("Đóng \(id)", "Close \(id)")
    let undo = words.text("Không hoàn tác được; hỏi lại bằng một phiên bản mới.", "Cannot be undone; a new version asks again.")
    return
      "\(ChangeList(words: words).html(effects))\(confirm("<input type=\"hidden\" name=\"id\" value=\"\(id)\">", "why-step", step.state.rawValue, button, undo: undo))"
  }

  // MARK: A new edition

  private var lookedAt: HTML? {
    guard let looked else { return nil }
    let (form, publication) = (looked.reading.form, looked.publication)
    let summary = FormSummary(form)
    var sentences = [
      LocalizedText(
        vi:
          "\(form.id) phiên bản \(form.version): \(summary.questions) câu hỏi, \(summary.required) bắt buộc; ngôn ngữ \(summary.languages.joined(separator: ", ")).",
        en:
          "\(form.id) version \(form.version): \(summary.questions) questions, \(summary.required) required; languages \(summary.languages.joined(separator: ", "))."
      )
    ]
    if publication.isAdded {
      sentences.append(
        LocalizedText(vi: "Biểu mẫu mới: cuộc khảo sát hỏi thêm \(form.id).", en: "A new form: the campaign asks \(form.id) as well."))
    }
    if !publication.closing.isEmpty {
      let list = publication.closing.joined(separator: ", ")
      sentences.append(LocalizedText(vi: "Bản cũ bắt đầu đóng: \(list).", en: "Older versions begin to close: \(list)."))
    }
    let remarks =
      looked.reading.remarks + publication.coarser + (looked.reading.missingFilesRemark.map { [$0] } ?? [])
      + (summary.warning(expectedAnswers: parts.day.units.reduce(0) { $0 + ($1.target ?? 0) }).map { [$0] } ?? [])
    let notes: [HTML] = remarks.map { "<li>\($0(words.language))</li>\n" }
    let warned: HTML? = notes.isEmpty ? nil : "<ul class=\"log\">\n\(notes)</ul>\n"
    guard !publication.isUnchanged else { return "\(ChangeList(words: words).html([]))\(warned)" }
    let fields: HTML =
      "<input type=\"hidden\" name=\"file-name\" value=\"\(looked.name)\"><input type=\"hidden\" name=\"file\" value=\"\(looked.base64)\">"
    let button = words.text("Xuất bản \(form.id) \(form.version)", "Publish \(form.id) \(form.version)")
    let undo = words.text(
      "Không thu lại được; sửa bằng một phiên bản mới hơn. Câu trả lời cũ giữ nguyên nghĩa.",
      "Cannot be taken back; corrected by a newer version. Earlier answers keep their meaning.")
    return
      "\(ChangeList(words: words).html(sentences + publication.changes))\(warned)\(confirm(fields, "why-publish", "publish", button, undo: undo))"
  }

  private var upload: HTML? {
    guard let token = forms.formToken(.configure), parts.day.scope.isAll else { return nil }
    return """
      <h2>\(words.text("Biểu mẫu hoặc phiên bản mới", "A new form, or a new version"))</h2>
      <form class="act" method="post" enctype="\(UploadBody.contentType)" action="\(action)">\(token)
      <label for="file">\(words.text("Tệp .xlsx (XLSForm) hoặc .xml (XForm), tối đa \(Self.fileBytesMax >> 20) MB", "A file .xlsx (XLSForm) or .xml (XForm) of \(Self.fileBytesMax >> 20) MB at most"))</label><input type="file" id="file" name="file" required accept=".xlsx,.xml">
      <p><button name="do" value="look">\(words.text("Đọc thử, xem sẽ đổi gì", "Read it, and look at what changes"))</button></p></form>

      """
  }
}

extension ConsoleActs {
  static func mark(_ editions: [HubPlan.FormRecord]) -> String {
    mark(editions.map { "\($0.key) \($0.state)" }.sorted().joined(separator: "\n"))
  }

  /// Publishes an edition or closes a form, after a look at what that changes.
  ///
  /// - Returns: The page that shows it; nil where nothing is asked.
  func forms(_ forms: ActForms) async throws -> (page: FormsPage, isFaulty: Bool)? {
    try requireWhole()
    let campaign = try await survey.about(campaign: day.campaign.id)
    var page = FormsPage(parts: forms.parts, forms: forms, editions: try await campaign.requirePlan().forms)
    switch fields["do"] {
    case "look", "publish":
      do {
        let looked = try await read(campaign)
        guard fields["do"] == "publish" else {
          page.looked = looked
          return (page, false)
        }
        try checkMark(Self.mark(page.editions))
        try requireReason()
        page.done = try await publish(looked.reading.form, campaign)
      } catch let problems as FormProblems {
        page.faults = problems.problems.map(\.explanation)
        return (page, true)
      } catch let problems as DataProblems {
        page.faults = problems.problems.map(\.explanation)
        return (page, true)
      }
    case "look-closing", "look-closed":
      guard let (id, state) = step(page.editions) else { return nil }
      page.step = FormsPage.Step(form: id, state: state, waiting: try await campaign.status().packetsWaiting)
      return (page, false)
    case "closing", "closed":
      guard let (id, state) = step(page.editions) else { return nil }
      try checkMark(Self.mark(page.editions))
      try requireReason()
      let kind = state == .closed ? "close" : "forms state"
      let act = try IntendedAct(stated: kind, subject: id, by: who, reason: reason, look: ActLook.forms)
      let closing = try await survey.hub.acting(act) { try await campaign.move(form: id, to: state) }
      page.done = Self.said(closing)
    default: return nil
    }
    return (
      FormsPage(parts: forms.parts, forms: forms, editions: try await campaign.requirePlan().forms, done: page.done), false
    )
  }

  private func step(_ editions: [HubPlan.FormRecord]) -> (id: String, state: FormState)? {
    let word = (fields["do"] ?? "").replacing("look-", with: "")
    guard let id = fields["id"], editions.contains(where: { $0.form == id }), let state = FormState(rawValue: word) else { return nil }
    let asked = day.campaign.forms + [day.campaign.reportForm]
    return asked.contains(id) ? (id, state) : nil
  }

  /// Reads the file that was sent, and says what publishing it would change.
  private func read(_ campaign: SurveyHub) async throws -> FormsPage.Looked {
    let base64 = fields["file"] ?? ""
    guard let data = Data(base64Encoded: base64), !data.isEmpty else {
      throw SyncError(.badRequest, vi: "Chưa chọn tệp nào.", en: "No file was chosen.")
    }
    guard data.count <= FormsPage.fileBytesMax else {
      throw SyncError(
        .badRequest, vi: "Tệp lớn hơn \(FormsPage.fileBytesMax >> 20) MB.",
        en: "The file is larger than \(FormsPage.fileBytesMax >> 20) MB.")
    }
    let name = fields["file-name"] ?? ""
    let reading = try FormFile.reading(data, named: name)
    let publication = try await campaign.publish(reading.form, isAdded: true, isDryRun: true)
    return FormsPage.Looked(name: name, base64: base64, reading: reading, publication: publication)
  }

  private func publish(_ form: Form, _ campaign: SurveyHub) async throws -> [LocalizedText] {
    let act = try IntendedAct(stated: "forms publish", subject: "\(form.id)@\(form.version)", by: who, reason: reason, look: ActLook.forms)
    let done = try await survey.hub.acting(act) { try await campaign.publish(form, isAdded: true) }
    var said = [
      LocalizedText(
        vi: "Đã xuất bản \(form.id) phiên bản \(form.version).", en: "Published \(form.id) version \(form.version).")
    ]
    if done.hasNewKey {
      said.append(
        LocalizedText(
          vi: "Biểu mẫu có khóa phiếu mới: trên máy chủ in lại tờ khôi phục bằng hub keys sheet.",
          en: "The form has a drop key of its own: print the recovery sheet again on the hub's machine with hub keys sheet."))
    }
    return said
  }

  private static func said(_ closing: FormClosing) -> [LocalizedText] {
    guard closing.state == .closed else {
      return [LocalizedText(vi: "\(closing.form) không được hỏi nữa.", en: "\(closing.form) is asked no more.")]
    }
    var said = [
      LocalizedText(
        vi: "Đã đóng \(closing.form); mở thêm \(closing.releasedNow) phiếu.",
        en: "Closed \(closing.form); released \(closing.releasedNow) more answers.")
    ]
    if closing.waiting > 0 {
      said.append(
        LocalizedText(
          vi: "\(closing.waiting) phiếu để nguyên niêm phong: dưới \(closing.kAnswersMin) người, hoặc của biểu mẫu còn mở.",
          en: "\(closing.waiting) answers stay sealed: fewer than \(closing.kAnswersMin) people, or of a form that is open."))
    }
    if closing.held > 0 {
      said.append(
        LocalizedText(
          vi: "\(closing.held) phiếu giữ lại: không hợp với bản nào máy chủ biết; xem hub close.",
          en: "\(closing.held) answers are held: they fit no edition that the hub knows; see hub close."))
    }
    return said
  }
}
