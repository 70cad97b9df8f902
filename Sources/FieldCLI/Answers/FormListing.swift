internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Form as people need it who write its answers into a file: each question's name, kind and text, and the codes of its choices.
struct FormListing: Encodable {
  struct Choice: Encodable {
    var code: String
    var label: String
  }

  struct Question: Encodable {
    var name: String
    /// Kind of the question, as XLSForm names it.
    var type: String
    var label: String
    var choices: [Choice]
    /// Repeat in which it stands, for which a CSV file has no column.
    var repeated: String?
    /// Value `always`, `sometimes` or `never`.
    var required: String
  }

  var id: String
  var version: String
  var title: String
  var questions: [Question]

  init(_ form: Form, language: Language) {
    func text(_ text: FormText?) -> String { text?.localized(language) ?? "" }
    (id, version, title) = (form.id, form.version, text(form.title))
    let repeats = form.repeats.map { (name: $0.name, questions: form.questions(in: $0)) }
    questions = form.questions.filter(\.kind.isAsked).map { question in
      Question(
        name: question.name, type: question.kind.rawValue, label: text(question.label),
        choices: form.choices(of: question).map { Choice(code: $0.name, label: text($0.label)) },
        repeated: repeats.first { $0.questions.contains(question.name) }?.name,
        required: question.required.map { $0.source == "true()" ? "always" : "sometimes" } ?? "never")
    }
  }

  func show(_ console: Console) throws {
    console.say("\(id) \(version): \(title)", "\(id) \(version): \(title)")
    let words = console.words
    console.table(
      [[words.text("Tên", "Name"), words.text("Loại", "Type"), words.text("Bắt buộc", "Required"), words.text("Câu hỏi", "Question")]]
        + questions.flatMap { question -> [[String]] in
          let required =
            switch question.required {
            case "always": words.text("có", "yes")
            case "sometimes": words.text("tùy", "depends")
            default: ""
            }
          let label = question.repeated.map { words.text("(phần lặp \($0), không có cột) ", "(repeat \($0), no column) ") } ?? ""
          return [[question.name, question.type, required, label + question.label]]
            + question.choices.map { ["", "  \($0.code)", "", "  \($0.label)"] }
        })
    console.say(
      "Các cột khác của tệp nhập: response_id (số phiếu), submitted_at (ngày); commune_code, form_id, form_version, language khi khác thiết bị này.",
      "Other columns of a file to import: response_id (the sheet's number), submitted_at (the day); commune_code, form_id, form_version, language where they differ from this device's."
    )
    try console.result(self)
  }
}
