internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Forms: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Liệt kê các biểu mẫu đã nhận được, hoặc tên câu hỏi và mã lựa chọn của một biểu mẫu.",
      en: "List the forms that have arrived, or the names of one form's questions and the codes of their choices."),
    examples: ["field forms", "field forms pks01", "field forms pks01 --json"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Mã biểu mẫu cần xem.", en: "The form to show.")) var form: String?

  private struct Line: Encodable {
    var id: String
    var version: String
    var title: String
    var state: String
    var questions: Int
    /// Use: `report` for the daily report's form, `answers` for the others.
    var use: String
    /// Open campaign that asks it.
    var campaign: String?
  }

  func perform(_ console: Console) async throws {
    let survey = try field.openForReading(console)
    _ = try await survey.unit()
    let campaigns = try await survey.openCampaigns()
    if let form {
      guard let shown = try await survey.form(id: form) else { throw SurveyFieldError.noForm(id: form, version: nil) }
      return try FormListing(shown, language: console.language).show(console)
    }
    let lines = try await survey.forms().map { form in
      Line(
        id: form.id, version: form.version, title: form.title(console.language), state: form.state, questions: form.questions,
        use: campaigns.contains { $0.reportForm == form.id } ? "report" : "answers",
        campaign: campaigns.first { $0.asks(form.id) }?.id)
    }
    if lines.isEmpty { throw SurveyFieldError.noCampaign }
    let words = console.words
    // Names the campaign of each form when there are several.
    func campaign(_ name: String?) -> [String] { campaigns.count > 1 ? [name ?? words.unknown] : [] }
    let heading =
      [
        words.text("Mã", "Id"), words.text("Phiên bản", "Version"), words.text("Dùng cho", "For"), words.text("Tình trạng", "State"),
        words.text("Số câu", "Questions"),
      ] + campaign(words.text("Đợt", "Campaign")) + [words.text("Tên", "Title")]
    let uses = LocalizedText(vi: "báo cáo ngày", en: "daily report")
    let answers = LocalizedText(vi: "phiếu", en: "answers")
    console.table(
      [heading]
        + lines.map {
          [
            $0.id, $0.version, ($0.use == "report" ? uses : answers)(console.language), words.formState($0.state),
            String($0.questions),
          ] + campaign($0.campaign) + [$0.title]
        })
    try console.result(lines)
  }
}
