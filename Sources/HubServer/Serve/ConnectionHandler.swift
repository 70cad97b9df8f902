internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import SyncHub

/// Stands in one connection's pipeline: tells `Connections` what comes and goes, ends the connection after its last answer, and gives the
/// framework's own refusals the body of a hub's error.
///
/// Answers in bytes, not JSON, where the framework refuses: nobody can read then which of them was asked for.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let connections: Connections
  private let speaksProtocol: Bool
  private var connection: Connection?
  /// The last answer went out; what the framework adds is dropped.
  private var isEnded = false
  /// The framework's empty refusal is on its way, replaced.
  private var isReplacing = false

  /// - Parameter speaksProtocol: Whether devices call here; the framework's refusals stay as they are otherwise.
  init(_ connections: Connections, speaksProtocol: Bool) {
    self.connections = connections
    self.speaksProtocol = speaksProtocol
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    let options = channel.syncOptions
    try? options?.setOption(
      .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 2_048, maximum: Connections.Limits.readBytesMax))
    try? options?.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(Connections.Limits.writeBytesMax))
    connection = connections.admit(channel)
    if connection == nil { context.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: connection?.headCame()
    case .body(let buffer): connection?.bodyCame(buffer.readableBytes)
    case .end: connection?.callEnded()
    }
    context.fireChannelRead(data)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    connection?.writabilityChanged(to: context.channel.isWritable)
    context.fireChannelWritabilityChanged()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isEnded else {
      promise?.succeed()
      return
    }
    connection?.answerMoved()
    switch unwrapOutboundIn(data) {
    case .head(var head):
      if speaksProtocol, head.status.code >= 400, head.headerFields[.contentType] == nil {
        let body = Self.refusal(head.status)
        connection?.endAfterAnswer()
        isReplacing = true
        head.headerFields[.contentType] = HubResponse.contentType
        head.headerFields[.contentLength] = String(body.count)
        head.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(head)), promise: promise)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
        return
      }
      if connection?.endsAfterAnswer == true { head.headerFields[.connection] = "close" }
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body where isReplacing: promise?.succeed()
    case .body: context.write(data, promise: promise)
    case .end:
      isReplacing = false
      guard connection?.answerEnded() == true else { return context.write(data, promise: promise) }
      isEnded = true
      context.writeAndFlush(data, promise: promise)
      // Closing at once would take the answer away from a sender that still sends.
      context.close(mode: .output, promise: nil)
      let channel = context.channel
      context.eventLoop.scheduleTask(in: .seconds(Connections.Limits.lingerSeconds)) { channel.close(promise: nil) }
    }
  }

  /// Body of a refusal that the framework makes before a call of the protocol is known.
  private static func refusal(_ status: HTTPResponse.Status) -> Data {
    let error =
      status.code >= 500
      ? SyncError(
        .hubFailed, vi: "Máy chủ gặp lỗi bên trong; người vận hành xem nhật ký.",
        en: "The hub failed inside; its operator should see the log.")
      : SyncError(
        .badRequest, vi: "Lời gọi không đúng dạng HTTP (mã \(status.code)).",
        en: "The call is not HTTP as it should be (status \(status.code)).")
    return Hub.answer(error, to: HubRequest("GET", "/v1")).body
  }
}
