internal import SurveyKit
internal import SyncHub

/// A page that says one thing: what happened, and what to do. Shown in both languages, as the reader may not have chosen one yet.
struct WebMessage: Sendable {
  var title: LocalizedText
  var text: LocalizedText

  static let badLink = WebMessage(
    title: LocalizedText(vi: "Đường dẫn không đúng", en: "This link is not right"),
    text: LocalizedText(
      vi: "Đường dẫn bị thiếu hoặc sai chữ. Hãy quét lại mã QR, hoặc hỏi người phụ trách ở xã.",
      en: "The link is incomplete or has a wrong letter. Scan the QR code again, or ask the person in charge at your commune."))
  static let foreignLink = WebMessage(
    title: LocalizedText(vi: "Mã của nơi khác", en: "A code from elsewhere"),
    text: LocalizedText(
      vi: "Máy chủ này không cấp mã QR này. Hãy hỏi người phụ trách ở xã để lấy mã đúng.",
      en: "This hub did not issue this QR code. Ask the person in charge at your commune for the right one."))
  static let otherCampaign = WebMessage(
    title: LocalizedText(vi: "Mã của cuộc khảo sát khác", en: "A code of another survey"),
    text: LocalizedText(
      vi: "Mã QR này thuộc một cuộc khảo sát khác. Hãy dùng mã của cuộc khảo sát này.",
      en: "This QR code belongs to another survey. Use the code of the present one."))
  static let expired = WebMessage(
    title: LocalizedText(vi: "Mã đã hết hạn", en: "The code has expired"),
    text: LocalizedText(
      vi: "Mã QR này không còn dùng được. Hãy hỏi người phụ trách ở xã để lấy mã mới.",
      en: "This QR code is no longer valid. Ask the person in charge at your commune for a new one."))
  static let closing = WebMessage(
    title: LocalizedText(vi: "Không nhận phiếu mới", en: "No new answers"),
    text: LocalizedText(
      vi: "Thời gian trả lời đã hết nên không bắt đầu phiếu mới được nữa. Cảm ơn anh/chị đã quan tâm.",
      en: "The time to answer is over, so no new answer can be begun. Thank you for your interest."))
  /// Why what was sent is not taken, in a sentence.
  var asReason: LocalizedText { LocalizedText(vi: "\(title.vi.lowercasedFirst).", en: "\(title.en.lowercasedFirst).") }

