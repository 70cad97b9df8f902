internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

struct List: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the reports here, count the answers, name the conflicts.", discussion: "field list\nfield list --json")

  @OptionGroup var field: FieldOptions

  private struct Outcome: Encodable {
    struct Report: Encodable {
      var day: String
      var unit: String
      var form: String
      /// Questions answered.
      var answers: Int
      var isReportDay: Bool
      var conflicts: Int
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

    var reports: [Report]
    /// Report days without a report here.
    var missingDays: [String]
    var answers: Answers
    var conflicts: [Conflict]
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    let unit = try await survey.unit()
    let outcome = try await outcome(survey, unit: unit)
    try console.result(outcome)
    let isVietnamese = console.language == .vietnamese
    if outcome.reports.isEmpty {
      console.say("Chưa có báo cáo nào.", "There are no reports yet.")
    } else {
      console.table(
        [isVietnamese ? ["Ngày", "Đơn vị", "Số câu", "Xung đột"] : ["Day", "Unit", "Answered", "Conflicts"]]
          + outcome.reports.map { [$0.day, $0.unit, String($0.answers), String($0.conflicts)] })
    }
    if !outcome.missingDays.isEmpty {
      console.say(
        "Chưa báo cáo: \(outcome.missingDays.joined(separator: ", "))", "Not reported: \(outcome.missingDays.joined(separator: ", "))")
    }
    let answers = outcome.answers
    console.say(
      "Phiếu: \(answers.collected) đã thu, \(answers.waiting) chờ gửi, \(answers.kept) tỉnh đã nhận (không xem lại được trên máy này)",
      "Answers: \(answers.collected) collected, \(answers.waiting) waiting, \(answers.kept) kept at the hub (they cannot be read here)")
    for conflict in outcome.conflicts {
      console.say(
        "Xung đột \(conflict.id.prefix(8)): \(conflict.row), \(conflict.column); xem: field show \(conflict.id.prefix(8))",
        "Conflict \(conflict.id.prefix(8)): \(conflict.row), \(conflict.column); see: field show \(conflict.id.prefix(8))")
    }
  }

  private func outcome(_ survey: SurveyField, unit: UnitCode) async throws -> Outcome {
    let campaign = try await survey.campaign()
    let reports = try await survey.reports()
    let conflicts = try await survey.openConflicts()
    let status = try await survey.replica.status()
    var missing: [CalendarDay] = []
    if let campaign {
      let today = try await survey.today()
      let filed = Set(reports.filter { $0.unit == unit }.map(\.day))
      missing = campaign.reportDays.filter { $0 <= today && !filed.contains($0) }
    }
    return Outcome(
      reports: reports.map { report in
        let key = SurveySchema.reportKey(unit: report.unit.rawValue, day: report.day.description)
        return Outcome.Report(
          day: report.day.description, unit: report.unit.rawValue,
          form: SurveySchema.formKey(id: report.formID, version: report.formVersion),
          answers: report.answers.count, isReportDay: campaign?.expectsReport(on: report.day) ?? false,
          conflicts: conflicts.count { $0.table == "report" && $0.row == key })
      },
      missingDays: missing.map(\.description),
      answers: Outcome.Answers(collected: status.packetsMade, waiting: status.packetsWaiting, kept: status.packetsKept),
      conflicts: conflicts.map { Outcome.Conflict(id: $0.id, row: $0.row, column: $0.column) })
  }
}
