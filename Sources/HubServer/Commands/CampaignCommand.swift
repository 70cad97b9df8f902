internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// What a hub surveys.
struct CampaignCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "campaign",
    abstract: LocalizedText(
      vi: "Nạp cuộc khảo sát: đơn vị, biểu mẫu, số người, các ngày.", en: "Load the campaign: its units, forms, headcounts and days."),
    examples: ["hub campaign load Examples/bac-giang-2024"], subcommands: [CampaignLoadCommand.self])
}

struct CampaignLoadCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: LocalizedText(
      vi: "Nạp thư mục của cuộc khảo sát vào máy chủ; có thay đổi thì nạp lại.",
      en: "Load a campaign's folder into the hub; again after changes."),
    discussion: LocalizedText(
      vi: """
        Thư mục có campaign.json, districts.csv, communes.csv, headcount.csv và với mỗi biểu mẫu một thư mục ID.xlsform. Mọi lỗi được \
        nêu cùng lúc, kèm tệp và dòng; khi đó không nạp gì cả. Nạp lại thì chỉ ghi những gì khác.
        """,
      en: """
        The folder holds campaign.json, districts.csv, communes.csv, headcount.csv and an ID.xlsform folder for each form. All \
        mistakes are told at once, with file and line; nothing is loaded then. Loading it again writes only what differs.
        """),
    examples: ["hub campaign load Examples/bac-giang-2024 --move-to 2025-04-01"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Thư mục của cuộc khảo sát.", en: "The campaign's folder.")) var folder: String
  @Option(name: .long, help: .text(vi: "Dời mọi ngày để ngày đầu là NĂM-THÁNG-NGÀY.", en: "Move all days so that the first is YYYY-MM-DD."))
  var moveTo: String?

  private struct Loaded: Encodable {
    var campaign: String
    var districts: Int
    var communes: Int
    var forms: [String]
    var firstDay: CalendarDay
    var changes: CampaignLoad
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
    let content = try CampaignFolder(URL(fileURLWithPath: folder), movedTo: day)
    try await place.withHub(options) { survey in
      let load = try await survey.load(content)
      let tree = content.tree
      let (districts, communes) = (tree.units(at: .district).count, tree.units(at: .commune).count)
      if load.isUnchanged {
        console.say("Máy chủ đã có đúng nội dung này; không đổi gì.", "The hub has exactly this already; nothing changed.")
      } else {
        let forms = content.forms.map(\.id).joined(separator: ", ")
        console.say(
          "Đã nạp “\(content.campaign.id)”: \(districts) huyện, \(communes) xã, biểu mẫu \(forms); từ \(content.campaign.firstDay).",
          "Loaded “\(content.campaign.id)”: \(districts) districts, \(communes) communes, forms \(forms); from \(content.campaign.firstDay)."
        )
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
          firstDay: content.campaign.firstDay, changes: load))
    }
  }
}
