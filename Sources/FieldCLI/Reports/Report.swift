internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
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
        được lưu cùng báo cáo: field show NGÀY liệt kê mọi lần sửa. --photo kèm ảnh JPEG, PNG, WebP hay HEIC: ảnh được thu về tối đa \
        1.280 điểm và bỏ hết vị trí, giờ chụp, tên máy; ảnh gửi sau chữ. --move-to sửa ngày ghi sai: báo cáo chuyển sang ngày đó, nhập \
        vào báo cáo đã có nếu có, lý do được lưu lại.
        """,
      en: """
        --set changes single answers of the report that is there: several choices with spaces between, nothing after = removes the \
        answer. The form's only date question is the day of the report: it is filled in when left out. A report that is filed is \
        changed only with a --reason, which is kept beside it: field show DAY lists every change. --photo files a JPEG, PNG, WebP or \
        HEIC picture with it: reduced to 1,280 pixels, without position, time or camera; photos travel after the text. --move-to puts \
        a wrong day right: the report goes to that day, joins one that is there already, and the reason is kept.
        """),
    examples: [
      "field report --example > report.json", "field report --from report.json",
      "field report --set answered=17 --set \"channels=loa hoi_nghi\" --day 2024-04-01",
      "field report --day 2024-04-01 --set answered=17 --reason \"two came late\"", "field report --photo board.jpg --photo hall.jpg",
      "field report --day 2031-05-05 --move-to 2024-04-01 --reason clock",
    ])

  @OptionGroup var field: FieldOptions
  @OptionGroup var meant: FieldCampaign

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

  @Option(
    name: .long,
    help: .text(
      vi: "Một tệp ảnh của báo cáo, hoặc câu=tệp cho câu hỏi ảnh; lặp lại được.",
      en: "A picture's file, or question=file for an image question; as often as needed."))
  var photo: [String] = []

  @Option(
    name: .long,
    help: .text(vi: "Ngày đúng của báo cáo ghi sai ngày (--day).", en: "The right day of a report under a wrong day (--day)."))
  var moveTo: String?

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
    /// Photos of the report, those filed earlier too.
    var photos: [FieldPhoto]
    /// Contradictions of the report with its form, or with the days of the campaign.
    var invalid: InvalidReport?
  }

  func validate() throws {
    if [!set.isEmpty || from != nil || !photo.isEmpty, example, moveTo != nil].count(where: { $0 }) != 1 {
      throw ValidationError(
        vi: "Hãy cho --set, --from hoặc --photo, hoặc --move-to, hoặc --example.",
        en: "Give --set, --from or --photo, or --move-to, or --example.")
    }
    if moveTo != nil, day == nil || reason == nil {
      throw ValidationError(vi: "--move-to cần --day và --reason.", en: "--move-to needs --day and --reason.")
    }
    try ValidationError.refuseBlank(reason: reason)
    for entry in set where !entry.contains("=") || entry.hasPrefix("=") {
      throw ValidationError(vi: "--set cần dạng câu=giá-trị, không phải \(entry).", en: "--set needs question=value, not \(entry).")
    }
  }

  func perform(_ console: Console) async throws {
    let device = try await field.open().about(campaign: meant.campaign)
    let unit = try await device.unit()
    let chosen = try day.map(FieldOptions.day)
    var answers = try givenAnswers()
    // Finds the campaign by the day: as given, otherwise as the answers state it.
    let guess = if let chosen { chosen } else { try await device.today() }
    var survey = try await device.about(reportOf: guess)
    var form = try await Self.form(of: survey)
    if chosen == nil, let stated = stated(form, answers) {
      survey = try await device.about(reportOf: stated)
      form = try await Self.form(of: survey)
    }
    let today = try await survey.campaignToday()
    if example { return try printExample(form, unit: unit, day: chosen ?? today.day) }
    if let moveTo, let chosen { return try await move(chosen, to: try FieldOptions.day(moveTo), survey, console) }
    let dateQuestion = form.dayQuestion
    let stated = stated(form, answers)
    let asked = chosen == nil && stated == nil ? Self.ask(today, console) : nil
    let reportDay = chosen ?? stated ?? asked ?? today.day
    let doubt = chosen == nil && stated == nil && asked == nil ? today.doubt : nil
    let filed = try await survey.report(day: reportDay)
    if filed == nil { try await survey.warnOfUnreadableRows(console) }
    if from == nil, let filed { answers = filed.answers }
    if from == nil && set.isEmpty && filed == nil {
      throw ToolError(
        vi: "Chưa có báo cáo ngày \(console.words.day(reportDay)) để kèm ảnh; lập báo cáo cùng ảnh bằng --from hoặc --set.",
        en: "There is no report of \(reportDay) to add photos to; file it with them, by --from or --set.")
    }
    try apply(to: &answers)
    let photos = try takePhotos(form, console)
    for photo in photos {
      if let question = photo.question { answers[question] = .text(BlobID(of: photo.photo.jpeg).hex) }
    }
    if let dateQuestion {
      if answers[dateQuestion] == nil { answers[dateQuestion] = .date(reportDay.description) }
      if let written = Self.text(answers[dateQuestion]).flatMap({ CalendarDay($0) }), written != reportDay {
        throw ToolError(
          vi: "Câu \(dateQuestion) ghi ngày \(written), nhưng --day là \(reportDay); hãy sửa một trong hai.",
          en: "The answer \(dateQuestion) says \(written), but --day says \(reportDay); correct one of them.")
      }
    }
    let unasked = Set(form.questions.filter { !$0.kind.isAsked }.map(\.name))
    answers = answers.filter { !unasked.contains($0.key) }
    switch try await survey.judge(form, day: reportDay).judge(answers, over: filed?.answers) {
    case .failure(let faults): try refuse(faults, form: form, console)
    case .success(let valid): try await save(valid, photos, form: form, day: reportDay, doubt: doubt, unit: unit, survey: survey, console)
    }
  }

  /// Returns the form of the campaign's reports.
  private static func form(of survey: SurveyField) async throws -> Form {
    guard let campaign = try await survey.campaign() else { throw SurveyFieldError.noCampaign }
    guard let form = try await survey.form(id: campaign.reportForm) else {
      throw SurveyFieldError.noForm(id: campaign.reportForm, version: nil)
    }
    return form
  }

  /// Returns the day that the answers give to the form's day question.
  private func stated(_ form: Form, _ answers: [String: AnswerValue]) -> CalendarDay? {
    form.dayQuestion.flatMap { name in setDay(name) ?? Self.text(answers[name]) }.flatMap { CalendarDay($0) }
  }

  /// Asks the person at a terminal for the day, when no clock can be trusted.
  ///
  /// - Returns: Nil when the clock is trusted, or nobody can be asked.
  private static func ask(_ today: CampaignToday, _ console: Console) -> CalendarDay? {
    guard let doubt = today.doubt, !console.isJSON, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return nil }
    while true {
      console.warn(
        LocalizedText(
          vi: "Không rõ hôm nay là ngày nào: \(doubt.explanation.vi). Báo cáo này của ngày nào (NĂM-THÁNG-NGÀY)?",
          en: "Today is not certain: \(doubt.explanation.en). Which day is this report about (YYYY-MM-DD)?"))
      guard let line = readLine() else { return nil }
      if let day = FieldOptions.readDay(line.trimmingCharacters(in: .whitespaces)) { return day }
    }
  }

  /// Corrects a report's day.
  private func move(_ wrong: CalendarDay, to right: CalendarDay, _ survey: SurveyField, _ console: Console) async throws {
    let move = try await survey.moveReport(from: wrong, to: right, reason: reason ?? "")
    let (from, to) = (console.words.day(wrong), console.words.day(right))
    console.say(
      move.isMerged
        ? "Báo cáo ngày \(from) đã nhập vào báo cáo ngày \(to); gửi bằng field sync."
        : "Báo cáo ngày \(from) nay là của ngày \(to); gửi bằng field sync.",
      move.isMerged
        ? "The report of \(from) joined that of \(to); send it with field sync."
        : "The report of \(from) is that of \(to) now; send it with field sync.")
    if !move.kept.isEmpty {
      let list = move.kept.joined(separator: ", ")
      console.warn(
        LocalizedText(
          vi: "Hai báo cáo khác nhau ở: \(list). Giữ theo báo cáo ngày \(to); giá trị kia ở field show \(wrong).",
          en: "The two differ in: \(list). What the report of \(to) said stands; the other is in field show \(wrong)."))
    }
    if let invalid = try await survey.report(day: right)?.invalid { console.warn(invalid.explanation) }
    try console.result(move)
  }

  private func save(
    _ valid: ValidatedAnswers, _ photos: [NewPhoto], form: Form, day: CalendarDay, doubt: CampaignToday.Doubt?, unit: UnitCode,
    survey: SurveyField, _ console: Console
  ) async throws {
    let saving = try await survey.saveReport(day: day, answers: valid, reason: reason, photos: photos, doubt: doubt)
    let said = Self.saying(saving, day: console.words.day(day))
    console.say(said.vi, said.en)
    let invalid = try await survey.report(day: day)?.invalid
    if let invalid { console.warn(invalid.explanation) }
    let all = try await survey.photos(day: day)
    if !photos.isEmpty {
      let size = ByteAmount.text(photos.reduce(0) { $0 + $1.photo.jpeg.count }, console.words)
      console.say(
        "Kèm \(photos.count) ảnh (\(size)), báo cáo có \(all.count) ảnh.",
        "Added \(photos.count) photos (\(size)); the report has \(all.count).")
    }
    try console.result(
      Outcome(
        unit: unit.rawValue, day: day.description, form: SurveySchema.formKey(id: form.id, version: form.version), saving: saving,
        answers: valid.values.mapValues(AnswerJSON.init), photos: all, invalid: invalid))
  }

  /// Reads every picture before anything is written; each one that is refused is named with the reason.
  private func takePhotos(_ form: Form, _ console: Console) throws -> [NewPhoto] {
    let questions = Set(form.questions.filter { $0.kind == .image }.map(\.name))
    let repeated = Set(form.repeats.flatMap { form.questions(in: $0) })
    var photos: [NewPhoto] = []
    var isRefused = false
    for entry in photo {
      let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
      let question = parts.count == 2 && questions.contains(parts[0]) ? parts[0] : nil
      if let question, repeated.contains(question) {
        throw ToolError(
          vi: "Câu \(question) được hỏi nhiều lần, kèm các câu khác; trả lời bằng field collect \(form.id).",
          en: "The question \(question) is asked several times, with others; answer it by field collect \(form.id).")
      }
      let path = question == nil ? entry : parts[1]
      let bytes = try InputFile.read(path, bytesMax: Photo.sourceBytesMax)
      let side = question.flatMap { form.question(named: $0)?.maxPixels } ?? Photo.sidePixelsMax
      do throws(PhotoFault) {
        photos.append(NewPhoto(try Photo(bytes, sideMax: side), question: question))
      } catch {
        isRefused = true
        console.warn(LocalizedText(vi: "\(path): \(error.explanation.vi)", en: "\(path): \(error.explanation.en)"))
      }
    }
    guard isRefused else { return photos }
    console.refuse(LocalizedText(vi: "Báo cáo chưa được lưu.", en: "The report was not saved."), code: "badPhoto")
    throw ToolExit.failed
  }

  /// Returns a sentence about the result of saving a report.
  static func saying(_ saving: ReportSaving, day: String) -> LocalizedText {
    switch saving {
    case .created:
      LocalizedText(vi: "Đã lập báo cáo ngày \(day); gửi bằng field sync.", en: "Filed the report of \(day); send it with field sync.")
    case .changed:
      LocalizedText(vi: "Đã sửa báo cáo ngày \(day); gửi bằng field sync.", en: "Changed the report of \(day); send it with field sync.")
    case .unchanged: LocalizedText(vi: "Báo cáo ngày \(day) đã đúng như vậy.", en: "The report of \(day) says so already.")
    }
  }

  /// Prints every fault with the question as the form asks it and the form's own message.
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
    Console.out(json: try encoder.encode(answers))
  }

  // MARK: What was given

  private func givenAnswers() throws -> [String: AnswerValue] {
    guard let from else { return [:] }
    let data =
      from == "-"
      ? try FileHandle.standardInput.read(upToCount: AnswerValue.answersJSONBytesMax + 1) ?? Data()
      : try InputFile.read(from, bytesMax: AnswerValue.answersJSONBytesMax)
    if data.count <= AnswerValue.answersJSONBytesMax, let line = AnswerValue.faultLine(inJSON: data) {
      let name = from == "-" ? LocalizedText(vi: "đầu vào chuẩn", en: "standard input") : LocalizedText(from)
      throw ToolError(
        vi: "\(name.vi), dòng \(line): không phải JSON đúng; kiểm tra dấu phẩy, dấu ngoặc và dấu nháy. Xem mẫu: field report --example.",
        en: "\(name.en), line \(line): this is not valid JSON; check commas, brackets and quotes. See field report --example.")
    }
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
