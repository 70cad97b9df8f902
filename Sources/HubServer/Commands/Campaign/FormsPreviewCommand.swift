internal import ArgumentParser
internal import FormWeb
internal import Foundation
internal import Hummingbird
internal import Logging
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Shows a form's pages on this machine before it is published.
struct FormsPreviewCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: LocalizedText(
      vi: "Xem trước các trang của một biểu mẫu trên máy này; không gì được lưu.",
      en: "Show a form's pages on this machine before it is published; nothing is kept."),
    discussion: LocalizedText(
      vi: "Không cần máy chủ. In một liên kết và phục vụ nó đến khi bấm Ctrl-C; sửa tệp thì chạy lại lệnh.",
      en: "Needs no hub. Prints a link and serves it until Ctrl-C; after a change to the file give the command again."),
    examples: ["hub forms preview pks01.xlsx"])

  @OptionGroup var options: ToolOptions
  @Argument(help: .text(vi: "TỆP.xlsx, TỆP.xml hoặc thư mục các tệp CSV.", en: "FILE.xlsx, FILE.xml or a folder of CSV files.")) var file:
    String
  @Option(name: .long, help: .text(vi: "Cổng trên máy này.", en: "The port on this machine.")) var port = 8090
  @Flag(
    name: .long,
    help: .text(
      vi: "Dừng khi đầu vào chuẩn đóng: khi tiến trình đã khởi động nó không còn.",
      en: "Stop when standard input closes: when the process that started it is gone.", visibility: .hidden))
  var untilInputEnds = false

  private static let host = "127.0.0.1"

  func validate() throws {
    guard (0...65_535).contains(port) else {
      throw ValidationError(vi: "--port phải từ 0 đến 65535, không phải \(port).", en: "--port must be 0 to 65535, not \(port).")
    }
  }

  func perform(_ console: Console) async throws {
    let reading = try FormsCommand.read(file)
    FormsCommand.tell(reading, console)
    if let missing = reading.missingFilesRemark { console.warn(missing) }
    guard reading.form.canBeShown else {
      throw ToolError(
        vi: "Biểu mẫu hỏi một ảnh bắt buộc, trang web không hỏi được; chỉ trả lời bằng field collect.",
        en: "The form asks for a picture that must be given, which pages cannot take; it is answered by field collect.")
    }
    let clock = try options.wallClock()
    let desk = PreviewDesk(form: reading.form, nowMs: Int64(clamping: clock.nowMs()))
    var generator = SystemRandomNumberGenerator()
    let key = FormLinkKey(secret: Data((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }))
    guard let target = desk.target(key) else { throw ToolError(vi: "Không làm được liên kết.", en: "No link can be made.") }
    let form = try WebForm(desk: desk, key: key)
    var logger = Logger(label: "preview")
    logger.logLevel = .error
    let application = Application(
      responder: PreviewResponder(form: form, isJSON: console.isJSON),
      configuration: ApplicationConfiguration(address: .hostname(Self.host, port: port)),
      onServerRunning: { channel in
        let link = "http://\(Self.host):\(channel.localAddress?.port ?? port)\(target)"
        console.say("Xem tại \(link); Ctrl-C để dừng.", "See \(link); Ctrl-C stops it.")
        try? console.result(["link": link])
      }, logger: logger)
    if untilInputEnds { ServeCommand.stopWhenInputEnds() }
    do {
      try await application.runService()
    } catch {
      throw ToolError(
        vi: "Không phục vụ được ở cổng \(port): \(error). Chọn cổng khác bằng --port.",
        en: "Cannot serve on port \(port): \(error). Choose another with --port.")
    }
  }
}

/// Carries the calls of one browser on this machine to a form's pages.
private struct PreviewResponder: HTTPResponder {
  let form: WebForm
  let isJSON: Bool

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    var call = HubRequest(request.head.method.rawValue, request.head.path ?? "/")
    for field in request.headers { call.headers[field.name.canonicalName] = field.value }
    call.headers["host"] = request.head.authority
    guard let body = try? await request.body.collect(upTo: WebLimits.bodyBytesMax) else {
      return WebFormResponder.response(form.tooLarge(), to: request)
    }
    call.body = Data(body.readableBytesView)
    return WebFormResponder.response(await form.answer(call), to: request)
  }
}
