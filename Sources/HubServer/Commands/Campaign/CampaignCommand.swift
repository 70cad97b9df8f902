internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Commands about the campaigns of a hub.
struct CampaignCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "campaign",
    abstract: LocalizedText(
      vi: "Nạp cuộc khảo sát: đơn vị, biểu mẫu, số người, các ngày; chọn cuộc đang hiện.",
      en: "Load the campaign: its units, forms, headcounts and days; choose the one that is shown."),
    examples: ["hub campaign load Examples/bac-giang-2024", "hub campaign list"],
    subcommands: [
      CampaignLoadCommand.self, CampaignListCommand.self, CampaignUseCommand.self, CampaignWindowCommand.self,
      CampaignHeadcountCommand.self, CampaignCloseCommand.self,
    ])
}

struct CampaignLoadCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: LocalizedText(
      vi: "Nạp thư mục của cuộc khảo sát vào máy chủ; có thay đổi thì nạp lại.",
      en: "Load a campaign's folder into the hub; again after changes."),
    discussion: LocalizedText(
      vi: """
        Thư mục có campaign.json, communes.csv, headcount.csv, districts.csv nếu có cấp huyện, và với mỗi biểu mẫu một thư mục ID.xlsform. \
        Mọi lỗi được nêu cùng lúc, kèm tệp và dòng; khi đó không nạp gì cả. Nạp lại thì nêu những gì khác, giữ nguyên các ngày đã dời, và \
        hỏi trước khi đổi một cuộc đang chạy (--yes: không hỏi). Cuộc khác (id khác) chạy bên cạnh, cùng cây đơn vị, với biểu mẫu và ngày \
        báo cáo riêng; --use: cho hiện nó.
        """,
      en: """
        The folder holds campaign.json, communes.csv, headcount.csv, districts.csv where there are districts, and an ID.xlsform folder for \
        each form. All mistakes are told at once, with file and line; nothing is loaded then. Loading it again says what differs, keeps \
        days where they were moved to, and asks before it changes a campaign that people are at (--yes: it does not ask). Another \
        campaign (another id) runs beside the first, over the same units, with forms and report days of its own; --use shows it.
        """),
    examples: ["hub campaign load Examples/bac-giang-2024 --move-to 2025-04-01"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Thư mục của cuộc khảo sát.", en: "The campaign's folder.")) var folder: String
  @Option(name: .long, help: .text(vi: "Dời mọi ngày để ngày đầu là NĂM-THÁNG-NGÀY.", en: "Move all days so that the first is YYYY-MM-DD."))
  var moveTo: String?
  @Flag(
    name: .long,
    help: .text(vi: "Cho hiện cuộc này thay cuộc đang hiện.", en: "Show this campaign in the place of the one that is shown."))
  var use = false
  @Flag(name: .long, help: .text(vi: "Không hỏi lại.", en: "Do not ask.")) var yes = false

  private struct Loaded: Encodable {
    var campaign: String
    var districts: Int
    var communes: Int
    var forms: [String]
    var firstDay: CalendarDay
    var changes: CampaignLoad
    /// Says what was different, a sentence each.
    var differences: [String]
  }

  func perform(_ console: Console) async throws {
    let day = try moveTo.map { text in
      guard let day = CalendarDay(text) else {
        throw ToolError(
          vi: "--move-to \(text) không phải là ngày; viết NĂM-THÁNG-NGÀY như 2025-04-01.",
          en: "--move-to \(text) is not a day; write YYYY-MM-DD, such as 2025-04-01.")
      }
      return day
    }
    let folder = try CampaignFolder(URL(fileURLWithPath: folder))
    for remark in folder.remarks { console.warn(remark) }
    try await place.withHub(options) { survey in
      let proposal = try await survey.proposal(folder, movedTo: day, isChosen: use)
      try agree(to: proposal, console)
      if !proposal.keptForms.isEmpty {
        let list = proposal.keptForms.joined(separator: ", ")
        console.warn(
          LocalizedText(
            vi: "Vẫn hỏi dù thư mục không ghi: \(list); thôi hỏi bằng: hub forms state BIỂU_MẪU closing.",
            en: "Asked on, though the folder does not name it: \(list); to ask it no more: hub forms state FORM closing."))
      }
      let act = try acts.act("campaign load", folder.campaign.id, look: ActLook.campaigns)
      let load = try await survey.hub.acting(act) { try await survey.load(proposal) }
      let content = proposal.content
      let tree = content.tree
      let (districts, communes) = (tree.units(at: .district).count, tree.units(at: .commune).count)
      if load.isUnchanged {
        console.say("Máy chủ đã có đúng nội dung này; không đổi gì.", "The hub has exactly this already; nothing changed.")
      } else {
        let forms = content.forms.map(\.id).joined(separator: ", ")
        let above = districts == 0 ? LocalizedText("") : LocalizedText(vi: "\(districts) huyện, ", en: "\(districts) districts, ")
        console.say(
          "Đã nạp “\(content.campaign.id)”: \(above.vi)\(communes) xã, biểu mẫu \(forms); từ \(content.campaign.firstDay).",
          "Loaded “\(content.campaign.id)”: \(above.en)\(communes) communes, forms \(forms); from \(content.campaign.firstDay)."
        )
        if let shown = proposal.shown {
          let id = content.campaign.id
          console.say(
            "“\(shown)” vẫn là cuộc đang hiện; xem cuộc này: hub status --campaign \(id); cho hiện nó: hub campaign use \(id).",
            "“\(shown)” stays the one that is shown; to look at this one: hub status --campaign \(id); to show it: hub campaign use \(id).")
        }
        if !load.newKeys.isEmpty { try RecoverySheet.renew(in: survey.folder, forms: load.newKeys, console) }
        console.say("Tiếp theo: hub enroll --all --file codes.csv", "Next: hub enroll --all --file codes.csv")
      }
      if !load.kept.isEmpty {
        let sample = load.kept.prefix(5).joined(separator: ", ") + (load.kept.count > 5 ? ", …" : "")
        console.warn(
          LocalizedText(
            vi: "\(load.kept.count) đơn vị có trên máy chủ nhưng không có trong thư mục vẫn được giữ: \(sample).",
            en: "\(load.kept.count) units of the hub are not in the folder and were kept: \(sample)."))
      }
      try console.result(
        Loaded(
          campaign: content.campaign.id, districts: districts, communes: communes, forms: content.forms.map(\.id),
          firstDay: content.campaign.firstDay, changes: load, differences: proposal.changes.map { $0(console.language) }))
    }
  }

  /// Shows what would change, and asks where people are at it.
  private func agree(to proposal: CampaignProposal, _ console: Console) throws {
    for change in proposal.changes { console.say(change.vi, change.en) }
    if let folderDay = proposal.folderFirstDay {
      let first = proposal.content.campaign.firstDay
      console.say(
        "Các ngày giữ như đã dời: từ \(first); thư mục ghi từ \(folderDay). Dời đi nơi khác: --move-to.",
        "The days stay where they were moved to: from \(first); the folder says \(folderDay). To move them: --move-to.")
    }
    guard proposal.needsConsent, let busy = proposal.busy else { return }
    let id = proposal.content.campaign.id
    guard let replaced = proposal.replaced else {
      return try console.requireConsent(
        yes,
        question: LocalizedText(
          vi: "“\(busy)” đang chạy hoặc đã có phiếu. Đổi như trên?", en: "“\(busy)” is open or has answers. Change it as said above?"),
        elsewhere: LocalizedText(
          vi: "“\(busy)” đang chạy hoặc đã có phiếu, và thư mục có chỗ khác: xem các dòng trên, rồi thêm --yes; chưa đổi gì.",
          en: "“\(busy)” is open or has answers and the folder differs: read the lines above, then add --yes; nothing was changed."))
    }
    try CampaignCommand.agree(yes, toShow: id, insteadOf: replaced, console)
  }
}

