internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// What `field` alone says: where things stand and what to do next, in three lines.
struct Next: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(vi: "Cho biết làm gì tiếp theo.", en: "Say what to do next."), examples: ["field"], shouldDisplay: false)

  @OptionGroup var field: FieldOptions

  private struct Outcome: Encodable {
    var isEnrolled = false
    var unit: String?
    /// Nil before the campaign has arrived.
    var phase: CampaignPhase?
    var waiting = 0
    var conflicts = 0
    var next: [String] = []
  }

  func perform(_ console: Console) async throws {
    let survey = field.storeExists ? try field.openForReading(console) : nil
    guard let survey, let enrolment = try await survey.replica.enrolment() else {
      return try show(Self.enrolling(field.storePath), Outcome(), console)
    }
    let status = try await survey.replica.status()
    var outcome = Outcome(isEnrolled: true, unit: enrolment.writeScope, conflicts: status.openConflicts)
    outcome.waiting = status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting
    let sending = Self.sending(outcome, console.words)
    let name = try await survey.units()?.displayName(of: UnitCode(enrolment.writeScope)) ?? enrolment.writeScope
    guard let campaign = try await survey.campaign() else {
      let lines = [
        LocalizedText(vi: "Thiết bị của \(name); chưa nhận được đợt khảo sát.", en: "A device of \(name); the campaign has not arrived."),
        LocalizedText(vi: "Nhận đợt khảo sát khi có mạng: field sync", en: "Fetch it when there is a network: field sync"), sending,
      ]
      return try show(lines, outcome, console)
    }
    try await survey.warnOfUnreadableRows(console)
    let nowMs = try await survey.hubTimeMs()
    let phase = campaign.phase(atMs: nowMs)
    outcome.phase = phase
    let standing = console.words.standing(of: campaign, atMs: nowMs)
    let lines = [
      LocalizedText(vi: "Thiết bị của \(name); \(standing).", en: "A device of \(name); \(standing)."),
      try await Self.working(phase, survey, campaign: campaign, unit: UnitCode(enrolment.writeScope), console.words), sending,
    ]
    try show(lines, outcome, console)
  }

  private func show(_ lines: [LocalizedText], _ outcome: Outcome, _ console: Console) throws {
    for line in lines { console.say(line.vi, line.en) }
    var outcome = outcome
    outcome.next = lines.dropFirst().map { $0(console.language) }
    try console.result(outcome)
  }

  private static func enrolling(_ path: String) -> [LocalizedText] {
    [
      LocalizedText(vi: "Thiết bị chưa ghi danh (\(path)).", en: "This device is not enrolled (\(path))."),
      LocalizedText(
        vi: "Xin tỉnh mã ghi danh, rồi: field enroll MÃ --hub ĐỊA-CHỈ",
        en: "Ask the province for a code, then: field enroll CODE --hub ADDRESS"),
      LocalizedText(
        vi: "Không có mạng: xin tệp ghi danh, rồi: field enroll --file TỆP",
        en: "Without a network: ask for a file, then: field enroll --file FILE"),
    ]
  }

  /// The work of the campaign's phase: a report that is missing comes before anything else.
  private static func working(
    _ phase: CampaignPhase, _ survey: SurveyField, campaign: Campaign, unit: UnitCode, _ words: Wording
  ) async throws -> LocalizedText {
    let today = try await survey.today()
    let filed = Set(try await survey.reports().filter { $0.unit == unit }.map(\.day))
    let missing = campaign.reportDays.filter { $0 <= today && !filed.contains($0) }
    if let day = missing.last {
      return LocalizedText(
        vi: "Chưa báo cáo ngày \(words.day(day)): field collect \(campaign.reportForm), hoặc field report --from bc.json --day \(day)",
        en: "No report of \(words.day(day)): field collect \(campaign.reportForm), or field report --from day.json --day \(day)")
    }
    if phase == .notYetOpen {
      return LocalizedText(
        vi: "Xem trước biểu mẫu: field forms; tập làm báo cáo: field report --example",
        en: "Look at the forms: field forms; see what a report asks: field report --example")
    }
    if phase == .open {
      return LocalizedText(
        vi: "Thu phiếu: field collect, hoặc từ tệp: field import phieu.csv; báo cáo đã lập: field list",
        en: "Collect answers: field collect, or from a file: field import answers.csv; reports so far: field list")
    }
    return LocalizedText(
      vi: "Không thu phiếu mới nữa; xem lại những gì đã làm: field list",
      en: "No new answers are taken; look back at what was done: field list")
  }

  private static func sending(_ outcome: Outcome, _ words: Wording) -> LocalizedText {
    if outcome.waiting > 0 {
      let count = words.number(outcome.waiting)
      return LocalizedText(
        vi: "Có \(count) mục chờ gửi khi có mạng: field sync", en: "\(count) wait to be sent when there is a network: field sync")
    }
    if outcome.conflicts > 0 {
      let count = words.number(outcome.conflicts)
      return LocalizedText(vi: "Có \(count) xung đột cần xem: field list", en: "\(count) conflicts to look at: field list")
    }
    return LocalizedText(
      vi: "Không có gì chờ gửi; tình hình: field status; mọi lệnh: field --help",
      en: "Nothing waits to be sent; how things stand: field status; all commands: field --help")
  }
}
