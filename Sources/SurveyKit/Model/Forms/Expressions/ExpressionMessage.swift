internal import SyncCore

/// The sentences of the lexer and the parser, kept apart so that both languages can be read through in one place.
enum ExpressionMessage {
  static let empty = LocalizedText(
    vi: "biểu thức trống; hãy viết hoặc xóa ô này.", en: "the expression is empty; write one or clear the cell.")
  static let openQuote = LocalizedText(vi: "dấu nháy mở mà không đóng; hãy thêm dấu đóng.", en: "a quote opens and never closes; close it.")
  static let lastSaved = LocalizedText(
    vi: "${last-saved#…} luôn trống: phiếu trước không được giữ lại.",
    en: "${last-saved#…} is always blank: the answers before are not kept.")
  static let wantsList = LocalizedText(
    vi: "hãy viết pulldata('tệp', 'cột', 'cột_khóa', giá_trị) hoặc instance('danh_sách')/root/item[điều_kiện]/cột.",
    en: "write pulldata('file', 'column', 'key_column', value) or instance('list')/root/item[condition]/column.")
  static let badReference = LocalizedText(
    vi: "tham chiếu phải viết dạng ${ten_cau_hoi}.", en: "a reference is written ${question_name}.")
  static let path = LocalizedText(
    vi: "không hiểu đường dẫn này; hãy dùng ${ten_cau_hoi}, ../ten hoặc /data/nhom/ten, không có [ ].",
    en: "this path is not understood; use ${question_name}, ../name or /data/group/name, without [ ].")
  static let plainName = LocalizedText(
    vi: "tên đứng một mình chỉ dùng được trong choice_filter; hãy viết ${ten_cau_hoi}.",
    en: "a name on its own has a meaning in choice_filter only; write ${question_name}.")
  static let parent = LocalizedText(
    vi: "\"..\" đứng một mình chỉ dùng được trong position(..).", en: "\"..\" on its own has a meaning in position(..) only.")
  static let wantsQuestion = LocalizedText(
    vi: "ở đây phải là một câu hỏi hoặc phần lặp, viết ${ten}.", en: "a question or a repeat belongs here, written ${name}.")
  static let wantsPattern = LocalizedText(
    vi: "mẫu của regex() phải viết thẳng trong dấu nháy.", en: "the pattern of regex() must be written out in quotes.")
  static let dateFormat = LocalizedText(
    vi: "format-date() chỉ hiểu %Y %y %m %n %b %d %e %a và %H %h %M %S %3.",
    en: "format-date() understands %Y %y %m %n %b %d %e %a and %H %h %M %S %3 only.")
  static let tooDeep = LocalizedText(
    vi: "lồng quá \(FormExpression.expressionDepthMax) lớp; hãy tách thành nhiều câu calculate.",
    en: "nested deeper than \(FormExpression.expressionDepthMax); split it into calculate questions.")
  static let unexpectedEnd = LocalizedText(
    vi: "biểu thức kết thúc giữa chừng; hãy viết tiếp hoặc bỏ phần thừa.",
    en: "the expression stops half-way; finish it or remove the rest.")
  static let unexpected = LocalizedText(
    vi: "không hiểu chỗ này; kiểm tra dấu ngoặc, dấu phẩy và phép toán.",
    en: "this is not expected here; check parentheses, commas and operators.")
  static let badDate = LocalizedText(
    vi: "ngày trong date() phải là ngày có thật, viết dạng 'NĂM-THÁNG-NGÀY', ví dụ '2024-03-26'.",
    en: "the date in date() must exist and be written 'YYYY-MM-DD', such as '2024-03-26'.")

  static func unknownSign(_ sign: Character) -> LocalizedText {
    LocalizedText(vi: "ký hiệu \"\(sign)\" không dùng được ở đây.", en: "the sign \"\(sign)\" has no meaning here.")
  }

  static func badNumber(_ text: String) -> LocalizedText {
    LocalizedText(vi: "\"\(text)\" không phải là số.", en: "\"\(text)\" is not a number.")
  }

  static func unknownFunction(_ name: String) -> LocalizedText {
    let known = ExpressionFunction.allCases.map(\.rawValue).joined(separator: ", ")
    return LocalizedText(
      vi: "không có hàm \"\(name)\"; các hàm dùng được: \(known).", en: "there is no function \"\(name)\"; those there are: \(known).")
  }

  static func arity(_ function: ExpressionFunction, _ found: Int) -> LocalizedText {
    let range = function.arity
    let wanted = range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound)–\(range.upperBound)"
    return LocalizedText(
      vi: "hàm \(function.rawValue)() cần \(wanted) tham số, ở đây có \(found).",
      en: "\(function.rawValue)() takes \(wanted) arguments, here it has \(found).")
  }
}
