import Foundation
import SyncKit
import Synchronization

/// Carries calls over HTTP, and notes how long each took.
final class TimedHTTP: Transport {
  private let http: HTTPTransport
  /// Nothing is fetched, as if the network went away once everything was sent.
  private let isForSending: Bool
  private let noted = Mutex<[String: [Double]]>([:])

  init(_ address: String, isForSending: Bool = false) throws {
    http = try HTTPTransport(hub: address)
    self.isForSending = isForSending
  }

  func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let kind = request.path.split(separator: "/").prefix(2).last.map(String.init) ?? ""
    if isForSending && kind == "feed" { throw SyncError(.unreachable, vi: "Không có mạng.", en: "No network.") }
    let start = ContinuousClock.now
    let answer = try await http.send(request, timeoutMs: timeoutMs)
    let ms = (ContinuousClock.now - start) / .milliseconds(1)
    noted.withLock { $0[kind, default: []].append(ms) }
    return answer
  }

  /// Milliseconds of each call whose path begins with `/v1/` and `kind`.
  func times(_ kind: String) -> [Double] { noted.withLock { $0[kind] ?? [] } }
}

extension [Double] {
  /// The value that so many of a hundred stay below, or are.
  func percentile(_ part: Double) -> Double {
    guard !isEmpty else { return 0 }
    return sorted()[Swift.min(count - 1, Int((Double(count) * part / 100).rounded(.up)) - 1)]
  }
}
