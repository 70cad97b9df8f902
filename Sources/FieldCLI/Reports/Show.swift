internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Show: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Xem báo cáo của một ngày, hoặc một xung đột: giá trị nào đang giữ, giá trị nào bị thay.",
      en: "Show the report of a day, or a conflict: what stands and what was overridden."),
    examples: ["field show 2024-04-01", "field show 3f9a12cc"])

  @OptionGroup var field: FieldOptions

  @Argument(
    help: .text(
      vi: "Một ngày, hoặc các chữ số đầu của mã xung đột như field list nêu.",
      en: "A day, or the first digits of a conflict's id as field list gives it."))
  var what: String

  private struct ReportOutcome: Encodable {
    var unit: String
    var day: String
    var form: String
    struct Change: Encodable {
      /// Time in the campaign's zone, to the minute.
      var at: String?
      var device: String
      var reason: String
      var before: [String: AnswerJSON]
      var after: [String: AnswerJSON]
    }

    var answers: [String: AnswerJSON]
    /// Answers by a program of another version, overridden by a later write.
    var overridden: [String: AnswerJSON]
    var conflicts: [String]
    /// Contradictions with its form as it stands.
    var invalid: InvalidReport?
    var photos: [FieldPhoto]
    /// Arrival of the report and its photos at the hub; nil without photos.
    var arrival: RecordArrival?
    /// Corrections, oldest first.
    var changes: [Change]
  }

  private struct ConflictOutcome: Encodable {
    struct Side: Encodable {
      var value: String?
      var device: String
      /// Time in the campaign's zone.
      var writtenAt: String?
    }

    struct Difference: Encodable {
      var question: String
      var losing: AnswerJSON?
      var winning: AnswerJSON?
    }

    var id: String
    var isOpen: Bool
    var table: String
    var row: String
    var column: String
    /// Question, when it is about one question of a report.
    var member: String?
    var losing: Side
    var winning: Side
    var differences: [Difference]
  }

  func perform(_ console: Console) async throws {
    let survey = try field.openForReading(console)
    _ = try await survey.unit()
    if let day = FieldOptions.readDay(what) { return try await showReport(day, survey, console) }
    let found = try await survey.conflicts(idPrefix: what.lowercased())
    guard let conflict = found.first else {
      throw ToolError(
        vi: "\"\(what)\" không phải ngày (2024-04-01) cũng không phải mã xung đột ở đây; xem field list.",
        en: "\"\(what)\" is neither a day (2024-04-01) nor a conflict here; see field list.")
    }
    guard found.count == 1 else {
      throw ToolError(
        vi: "Có \(found.count) xung đột bắt đầu bằng \(what); ghi dài hơn.",
        en: "\(found.count) conflicts begin with \(what); give more digits.")
    }
    try await showConflict(conflict, survey, console)
  }

  private func showReport(_ day: CalendarDay, _ survey: SurveyField, _ console: Console) async throws {
    let unit = try await survey.unit()
    let unreadable = try await survey.warnOfUnreadableRows(console)
    guard let report = try await survey.report(day: day) else {
      let key = SurveySchema.reportKey(unit: unit.rawValue, day: day.description)
      // Stops, because the report was already named as unreadable, with the reason.
      if unreadable.contains(where: { $0.table == "report" && $0.key == key }) { throw ToolExit.failed }
      let changes = try await survey.reportChanges(day: day)
      for change in changes { show(change, AnswerText(form: nil, language: console.language), try await survey.campaign(), console) }
      if !changes.isEmpty {
        throw ToolError(
          vi: "Báo cáo ngày \(console.words.day(day)) đã được rút hoặc chuyển sang ngày khác; những lần sửa và lý do ở trên.",
          en: "The report of \(console.words.day(day)) was withdrawn or moved to another day; its changes and their reasons stand above.")
      }
      throw ToolError(
        vi: "Chưa có báo cáo ngày \(console.words.day(day)) trên máy này.",
        en: "There is no report of \(console.words.day(day)) on this device.")
    }
    let form = try await survey.form(id: report.formID, version: report.formVersion)
    let text = AnswerText(form: form, language: console.language)
    let name = try await survey.units()?.displayName(of: unit) ?? unit.rawValue
    let conflicts = try await survey.openConflicts().filter { $0.table == "report" && $0.reportDay == day }
    console.say("Báo cáo ngày \(console.words.day(day)), \(name)", "Report of \(console.words.day(day)), \(name)")
    for question in text.ordered(report.answers) {
      console.say(
        "  \(text.label(of: question)): \(text.text(report.answers[question], to: question))",
        "  \(text.label(of: question)): \(text.text(report.answers[question], to: question))")
    }
    for question in text.ordered(report.overridden) {
      let answer = text.text(report.overridden[question], to: question)
      console.say(
        "  Máy dùng bản khác ghi \(text.label(of: question)): \(answer); sửa lại nếu câu đó mới đúng.",
        "  A device with another version wrote \(text.label(of: question)): \(answer); change the report if that is right.")
    }
    if let invalid = report.invalid { console.warn(invalid.explanation) }
    let photos = try await survey.photos(day: day)
    let key = SurveySchema.reportKey(unit: unit.rawValue, day: day.description)
    let arrival = try await survey.arrivals()[key]
    for photo in photos {
      let place = photo.isAtHub ? console.words.text("đã về tỉnh", "at the hub") : console.words.text("chưa về tỉnh", "not at the hub yet")
      let question = photo.question.map { "\(text.label(of: $0)), " } ?? ""
      let size = ByteAmount.text(photo.bytes, console.words)
      console.say(
        "  Ảnh \(photo.blob.prefix(8)): \(question)\(size), \(place)", "  Photo \(photo.blob.prefix(8)): \(question)\(size), \(place)")
    }
    if let arrival { console.say(SyncWords.arrival(arrival).vi, SyncWords.arrival(arrival).en) }
    let campaign = try await survey.campaign()
    let changes = try await survey.reportChanges(day: day)
    for change in changes { show(change, text, campaign, console) }
    for conflict in conflicts {
      console.say("Có xung đột: field show \(conflict.id.prefix(8))", "There is a conflict: field show \(conflict.id.prefix(8))")
    }
    try console.result(
      ReportOutcome(
        unit: unit.rawValue, day: day.description, form: SurveySchema.formKey(id: report.formID, version: report.formVersion),
        answers: report.answers.mapValues(AnswerJSON.init), overridden: report.overridden.mapValues(AnswerJSON.init),
        conflicts: conflicts.map(\.id), invalid: report.invalid, photos: photos, arrival: arrival,
        changes: changes.map { change in
          ReportOutcome.Change(
            at: campaign?.localTime(atMs: change.changedMs).description, device: change.device, reason: change.reason,
            before: change.before.mapValues(AnswerJSON.init), after: change.after.mapValues(AnswerJSON.init))
        }))
  }

  /// Prints one correction: when, on which device, why; then each answer that a person changed.
  private func show(_ change: ReportChange, _ text: AnswerText, _ campaign: Campaign?, _ console: Console) {
    let time = campaign.map { console.words.time($0.localTime(atMs: change.changedMs)) } ?? ""
    console.say(
      "Sửa lúc \(time), máy \(change.device): \(change.reason)", "Changed \(time), device \(change.device): \(change.reason)")
    for question in text.ordered(change.before.merging(change.after) { $1 }) {
      if let form = text.form, form.question(named: question)?.kind == .calculate { continue }
      let (before, after) = (text.text(change.before[question], to: question), text.text(change.after[question], to: question))
      console.say("  \(text.label(of: question)): \(before) → \(after)", "  \(text.label(of: question)): \(before) → \(after)")
    }
  }

  private func showConflict(_ conflict: FieldConflict, _ survey: SurveyField, _ console: Console) async throws {
    let campaign = try await survey.campaign()
    var form: Form?
    if let campaign, conflict.table == "report" { form = try await survey.form(id: campaign.reportForm) }
    let text = AnswerText(form: form, language: console.language)
    func time(_ ms: Int64) -> String? { campaign?.localTime(atMs: ms).description }
    func shown(_ ms: Int64) -> String { campaign.map { console.words.time($0.localTime(atMs: ms)) } ?? "" }
    let differences = conflict.differingAnswers
    console.say(
      "Xung đột \(conflict.id): \(conflict.table) \(conflict.row), \(conflict.column)\(conflict.isOpen ? "" : " (đã giải quyết)")",
      "Conflict \(conflict.id): \(conflict.table) \(conflict.row), \(conflict.column)\(conflict.isOpen ? "" : " (settled)")")
    console.say(
      "Đang giữ: thiết bị \(conflict.winningDevice), \(shown(conflict.winningMs))",
      "Stands: device \(conflict.winningDevice), \(shown(conflict.winningMs))")
    console.say(
      "Bị thay: thiết bị \(conflict.losingDevice), \(shown(conflict.losingMs))",
      "Overridden: device \(conflict.losingDevice), \(shown(conflict.losingMs))")
    if let differences {
      let words = console.words
      let heading = [words.text("Câu hỏi", "Question"), words.text("Đang giữ", "Stands"), words.text("Bị thay", "Overridden")]
      console.table(
        [heading]
          + differences.map {
            [text.label(of: $0.question), text.text($0.winning, to: $0.question), text.text($0.losing, to: $0.question)]
          })
    } else {
      console.table([[conflict.winningValue ?? "", conflict.losingValue ?? ""]])
    }
    if conflict.isOpen, let day = conflict.reportDay {
      console.say(
        "Để giải quyết: field resolve \(conflict.id.prefix(8)) --keep hoặc --take; hoặc ghi lại câu đúng: field report --day \(day) --set câu=giá-trị.",
        "To settle it: field resolve \(conflict.id.prefix(8)) with --keep or --take; or write what is right: field report --day \(day) --set question=value."
      )
    }
    try console.result(
      ConflictOutcome(
        id: conflict.id, isOpen: conflict.isOpen, table: conflict.table, row: conflict.row, column: conflict.column,
        member: conflict.member,
        losing: ConflictOutcome.Side(value: conflict.losingValue, device: conflict.losingDevice, writtenAt: time(conflict.losingMs)),
        winning: ConflictOutcome.Side(value: conflict.winningValue, device: conflict.winningDevice, writtenAt: time(conflict.winningMs)),
        differences: (differences ?? []).map {
          ConflictOutcome.Difference(
            question: $0.question, losing: $0.losing.map(AnswerJSON.init), winning: $0.winning.map(AnswerJSON.init))
        }))
  }
}
