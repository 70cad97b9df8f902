internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Messages of operators to the commune: reports sent back, and reminders.
struct Inbox: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Đọc lời nhắc và báo cáo bị trả lại; báo đã xem.", en: "Read reminders and reports that were sent back; acknowledge them."),
    discussion: LocalizedText(
      vi: """
        Tin đến và báo nhận đi bằng field sync. Báo cáo bị trả lại: sửa bằng field report --day NGÀY --reason "…", việc sửa tự báo về \
        tỉnh; nếu báo cáo đã đúng thì trả lời: field inbox --read MÃ --say "…".
        """,
      en: """
        Messages come and acknowledgements leave with field sync. A report that was sent back is corrected with field report --day DAY \
        --reason "…", which tells the province by itself; if it is right as it is, answer: field inbox --read ID --say "…".
        """),
    examples: ["field inbox", "field inbox --read", "field inbox --read 4f2a90c1 --say \"12/20\"", "field inbox --json"])

  @OptionGroup var field: FieldOptions

  @Flag(
    name: .long,
    help: .text(
      vi: "Báo tỉnh là đã xem: các tin nêu tên, không nêu là tất cả.",
      en: "Tell the province that it was seen: the messages that are named, or all."))
  var read = false

  @Option(name: .long, help: .text(vi: "Trả lời bằng lời, cho một tin.", en: "Answer in words, to one message."))
  var say: String?

  @Argument(help: .text(vi: "Mã của tin, hoặc mấy ký tự đầu.", en: "A message's id, or its first characters."))
  var ids: [String] = []

  private struct Outcome: Encodable {
    var messages: [Notice]
    /// Messages that nobody of the commune has seen yet.
    var unseen: Int
    /// Reports that were sent back and are neither corrected nor answered for.
    var toCorrect: Int
    /// Messages that were acknowledged now.
    var acknowledged: Int
  }

  func validate() throws {
    if !read, !ids.isEmpty || say != nil {
      throw ValidationError(vi: "Thêm --read để báo đã xem.", en: "Add --read to acknowledge.")
    }
    if say != nil, ids.count != 1 {
      throw ValidationError(vi: "--say trả lời đúng một tin; nêu mã của nó.", en: "--say answers one message; name it.")
    }
  }

  func perform(_ console: Console) async throws {
    let survey = try read ? field.open() : field.openForReading(console)
    var acknowledged = 0
    if read {
      let chosen = ids.isEmpty ? try await survey.notices().map(\.id) : ids
      acknowledged = try await survey.reply(to: chosen, words: say).count
    }
    let notices = try await survey.notices()
    let campaign = try await survey.campaign()
    try console.result(
      Outcome(
        messages: notices, unseen: notices.count { $0.turn == .unseen }, toCorrect: notices.count(where: \.asksForCorrection),
        acknowledged: acknowledged))
    if read {
      console.say(
        "Đã ghi \(acknowledged) tin là đã xem; gửi về tỉnh bằng field sync.",
        "Acknowledged \(acknowledged) messages; send that with field sync.")
    }
    guard !notices.isEmpty else { return console.say("Không có tin nào của tỉnh.", "There are no messages.") }
    for notice in notices { show(notice, campaign, console) }
  }

  private func show(_ notice: Notice, _ campaign: Campaign?, _ console: Console) {
    func time(_ ms: Int64) -> String { campaign.map { console.words.time($0.localTime(atMs: ms)) } ?? "" }
    let subject = Self.subject(notice, console.words)
    console.say(
      "\(notice.id.prefix(8))  \(time(notice.sentMs))  \(subject.vi), \(notice.by)",
      "\(notice.id.prefix(8))  \(time(notice.sentMs))  \(subject.en), \(notice.by)")
    for line in notice.words.split(separator: "\n") { console.say("  \(line)", "  \(line)") }
    for reply in notice.replies {
      let words = reply.words.isEmpty ? "" : " “\(reply.words)”"
      if reply.correction != nil {
        console.say("  → \(time(reply.ms)) \(reply.device) đã sửa:\(words)", "  → \(time(reply.ms)) \(reply.device) corrected it:\(words)")
      } else {
        console.say("  → \(time(reply.ms)) \(reply.device) đã xem\(words)", "  → \(time(reply.ms)) \(reply.device) has seen it\(words)")
      }
    }
    if let closing = notice.closing {
      let why = closing.why.isEmpty ? "" : ": \(closing.why)"
      console.say("  ✓ Xong, \(closing.by)\(why)", "  ✓ Settled, \(closing.by)\(why)")
    } else if notice.asksForCorrection, let day = notice.day {
      console.say(
        "  Sửa: field report --day \(day) --reason \"…\"", "  Correct it: field report --day \(day) --reason \"…\"")
    } else if notice.turn == .unseen {
      console.say("  Báo đã xem: field inbox --read \(notice.id.prefix(8))", "  Acknowledge: field inbox --read \(notice.id.prefix(8))")
    } else if notice.turn == .hub {
      console.say("  Chờ tỉnh xem lại.", "  Waits for the province to look again.")
    }
  }

  private static func subject(_ notice: Notice, _ words: Wording) -> LocalizedText {
    guard notice.kind == .returned, let day = notice.day else { return LocalizedText(vi: "Lời nhắc", en: "Reminder") }
    return LocalizedText(vi: "Báo cáo ngày \(words.day(day)) bị trả lại", en: "The report of \(words.day(day)) is sent back")
  }

  /// Returns what waits in the inbox, in one sentence; nil when nothing does.
  static func waiting(_ notices: [Notice], _ words: Wording) -> LocalizedText? {
    if let day = notices.filter(\.asksForCorrection).compactMap(\.day).max() {
      return LocalizedText(
        vi: "Báo cáo ngày \(words.day(day)) bị trả lại, cần sửa: xem field inbox",
        en: "The report of \(words.day(day)) is sent back to be corrected: see field inbox")
    }
    let unseen = notices.count { $0.turn == .unseen }
    guard unseen > 0 else { return nil }
    return LocalizedText(
      vi: "Có \(words.number(unseen)) lời nhắc chưa xem: field inbox",
      en: "\(words.number(unseen)) reminders have not been seen: field inbox")
  }
}
