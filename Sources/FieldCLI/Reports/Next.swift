internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Output of `field` alone: the state and what to do next, in three lines.
struct Next: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(vi: "Cho biết làm gì tiếp theo.", en: "Say what to do next."), examples: ["field"], shouldDisplay: false)

  @OptionGroup var field: FieldOptions
  @OptionGroup var meant: FieldCampaign

  /// Campaigns and forms named in one line.
  private static let namedMax = 3

  private struct Outcome: Encodable {
    var isEnrolled = false
    var isRevoked = false
    var unit: String?
    /// Phase; nil before the campaign has arrived.
    var phase: CampaignPhase?
    var waiting = 0
    var conflicts = 0
    var next: [String] = []
  }

  func perform(_ console: Console) async throws {
    let device = field.storeExists ? try field.openForReading(console) : nil
    guard let survey = try await device?.about(campaign: meant.campaign), let enrolment = try await survey.replica.enrolment() else {
      let awaited = try await device?.replica.awaitsEnrolment() == true
      return try show(awaited ? Self.awaiting(field.storePath) : Self.enrolling(field.storePath), Outcome(), console)
    }
    let status = try await survey.replica.status()
    var outcome = Outcome(isEnrolled: true, unit: enrolment.writeScope, conflicts: status.openConflicts)
    outcome.waiting = status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting
    outcome.isRevoked = try await survey.replica.isRevoked()
    let sending = outcome.isRevoked ? Status.revoked(UnitCode(enrolment.writeScope)) : Self.sending(outcome, console.words)
    let name = try await survey.units()?.displayName(of: UnitCode(enrolment.writeScope)) ?? enrolment.writeScope
    let campaigns = try await survey.openCampaigns()
    guard let campaign = campaigns.first else {
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
    let standings = campaigns.prefix(Self.namedMax).map {
      (campaigns.count > 1 ? "\($0.id): " : "") + console.words.standing(of: $0, atMs: nowMs)
    }
    let standing = standings.joined(separator: "; ")
    let work =
      if let waiting = Inbox.waiting(try await survey.notices(), console.words) {
        waiting
      } else {
        try await Self.working(campaigns, atMs: nowMs, survey, unit: UnitCode(enrolment.writeScope), console.words)
      }
    let lines = [LocalizedText(vi: "Thiết bị của \(name); \(standing).", en: "A device of \(name); \(standing)."), work, sending]
    try show(lines, outcome, console)
  }

  private func show(_ lines: [LocalizedText], _ outcome: Outcome, _ console: Console) throws {
    for line in lines { console.say(line.vi, line.en) }
    var outcome = outcome
    outcome.next = lines.dropFirst().map { $0(console.language) }
    try console.result(outcome)
  }

  private static func awaiting(_ path: String) -> [LocalizedText] {
    [
      LocalizedText(
        vi: "Thiết bị chưa ghi danh (\(path)); đang chờ tỉnh trả lời yêu cầu.",
        en: "This device is not enrolled (\(path)); the province's return is awaited."),
      LocalizedText(vi: "Nhận được tệp trả lời: field import-bundle TỆP", en: "Once the return is here: field import-bundle FILE"),
      LocalizedText(
        vi: "Có mạng thì không cần chờ: field enroll MÃ --hub ĐỊA-CHỈ",
        en: "With a network there is no need to wait: field enroll CODE --hub ADDRESS"),
    ]
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

  /// Returns the work of the campaigns' phases: a missing report comes before anything else.
  private static func working(
    _ campaigns: [Campaign], atMs nowMs: Int64, _ survey: SurveyField, unit: UnitCode, _ words: Wording
  ) async throws -> LocalizedText {
    let today = try await survey.today()
    let filed = Set(try await survey.reports().filter { $0.unit == unit }.map(\.day))
    let missing = campaigns.flatMap { campaign in campaign.reportDays.map { (day: $0, form: campaign.reportForm) } }
      .filter { $0.day <= today && !filed.contains($0.day) }
    if let (day, form) = missing.max(by: { $0.day < $1.day }) {
      return LocalizedText(
        vi: "Chưa báo cáo ngày \(words.day(day)): field collect \(form), hoặc field report --from bc.json --day \(day)",
        en: "No report of \(words.day(day)): field collect \(form), or field report --from day.json --day \(day)")
    }
    let open = campaigns.filter { $0.phase(atMs: nowMs) == .open }
    if open.isEmpty, campaigns.contains(where: { $0.phase(atMs: nowMs) == .notYetOpen }) {
      return LocalizedText(
        vi: "Xem trước biểu mẫu: field forms; tập làm báo cáo: field report --example",
        en: "Look at the forms: field forms; see what a report asks: field report --example")
    }
    if !open.isEmpty {
      // Leaves out the form's name when only the requested campaign is open.
      let isAlone = open.map(\.id) == campaigns.prefix(1).map(\.id)
      let form = isAlone ? "" : " " + open.flatMap(\.forms).prefix(Self.namedMax).joined(separator: "|")
      return LocalizedText(
        vi: "Thu phiếu: field collect\(form), hoặc từ tệp: field import phieu.csv; báo cáo đã lập: field list",
        en: "Collect answers: field collect\(form), or from a file: field import answers.csv; reports so far: field list")
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
