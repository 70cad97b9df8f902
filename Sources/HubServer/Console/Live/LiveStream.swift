internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Streams server-sent events to a watcher: the parts of a page that changed, and every few seconds a sign of life.
struct LiveStream: Sendable {
  let desk: LiveDesk
  let visitor: Visitor
  let view: LiveView
  let render: @Sendable () async throws -> String?
  /// Says if whoever watches is still signed in with the same rights.
  let isStillIn: @Sendable () async throws -> Bool
  /// Clock on the campaign's wall, to the second.
  let clock: @Sendable () async -> String

  func response() async -> Response {
    let name = visitor.person.name
    guard await desk.enter(name) else {
      return Response(status: .serviceUnavailable, headers: [.retryAfter: "30", .cacheControl: "no-store"])
    }
    var headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"]
    headers[.xContentTypeOptions] = "nosniff"
    // A proxy that gathers answers would keep events back.
    if let buffering = HTTPField.Name("x-accel-buffering") { headers[buffering] = "no" }
    let seat = LiveSeat(desk: desk, person: name)
    let body = ResponseBody { writer in
      do {
        try await send(to: &writer)
        try? await writer.finish(nil)
      } catch {}
      withExtendedLifetime(seat) {}
    }
    return Response(status: .ok, headers: headers, body: body)
  }

  private func send(to writer: inout any ResponseBodyWriter) async throws {
    var seen: LiveParts?
    var lastBeat = ContinuousClock.now - LiveDesk.beatEvery
    while !Task.isCancelled && !Task.isShuttingDownGracefully {
      let now = ContinuousClock.now
      if now - lastBeat >= LiveDesk.beatEvery {
        guard try await isStillIn() else {
          try await writer.write(ByteBuffer(string: "event: end\ndata: {}\n\n"))
          return
        }
        lastBeat = now
        try await writer.write(ByteBuffer(string: "event: beat\ndata: {\"clock\":\"\(await clock())\"}\n\n"))
      }
      // A reading that fails once, as while the disk is full, is no reason to end: the beat goes on, and the page says what it knows.
      if let parts = try? await desk.parts(view, render: render), let change = parts.change(since: seen) {
        let json = String(decoding: try JSONEncoder().encode(change), as: UTF8.self)
        let own = visitor.formToken.map { json.replacing(desk.formToken, with: $0) } ?? json
        try await writer.write(ByteBuffer(string: "event: page\ndata: \(own)\n\n"))
        seen = parts
      }
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: LiveDesk.renderedFor) }
    }
  }
}

/// Place of one watcher, given back when nothing holds it any more: also where an answer never began.
private final class LiveSeat: Sendable {
  private let desk: LiveDesk
  private let person: String

  init(desk: LiveDesk, person: String) { (self.desk, self.person) = (desk, person) }

  deinit { Task { [desk, person] in await desk.leave(person) } }
}
