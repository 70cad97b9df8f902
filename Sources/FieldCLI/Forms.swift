internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

struct Forms: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(vi: "Liệt kê các biểu mẫu đã nhận được.", en: "List the forms that have arrived."),
    examples: ["field forms", "field forms --json"])

  @OptionGroup var field: FieldOptions

  private struct Line: Encodable {
    var id: String
    var version: String
    var title: String
    var state: String
    var questions: Int
    /// `report` for the daily report's form, `answers` for the others.
    var use: String
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    _ = try await survey.unit()
    let campaign = try await survey.campaign()
    let lines = try await survey.forms().map { form in
      Line(
        id: form.id, version: form.version, title: form.title(console.language), state: form.state, questions: form.questions,
        use: form.id == campaign?.reportForm ? "report" : "answers")
    }
    if lines.isEmpty { throw SurveyFieldError.noCampaign }
    let words = console.words
    let heading = [
      words.text("Mã", "Id"), words.text("Phiên bản", "Version"), words.text("Dùng cho", "For"), words.text("Tình trạng", "State"),
      words.text("Số câu", "Questions"), words.text("Tên", "Title"),
    ]
    let uses = LocalizedText(vi: "báo cáo ngày", en: "daily report")
    let answers = LocalizedText(vi: "phiếu", en: "answers")
    console.table(
      [heading]
        + lines.map {
          [
            $0.id, $0.version, ($0.use == "report" ? uses : answers)(console.language), words.formState($0.state),
            String($0.questions), $0.title,
          ]
        })
    try console.result(lines)
  }
}
