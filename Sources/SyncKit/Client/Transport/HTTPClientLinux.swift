internal import SyncCore

#if os(Linux)
  internal import CCurl
  internal import Foundation
  internal import Synchronization

  /// HTTP by libcurl. Connections are kept and reused.
  enum HTTPClient {
    /// Idle handles that are kept, each with its open connection.
    private static let idleMax = 32
    private static let idle = Mutex<[Handle]>([])
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Performs a call.
    ///
    /// - Throws: `CancellationError`; everything else is an outcome.
    static func perform(_ request: HubRequest, url: URL, timeoutMs: Int, answerBytesMax: Int) async throws -> HTTPOutcome {
      let call = Call(request: request, url: url.absoluteString, timeoutMs: timeoutMs, answerBytesMax: answerBytesMax)
      return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          Thread.detachNewThread {
            let handle = isReady ? idle.withLock { $0.popLast() } ?? Handle() : nil
            guard let handle else { return continuation.resume(returning: .unreachable) }
            let outcome = handle.run(call)
            let isCancelled = call.isCancelled.load(ordering: .relaxed)
            idle.withLock { if $0.count < idleMax { $0.append(handle) } }
            continuation.resume(with: isCancelled ? .failure(CancellationError()) : .success(outcome))
          }
        }
      } onCancel: {
        call.isCancelled.store(true, ordering: .relaxed)
      }
    }

    /// Call, and what has arrived of its answer. Only the thread that runs it touches the answer.
    final class Call: @unchecked Sendable {
      let request: HubRequest
      let url: String
      let timeoutMs: Int
      let answerBytesMax: Int
      let isCancelled = Atomic(false)
      fileprivate var headers: [String: String] = [:]
      fileprivate var body = Data()
      fileprivate var isTooLarge = false
      /// Amounts at the last progress, and the time of it.
      private var moved = Moved()
      private var movedAt = ContinuousClock.now
      fileprivate var isStalled = false

      private struct Moved: Equatable {
        var received = 0
        var sent = 0
        /// Bytes that the system holds and the other side has not confirmed: the number falls while a slow link carries them.
        var queued: Int32 = 0
      }

      init(request: HubRequest, url: String, timeoutMs: Int, answerBytesMax: Int) {
        self.request = request
        self.url = url
        self.timeoutMs = timeoutMs
        self.answerBytesMax = answerBytesMax
      }

      /// Records the call's progress; false once nothing moved for too long.
      fileprivate func goesOn(received: Int, sent: Int, queued: Int32) -> Bool {
        let now = Moved(received: received, sent: sent, queued: queued)
        if now != moved { (moved, movedAt) = (now, .now) }
        isStalled = ContinuousClock.now - movedAt >= .milliseconds(HTTPTransport.stallMs + min(sent, HTTPTransport.unseenBytesMax))
        return !isStalled
      }

      fileprivate func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= answerBytesMax else {
          isTooLarge = true
          return false
        }
        body.append(contentsOf: bytes)
        return true
      }

      fileprivate func take(header bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        // Begins the headers again with a status line: after a redirection only the last answer counts.
        if line.hasPrefix("HTTP/") {
          headers = [:]
          body = Data()
        }
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
      }
    }

    /// Handle of curl, used by one thread at a time.
    private final class Handle: @unchecked Sendable {
      private let curl: UnsafeMutableRawPointer
      /// Socket opened last; a kept connection continues with it.
      fileprivate var socket: Int32 = -1
      fileprivate var call: Call?

      init?() {
        guard let curl = curl_easy_init() else { return nil }
        self.curl = curl
      }

      deinit { curl_easy_cleanup(curl) }

      func run(_ call: Call) -> HTTPOutcome {
        // Resets the handle, which keeps its connections.
        curl_easy_reset(curl)
        var list: UnsafeMutablePointer<curl_slist>?
        for (name, value) in call.request.headers { list = curl_slist_append(list, "\(name): \(value)") }
        list = curl_slist_append(list, "Expect:")
        defer { curl_slist_free_all(list) }
        let context = Unmanaged.passUnretained(call).toOpaque()
        let own = Unmanaged.passUnretained(self).toOpaque()
        self.call = call
        defer { self.call = nil }
        _ = synckit_curl_text(curl, CURLOPT_URL, call.url)
        _ = synckit_curl_text(curl, CURLOPT_CUSTOMREQUEST, call.request.method)
        _ = synckit_curl_text(curl, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = synckit_curl_pointer(curl, CURLOPT_HTTPHEADER, list)
        _ = synckit_curl_long(curl, CURLOPT_NOSIGNAL, 1)
        _ = synckit_curl_long(curl, CURLOPT_TIMEOUT_MS, max(1, call.timeoutMs))
        _ = synckit_curl_long(curl, CURLOPT_CONNECTTIMEOUT_MS, min(max(1, call.timeoutMs), HTTPTransport.connectMs))
        // Does not follow redirections: the caller decides whether another address is the hub's.
        _ = synckit_curl_long(curl, CURLOPT_FOLLOWLOCATION, 0)
        _ = synckit_curl_pointer(curl, CURLOPT_SOCKOPTDATA, own)
        _ = synckit_curl_socket(curl) { context, socket, _ in
          guard let context else { return 0 }
          Unmanaged<Handle>.fromOpaque(context).takeUnretainedValue().socket = socket
          return 0
        }
        // Opens a new connection for a large body: libcurl would repeat a call that breaks on a kept connection from the beginning,
        // although the hub has part of it.
        _ = synckit_curl_long(curl, CURLOPT_FRESH_CONNECT, call.request.body.count > WireLimits.blobPieceBytesMax ? 1 : 0)
        _ = synckit_curl_long(curl, CURLOPT_NOPROGRESS, 0)
        _ = synckit_curl_pointer(curl, CURLOPT_XFERINFODATA, own)
        _ = synckit_curl_watch(curl) { context, _, received, _, sent in
          guard let context else { return 0 }
          let handle = Unmanaged<Handle>.fromOpaque(context).takeUnretainedValue()
          guard let call = handle.call else { return 0 }
          let goesOn = call.goesOn(received: received, sent: sent, queued: synckit_unsent(handle.socket))
          return goesOn && !call.isCancelled.load(ordering: .relaxed) ? 0 : 1
        }
        _ = synckit_curl_pointer(curl, CURLOPT_WRITEDATA, context)
        _ = synckit_curl_function(curl, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
          guard let bytes, let context else { return 0 }
          let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
          return Unmanaged<Call>.fromOpaque(context).takeUnretainedValue().take(body: piece) ? size * count : 0
        }
        _ = synckit_curl_pointer(curl, CURLOPT_HEADERDATA, context)
        _ = synckit_curl_function(curl, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
          guard let bytes, let context else { return 0 }
          Unmanaged<Call>.fromOpaque(context).takeUnretainedValue().take(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
          return size * count
        }
        let body = call.request.body
        let code = body.withUnsafeBytes { bytes in
          if !bytes.isEmpty || call.request.method != "GET" {
            _ = synckit_curl_size(curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
            _ = synckit_curl_pointer(curl, CURLOPT_POSTFIELDS, bytes.baseAddress)
            if bytes.baseAddress == nil { _ = synckit_curl_text(curl, CURLOPT_COPYPOSTFIELDS, "") }
          }
          return withExtendedLifetime(call) { curl_easy_perform(curl) }
        }
        return outcome(code, call)
      }

      /// Codes of OpenSSL: `X509_V_ERR_CERT_NOT_YET_VALID` and `X509_V_ERR_CERT_HAS_EXPIRED`.
      private static let (notYetValid, expired) = (9, 10)

      private func outcome(_ code: CURLcode, _ call: Call) -> HTTPOutcome {
        switch code {
        case CURLE_OK:
          var status = 0
          _ = synckit_curl_status(curl, &status)
          return .answered(HubResponse(status: status, headers: call.headers, body: call.body))
        case CURLE_OPERATION_TIMEDOUT: return .timedOut
        case CURLE_PEER_FAILED_VERIFICATION:
          var verdict = 0
          _ = synckit_curl_verdict(curl, &verdict)
          return verdict == Self.notYetValid ? .notYetValid : verdict == Self.expired ? .expired : .untrusted
        case CURLE_SSL_CONNECT_ERROR: return .noTLS
        case CURLE_SSL_CACERT_BADFILE: return .untrusted
        default: return call.isTooLarge ? .tooLarge : call.isStalled ? .stalled : .unreachable
        }
      }
    }
  }
#endif
