public import Foundation
internal import SwiftProtobuf

/// Request to a hub: method, target, headers and body, by whatever transport. docs/protocol.md lists all requests.
public struct HubRequest: Sendable, Hashable {
  public var method: String
  /// Path and query, percent-encoded, as signed.
  public var target: String
  /// Names in lower case.
  public var headers: [String: String]
  public var body: Data
  /// Network address that a call came from, where the server knows it. The address does not travel; only wrong enrolment codes are
  /// counted by it.
  public var source: String?

  public init(_ method: String, _ target: String, headers: [String: String] = [:], body: Data = Data()) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }

  public var path: String { String(target.prefix { $0 != "?" }) }

  /// Returns the value of a query parameter, decoded.
  public func query(_ name: String) -> String? {
    guard let start = target.firstIndex(of: "?") else { return nil }
    for pair in target[target.index(after: start)...].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      if parts.first.map(String.init) == name { return parts.count == 2 ? String(parts[1]).removingPercentEncoding : "" }
    }
    return nil
  }
}

public struct HubResponse: Sendable, Hashable {
  public var status: Int
  /// Names in lower case.
  public var headers: [String: String]
  public var body: Data

  public init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Content type of every answer of a hub, so that a captive portal's page is never taken for one.
  public static let contentType = "application/vnd.synckit"
}

extension HubRequest {
  /// Approximate size of the call on the wire, in bytes of HTTP: request line, headers and body.
  package var wireBytes: Int { method.utf8.count + target.utf8.count + headers.httpBytes + body.count }
}

extension HubResponse {
  /// Code of the error in a hub's answer; nil when there is none.
  public var cause: String? {
    guard status >= 400, headers["content-type"] == Self.contentType else { return nil }
    return SyncError(self).code.rawValue
  }

  package var wireBytes: Int { headers.httpBytes + body.count }
}

extension [String: String] {
  /// Bytes of these headers, and of what client, server and proxies add.
  fileprivate var httpBytes: Int { reduce(200) { $0 + $1.key.utf8.count + $1.value.utf8.count + 4 } }
}

/// Transport of calls to a hub, which does not interpret them.
public protocol Transport: Sendable {
  /// Sends a call, and returns the answer.
  ///
  /// - Parameter timeoutMs: Limit for the whole call, however well it moves. A transport over a network ends a call on which
  ///   nothing moves much earlier.
  /// - Throws: `SyncError` `.unreachable` or `.timeout`; any answer at all is returned.
  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse
  /// Address to which calls go, as a person writes it; empty when there is none.
  var address: String { get }
  /// Returns a transport to the address that the answer to `request` named. Nil when that is not the same call at another address,
  /// or is less safe.
  func following(_ location: String, of request: HubRequest) -> (any Transport)?
}

extension Transport {
  public var address: String { "" }
  public func following(_ location: String, of request: HubRequest) -> (any Transport)? { nil }
}

extension Transport {
  /// Sends a call and returns the hub's answer, or throws the error in it.
  ///
  /// - Parameter timeoutMs: Limit for the whole call; a call on which nothing moves ends long before.
  /// - Throws: `SyncError`; `.notAHub` and its kin (`ForeignAnswer`) when the answer did not come from a hub.
  package func exchange(_ request: HubRequest, timeoutMs: Int = TransportLimits.callMsMax) async throws -> HubResponse {
    let response = try await send(request, timeoutMs: timeoutMs)
    guard response.headers["content-type"]?.hasPrefix(HubResponse.contentType) == true else {
      throw ForeignAnswer.error(response, at: address.isEmpty ? nil : address)
    }
    guard (200..<300).contains(response.status) else { throw SyncError(response) }
    return response
  }

  /// Sends a call of a device that knows no hub yet. Follows only to another address of the same host, such as from http to https:
  /// no other proof of the host exists yet.
  package func exchangeUnproved(_ request: HubRequest) async throws -> HubResponse {
    var transport: any Transport = self
    for _ in 0..<TransportLimits.movesMax {
      do { return try await transport.exchange(request) } catch let error as SyncError where error.code == .moved {
        guard let location = error.moved?.location else { throw error }
        guard let next = transport.following(location, of: request) else { throw ForeignAnswer.loginPage }
        guard let host = URL(string: next.address)?.host, host == URL(string: address)?.host else {
          throw ForeignAnswer.moved(to: next.address)
        }
        transport = next
      }
    }
    throw ForeignAnswer.loginPage
  }
}

extension SyncError {
  /// Reads a hub's error answer.
  package init(_ response: HubResponse) {
    guard let body = try? WireErrorBody.parse(response.body, named: LocalizedText(vi: "thông báo lỗi", en: "error")) else {
      self.init(
        .hubFailed, vi: "Máy chủ trả lời lỗi \(response.status) không rõ.", en: "The hub answered with an unclear error \(response.status)."
      )
      return
    }
    // Maps an unknown code, which a newer hub may send.
    let code = Code(rawValue: body.code) ?? (response.status >= 500 ? .hubFailed : .badRequest)
    self.init(
      code, vi: body.vi, en: body.en, retryAfterSeconds: body.retryAfterS == 0 ? nil : Int(body.retryAfterS),
      expected: body.expected == 0 ? nil : body.expected)
    if code == .rebase, !body.scope.isEmpty { scope = body.scope }
  }

  /// HTTP status of the error's code.
  package var httpStatus: Int {
    switch code {
    case .unauthorized, .unknownReplica, .badSignature: 401
    case .revoked, .wrongScope, .wrongCode: 403
    case .codeUsed, .fork, .chainBroken, .badCursor, .rebase: 409
    case .tooLarge: 413
    case .noSuchBlob: 404
    case .blobUnfit: 422
    case .busy: 503
    case .hubFailed, .internalFault, .storeBusy, .storeDamaged: 500
    case .diskFull, .noRoom: 507
    default: 400
    }
  }

  /// Error as a hub sends it.
  package var response: HubResponse {
    var body = WireErrorBody()
    body.code = code.rawValue
    body.vi = explanation.vi
    body.en = explanation.en
    body.retryAfterS = UInt32(clamping: retryAfterSeconds ?? 0)
    body.expected = expected ?? 0
    if code == .rebase { body.scope = scope ?? "" }
    var headers = ["content-type": HubResponse.contentType]
    if let retryAfterSeconds { headers["retry-after"] = String(retryAfterSeconds) }
    return HubResponse(status: httpStatus, headers: headers, body: (try? body.serializedData()) ?? Data())
  }
}
