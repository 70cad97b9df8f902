internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Shows what may be shown of the answers.
struct ResultsCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "results",
    abstract: LocalizedText(
      vi: "Xem các kết quả được phép xem: đơn vị nhỏ và những gì làm lộ chúng được giữ kín.",
      en: "Show the results that may be shown: small units and what would reveal them are withheld."),
    discussion: LocalizedText(
      vi: "Kết quả công bố theo từng đợt, khi đóng biểu mẫu; số người tham gia thì luôn đúng hiện tại. Dưới cấp huyện chỉ có số tham gia.",
      en:
        "Results come in numbered releases, when a form is closed; participation is exact and live. Below districts there is participation only."
    ),
    examples: [
      "hub results", "hub results --campaign school-2024", "hub results --level district --question g4_overall",
      "hub results --json > results.json",
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption
  @Argument(
    help: .text(
      vi: "Biểu mẫu, cũng của cuộc khác. Mặc định: biểu mẫu đầu của cuộc khảo sát.",
      en: "The form, also of another campaign. Default: the campaign's first."))
  var form: String?
  @Option(
    name: .long,
    help: .text(
      vi: "province (tỉnh), district (huyện) hoặc commune (xã); all: mọi cấp.", en: "province, district or commune; all: every level."))
  var level = "province"
  @Option(name: .long, help: .text(vi: "Chỉ câu hỏi này, theo tên của nó.", en: "Only this question, by its name.")) var question: String?

  func validate() throws {
    if level != "all" && UnitLevel(rawValue: level) == nil {
      throw ValidationError(
        vi: "--level phải là province, district, commune hoặc all, không phải \(level).",
        en: "--level must be province, district, commune or all, not \(level).")
    }
  }

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      var results = try await chosen.of(survey).results(form: form)
      if let question, !results.view.questions.contains(where: { $0.id == question }) {
        let known = results.view.questions.map(\.id).joined(separator: ", ")
        throw ToolError(
          vi: "Không có câu \(question) để tổng hợp; có: \(known).",
          en: "There is no question \(question) with results; there is: \(known).")
      }
      let wanted = UnitLevel(rawValue: level)
      if let wanted, !results.participation.contains(where: { $0.level == wanted }) {
        throw ToolError(
          vi: "Cuộc khảo sát không có cấp \(level); có kết quả của cả tỉnh: bỏ --level.",
          en: "The campaign has no level \(level); results are of the whole province: leave --level out.")
      }
      results.view.questions.removeAll { question != nil && $0.id != question }
      results.view.units.removeAll { wanted != nil && $0.level != wanted }
      for index in results.view.units.indices {
        results.view.units[index].questions.removeAll { question != nil && $0.question != question }
      }
      results.participation.removeAll { wanted != nil && $0.level != wanted }
      try console.result(results)
      guard !console.isJSON else { return }
      let words = Wording(language: options.language)
      Console.out("\(results.title(options.language)) (\(results.form))")
      Console.out(ResultsTable.release(results, options.language))
      console.table(
        [[words.text("Đơn vị", "Unit"), words.text("Phiếu", "Answers"), words.text("Phải thu", "Expected"), words.text("Tỷ lệ", "Rate")]]
          + VietnameseOrder.byDistrict(results.participation, name: \.name).map { line in
            [line.name, words.number(line.answers), words.number(line.expected), words.percent(line.ratePermille)]
          })
      results.view.units = VietnameseOrder.byDistrict(results.view.units, name: \.name)
      Console.out("")
      guard !results.view.units.isEmpty else { return Console.out(ResultsTable.communesAreNotShown(options.language)) }
      Console.out(ResultsTable.render(results.view, options.language))
    }
  }
}
