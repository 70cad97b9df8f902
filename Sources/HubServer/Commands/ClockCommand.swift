internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Shows whether the hub believes the clock of its machine.
struct ClockCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "clock",
    abstract: LocalizedText(vi: "Xem đồng hồ của máy chủ có tin được không.", en: "Show whether the hub's clock is believed."),
    discussion: LocalizedText(
      vi: """
        Khi đồng hồ của máy nhảy, máy chủ vẫn đếm giờ như chưa nhảy, cho đến khi đồng hồ đúng lại hoặc có người xác nhận bằng --confirm \
        rằng đồng hồ nay đã đúng. Tắt máy không phải là nhảy. Khởi động lại hub serve sau khi xác nhận.
        """,
      en: """
        Where the machine's clock jumped, the hub counts time as if it had not, until the clock is right again or somebody says with \
        --confirm that it is right now. Being switched off is no jump. Start hub serve again after confirming.
        """),
    examples: ["hub clock", "hub clock --confirm"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Flag(name: .long, help: .text(vi: "Đồng hồ của máy nay đã đúng.", en: "The machine's clock is right now.")) var confirm = false

  private struct Outcome: Encodable {
    var jumpMs: Int64?
    var isConfirmed: Bool
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let jump = survey.clockJumpMs
      if confirm {
        try survey.confirmClock()
        try await survey.hub.note(try acts.act("clock --confirm"))
      }
      try console.result(Outcome(jumpMs: jump, isConfirmed: confirm))
      if confirm { return console.say("Đã ghi nhận: đồng hồ của máy đúng.", "Noted: the machine's clock is right.") }
      guard let jump else { return console.say("Đồng hồ của máy tin được.", "The machine's clock is believed.") }
      console.warn(Self.explanation(jump, console.words))
    }
  }

  static func explanation(_ jumpMs: Int64, _ words: Wording) -> LocalizedText {
    let span = (Wording(language: .vietnamese).span(ms: jumpMs), Wording(language: .english).span(ms: jumpMs))
    return LocalizedText(
      vi:
        "Đồng hồ của máy chủ đã nhảy \(jumpMs > 0 ? "tới" : "lùi") \(span.0); giờ vẫn đếm như chưa nhảy. Chỉnh lại đồng hồ, hoặc nếu nay đã đúng: hub clock --confirm.",
      en:
        "The hub's clock has jumped \(jumpMs > 0 ? "forwards" : "backwards") by \(span.1); time goes on as if it had not. Set the clock right, or if it is right now: hub clock --confirm."
    )
  }
}
