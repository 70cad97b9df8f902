internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Moves the days of a campaign.
struct CampaignWindowCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "window",
    abstract: LocalizedText(
      vi: "Đổi ngày giờ của cuộc khảo sát: gia hạn, mở sớm, thêm ngày báo cáo.",
      en: "Change the days of the campaign: extend it, open earlier, add report days."),
    discussion: LocalizedText(
      vi: "Máy của xã và biểu mẫu web theo ngày mới từ lần liên lạc sau; mã QR đã in vẫn dùng được. Lệnh nói ngày cũ, để đổi lại được.",
      en: """
        Devices and the web form follow from their next contact on, and printed QR codes stay good. The former days are told, so that they \
        can be set again.
        """),
    examples: [
      #"hub campaign window --closes "2024-04-20 22:00" --reason "flood""#,
      #"hub campaign window --report-day 2024-04-18 --reason "one day more""#,
      #"hub campaign window --unit 07201 --closes "2024-04-22 22:00" --reason "flood""#,
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption
  @OptionGroup var acts: ActOptions
  @Option(name: .long, help: .text(vi: "Giờ mở mới, \"YYYY-MM-DD HH:MM\".", en: "When it opens, \"YYYY-MM-DD HH:MM\".")) var opens: String?
  @Option(name: .long, help: .text(vi: "Giờ đóng mới, \"YYYY-MM-DD HH:MM\".", en: "When it closes, \"YYYY-MM-DD HH:MM\"."))
  var closes: String?
  @Option(
    name: .long, help: .text(vi: "Số phút còn nhận muộn sau khi đóng.", en: "Minutes after the close in which late answers are taken."))
  var graceMinutes: Int?
  @Option(
    name: .long, help: .text(vi: "Thêm một ngày báo cáo, YYYY-MM-DD; lặp lại được.", en: "A report day more, YYYY-MM-DD; may be repeated."))
  var reportDay: [String] = []
  @Option(
    name: .long,
    help: .text(
      vi: "Chỉ gia hạn cho một xã, bằng --closes; ghi giờ đóng chung để thôi gia hạn.",
      en: "More time for one commune alone, by --closes; the end of all others takes it back."))
  var unit: String?

  func validate() throws {
    if unit != nil, closes == nil || opens != nil || graceMinutes != nil || !reportDay.isEmpty {
      throw ValidationError(vi: "--unit đi cùng --closes, và chỉ --closes.", en: "--unit goes with --closes, and with --closes alone.")
    }
    guard opens != nil || closes != nil || graceMinutes != nil || !reportDay.isEmpty else {
      throw ValidationError(
        vi: "Ghi ít nhất một trong --opens, --closes, --grace-minutes, --report-day.",
        en: "Give one at least of --opens, --closes, --grace-minutes, --report-day.")
    }
    for (option, text) in [("--opens", opens), ("--closes", closes)] {
      guard let text, LocalTime(text) == nil else { continue }
      throw ValidationError(
        vi: "\(option) \(text) không phải là ngày giờ; viết \"2025-04-01 07:00\".",
        en: "\(option) \(text) is not a day and time; write \"2025-04-01 07:00\".")
    }
    for text in reportDay where CalendarDay(text) == nil {
      throw ValidationError(
        vi: "--report-day \(text) không phải là ngày; viết NĂM-THÁNG-NGÀY như 2025-04-01.",
        en: "--report-day \(text) is not a day; write YYYY-MM-DD, such as 2025-04-01.")
    }
    if let graceMinutes, !(0...Campaign.graceMinutesMax).contains(graceMinutes) {
      throw ValidationError(
        vi: "--grace-minutes phải từ 0 đến \(Campaign.graceMinutesMax).", en: "--grace-minutes must be 0 to \(Campaign.graceMinutesMax).")
    }
  }

  private struct Changed: Encodable {
    var changes: [String]
  }

  func perform(_ console: Console) async throws {
    if let unit, let closes = closes.flatMap({ LocalTime($0) }) { return try await extend(UnitCode(unit), to: closes, console) }
    let window = CampaignWindow(
      opens: opens.flatMap { LocalTime($0) }, closes: closes.flatMap { LocalTime($0) }, graceMinutes: graceMinutes,
      reportDaysAdded: reportDay.compactMap { CalendarDay($0) })
    let act = try acts.act("campaign window", chosen.campaign ?? "", look: ActLook.campaigns)
    try await place.withHub(options, act: act) { survey in
      let changes = try await chosen.of(survey).change(window: window)
      if changes.isEmpty { console.say("Đã đúng như vậy; không đổi gì.", "It stands so already; nothing was changed.") }
      for change in changes { console.say(change.vi, change.en) }
      try console.result(Changed(changes: changes.map { $0(console.language) }))
    }
  }
}

extension CampaignWindowCommand {
  private struct Extended: Encodable {
    var unit: String
    var before: String
    var closes: String
  }

  private func extend(_ unit: UnitCode, to closes: LocalTime, _ console: Console) async throws {
    let act = try acts.act("campaign window", unit.rawValue, look: ActLook.window(of: unit, campaign: chosen.campaign))
    try await place.withHub(options, act: act) { survey in
      let (before, after) = try await chosen.of(survey).extend(unit, to: closes)
      if before == after {
        console.say("Đã đúng như vậy; không đổi gì.", "It stands so already; nothing was changed.")
      } else {
        console.say("\(unit): đóng \(before) → \(after).", "\(unit): closes \(before) → \(after).")
      }
      try console.result(Extended(unit: unit.rawValue, before: before.description, closes: after.description))
    }
  }
}

/// Says anew how many may answer in a commune.
struct CampaignHeadcountCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "headcount",
    abstract: LocalizedText(
      vi: "Đổi số người có thể trả lời của một xã.", en: "Change how many people of a commune may answer."),
    examples: [#"hub campaign headcount 07201 24 --reason "two more since May""#])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Mã xã.", en: "The commune's code.")) var unit: String
  @Argument(help: .text(vi: "Số người.", en: "How many people.")) var people: Int

  private struct Changed: Encodable {
    var unit: String
    var before: Int?
    var after: Int
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options, act: try acts.act("campaign headcount", unit, look: ActLook.headcount(of: UnitCode(unit)))) { survey in
      let before = try await survey.change(headcount: people, of: UnitCode(unit))
      let was = before.map { console.words.number($0) } ?? console.words.unknown
      console.say("\(unit): \(was) → \(people) người.", "\(unit): \(was) → \(people) people.")
      try console.result(Changed(unit: unit, before: before, after: people))
    }
  }
}
