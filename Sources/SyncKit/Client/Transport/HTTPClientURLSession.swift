#if !os(Linux)
  internal import Foundation

  /// HTTP by URLSession. A session's own limit is about idle time, so each call is raced against a sleep. Redirections are answers.
  enum HTTPClient {
    /// Session shared by all transports: one connection pool, nothing kept on disk, no cookies.
    private static let session: URLSession = {
      let configuration = URLSessionConfiguration.ephemeral
      configuration.httpMaximumConnectionsPerHost = 32
      configuration.timeoutIntervalForRequest = Double(HTTPTransport.stallMs) / 1000
      configuration.httpShouldSetCookies = false
      configuration.urlCache = nil
      return URLSession(configuration: configuration)
    }()

    /// Performs a call.
    ///
    /// - Throws: `CancellationError`; everything else is an outcome.
    static func perform(_ request: HubRequest, url: URL, timeoutMs: Int, answerBytesMax: Int) async throws -> HTTPOutcome {
      var call = URLRequest(url: url)
      call.httpMethod = request.method
      for (name, value) in request.headers { call.setValue(value, forHTTPHeaderField: name) }
      if !request.body.isEmpty { call.httpBody = request.body }
      let prepared = call
      return try await withThrowingTaskGroup(of: HTTPOutcome.self) { group in
        group.addTask { try await answer(prepared, answerBytesMax: answerBytesMax) }
        group.addTask {
          try await Task.sleep(for: .milliseconds(timeoutMs))
          return .timedOut
        }
        defer { group.cancelAll() }
        return try await group.next() ?? .unreachable
      }
    }

    /// Delegate that returns a redirection as the answer.
    private final class NoRedirection: NSObject, URLSessionTaskDelegate {
      func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest
      ) async -> URLRequest? { nil }
    }

    private static func answer(_ call: URLRequest, answerBytesMax: Int) async throws -> HTTPOutcome {
      do {
        let (data, response) = try await session.data(for: call, delegate: NoRedirection())
        guard let http = response as? HTTPURLResponse, data.count <= answerBytesMax else { return .tooLarge }
        var headers: [String: String] = [:]
        for (name, value) in http.allHeaderFields {
          if let name = name as? String { headers[name.lowercased()] = value as? String }
        }
        return .answered(HubResponse(status: http.statusCode, headers: headers, body: data))
      } catch let error as URLError {
        switch error.code {
        case .cancelled: throw CancellationError()
        case .timedOut: return .stalled
        case .serverCertificateNotYetValid: return .notYetValid
        case .serverCertificateHasBadDate: return .expired
        case .serverCertificateUntrusted, .serverCertificateHasUnknownRoot: return .untrusted
        default: return .unreachable
        }
      }
    }
  }
#endif
