internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import SurveyKit
internal import SyncKit

/// Carries HTTP calls to `Hub.answer` and to the web form, and nothing more: method, target, headers and a bounded body in, the
/// answer out.
struct ProtocolResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let survey: SurveyHub
  let calls: CallCounter
  let logger: Logger
  private let form: WebFormResponder
  private let started = ContinuousClock.now

  init(survey: SurveyHub, calls: CallCounter, logger: Logger) throws {
    self.survey = survey
    self.calls = calls
    self.logger = logger
    let web = try WebForm(desk: survey, key: FormLinkKey(hub: survey), draftsFolder: survey.folder + "/web-drafts")
    form = WebFormResponder(form: web, calls: calls)
  }

  func respond(to request: Request, context: Context) async throws -> Response {
    let target = request.head.path ?? "/"
    let path = target.prefix { $0 != "?" }
    if path == "/health" { return await health() }
    if path.hasPrefix(WebForm.path) { return try await form.respond(to: request) }
    guard path == "/v1" || path.hasPrefix("/v1/") else { return Self.notFound }
    var call = HubRequest(request.head.method.rawValue, target)
    for field in request.headers { call.headers[field.name.canonicalName] = field.value }
    let answer = try await answer(&call, body: request)
    note(call, status: answer.status)
    return Self.response(answer)
  }

  private func answer(_ call: inout HubRequest, body request: Request) async throws -> HubResponse {
    let bytesMax = Hub.bodyBytesMax(for: call)
    let declared = request.headers[.contentLength].flatMap { Int($0) }
    if let declared, declared > bytesMax { return Hub.tooLarge(call) }
    var isBroken = false
    do {
      for try await buffer in request.body {
        guard call.body.count + buffer.readableBytes <= bytesMax else { return Hub.tooLarge(call) }
        call.body.append(contentsOf: buffer.readableBytesView)
      }
      isBroken = declared.map { call.body.count < $0 } ?? false
    } catch {
      isBroken = true
    }
    guard isBroken else { return await survey.hub.answer(call) }
    await keep(call)
    throw CancellationError()  // Nobody is there to be answered.
  }

  /// Keeps what came of a batch whose connection broke. In a task of its own: this one may be cancelled with its connection.
  private func keep(_ call: HubRequest) async {
    guard call.method == "PUT", call.path.hasPrefix("/v1/batches/"), !call.body.isEmpty else { return }
    let hub = survey.hub
    await Task { try? await hub.keepPartial(call) }.value
  }

  /// A call's kind and outcome. Calls that carry answers are only counted: a line in the log would be a time.
  private func note(_ call: HubRequest, status: Int) {
    // A bundle may hold answers, too.
    let isDrop = call.path.hasPrefix("/v1/drop") || call.path.hasPrefix("/v1/bundles/")
    calls.note(isDrop: isDrop, status: status)
    guard !isDrop else { return }
    let kind = call.path.split(separator: "/").prefix(2).joined(separator: "/")
    let metadata: Logger.Metadata = ["method": "\(call.method)", "call": "\(kind)", "status": "\(status)", "bytes": "\(call.body.count)"]
    if status >= 500 { logger.error("call failed", metadata: metadata) } else { logger.info("call", metadata: metadata) }
  }

  private static func response(_ answer: HubResponse) -> Response {
    var headers = HTTPFields()
    for (name, value) in answer.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    return Response(
      status: .init(code: answer.status), headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
  }

  private struct Health: Encodable {
    var ok: Bool
    var incarnation: String?
    var uptimeSeconds: Int
    var failedCalls: Int
    /// How long the longest transaction since the start kept all other writing waiting.
    var longestWriteMs: Int
  }

  /// Whether the store answers; for monitors and for whoever starts the process.
  private func health() async -> Response {
    let incarnation = try? await survey.incarnation()
    let uptime = (ContinuousClock.now - started).components.seconds
    let health = Health(
      ok: incarnation != nil, incarnation: incarnation, uptimeSeconds: Int(uptime), failedCalls: calls.failed,
      longestWriteMs: Int(survey.hub.longestWrite / .milliseconds(1)))
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
