internal import SurveyKit
internal import SyncKit

/// Texts of `field collect`.
struct CollectWording {
  let language: Language
  /// Code of the form's language that the person reads; nil for the tool's own.
  var tongue: String?

  /// Language in which a form's texts are shown.
  var textLanguage: String { tongue ?? language.rawValue }

  private func shown(_ day: CalendarDay) -> String { Wording(language: language).day(day) }
  private func text(_ vi: String, _ en: String) -> String { language == .vietnamese ? vi : en }

  // MARK: Keys

  var next: String { text("Enter tiếp", "Enter next") }
  var back: String { text("Esc lùi", "Esc back") }
  var readOn: String { text("Enter đọc tiếp", "Enter read on") }
  var clearSearch: String { text("Esc xóa tìm", "Esc clear search") }
  var leave: String { text("Ctrl-C thoát", "Ctrl-C leave") }
  var skip: String { text("Enter bỏ qua", "Enter skip") }
  var nextOrSkip: String { text("Enter tiếp (trống là bỏ qua)", "Enter next (blank skips)") }
  var severalHint: String { text("Có thể chọn nhiều mục.", "Several may be chosen.") }
  var move: String { text("↑↓/số để chọn", "↑↓/number choose") }
  var take: String { text("Enter chọn", "Enter take") }
  var mark: String { text("Space/số đánh dấu", "Space/number marks") }
  var search: String { text("gõ để tìm", "type to search") }
  var unmark: String { text("⌫ bỏ chọn", "⌫ none") }
  var newLine: String { text("Ctrl-J xuống dòng", "Ctrl-J new line") }
  func send(isReport: Bool) -> String { isReport ? text("G ghi báo cáo", "S save the report") : text("G gửi", "S send") }
  var edit: String { text("↑↓ rồi Enter để sửa", "↑↓ then Enter to edit") }
  var begin: String { text("Enter bắt đầu", "Enter begin") }
  var nextPerson: String { text("Enter người tiếp theo", "Enter next person") }
  var finish: String { text("Q kết thúc", "Q finish") }
  var quit: String { text("Q thoát", "Q leave") }

  // MARK: Questions

  var optional: String { text("(không bắt buộc)", "(optional)") }
  var noMatch: String { text("Không có lựa chọn nào khớp.", "No choice matches.") }
  var nothingOffered: String {
    text(
      "Không có lựa chọn nào hợp với các câu trả lời đã cho; Enter để bỏ qua, hoặc lùi để sửa.",
      "No choice goes with the answers given; Enter skips, or go back and change them.")
  }
  var chooseFirst: String { text("Hãy chọn một mục trước.", "Choose one first.") }
  var none: String { text("(không trả lời)", "(not answered)") }
  var searching: String { text("Tìm", "Search") }

  func page(_ number: Int, of total: Int) -> String { text("trang \(number)/\(total) (PgDn/PgUp)", "page \(number)/\(total) (PgDn/PgUp)") }
  func marked(_ count: Int) -> String { text("đã chọn \(count)", "\(count) marked") }

  func fallen(_ labels: [String]) -> String {
    let list = labels.joined(separator: "; ")
    return text("Không còn cần trả lời nên đã bỏ: \(list)", "No longer asked, so dropped: \(list)")
  }

  /// Returns how a kind of answer is written; empty when nothing needs saying.
  func format(_ kind: QuestionKind) -> String {
    switch kind {
    case .date: text("Ngày/tháng/năm, ví dụ 01/04/2024.", "Day/month/year such as 01/04/2024, or 2024-04-01.")
    case .time: text("Giờ:phút, ví dụ 8:30 hoặc 8h30.", "A time such as 8:30.")
    case .dateTime: text("Ngày và giờ, ví dụ 01/04/2024 8:30.", "Day and time, such as 01/04/2024 8:30.")
    case .image:
      text(
        "Đường dẫn tệp ảnh. Báo cáo gửi kèm ảnh đã thu nhỏ và bỏ vị trí; phiếu ẩn danh chỉ ghi tên tệp.",
        "The path of a picture. A report takes it along, reduced and without its position; an anonymous answer records the name only.")
    case .geopoint: text("Vĩ độ và kinh độ, ví dụ 21.2731 106.1946.", "Latitude and longitude, such as 21.2731 106.1946.")
    case .integer, .decimal, .text, .selectOne, .selectMultiple, .rank, .calculate, .note, .hidden: ""
    }
  }

