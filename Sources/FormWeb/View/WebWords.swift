internal import SurveyKit
internal import SyncHub

/// The pages' own words, each in both languages.
enum WebWords {
  static let skip = LocalizedText(vi: "Đến nội dung", en: "Skip to content")
  static let title = LocalizedText(vi: "Phiếu khảo sát", en: "Questionnaire")
  /// The name of a language, in that language.
  static let languageName = LocalizedText(vi: "Tiếng Việt", en: "English")
  static let start = LocalizedText(vi: "Bắt đầu", en: "Start")
  static let next = LocalizedText(vi: "Tiếp tục", en: "Continue")
  static let back = LocalizedText(vi: "Quay lại", en: "Back")
  static let again = LocalizedText(vi: "Thử lại", en: "Try again")
  static let send = LocalizedText(vi: "Gửi phiếu", en: "Send")
  static let edit = LocalizedText(vi: "Sửa", en: "Change")
  static let optional = LocalizedText(vi: "không bắt buộc", en: "optional")
  static let blank = LocalizedText(vi: "(bỏ trống)", en: "(left blank)")
  static let noAnswer = LocalizedText(vi: "Bỏ trống câu này", en: "Leave this blank")
  static let choose = LocalizedText(vi: "Chọn một mục", en: "Choose one")
  static let several = LocalizedText(vi: "Có thể chọn nhiều ý.", en: "More than one can be chosen.")
  static let remove = LocalizedText(vi: "Bỏ mục này", en: "Remove this one")
  static let wrong = LocalizedText(vi: "Cần xem lại", en: "Please look again")
  static let more = LocalizedText(vi: "Có thêm câu hỏi theo câu trả lời của anh/chị", en: "Your answers lead to more questions")
  static let added = LocalizedText(vi: "Đã thêm một mục", en: "One was added")
  static let tooLong = LocalizedText(
    vi: "Các câu trả lời dài quá mức nhận được; hãy rút ngắn rồi tiếp tục.",
    en: "The answers are longer than can be taken; shorten them to go on.")
  static let review = LocalizedText(vi: "Xem lại trước khi gửi", en: "Check before sending")
  static let reviewLead = LocalizedText(
    vi: "Gửi rồi thì không xem lại, sửa hay rút lại được.", en: "Once sent, it cannot be seen, changed or withdrawn.")
  static let reviewWrong = LocalizedText(
    vi: "Chưa gửi được: có câu cần trả lời hoặc sửa lại.", en: "It cannot be sent yet: something must be answered or corrected.")
  /// What was sent and not taken stays on the page, with the reason.
  static func notTaken(_ reason: LocalizedText) -> LocalizedText {
    LocalizedText(
      vi: "Chưa nhận được phiếu: \(reason.vi) Những gì đã điền còn nguyên ở trang này; bấm gửi lại để thử, phiếu không bị tính hai lần.",
      en: "The answer was not taken: \(reason.en) What you entered is still on this page; press Send to try again, it does not count twice."
    )
  }
  /// Why the hub took nothing. In the respondent's words: an operator's would name the hub's files to strangers.
  static func reason(_ error: any Error) -> LocalizedText {
    switch (error as? SyncError)?.code {
    case .diskFull?:
      LocalizedText(
        vi: "đĩa của máy chủ đã đầy hoặc không ghi được; người phụ trách ở tỉnh cần được báo.",
        en: "the hub's disk is full or cannot be written; the person in charge at the province must be told.")
    case .noRoom?:
      LocalizedText(
        vi: "máy chủ không còn chỗ cho phiếu của đơn vị này; người phụ trách ở tỉnh cần được báo.",
        en: "the hub has no room for more answers of this unit; the person in charge at the province must be told.")
    case .busy?, .storeBusy?: LocalizedText(vi: "máy chủ đang bận.", en: "the hub is busy.")
    default: LocalizedText(vi: "máy chủ gặp lỗi.", en: "the hub has a problem.")
    }
  }
  static let received = LocalizedText(vi: "Đã nhận phiếu", en: "Your answer was received")
  static let thanks = LocalizedText(
    vi: "Cảm ơn anh/chị. Phiếu đã được mã hóa và cất giữ; trang này không còn giữ nội dung nào.",
    en: "Thank you. Your answer was encrypted and kept; this page holds nothing of it any more.")
  static let closePage = LocalizedText(
    vi: "Hãy đóng trang (thẻ) này, nhất là khi dùng chung điện thoại hoặc máy tính.",
    en: "Please close this tab, above all on a shared phone or computer.")

