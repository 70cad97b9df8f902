public import Foundation

#if canImport(FoundationNetworking)
  internal import FoundationNetworking
#endif

/// Calls over HTTP by URLSession, with a deadline of our own for each whole call.
///
/// On Linux URLSession counts time in its queue and ignores its own resource timeout, so a call is raced against a sleep,
/// and one transport makes one call at a time (docs/adr/0006).
public struct HTTPTransport: Transport {
  public let hub: URL

  /// An answer larger than this is not a hub's.
  static let answerBytesMax = WireLimits.pageBytesMax

  /// - Throws: `SyncError` `.badRequest` when the text is no http or https address.
  public init(hub address: String) throws {
    guard let url = URL(string: address), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      url.host?.isEmpty == false
    else {
      throw SyncError(
        .badRequest, vi: "\"\(address)\" không phải địa chỉ máy chủ; viết như http://10.0.0.5:8080.",
        en: "\"\(address)\" is not a hub address; write it like http://10.0.0.5:8080.")
    }
    hub = url
  }

  /// Shared by all transports: one connection pool, nothing kept on disk, no cookies.
  private static let session: URLSession = {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpMaximumConnectionsPerHost = 32
    configuration.timeoutIntervalForRequest = 300
    configuration.httpShouldSetCookies = false
    configuration.urlCache = nil
    return URLSession(configuration: configuration)
  }()

  public func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let base = hub.absoluteString.hasSuffix("/") ? String(hub.absoluteString.dropLast()) : hub.absoluteString
    guard let url = URL(string: base + request.target) else {
      throw SyncError(.badRequest, vi: "Địa chỉ không hợp lệ.", en: "The address is not valid.")
    }
    var call = URLRequest(url: url)
    call.httpMethod = request.method
    for (name, value) in request.headers { call.setValue(value, forHTTPHeaderField: name) }
    if !request.body.isEmpty || request.method == "PUT" || request.method == "POST" {
      call.httpBody = request.body
      call.setValue(HubResponse.contentType, forHTTPHeaderField: "content-type")
    }
    let prepared = call
    return try await withThrowingTaskGroup(of: HubResponse.self) { group in
      let place = place
      group.addTask { try await Self.perform(prepared, at: place) }
      group.addTask {
        try await Task.sleep(for: .milliseconds(timeoutMs))
        throw SyncError(
          .timeout, vi: "Máy chủ \(place) không trả lời trong \(timeoutMs / 1000) giây.",
          en: "The hub at \(place) did not answer within \(timeoutMs / 1000) seconds.")
      }
      defer { group.cancelAll() }
      guard let response = try await group.next() else { throw CancellationError() }
      return response
    }
  }

  /// Host and port, as a person checks them.
  private var place: String {
    let host = hub.host ?? ""
    let port = hub.port ?? (hub.scheme?.lowercased() == "https" ? 443 : 80)
    return "\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }

  private static func perform(_ call: URLRequest, at place: String) async throws -> HubResponse {
    do {
      let (data, response) = try await session.data(for: call)
      guard let http = response as? HTTPURLResponse, data.count <= answerBytesMax else {
        throw SyncError(
          .notAHub, vi: "Máy trả lời ở \(place) không phải máy chủ tỉnh.", en: "What answered at \(place) is not a hub.")
      }
      var headers: [String: String] = [:]
      for (name, value) in http.allHeaderFields {
        if let name = name as? String { headers[name.lowercased()] = value as? String }
      }
      return HubResponse(status: http.statusCode, headers: headers, body: data)
    } catch let error as URLError {
      if error.code == .cancelled { throw CancellationError() }
      throw SyncError(
        .unreachable, vi: "Không tới được máy chủ \(place): mất mạng, sai địa chỉ hoặc máy chủ tắt. Dữ liệu vẫn ở trên máy này.",
        en: "Cannot reach the hub at \(place): no network, a wrong address, or the hub is down. Your data is safe on this device.")
    }
  }
}
