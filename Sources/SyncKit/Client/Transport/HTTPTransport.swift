public import Foundation
public import SyncCore

/// Calls over HTTP, which end when nothing moves on them, with a bound on each answer.
///
/// Linux uses libcurl, other systems URLSession. On Linux URLSession traps the process when a link is cut inside an answer's
/// headers, and counts time in its queue (docs/adr/0006).
public struct HTTPTransport: Transport {
  public let hub: URL

  /// Bytes of an answer; a larger one is not a hub's.
  static let answerBytesMax = WireLimits.pageBytesMax
  /// Milliseconds without a moving byte after which a call ends.
  static let stallMs = 30_000
  /// Bytes that left this device and may lie unseen in buffers on the way. A slow link may carry a byte a millisecond, so the wait
  /// for an answer is that much longer.
  static let unseenBytesMax = 64 << 10
  /// Milliseconds until a connection must stand.
  static let connectMs = 15_000

  /// - Throws: `SyncError` `.badRequest` when the text is no http or https address.
  public init(hub address: String) throws {
    guard let url = URL(string: address), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      url.host?.isEmpty == false
    else {
      throw SyncError(
        .badRequest, vi: "\"\(address)\" không phải địa chỉ máy chủ; viết như http://10.0.0.5:8080.",
        en: "\"\(address)\" is not a hub address; write it like http://10.0.0.5:8080.")
    }
    // Refuses an address with /v1, as people copy it from a manual or a log: calls would go to /v1/v1/….
    let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
    if path.hasSuffix("/v1") {
      let short = String(address.prefix(address.count - (address.hasSuffix("/") ? 4 : 3)))
      throw SyncError(
        .badRequest, vi: "Địa chỉ máy chủ viết không có /v1 ở cuối: \(short)",
        en: "The hub's address is written without /v1 at its end: \(short)")
    }
    hub = url
  }

  public var address: String { hub.absoluteString.hasSuffix("/") ? String(hub.absoluteString.dropLast()) : hub.absoluteString }

  /// Returns whether two addresses differ only by a slash at their end.
  static func isSame(_ a: String, _ b: String) -> Bool {
    func plain(_ text: String) -> Substring { text.hasSuffix("/") ? text.dropLast() : text[...] }
    return plain(a).lowercased() == plain(b).lowercased()
  }

  public func following(_ location: String, of request: HubRequest) -> (any Transport)? {
    guard let url = URL(string: address + request.target), let target = URL(string: location, relativeTo: url)?.absoluteURL,
      target.absoluteString.hasSuffix(request.target), hub.scheme?.lowercased() != "https" || target.scheme?.lowercased() == "https"
    else { return nil }
    return try? HTTPTransport(hub: String(target.absoluteString.dropLast(request.target.count)))
  }

  public func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    guard let url = URL(string: address + request.target) else {
      throw SyncError(.badRequest, vi: "Địa chỉ không hợp lệ.", en: "The address is not valid.")
    }
    var request = request
    let hasBody = !request.body.isEmpty || request.method == "PUT" || request.method == "POST"
    if hasBody && request.headers["content-type"] == nil { request.headers["content-type"] = HubResponse.contentType }
    switch try await HTTPClient.perform(request, url: url, timeoutMs: timeoutMs, answerBytesMax: Self.answerBytesMax) {
    case .answered(let response): return response
    case .tooLarge:
      throw SyncError(.notAHub, vi: "Máy trả lời ở \(place) không phải máy chủ tỉnh.", en: "What answered at \(place) is not a hub.")
    case .timedOut:
      throw SyncError(
        .timeout, vi: "Máy chủ \(place) không trả lời trong \(timeoutMs / 1000) giây.",
        en: "The hub at \(place) did not answer within \(timeoutMs / 1000) seconds.")
    case .stalled:
      throw SyncError(
        .timeout, vi: "Không có gì đi hay đến giữa máy này và máy chủ \(place) quá lâu; mạng quá yếu hoặc đứt giữa chừng.",
        en: "Nothing moved between this device and the hub at \(place) for too long: the network is too weak, or broke off.")
    case .untrusted:
      throw SyncError(
        .notTrusted, vi: "Chứng thư của \(place) không đáng tin; kiểm tra địa chỉ, hoặc cài chứng thư gốc của tỉnh vào máy.",
        en: "The certificate of \(place) is not trusted; check the address, or install the province's root certificate.")
    case .notYetValid:
      throw SyncError(
        .clockWrong,
        vi:
          "Theo đồng hồ máy này (\(Self.clockShown)), chứng thư của \(place) chưa có hiệu lực: đồng hồ chạy chậm. Chỉnh lại rồi thử lại; dữ liệu vẫn ở trên máy này.",
        en:
          "By this device's clock (\(Self.clockShown)) the certificate of \(place) is not valid yet: the clock is behind. Set it right and try again; your data is safe on this device."
      )
    case .expired:
      throw SyncError(
        .certificateExpired,
        vi:
          "Theo đồng hồ máy này (\(Self.clockShown)), chứng thư của \(place) đã hết hạn. Đồng hồ sai thì chỉnh lại rồi thử lại; đồng hồ đúng thì báo tỉnh gia hạn chứng thư. Dữ liệu vẫn ở trên máy này.",
        en:
          "By this device's clock (\(Self.clockShown)) the certificate of \(place) has expired. If the clock is wrong, set it and try again; if it is right, the hub's operator must renew the certificate. Your data is safe on this device."
      )
    case .noTLS:
      throw SyncError(
        .unreachable,
        vi:
          "Không lập được kết nối https với \(place): nơi đó có thể không dùng https (thử http://), hoặc mạng đứt giữa chừng. Dữ liệu vẫn ở trên máy này.",
        en:
          "No https connection could be made to \(place): it may not speak https (try http://), or the network broke off. Your data is safe on this device."
      )
    case .unreachable:
      throw SyncError(
        .unreachable, vi: "Không tới được máy chủ \(place): mất mạng, sai địa chỉ hoặc máy chủ tắt. Dữ liệu vẫn ở trên máy này.",
        en: "Cannot reach the hub at \(place): no network, a wrong address, or the hub is down. Your data is safe on this device.")
    }
  }

  private static var clockShown: String {
    String(Date(timeIntervalSince1970: Double(SystemClock().nowMs()) / 1000).ISO8601Format().prefix(10))
  }

  /// Host and port, as a person checks them.
  private var place: String {
    let host = hub.host ?? ""
    let port = hub.port ?? (hub.scheme?.lowercased() == "https" ? 443 : 80)
    return "\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}

/// Outcome of a call.
enum HTTPOutcome: Sendable {
  case answered(HubResponse)
  /// The answer had more bytes than the caller allowed.
  case tooLarge
  case timedOut
  /// Nothing moved for `HTTPTransport.stallMs`.
  case stalled
  /// The server's certificate was not accepted.
  case untrusted
  /// The server's certificate was not accepted for its dates alone.
  case notYetValid, expired
  /// Something answered that does not speak TLS, or broke off in its greeting.
  case noTLS
  case unreachable
}
