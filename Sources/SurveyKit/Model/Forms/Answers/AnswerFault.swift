public import SyncCore

/// What is wrong with one answer, in words for the respondent: the form's own where it has them.
///
/// The message never quotes the answer, so that it may be shown in lists and logs.
public struct AnswerFault: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case unknownQuestion = "unknown_question"
    case unknownChoice = "unknown_choice"
    case duplicateChoice = "duplicate_choice"
    case missingRequired = "missing_required"
    /// Something was answered that is not asked after the other answers.
    case notRelevant = "not_relevant"
    case constraint
    case notInteger = "not_integer"
    case notDecimal = "not_decimal"
    case notDate = "not_date"
    case notTime = "not_time"
    case tooLong = "too_long"
    case tooMany = "too_many"
    /// The day of a report is not one of the campaign.
    case dayOutside = "day_outside"
    /// Nobody stated the day of a report, and no clock could be believed.
    case dayUncertain = "day_uncertain"
    /// A report says another day than it is filed under.
    case dayDiffers = "day_differs"
    /// The definition it was answered by is not the one that is known under its name.
    case otherDefinition = "other_definition"
    /// A value of a kind the question cannot take, or with control characters.
    case malformed
  }

  /// Name of the question, or of the repeat.
  public let question: String
  /// Which filling-in of the repeat, counted from 0: one less than its `RepeatNumber`; nil outside repeats.
  public let instance: Int?
  public let kind: Kind
  public let message: LocalizedText

  public init(question: String, instance: Int? = nil, kind: Kind, message: LocalizedText) {
    self.question = question
    self.instance = instance
    self.kind = kind
    self.message = message
  }
}

extension AnswerFault {
  /// What stands before the message; nothing when it concerns the answers as a whole.
  fileprivate var place: String { question.isEmpty ? "" : "\(question): " }
}

/// All that is wrong with one set of answers, in the order of the form.
public struct AnswerFaults: ExplainedError, Hashable {
  /// At least one.
  public let faults: [AnswerFault]

  public var explanation: LocalizedText {
    MistakeLines.capped(faults.map { LocalizedText(vi: $0.place + $0.message.vi, en: $0.place + $0.message.en) })
  }
}

/// The sentences for answers where the form has none of its own.
enum AnswerMessage {
  static func dayDiffers(_ day: CalendarDay) -> LocalizedText {
    LocalizedText(
      vi: "Báo cáo này của ngày \(day); muốn đổi ngày, dùng field report --day \(day) --move-to NGÀY.",
      en: "This is the report of \(day); to change its day use field report --day \(day) --move-to DAY.")
  }

  static let notAnswers = LocalizedText(
    vi: "Dữ liệu trả lời không đọc được hoặc quá lớn; hãy gửi lại.", en: "The answers cannot be read or are too large; send them again.")
  static let unknownQuestion = LocalizedText(
    vi: "Biểu mẫu không có câu hỏi này; hãy kiểm tra phiên bản biểu mẫu.", en: "The form has no such question; check the form's version.")
  static let unknownChoice = LocalizedText(
    vi: "Lựa chọn không có trong danh sách; hãy chọn lại.", en: "This choice is not in the list; choose again.")
  static let notOffered = LocalizedText(
    vi: "Lựa chọn này không hợp với các câu trả lời khác; hãy chọn lại.",
    en: "This choice does not go with the other answers; choose again.")
  static let duplicateChoice = LocalizedText(
    vi: "Một lựa chọn được ghi hai lần; hãy bỏ bớt.", en: "A choice is there twice; remove one.")
  static let missing = LocalizedText(vi: "Câu này cần được trả lời.", en: "This question needs an answer.")
  static let notRelevant = LocalizedText(
    vi: "Câu này không được hỏi theo các câu trả lời khác; hãy để trống.",
    en: "This question is not asked after the other answers; leave it blank.")
  static let constraint = LocalizedText(
    vi: "Câu trả lời không đúng quy định của câu hỏi; hãy sửa lại.", en: "The answer breaks a rule of this question; correct it.")
  static let notInteger = LocalizedText(
    vi: "Cần một số nguyên, tối đa \(AnswerReader.answerDigitsMax) chữ số.",
    en: "A whole number is needed, of at most \(AnswerReader.answerDigitsMax) digits.")
  static let notDecimal = LocalizedText(
    vi: "Cần một số, dùng dấu chấm cho phần thập phân, tối đa \(AnswerReader.answerDigitsMax) chữ số.",
    en: "A number is needed, with a point before decimals, of at most \(AnswerReader.answerDigitsMax) digits.")
  static let notDate = LocalizedText(
    vi: "Cần một ngày có thật, dạng NĂM-THÁNG-NGÀY, ví dụ 2024-04-01.",
    en: "A date that exists is needed, as YYYY-MM-DD, such as 2024-04-01.")
  static let notTime = LocalizedText(
    vi: "Cần giờ:phút, ví dụ 08:30; ngày và giờ thì viết 2024-04-01T08:30.",
    en: "A time such as 08:30 is needed, or 2024-04-01T08:30 with the date.")
  static let tooLong = LocalizedText(
    vi: "Câu trả lời dài quá \(AnswerReader.answerTextBytesMax) byte; hãy rút ngắn.",
    en: "The answer is longer than \(AnswerReader.answerTextBytesMax) bytes; shorten it.")
  static let tooMany = LocalizedText(
    vi: "Nhiều hơn \(AnswerValidator.repeatInstancesMax) lần; hãy bớt đi.",
    en: "More than \(AnswerValidator.repeatInstancesMax) times; remove some.")
  static let calculated = LocalizedText(
    vi: "Giá trị này do biểu mẫu tự tính; hãy sửa các câu trả lời mà nó dựa vào.",
    en: "The form calculates this value; correct the answers it is calculated from.")
  static let incomplete = LocalizedText(
    vi: "Hãy xếp thứ tự tất cả các mục, mỗi mục một lần.", en: "Put all of them in order, each once.")
  static let notPosition = LocalizedText(
    vi: "Cần vĩ độ và kinh độ theo độ, ví dụ 21.2731 106.1946.",
    en: "Latitude and longitude in degrees are needed, such as 21.2731 106.1946.")
  static let malformed = LocalizedText(
    vi: "Câu trả lời không đúng dạng hoặc có ký tự lạ; hãy nhập lại.",
    en: "The answer has the wrong form or strange characters; enter it again.")
}
