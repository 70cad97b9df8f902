internal import SyncCore

/// The sentences of `FormCheck`: what is wrong and what to do.
enum FormMessage {
  /// Most languages named in a sentence.
  private static let languagesNamedMax = 8

  static func badName(_ name: String) -> LocalizedText {
    if name.isEmpty { return LocalizedText(vi: "thiếu tên; hãy đặt tên.", en: "the name is blank; give it one.") }
    return LocalizedText(
      vi:
        "tên \"\(name)\" không hợp lệ; hãy dùng chữ, số và các dấu _ - ., bắt đầu bằng chữ, tối đa \(FormName.formNameBytesMax) ký tự.",
      en:
        "the name \"\(name)\" cannot be used; take letters, digits and _ - ., a letter first, at most \(FormName.formNameBytesMax).")
  }

  static func badChoiceName(_ name: String) -> LocalizedText {
    LocalizedText(
      vi:
        "mã lựa chọn \"\(name)\" không hợp lệ; câu chọn nhiều mục cần mã không có khoảng trắng, dài tối đa \(FormName.choiceNameBytesMax) byte.",
      en:
        "the code \"\(name)\" cannot be used; where several are chosen a code has no spaces, and at most \(FormName.choiceNameBytesMax) bytes."
    )
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

  static let tooDeep = LocalizedText(
    vi: "nhóm lồng quá \(Form.formGroupDepthMax) lớp; hãy bỏ bớt nhóm.", en: "groups nest deeper than \(Form.formGroupDepthMax); use fewer."
  )
  static let nestedRepeat = LocalizedText(
    vi: "phần lặp lồng quá \(RepeatNumber.repeatDepthMax) lớp; hãy đưa ra ngoài.",
    en: "repeats stand inside one another deeper than \(RepeatNumber.repeatDepthMax); move this one outside.")
  static let emptySection = LocalizedText(
    vi: "nhóm không có câu nào; hãy thêm câu hoặc xóa nhóm.", en: "the group is empty; add a question or remove the group.")
  static let noLabel = LocalizedText(vi: "thiếu nhãn (label); hãy viết câu hỏi.", en: "the label is missing; write the question.")

  static func untranslated(_ column: String, _ missing: [FormLanguage]) -> LocalizedText {
    let names =
      missing.prefix(languagesNamedMax).map { "\($0.name) (\($0.code))" }.joined(separator: ", ")
      + (missing.count > languagesNamedMax ? ", …" : "")
    return LocalizedText(
      vi: "\(column) thiếu bản tiếng: \(names); bản ngôn ngữ mặc định được hiện thay.",
      en: "\(column) is missing in: \(names); the default language is shown instead.")
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
      vi: "dấu chấm \".\" không có nghĩa trong \(column) ở đây; hãy dùng ${ten_cau_hoi}.",
      en: "\".\" has no meaning in \(column) here; use ${question_name}.")
  }

  static func unknownQuestion(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "không có câu hỏi \"\(name)\"; hãy sửa tên trong ${…}.", en: "there is no question \"\(name)\"; correct the name in ${…}.")
  }

  static func noteHasNoAnswer(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "\"\(name)\" là ghi chú, không có câu trả lời nên luôn trống.", en: "\"\(name)\" is a note and has no answer: it is always blank."
    )
  }

  static func insideRepeat(_ name: String, _ section: String) -> LocalizedText {
    LocalizedText(
      vi:
        "\"\(name)\" nằm trong phần lặp \"\(section)\" nên có nhiều giá trị; ở đây giá trị đầu tiên được dùng. Nếu cần tất cả, hãy dùng sum, count, min, max, join.",
      en:
        "\"\(name)\" is inside the repeat \"\(section)\" and has many values; here the first counts. For all of them use sum, count, min, max, join."
    )
  }

  static func isRepeat(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "\"\(name)\" là phần lặp, không phải câu hỏi; hãy dùng trong count(${\(name)}).",
      en: "\"\(name)\" is a repeat, not a question; use it in count(${\(name)}).")
  }

  /// - Parameter place: Where the question of that name stands; nil where there is none.
  static func wrongPath(_ name: String, _ place: [String]?) -> LocalizedText {
    let there = place?.joined(separator: "/")
    return LocalizedText(
      vi: "đường dẫn không tới đâu nên luôn trống"
        + (there.map { "; \"\(name)\" nằm ở \($0), hãy viết ${\(name)} nếu muốn nói câu đó." } ?? "."),
      en: "the path leads nowhere and is always blank"
        + (there.map { "; \"\(name)\" is at \($0): write ${\(name)} if it is meant." } ?? "."))
  }

  static func unknownChoiceColumn(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "không lựa chọn nào của danh sách có giá trị ở cột \"\(name)\", nên điều kiện luôn so với ô trống.",
      en: "no choice of the list has anything in the column \"\(name)\", so the filter always meets a blank.")
  }

  static func plainName(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "tên \"\(name)\" đứng một mình luôn trống ở đây; câu hỏi viết ${\(name)}, chữ viết '\(name)'.",
      en: "the name \"\(name)\" on its own is always blank here; a question is written ${\(name)}, a text '\(name)'.")
  }

  static func noChoices(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "\"\(name)\" không phải câu chọn nên không có nhãn lựa chọn.", en: "\"\(name)\" has no choices whose label could be shown.")
  }

  static let positionOutsideRepeat = LocalizedText(
    vi: "position(..) dẫn tới nơi không phải phần lặp nên luôn là 1.", en: "position(..) leads to what is no repeat, so it is always 1.")
  static let filterNotWanted = LocalizedText(
    vi: "choice_filter chỉ dùng cho câu chọn; hãy xóa ô này.", en: "a choice_filter belongs to a question with choices; clear the cell.")
  static let badDefault = LocalizedText(
    vi: "giá trị mặc định không phải là câu trả lời hợp lệ cho câu này nên không được điền sẵn.",
    en: "the default is no answer that this question takes, so nothing stands there at first.")
  static func noSuchChoice(_ choice: String) -> LocalizedText {
    LocalizedText(
      vi: "quy tắc hỏi lựa chọn \"\(choice)\" không có trong danh sách, nên không bao giờ đúng.",
      en: "the rule looks for the choice \"\(choice)\", which the list does not have: it is never chosen.")
  }

  static func circle(_ names: [String]) -> LocalizedText {
    let list = names.joined(separator: ", ")
    return LocalizedText(
      vi: "các mục phụ thuộc vòng tròn vào nhau: \(list); hãy bỏ một tham chiếu.",
      en: "these depend on one another in a circle: \(list); remove one reference.")
  }
}
