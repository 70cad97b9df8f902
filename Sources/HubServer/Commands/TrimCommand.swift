internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Clears old batches from the journal.
struct TrimCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "trim",
    abstract: LocalizedText(
      vi: "Dọn các gói cũ khỏi nhật ký của máy chủ; dữ liệu và mọi xung đột vẫn còn.",
      en: "Clear old batches from the hub's journal; the data and all conflicts stay."),
    discussion: LocalizedText(
      vi: """
        Chỉ dọn những gói đã nằm trong một bản sao lưu và không có việc bị giữ lại. Máy vắng lâu hơn số ngày này sẽ tải lại trọn gói dữ liệu \
        của đơn vị; việc chưa gửi của máy vẫn còn.
        """,
      en: """
        Only batches that a finished backup holds and of which nothing is held. A device that was away for longer than this fetches all of \
        its unit's data anew; its own unsent work stays.
        """),
    examples: ["hub trim --older-than 90"])

  /// A device that was away for less is always served from the log, in days.
  static let daysMin = 30
  static let daysMax = 36_500

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Option(name: .long, help: .text(vi: "Số ngày, ít nhất 30.", en: "Days, at least 30.")) var olderThan = 90

  private struct Trimmed: Encodable {
    var batches: Int
  }

  func perform(_ console: Console) async throws {
    guard (Self.daysMin...Self.daysMax).contains(olderThan) else {
      throw ToolError(
        vi: "--older-than là số ngày từ \(Self.daysMin) đến \(Self.daysMax).",
        en: "--older-than is a number of days from \(Self.daysMin) to \(Self.daysMax).")
    }
    let bar = ProgressBar(console.words.text("Dọn", "Trim"), console: console)
    let batches = try await place.withHub(options, act: try acts.act("trim", "\(olderThan)", look: ActLook.journal)) { survey in
      try await survey.hub.clearLog(leaseMs: UInt64(olderThan) * 86_400_000) { bar.show(done: $0, of: $1, note: "") }
    }
    bar.finish()
    console.say(
      batches == 0 ? "Không có gì để dọn." : "Đã dọn \(console.words.number(batches)) gói.",
      batches == 0 ? "There is nothing to clear." : "Cleared \(console.words.number(batches)) batches.")
    try console.result(Trimmed(batches: batches))
  }
}