  func noFile(_ path: String) -> String { text("Không có tệp \(path).", "There is no file \(path).") }

  // MARK: Repeats

  func filled(_ count: Int) -> String {
    count == 0 ? text("Chưa có mục nào.", "None yet.") : text("Đã có \(count).", "\(count) so far.")
  }
  var add: String { text("Thêm một mục", "Add one") }
  var addAnother: String { text("Thêm một mục nữa", "Add another") }
  var removeLast: String { text("Bỏ mục cuối", "Remove the last one") }
  var goOn: String { text("Không thêm, đi tiếp", "Go on without") }

  // MARK: Review

  func review(isReport: Bool) -> String {
    isReport ? text("Xem lại trước khi ghi", "Check before filing") : text("Xem lại trước khi gửi", "Check before sending")
  }
  var pressSend: String { text("Bấm G, hoặc chọn một câu để sửa.", "Press S, or choose a question to edit.") }

  // MARK: Line by line

  var lineKeys: String {
    text(
      "Lệnh: < lùi, > giữ nguyên và đi tiếp, ? nhắc lại câu hỏi, - xóa câu trả lời. Enter để trống thì bỏ qua.",
      "Commands: < back, > keep and go on, ? repeat the question, - clear the answer. An empty line skips.")
  }
  var several: String { text("Chọn một hoặc nhiều số, cách nhau bằng dấu cách", "One or more numbers, with spaces between") }
  var order: String {
    text(
      "Viết số của tất cả các mục theo thứ tự, tốt nhất trước, ví dụ 2 1 3",
      "The numbers of all of them in order, the best first, such as 2 1 3")
  }
  var one: String { text("Chọn số hoặc gõ tên", "Number, or part of the name") }
  var continued: String { text("Kết thúc dòng bằng \\ để viết tiếp dòng sau.", "End a line with \\ to go on in the next.") }
  var now: String { text("Đang là", "Now") }
  func more(_ count: Int) -> String {
    text("… và \(count) lựa chọn nữa; gõ một phần của tên để tìm.", "… and \(count) more; type part of the name to search.")
  }
  func matches(_ count: Int) -> String { text("Có \(count) lựa chọn khớp:", "\(count) choices match:") }
  func lineReview(isReport: Bool) -> String {
    "\(send(isReport: isReport)), " + text("số để sửa câu đó, < lùi", "a number to edit that question, < back")
  }
  var lineRepeat: String { text("C thêm, K không, < lùi", "Y add, N go on, < back") }

  // MARK: Notices

