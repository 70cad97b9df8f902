internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

struct Report: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Lập báo cáo một ngày của xã, hoặc sửa báo cáo đó.", en: "File the commune's report of a day, or correct it."),
    discussion: LocalizedText(
      vi: """
        --set đổi từng câu của báo cáo đã có: nhiều lựa chọn thì cách nhau bằng dấu cách, để trống sau dấu = là xóa câu trả lời. Câu \
        hỏi ngày duy nhất của biểu mẫu là ngày báo cáo: bỏ trống thì được điền sẵn. Báo cáo đã lập chỉ được sửa kèm --reason, lý do \
        được lưu cùng báo cáo: field show NGÀY liệt kê mọi lần sửa.
        """,
      en: """
        --set changes single answers of the report that is there: several choices with spaces between, nothing after = removes the \
        answer. The form's only date question is the day of the report: it is filled in when left out. A report that is filed is \
        changed only with a --reason, which is kept beside it: field show DAY lists every change.
        """),
    examples: [
      "field report --example > report.json", "field report --from report.json",
      "field report --set answered=17 --set \"channels=loa hoi_nghi\" --day 2024-04-01",
      "field report --day 2024-04-01 --set answered=17 --reason \"two came late\"",
    ])

  @OptionGroup var field: FieldOptions

  @Option(
    name: .long,
    help: .text(vi: "Một câu trả lời, dạng câu=giá-trị; lặp lại được.", en: "An answer, as question=value; as often as needed."))
  var set: [String] = []

  @Option(
    name: .long,
    help: .text(vi: "Tệp JSON chứa câu trả lời; - đọc từ đầu vào chuẩn.", en: "A JSON file with the answers; - reads standard input."))
  var from: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Ngày, NĂM-THÁNG-NGÀY. Mặc định: ngày ghi trong câu trả lời, không có thì hôm nay theo giờ của đợt khảo sát.",
      en: "The day, YYYY-MM-DD. Default: the day in the answers, else today in the campaign's zone."))
  var day: String?

  @Option(
    name: .long, help: .text(vi: "Vì sao sửa báo cáo đã lập.", en: "Why a report that is filed already is changed."))
  var reason: String?

  @Flag(
    name: .long,
    help: .text(vi: "In mẫu câu trả lời mà biểu mẫu chấp nhận.", en: "Print answers that the form accepts, as a template."))
  var example = false

  private struct Outcome: Encodable {
    var unit: String
    var day: String
    var form: String
    var saving: ReportSaving
    var answers: [String: AnswerJSON]
  }

  func validate() throws {
    if [!set.isEmpty || from != nil, example].count(where: { $0 }) != 1 {
      throw ValidationError(vi: "Hãy cho --set hoặc --from, hoặc --example.", en: "Give --set or --from, or --example.")
    }
    for entry in set where !entry.contains("=") || entry.hasPrefix("=") {
      throw ValidationError(vi: "--set cần dạng câu=giá-trị, không phải \(entry).", en: "--set needs question=value, not \(entry).")
    }
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    let unit = try await survey.unit()
    guard let campaign = try await survey.campaign() else { throw SurveyFieldError.noCampaign }
    guard let form = try await survey.form(id: campaign.reportForm) else {
      throw SurveyFieldError.noForm(id: campaign.reportForm, version: nil)
    }
    let today = try await survey.today()
    let chosen = try day.map(FieldOptions.day)
    if example { return try printExample(form, unit: unit, day: chosen ?? today) }
    var answers = try givenAnswers()
    let dateQuestion = form.dayQuestion
    let stated = dateQuestion.flatMap { name in setDay(name) ?? Self.text(answers[name]) }.flatMap { CalendarDay($0) }
    let reportDay = chosen ?? stated ?? today
    if from == nil, let filed = try await survey.report(day: reportDay) { answers = filed.answers }
    try apply(to: &answers)
    if let dateQuestion {
      if answers[dateQuestion] == nil { answers[dateQuestion] = .date(reportDay.description) }
      if let written = Self.text(answers[dateQuestion]).flatMap({ CalendarDay($0) }), written != reportDay {
        throw ToolError(
          vi: "Câu \(dateQuestion) ghi ngày \(written), nhưng --day là \(reportDay); hãy sửa một trong hai.",
          en: "The answer \(dateQuestion) says \(written), but --day says \(reportDay); correct one of them.")
      }
    }
    let calculated = Set(form.questions.filter { !$0.kind.isAsked }.map(\.name))
    answers = answers.filter { !calculated.contains($0.key) }
    for hidden in form.questions where hidden.kind == .hidden { answers[hidden.name] = .text(unit.rawValue) }
    switch AnswerValidator(form: form, today: today.description).validate(answers) {
    case .failure(let faults): try refuse(faults, form: form, console)
    case .success(let valid): try await save(valid, form: form, day: reportDay, unit: unit, survey: survey, console)
    }
  }

  private func save(
    _ valid: ValidatedAnswers, form: Form, day: CalendarDay, unit: UnitCode, survey: SurveyField, _ console: Console
  ) async throws {
    let saving = try await survey.saveReport(day: day, answers: valid, reason: reason)
    let said = Self.saying(saving, day: console.words.day(day))
    console.say(said.vi, said.en)
    try console.result(
      Outcome(
        unit: unit.rawValue, day: day.description, form: SurveySchema.formKey(id: form.id, version: form.version), saving: saving,
        answers: valid.values.mapValues(AnswerJSON.init)))
  }

  /// What saving a report did, in a sentence.
  static func saying(_ saving: ReportSaving, day: String) -> LocalizedText {
    switch saving {
    case .created:
      LocalizedText(vi: "Đã lập báo cáo ngày \(day); gửi bằng field sync.", en: "Filed the report of \(day); send it with field sync.")
    case .changed:
      LocalizedText(vi: "Đã sửa báo cáo ngày \(day); gửi bằng field sync.", en: "Changed the report of \(day); send it with field sync.")
    case .unchanged: LocalizedText(vi: "Báo cáo ngày \(day) đã đúng như vậy.", en: "The report of \(day) says so already.")
    }
  }

  /// Every fault with the question as the form asks it and the form's own message.
  private func refuse(_ faults: AnswerFaults, form: Form, _ console: Console) throws {
    let text = AnswerText(form: form, language: console.language)
    for fault in faults.faults {
      let place = fault.instance.map { " (\($0 + 1))" } ?? ""
      console.warn(
        LocalizedText("\(fault.question)\(place) – \(text.label(of: fault.question)): \(fault.message(console.language))"))
    }
    console.refuse(LocalizedText(vi: "Báo cáo chưa được lưu.", en: "The report was not saved."), code: "badAnswers")
    throw ToolExit.failed
  }

  private func printExample(_ form: Form, unit: UnitCode, day: CalendarDay) throws {
    let hidden = form.questions.filter { $0.kind == .hidden }.map { ($0.name, AnswerValue.text(unit.rawValue)) }
    let valid = try AnswerGenerator(form: form, day: day.description).answers(
      seed: 1, fixed: Dictionary(hidden, uniquingKeysWith: { first, _ in first }))
    let asked = Set(form.questions.filter(\.kind.isAsked).map(\.name)).union(form.repeats.map(\.name))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let answers = valid.values.filter { asked.contains($0.key) }.mapValues(AnswerJSON.init)
    Console.out(String(decoding: try encoder.encode(answers), as: UTF8.self))
  }

  // MARK: What was given

  private func givenAnswers() throws -> [String: AnswerValue] {
    guard let from else { return [:] }
    let data =
      from == "-"
      ? try FileHandle.standardInput.read(upToCount: AnswerValue.answersJSONBytesMax + 1) ?? Data()
      : try InputFile.read(from, bytesMax: AnswerValue.answersJSONBytesMax)
    return try AnswerValue.answers(fromJSON: data)
  }

  private func apply(to answers: inout [String: AnswerValue]) throws {
    for (name, value) in changes() { answers[name] = value.isEmpty ? nil : .text(value) }
  }

  private func changes() -> [(name: String, value: String)] {
    set.map { entry in
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (parts[0].trimmingCharacters(in: .whitespaces), parts.count == 2 ? parts[1] : "")
    }
  }

  private func setDay(_ question: String) -> String? {
    changes().last { $0.name == question }?.value
  }

  private static func text(_ value: AnswerValue?) -> String? {
    switch value {
    case .text(let text), .date(let text): text.trimmingCharacters(in: .whitespaces)
    default: nil
    }
  }
}
