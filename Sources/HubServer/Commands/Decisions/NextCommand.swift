internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Says in three lines where things stand and what to do next: `hub` without a command.
struct NextCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "next", abstract: LocalizedText(vi: "Cho biết làm gì tiếp theo.", en: "Say what to do next."), examples: ["hub"],
    shouldDisplay: false)

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption

  /// Legal next states: each the one below, `serving` and `stopped` in turn.
  private enum State: String, Encodable {
    case noHub, noCampaign, noDevices, stopped, serving
  }

  private struct Outcome: Encodable {
    var state: State
    var phase: CampaignPhase?
    var next: [String]
  }

  func perform(_ console: Console) async throws {
    guard try SurveyHub.exists(in: place.folder) else {
      try SurveyHub.refuseOrphanedKeys(in: place.folder)
      return try show(.noHub, phase: nil, noHub, console)
    }
    try await place.withHubForReading(options) { hub in
      let survey = try await chosen.of(hub)
      guard let plan = try await survey.plan() else {
        return try show(.noCampaign, phase: nil, noCampaign(survey), console)
      }
      let campaign = plan.campaign
      let phase = campaign.phase(atMs: survey.nowMs)
      let others = plan.campaigns.filter { $0.id != campaign.id && $0.phase(atMs: survey.nowMs) != .closed }
      let standing = ([campaign] + others).map { "\($0.id): \(console.words.standing(of: $0, atMs: survey.nowMs))" }.joined(separator: "; ")
      let devices = try await survey.hub.devices().count { $0.revokedMs == nil }
      let codes = try await survey.hub.unusedCodes()
      guard devices + codes > 0 else { return try show(.noDevices, phase: phase, noDevices(plan, standing, console.words), console) }
      let waits = plan.forms.filter { $0.state != FormState.closed.rawValue && campaign.forms.contains($0.form) }.map(\.form)
      if let serving = ServingNote.read(in: place.folder) {
        return try show(.serving, phase: phase, self.serving(serving, standing, phase, waits), console)
      }
      let (deviceText, codeText) = (console.words.number(devices), console.words.number(codes))
      let lines = [
        LocalizedText(
          vi: "\(standing); \(deviceText) thiết bị, \(codeText) mã chưa dùng; máy chủ không chạy.",
          en: "\(standing); \(deviceText) devices, \(codeText) codes unused; the hub is not running."),
        LocalizedText(vi: "Chạy máy chủ và bảng theo dõi: hub serve\(dir)", en: "Run the hub and its board: hub serve\(dir)"),
        work(phase, waits),
      ]
      try show(.stopped, phase: phase, lines, console)
    }
  }

  private func show(_ state: State, phase: CampaignPhase?, _ lines: [LocalizedText], _ console: Console) throws {
    for line in lines { console.say(line.vi, line.en) }
    try console.result(Outcome(state: state, phase: phase, next: lines.dropFirst().map { $0(console.language) }))
  }

  /// Option that a command needs to find this hub again; empty for the usual folder.
  private var dir: String { place.dir.map { " --dir \($0)" } ?? "" }
  /// Options for the same hub and the campaign that was asked about.
  private var dirAndCampaign: String { (chosen.campaign.map { " --campaign \($0)" } ?? "") + dir }

  private var noHub: [LocalizedText] {
    [
      LocalizedText(vi: "Chưa có máy chủ trong \(place.folder).", en: "There is no hub in \(place.folder)."),
      LocalizedText(
        vi: "Tạo máy chủ, rồi nạp cuộc khảo sát: hub init\(dir), hub campaign load THƯ_MỤC\(dir)",
        en: "Make one, then load a campaign: hub init\(dir), hub campaign load DIR\(dir)"),
      LocalizedText(
        vi: "Xem thử tất cả: hub rehearse Examples/bac-giang-2024; mọi lệnh: hub --help",
        en: "See everything at work: hub rehearse Examples/bac-giang-2024; all commands: hub --help"),
    ]
  }

  private func noCampaign(_ survey: SurveyHub) -> [LocalizedText] {
    [
      LocalizedText(
        vi: "Máy chủ \(survey.hub.replica.short) trong \(place.folder) chưa có cuộc khảo sát.",
        en: "Hub \(survey.hub.replica.short) in \(place.folder) has no campaign yet."),
      LocalizedText(vi: "Nạp cuộc khảo sát: hub campaign load THƯ_MỤC\(dir)", en: "Load one: hub campaign load DIR\(dir)"),
      LocalizedText(
        vi: "Kiểm tra biểu mẫu trước khi nạp: hub forms check TỆP.xlsx; mọi lệnh: hub --help",
        en: "Check its forms first: hub forms check FILE.xlsx; all commands: hub --help"),
    ]
  }

  private func noDevices(_ plan: HubPlan, _ standing: String, _ words: Wording) -> [LocalizedText] {
    let communes = words.number(plan.tree.units(at: .commune).count)
    return [
      LocalizedText(
        vi: "\(standing); \(communes) xã, chưa có mã hay thiết bị nào.",
        en: "\(standing); \(communes) communes, no codes and no devices yet."),
      LocalizedText(
        vi: "Cấp mã cho mọi xã: hub enroll --all --file codes.csv\(dir)", en: "Make codes for all: hub enroll --all --file codes.csv\(dir)"),
      LocalizedText(
        vi: "Rồi chạy máy chủ: hub serve\(dir); mọi lệnh: hub --help", en: "Then run the hub: hub serve\(dir); all commands: hub --help"),
    ]
  }

  private func serving(_ note: ServingNote.Addresses, _ standing: String, _ phase: CampaignPhase, _ waits: [String]) -> [LocalizedText] {
    [
      LocalizedText(vi: "\(standing); máy chủ đang chạy ở \(note.hub).", en: "\(standing); the hub is running at \(note.hub)."),
      LocalizedText(
        vi: "Ai đã báo cáo, ai muộn, gì bị giữ lại: \(note.board), hoặc hub status\(dirAndCampaign)",
        en: "Who has reported, who is late, what is held: \(note.board), or hub status\(dirAndCampaign)"),
      work(phase, waits),
    ]
  }

  private func work(_ phase: CampaignPhase, _ waits: [String]) -> LocalizedText {
    switch phase {
    case .notYetOpen:
      LocalizedText(
        vi: "Trước ngày mở: hub devices list\(dir) cho biết ai đã ghi danh; thêm mã: hub enroll 07201\(dir)",
        en: "Before it opens: hub devices list\(dir) tells who has enrolled; more codes: hub enroll 07201\(dir)")
    case .open, .grace:
      LocalizedText(
        vi: "Kết quả đến lúc này: hub results\(dirAndCampaign); các thiết bị: hub devices list\(dir)",
        en: "Results so far: hub results\(dirAndCampaign); the devices: hub devices list\(dir)")
    case .closed:
      if let form = waits.first {
        LocalizedText(
          vi: "Hết hạn: mở nốt các phiếu còn chờ bằng hub close \(form)\(dir), rồi hub results\(dirAndCampaign)",
          en: "It is over: release what still waits with hub close \(form)\(dir), then hub results\(dirAndCampaign)")
      } else {
        LocalizedText(
          vi: "Mọi biểu mẫu đã đóng; kết quả: hub results\(dirAndCampaign), hub results --level district\(dirAndCampaign)",
          en: "All forms are closed; the results: hub results\(dirAndCampaign), hub results --level district\(dirAndCampaign)")
      }
    }
  }
}
