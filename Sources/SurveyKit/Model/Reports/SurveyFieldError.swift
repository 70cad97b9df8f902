public import SyncCore

/// Error of a device: what it cannot do yet, and the remedy.
public enum SurveyFieldError: ExplainedError, Hashable {
  case notEnrolled
  /// The request for enrolment was written to a bundle, and its return was not imported yet.
  case enrolmentAwaited
  /// No report of that day is on the device.
  case noReport(day: CalendarDay)
  /// A photo answers a question that needs an answer: the report must be corrected instead.
  case photoNeeded
  case noCampaign
  /// The device has no such campaign; it has `known`.
  case unknownCampaign(String, known: [String])
  case noForm(id: String, version: String?)
  /// The form is no longer asked; answers already given still count.
  case formClosing(id: String)
  case formClosed(id: String)
  /// The form is the daily report's, which a unit files and nobody answers anonymously.
  case isReport(id: String)
  /// A filed report is changed only with a reason.
  case reasonNeeded(day: CalendarDay)
  case reasonTooLong
  /// Others must be able to understand the change, so it needs a reason.
  case noReason
  case tooManyPhotos
  case emptyPost, postTooLong
  case noUnits
  case foreignUnit(String)
  /// A row from the hub cannot be read by this program.
  case unreadable(table: String, id: String)

  public var explanation: LocalizedText {
    switch self {
    case .notEnrolled:
      LocalizedText(
        vi: "Thiết bị chưa ghi danh; dùng mã do tỉnh cấp: field enroll MÃ --hub ĐỊA-CHỈ.",
        en: "The device is not enrolled; use the code from the province: field enroll CODE --hub ADDRESS.")
    case .enrolmentAwaited:
      LocalizedText(
        vi: "Đã ghi yêu cầu ghi danh và đang chờ tỉnh trả lời; nhận được tệp trả lời thì chạy field import-bundle TỆP.",
        en: "The request for enrolment was written and the province's return is awaited; import it with field import-bundle FILE.")
    case .noReport(let day):
      LocalizedText(
        vi: "Chưa có báo cáo ngày \(day) trên máy này; xem field list.", en: "There is no report of \(day) on this device; see field list.")
    case .photoNeeded:
      LocalizedText(
        vi: "Ảnh này trả lời một câu bắt buộc; hãy thay ảnh khác bằng field report --photo câu=tệp.",
        en: "This photo answers a question that needs one; replace it with field report --photo question=file.")
    case .noCampaign:
      LocalizedText(
        vi: "Chưa nhận được đợt khảo sát; kết nối mạng rồi chạy field sync.",
        en: "The campaign has not arrived yet; connect to a network and run field sync.")
    case .unknownCampaign(let id, let known):
      LocalizedText(
        vi: "Thiết bị chưa có đợt khảo sát \(id); có: \(known.joined(separator: ", ")). Chạy field sync nếu nó mới mở.",
        en: "The device has no campaign \(id); it has: \(known.joined(separator: ", ")). Run field sync if it is new.")
    case .noForm(let id, let version):
      LocalizedText(
        vi: "Thiết bị chưa có biểu mẫu \(id)\(version.map { " phiên bản \($0)" } ?? ""); xem field forms, hoặc chạy field sync.",
        en: "The device has no form \(id)\(version.map { " version \($0)" } ?? ""); see field forms, or run field sync.")
    case .formClosing(let id):
      LocalizedText(
        vi: "Biểu mẫu \(id) đang đóng: không hỏi thêm ai; phiếu đã thu vẫn được gửi và được tính.",
        en: "The form \(id) is closing: nobody is asked any more; answers already collected still travel and count.")
    case .formClosed(let id):
      LocalizedText(
        vi: "Biểu mẫu \(id) đã đóng, không nhận thêm phiếu; phiếu đã có trên máy vẫn được gửi.",
        en: "The form \(id) is closed and takes no more answers; those already on this device are still sent.")
    case .isReport(let id):
      LocalizedText(
        vi: "\(id) là biểu mẫu báo cáo ngày, không phải phiếu hỏi; nộp báo cáo bằng field report.",
        en: "\(id) is the daily report's form, not one that people answer; file a report with field report.")
    case .reasonNeeded(let day):
      LocalizedText(
        vi: "Báo cáo ngày \(day) đã có; ghi lý do sửa bằng --reason \"…\".",
        en: "There is a report of \(day) already; say why it is changed with --reason \"…\".")
    case .reasonTooLong:
      LocalizedText(
        vi: "Lý do dài quá \(ReportChange.reasonBytesMax) byte; hãy rút ngắn.",
        en: "The reason is longer than \(ReportChange.reasonBytesMax) bytes; shorten it.")
    case .noReason:
      LocalizedText(
        vi: "Thiếu lý do; ghi vì sao bằng --reason \"…\".", en: "There is no reason; say why with --reason \"…\".")
    case .tooManyPhotos:
      LocalizedText(
        vi: "Mỗi báo cáo hay tin có tối đa \(Photo.photosPerReportMax) ảnh; bỏ bớt.",
        en: "A report or post has \(Photo.photosPerReportMax) photos at most; leave some out.")
    case .emptyPost:
      LocalizedText(vi: "Tin chưa có nội dung; viết vài chữ cho ảnh.", en: "The post says nothing; write a few words for the photos.")
    case .postTooLong:
      LocalizedText(
        vi: "Tin dài quá \(PostWords.bytesMax) byte; hãy rút ngắn.", en: "The post is longer than \(PostWords.bytesMax) bytes; shorten it.")
    case .noUnits:
      LocalizedText(
        vi: "Chưa nhận được danh sách đơn vị; kết nối mạng rồi chạy field sync.",
        en: "The list of units has not arrived yet; connect to a network and run field sync.")
    case .foreignUnit(let code):
      LocalizedText(
        vi: "Thiết bị này không phụ trách đơn vị \(code).", en: "This device does not serve unit \(code).")
    case .unreadable(let table, let id):
      LocalizedText(
        vi: "Không đọc được \(id) trong bảng \(table); hãy nâng cấp chương trình hoặc báo cho tỉnh.",
        en: "\(id) in table \(table) cannot be read; upgrade this program or tell the province.")
    }
  }
}