  /// Returns the notice for a respondent before the first question of an anonymous form.
  func notice(_ form: Form, campaign: Campaign, unit: String) -> CollectNotice {
    let k = campaign.thresholds.kAnswersMin
    return CollectNotice(
      title: Markup(form.title.text(in: textLanguage, fallback: form.defaultLanguage)).plain,
      paragraphs: [
        text("Đơn vị: \(unit)", "Unit: \(unit)"),
        text("Mục đích: \(campaign.title.vi).", "Purpose: \(campaign.title.en)."),
        text(
          "Ẩn danh: không hỏi tên. Phiếu được mã hóa ngay khi gửi, máy này không mở lại được; chỉ ghi ngày, không ghi giờ.",
          "Anonymous: no name is asked. The answer is encrypted when it is sent, and this device cannot open it again; only the day is kept."
        ),
        text(
          "Ai xem: phiếu của xã chỉ được mở cùng nhau, đã xáo trộn; kết quả là số gộp từ \(k) phiếu trở lên. Tổ công tác và lãnh đạo chỉ biết số phiếu. Ý viết bằng lời do người tổng hợp của tỉnh đọc: xin đừng ghi tên ai.",
          "Who sees it: a commune's answers are opened together only, shuffled; results are totals of \(k) or more. Working group and leaders see only how many answered. The province's analysts read what is written in words: please name nobody."
        ),
        text(
          "Đã gửi thì không xem, sửa hay rút lại được, vì không ai biết phiếu nào của ai.",
          "Once sent it cannot be seen, changed or withdrawn: nobody knows whose it is."),
        text(
          "Trả lời là tự nguyện. Dừng giữa chừng lúc nào cũng được: phần đã trả lời sẽ mất, không ai thấy.",
          "Answering is voluntary. You may stop at any time: what was answered is then gone, and seen by nobody."),
      ],
      keys: [begin, quit])
  }

  /// Returns a sentence about a finished answer or report that could not be stored and waits at the review.
  func notTaken(_ reason: String) -> String {
    text(
      "Chưa nhận được: \(reason) Những gì đã điền còn nguyên; bấm G để thử lại.",
      "Not taken yet: \(reason) What was entered is still here; press S to try again.")
  }

  func dayDoubted(_ doubt: CampaignToday.Doubt) -> String {
    text(
      "Không rõ hôm nay là ngày nào: \(doubt.explanation.vi). Hãy ghi ngày của báo cáo.",
      "Today is not certain: \(doubt.explanation.en). State the day of the report.")
  }

  func received(_ count: Int) -> CollectNotice {
    CollectNotice(
      title: text("Đã nhận, xin cảm ơn!", "Received, thank you!"),
      paragraphs: [
        text(
          "Phiếu được giữ trên máy này, đã mã hóa, và sẽ đi cùng lần field sync tới.",
          "The answer is kept on this device, encrypted, and leaves with the next field sync."),
        text("Đã thu trong lượt này: \(count).", "Collected in this session: \(count)."),
      ],
      keys: [nextPerson, finish])
  }

  func reasonLabel(_ day: CalendarDay) -> String {
    text("Báo cáo ngày \(shown(day)) đã có. Vì sao sửa?", "There is a report of \(shown(day)) already. Why is it changed?")
  }
  var reasonHint: String {
    text(
      "Lý do được lưu cùng báo cáo và gửi về tỉnh. Không ghi tên người.",
      "The reason is kept with the report and goes to the province. Do not name people.")
  }

  var needed: String { text("Câu này cần được trả lời.", "This needs an answer.") }

  func alreadyFiled(_ day: CalendarDay) -> String {
    text("Báo cáo ngày \(shown(day)) đã có; chọn câu cần sửa.", "The report of \(shown(day)) is filed; choose what to correct.")
  }

  // MARK: After the window is gone

  func taken(_ count: Int) -> LocalizedText {
    LocalizedText(
      vi: "Đã thu \(count) phiếu, giữ trên máy này; gửi bằng field sync khi có mạng.",
      en: "Collected \(count), kept on this device; send with field sync when there is a network.")
  }

  var dropped: LocalizedText {
    LocalizedText(
      vi: "Đã dừng. Phiếu đang trả lời dở chỉ ở trong bộ nhớ và đã mất; không có gì được ghi trên máy.",
      en: "Stopped. The unfinished answer was only in memory and is gone; nothing of it was written on this device.")
  }

  var reportDropped: LocalizedText {
    LocalizedText(
      vi: "Đã dừng. Báo cáo chưa được lưu; báo cáo đã có (nếu có) không đổi.",
      en: "Stopped. The report was not saved; one that was filed before is unchanged.")
  }
}
