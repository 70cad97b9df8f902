internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Shows or changes the address at which this device finds its hub.
struct HubAddress: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hub",
    abstract: LocalizedText(vi: "Địa chỉ máy chủ mà máy này dùng.", en: "The address at which this device finds its hub."),
    discussion: LocalizedText(
      vi: """
        Máy chủ đã dời và địa chỉ cũ không dẫn tới nữa thì đặt địa chỉ mới ở đây. Máy này hỏi xem ở đó có đúng là máy chủ đã ghi danh không, theo \
        chữ ký; máy chủ khác thì không nhận.
        """,
      en: """
        Where the hub has moved and its old address does not lead there, set the new one here. The device asks what answers there to prove, by its \
        signature, that it is the hub of its enrolment; another hub is refused.
        """),
    examples: ["field hub set http://10.0.0.7:8080"],
    subcommands: [SetAddress.self])
}

extension HubAddress {
  struct SetAddress: FieldCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: LocalizedText(
        vi: "Dùng địa chỉ này từ nay, sau khi máy chủ ở đó chứng tỏ đúng là nó.",
        en: "Use this address from now on, once the hub there has proved itself."),
      examples: ["field hub set http://10.0.0.7:8080", "field hub set https://hub.example"])

    @OptionGroup var field: FieldOptions
    @OptionGroup var deadline: DeadlineOption
    @Argument(help: .text(vi: "Địa chỉ mới, như http://10.0.0.7:8080.", en: "The new address, such as http://10.0.0.7:8080."))
    var url: String

    private struct Outcome: Encodable {
      var hubAddress: String
    }

    func perform(_ console: Console) async throws {
      let survey = try field.open()
      _ = try await survey.requireEnrolment()
      let address = try await survey.replica.moveHub(to: deadline.bound(try HTTPTransport(hub: url)))
      try console.result(Outcome(hubAddress: address))
      console.say("Từ nay máy này dùng \(address).", "This device uses \(address) from now on.")
    }
  }
}