  static func step(_ number: Int, of total: Int) -> LocalizedText {
    LocalizedText(vi: "Phần \(number) trên \(total)", en: "Part \(number) of \(total)")
  }

  static func length(pages: Int, questions: Int) -> LocalizedText {
    LocalizedText(
      vi: "Phiếu có \(pages) phần, nhiều nhất \(questions) câu; câu không hợp với anh/chị sẽ được bỏ qua.",
      en: "There are \(pages) parts and at most \(questions) questions; those that do not concern you are skipped.")
  }

  static func add(_ label: String?) -> LocalizedText {
    LocalizedText(vi: "Thêm một mục" + (label.map { ": \($0)" } ?? ""), en: "Add one" + (label.map { ": \($0)" } ?? ""))
  }

  static func instance(_ label: String?, _ number: Int) -> LocalizedText {
    LocalizedText(vi: "\(label ?? "Mục") \(number)", en: "\(label ?? "Entry") \(number)")
  }

  static func day(_ day: CalendarDay) -> LocalizedText {
    LocalizedText(vi: day.description.split(separator: "-").reversed().joined(separator: "/"), en: day.description)
  }

  /// What a respondent must know before the first question.
  static func notice(answersMin: Int) -> [(heading: LocalizedText, text: LocalizedText)] {
    [
      (
        LocalizedText(vi: "Để làm gì", en: "What for"),
        LocalizedText(
          vi: "Lấy ý kiến để tỉnh và xã biết việc nào đã tốt, việc nào cần sửa. Trả lời là tự nguyện.",
          en: "To learn what works and what must improve, in the commune and the province. Answering is voluntary.")
      ),
      (
        LocalizedText(vi: "Ẩn danh", en: "Anonymous"),
        LocalizedText(
          vi:
            "Phiếu không hỏi tên và không ghi lại máy, địa chỉ hay giờ gửi. Câu trả lời được mã hóa ngay khi gửi. Ai quản lý mạng vẫn có thể biết máy này đã mở trang.",
          en:
            "No name is asked; neither device, address nor time is recorded. Answers are encrypted as soon as they are sent. Whoever runs the network can still see that this page was opened."
        )
      ),
      (
        LocalizedText(vi: "Ai xem được gì", en: "Who sees what"),
        LocalizedText(
          vi:
            "Phiếu của một xã chỉ được mở cùng nhau, đã xáo trộn. Kết quả là số tổng hợp, và chỉ hiện khi có từ \(answersMin) phiếu. Lãnh đạo xã chỉ thấy số phiếu đã nhận. Người tổng hợp của tỉnh đọc các ý kiến viết bằng lời: xin đừng ghi tên ai.",
          en:
            "Answers of a commune are opened together only, shuffled. Results are totals, shown from \(answersMin) answers up. The commune’s leaders see only how many answered. The province’s analysts read what is written in words: please name nobody."
        )
      ),
      (
        LocalizedText(vi: "Không rút lại được", en: "Cannot be withdrawn"),
        LocalizedText(
          vi: "Vì không ai biết phiếu nào của ai, phiếu đã gửi không xem, sửa hay rút lại được.",
          en: "As nobody knows whose answer is whose, a sent answer cannot be seen, changed or withdrawn.")
      ),
    ]
  }
}