extension CampaignCommand {
  /// Asks before another campaign takes the place of one that people are at.
  fileprivate static func agree(_ isGiven: Bool, toShow id: String, insteadOf shown: String, _ console: Console) throws {
    try console.requireConsent(
      isGiven,
      question: LocalizedText(
        vi: "“\(shown)” đang chạy hoặc đã có phiếu. Cho “\(id)” hiện thay?",
        en: "“\(shown)” is open or has answers. Show “\(id)” in its place?"),
      elsewhere: LocalizedText(
        vi: "“\(shown)” đang chạy hoặc đã có phiếu; thêm --yes để cho “\(id)” hiện thay; chưa đổi gì.",
        en: "“\(shown)” is open or has answers; add --yes to show “\(id)” in its place; nothing was changed."))
  }
}

struct CampaignListCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: LocalizedText(
      vi: "Liệt kê các cuộc khảo sát của máy chủ và cuộc đang hiện.", en: "List the hub's campaigns, and which is shown."),
    examples: ["hub campaign list --json"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let campaigns = try await survey.campaigns()
      try console.result(campaigns)
      guard !campaigns.isEmpty else {
        return console.say(
          "Chưa có cuộc khảo sát nào; nạp bằng hub campaign load.", "There is no campaign yet; load one with hub campaign load.")
      }
      let words = console.words
      let heading = [
        words.text("Cuộc khảo sát", "Campaign"), words.text("Từ ngày", "From"), words.text("Tình trạng", "State"),
        words.text("Biểu mẫu", "Forms"), words.text("Đang hiện", "Shown"),
      ]
      console.table(
        [heading]
          + campaigns.map {
            [
              $0.id, words.day($0.firstDay), words.phase($0.phase), $0.forms.joined(separator: ", "),
              $0.isShown ? words.text("có", "yes") : "",
            ]
          })
    }
  }
}

struct CampaignUseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "use",
    abstract: LocalizedText(
      vi: "Cho hiện một cuộc khảo sát khác của máy chủ: trên bảng, trong các lệnh, trên máy của xã.",
      en: "Show another of the hub's campaigns: on the board, to commands, on devices."),
    discussion: LocalizedText(
      vi: "Các cuộc đang mở vẫn chạy tiếp; lệnh và trang chọn cuộc khác bằng --campaign.",
      en: "All campaigns that are open go on; commands choose another with --campaign, pages by a link."),
    examples: ["hub campaign use bac-giang-2024"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Cuộc khảo sát, như `hub campaign list` ghi.", en: "The campaign, as `hub campaign list` names it."))
  var id: String
  @Flag(name: .long, help: .text(vi: "Không hỏi lại.", en: "Do not ask.")) var yes = false

  private struct Chosen: Encodable {
    var campaign: String
    var changed: Bool
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      _ = try await survey.about(campaign: id)
      if let shown = try await survey.campaigns().first(where: \.isShown), shown.id != id, shown.isAtWork {
        try CampaignCommand.agree(yes, toShow: id, insteadOf: shown.id, console)
      }
      let act = try acts.act("campaign use", id, look: ActLook.campaigns)
      let changed = try await survey.hub.acting(act) { try await survey.choose(campaign: id) }
      console.say(
        changed ? "Từ nay hiện “\(id)”." : "“\(id)” đang hiện; không đổi gì.",
        changed ? "“\(id)” is shown from now on." : "“\(id)” is shown already; nothing was changed.")
      try console.result(Chosen(campaign: id, changed: changed))
    }
  }
}
