internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Closes a form for good: nothing more is awaited, and what waits is released.
struct CloseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "close", abstract: "Close a form and release the answers that still wait, also fewer than five of a commune.",
    discussion: """
      Released answers of small communes are counted and stay withheld in every result. Repeat it after late arrivals.

      Example:
        hub close pks01
      """)

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: "The form, such as pks01.") var form: String

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let done = try await survey.move(form: form, to: .closed)
      Self.tell(done, console)
      try console.result(done)
    }
  }

  static func tell(_ done: FormClosing, _ console: Console) {
    guard done.state == .closed else {
      return console.say("\(done.form): \(done.state.rawValue).", "\(done.form): \(done.state.rawValue).")
    }
    console.say(
      "Đã đóng \(done.form); mở thêm \(done.releasedNow) phiếu.", "Closed \(done.form); released \(done.releasedNow) more answers.")
    if let other = done.waitsFor {
      console.say(
        "\(done.waiting) phiếu còn chờ đến khi \(other) cũng đóng.", "\(done.waiting) answers wait until \(other) is closed too.")
    }
  }
}
