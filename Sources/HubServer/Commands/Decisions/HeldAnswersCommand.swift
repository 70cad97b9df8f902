internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Anonymous answers that are at the hub and stand nowhere.
struct HeldAnswersCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "answers",
    abstract: LocalizedText(
      vi: "Đếm phiếu kín chưa tính vào đâu: tạm giữ, hỏng, mang khóa cũ; xét lại phiếu hỏng.",
      en: "Count answers that stand nowhere: held, spoiled, under an earlier key; judge spoiled ones once more."),
    discussion: LocalizedText(
      vi: """
        Phiếu hỏng được giữ nguyên như lúc đến, cho tới khi `hub close --final` kết thúc mọi biểu mẫu. Chỉ có số đếm của lần mở gần \
        nhất: không ai xem được nội dung.
        """,
      en: """
        Spoiled answers are kept as they came until `hub close --final` has ended all forms. There are only counts, as of the last step: \
        nobody sees what is in them.
        """),
    examples: ["hub held answers", "hub held answers --retry"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Flag(name: .long, help: .text(vi: "Xét lại mọi phiếu hỏng.", en: "Judge all spoiled answers once more.")) var retry = false

  private struct Counts: Encodable {
    var held: Int
    var spoiled: Int
    /// Under a key that a revocation had ended: they wait for a decision.
    var late: Int
    var declined: Int
    var retried: Int
  }

  func perform(_ console: Console) async throws {
    let act = retry ? try acts.act("held answers --retry", look: ActLook.answers) : nil
    try await place.withHub(options, act: act) { survey in
      let retried = retry ? try await survey.hub.retrySpoiled() : 0
      let status = try await survey.status()
      try console.result(
        Counts(
          held: status.packetsHeld, spoiled: status.packetsSpoiled, late: status.packetsLate, declined: status.packetsDeclined,
          retried: retried))
      func n(_ value: Int) -> String { console.words.number(value) }
      for key in try await survey.hub.missingDropKeys() { console.warn(key.explanation) }
      if retry { console.say("Đã xét lại \(n(retried)) phiếu.", "Judged \(n(retried)) answers once more.") }
      console.say(
        "\(n(status.packetsHeld)) phiếu tạm giữ (hub close nêu bản còn thiếu), \(n(status.packetsSpoiled)) phiếu hỏng.",
        "\(n(status.packetsHeld)) answers held (hub close names the editions that are missing), \(n(status.packetsSpoiled)) spoiled.")
      guard status.packetsLate + status.packetsDeclined > 0 else { return }
      console.say(
        "\(n(status.packetsLate)) phiếu mang khóa cũ chờ quyết định, \(n(status.packetsDeclined)) phiếu bị từ chối: hub held packets.",
        "\(n(status.packetsLate)) answers under an earlier key wait for a decision, \(n(status.packetsDeclined)) are declined: hub held packets."
      )
    }
  }
}
