internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct List: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Liệt kê báo cáo, đếm phiếu, nêu các xung đột.", en: "List the reports here, count the answers, name the conflicts."),
    examples: ["field list", "field list --json"])

  @OptionGroup var field: FieldOptions
  @Option(
    name: .long,
    help: .text(
      vi: "Chỉ đợt khảo sát này, theo mã. Mặc định: mọi đợt đang chạy.", en: "This campaign only, by its id. Default: all that are awaited."
    ))
  var campaign: String?

  private struct Outcome: Encodable {
    struct Report: Encodable {
      var day: String
      var unit: String
      var form: String
      /// Campaign that asks for a report of the day; nil when none does.
      var campaign: String?
      /// Number of questions answered.
      var answers: Int
      var isReportDay: Bool
      var conflicts: Int
      /// Contradictions with its form as it stands.
      var invalid: InvalidReport?
      /// Reason why an operator sent it back, while it is neither corrected nor answered for.
      var returned: String?
    }

    struct Conflict: Encodable {
      var id: String
      var row: String
      var column: String
    }

    struct Answers: Encodable {
      var collected: Int
      var waiting: Int
      var kept: Int
    }

    struct Missing: Encodable {
      var campaign: String
      var days: [String]
    }

    var reports: [Report]
    /// Report days without a report here.
    var missingDays: [String]
    /// Missing days by campaign.
    var missing: [Missing]
    var answers: Answers
    var conflicts: [Conflict]
    /// Rows here that cannot be read; nil when there are none.
    var unreadable: [UnreadableRow]?
  }

  func perform(_ console: Console) async throws {
    let survey = try await field.openForReading(console).about(campaign: campaign)
    let unit = try await survey.unit()
    var outcome = try await outcome(survey, unit: unit)
    let unreadable = try await survey.warnOfUnreadableRows(console)
    if !unreadable.isEmpty { outcome.unreadable = unreadable }
    try console.result(outcome)
    let words = console.words
    if outcome.reports.isEmpty {
      console.say("Chưa có báo cáo nào.", "There are no reports yet.")
    } else {
      // Names the campaign of each report when there are several.
      let isOne = Set(outcome.reports.map(\.campaign)).count < 2 && outcome.missing.count < 2
      func named(_ campaign: String?) -> [String] { isOne ? [] : [campaign ?? ""] }
      console.table(
        [
          [words.text("Ngày", "Day"), words.text("Đơn vị", "Unit"), words.text("Số câu", "Answered"), words.text("Xung đột", "Conflicts")]
            + named(words.text("Đợt", "Campaign"))
        ]
          + outcome.reports.map { [Self.day($0.day, console), $0.unit, String($0.answers), String($0.conflicts)] + named($0.campaign) })
    }
    for invalid in outcome.reports.compactMap(\.invalid) { console.warn(invalid.explanation) }
    for report in outcome.reports {
      guard let words = report.returned else { continue }
      let day = Self.day(report.day, console)
      console.say("Bị trả lại, \(day): “\(words)”; xem field inbox.", "Sent back, \(day): “\(words)”; see field inbox.")
    }
    for missing in outcome.missing {
      let days = missing.days.map { Self.day($0, console) }.joined(separator: ", ")
      let of = outcome.missing.count > 1 ? " (\(missing.campaign))" : ""
      console.say("Chưa báo cáo\(of): \(days)", "Not reported\(of): \(days)")
    }
    let answers = outcome.answers
    console.say(
      "Phiếu: \(console.words.number(answers.collected)) đã thu, \(console.words.number(answers.waiting)) chờ gửi, \(console.words.number(answers.kept)) tỉnh đã nhận (không xem lại được trên máy này)",
      "Answers: \(console.words.number(answers.collected)) collected, \(console.words.number(answers.waiting)) waiting, \(console.words.number(answers.kept)) kept at the hub (they cannot be read here)"
    )
    for conflict in outcome.conflicts {
      console.say(
        "Xung đột \(conflict.id.prefix(8)): \(conflict.row), \(conflict.column); xem: field show \(conflict.id.prefix(8))",
        "Conflict \(conflict.id.prefix(8)): \(conflict.row), \(conflict.column); see: field show \(conflict.id.prefix(8))")
    }
  }

  private static func day(_ iso: String, _ console: Console) -> String { CalendarDay(iso).map(console.words.day) ?? iso }

  private func outcome(_ survey: SurveyField, unit: UnitCode) async throws -> Outcome {
    var campaigns = try await survey.openCampaigns()
    if campaign != nil { campaigns = Array(campaigns.prefix(1)) }
    func asking(_ day: CalendarDay) -> Campaign? { campaigns.first { $0.expectsReport(on: day) } }
    let reports = try await survey.reports().filter { campaign == nil || asking($0.day) != nil }
    let conflicts = try await survey.openConflicts()
    let status = try await survey.replica.status()
    let returned = try await survey.notices().filter(\.asksForCorrection)
    var missing: [Outcome.Missing] = []
    if !campaigns.isEmpty {
      let today = try await survey.today()
      let filed = Set(reports.filter { $0.unit == unit }.map(\.day))
      missing = campaigns.compactMap { campaign in
        let days = campaign.reportDays.filter { $0 <= today && !filed.contains($0) }.sorted()
        return days.isEmpty ? nil : Outcome.Missing(campaign: campaign.id, days: days.map(\.description))
      }
    }
    return Outcome(
      reports: reports.map { report in
        let key = SurveySchema.reportKey(unit: report.unit.rawValue, day: report.day.description)
        return Outcome.Report(
          day: report.day.description, unit: report.unit.rawValue,
          form: SurveySchema.formKey(id: report.formID, version: report.formVersion), campaign: asking(report.day)?.id,
          answers: report.answers.count, isReportDay: asking(report.day) != nil,
          conflicts: conflicts.count { $0.table == "report" && $0.row == key }, invalid: report.invalid,
          returned: returned.first { $0.day == report.day && $0.unit == report.unit }?.words)
      },
      missingDays: missing.flatMap(\.days).sorted(), missing: missing,
      answers: Outcome.Answers(collected: status.packetsMade, waiting: status.packetsWaiting, kept: status.packetsKept),
      conflicts: conflicts.map { Outcome.Conflict(id: $0.id, row: $0.row, column: $0.column) })
  }
}
