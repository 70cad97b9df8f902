internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Anonymous answers under a key that a revocation had ended.
struct HeldPacketsCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "packets",
    abstract: LocalizedText(
      vi: "Liệt kê phiếu kín mang khóa cũ của đơn vị, theo đơn vị.",
      en: "List anonymous answers under an earlier key of their unit, by unit."),
    discussion: LocalizedText(
      vi: """
        Khi thu hồi một máy, khóa phiếu kín của đơn vị đổi. Phiếu làm trước đó mà nay mới tới bằng bọc có thể của máy còn dùng, cũng có thể \
        của máy bị thu hồi: không ai phân biệt được, nên chúng chờ quyết định. Máy còn dùng mà đồng bộ hay nhận tệp trả lời sẽ tự chứng thực \
        lại phiếu của mình.
        """,
      en: """
        When a device is revoked, its unit's key for anonymous answers changes. Answers made before that and brought by bundle only now may be \
        of a device in use, or of the revoked one: nobody can tell, so they wait for a decision. A device in use that exchanges, or gets a \
        return, proves its own anew by itself.
        """),
    examples: ["hub held packets"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let lines = try await survey.hub.latePackets()
      try console.result(lines)
      guard !lines.isEmpty else {
        return console.say("Không có phiếu nào mang khóa cũ.", "There are no answers under an earlier key.")
      }
      let heading = [
        console.words.text("Đơn vị", "Unit"), console.words.text("Chờ quyết định", "Undecided"), console.words.text("Từ chối", "Declined"),
      ]
      console.table([heading] + lines.map { [$0.unit, console.words.number($0.undecided), console.words.number($0.declined)] })
    }
  }
}

struct HeldDecideCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "decide",
    abstract: LocalizedText(
      vi: "Quyết định một lần về các phiếu kín mang khóa cũ của một đơn vị đang có ở đây.",
      en: "Decide once about the anonymous answers of a unit that are here under an earlier key."),
    discussion: LocalizedText(
      vi:
        "Nhận thì chúng đi tiếp như mọi phiếu. Từ chối thì chúng nằm lại, không mở; sau này vẫn nhận được. Phiếu tới sau lại chờ quyết định.",
      en: """
        Taken, they go on like all others. Declined, they stay unopened and may be taken later. Answers that come afterwards wait for another \
        decision.
        """),
    examples: ["hub held decide 07201 take --by province --reason \"courier known\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Mã đơn vị.", en: "The unit's code.")) var unit: String
  @Argument(help: .text(vi: "take (nhận) hoặc decline (từ chối).", en: "take or decline.")) var choice: String
  @Option(name: .long, help: .text(vi: "Ai quyết định.", en: "Who decides.")) var by: String
  @Option(name: .long, help: .text(vi: "Vì sao.", en: "Why.")) var reason: String

  func validate() throws { try ValidationError.refuseBlank(reason: reason, by: by) }

  private struct Decided: Encodable {
    var unit: String
    var decision: LatePacketDecision
    var packets: Int
  }

  func perform(_ console: Console) async throws {
    guard let decision = LatePacketDecision(rawValue: choice) else {
      throw ToolError(
        vi: "“\(choice)” không phải là take (nhận) hay decline (từ chối).", en: "“\(choice)” is neither take nor decline.")
    }
    let act = try IntendedAct(stated: "held decide \(decision.rawValue)", subject: unit, by: by, reason: reason, look: ActLook.decisions)
    try await place.withHub(options, act: act) { survey in
      let packets = try await survey.hub.decideLatePackets(of: unit, decision, by: by, reason: reason)
      let count = console.words.number(packets)
      console.say(
        decision == .take ? "Đã nhận \(count) phiếu." : "Đã từ chối \(count) phiếu; chúng nằm lại, không mở.",
        decision == .take ? "Took \(count) answers." : "Declined \(count) answers; they stay unopened.")
      try console.result(Decided(unit: unit, decision: decision, packets: packets))
    }
  }
}
