internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Carries HTTP calls to the web form. As with packets, a call is counted and nothing else: no line, no time, no address.
struct WebFormResponder {
  let form: WebForm
  let calls: CallCounter

  /// The headers that the form looks at; the rest stays here.
  private static let headers = ["content-type", "origin", "referer", "sec-fetch-site"]

  /// - Parameter source: Account of the pages on their way; forgotten with them.
  func respond(
    to request: Request, body: CallBody, connection: Connection?, answers: AnswerBudget, source: String
  ) async throws -> Response {
    var reply = try await reply(to: request, body: body, connection: connection)
    let room = answers.room(for: reply.body.count, of: .address(source))
    if room == nil { reply = form.tooMany() }
    calls.note(isDrop: true, status: reply.status)
    return Self.response(reply, to: request, in: room)
  }

  static func response(_ reply: HubResponse, to request: Request, in room: AnswerBudget.Room? = nil) -> Response {
    var headers = HTTPFields()
    for (name, value) in reply.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    let body = request.method == .head ? ResponseBody(byteBuffer: ByteBuffer()) : AnswerBudget.body(reply.body, in: room)
    return Response(status: .init(code: reply.status), headers: headers, body: body)
  }

  private func reply(to request: Request, body: CallBody, connection: Connection?) async throws -> HubResponse {
    var call = HubRequest(request.head.method.rawValue, request.head.path ?? "/")
    for name in Self.headers {
      if let field = HTTPField.Name(name), let value = request.headers[field] { call.headers[name] = value }
    }
    call.headers["host"] = request.head.authority
    switch await body.read(request, of: connection, bytesMax: WebLimits.bodyBytesMax) {
    case .whole: break
    case .tooLarge: return form.tooLarge()
    case .noRoom, .tooSlow: return form.tooMany()
    case .broken: throw CancellationError()  // Nobody is there to be answered.
    }
    call.body = body.data
    return await form.answer(call)
  }
}
