internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Tells a responder by which connection a call came.
struct CallContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }

  func source(of request: Request) -> String {
    let forwarded = Self.forwardedFor.flatMap { request.headers[values: $0].last }
    return Self.source(peer: channel.remoteAddress?.ipAddress, forwarded: forwarded)
  }

  private static let forwardedFor = HTTPField.Name("x-forwarded-for")

  /// The network address of whoever calls: what a proxy on this machine says of its caller, else the other end of the connection. Nobody
  /// else's word counts. Of IPv6 the first half, which is one customer's.
  ///
  /// - Parameter forwarded: The last header `X-Forwarded-For`, whose last address the proxy itself wrote.
  static func source(peer: String?, forwarded: String?) -> String {
    guard let peer else { return "local" }
    guard isLocal(peer) else { return network(peer) }
    let said = forwarded?.split(separator: ",").last?.trimmingPrefix { $0 == " " }
    guard let said, let address = try? SocketAddress(ipAddress: String(said), port: 0).ipAddress else { return peer }
    return network(address)
  }

  private static func isLocal(_ address: String) -> Bool {
    address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
  }

  private static func network(_ address: String) -> String {
    if address.hasPrefix("::ffff:") { return String(address.dropFirst(7)) }
    var bytes = [UInt8](repeating: 0, count: 16)
    guard inet_pton(AF_INET6, address, &bytes) == 1 else { return address }
    return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
  }
}
