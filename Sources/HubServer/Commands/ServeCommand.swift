internal import ArgumentParser
internal import Foundation
internal import Logging
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Serves devices, and the board to this machine.
struct ServeCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: LocalizedText(
      vi: "Phục vụ các thiết bị; bảng theo dõi và kết quả ở cổng thứ hai, chỉ mở trên máy này.",
      en: "Serve devices, and the board and results on a second port of this machine only."),
    discussion: LocalizedText(
      vi: """
        Các dòng đầu cho biết địa chỉ: `hub: …` cho thiết bị, `board: …` cho trình duyệt trên máy này. Ctrl-C hoặc SIGTERM để các cuộc gọi \
        đang dở kết thúc. Trong lúc đó các lệnh khác vẫn chạy được. Nhật ký ra đầu ra lỗi; nhật ký không bao giờ ghi ai gửi phiếu, lúc nào.
        """,
      en: """
        The first lines say where: `hub: …` for devices, `board: …` for a browser on this machine. Ctrl-C or SIGTERM lets calls in \
        progress end. Other commands work meanwhile. The log goes to standard error; it never says who sent an answer or when.
        """),
    examples: ["hub serve --host 0.0.0.0 --port 8080"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Cổng cho thiết bị; 0 là cổng trống bất kỳ.", en: "The port for devices; 0 takes a free one."))
  var port = 8080
  @Option(name: .long, help: .text(vi: "Địa chỉ nghe; 0.0.0.0 là mọi địa chỉ.", en: "The address to listen on; 0.0.0.0 for all."))
  var host = "127.0.0.1"
  @Option(
    name: .long,
    help: .text(
      vi: "Địa chỉ máy chủ như điện thoại gọi tới, để in mã QR trên trang, ví dụ https://khaosat.example.org.",
      en: "The hub's address as phones reach it, for QR codes printed from the pages, such as https://survey.example.org."))
  var publicURL: String?
  @Option(
    name: .long,
    help: .text(
      vi: "Cổng của bảng theo dõi, chỉ ở 127.0.0.1; 0 là cổng trống bất kỳ.",
      en: "The port of the board, on 127.0.0.1 only; 0 takes a free one."))
  var boardPort = 8081
  @Option(
    name: .long,
    help: .text(vi: "Chữ nhận của một thiết bị nhiều nhất, ví dụ 256MB.", en: "Text taken of one device at most, such as 256MB."))
  var textQuota: String?
  @Flag(
    name: .long,
    help: .text(vi: "Ghi nhật ký mọi cuộc gọi, trừ cuộc gọi mang phiếu.", en: "Log every call, except those that carry answers."))
  var verbose = false
  @Option(
    name: .long,
    help: .text(
      vi: "Dạng nhật ký: text, hoặc json cho chương trình thu nhật ký.", en: "The log's form: text, or json for programs that collect logs."
    ))
  var logFormat = LogFormat.text

  enum LogFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Flag(
    name: .long,
    help: .text(
      vi: "Báo ở đầu ra lỗi khi sắp ghi một lần gộp.", en: "Say on standard error when a merge is about to be committed.",
      visibility: .hidden))
  var logMerges = false
  @Option(
    name: .long,
    help: .text(
      vi: "Số mili giây giữa lúc gộp và lúc ghi, cho phép thử ngắt máy tại đó.",
      en: "Milliseconds between a merge and its commit, for tests that kill there.", visibility: .hidden))
  var mergePauseMs: UInt32 = 0
  @Flag(
    name: .long,
    help: .text(
      vi: "Dừng khi đầu vào chuẩn đóng: khi tiến trình đã khởi động nó không còn.",
      en: "Stop when standard input closes: when the process that started it is gone.", visibility: .hidden))
  var untilInputEnds = false
  #if TLS
    @Option(
      name: .long,
      help: .text(vi: "Chuỗi chứng thư (PEM): phục vụ thiết bị qua HTTPS.", en: "Certificate chain (PEM): serve devices over HTTPS."))
    var tlsCert: String?
    @Option(
      name: .long,
      help: .text(vi: "Khóa riêng (PEM) của chứng thư.", en: "Private key (PEM) of the certificate."))
    var tlsKey: String?
  #endif

  /// Greatest age of a signed call when somebody moves the clock by hand, in milliseconds: a year.
  private static let movedClockAgeMsMax: UInt64 = 366 * 86_400_000

  /// Times as fast as on the wall that a day passes when somebody moves the clock by hand, at least.
  private static let movedClockHaste = 100

  /// Time between two notes of what the machine's clocks show.
  private static let clockNotedEvery = Duration.seconds(600)

  func validate() throws {
    for (name, port) in [("--port", port), ("--board-port", boardPort)] where !(0...65_535).contains(port) {
      throw ValidationError(vi: "\(name) phải từ 0 đến 65535, không phải \(port).", en: "\(name) must be 0 to 65535, not \(port).")
    }
    if let publicURL, FormAddress(publicURL) == nil {
      throw ValidationError(
        vi: "--public-url phải là địa chỉ như https://khaosat.example.org, không có đường dẫn phía sau.",
        en: "--public-url must be an address such as https://survey.example.org, without a path.")
    }
    if let textQuota, ByteAmount.read(textQuota) == nil { throw ByteAmount.refusal(option: "--text-quota", textQuota) }
    #if TLS
      if (tlsCert == nil) != (tlsKey == nil) {
        throw ValidationError(vi: "--tls-cert và --tls-key phải đi cùng nhau.", en: "--tls-cert and --tls-key go together.")
      }
    #endif
  }

  func perform(_ console: Console) async throws {
    MemoryPolicy.apply()
    let clock = try options.wallClock()
    var hubOptions = Hub.Options()
    hubOptions.spoolsPackets = true
    var text = TextLimits()
    if let textQuota, let bytes = ByteAmount.read(textQuota) { text.bytesPerReplicaMax = bytes }
    hubOptions.text = text
    if let scaled = clock as? ScaledClock, scaled.speed > 1 {
      // A signed call is allowed to be as old as ever by the clock on the wall.
      hubOptions.requestAgeMsMax = UInt64(Double(hubOptions.requestAgeMsMax) * scaled.speed)
    } else if clock is FileClock {
      // A clock that is moved by hand jumps: hours may pass between a device's question and its call.
      hubOptions.requestAgeMsMax = Self.movedClockAgeMsMax
    }
    if logMerges {
      let pauseMs = min(mergePauseMs, 10_000)
      hubOptions.onMerge = { scope, number in
        Console.err("merging scope=\(scope) number=\(number)")
        if pauseMs > 0 { usleep(pauseMs * 1000) }
        Console.err("merged scope=\(scope) number=\(number)")
      }
    }
    let survey = try await SurveyHub.open(at: place.folder, clock: clock, options: hubOptions)
    let format = logFormat
    LoggingSystem.bootstrap { label -> any LogHandler in
      format == .json ? JSONLogHandler(clock) : StreamLogHandler.standardError(label: label)
    }
    var logger = Logger(label: "hub")
    logger.logLevel = verbose ? .info : .notice
    var listener = HubListener(
      survey: survey, host: host, port: port, boardPort: boardPort, language: options.language, publicURL: publicURL ?? "", logger: logger)
    if clock is FileClock { listener.haste = Self.movedClockHaste }
    #if TLS
      if let tlsCert, let tlsKey { listener.certificate = try CertificateFiles(certificate: tlsCert, key: tlsKey, logger: logger) }
    #endif
    if let jump = survey.clockJumpMs {
      let said = ClockCommand.explanation(jump, console.words)
      Console.err(said(options.language))
    }
    if untilInputEnds { Self.stopWhenInputEnds() }
    let notes = Task {
      while !Task.isCancelled {
        do { try survey.noteClock() } catch { logger.warning("clock cannot be noted", metadata: ["reason": "\(error)"]) }
        try? await Task.sleep(for: Self.clockNotedEvery)
      }
    }
    defer { notes.cancel() }
    do {
      try await listener.run()
    } catch {
      try? survey.close()
      throw error
    }
    try survey.close()
    logger.notice("stopped")
  }

  /// Asks this process to stop, as an operator would, once nobody holds the other end of its input.
  static func stopWhenInputEnds() {
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(0, &byte, 1) > 0 || errno == EINTR { errno = 0 }
      kill(getpid(), SIGTERM)
    }
  }
}
