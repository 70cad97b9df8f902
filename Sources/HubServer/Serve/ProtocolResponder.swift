internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Carries HTTP calls to `Hub.answer` and to the web form, and nothing more: method, target, headers and a bounded body in, the
/// answer out. What the headers tell is judged before the body is read.
struct ProtocolResponder: HTTPResponder {
  typealias Context = CallContext

  let survey: SurveyHub
  let calls: CallCounter
  let metrics: MetricsText
  let logger: Logger
  private let connections: Connections
  private let budget = BodyBudget()
  private let answers = AnswerBudget()
  private let form: WebFormResponder
  private let started = ContinuousClock.now

  /// - Parameter haste: Times as fast as the clock on the wall that respondents come: their bounds are so many times as large.
  init(
    survey: SurveyHub, haste: Int = 1, calls: CallCounter, connections: Connections, metrics: MetricsText, logger: Logger
  ) throws {
    self.survey = survey
    self.calls = calls
    self.connections = connections
    self.metrics = metrics
    self.logger = logger
    let web = try WebForm(
      desk: survey, key: FormLinkKey(hub: survey), draftsFolder: survey.folder + "/web-drafts",
      callsPerSecondMax: WebLimits.callsPerSecondMax * haste, callsAtOnceMax: WebLimits.callsAtOnceMax * haste,
      linkCallsPerSecondMax: WebLimits.linkCallsPerSecondMax * haste, linkCallsAtOnceMax: WebLimits.linkCallsAtOnceMax * haste)
    form = WebFormResponder(form: web, calls: calls)
  }

  func respond(to request: Request, context: CallContext) async throws -> Response {
    let connection = connections.connection(of: context.channel)
    // Ends the connection where a part of the body is left that nobody reads.
    defer { if connection?.isCallWhole == false { connection?.endAfterAnswer() } }
    let target = request.head.path ?? "/"
    let path = target.prefix { $0 != "?" }
    let isForm = path.hasPrefix(WebForm.path)
    if connection?.isRefused == true {
      connection?.endAfterAnswer()
      let full = isForm ? form.form.tooMany() : Hub.answer(Self.full, to: HubRequest(request.head.method.rawValue, target))
      return Self.response(full, in: nil)
    }
    if path == "/health" || path == "/readyz" { return await health() }
    let source = context.source(of: request)
    connection?.comes(from: source)
    if isForm {
      let body = CallBody(budget, for: .address(source))
      return try await form.respond(to: request, body: body, connection: connection, answers: answers, source: source)
    }
    guard path == "/v1" || path.hasPrefix("/v1/") else { return Self.notFound }
    var call = HubRequest(request.head.method.rawValue, target)
    for field in request.headers { call.headers[field.name.canonicalName] = field.value }
    let (said, room) = await answer(&call, request, source, connection)
    return Self.response(said, in: room)
  }

  private static let full = SyncError(
    .busy, vi: "Máy chủ đang có quá nhiều kết nối; sẽ thử lại.", en: "The hub has too many connections; will try again.",
    retryAfterSeconds: 10)
  private static let noRoom = SyncError(
    .busy, vi: "Máy chủ đang nhận quá nhiều dữ liệu cùng lúc; sẽ thử lại.", en: "The hub takes too much at once; will try again.",
    retryAfterSeconds: 5)
  private static let tooSlow = SyncError(
    .busy, vi: "Dữ liệu đến quá chậm nên máy chủ đã ngắt; sẽ gửi tiếp.", en: "The data came too slowly and was cut off; will go on.",
    retryAfterSeconds: 1)

  private static let unread = SyncError(
    .busy, vi: "Các câu trả lời trước chưa được nhận hết; sẽ thử lại.", en: "Earlier answers are not read yet; will try again.",
    retryAfterSeconds: 5)
  private static let broken = SyncError(
    .badRequest, vi: "Phần thân của lời gọi bị đứt hoặc không đúng dạng HTTP.",
    en: "The call's body broke off, or is not HTTP as it should be.")

  /// - Returns: Also the room that the answer takes until it is written.
  private func answer(
    _ call: inout HubRequest, _ request: Request, _ source: String, _ connection: Connection?
  ) async -> (HubResponse, AnswerBudget.Room?) {
    let begun = ContinuousClock.now
    if let declared = request.headers[.contentLength].flatMap({ Int($0) }), declared > Hub.bodyBytesMax(for: call) {
      return (noted(call, Hub.tooLarge(call), since: begun), nil)
    }
    let account: BodyBudget.Account
    var sender: HubDevice?
    switch await survey.hub.admission(to: call) {
    case .refused(let answer): return (noted(call, answer, since: begun), nil)
    case .open: account = .address(source)
    case .proved(let device):
      account = .device(device.replica.description)
      sender = device
      connection?.prove(account)
    }
    let body = CallBody(budget, for: account)
    let end = await body.read(request, of: connection, bytesMax: Hub.bodyBytesMax(for: call))
    call.body = body.data
    defer { withExtendedLifetime(body) {} }
    switch end {
    case .whole:
      // Keeps the address for enrolment alone: of packets nothing is known, not even during the call.
      if call.path == "/v1/enroll" { call.source = source }
      let answer = await survey.hub.answer(call)
      if let room = answers.room(for: answer.body.count, of: account) {
        return (noted(call, answer, of: sender, since: begun), room)
      }
      connections.noteTurnedAway()
      return (noted(call, Hub.answer(Self.unread, to: call), of: sender, since: begun, cause: "unread"), nil)
    case .tooLarge: return (noted(call, Hub.tooLarge(call), of: sender, since: begun), nil)
    case .noRoom, .tooSlow:
      await keep(call)
      connections.noteTurnedAway()
      let answer = Hub.answer(end == .noRoom ? Self.noRoom : Self.tooSlow, to: call)
      return (noted(call, answer, of: sender, since: begun, cause: end == .noRoom ? "noRoom" : "tooSlow"), nil)
    case .broken:
      await keep(call)
      // Mostly nobody is there to be answered, unless the body is not HTTP as it should be.
      return (noted(call, Hub.answer(Self.broken, to: call), of: sender, since: begun, cause: "broken"), nil)
    }
  }

