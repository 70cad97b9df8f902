internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Post of the working group's day.
struct Post: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Đăng tin trong ngày của tổ công tác, kèm ảnh.", en: "Post news of the working group's day, with photos."),
    discussion: LocalizedText(
      vi: "Ảnh được thu về tối đa 1.280 điểm và bỏ hết vị trí, giờ chụp, tên máy; ảnh gửi sau chữ.",
      en: "Photos are reduced to 1,280 pixels, without position, time or camera; they travel after the words."),
    examples: ["field post \"PKS01: 17/20\" --photo board.jpg"])

  @OptionGroup var field: FieldOptions
  @OptionGroup var meant: FieldCampaign
  @Argument(help: .text(vi: "Nội dung tin.", en: "What to tell.")) var words: String
  @Option(name: .long, help: .text(vi: "Một tệp ảnh; lặp lại được.", en: "A picture's file; as often as needed.")) var photo: [String] = []

  func perform(_ console: Console) async throws {
    let survey = try await field.open().about(campaign: meant.campaign)
    var photos: [NewPhoto] = []
    var isRefused = false
    for path in photo {
      let bytes = try InputFile.read(path, bytesMax: Photo.sourceBytesMax)
      do throws(PhotoFault) { photos.append(NewPhoto(try Photo(bytes))) } catch {
        isRefused = true
        console.warn(LocalizedText(vi: "\(path): \(error.explanation.vi)", en: "\(path): \(error.explanation.en)"))
      }
    }
    guard !isRefused else {
      console.refuse(LocalizedText(vi: "Tin chưa được lưu.", en: "The post was not saved."), code: "badPhoto")
      throw ToolExit.failed
    }
    let id = try await survey.post(words, photos: photos)
    try console.result(try await survey.posts().first { $0.id == id })
    console.say(
      "Đã đăng tin \(id.prefix(8)) kèm \(photos.count) ảnh; gửi bằng field sync.",
      "Posted \(id.prefix(8)) with \(photos.count) photos; send it with field sync.")
  }
}

struct Posts: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(vi: "Liệt kê tin của xã, mới nhất trước.", en: "List the commune's posts, the newest first."),
    examples: ["field posts", "field posts --json"])

  @OptionGroup var field: FieldOptions

  func perform(_ console: Console) async throws {
    let posts = try await field.openForReading(console).posts()
    try console.result(posts)
    guard !posts.isEmpty else { return console.say("Chưa có tin nào.", "There are no posts yet.") }
    for post in posts {
      let day = CalendarDay(post.day).map(console.words.day) ?? post.day
      let by = post.device.map { " (\($0))" } ?? ""
      console.say("\(post.id.prefix(8))  \(day)\(by)", "\(post.id.prefix(8))  \(day)\(by)")
      for line in post.words.split(separator: "\n") { console.say("  \(line)", "  \(line)") }
      let arrival = SyncWords.arrival(post.arrival)
      console.say("  \(arrival.vi)", "  \(arrival.en)")
      if let reason = post.hidden { console.say("  Đã ẩn: \(reason)", "  Hidden: \(reason)") }
    }
  }
}
