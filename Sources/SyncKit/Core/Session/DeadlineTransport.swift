/// Transport whose calls all end by one deadline: connecting, sending and receiving take no longer than the time left.
public struct DeadlineTransport: Transport {
  private let inner: any Transport
  private let deadline: ContinuousClock.Instant

  /// Sends calls through `inner` until `deadlineMs` from now.
  public init(_ inner: any Transport, deadlineMs: Int) {
    self.init(inner, deadline: .now + .milliseconds(deadlineMs))
  }

  package init(_ inner: any Transport, deadline: ContinuousClock.Instant) {
    self.inner = inner
    self.deadline = deadline
  }

  /// - Throws: As `inner`; `SyncError` `.timeout` when no time is left.
  public func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    let leftMs = Self.leftMs(until: deadline)
    guard leftMs > 0 else { throw Self.outOfTime }
    return try await inner.send(request, timeoutMs: min(timeoutMs, leftMs))
  }

  public var address: String { inner.address }

  public func following(_ location: String, of request: HubRequest) -> (any Transport)? {
    inner.following(location, of: request).map { DeadlineTransport($0, deadline: deadline) }
  }

  /// Returns the time until `deadline` in whole milliseconds, rounded up: 0 once it has passed.
  package static func leftMs(until deadline: ContinuousClock.Instant) -> Int {
    let left = deadline - .now
    guard left > .zero else { return 0 }
    return Int(clamping: (left / .milliseconds(1)).rounded(.up))
  }

  /// Names what kept an exchange from being done in time.
  package static func outOfTime(after cause: SyncError) -> SyncError {
    var error = cause
    error.explanation = LocalizedText(
      vi: "\(cause.explanation.vi) Đã hết thời gian dành cho lần gửi này.",
      en: "\(cause.explanation.en) This exchange ran out of time.")
    return error
  }

  package static var outOfTime: SyncError {
    SyncError(
      .timeout, vi: "Hết thời gian dành cho lần gửi này; sẽ gửi tiếp lần sau.",
      en: "This exchange ran out of time; the next one goes on.")
  }
}

extension Int {
  fileprivate init(clamping value: Double) { self = value < Double(Int32.max) ? Int(value) : Int(Int32.max) }
}