  static let closed = WebMessage(
    title: LocalizedText(vi: "Cuộc khảo sát đã kết thúc", en: "The survey is over"),
    text: LocalizedText(
      vi: "Không nhận phiếu nữa; phiếu đang điền dở chưa được gửi. Cảm ơn anh/chị đã quan tâm.",
      en: "No more answers are taken; an answer still being written was not sent. Thank you for your interest."))
  static let notForWeb = WebMessage(
    title: LocalizedText(vi: "Chưa có phiếu trên trang này", en: "Nothing to answer on this page"),
    text: LocalizedText(
      vi: "Phiếu này không điền được trên trang web. Hãy hỏi người phụ trách ở xã.",
      en: "This questionnaire cannot be answered on a web page. Ask the person in charge at your commune."))
  static let badBody = WebMessage(
    title: LocalizedText(vi: "Trang gửi lên không đọc được", en: "What was sent cannot be read"),
    text: LocalizedText(
      vi: "Trang bị hỏng hoặc đã cũ, chưa có gì được gửi. Hãy quét lại mã QR và điền lại.",
      en: "The page is damaged or too old; nothing was sent. Scan the QR code again and start anew."))
  static let otherQuestions = WebMessage(
    title: LocalizedText(vi: "Bộ câu hỏi đã bị thay", en: "The questions were replaced"),
    text: LocalizedText(
      vi:
        "Các câu hỏi đã trả lời không còn ở máy chủ, nên chưa có gì được gửi: câu trả lời không được đọc theo câu hỏi khác. Hãy báo người phụ trách ở xã, hoặc quét lại mã QR và điền lại.",
      en:
        "The questions you answered are no longer on the hub, so nothing was sent: answers are not read by other questions. Tell the person in charge at your commune, or scan the QR code and start anew."
    ))
  static let elsewhere = WebMessage(
    title: LocalizedText(vi: "Gửi từ trang khác", en: "Sent from another site"),
    text: LocalizedText(
      vi: "Phiếu chỉ nhận từ chính trang này. Hãy quét mã QR để mở trang.",
      en: "Answers are taken from this site only. Scan the QR code to open it."))
  static let tooLarge = WebMessage(
    title: LocalizedText(vi: "Nội dung quá dài", en: "Too much text"),
    text: LocalizedText(
      vi: "Các câu trả lời dài quá mức nhận được, chưa có gì được gửi. Hãy quay lại và rút ngắn.",
      en: "The answers are longer than can be taken; nothing was sent. Go back and shorten them."))
  static let tooManyNow = WebMessage(
    title: tooMany.title,
    text: LocalizedText(
      vi: "Hãy chờ \(WebLimits.waitSeconds) giây rồi bấm Thử lại. Những gì đã điền vẫn còn ở trang này.",
      en: "Wait \(WebLimits.waitSeconds) seconds, then press Try again. What you entered is still on this page."))
  static let failedNow = WebMessage(
    title: failed.title,
    text: LocalizedText(
      vi: "Hãy chờ một phút rồi bấm Thử lại. Những gì đã điền vẫn còn ở trang này; gửi lại không bị tính hai lần.",
      en: "Wait a minute, then press Try again. What you entered is still on this page; sending again does not count twice."))
  static let over = WebMessage(
    title: LocalizedText(vi: "Phiếu này không còn ở đây", en: "This answer is no longer here"),
    text: LocalizedText(
      vi: "Nếu đã bấm gửi thì phiếu đã được nhận. Nếu chưa, phiếu để quá lâu nên đã xóa: hãy quét lại mã QR và điền lại.",
      en:
        "If you pressed Send, the answer was received. If you did not, it was left for too long and was erased: scan the QR code and start anew."
    ))
  static let tooMany = WebMessage(
    title: LocalizedText(vi: "Đang có quá nhiều người", en: "Too many people at once"),
    text: LocalizedText(
      vi: "Hãy chờ \(WebLimits.waitSeconds) giây rồi tải lại trang. Những gì đã điền vẫn còn.",
      en: "Wait \(WebLimits.waitSeconds) seconds, then load the page again. What you entered is kept."))
  static let badMethod = WebMessage(
    title: LocalizedText(vi: "Không làm được", en: "This cannot be done"),
    text: LocalizedText(vi: "Hãy quét mã QR để mở trang.", en: "Scan the QR code to open the page."))
  static let alreadySent = WebMessage(
    title: LocalizedText(vi: "Phiếu này đã được gửi", en: "This answer was sent already"),
    text: LocalizedText(
      vi: "Phiếu đã nhận và không xem lại hay sửa được nữa. Có thể đóng trang.",
      en: "The answer was received; it can no longer be seen or changed. You can close the page."))
  static let failed = WebMessage(
    title: LocalizedText(vi: "Máy chủ gặp lỗi", en: "The hub has a problem"),
    text: LocalizedText(
      vi: "Chưa chắc phiếu đã được nhận. Hãy tải lại trang sau một phút; gửi lại không bị tính hai lần.",
      en: "The answer may not have been received. Load the page again in a minute; sending again does not count twice."))

  static func notYetOpen(_ campaign: Campaign) -> WebMessage {
    let (day, time) = (campaign.opens.day, campaign.opens.description.suffix(5))
    return WebMessage(
      title: LocalizedText(vi: "Chưa đến giờ trả lời", en: "Not open yet"),
      text: LocalizedText(
        vi: "Cuộc khảo sát mở lúc \(time) ngày \(WebWords.day(day)(.vietnamese)). Hãy quét lại mã QR sau giờ đó.",
        en: "The survey opens at \(time) on \(WebWords.day(day)(.english)). Scan the QR code again after that."))
  }
}

extension String {
  fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
