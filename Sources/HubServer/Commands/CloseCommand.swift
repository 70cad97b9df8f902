internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Closes a form for good: nothing more is awaited, and what waits is released.
struct CloseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "close",
    abstract: LocalizedText(
      vi: "Đóng một biểu mẫu và mở nốt các phiếu còn chờ, kể cả khi một xã có dưới năm phiếu.",
      en: "Close a form and release the answers that still wait, also fewer than five of a commune."),
    discussion: LocalizedText(
      vi: "Phiếu đã mở của xã nhỏ được đếm nhưng vẫn giữ kín trong mọi kết quả. Có phiếu đến muộn thì chạy lại.",
      en: "Released answers of small communes are counted and stay withheld in every result. Repeat it after late arrivals."),
    examples: ["hub close pks01"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Biểu mẫu, như pks01.", en: "The form, such as pks01.")) var form: String

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let done = try await survey.move(form: form, to: .closed)
      Self.tell(done, console)
      try console.result(done)
    }
  }

  static func tell(_ done: FormClosing, _ console: Console) {
    guard done.state == .closed else {
      let state = console.words.formState(done.state.rawValue)
      return console.say("\(done.form): \(state).", "\(done.form): \(state).")
    }
    console.say(
      "Đã đóng \(done.form); mở thêm \(console.words.number(done.releasedNow)) phiếu.",
      "Closed \(done.form); released \(console.words.number(done.releasedNow)) more answers.")
    if let other = done.waitsFor {
      console.say(
        "\(console.words.number(done.waiting)) phiếu còn chờ đến khi \(other) cũng đóng.",
        "\(console.words.number(done.waiting)) answers wait until \(other) is closed too.")
    }
  }
}