  /// Keeps what came of a batch whose connection broke. In a task of its own: this one may be cancelled with its connection.
  private func keep(_ call: HubRequest) async {
    guard call.method == "PUT", call.path.hasPrefix("/v1/batches/"), !call.body.isEmpty else { return }
    let hub = survey.hub
    await Task { try? await hub.keepPartial(call) }.value
  }

  /// Notes a call's kind, sender and outcome, and returns the answer. Calls that carry answers are only counted: a line in the log would
  /// be a time.
  ///
  /// - Parameter cause: Why the call was not carried out, where the answer's own code does not say it.
  private func noted(
    _ call: HubRequest, _ answer: HubResponse, of device: HubDevice? = nil, since begun: ContinuousClock.Instant, cause: String? = nil
  ) -> HubResponse {
    // A bundle may hold answers, too.
    let isDrop = call.path.hasPrefix("/v1/drop") || call.path.hasPrefix("/v1/bundles/")
    let (kind, status, took) = (Hub.kind(of: call), answer.status, ContinuousClock.now - begun)
    calls.note(isDrop: isDrop, status: status)
    calls.measure(isDrop ? nil : kind, status: status, took, in: metrics)
    guard !isDrop else {
      // A failure of the store is logged once, when it begins: a line a call would tell the times of answers.
      if let failure = survey.hub.writeFailure, calls.begins(CallCounter.isFailure(status)) {
        logger.error("answers and bundles cannot be kept", metadata: ["store": "\(failure.en)"])
      } else if !CallCounter.isFailure(status) {
        _ = calls.begins(false)
      }
      return answer
    }
    var metadata: Logger.Metadata = [
      "method": "\(call.method)", "call": "\(kind)", "status": "\(status)", "bytes": "\(call.body.count)",
      "ms": "\(Int(took / .milliseconds(1)))",
    ]
    if let device {
      metadata["device"] = "\(device.replica)"
      metadata["unit"] = "\(device.scope)"
    }
    if let cause = cause ?? answer.cause { metadata["cause"] = "\(cause)" }
    guard CallCounter.isFailure(status) else {
      logger.info("call", metadata: metadata)
      return answer
    }
    if let failure = survey.hub.writeFailure { metadata["store"] = "\(failure.en)" }
    logger.error("call failed", metadata: metadata)
    return answer
  }

  private static func response(_ answer: HubResponse, in room: AnswerBudget.Room?) -> Response {
    var headers = HTTPFields()
    for (name, value) in answer.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    return Response(status: .init(code: answer.status), headers: headers, body: AnswerBudget.body(answer.body, in: room))
  }

  private struct Health: Encodable {
    var ok: Bool
    var incarnation: String?
    var uptimeSeconds: Int
    var failedCalls: Int
    var openConnections: Int
    /// Connections and bodies since the start for which there was no room.
    var turnedAway: Int
    /// Longest time since the start that one transaction kept all other writing waiting, in milliseconds.
    var longestWriteMs: Int
    /// Says why the last transaction could not be written; absent when it was.
    var writeFailure: String?
  }

  /// Returns whether the store answers, for monitors and for whoever starts the process.
  private func health() async -> Response {
    let incarnation = try? await survey.incarnation()
    let uptime = (ContinuousClock.now - started).components.seconds
    let failure = survey.hub.writeFailure
    let health = Health(
      ok: incarnation != nil && failure == nil, incarnation: incarnation, uptimeSeconds: Int(uptime), failedCalls: calls.failed,
      openConnections: connections.count, turnedAway: connections.turnedAway,
      longestWriteMs: Int(survey.hub.longestWrite / .milliseconds(1)), writeFailure: failure?.en)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let body = (try? encoder.encode(health)) ?? Data("{\"ok\":false}".utf8)
    return Response(
      status: health.ok ? .ok : .serviceUnavailable, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }

  private static let noPage = LocalizedText(
    vi: "Đây là máy chủ SyncKit cho thiết bị; không có trang web nào ở đây.",
    en: "This is a SyncKit hub for devices; there is no page here.")
  private static let notFound = Response(
    status: .notFound, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
    body: ResponseBody(byteBuffer: ByteBuffer(string: "\(noPage.vi)\n\(noPage.en)\n")))
}
