internal import SyncKit

/// The sentences of `FormCheck`: what is wrong and what to do.
enum FormMessage {
  static func badName(_ name: String) -> LocalizedText {
    if name.isEmpty { return LocalizedText(vi: "thiếu tên; hãy đặt tên.", en: "the name is blank; give it one.") }
    return LocalizedText(
      vi:
        "tên \"\(name)\" không hợp lệ; hãy dùng chữ không dấu, số và dấu gạch dưới, bắt đầu bằng chữ, tối đa \(FormName.formNameBytesMax) ký tự.",
      en:
        "the name \"\(name)\" cannot be used; take unaccented letters, digits and _, a letter first, at most \(FormName.formNameBytesMax).")
  }

  static func badChoiceName(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "tên lựa chọn \"\(name)\" không hợp lệ; hãy dùng chữ không dấu, số, dấu gạch, không có khoảng trắng.",
      en: "the choice name \"\(name)\" cannot be used; take unaccented letters, digits, _ and -, without spaces.")
  }

  static let badVersion = LocalizedText(
    vi: "phiên bản không hợp lệ; hãy viết số, ví dụ 2024032601.", en: "the version cannot be used; write a number such as 2024032601.")
  static let languages = LocalizedText(
    vi: "cần ít nhất một ngôn ngữ, mỗi mã một lần; hãy đặt cột label::Tiếng Việt (vi).",
    en: "at least one language is needed, each code once; name a column label::English (en).")

  static func defaultLanguage(_ codes: [String]) -> LocalizedText {
    LocalizedText(
      vi: "ngôn ngữ mặc định phải là một trong: \(codes.joined(separator: ", ")).",
      en: "the default language must be one of: \(codes.joined(separator: ", ")).")
  }

  static func choiceTwice(_ name: String, _ list: String) -> LocalizedText {
    LocalizedText(
      vi: "lựa chọn \"\(name)\" có hai lần trong danh sách \"\(list)\"; hãy đổi tên một lựa chọn.",
      en: "the choice \"\(name)\" is twice in the list \"\(list)\"; rename one.")
  }

  static let tooManyChoices = LocalizedText(
    vi: "có hơn \(Form.formChoicesMax) lựa chọn; hãy bớt đi.", en: "there are more than \(Form.formChoicesMax) choices; use fewer.")
  static let tooManyItems = LocalizedText(
    vi: "có hơn \(Form.formItemsMax) câu và nhóm; hãy tách thành nhiều biểu mẫu.",
    en: "there are more than \(Form.formItemsMax) questions and groups; split the form.")
  static let noQuestions = LocalizedText(
    vi: "biểu mẫu không có câu hỏi nào; hãy thêm câu hỏi.", en: "the form asks nothing; add a question.")

  static func nameTwice(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "tên \"\(name)\" đã dùng ở trên; hãy đặt tên khác.", en: "the name \"\(name)\" is already used above; choose another.")
  }

  static func reserved(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "tên \"\(name)\" dành cho hệ thống; hãy đặt tên khác.", en: "the name \"\(name)\" belongs to the system; choose another.")
  }

  static let tooDeep = LocalizedText(
    vi: "nhóm lồng quá \(Form.formGroupDepthMax) lớp; hãy bỏ bớt nhóm.", en: "groups nest deeper than \(Form.formGroupDepthMax); use fewer."
  )
  static let nestedRepeat = LocalizedText(
    vi: "phần lặp nằm trong phần lặp khác; hãy đưa ra ngoài.", en: "a repeat stands inside another repeat; move it outside.")
  static let emptySection = LocalizedText(
    vi: "nhóm không có câu nào; hãy thêm câu hoặc xóa nhóm.", en: "the group is empty; add a question or remove the group.")
  static let noLabel = LocalizedText(vi: "thiếu nhãn (label); hãy viết câu hỏi.", en: "the label is missing; write the question.")

  static func untranslated(_ column: String, _ missing: [FormLanguage]) -> LocalizedText {
    let names = missing.map { "\($0.name) (\($0.code))" }.joined(separator: ", ")
    return LocalizedText(
      vi: "\(column) thiếu bản tiếng: \(names); hãy dịch hoặc xóa ở mọi ngôn ngữ.",
      en: "\(column) is missing in: \(names); translate it, or clear it in every language.")
  }

  static func strangeLanguage(_ column: String) -> LocalizedText {
    LocalizedText(
      vi: "\(column) có ngôn ngữ không phải của biểu mẫu; hãy xóa hoặc thêm ngôn ngữ đó vào label.",
      en: "\(column) has a language the form does not; remove it, or add that language to label.")
  }

  static let textTooLong = LocalizedText(
    vi: "dài hơn \(FormText.formTextBytesMax) byte; hãy rút ngắn.", en: "longer than \(FormText.formTextBytesMax) bytes; shorten it.")

  static func notAsked(_ column: String) -> LocalizedText {
    LocalizedText(
      vi: "\(column) không có nghĩa ở mục không ai trả lời; hãy xóa ô này.",
      en: "\(column) means nothing where nobody answers; clear the cell.")
  }

  static func messageWithoutRule(_ column: String) -> LocalizedText {
    LocalizedText(
      vi: "có \(column)_message mà không có \(column); hãy viết quy tắc hoặc xóa thông báo.",
      en: "there is a \(column)_message but no \(column); write the rule or clear the message.")
  }

  static let calculation = LocalizedText(
    vi: "calculation phải có ở mục calculate và chỉ ở đó.", en: "a calculation belongs to a calculate, and every calculate needs one.")
  static let parameters = LocalizedText(
    vi: "chỉ dùng được max-pixels=1…20000 cho image.", en: "only max-pixels=1…20000 is understood, for an image.")
  static let listNotWanted = LocalizedText(
    vi: "loại câu này không có danh sách lựa chọn; hãy bỏ tên danh sách.", en: "this type takes no list of choices; remove the list name.")
  static let listMissing = LocalizedText(
    vi: "thiếu tên danh sách; hãy viết ví dụ select_one ten_danh_sach.", en: "the list is missing; write for example select_one list_name.")

  static func unknownList(_ list: String) -> LocalizedText {
    LocalizedText(
      vi: "không có danh sách \"\(list)\" trong trang choices; hãy thêm hoặc sửa tên.",
      en: "there is no list \"\(list)\" in the choices sheet; add it or correct the name.")
  }

  static let appearance = LocalizedText(
    vi: "appearance chỉ gồm chữ không dấu, số, dấu gạch nối; hãy sửa lại.", en: "an appearance is plain words; correct it.")

  static func dotOutsideConstraint(_ column: String) -> LocalizedText {
    LocalizedText(
      vi: "dấu chấm \".\" chỉ dùng trong constraint; trong \(column) hãy dùng ${ten_cau_hoi}.",
      en: "\".\" has a meaning in constraint only; in \(column) use ${question_name}.")
  }

  static func unknownQuestion(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "không có câu hỏi \"\(name)\"; hãy sửa tên trong ${…}.", en: "there is no question \"\(name)\"; correct the name in ${…}.")
  }

  static func noteHasNoAnswer(_ name: String) -> LocalizedText {
    LocalizedText(vi: "\"\(name)\" là ghi chú, không có câu trả lời.", en: "\"\(name)\" is a note and has no answer.")
  }

  static func insideRepeat(_ name: String, _ section: String) -> LocalizedText {
    LocalizedText(
      vi:
        "\"\(name)\" nằm trong phần lặp \"\(section)\" nên có nhiều giá trị; chỉ dùng bên trong phần lặp đó, hoặc trong sum, count, min, max, join.",
      en:
        "\"\(name)\" is inside the repeat \"\(section)\" and has many values; use it inside that repeat, or in sum, count, min, max, join.")
  }

  static func isRepeat(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "\"\(name)\" là phần lặp, không phải câu hỏi; hãy dùng trong count(${\(name)}).",
      en: "\"\(name)\" is a repeat, not a question; use it in count(${\(name)}).")
  }

  static func wrongPath(_ name: String, _ place: [String]) -> LocalizedText {
    LocalizedText(
      vi: "đường dẫn không tới \"\(name)\", nằm ở \(place.joined(separator: "/")); hãy viết ${\(name)}.",
      en: "the path does not lead to \"\(name)\", which is at \(place.joined(separator: "/")); write ${\(name)}.")
  }

  static func unknownChoiceColumn(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "không lựa chọn nào của danh sách có cột \"\(name)\" trong trang choices; hãy thêm cột hoặc sửa tên.",
      en: "no choice of the list has the column \"\(name)\" in the choices sheet; add it or correct the name.")
  }

  static func noChoices(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "\"\(name)\" không phải câu chọn nên không có nhãn lựa chọn.", en: "\"\(name)\" has no choices whose label could be shown.")
  }

  static let positionOutsideRepeat = LocalizedText(
    vi: "position(..) chỉ dùng được ngay bên trong phần lặp.", en: "position(..) has a meaning directly inside a repeat only.")
  static let filterNotWanted = LocalizedText(
    vi: "choice_filter chỉ dùng cho câu chọn; hãy xóa ô này.", en: "a choice_filter belongs to a question with choices; clear the cell.")
  static let badDefault = LocalizedText(
    vi: "giá trị mặc định không phải là câu trả lời hợp lệ cho câu này; hãy sửa lại.",
    en: "the default is no answer this question takes; correct it.")
  static let orOther = LocalizedText(
    vi: "không hỗ trợ or_other; hãy thêm lựa chọn khac vào danh sách và một câu text với relevant selected(${ten_cau}, 'khac').",
    en: "or_other is not supported; add a choice other to the list, and a text question with relevant selected(${question}, 'other').")

  static func noSuchChoice(_ choice: String) -> LocalizedText {
    LocalizedText(
      vi: "selected() hỏi lựa chọn \"\(choice)\" không có trong danh sách; hãy sửa tên.",
      en: "selected() asks for the choice \"\(choice)\", which the list does not have; correct it.")
  }

  static func circle(_ names: [String]) -> LocalizedText {
    let list = names.joined(separator: ", ")
    return LocalizedText(
      vi: "các mục phụ thuộc vòng tròn vào nhau: \(list); hãy bỏ một tham chiếu.",
      en: "these depend on one another in a circle: \(list); remove one reference.")
  }
}
