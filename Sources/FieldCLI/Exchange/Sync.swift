internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Sync: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Trao đổi với máy chủ: gửi những gì có ở đây, nhận những gì mới.",
      en: "Exchange with the hub: send what is here, fetch what is new."),
    discussion: LocalizedText(
      vi: """
        Dừng bằng Ctrl-C lúc nào cũng được, rồi chạy lại: việc đã xong thì vẫn xong. --budget tính cả gửi lẫn nhận: chữ đi trước, báo cáo \
        trước việc khác, ảnh sau cùng; phần còn lại nói rõ và lần sau đi tiếp đúng chỗ đó. --watch tự nối lại khi có mạng và chỉ nói \
        khi có gì đổi.
        """,
      en: """
        Stop it with Ctrl-C and give it again freely: what was done stays done. --budget counts both ways: text first, reports before \
        other work, photos last; what is left is named, and the next time goes on exactly there. --watch reconnects by itself and \
        speaks only when something changed.
        """),
    examples: [
      "field sync", "field sync --hub http://10.0.0.5:8080 --deadline 60", "field sync --budget 200KB", "field sync --watch",
    ])

  /// Bytes below which an exchange does not get past the greeting.
  private static let budgetBytesMin = 20_000

  @OptionGroup var field: FieldOptions

  @Option(name: .long, help: .text(vi: "Địa chỉ khác của máy chủ, cho lần này.", en: "Another address of the hub, for this time."))
  var hub: String?

  @OptionGroup var deadline: DeadlineOption

  @Option(
    name: .long,
    help: .text(
      vi: "Gửi và nhận nhiều nhất chừng này, như 200KB hay 1,5MB; với --watch là cho mỗi lần.",
      en: "Send and receive at most this much, such as 200KB or 1.5MB; with --watch for each time."))
  var budget: String?

  @Flag(
    name: .long,
    help: .text(
      vi: "Chạy mãi: tự nối lại, nói gì đã đổi; Ctrl-C để dừng.", en: "Go on for ever: reconnect, say what changed; Ctrl-C ends it."))
  var watch = false

  func validate() throws {
    if let budget {
      guard let bytes = ByteAmount.read(budget) else { throw ByteAmount.refusal(option: "--budget", budget) }
      guard bytes >= Self.budgetBytesMin else {
        throw ValidationError(
          vi: "--budget phải từ \(Self.budgetBytesMin / 1000)KB; ít hơn thì chưa gửi được gì.",
          en: "--budget must be at least \(Self.budgetBytesMin / 1000)KB; with less nothing is sent.")
      }
    }
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    let enrolment = try await survey.requireEnrolment()
    let transport = try await FieldOptions.transport(survey, hub: hub)
    var exchange = Exchange(survey: survey, console: console)
    exchange.bytesMax = budget.flatMap(ByteAmount.read)
    exchange.deadlineMs = deadline.milliseconds
    if watch { return try await Watch(exchange: exchange, transport: transport).run() }
    // Uploads carried parcels within the same deadline.
    let bounded = deadline.bound(transport)
    let (report, error) = try await exchange.run(through: bounded)
    if error == nil, enrolment.hubAddress.isEmpty, let hub { try await survey.replica.setHubAddress(hub) }
    if error == nil { try await BundleSpeech(console).handOn(survey, store: field.storePath, through: bounded) }
    try console.result(report)
    exchange.warn(report)
    if error == nil || report.sent + report.received + report.sentPhotos > 0 { exchange.show(report) }
    guard let error else { return }
    console.refuse(error.explanation, code: error.code.rawValue)
    throw error.mayPass ? ToolExit.tryAgain : ToolExit.failed
  }
}
