internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import SurveyKit
internal import SyncKit

/// Carries HTTP calls to the web form. As with packets, a call is counted and nothing else: no line, no time, no address.
struct WebFormResponder {
  let form: WebForm
  let calls: CallCounter

  /// The headers that the form looks at; the rest stays here.
  private static let headers = ["content-type", "origin", "referer", "sec-fetch-site"]

  func respond(to request: Request) async throws -> Response {
    let reply = try await reply(to: request)
    calls.note(isDrop: true, status: reply.status)
    var headers = HTTPFields()
    for (name, value) in reply.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    let isHead = request.method == .head
    return Response(
      status: .init(code: reply.status), headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: isHead ? Data() : reply.body)))
  }

  private func reply(to request: Request) async throws -> HubResponse {
    var call = HubRequest(request.head.method.rawValue, request.head.path ?? "/")
    for name in Self.headers {
      if let field = HTTPField.Name(name), let value = request.headers[field] { call.headers[name] = value }
    }
    call.headers["host"] = request.head.authority
    if let declared = request.headers[.contentLength].flatMap({ Int($0) }), declared > WebLimits.bodyBytesMax { return form.tooLarge() }
    for try await buffer in request.body {
      guard call.body.count + buffer.readableBytes <= WebLimits.bodyBytesMax else { return form.tooLarge() }
      call.body.append(contentsOf: buffer.readableBytesView)
    }
    return await form.answer(call)
  }
}

extension FormLinkKey {
  /// The key of a hub's links: it follows from the hub's keys, so that every process signs alike and printed codes outlive a restore.
  init(hub survey: SurveyHub) { self.init(secret: survey.hub.secret(for: "form-links")) }
}
