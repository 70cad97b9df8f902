internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Shows the posts of the working groups and hides single ones.
struct PostsCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "posts",
    abstract: LocalizedText(
      vi: "Xem tin kèm ảnh của các tổ công tác, ẩn tin không phù hợp.", en: "Show the working groups' posts, hide what does not belong."),
    discussion: LocalizedText(
      vi: "Tin bị ẩn không mất: xã vẫn thấy, cùng lý do. Xem cùng ảnh trên bảng theo dõi, trang Tin.",
      en: "A hidden post is not lost: its commune still sees it, with the reason. The board's page Posts shows the photos."),
    examples: ["hub posts", "hub posts --unit 213", "hub posts --hide 3fa1 --reason \"names a respondent\"", "hub posts --unhide 3fa1"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption
  @Option(name: .long, help: .text(vi: "Chỉ của xã hay huyện này.", en: "Only of this commune or district.")) var unit: String?
  @Option(name: .long, help: .text(vi: "Ẩn tin có mã này.", en: "Hide the post of this id.")) var hide: String?
  @OptionGroup var acts: ActOptions
  @Option(name: .long, help: .text(vi: "Cho hiện lại tin có mã này.", en: "Show the post of this id again.")) var unhide: String?

  func validate() throws {
    guard hide == nil || (acts.reason != nil && unhide == nil) else {
      throw ValidationError(vi: "--hide đi cùng --reason, không cùng --unhide.", en: "--hide goes with --reason, and not with --unhide.")
    }
    guard hide != nil || unhide != nil || (acts.reason == nil && acts.by == nil) else {
      throw ValidationError(vi: "--reason và --by đi cùng --hide hay --unhide.", en: "--reason and --by go with --hide or --unhide.")
    }
  }

  func perform(_ console: Console) async throws {
    if let id = hide ?? unhide {
      let isShown = hide == nil
      let act = try acts.act(isShown ? "posts --unhide" : "posts --hide", id)
      return try await place.withHub(options, act: act) { survey in
        let post = try await survey.hidePost(id, reason: isShown ? nil : act.reason)
        try console.result([post])
        isShown
          ? console.say("Tin \(post.id.prefix(8)) hiện trở lại.", "The post \(post.id.prefix(8)) is shown again.")
          : console.say("Đã ẩn tin \(post.id.prefix(8)) của \(post.name).", "The post \(post.id.prefix(8)) of \(post.name) is hidden.")
      }
    }
    try await place.withHubForReading(options) { survey in
      let posts = try await chosen.of(survey).posts(of: try await survey.communes(of: unit), withHidden: true)
      try console.result(posts)
      guard !posts.isEmpty else { return console.say("Chưa có tin nào.", "There are no posts yet.") }
      let words = console.words
      let heading = [
        words.text("Mã", "Id"), words.text("Ngày", "Day"), words.text("Đơn vị", "Unit"), words.text("Ảnh", "Photos"),
        words.text("Nội dung", "Words"),
      ]
      console.table(
        [heading]
          + posts.map { post in
            let first = post.words.split(separator: "\n").first.map(String.init) ?? ""
            let shown = first.count > 60 ? first.prefix(59) + "…" : first[...]
            return [
              String(post.id.prefix(8)), CalendarDay(post.day).map(words.day) ?? post.day, post.name,
              "\(post.photos.count(where: \.isIn)) / \(post.photos.count)",
              (post.hidden == nil ? "" : words.text("[ẩn] ", "[hidden] ")) + shown,
            ]
          })
    }
  }
}
