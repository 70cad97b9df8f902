internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

struct Sync: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Trao đổi với máy chủ: gửi những gì có ở đây, nhận những gì mới.",
      en: "Exchange with the hub: send what is here, fetch what is new."),
    discussion: LocalizedText(
      vi: "Dừng bằng Ctrl-C lúc nào cũng được, rồi chạy lại: việc đã xong thì vẫn xong.",
      en: "Stop it with Ctrl-C and give it again freely: what was done stays done."),
    examples: ["field sync", "field sync --hub http://10.0.0.5:8080 --deadline 60"])

  @OptionGroup var field: FieldOptions

  @Option(name: .long, help: .text(vi: "Địa chỉ khác của máy chủ, cho lần này.", en: "Another address of the hub, for this time."))
  var hub: String?

  @Option(name: .long, help: .text(vi: "Số giây cho cả lần trao đổi.", en: "Seconds for the whole exchange."))
  var deadline: Int = 600

  func validate() throws {
    guard (1...86_400).contains(deadline) else {
      throw ValidationError(vi: "--deadline phải từ 1 đến 86400 giây.", en: "--deadline must be 1 to 86400 seconds.")
    }
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    guard let enrolment = try await survey.replica.enrolment() else { throw SurveyFieldError.notEnrolled }
    let address = hub ?? enrolment.hubAddress
    guard !address.isEmpty else {
      throw ToolError(
        vi: "Thiết bị chưa biết địa chỉ máy chủ; chạy field sync --hub ĐỊA-CHỈ.",
        en: "This device knows no address of its hub; run field sync --hub ADDRESS.")
    }
    let transport = try HTTPTransport(hub: address)
    let exchange = Exchange(survey: survey, console: console)
    let (report, error) = try await exchange.run(through: transport, deadlineMs: deadline * 1000)
    if error == nil, enrolment.hubAddress.isEmpty { try await survey.replica.setHubAddress(address) }
    if error == nil { try await BundleSpeech(console).handOn(survey, store: field.storePath, through: transport) }
    try console.result(report)
    exchange.warn(report)
    if error == nil || report.sent + report.received > 0 { exchange.show(report) }
    guard let error else { return }
    console.refuse(error.explanation, code: error.code.rawValue)
    throw error.isRetryable || error.code == .cancelled ? ToolExit.tryAgain : ToolExit.failed
  }
}
